"""The sentence: decode, read, price, dedupe, store, roll up, check, in one transaction; acknowledged after commit."""

from collections import ChainMap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from costspan_collector.book.identity import series_id
from costspan_collector.book.measures import Measures, measures_of
from costspan_collector.book.rollup import GRAINS, deltas
from costspan_collector.budgets.budget import Budget, standing_deltas
from costspan_collector.call import Dimensions, Label, PricedCall, response_key, span_key
from costspan_collector.prices.current import PricesChanged
from costspan_collector.store import budgets as budget_store
from costspan_collector.store import calls as call_store
from costspan_collector.store import labels as label_store
from costspan_collector.store.alerts import write_alerts
from costspan_collector.store.database import Connection, database_now
from costspan_collector.store.rollups import add_deltas

_LARGEST_CACHE = 200_000


@dataclass(slots=True)
class ProjectCache:
    """What one process remembers of a project's books; only ever filled after a commit."""

    series: dict[int, Dimensions] = field(default_factory=dict)
    series_ids: dict[Dimensions, int] = field(default_factory=dict)
    rate_cards: set[int] = field(default_factory=set)
    budgets_version: int | None = None
    budgets: dict[UUID, Budget] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Booked:
    """What a transaction did: how many calls were new, and how many alerts it wrote."""

    new_calls: int
    alerts: int


def book(
    connection: Connection,
    cache: ProjectCache,
    project_id: int,
    calls: Sequence[PricedCall],
    labels: Sequence[Label],
) -> Booked:
    """Book ``calls`` and ``labels`` of one project in one transaction and return once it is committed.

    Repeating it changes nothing. Raises psycopg's errors and ``PricesChanged``; nothing is kept then. So once the writer lock
    was taken after a change of prices, no call is booked by older ones.
    """
    unique = {span_key(priced.call.trace_id, priced.call.span_id): priced for priced in calls}
    staged = [(priced, _series_of(cache, priced.call.dimensions)) for priced in unique.values()]
    new_series = {series: p.call.dimensions for p, series in staged if series not in cache.series}
    cards = dict(filter(None, (call_store.card_identity(priced) for priced, _ in staged)))
    new_cards = {card: row for card, row in cards.items() if card not in cache.rate_cards}
    with connection.transaction():
        locked = budget_store.lock_versions(connection, project_id)
        if any(priced.price_version < locked.prices for priced in unique.values()):
            raise PricesChanged(locked.prices)
        now = database_now(connection)
        entries = _store(connection, project_id, staged, new_series, new_cards)
        new_calls = len(entries)
        entries += _settle_labels(connection, project_id, staged, labels)
        if locked.budgets != cache.budgets_version:
            budgets = {b.budget_id: b for b in budget_store.load(connection, project_id)}
        else:
            budgets = cache.budgets
        dimensions = ChainMap(new_series, cache.series)
        alerts = _roll_up(connection, project_id, entries, budgets, dimensions, now)
    _remember(cache, new_series, new_cards, locked.budgets, budgets)
    return Booked(new_calls, alerts)


def _series_of(cache: ProjectCache, dimensions: Dimensions) -> int:
    known = cache.series_ids.get(dimensions)
    if known is None:
        if len(cache.series_ids) >= _LARGEST_CACHE:
            cache.series_ids.clear()
        known = cache.series_ids[dimensions] = series_id(dimensions)
    return known


def _store(
    connection: Connection,
    project_id: int,
    staged: Sequence[tuple[PricedCall, int]],
    new_series: dict[int, Dimensions],
    new_cards: dict[int, dict[str, object]],
) -> list[tuple[int, int, Measures]]:
    if not staged:
        return []
    if new_series:
        call_store.insert_series(connection, project_id, new_series)
    if new_cards:
        call_store.insert_rate_cards(connection, project_id, new_cards)
    new = call_store.insert_new(connection, project_id, staged)
    return [
        (priced.call.start_time_ns // 1000, series, measures_of(priced))
        for priced, series in staged
        if UUID(bytes=span_key(priced.call.trace_id, priced.call.span_id)) in new
    ]


def _settle_labels(
    connection: Connection, project_id: int, staged: Sequence[tuple[PricedCall, int]], labels: Sequence[Label]
) -> list[tuple[int, int, Measures]]:
    keys: set[UUID] = set()
    if staged:
        arrived = {UUID(bytes=span_key(p.call.trace_id, p.call.span_id)) for p, _ in staged}
        arrived |= {UUID(bytes=response_key(p.call.response_id)) for p, _ in staged if p.call.response_id}
        keys |= label_store.waiting(connection, project_id, arrived)
    if labels:
        keys |= label_store.keep(connection, project_id, labels)
    return label_store.settle(connection, project_id, keys) if keys else []


def _roll_up(
    connection: Connection,
    project_id: int,
    entries: Sequence[tuple[int, int, Measures]],
    budgets: Mapping[UUID, Budget],
    dimensions: Mapping[int, Dimensions],
    now: datetime,
) -> int:
    by_grain = {table: deltas(entries, grain_us) for table, grain_us in GRAINS.items()}
    for table, changes in by_grain.items():
        add_deltas(connection, project_id, table, changes)
    quarter_hours = by_grain["rollup_quarter_hour"]
    changed = standing_deltas(budgets.values(), quarter_hours, {s: dimensions[s] for _, s in quarter_hours if s in dimensions})
    if not changed:
        return 0
    standings = budget_store.add_spend(connection, project_id, budgets, changed)
    return write_alerts(connection, project_id, budgets, standings, now)


def _remember(
    cache: ProjectCache,
    new_series: dict[int, Dimensions],
    new_cards: dict[int, dict[str, object]],
    version: int,
    budgets: dict[UUID, Budget],
) -> None:
    if len(cache.series) >= _LARGEST_CACHE:
        cache.series.clear()
    cache.series.update(new_series)
    cache.rate_cards.update(new_cards)
    cache.budgets_version = version
    cache.budgets = budgets
