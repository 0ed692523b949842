"""Spend from the rollups: any dimensions by any interval."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Engine, and_, func, literal, or_, select, text
from sqlalchemy.dialects.postgresql import TIMESTAMP

from costspan_collector.analyse.range import Range
from costspan_collector.book.measures import MEASURES
from costspan_collector.filters import Filter, Term
from costspan_collector.store.database import Row, rows
from costspan_collector.store.tables import rollup_minute, rollup_quarter_hour, series

_TABLES = {table.name: table for table in (rollup_minute, rollup_quarter_hour)}
_TRUNCATION = {"1h": "hour", "1d": "day", "1w": "week", "1mo": "month"}


def spend(
    engine: Engine,
    project_id: int,
    within: Range,
    *,
    group_by: Sequence[str] = (),
    interval: str | None = None,
    timezone: str = "UTC",
    where: Filter = Filter(),
) -> list[Row]:
    """Sums of all measures per group (and ``time``, the bucket's start, with an ``interval``), dearest first within a time."""
    table = _TABLES[within.table]
    keys: list[ColumnElement[Any]] = [series.c[name].label(name) for name in group_by]
    if interval is not None:
        keys.insert(0, _bucket(table.c.bucket, interval, timezone).label("time"))
    query = (
        select(*keys, *(func.coalesce(func.sum(table.c[name]), 0).label(name) for name in MEASURES))
        .select_from(table.join(series, and_(series.c.project_id == table.c.project_id, series.c.series_id == table.c.series_id)))
        .where(table.c.project_id == project_id, table.c.bucket >= within.start, table.c.bucket < within.end)
        .where(*conditions(where))
        .group_by(*(text(str(index + 1)) for index in range(len(keys))))
    )
    order: list[Any] = [text("cost_usd DESC"), *(text(f"{name} NULLS LAST") for name in group_by)]
    if interval is not None:
        order.insert(0, text('"time"'))
    with engine.connect() as connection:
        return rows(connection.execute(query.order_by(*order)))


def conditions(where: Filter) -> list[ColumnElement[bool]]:
    """A filter as conditions on the columns of ``series``."""
    alternatives: dict[str, list[ColumnElement[bool]]] = {}
    result: list[ColumnElement[bool]] = []
    for term in where.terms:
        if term.negated:
            result.append(~_holds(term))
        else:
            alternatives.setdefault(term.dimension, []).append(_holds(term))
    return result + [or_(*options) for options in alternatives.values()]


def _holds(term: Term) -> ColumnElement[bool]:
    column = series.c[term.dimension]
    if term.value is None:
        return column.is_(None)
    if term.prefix:
        return func.coalesce(column.startswith(term.value, autoescape=True), False)
    return column.is_not_distinct_from(literal(term.value))


def _bucket(column: ColumnElement[Any], interval: str, timezone: str) -> ColumnElement[Any]:
    if interval in _TRUNCATION:
        return func.date_trunc(_TRUNCATION[interval], column, timezone, type_=TIMESTAMP(timezone=True))
    return column
