"""The list of calls, newest first, each with the arithmetic of its cost."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, and_, select, tuple_

from costspan.pricing import Cost, rate_usage
from costspan.usage import Quantity
from costspan_collector.book.identity import stored_card
from costspan_collector.book.stored import USAGE_COLUMNS, stored_usage
from costspan_collector.filters import Filter
from costspan_collector.store.database import Row, rows
from costspan_collector.store.spend import conditions
from costspan_collector.store.tables import call, rate_card, series


@dataclass(frozen=True, slots=True)
class Place:
    """The last call of a page; the next page begins after it."""

    start_time: datetime
    trace_id: bytes
    span_id: bytes


def list_calls(
    engine: Engine,
    project_id: int,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    where: Filter = Filter(),
    after: Place | None = None,
    limit: int = 50,
) -> list[Row]:
    """Up to ``limit`` calls that start from ``start`` to before ``end``, newest first, with their dimensions and rate card."""
    key = tuple_(call.c.start_time, call.c.trace_id, call.c.span_id)
    cards = [column.label(f"card_{column.name}") for column in rate_card.c if column.name != "project_id"]
    query = (
        select(*call.c, *(series.c[name] for name in ("environment", "service", "feature", "customer")))
        .add_columns(series.c.provider, series.c.model, series.c.operation, *cards)
        .join(series, and_(series.c.project_id == call.c.project_id, series.c.series_id == call.c.series_id))
        .outerjoin(
            rate_card,
            and_(rate_card.c.project_id == call.c.project_id, rate_card.c.rate_card_id == call.c.rate_card_id),
        )
        .where(call.c.project_id == project_id, *conditions(where))
        .order_by(call.c.start_time.desc(), call.c.trace_id.desc(), call.c.span_id.desc())
        .limit(limit)
    )
    if start is not None:
        query = query.where(call.c.start_time >= start)
    if end is not None:
        query = query.where(call.c.start_time < end)
    if after is not None:
        query = query.where(key < tuple_(after.start_time, after.trace_id, after.span_id))
        query = query.where(call.c.start_time <= after.start_time)
    with engine.connect() as connection:
        return rows(connection.execute(query))


def usage_of(row: Mapping[str, Any]) -> dict[str, Quantity] | None:
    """The disjoint meters of a stored call, None where none was reported."""
    return stored_usage([row[f"usage_{meter}"] for meter in USAGE_COLUMNS], row["usage_other"])


def arithmetic(row: Mapping[str, Any]) -> Cost | None:
    """The line items of a stored call's cost, from the rates that it was priced by; None where no card priced it."""
    if row["card_rate_card_id"] is None:
        return None
    card = {column.name: row[f"card_{column.name}"] for column in rate_card.c if column.name != "project_id"}
    return rate_usage(usage_of(row), stored_card(card), incomplete=row["incomplete"])
