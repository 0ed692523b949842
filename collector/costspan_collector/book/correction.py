"""What a re-rating changes: of one call, of the rollups, and in sum. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from costspan import money
from costspan_collector import times
from costspan_collector.book.measures import Measures, correction_measures


class Costs(NamedTuple):
    """What pricing decides of a call, as it is stored; the order is that of ``COST_COLUMNS``."""

    rate_card_id: int | None
    cost_usd: Decimal | None
    rated_usd: Decimal | None
    cost_state: str | None
    cost_reason: str | None
    price_version: int

    def says(self, other: "Costs") -> bool:
        """Whether the call's cost is the same by both: the amounts, the state and its reason.

        The card may be another one, such as that of a later catalogue with the same prices: the one that is stored still
        says truly what the call was priced by.
        """
        return self[1:5] == other[1:5] and (self.rate_card_id is None) == (other.rate_card_id is None)


class Change(NamedTuple):
    """One call and its costs before and after. ``is_first``: the run has not changed this call already."""

    start_time: datetime
    trace_id: bytes
    span_id: bytes
    series_id: int
    before: Costs
    after: Costs
    is_first: bool = True

    @property
    def moved_usd(self) -> Decimal:
        """What it adds to the known cost."""
        return money.CONTEXT.subtract(self.after.cost_usd or money.ZERO, self.before.cost_usd or money.ZERO)


def entries(changes: Iterable[Change]) -> Iterator[tuple[int, int, Measures]]:
    """What changes add to the rollups: (start time in microseconds, series id, measures) each."""
    for change in changes:
        before, after = change.before, change.after
        measures = correction_measures(before.cost_state, after.cost_state, change.moved_usd)
        yield times.microseconds(change.start_time), change.series_id, measures


@dataclass(slots=True)
class StateTotal:
    """The touched calls that were in a cost state before and that are in it after, and their known cost."""

    before_calls: int = 0
    before_usd: Decimal = money.ZERO
    after_calls: int = 0
    after_usd: Decimal = money.ZERO


@dataclass(slots=True)
class GroupTotal:
    """Of one series and month: the calls looked at, those touched, and the known cost of the touched."""

    calls: int = 0
    touched: int = 0
    before_usd: Decimal = money.ZERO
    after_usd: Decimal = money.ZERO


# A call that has no cost and is not unpriced: it failed and used nothing.
NO_COST = "none"


@dataclass(slots=True)
class Tally:
    """What a re-rating looked at and touched, by cost state and by (month, series id)."""

    states: dict[str, StateTotal] = field(default_factory=dict)
    groups: dict[tuple[date, int], GroupTotal] = field(default_factory=dict)
    oldest_price_version: int | None = None

    def look_at(self, start_time: datetime, series_id: int) -> None:
        """Count a call that is looked at."""
        key = (date(start_time.year, start_time.month, 1), series_id)
        group = self.groups.get(key)
        if group is None:
            group = self.groups[key] = GroupTotal()
        group.calls += 1

    def touch(self, change: Change) -> None:
        """Count a call that is changed. One that the run changed before counts once: what was before stays."""
        before, after = change.before, change.after
        group = self.groups.setdefault((date(change.start_time.year, change.start_time.month, 1), change.series_id), GroupTotal())
        old_usd, new_usd = before.cost_usd or money.ZERO, after.cost_usd or money.ZERO
        old_state = self.states.setdefault(before.cost_state or NO_COST, StateTotal())
        new_state = self.states.setdefault(after.cost_state or NO_COST, StateTotal())
        add = money.CONTEXT.add
        new_state.after_calls += 1
        new_state.after_usd = add(new_state.after_usd, new_usd)
        if change.is_first:
            group.touched += 1
            group.before_usd = add(group.before_usd, old_usd)
            group.after_usd = add(group.after_usd, new_usd)
            old_state.before_calls += 1
            old_state.before_usd = add(old_state.before_usd, old_usd)
            if self.oldest_price_version is None or before.price_version < self.oldest_price_version:
                self.oldest_price_version = before.price_version
        else:
            group.after_usd = add(group.after_usd, change.moved_usd)
            old_state.after_calls -= 1
            old_state.after_usd = money.CONTEXT.subtract(old_state.after_usd, old_usd)

    def add(self, other: "Tally") -> None:
        """Add ``other`` to this, exactly."""
        for state, more in other.states.items():
            total = self.states.setdefault(state, StateTotal())
            total.before_calls += more.before_calls
            total.after_calls += more.after_calls
            total.before_usd = money.CONTEXT.add(total.before_usd, more.before_usd)
            total.after_usd = money.CONTEXT.add(total.after_usd, more.after_usd)
        for key, group in other.groups.items():
            mine = self.groups.setdefault(key, GroupTotal())
            mine.calls += group.calls
            mine.touched += group.touched
            mine.before_usd = money.CONTEXT.add(mine.before_usd, group.before_usd)
            mine.after_usd = money.CONTEXT.add(mine.after_usd, group.after_usd)
        versions = [v for v in (self.oldest_price_version, other.oldest_price_version) if v is not None]
        self.oldest_price_version = min(versions, default=None)

    @property
    def total(self) -> GroupTotal:
        """All groups together."""
        groups = self.groups.values()
        return GroupTotal(
            sum(group.calls for group in groups),
            sum(group.touched for group in groups),
            money.total(group.before_usd for group in groups),
            money.total(group.after_usd for group in groups),
        )
