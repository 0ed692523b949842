"""Imports of bills, and what they say beside the books."""

import gzip
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from io import StringIO
from pathlib import Path

from costspan import money
from costspan.pricing import PriceBook
from costspan.pricing.naming import provider_id
from costspan_collector.analyse.reconcile import Billed, Booked, Key, Row, reconcile
from costspan_collector.invoices.mapping import ColumnMapping
from costspan_collector.invoices.models import Models
from costspan_collector.invoices.reading import BadRow, BilledLine, read_rows
from costspan_collector.store import invoices as store
from costspan_collector.store.database import Connection

# What exports count tokens in.
_TOKEN_UNITS = {"tokens": 1, "token": 1, "1k tokens": 1_000, "1m tokens": 1_000_000, "1k": 1_000, "1m": 1_000_000}


class BadFile(ValueError):
    """Rows of a file could not be read, and nothing of it was booked; ``rows`` says which and why."""

    def __init__(self, rows: Sequence[BadRow]) -> None:
        super().__init__(f"{len(rows)} rows cannot be read; line {rows[0].line_number}: {rows[0].message}")
        self.rows = rows


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import did: ``is_new`` is False where the same content was imported before."""

    imported: store.Import
    is_new: bool
    skipped: tuple[BadRow, ...] = ()


def import_file(
    connection: Connection, project_id: int, path: Path, mapping: ColumnMapping, *, skip_bad: bool = False
) -> ImportResult:
    """Import the export in ``path``, plain or gzipped, whole or not at all.

    Raises ``BadFile`` where rows cannot be read, unless ``skip_bad``; ``NotThisExport`` where columns are missing; OSError;
    ValueError for a file without a row.
    """
    data = path.read_bytes()
    content_hash = hashlib.blake2b(data, digest_size=32).digest()
    if (known := store.find_import(connection, project_id, content_hash)) is not None:
        return ImportResult(known, is_new=False)
    plain = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    rows = list(read_rows(StringIO(plain.decode("utf-8-sig"), newline=""), mapping))
    bad = tuple(row for row in rows if isinstance(row, BadRow))
    lines = [row for row in rows if isinstance(row, BilledLine)]
    if bad and not skip_bad:
        raise BadFile(bad)
    if not lines:
        raise ValueError(f"{path}: has no row with an amount")
    imported = store.add_import(connection, project_id, content_hash, path.name, mapping.name, lines, len(bad))
    return ImportResult(imported, is_new=True, skipped=bad)


def reconciliation(
    connection: Connection, project_id: int, book: PriceBook, first: date, last: date, provider: str | None, timezone: str
) -> list[Row]:
    """Booked against billed from ``first`` to ``last`` (days of ``timezone``), for the providers that have a bill, or one."""
    models = Models(book)
    wanted = provider_id(provider) if provider else None
    billed: dict[Key, Billed] = {}
    for line in store.billed_lines(connection, project_id, first, last, wanted):
        known = models.find(line["provider"], line["sku"], line["day"])
        key = (line["day"], line["provider"], known or line["sku"] or "unnamed")
        billed[key] = _with_line(billed.get(key), line["category"], line["billed_usd"], line["quantity"], line["unit"])
    last_billed = store.last_billed(connection, project_id)
    booked: dict[Key, Booked] = {}
    for row in store.booked_by_day(connection, project_id, first, last, timezone):
        owner = provider_id(row["provider"] or "") or "unknown"
        if owner != wanted if wanted else owner not in last_billed:
            continue
        model = models.find(owner, row["model"] or "", row["day"]) or row["model"] or "unnamed"
        key = (row["day"], owner, model)
        booked[key] = _with_booked(booked.get(key), row)
    return reconcile(booked, billed, last_billed)


def _with_line(before: Billed | None, category: str, amount: Decimal, quantity: Decimal | None, unit: str | None) -> Billed:
    before = before or Billed(money.ZERO)
    if category != "usage":
        return Billed(before.usage_usd, money.CONTEXT.add(before.other_usd, amount), before.tokens)
    tokens = before.tokens
    size = _TOKEN_UNITS.get((unit or "").lower())
    if quantity is not None and size is not None:
        tokens = (tokens or Decimal(0)) + quantity * size
    return Billed(money.CONTEXT.add(before.usage_usd, amount), before.other_usd, tokens)


def _with_booked(before: Booked | None, row: dict[str, object]) -> Booked:
    counts = ("calls", "unpriced_calls", "partial_calls", "estimated_calls", "tokens")
    before = before or Booked(money.ZERO)
    added = {name: getattr(before, name) + int(str(row[name])) for name in counts}
    return Booked(money.CONTEXT.add(before.usd, Decimal(str(row["usd"]))), **added)
