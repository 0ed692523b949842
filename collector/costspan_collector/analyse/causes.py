"""The likely causes of a difference between booked and billed. Pure; each rule is a function that states its reason.

The first rule that explains takes what is left of the difference, so that a row's amounts sum to its difference; the rules
after it are named without an amount.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from costspan import money
from costspan_collector.analyse.factors import constant_factors, is_close
from costspan_collector.analyse.reconcile import Cause, Key, Row, day_after

# Providers go on adding to the bill of a day for so long.
LATE_DAYS = 2
# A gap that comes back on the next day to within this part of it is the same spend, cut at another midnight.
_MIRROR = Decimal("0.1")
_OTHER_DETAILS = {
    "tax": "tax on the bill, which no call carries",
    "credit": "a credit or discount that the bill takes off",
    "adjustment": "a correction or refund of the provider",
    "purchase": "something bought outright, such as a commitment, not used by a call",
}


@dataclass(frozen=True, slots=True)
class Context:
    """What the rules know besides the row: all rows, the constant factors, and each provider's last billed day."""

    rows: Mapping[Key, Row]
    factors: Mapping[tuple[str, str], Decimal]
    last_billed: Mapping[str, date]

    def is_recent(self, row: Row) -> bool:
        """Whether the day is one of the last that its provider billed."""
        last = self.last_billed.get(row.provider)
        return last is not None and row.day > day_after(last, -LATE_DAYS)


Rule = Callable[[Row, Decimal, Context], Iterable[Cause]]


def explained(rows: Sequence[Row], last_billed: Mapping[str, date]) -> list[Row]:
    """The rows with the causes of their differences; rows without a difference have none."""
    factors = constant_factors((row.provider, row.model, row.booked.usd, row.billed.usage_usd) for row in rows)
    context = Context({(row.day, row.provider, row.model): row for row in rows}, factors, last_billed)
    return [replace(row, causes=tuple(_causes(row, context))) for row in rows]


def _causes(row: Row, context: Context) -> list[Cause]:
    others = [Cause(name, _OTHER_DETAILS[name], usd) for name, usd in sorted(row.billed.other_usd.items()) if usd]
    found = [*others, *(_of_usage(row, context) if row.usage_gap_usd else ())]
    return sorted(found, key=lambda cause: -abs(cause.amount_usd or money.ZERO))


def _of_usage(row: Row, context: Context) -> list[Cause]:
    left = row.usage_gap_usd
    found: list[Cause] = []
    for rule in RULES:
        if not left:
            break
        for cause in rule(row, left, context):
            taken = left if cause.amount_usd is None else cause.amount_usd
            left = money.CONTEXT.subtract(left, taken)
            found.append(replace(cause, amount_usd=taken))
    if left:
        found.append(Cause("unexplained", "nothing that is known of the day says why", left))
    known = {cause.cause for cause in found}
    return found + [hint for rule in HINTS for hint in rule(row, row.usage_gap_usd, context) if hint.cause not in known]


def rounding(row: Row, gap: Decimal, _context: Context) -> Iterator[Cause]:
    """Each line of the bill may be off by half of its last decimal."""
    bound = money.CONTEXT.multiply(row.billed.lines, Decimal(5).scaleb(-row.billed.decimals - 1))
    if row.booked.calls and row.billed.lines and abs(gap) <= bound:
        yield Cause(
            "rounding", f"{row.billed.lines} lines rounded to {row.billed.decimals} decimals may differ by ${money.text(bound)}"
        )


def not_booked(row: Row, _gap: Decimal, _context: Context) -> Iterator[Cause]:
    """Billed, and no call of it arrived."""
    if row.booked.calls or not row.billed.lines:
        return
    if row.billed.days > 1:
        yield Cause("longer period", f"the bill gives one amount for {row.billed.days} days; compare over all of them")
    elif not row.billed.is_known_model:
        yield Cause("unmatched SKU", "the bill's words name no model of the price book, so no calls are set against them")
    else:
        tokens = f" ({money.text(row.billed.tokens)} tokens)" if row.billed.tokens is not None else ""
        yield Cause("calls not seen", f"no call of this model was booked on the day{tokens}: traffic that nothing reports")


def not_billed(row: Row, _gap: Decimal, context: Context) -> Iterator[Cause]:
    """Booked, and the bill has no line of it."""
    if row.billed.lines or not row.booked.calls:
        return
    last = context.last_billed.get(row.provider)
    if last is None:
        yield Cause("no bill", "no bill of this provider is imported")
    elif row.day > last:
        yield Cause("late billing", f"the imported bills end on {last.isoformat()}")
    elif context.is_recent(row):
        yield Cause("late billing", f"one of the last {LATE_DAYS} days of the bill, which may still grow")
    else:
        yield Cause("not billed", "the bill has no line for it: another account, a free quota, or a name that does not match")


