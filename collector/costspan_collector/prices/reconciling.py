"""Importing bills, and setting them against the books."""

import gzip
import hashlib
import io
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from costspan.pricing import PriceBook
from costspan.pricing.naming import provider_id
from costspan_collector.analyse.causes import explained
from costspan_collector.analyse.reconcile import Billed, Booked, Key, Row, joined
from costspan_collector.invoices.mapping import ColumnMapping
from costspan_collector.invoices.models import Models
from costspan_collector.invoices.reading import BadRow, BilledLine, LeftOut, NotThisExport, read_rows
from costspan_collector.store import invoices as store
from costspan_collector.store.budgets import lock_writer
from costspan_collector.store.database import Connection
from costspan_collector.store.database import Row as StoredRow

_NO_MODEL = "(no model)"


class BadFile(ValueError):
    """Rows of an export cannot be read, and nothing of it was booked; ``rows`` are all of them."""

    def __init__(self, rows: Sequence[BadRow]) -> None:
        super().__init__(f"{len(rows)} rows cannot be read; the first is line {rows[0].line_number}: {rows[0].message}")
        self.rows = tuple(rows)


@dataclass(frozen=True, slots=True)
class ImportResult:
    """The import of a file; ``is_new`` is False where the same file was imported before. ``skipped``: its bad rows."""

    imported: store.Import
    is_new: bool
    skipped: tuple[BadRow, ...] = ()


def import_file(
    connection: Connection, project_id: int, path: Path, mapping: ColumnMapping, *, skip_bad: bool = False
) -> ImportResult:
    """Import the export in ``path``, plain or gzipped, whole or not at all; the same content by the same mapping changes nothing.

    Raises ``BadFile`` for rows that cannot be read, unless they are to be skipped; ``NotThisExport`` for a file without the
    mapping's columns, without a line, or that is not text; OSError.
    """
    data = _unpacked(path)
    content_hash = hashlib.blake2b(data + b"\0" + mapping.written.encode(), digest_size=32).digest()
    try:
        text = io.StringIO(data.decode("utf-8-sig"), newline="")
    except UnicodeDecodeError as error:
        raise NotThisExport(f"{path.name}: not UTF-8 text: {error}") from None
    rows = list(read_rows(text, mapping))
    bad = tuple(row for row in rows if isinstance(row, BadRow))
    lines = [row for row in rows if isinstance(row, BilledLine)]
    if bad and not skip_bad:
        raise BadFile(bad)
    if not lines:
        raise NotThisExport(f"{path.name}: no row bills anything that mapping {mapping.name} looks at")
    left_out = sum(isinstance(row, LeftOut) for row in rows)
    with connection.transaction():
        lock_writer(connection, project_id)
        known = store.find_import(connection, project_id, content_hash)
        if known is not None:
            return ImportResult(known, is_new=False, skipped=bad)
        described = (path.name, mapping.name)
        record = store.add_import(connection, project_id, content_hash, described, lines, len(bad), left_out)
    return ImportResult(record, is_new=True, skipped=bad)


def reconciliation(
    connection: Connection, project_id: int, book: PriceBook, first: date, last: date, provider: str | None, timezone: str
) -> list[Row]:
    """Booked against billed by day, provider and model, with the causes of each difference.

    From ``first`` to ``last``, days of ``timezone``; of one ``provider``, or of all that have a bill.
    """
    wanted = provider_id(provider) if provider else None
    models = Models(book, datetime.combine(last, time(12), UTC))
    last_billed = store.last_billed(connection, project_id)
    billed: dict[Key, Billed] = {}
    # A day more on either side tells whether a gap comes back there.
    around = (first - timedelta(days=1), last + timedelta(days=1))
    for line in store.billed_lines(connection, project_id, *around, timezone, wanted):
        model = models.named_in(line["provider"], line["model"]) or models.named_in(line["provider"], line["sku"])
        key = (line["day"], line["provider"], model or line["sku"] or _NO_MODEL)
        billed[key] = billed.get(key, Billed()) + _billed(line, is_known_model=model is not None)
    booked: dict[Key, Booked] = {}
    for row in store.booked_by_day(connection, project_id, *around, timezone):
        owner = provider_id(row["provider"] or "") or "(no provider)"
        if owner != wanted if wanted else owner not in last_billed:
            continue
        key = (row["day"], owner, models.called(owner, row["model"]) if row["model"] else _NO_MODEL)
        counts = (row["unpriced_calls"], row["partial_calls"], row["estimated_calls"], row["tokens"])
        booked[key] = booked.get(key, Booked()) + Booked(row["usd"], row["calls"], *counts)
    rows = explained(joined(booked, billed), last_billed)
    return [row for row in rows if first <= row.day <= last]


def _billed(line: StoredRow, *, is_known_model: bool) -> Billed:
    if line["category"] != "usage":
        return Billed(other_usd={line["category"]: line["billed_usd"]}, days=line["days"])
    return Billed(
        usage_usd=line["billed_usd"],
        lines=line["lines"],
        tokens=line["tokens"],
        list_usd=line["list_usd"],
        decimals=line["decimals"],
        days=line["days"],
        is_known_model=is_known_model,
    )


def _unpacked(path: Path) -> bytes:
    data = path.read_bytes()
    if not data.startswith(b"\x1f\x8b"):
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise NotThisExport(f"{path.name}: cannot be unpacked: {error}") from None
