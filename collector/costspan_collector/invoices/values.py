"""The values in an export's cells: times, amounts and quantities. Each error names the column, the value and what is allowed."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from costspan import money

_DAY = timedelta(days=1)
_SIZE = Decimal(10) ** 20


@dataclass(frozen=True, slots=True)
class Period:
    """When a charge was: ``day`` of the export's own zone, how many days it spans, and when it starts unless those are whole."""

    day: date
    days: int
    starts_at: datetime | None


def instant(column: str, text: str, form: str, zone: ZoneInfo) -> datetime | date:
    """The time, or the day, that a cell states; a time without an offset is of ``zone``.

    ``form`` is ``iso``, ``unix`` (seconds since 1970) or a format of strptime. Raises ValueError.
    """
    try:
        if form == "unix":
            return datetime.fromtimestamp(int(text), UTC)
        if form != "iso":
            parsed = datetime.strptime(text, form)  # noqa: DTZ007 - the zone is added below
            if not any(sign in form for sign in ("%H", "%I", "%c", "%X", "%s")):
                return parsed.date()
        elif len(text) <= len("2026-01-31"):
            return date.fromisoformat(text)
        else:
            parsed = datetime.fromisoformat(text.removesuffix(" UTC") + ("+00:00" if text.endswith(" UTC") else ""))
    except (ValueError, OverflowError, OSError):
        wanted = {"iso": "2026-01-31 or 2026-01-31T00:00:00Z", "unix": "seconds since 1970"}.get(form, f"written as {form}")
        raise ValueError(f"{column}: {text!r} is not a time; allowed: {wanted}") from None
    return parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=zone)


def period(start: datetime | date, end: datetime | date | None, zone: ZoneInfo, column: str) -> Period:
    """The period of a charge. An end that is a time is exclusive, one that is a day is the last day. Raises ValueError."""
    if not isinstance(start, datetime):
        last = end.astimezone(zone).date() - _DAY if isinstance(end, datetime) else end
        days = 1 if last is None else (last - start).days + 1
        if days < 1:
            raise ValueError(f"{column}: {end} is before the start, {start}")
        return Period(start, days, None)
    # Whole days of a bill begin at midnight, in UTC or the zone that the mapping names.
    local = start.astimezone(zone)
    if not isinstance(end, datetime):
        days = 1 if end is None else (end - local.date()).days + 1
        return Period(local.date(), max(days, 1), start.astimezone(UTC))
    if end < start:
        raise ValueError(f"{column}: {end.isoformat()} is before the start, {start.isoformat()}")
    length = end.astimezone(zone).replace(tzinfo=None) - local.replace(tzinfo=None)
    is_whole = length >= _DAY - timedelta(seconds=1) and local.hour == local.minute == local.second == 0
    days = max(1, -(-(length - timedelta(seconds=1)) // _DAY))
    return Period(local.date(), days, None if is_whole else start.astimezone(UTC))


def amount(column: str, text: str) -> Decimal:
    """The dollars that a cell states, at most 18 decimals; more are rounded, half-even. Raises ValueError."""
    value = number(column, text.replace("$", ""))
    return money.line_amount(1, value, 1)


def number(column: str, text: str) -> Decimal:
    """The number that a cell states, with a point for decimals and commas between thousands. Raises ValueError."""
    plain = text.strip()
    if plain.startswith("(") and plain.endswith(")"):
        plain = f"-{plain[1:-1]}"
    whole, _, decimals = plain.partition(".")
    if "," in whole and "," not in decimals and all(len(group) == 3 for group in whole.split(",")[1:]):
        plain = plain.replace(",", "")
    try:
        value = Decimal(plain)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or abs(value) >= _SIZE:
        raise ValueError(f"{column}: {text!r} is not a number; allowed: digits, with a point for decimals") from None
    return value