def day_boundary(row: Row, gap: Decimal, context: Context) -> Iterator[Cause]:
    """The neighbouring day lacks what this one has too much."""
    for days, word in ((1, "after"), (-1, "before")):
        other = context.rows.get((day_after(row.day, days), row.provider, row.model))
        if other is None or not (other.billed.lines and other.booked.calls and row.billed.lines and row.booked.calls):
            continue
        mirrored = other.usage_gap_usd
        if money.CONTEXT.multiply(gap, mirrored) < 0 and abs(money.CONTEXT.add(gap, mirrored)) <= abs(gap) * _MIRROR:
            yield Cause("day boundary", f"the day {word} differs as much the other way: the bill's days may be of another zone")
            return


def constant_factor(row: Row, _gap: Decimal, context: Context) -> Iterator[Cause]:
    """The same factor on every day is a contract, or one wrong price."""
    factor = context.factors.get((row.provider, row.model))
    if factor is not None and row.booked.usd and row.billed.lines:
        yield Cause("price difference", f"billed is {money.text(factor)} x booked on every day: a contract, or a wrong price")


def incomplete_prices(row: Row, gap: Decimal, _context: Context) -> Iterator[Cause]:
    """Calls without a price, or with a part of one, book too little."""
    booked = row.booked
    if gap > 0 and booked.unpriced_calls:
        yield Cause(
            "unpriced calls", f"{booked.unpriced_calls} of {booked.calls} calls have no price or no usage, and book nothing"
        )
    elif gap > 0 and booked.partial_calls:
        yield Cause("partial prices", f"{booked.partial_calls} of {booked.calls} calls used something that has no rate")


def tokens_not_seen(row: Row, gap: Decimal, _context: Context) -> Iterator[Cause]:
    """More or fewer tokens were billed than booked, at the bill's average price of a token."""
    billed = row.billed.tokens
    if not billed or not row.booked.calls or is_close(billed, Decimal(row.booked.tokens)):
        return
    more = money.CONTEXT.subtract(billed, row.booked.tokens)
    share = money.line_amount(more, row.billed.usage_usd, billed)
    is_part = money.CONTEXT.multiply(share, gap) > 0 and abs(share) < abs(gap)
    counted = f"{money.text(billed)} tokens billed, {row.booked.tokens} booked: {money.text(abs(more))}"
    if more > 0:
        yield Cause("calls not seen", f"{counted} more, at the bill's average price", share if is_part else None)
    elif gap < 0:
        yield Cause("tokens not billed", f"{counted} fewer, at the bill's average price", share if is_part else None)


def same_tokens(row: Row, _gap: Decimal, _context: Context) -> Iterator[Cause]:
    """Quantities agree or are not told, and the bill's own list price tells a discount, or the quantities tell a price."""
    listed, booked = row.billed.list_usd, row.booked.usd
    if listed is not None and booked and is_close(listed, booked) and not is_close(listed, row.billed.usage_usd):
        factor = money.text(money.CONTEXT.divide(row.billed.usage_usd, listed).quantize(Decimal("0.0001")))
        yield Cause("price difference", f"booked is the list price that the bill gives; billed is {factor} x of it: a contract")
    elif row.billed.tokens is not None and row.booked.calls and is_close(row.billed.tokens, Decimal(row.booked.tokens)):
        yield Cause("price difference", "as many tokens are billed as booked, at other prices")


def late_billing(row: Row, gap: Decimal, context: Context) -> Iterator[Cause]:
    """The bill of the last days may still grow."""
    if gap < 0 and row.billed.lines and context.is_recent(row):
        yield Cause("late billing", f"one of the last {LATE_DAYS} days of the bill, which may still grow")


def assumed_prices(row: Row, _gap: Decimal, _context: Context) -> Iterator[Cause]:
    """Calls priced by an assumption, or whose stream ended early."""
    if estimated := row.booked.estimated_calls:
        yield Cause("estimated calls", f"{estimated} of {row.booked.calls} calls were priced by an assumption or broke off")


RULES: tuple[Rule, ...] = (
    *(rounding, not_booked, not_billed, day_boundary, constant_factor, incomplete_prices),
    *(tokens_not_seen, same_tokens, late_billing, assumed_prices),
)
# What else may have a part in a difference that another cause explains.
HINTS: tuple[Rule, ...] = (incomplete_prices, assumed_prices)
