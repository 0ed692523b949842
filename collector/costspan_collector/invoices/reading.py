"""An export's rows read into what was billed, by a column mapping. Nothing passes through a float."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation

from costspan import money
from costspan.pricing.naming import provider_id
from costspan_collector.invoices.mapping import ColumnMapping

_WORDS = {"usage": "usage", "credit": "credit", "adjustment": "adjustment", "tax": "tax", "purchase": "purchase"}


@dataclass(frozen=True, slots=True)
class BilledLine:
    """What one row of an export bills: ``sku`` is the provider's own words for what was bought."""

    line_number: int
    provider: str
    day: date
    sku: str
    category: str
    billed_usd: Decimal
    quantity: Decimal | None = None
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that could not be read: its line, the column, its value and what is allowed."""

    line_number: int
    message: str


class NotThisExport(ValueError):
    """The file has not the columns that the mapping names; the message says which."""


def read_rows(lines: Iterable[str], mapping: ColumnMapping) -> Iterator[BilledLine | BadRow]:
    """What each row bills, or why it cannot be told. Raises ``NotThisExport`` where a column is missing."""
    reader = csv.DictReader(lines, delimiter=mapping.delimiter)
    header = reader.fieldnames or ()
    wanted = [*mapping.columns.values(), *mapping.sku]
    if missing := [name for name in wanted if name not in header]:
        raise NotThisExport(
            f"the file has no column {missing[0]!r}, which the mapping {mapping.name} names; it has {', '.join(header)}"
        )
    for row in reader:
        try:
            line = _line(row, reader.line_num, mapping)
        except ValueError as error:
            yield BadRow(reader.line_num, str(error))
        else:
            if line is not None:
                yield line


def _line(row: Mapping[str, str | None], number: int, mapping: ColumnMapping) -> BilledLine | None:
    def value(name: str) -> str:
        column = mapping.columns.get(name)
        return (row.get(column) or "").strip() if column else ""

    amount = value("amount")
    if not amount:
        return None
    currency = value("currency") or "USD"
    if currency.upper() != "USD":
        raise ValueError(f"{mapping.columns['currency']}: {currency!r} is not USD, the only currency that is booked")
    provider = provider_id(value("provider") or mapping.provider or "")
    if not provider:
        raise ValueError(f"{mapping.columns.get('provider', 'provider')}: {value('provider')!r} names no provider")
    quantity = value("quantity")
    return BilledLine(
        line_number=number,
        provider=_PROVIDER_NAMES.get(provider, provider),
        day=_day(mapping.columns["day"], value("day")),
        sku=", ".join(part for column in mapping.sku if (part := (row.get(column) or "").strip())),
        category=_category(mapping, value("category")),
        billed_usd=_decimal(mapping.columns["amount"], amount),
        quantity=_decimal(mapping.columns["quantity"], quantity) if quantity else None,
        unit=value("unit") or None,
    )


# How FOCUS exports name providers.
_PROVIDER_NAMES = {
    "aws": "aws",
    "amazon web services": "aws",
    "microsoft": "azure",
    "microsoft azure": "azure",
    "google cloud": "google",
    "google cloud platform": "google",
    "mistral ai": "mistral",
    "x.ai": "x-ai",
}


def _category(mapping: ColumnMapping, stated: str) -> str:
    if not stated:
        return "usage"
    known = mapping.categories.get(stated) or _WORDS.get(stated.lower())
    if known is None:
        allowed = ", ".join(mapping.categories) or ", ".join(_WORDS)
        raise ValueError(f"{mapping.columns['category']}: {stated!r} is none of {allowed}")
    return known


def _decimal(column: str, text: str) -> Decimal:
    try:
        number = Decimal(text.replace(",", "").removeprefix("$"))
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or abs(number) >= Decimal(10) ** 18:
        raise ValueError(f"{column}: {text!r} is no decimal number")
    return money.rounded(number)


def _day(column: str, text: str) -> date:
    if text.isdigit() and len(text) >= 9:
        return datetime.fromtimestamp(int(text), UTC).date()
    try:
        at = datetime.fromisoformat(text.replace(" UTC", "+00:00"))
    except ValueError:
        raise ValueError(f"{column}: {text!r} is no day such as 2026-11-15") from None
    return at.astimezone(UTC).date() if at.tzinfo is not None else at.date()
