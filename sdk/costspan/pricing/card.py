"""A rate card: the prices of one model under one set of conditions at one time, and the rating of usage by it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from functools import reduce
from typing import Literal, NamedTuple

from costspan import money
from costspan.pricing.lines import Factor, Rate
from costspan.usage import INPUT_METERS, Quantity, Usage

CostState = Literal["priced", "partial", "unpriced", "estimated", "reported", "free"]
COST_STATES: tuple[CostState, ...] = ("priced", "partial", "unpriced", "estimated", "reported", "free")

_INPUT_METERS = frozenset(INPUT_METERS)

# A meter without a rate of its own is billed as another only where every provider does so: thinking is billed as
# output, and a cache write without a named TTL has the default one. Nothing falls back to a rate that would be a guess.
_BILLED_AS = {
    "reasoning": "output",
    "input_image": "input",
    "input_video": "input",
    "cache_read_image": "cache_read",
    "cache_write_5m": "cache_write",
    "cache_write": "cache_write_5m",
}
# https://ai.google.dev/gemini-api/docs/pricing: a model whose price does not name audio has one for all that it hears and says.
_BILLED_AS_AT = {"google": {"input_audio": "input", "cache_read_audio": "cache_read", "output_audio": "output"}}


class LineItem(NamedTuple):
    """``quantity`` of ``meter`` at ``unit_price`` dollars per ``per`` units is ``amount`` dollars (18 decimals).

    ``unit_price`` is ``list_price``, the printed one, times ``factors``. ``quantity`` is what is billed: at least the rate's
    minimum. ``source`` says where the price is printed.
    """

    meter: str
    quantity: Quantity
    unit_price: Decimal
    per: int | Decimal
    amount: Decimal
    list_price: Decimal
    factors: tuple[Factor, ...] = ()
    source: str = ""

    @property
    def unrounded(self) -> Fraction:
        """The amount before its one rounding."""
        return Fraction(self.quantity) * Fraction(self.unit_price) / Fraction(self.per)


# The rates for usage that holds certain meters: those that are rated, in order, and the meters without one.
_Plan = tuple[tuple[tuple[str, Rate], ...], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class RateCard:
    """Rates by meter, and where they come from: the provider and model priced, the rule that chose them, the conditions met
    (such as ``tier``), the newest start of validity among them (ISO text) or None, and the sources.

    ``assumed`` says in words what had to be taken for granted: a tier without rates, a time without a price.
    """

    provider: str
    model: str
    rates: Mapping[str, Rate]
    rule: str
    source: str
    valid_from: str | None = None
    conditions: Mapping[str, str] = field(default_factory=dict)
    assumed: str | None = None
    _plans: dict[tuple[str, ...], _Plan] = field(default_factory=dict, compare=False, repr=False)

    def rate_of(self, meter: str) -> Rate | None:
        """The rate that bills ``meter``, or None if the card has none."""
        rate = self.rates.get(meter)
        if rate is None:
            rate = self.rates.get(_BILLED_AS.get(meter) or _BILLED_AS_AT.get(self.provider, {}).get(meter, ""))
        return rate

    def plan(self, meters: tuple[str, ...]) -> _Plan:
        """The rates for usage that holds ``meters``, found once."""
        plan = self._plans.get(meters)
        if plan is None:
            found = tuple((meter, rate) for meter in meters if (rate := self.rate_of(meter)) is not None)
            # sorted, so that what is said of them does not depend on the order in which they were reported
            plan = self._plans[meters] = found, tuple(sorted(meter for meter in meters if self.rate_of(meter) is None))
        return plan


@dataclass(frozen=True, slots=True)
class Cost:
    """What a call costs, in dollars, as far as known.

    ``amount`` is the exact sum of ``items`` and None when nothing could be priced: unknown is not zero.
    ``reason`` says in words why a cost is not simply ``priced``. ``rated_usd`` is what our prices give where the provider's
    own charge is the amount, for comparison.
    """

    amount: Decimal | None
    state: CostState
    items: tuple[LineItem, ...] = ()
    card: RateCard | None = None
    reason: str | None = None
    rated_usd: Decimal | None = None


def list_price(rate: Rate, total_input_tokens: int) -> Decimal:
    """The printed price of ``per`` units within a request of that many input tokens, caches included."""
    price = rate.price
    for threshold in rate.over:
        if threshold.is_crossed(total_input_tokens):
            price = threshold.price
    return price


def rate_usage(usage: Usage | None, card: RateCard, *, incomplete: bool = False) -> Cost:
    """Rate ``usage`` by ``card``. A meter that was used but has no rate makes the cost ``partial`` and is named.

    Raises nothing: usage that cannot be priced at all gives ``unpriced`` with the reason.
    """
    if not usage:
        return Cost(None, "unpriced", card=card, reason="no_usage: the provider reported none")
    total_input = 0
    for meter, quantity in usage.items():
        if meter in _INPUT_METERS:
            total_input += int(quantity)
    rated, unrated = card.plan(tuple(usage))
    items = [_item(meter, usage[meter], rate, total_input) for meter, rate in rated]
    missing = [meter for meter in unrated if usage[meter]] if unrated else []
    if "request" in card.rates and "request" not in usage:
        items.append(_item("request", 1, card.rates["request"], total_input))
    return _cost(tuple(items), missing, card, incomplete)


def _item(meter: str, quantity: Quantity, rate: Rate, total_input: int) -> LineItem:
    listed = list_price(rate, total_input) if rate.over else rate.price
    price = reduce(money.CONTEXT.multiply, [factor.factor for factor in rate.factors], listed) if rate.factors else listed
    if rate.minimum and 0 < quantity < rate.minimum:
        quantity = rate.minimum
    amount = money.line_amount(quantity, price, rate.per)
    return LineItem(meter, quantity, price, rate.per, amount, listed, rate.factors, rate.source)


def _cost(items: tuple[LineItem, ...], missing: list[str], card: RateCard, incomplete: bool) -> Cost:
    lacks = f"{card.provider} {card.model} has no rate for {', '.join(missing)}" if missing else ""
    if missing and not any(item.quantity for item in items):
        return Cost(None, "unpriced", card=card, reason=lacks)
    amount = money.total([item.amount for item in items])
    if missing:
        return Cost(amount, "partial", items, card, lacks)
    if incomplete:
        return Cost(amount, "estimated", items, card, "the stream ended early: only partial figures were reported")
    if card.assumed:
        return Cost(amount, "estimated", items, card, card.assumed)
    if items and not any(item.unit_price for item in items):
        return Cost(amount, "free", items, card)
    return Cost(amount, "priced", items, card)
