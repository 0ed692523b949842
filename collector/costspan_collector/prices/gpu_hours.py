"""Real bills of GPUs in the books: an hour's bill replaces its calls' standard price, exactly, and can be taken back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from costspan import money
from costspan.pricing.naming import provider_id
from costspan.pricing.self_hosted import SelfHostedCard, serves
from costspan_collector import times
from costspan_collector.book.correction import Change, Costs, entries
from costspan_collector.book.gpu_hour import HourCall, HourSplit, split_hour
from costspan_collector.book.identity import rate_card_id, rate_card_row
from costspan_collector.book.rollup import GRAINS, deltas
from costspan_collector.book.stored import PRICED_COLUMNS, stored_call
from costspan_collector.budgets.budget import standing_deltas
from costspan_collector.call import Call, Dimensions
from costspan_collector.store import budgets as budget_store
from costspan_collector.store import calls as call_store
from costspan_collector.store import gpu_hours as store
from costspan_collector.store import rerate_calls
from costspan_collector.store import self_hosted as cards_store
from costspan_collector.store.alerts import write_alerts
from costspan_collector.store.database import Connection, database_now
from costspan_collector.store.rollups import add_deltas
from costspan_collector.store.self_hosted import Deployment


@dataclass(frozen=True, slots=True)
class Applied:
    """What an hour's bill did: the calls of the hour, how many of them cost something else now, and what stood idle."""

    hour: datetime
    billed_usd: Decimal
    idle_usd: Decimal
    calls: int
    changed_calls: int


@dataclass(frozen=True, slots=True)
class _HourOfCalls:
    """The calls of an hour that a card's machines served, and what they cost now."""

    calls: Sequence[Call]
    series_ids: Sequence[int]
    costs: Sequence[Costs]
    series: dict[int, Dimensions]


def apply_bill(
    connection: Connection, project_id: int, deployment: Deployment, hour: datetime, usd: Decimal, source: str
) -> Applied:
    """Record what the machines of ``deployment`` cost in the hour from ``hour``, and split it over that hour's calls.

    One transaction under the writer lock: calls, rollups, standings, alerts. Again with the same bill it takes up calls that came
    late, and changes nothing else; with another bill it moves by the difference. ``connection`` has the staging table of
    ``rerate_calls.prepare``. Raises ValueError for a time that is no whole hour, without a card then, and for a bad amount.
    """
    if hour.tzinfo is None or hour.minute or hour.second or hour.microsecond:
        raise ValueError(f"hour: {hour.isoformat()} is no whole hour with a time zone, such as 2026-11-01T00:00:00Z")
    with connection.transaction():
        budget_store.lock_writer(connection, project_id)
        card = cards_store.card_at(cards_store.load_cards(connection, project_id), deployment, hour)
        bill = cards_store.record_bill(connection, project_id, deployment, hour, usd, source)
        found = _served(connection, project_id, card.card, hour)
        hour_calls = [HourCall(call.usage, call.incomplete) for call in found.calls]
        split = split_hour(bill.usd, hour_calls, card.card, hour)
        changes = _shares(found, split)
        if changes:
            call_store.insert_rate_cards(connection, project_id, dict([_card(split)]))
            _move(connection, project_id, changes, found.series, keep=True)
        standard = store.prices_of(connection, project_id, hour)
        standard_usd = money.total(costs.cost_usd or money.ZERO for costs in standard.values())
        store.record_hour(connection, project_id, deployment, bill, card, split, standard_usd)
    return Applied(hour, bill.usd, split.idle_usd, len(found.calls), len(changes))


def take_back(connection: Connection, project_id: int, deployment: Deployment, hour: datetime) -> int:
    """Give the calls of the hour the cost by their price again, to the last digit; return how many those were.

    Raises ValueError where the hour has no bill.
    """
    with connection.transaction():
        budget_store.lock_writer(connection, project_id)
        bill = cards_store.bill_of(connection, project_id, deployment, hour)
        if bill is None:
            raise ValueError(f"hour: {deployment} has no bill for {hour.isoformat()}")
        card = cards_store.card_at(cards_store.load_cards(connection, project_id), deployment, hour)
        found = _served(connection, project_id, card.card, hour)
        kept = store.prices_of(connection, project_id, hour)
        changes = [
            Change(key[0], key[1], key[2], series_id, before, kept[key])
            for call, series_id, before in zip(found.calls, found.series_ids, found.costs, strict=True)
            if (key := _key(call)) in kept
        ]
        if changes:
            _move(connection, project_id, changes, found.series, keep=False)
            store.forget_prices(connection, project_id, [(c.start_time, c.trace_id, c.span_id) for c in changes])
        cards_store.supersede_bill(connection, project_id, bill)
        store.supersede_hour(connection, project_id, deployment, hour)
    return len(changes)


def _served(connection: Connection, project_id: int, card: SelfHostedCard, hour: datetime) -> _HourOfCalls:
    all_series = budget_store.all_series(connection, project_id)
    own = {series: found for series, found in all_series.items() if provider_id(found.provider or "") == card.catalogue_provider}
    calls, series_ids, costs = [], [], []
    for row in store.calls_of(connection, project_id, list(own), hour):
        series_id = row[store.SERIES]
        call = stored_call(row[: len(PRICED_COLUMNS)], own[series_id])
        has_cost = call.charged_usd is None and (call.error_type is None or call.usage)
        if has_cost and serves(card, call.dimensions.provider, (call.response_model, call.request_model)):
            calls.append(call)
            series_ids.append(series_id)
            costs.append(Costs(*row[store.SERIES + 1 :]))
    return _HourOfCalls(calls, series_ids, costs, own)


def _shares(found: _HourOfCalls, split: HourSplit) -> list[Change]:
    card_id, _ = _card(split)
    changes = []
    for call, series_id, before, cost in zip(found.calls, found.series_ids, found.costs, split.costs, strict=True):
        if cost is None:
            continue
        after = Costs(card_id, cost.usd, None, cost.state, cost.reason, before.price_version)
        if after != before:
            changes.append(Change(*_key(call), series_id, before, after))
    return changes


def _card(split: HourSplit) -> tuple[int, dict[str, Any]]:
    row = rate_card_row(split.card)
    return rate_card_id(row), row


def _key(call: Call) -> tuple[datetime, bytes, bytes]:
    return times.at(call.start_time_ns // 1000), call.trace_id, call.span_id


def _move(
    connection: Connection, project_id: int, changes: Sequence[Change], series: dict[int, Dimensions], *, keep: bool
) -> None:
    rerate_calls.stage(connection, rerate_calls.staged(changes))
    if store.share(connection, project_id, changes, keep=keep) != len(changes):
        raise RuntimeError("calls changed under the writer lock")
    moved = list(entries(changes))
    by_grain = {table: deltas(moved, grain_us) for table, grain_us in GRAINS.items()}
    for table, table_deltas in by_grain.items():
        add_deltas(connection, project_id, table, table_deltas)
    budgets = {budget.budget_id: budget for budget in budget_store.load(connection, project_id)}
    changed = standing_deltas(budgets.values(), by_grain["rollup_quarter_hour"], series)
    if changed:
        standings = budget_store.add_spend(connection, project_id, budgets, changed)
        write_alerts(connection, project_id, budgets, standings, database_now(connection))
