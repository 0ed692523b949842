"""Monthly adjustments in Postgres, and the sums of a month that they are computed from."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from costspan import money
from costspan_collector.analyse.adjustments import Adjustment
from costspan_collector.book.stored import USAGE_COLUMNS
from costspan_collector.store.database import Connection

_COLUMNS = "adjustment_id, name, kind, filter, terms, source, first_month, last_month"


def load_adjustments(connection: Connection, project_id: int) -> list[Adjustment]:
    """The rules that hold, by name."""
    found: Any = connection.execute(
        f"SELECT {_COLUMNS} FROM price_adjustment WHERE project_id = %s AND superseded_at IS NULL ORDER BY name, recorded_at",
        (project_id,),
    ).fetchall()
    return [Adjustment(*row) for row in found]


def add_adjustment(connection: Connection, project_id: int, adjustment: Adjustment) -> None:
    """Add a rule."""
    connection.execute(
        f"INSERT INTO price_adjustment (project_id, {_COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            *(project_id, adjustment.adjustment_id, adjustment.name, adjustment.kind, adjustment.filter_text),
            *(Jsonb(dict(adjustment.terms)), adjustment.source, adjustment.first_month, adjustment.last_month),
        ),
    )


def supersede_adjustment(connection: Connection, project_id: int, adjustment_id: UUID) -> bool:
    """End a rule; whether there was one. It stays on record."""
    query = (
        "UPDATE price_adjustment SET superseded_at = now() WHERE project_id = %s AND adjustment_id = %s AND superseded_at IS NULL"
    )
    return connection.execute(query, (project_id, adjustment_id)).rowcount > 0


def spent_in(connection: Connection, project_id: int, series_ids: Sequence[int], start: datetime, end: datetime) -> Decimal:
    """The known cost of these series from ``start`` to before ``end`` (on quarter-hours), in dollars."""
    row: Any = connection.execute(
        "SELECT sum(cost_usd) FROM rollup_quarter_hour "
        "WHERE project_id = %s AND series_id = ANY(%s) AND bucket >= %s AND bucket < %s",
        (project_id, list(series_ids), start, end),
    ).fetchone()
    return row[0] if row[0] is not None else money.ZERO


def used_in(
    connection: Connection, project_id: int, series_ids: Sequence[int], meter: str, start: datetime, end: datetime
) -> Decimal:
    """How much of ``meter`` the calls of these series used from ``start`` to before ``end``, from the raw calls."""
    value = f"usage_{meter}" if meter in USAGE_COLUMNS else "(usage_other ->> %(meter)s)::numeric"
    row: Any = connection.execute(
        f"SELECT sum({value}) FROM call WHERE project_id = %(project_id)s AND series_id = ANY(%(series_ids)s) "
        "AND start_time >= %(start)s AND start_time < %(end)s",
        {"meter": meter, "project_id": project_id, "series_ids": list(series_ids), "start": start, "end": end},
    ).fetchone()
    return Decimal(row[0]) if row[0] is not None else Decimal(0)
