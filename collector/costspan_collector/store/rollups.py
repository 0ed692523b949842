"""Rollups in Postgres: deltas added to buckets."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from costspan_collector import times
from costspan_collector.book.measures import MEASURES
from costspan_collector.book.rollup import GRAINS, Deltas
from costspan_collector.store.database import Connection

_NUMERIC = {"cost_usd"}


def _upsert(table: str) -> str:
    columns = ", ".join(MEASURES)
    arrays = ", ".join(f"%s::{'numeric' if name in _NUMERIC else 'bigint'}[]" for name in MEASURES)
    sums = ", ".join(f"{name} = {table}.{name} + EXCLUDED.{name}" for name in MEASURES)
    return (
        f"INSERT INTO {table} (project_id, bucket, series_id, {columns}) "
        f"SELECT %s, delta.* FROM unnest(%s::timestamptz[], %s::bigint[], {arrays}) AS delta "
        f"ON CONFLICT (project_id, bucket, series_id) DO UPDATE SET {sums}"
    )


# Not safe to repeat by themselves: they belong into the transaction that booked what they count.
_UPSERT = {table: _upsert(table) for table in GRAINS}


def add_deltas(connection: Connection, project_id: int, table: str, deltas: Deltas) -> None:
    """Add ``deltas`` to the rollup ``table``, sorted by key."""
    if not deltas:
        return
    keys = sorted(deltas)
    columns: Iterable[list[Any]] = map(list, zip(*(deltas[key] for key in keys), strict=True))
    connection.execute(
        _UPSERT[table],
        [project_id, [times.at(bucket) for bucket, _ in keys], [series for _, series in keys], *columns],
    )


def spent(connection: Connection, project_id: int, start: datetime, end: datetime) -> Mapping[int, Decimal]:
    """Known cost per series from ``start`` to ``end`` (both on quarter-hours), in dollars."""
    rows: list[Any] = connection.execute(
        "SELECT series_id, sum(cost_usd) FROM rollup_quarter_hour "
        "WHERE project_id = %s AND bucket >= %s AND bucket < %s GROUP BY series_id",
        (project_id, start, end),
    ).fetchall()
    return dict(rows)
