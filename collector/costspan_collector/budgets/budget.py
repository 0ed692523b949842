"""What a budget is, and what a batch of spend means for it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from costspan import money
from costspan_collector import times
from costspan_collector.book.measures import COST
from costspan_collector.book.rollup import Deltas
from costspan_collector.budgets.period import period_bounds
from costspan_collector.call import Dimensions
from costspan_collector.filters import Filter


@dataclass(frozen=True, slots=True)
class Budget:
    """An amount of dollars per period for all spend that ``filter`` lets through, or for each value of ``fan_out``.

    ``thresholds`` are fractions of ``amount_usd`` in ascending order. It takes effect with the period of ``created_at``.
    """

    budget_id: UUID
    name: str
    filter: Filter
    filter_text: str
    fan_out: tuple[str, ...]
    period: str
    timezone: str
    amount_usd: Decimal
    thresholds: tuple[Decimal, ...]
    created_at: datetime
    channels: tuple[Mapping[str, Any], ...] = ()

    def bounds(self, at: datetime) -> tuple[datetime, datetime]:
        """The period that holds ``at``."""
        return period_bounds(self.period, self.timezone, at)

    def scope(self, dimensions: Dimensions) -> str:
        """Which of the budget's standings a series counts towards; the empty text without fan-out."""
        return ",".join(f"{name}:{_quoted(getattr(dimensions, name))}" for name in self.fan_out)


@dataclass(frozen=True, slots=True)
class StandingKey:
    """One budget's standing: of a scope, in a period."""

    budget_id: UUID
    scope: str
    period_start: datetime
    period_end: datetime


def standing_deltas(
    budgets: Iterable[Budget], quarter_hours: Deltas, series: Mapping[int, Dimensions]
) -> dict[StandingKey, Decimal]:
    """What quarter-hour deltas add to each standing, in dollars.

    Spend of periods that ended before a budget began is left out.
    """
    result: dict[StandingKey, Decimal] = {}
    for budget in budgets:
        matching = {name for name, dimensions in series.items() if budget.filter.matches(dimensions)}
        for (bucket_us, series_id), measures in quarter_hours.items():
            spent = measures[COST]
            if series_id not in matching or not spent:
                continue
            start, end = budget.bounds(times.at(bucket_us))
            if end <= budget.created_at:
                continue
            key = StandingKey(budget.budget_id, budget.scope(series[series_id]), start, end)
            result[key] = money.CONTEXT.add(result.get(key, money.ZERO), Decimal(spent))
    return result


def _quoted(value: str | None) -> str:
    plain = (value or "").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{plain}"'
