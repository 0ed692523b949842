"""Booked against billed, by day and model, with the likely cause of each gap. Pure.

``difference_usd`` is billed minus booked, so that booked plus difference is billed to the last digit.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Literal

from costspan import money

CauseName = Literal[
    "adjustments",
    "calls not seen",
    "not billed",
    "late billing",
    "day boundary",
    "unpriced calls",
    "partial prices",
    "assumed prices",
    "price difference",
    "rounding",
    "unexplained",
]
# Gaps below it are what providers round to.
ROUNDING_USD = Decimal("0.01")
# Bills of the last days grow for a while.
LATE_DAYS = 3
_SAME = Decimal("0.005")
_FEWEST_DAYS = 3

Key = tuple[date, str, str]


@dataclass(frozen=True, slots=True)
class Booked:
    """What was booked on a day for a model (the book's id, or the name as it was reported)."""

    usd: Decimal
    calls: int = 0
    unpriced_calls: int = 0
    partial_calls: int = 0
    estimated_calls: int = 0
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Billed:
    """What was billed: ``usage_usd`` for usage, ``other_usd`` for credits, taxes and the like; ``tokens`` where the export counts
    them."""

    usage_usd: Decimal
    other_usd: Decimal = money.ZERO
    tokens: Decimal | None = None

    @property
    def usd(self) -> Decimal:
        """All of it."""
        return money.CONTEXT.add(self.usage_usd, self.other_usd)


@dataclass(frozen=True, slots=True)
class Cause:
    """Why booked and billed may differ; ``amount_usd`` is how much of the gap it explains, None where that cannot be told."""

    cause: CauseName
    detail: str
    amount_usd: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A day and model."""

    day: date
    provider: str
    model: str
    booked: Booked
    billed: Billed
    causes: tuple[Cause, ...] = field(default=())

    @property
    def difference_usd(self) -> Decimal:
        """Billed minus booked."""
        return money.CONTEXT.subtract(self.billed.usd, self.booked.usd)


def reconcile(booked: Mapping[Key, Booked], billed: Mapping[Key, Billed], last_billed: Mapping[str, date]) -> list[Row]:
    """All rows by day, provider and model; ``last_billed`` is the last day that each provider's export covers."""
    rows = {
        key: Row(*key, booked.get(key, Booked(money.ZERO)), billed.get(key, Billed(money.ZERO)))
        for key in sorted({*booked, *billed})
    }
    factors = _constant_factors(rows.values())
    return [
        Row(row.day, row.provider, row.model, row.booked, row.billed, tuple(_causes(row, rows, factors, last_billed)))
        for row in rows.values()
    ]


def _causes(
    row: Row, rows: Mapping[Key, Row], factors: Mapping[tuple[str, str], Decimal], last_billed: Mapping[str, date]
) -> Iterable[Cause]:
    """The most likely first. A gap that only rounding makes has no other cause."""
    if row.billed.other_usd:
        yield Cause("adjustments", "credits, taxes, purchases and adjustments are no usage", row.billed.other_usd)
    gap = money.CONTEXT.subtract(row.billed.usage_usd, row.booked.usd)
    if not gap:
        return
    if abs(gap) < ROUNDING_USD:
        yield Cause("rounding", f"less than ${ROUNDING_USD}", gap)
        return
    found = [*_absent(row, gap, last_billed), *_neighbours(row, rows, gap), *_states(row, gap), *_prices(row, gap, factors)]
    yield from found or [Cause("unexplained", "booked usage and billed usage differ, and nothing that is known says why", gap)]


def _absent(row: Row, gap: Decimal, last_billed: Mapping[str, date]) -> Iterable[Cause]:
    last = last_billed.get(row.provider)
    if not row.booked.calls:
        yield Cause("calls not seen", "nothing of it was booked: traffic that the SDK or the exporter does not cover", gap)
    elif not row.billed.usage_usd and (last is None or row.day > last):
        yield Cause("not billed", "the imported bills do not reach this day", gap)
    elif last is not None and gap < 0 and row.day > last - timedelta(days=LATE_DAYS):
        yield Cause("late billing", f"one of the last {LATE_DAYS} days of the export, which may still grow")
    elif not row.billed.usage_usd:
        yield Cause("not billed", "the bill has nothing for it: another account, a free quota or another name", gap)
    billed = row.billed.tokens
    if row.booked.calls and billed is not None and _differ(billed, Decimal(row.booked.tokens)):
        more = billed - row.booked.tokens
        side = "more were billed than booked" if more > 0 else "fewer were billed than booked"
        yield Cause("calls not seen", f"{abs(more):,.0f} tokens {side}")


def _neighbours(row: Row, rows: Mapping[Key, Row], gap: Decimal) -> Iterable[Cause]:
    for days, word in ((1, "after"), (-1, "before")):
        other = rows.get((row.day + timedelta(days=days), row.provider, row.model))
        if other is None or not row.booked.calls or not other.booked.calls:
            continue
        mirrored = money.CONTEXT.subtract(other.billed.usage_usd, other.booked.usd)
        if gap * mirrored < 0 and abs(gap + mirrored) <= abs(gap) / 10:
            yield Cause(
                "day boundary",
                f"the day {word} differs by as much the other way: the bill's days may be of another time zone",
                gap,
            )


def _states(row: Row, gap: Decimal) -> Iterable[Cause]:
    if row.booked.unpriced_calls and gap > 0:
        yield Cause("unpriced calls", f"{row.booked.unpriced_calls} calls have no price or no usage")
    if row.booked.partial_calls and gap > 0:
        yield Cause("partial prices", f"{row.booked.partial_calls} calls used something that has no rate")
    if row.booked.estimated_calls:
        yield Cause(
            "assumed prices", f"{row.booked.estimated_calls} calls were priced by an assumption, or their stream ended early"
        )


def _prices(row: Row, gap: Decimal, factors: Mapping[tuple[str, str], Decimal]) -> Iterable[Cause]:
    factor = factors.get((row.provider, row.model))
    if factor is not None and row.booked.usd and not _differ(row.billed.usage_usd, row.booked.usd * factor):
        yield Cause(
            "price difference", f"billed is {factor.normalize():f} × booked on every day: a contract, or a wrong price?", gap
        )
    elif row.billed.tokens is not None and row.booked.calls and not _differ(row.billed.tokens, Decimal(row.booked.tokens)):
        yield Cause("price difference", "as many tokens were billed as booked, at other prices", gap)


def _constant_factors(rows: Iterable[Row]) -> dict[tuple[str, str], Decimal]:
    """By provider and model the factor between billed and booked, where it is the same on all of several days and not 1."""
    ratios: dict[tuple[str, str], list[Decimal]] = {}
    for row in rows:
        if row.booked.usd and row.billed.usage_usd:
            ratio = money.CONTEXT.divide(row.billed.usage_usd, row.booked.usd)
            ratios.setdefault((row.provider, row.model), []).append(ratio)
    return {
        key: factor
        for key, found in ratios.items()
        if len(found) >= _FEWEST_DAYS
        and not any(_differ(ratio, _middle(found)) for ratio in found)
        and (factor := _middle(found).quantize(Decimal("0.0001"))) != 1
    }


def _middle(values: Sequence[Decimal]) -> Decimal:
    return sorted(values)[len(values) // 2]


def _differ(one: Decimal, other: Decimal) -> bool:
    return abs(one - other) > max(abs(one), abs(other)) * _SAME
