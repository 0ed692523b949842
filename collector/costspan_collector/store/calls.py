"""Calls into Postgres: staged by COPY, kept unique by their keys."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson

from costspan_collector import times
from costspan_collector.book.identity import rate_card_id, rate_card_row
from costspan_collector.book.stored import USAGE_COLUMNS
from costspan_collector.call import PricedCall, response_key, span_key
from costspan_collector.store.copy_text import rows
from costspan_collector.store.database import Connection
from costspan_collector.store.sql import statement

# What pricing decides; a re-rating changes these and nothing else.
COST_COLUMNS = ("rate_card_id", "cost_usd", "rated_usd", "cost_state", "cost_reason", "price_version")
COLUMNS = (
    "start_time",
    "series_id",
    "duration_us",
    "time_to_first_chunk_us",
    *(f"usage_{meter}" for meter in USAGE_COLUMNS),
    *COST_COLUMNS,
    "incomplete",
    "streamed",
    "reported_cost_usd",
    "charged_usd",
    "value_usd",
    "trace_id",
    "span_id",
    "parent_span_id",
    "basis",
    "response_id",
    "request_model",
    "response_model",
    "user_id",
    "session_id",
    "operation_id",
    "error_type",
    "service_tier",
    "region",
    "conditions",
    "usage_other",
    "tags",
)
_COLUMN_LIST = ", ".join(COLUMNS)
_COPY = f"COPY call_stage (span_key, response_key, {_COLUMN_LIST}) FROM STDIN"
_INSERT = statement("insert_calls").replace("{columns}", _COLUMN_LIST)


def prepare(connection: Connection) -> None:
    """Make the session's staging table. Once per connection."""
    connection.execute(statement("create_call_stage"))


def insert_new(connection: Connection, project_id: int, staged: Sequence[tuple[PricedCall, int]]) -> set[UUID]:
    """Insert the calls (each with its series id) whose trace and span are not yet booked; return the keys of those.

    Safe to repeat: a call that is booked already changes nothing. ``staged`` holds each trace and span once.
    """
    with connection.cursor() as cursor:
        with cursor.copy(_COPY) as copy:
            copy.write(rows(_row(priced, series) for priced, series in staged))
        cursor.execute(_INSERT, {"project_id": project_id})
        return {key for (key,) in cursor.fetchall()}


def insert_series(connection: Connection, project_id: int, new: Mapping[int, Any]) -> None:
    """Add dictionary rows for series (id -> Dimensions). Safe to repeat."""
    with connection.cursor() as cursor:
        cursor.executemany(
            statement("insert_series"),
            [
                (
                    project_id,
                    series_id,
                    *(getattr(d, n) for n in ("environment", "service", "feature", "customer")),
                    *(d.provider, d.model, d.operation, orjson.dumps(dict(d.tags)).decode()),
                )
                for series_id, d in sorted(new.items())
            ],
        )


def insert_rate_cards(connection: Connection, project_id: int, new: Mapping[int, Mapping[str, Any]]) -> None:
    """Keep the cards (id -> row) that calls were priced by. Safe to repeat."""
    with connection.cursor() as cursor:
        cursor.executemany(
            statement("insert_rate_card"),
            [
                {
                    **card,
                    "conditions": orjson.dumps(card["conditions"]).decode(),
                    "rates": orjson.dumps(card["rates"]).decode(),
                    "project_id": project_id,
                    "rate_card_id": card_id,
                }
                for card_id, card in sorted(new.items())
            ],
        )


def cards_by_rule(connection: Connection, project_id: int, rule: str) -> frozenset[int]:
    """The ids of the cards that came by ``rule``."""
    query = "SELECT rate_card_id FROM rate_card WHERE project_id = %s AND rule = %s"
    return frozenset(row[0] for row in connection.execute(query, (project_id, rule)).fetchall())


_card_ids: dict[int, tuple[Any, int, dict[str, Any]]] = {}


def card_identity(priced: PricedCall) -> tuple[int, dict[str, Any]] | None:
    """The id and stored row of the card that priced a call; the same card object is hashed once."""
    card = priced.cost.card if priced.cost is not None else None
    if card is None:
        return None
    known = _card_ids.get(id(card))
    if known is None or known[0] is not card:
        if len(_card_ids) > 10_000:
            _card_ids.clear()
        row = rate_card_row(card)
        known = _card_ids[id(card)] = (card, rate_card_id(row), row)
    return known[1], known[2]


def cost_values(priced: PricedCall) -> list[Any]:
    """The values of ``COST_COLUMNS``."""
    card, cost = card_identity(priced), priced.cost
    if cost is None:
        return [None, None, None, None, None, priced.price_version]
    return [card[0] if card else None, cost.amount, cost.rated_usd, cost.state, cost.reason, priced.price_version]


def _row(priced: PricedCall, series: int) -> list[Any]:
    call = priced.call
    usage = call.usage or {}
    first_chunk = call.time_to_first_chunk_ns
    return [
        span_key(call.trace_id, call.span_id).hex(),
        response_key(call.response_id).hex() if call.response_id else None,
        times.at(call.start_time_ns // 1000),
        series,
        (call.end_time_ns - call.start_time_ns) // 1000,
        first_chunk // 1000 if first_chunk is not None else None,
        *(usage.get(meter) for meter in USAGE_COLUMNS),
        *cost_values(priced),
        call.incomplete,
        call.streamed,
        call.reported_cost_usd,
        call.charged_usd,
        call.value_usd,
        call.trace_id,
        call.span_id,
        call.parent_span_id,
        call.basis,
        call.response_id,
        call.request_model,
        call.response_model if call.response_model != call.request_model else None,
        call.user,
        call.session,
        call.operation_id,
        call.error_type,
        call.tier,
        call.region,
        call.conditions or None,
        {meter: quantity for meter, quantity in usage.items() if meter not in USAGE_COLUMNS} or None,
        call.tags or None,
    ]
