"""Booked against billed by day and model. Pure.

A difference is billed minus booked, so that booked plus difference is billed to the last digit; the amounts of a row's causes sum
to its difference.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from costspan import money

Key = tuple[date, str, str]


@dataclass(frozen=True, slots=True)
class Booked:
    """What was booked on a day for a model; tokens are those of input and output together."""

    usd: Decimal = money.ZERO
    calls: int = 0
    unpriced_calls: int = 0
    partial_calls: int = 0
    estimated_calls: int = 0
    tokens: int = 0

    def __add__(self, more: "Booked") -> "Booked":
        """Both together, exactly."""
        return Booked(
            money.CONTEXT.add(self.usd, more.usd),
            self.calls + more.calls,
            self.unpriced_calls + more.unpriced_calls,
            self.partial_calls + more.partial_calls,
            self.estimated_calls + more.estimated_calls,
            self.tokens + more.tokens,
        )


@dataclass(frozen=True, slots=True)
class Billed:
    """What was billed on a day for a model.

    ``other_usd``: tax, credit, adjustment, purchase. ``lines`` are those of usage. ``tokens`` is None unless the export counts
    those of every line of usage; ``list_usd`` is the usage at list prices, None unless the export gives it for all. ``decimals``
    is the most of an amount, ``days`` the most that a line spans. ``is_known_model`` is False for a SKU that names no model.
    """

    usage_usd: Decimal = money.ZERO
    other_usd: Mapping[str, Decimal] = field(default_factory=dict)
    lines: int = 0
    tokens: Decimal | None = None
    list_usd: Decimal | None = None
    decimals: int = 0
    days: int = 1
    is_known_model: bool = True

    @property
    def usd(self) -> Decimal:
        """All of it."""
        return money.total((self.usage_usd, *self.other_usd.values()))

    def __add__(self, more: "Billed") -> "Billed":
        """Both together, exactly; what either does not tell of its usage is not told."""
        others = dict(self.other_usd)
        for category, amount in more.other_usd.items():
            others[category] = money.CONTEXT.add(others.get(category, money.ZERO), amount)
        usage = [part for part in (self, more) if part.lines]
        return Billed(
            money.CONTEXT.add(self.usage_usd, more.usage_usd),
            others,
            self.lines + more.lines,
            _told(part.tokens for part in usage),
            _told(part.list_usd for part in usage),
            max(self.decimals, more.decimals),
            max(self.days, more.days),
            self.is_known_model and more.is_known_model,
        )


@dataclass(frozen=True, slots=True)
class Cause:
    """Why booked and billed may differ: ``amount_usd`` is the part of the difference that it stands for, None where that cannot
    be told."""

    cause: str
    detail: str
    amount_usd: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A day and model of a provider; causes are the most likely first."""

    day: date
    provider: str
    model: str
    booked: Booked
    billed: Billed
    causes: tuple[Cause, ...] = ()

    @property
    def difference_usd(self) -> Decimal:
        """Billed minus booked."""
        return money.CONTEXT.subtract(self.billed.usd, self.booked.usd)

    @property
    def usage_gap_usd(self) -> Decimal:
        """Billed minus booked without taxes, credits and the like."""
        return money.CONTEXT.subtract(self.billed.usage_usd, self.booked.usd)


@dataclass(frozen=True, slots=True)
class DayTotal:
    """A provider's day over all its models."""

    day: date
    provider: str
    booked_usd: Decimal
    billed_usd: Decimal

    def is_within(self, tolerance: Decimal) -> bool:
        """Whether the two differ by at most that part of the larger."""
        larger = max(abs(self.booked_usd), abs(self.billed_usd))
        difference = money.CONTEXT.subtract(self.billed_usd, self.booked_usd)
        return abs(difference) <= money.CONTEXT.multiply(larger, tolerance)


def joined(booked: Mapping[Key, Booked], billed: Mapping[Key, Billed]) -> list[Row]:
    """A row for each day, provider and model of either, in that order; nothing is dropped."""
    return [Row(*key, booked.get(key, Booked()), billed.get(key, Billed())) for key in sorted({*booked, *billed})]


def day_totals(rows: Iterable[Row]) -> list[DayTotal]:
    """The rows' sums by day and provider."""
    sums: dict[tuple[date, str], DayTotal] = {}
    for row in rows:
        key = (row.day, row.provider)
        so_far = sums.get(key) or DayTotal(*key, money.ZERO, money.ZERO)
        booked, billed = (money.CONTEXT.add(a, b) for a, b in _pairs(so_far, row))
        sums[key] = DayTotal(*key, booked, billed)
    return [sums[key] for key in sorted(sums)]


def day_after(day: date, days: int = 1) -> date:
    """The day that is ``days`` later."""
    return day + timedelta(days=days)


def _pairs(so_far: DayTotal, row: Row) -> tuple[tuple[Decimal, Decimal], ...]:
    return (so_far.booked_usd, row.booked.usd), (so_far.billed_usd, row.billed.usd)


def _told(values: Iterable[Decimal | None]) -> Decimal | None:
    told = list(values)
    known = [value for value in told if value is not None]
    return money.total(known) if told and len(known) == len(told) else None
