"""Imported bills in Postgres: added and never changed; of each day of an account the newest import counts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from psycopg.rows import dict_row

from costspan import money
from costspan_collector.invoices.reading import BilledLine
from costspan_collector.store.database import Connection, Row
from costspan_collector.store.sql import statement

_IMPORT = "import_id, file_name, mapping, lines, skipped_lines, left_out_lines, billed_usd, first_day, last_day, imported_at"
_LINE = (
    *("line_number", "provider", "account", "day", "days", "starts_at", "sku", "model", "category"),
    *("billed_usd", "effective_usd", "list_usd", "quantity", "unit", "tokens"),
)


@dataclass(frozen=True, slots=True)
class Import:
    """An imported export: ``lines`` were kept, ``skipped_lines`` were bad, ``left_out_lines`` bill something else than models."""

    import_id: UUID
    file_name: str
    mapping: str
    lines: int
    skipped_lines: int
    left_out_lines: int
    billed_usd: Decimal
    first_day: date
    last_day: date
    imported_at: datetime


def find_import(connection: Connection, project_id: int, content_hash: bytes) -> Import | None:
    """The import of that content, if there is one."""
    query = f"SELECT {_IMPORT} FROM invoice_import WHERE project_id = %s AND content_hash = %s"
    row: Any = connection.execute(query, (project_id, content_hash)).fetchone()
    return None if row is None else Import(*row)


def add_import(
    connection: Connection,
    project_id: int,
    content_hash: bytes,
    described: tuple[str, str],
    lines: Sequence[BilledLine],
    skipped_lines: int,
    left_out_lines: int,
) -> Import:
    """Write an import (its file's and mapping's names in ``described``), under the writer lock. Not to be repeated."""
    import_id = uuid4()
    days = [line.day for line in lines]
    billed = money.total(line.billed_usd for line in lines)
    row: Any = connection.execute(
        "INSERT INTO invoice_import (project_id, import_id, content_hash, file_name, mapping, lines, skipped_lines, "
        f"left_out_lines, billed_usd, first_day, last_day) "
        f"VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING {_IMPORT}",
        (
            project_id,
            import_id,
            content_hash,
            *described,
            len(lines),
            skipped_lines,
            left_out_lines,
            billed,
            min(days),
            max(days),
        ),
    ).fetchone()
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO invoice_coverage (project_id, import_id, provider, account, first_day, last_day) "
            "VALUES (%s, %s, %s, %s, %s, %s)",
            [(project_id, import_id, *owner, *span) for owner, span in sorted(_coverage(lines).items())],
        )
        with cursor.copy(f"COPY invoice_line (project_id, import_id, {', '.join(_LINE)}) FROM STDIN") as copy:
            for line in lines:
                copy.write_row((project_id, import_id, *(getattr(line, name) for name in _LINE)))
    return Import(*row)


def _coverage(lines: Sequence[BilledLine]) -> Mapping[tuple[str, str], tuple[date, date]]:
    spans: dict[tuple[str, str], tuple[date, date]] = {}
    for line in lines:
        owner = (line.provider, line.account)
        first, last = spans.get(owner, (line.day, line.day))
        spans[owner] = (min(first, line.day), max(last, line.day))
    return spans


def list_imports(connection: Connection, project_id: int) -> list[Import]:
    """All imports, the newest first."""
    query = f"SELECT {_IMPORT} FROM invoice_import WHERE project_id = %s ORDER BY imported_at DESC, import_id"
    found: Sequence[Any] = connection.execute(query, (project_id,)).fetchall()
    return [Import(*row) for row in found]


def billed_lines(
    connection: Connection, project_id: int, first: date, last: date, timezone: str, provider: str | None
) -> list[Row]:
    """What was billed from ``first`` to ``last`` (inclusive) by day, provider, SKU and category."""
    values = {"project_id": project_id, "first": first, "last": last, "timezone": timezone, "provider": provider}
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement("billed_lines"), values).fetchall()


def last_billed(connection: Connection, project_id: int) -> dict[str, date]:
    """By provider the last day that any import covers."""
    query = "SELECT provider, max(last_day) FROM invoice_coverage WHERE project_id = %s GROUP BY provider"
    found: Sequence[Any] = connection.execute(query, (project_id,)).fetchall()
    return dict(found)


def booked_by_day(connection: Connection, project_id: int, first: date, last: date, timezone: str) -> list[Row]:
    """What was booked from ``first`` to ``last`` (inclusive), days of ``timezone``, by provider and model as calls name them."""
    values = {"project_id": project_id, "first": first, "last": last, "timezone": timezone}
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement("booked_by_day"), values).fetchall()
