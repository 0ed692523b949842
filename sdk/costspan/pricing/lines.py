"""What a price book holds: models and how they are named, dated price lines, multipliers and aliases. Plain values.

A line is a set of rates of one model under one set of conditions within one span of time. Lines are superseded, never
changed; which of several holds for a call is said in ``costspan.pricing.compiling``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

Layer = Literal["catalogue", "self_hosted", "project", "contract"]
# Lowest first: a contract's price goes before the project's own, that before a self-hosted card's, that before the list's.
LAYERS: tuple[Layer, ...] = ("catalogue", "self_hosted", "project", "contract")
Status = Literal["announced", "confirmed", "withdrawn"]
STATUSES: tuple[Status, ...] = ("announced", "confirmed", "withdrawn")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

Conditions = Mapping[str, str]
# How a model is told from a name: ["equals", "gpt-5"], ["or", [...], [...]], ...; see costspan.pricing.matching.
Clause = list[Any]


class Threshold(NamedTuple):
    """Above ``tokens`` input tokens in total (from there on, if ``inclusive``) the whole request costs ``price``."""

    tokens: int
    price: Decimal
    inclusive: bool = False

    def is_crossed(self, total_input_tokens: int) -> bool:
        """Whether a request of that many input tokens, caches included, is re-priced."""
        return total_input_tokens >= self.tokens if self.inclusive else total_input_tokens > self.tokens


class Factor(NamedTuple):
    """A named factor on a list price, such as a regional premium or a contract's discount."""

    name: str
    factor: Decimal


@dataclass(frozen=True, slots=True)
class Rate:
    """``price`` dollars for ``per`` units, as printed; ``over`` in ascending order; ``factors`` multiply whichever holds.

    A request that used any is billed for at least ``minimum``.
    """

    price: Decimal
    per: int | Decimal
    over: tuple[Threshold, ...] = ()
    factors: tuple[Factor, ...] = ()
    source: str = ""
    minimum: int = 0


@dataclass(frozen=True, slots=True)
class Week:
    """Hours of days of the week in a time zone: ``hours`` are (start, end) and a window past midnight belongs to the day it
    begins on. No hours: the whole day."""

    timezone: str
    days: tuple[str, ...] = WEEKDAYS
    hours: tuple[tuple[time, time], ...] = ()

    def holds(self, at: datetime) -> bool:
        """Whether the aware ``at`` lies within."""
        local = at.astimezone(UTC if self.timezone == "UTC" else ZoneInfo(self.timezone))
        today = WEEKDAYS[local.weekday()] in self.days
        if not self.hours:
            return today
        yesterday = WEEKDAYS[(local - timedelta(days=1)).weekday()] in self.days
        clock = local.time()
        for start, end in self.hours:
            if start < end:
                if today and start <= clock < end:
                    return True
            elif (today and clock >= start) or (yesterday and clock < end):
                return True
        return False


@dataclass(frozen=True, slots=True)
class PriceLine:
    """Rates by meter, in force from ``valid_from`` (inclusive) to ``valid_to`` (exclusive); None is without end.

    ``assumed`` says in words what the rates themselves take for granted, such as a speed that nobody measured.
    """

    rates: Mapping[str, Rate]
    source: str
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    conditions: Conditions = field(default_factory=dict)
    week: Week | None = None
    status: Status = "confirmed"
    quote: str = ""
    is_correction: bool = False
    assumed: str = ""

    def in_force(self, at: datetime) -> bool:
        """Whether the line holds at the aware ``at``, its week rule included."""
        return within(self.valid_from, self.valid_to, at) and (self.week is None or self.week.holds(at))


@dataclass(frozen=True, slots=True)
class ModelPrices:
    """A model of a provider, how names are told to be its own, and its price lines."""

    id: str
    match: Clause
    lines: tuple[PriceLine, ...]


@dataclass(frozen=True, slots=True)
class Multiplier:
    """A factor on the rates of the models that ``match`` accepts, for ``meters`` (None: every token meter)."""

    name: str
    match: Clause
    factor: Decimal
    source: str
    conditions: Conditions = field(default_factory=dict)
    meters: tuple[str, ...] | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    quote: str = ""


@dataclass(frozen=True, slots=True)
class Alias:
    """A name that is served by ``model``, from when to when."""

    name: str
    model: str
    source: str
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    quote: str = ""


@dataclass(frozen=True, slots=True)
class ProviderPrices:
    """All that one layer of the book says of one provider. A model without a price here is sought at ``fallback``."""

    provider: str
    models: tuple[ModelPrices, ...] = ()
    multipliers: tuple[Multiplier, ...] = ()
    aliases: tuple[Alias, ...] = ()
    fallback: tuple[str, ...] = ()


def within(start: datetime | None, end: datetime | None, at: datetime) -> bool:
    """Whether ``at`` lies from ``start`` (inclusive) to ``end`` (exclusive); None is without end."""
    return (start is None or start <= at) and (end is None or at < end)
