"""The rows of an export, read by a mapping into what was billed. Pure; nothing passes through a float."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from costspan.pricing.naming import provider_id
from costspan_collector.invoices.mapping import ColumnMapping
from costspan_collector.invoices.values import Period, amount, instant, number, period

# A preamble of facts about the bill may stand above the columns' names.
_LONGEST_PREAMBLE = 40
_PROVIDERS = {
    "amazon web services": "aws",
    "amazon web services, inc.": "aws",
    "google cloud": "google",
    "google cloud platform": "google",
    "google llc": "google",
    "microsoft": "azure",
    "microsoft azure": "azure",
    "x.ai": "x-ai",
}


@dataclass(frozen=True, slots=True)
class BilledLine:
    """What one row bills. ``day`` is the export's own day; ``starts_at`` is None where the row is about whole days.

    ``sku`` is the provider's words for what was bought, ``model`` those in which the model is named.
    """

    line_number: int
    provider: str
    account: str
    day: date
    days: int
    starts_at: datetime | None
    sku: str
    model: str
    category: str
    billed_usd: Decimal
    effective_usd: Decimal | None = None
    list_usd: Decimal | None = None
    quantity: Decimal | None = None
    unit: str | None = None
    tokens: Decimal | None = None


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be read: its line in the file, and a message that names the column and the value."""

    line_number: int
    message: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A row about another service than the mapping looks at, or one without an amount where that means nothing."""

    line_number: int


class NotThisExport(ValueError):
    """The file has not the columns that the mapping needs; the message names them."""


def read_rows(text: Iterable[str], mapping: ColumnMapping) -> Iterator[BilledLine | BadRow | LeftOut]:
    """What each row of the file bills, or why it cannot be told.

    Raises ``NotThisExport`` where the columns are not there, and for a currency of the whole file that is not USD.
    """
    reader = csv.reader(text, delimiter=mapping.delimiter)
    header, currency = _header(reader, mapping)
    places = {name: index for index, name in reversed(list(enumerate(header)))}
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        row = {name: cells[index].strip() for name, index in places.items() if index < len(cells)}
        try:
            yield _line(row, reader.line_num, mapping, currency)
        except ValueError as error:
            yield BadRow(reader.line_num, str(error))


def _header(reader: Iterator[list[str]], mapping: ColumnMapping) -> tuple[list[str], str | None]:
    currency = mapping.currency
    words = (*mapping.columns.get("sku", ()), *mapping.columns.get("model", ()))
    needed = {"start": mapping.columns["start"], "amount": mapping.columns["amount"], "sku or model": words}
    first: list[str] | None = None
    for _, cells in zip(range(_LONGEST_PREAMBLE), reader, strict=False):
        names = [cell.strip().lower() for cell in cells]
        if all(any(column in names for column in columns) for columns in needed.values()):
            return names, currency
        first = first or [cell.strip() for cell in cells if cell.strip()]
        if mapping.preamble_currency and len(names) > 1 and names[0] == mapping.preamble_currency.lower():
            currency = names[1].upper()
            if currency != "USD":
                raise NotThisExport(f"{mapping.preamble_currency}: {currency!r} is not USD, the only currency that is compared")
    wanted = "; ".join(f"{field}: {' or '.join(columns)}" for field, columns in needed.items())
    raise NotThisExport(f"no line has the columns of mapping {mapping.name} ({wanted}); the file begins with {first or []}")


class _Row:
    """A row's values by the mapping's fields."""

    def __init__(self, row: Mapping[str, str], mapping: ColumnMapping) -> None:
        self._row = row
        self._columns = mapping.columns

    def get(self, field: str) -> tuple[str, str]:
        """The column that says something of ``field``, and what; empty texts where none does."""
        present = [column for column in self._columns.get(field, ()) if column in self._row]
        for column in present:
            if self._row[column]:
                return column, self._row[column]
        return (present[0] if present else field), ""

    def joined(self, field: str) -> str:
        """What all columns of ``field`` say, each once."""
        said = (self._row.get(column, "") for column in self._columns.get(field, ()))
        return ", ".join(dict.fromkeys(text for text in said if text))


def _line(cells: Mapping[str, str], number_: int, mapping: ColumnMapping, currency: str | None) -> BilledLine | LeftOut:
    row = _Row(cells, mapping)
    if any(column in cells and not pattern.search(cells[column]) for column, pattern in mapping.only.items()):
        return LeftOut(number_)
    if mapping.is_empty_amount_nothing and not row.get("amount")[1]:
        return LeftOut(number_)
    _check_currency(row, currency)
    when = _period(row, mapping)
    sku = row.joined("sku") or row.joined("model")
    quantity = number(*row.get("quantity")) if row.get("quantity")[1] else None
    unit = row.get("unit")[1] or None
    return BilledLine(
        line_number=number_,
        provider=_provider(row, mapping),
        account=row.get("account")[1],
        day=when.day,
        days=when.days,
        starts_at=when.starts_at,
        sku=sku,
        model=_model(row, sku, mapping),
        category=_category(row, mapping),
        billed_usd=amount(*row.get("amount")),
        effective_usd=amount(*row.get("effective")) if row.get("effective")[1] else None,
        list_usd=amount(*row.get("list")) if row.get("list")[1] else None,
        quantity=quantity,
        unit=unit,
        tokens=_tokens(quantity, unit, sku, mapping),
    )


def _check_currency(row: _Row, currency: str | None) -> None:
    column, stated = row.get("currency")
    stated = stated or currency or ""
    if stated.upper() != "USD":
        raise ValueError(f"{column}: {stated!r} is not USD, the only currency that is compared")


def _period(row: _Row, mapping: ColumnMapping) -> Period:
    start = instant(*row.get("start"), mapping.date_format, mapping.zone)
    column, end = row.get("end")
    return period(start, instant(column, end, mapping.date_format, mapping.zone) if end else None, mapping.zone, column)


def _provider(row: _Row, mapping: ColumnMapping) -> str:
    column, stated = row.get("provider")
    name = (stated or mapping.provider or "").lower()
    known = mapping.providers.get(name) or _PROVIDERS.get(name) or name.replace(" ", "_")
    provider = provider_id(known) if known else None
    if provider is None:
        raise ValueError(f"{column}: {stated!r} names no provider")
    return provider


def _model(row: _Row, sku: str, mapping: ColumnMapping) -> str:
    stated = row.get("model")[1] or sku
    found = mapping.model_pattern.search(stated) if mapping.model_pattern else None
    return (found["model"] if found else None) or stated


def _category(row: _Row, mapping: ColumnMapping) -> str:
    if row.get("credit")[1]:
        return "credit"
    column, stated = row.get("category")
    if not stated:
        return "usage"
    known = mapping.categories.get(stated.lower())
    if known is None:
        raise ValueError(
            f"{column}: {stated!r} is not a category; allowed: {', '.join(mapping.categories) or 'none, by [categories]'}"
        )
    return known


def _tokens(quantity: Decimal | None, unit: str | None, sku: str, mapping: ColumnMapping) -> Decimal | None:
    size = mapping.units.get((unit or "").lower())
    if quantity is None or size is None or (mapping.tokens_where and not mapping.tokens_where.search(sku)):
        return None
    return quantity * size
