"""Imported bills in Postgres: added and never changed; for each provider's day the newest import that covers it counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

from psycopg.rows import dict_row

from costspan import money
from costspan_collector.invoices.reading import BilledLine
from costspan_collector.store.database import Connection

_LINES = """
WITH covering AS (
    SELECT l.provider, l.day, l.import_id,
        row_number() OVER (PARTITION BY l.provider, l.day ORDER BY max(i.imported_at) DESC, l.import_id) AS place
    FROM invoice_line l JOIN invoice_import i ON i.project_id = l.project_id AND i.import_id = l.import_id
    WHERE l.project_id = %(project_id)s AND l.day >= %(first)s AND l.day <= %(last)s
        AND (%(provider)s::text IS NULL OR l.provider = %(provider)s)
    GROUP BY l.provider, l.day, l.import_id
)
SELECT l.provider, l.day, l.sku, l.category, sum(l.billed_usd) AS billed_usd, sum(l.quantity) AS quantity, l.unit
FROM covering c
JOIN invoice_line l ON l.project_id = %(project_id)s AND l.import_id = c.import_id AND l.provider = c.provider AND l.day = c.day
WHERE c.place = 1
GROUP BY l.provider, l.day, l.sku, l.category, l.unit
"""
_BOOKED = """
SELECT (r.bucket AT TIME ZONE %(timezone)s)::date AS day, s.provider, s.model,
    sum(r.cost_usd) AS usd, sum(r.calls)::bigint AS calls, sum(r.unpriced_calls)::bigint AS unpriced_calls,
    sum(r.partial_calls)::bigint AS partial_calls, sum(r.estimated_calls)::bigint AS estimated_calls,
    sum(r.input_tokens + r.output_tokens)::bigint AS tokens
FROM rollup_quarter_hour r JOIN series s ON s.project_id = r.project_id AND s.series_id = r.series_id
WHERE r.project_id = %(project_id)s
    AND r.bucket >= %(first)s::timestamp AT TIME ZONE %(timezone)s
    AND r.bucket < (%(last)s::date + 1)::timestamp AT TIME ZONE %(timezone)s
GROUP BY 1, 2, 3
"""


@dataclass(frozen=True, slots=True)
class Import:
    """An imported export."""

    import_id: UUID
    file_name: str
    mapping: str
    lines: int
    skipped_lines: int
    billed_usd: Any
    first_day: date
    last_day: date
    imported_at: datetime


def find_import(connection: Connection, project_id: int, content_hash: bytes) -> Import | None:
    """The import of a file of that content, if there was one."""
    query = f"SELECT {_IMPORT} FROM invoice_import WHERE project_id = %s AND content_hash = %s"
    row: Any = connection.execute(query, (project_id, content_hash)).fetchone()
    return None if row is None else Import(*row)


_IMPORT = "import_id, file_name, mapping, lines, skipped_lines, billed_usd, first_day, last_day, imported_at"


def add_import(
    connection: Connection,
    project_id: int,
    content_hash: bytes,
    file_name: str,
    mapping: str,
    lines: Sequence[BilledLine],
    skipped_lines: int,
) -> Import:
    """Write an import and its lines, in one transaction. Raises ``UniqueViolation`` for a content that is known already."""
    import_id = uuid4()
    days = [line.day for line in lines]
    billed = money.total(line.billed_usd for line in lines)
    with connection.transaction():
        row: Any = connection.execute(
            "INSERT INTO invoice_import (project_id, import_id, content_hash, file_name, mapping, lines, skipped_lines, "
            f"billed_usd, first_day, last_day) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING {_IMPORT}",
            (
                *(project_id, import_id, content_hash, file_name, mapping),
                *(len(lines), skipped_lines, billed, min(days), max(days)),
            ),
        ).fetchone()
        columns = "project_id, import_id, line_number, provider, day, sku, category, billed_usd, quantity, unit"
        with connection.cursor() as cursor, cursor.copy(f"COPY invoice_line ({columns}) FROM STDIN") as copy:
            for line in lines:
                copy.write_row(
                    (
                        *(project_id, import_id, line.line_number, line.provider, line.day),
                        *(line.sku, line.category, line.billed_usd, line.quantity, line.unit),
                    )
                )
    return Import(*row)


def list_imports(connection: Connection, project_id: int) -> list[Import]:
    """All imports, the newest first."""
    query = f"SELECT {_IMPORT} FROM invoice_import WHERE project_id = %s ORDER BY imported_at DESC, import_id"
    found: Any = connection.execute(query, (project_id,)).fetchall()
    return [Import(*row) for row in found]


def billed_lines(connection: Connection, project_id: int, first: date, last: date, provider: str | None) -> list[dict[str, Any]]:
    """What was billed from ``first`` to ``last``, summed by provider, day, SKU and category."""
    values = {"project_id": project_id, "first": first, "last": last, "provider": provider}
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(_LINES, values).fetchall()


def last_billed(connection: Connection, project_id: int) -> dict[str, date]:
    """By provider the last day that any import covers."""
    query = "SELECT provider, max(day) FROM invoice_line WHERE project_id = %s GROUP BY provider"
    found: Any = connection.execute(query, (project_id,)).fetchall()
    return dict(found)


def booked_by_day(connection: Connection, project_id: int, first: date, last: date, timezone: str) -> list[dict[str, Any]]:
    """What was booked from ``first`` to ``last``, days of ``timezone``, by provider and model as they were reported."""
    values = {"project_id": project_id, "first": first, "last": last, "timezone": timezone}
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(_BOOKED, values).fetchall()
