"""The month as the provider will bill it: what its calls cost, and what is agreed besides."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from costspan import money
from costspan_collector.analyse.adjustments import Adjustment, AdjustmentLine, checked_terms, line_of
from costspan_collector.filters import FilterError, parse
from costspan_collector.store import adjustments as store
from costspan_collector.store import budgets as budget_store
from costspan_collector.store.database import Connection

_KEYS = frozenset({"name", "kind", "filter", "terms", "source", "first_month", "last_month"})


@dataclass(frozen=True, slots=True)
class AdjustedMonth:
    """What all calls of a month cost as far as known, the lines besides, and their sum: what the bill should be."""

    month: date
    calls_usd: Decimal
    lines: tuple[AdjustmentLine, ...]

    @property
    def adjustments_usd(self) -> Decimal:
        """The sum of the lines."""
        return money.total(line.amount_usd for line in self.lines)

    @property
    def expected_usd(self) -> Decimal:
        """Calls and lines together."""
        return money.CONTEXT.add(self.calls_usd, self.adjustments_usd)


def add(connection: Connection, project_id: int, form: Mapping[str, Any]) -> UUID:
    """Add a rule from its form: ``name``, ``kind``, ``filter``, ``terms``, ``source``, ``first_month``, ``last_month`` (2026-11).

    Raises ValueError naming what is wrong.
    """
    if unknown := sorted(set(form) - _KEYS):
        raise ValueError(f"adjustment: {unknown[0]!r} is no key; known are {', '.join(sorted(_KEYS))}")
    for name in ("name", "source"):
        if not str(form.get(name) or "").strip():
            raise ValueError(f"{name}: {form.get(name)!r} is no text; it is needed")
    text = form.get("filter") or ""
    try:
        parse(text)
    except FilterError as error:
        raise ValueError(f"filter: {error}") from None
    kind = form.get("kind")
    terms = checked_terms(kind, form.get("terms") or {})
    first, last = (month_of(form[name], name) if form.get(name) else None for name in ("first_month", "last_month"))
    if first is not None and last is not None and last < first:
        raise ValueError(f"last_month: {last:%Y-%m} is before first_month {first:%Y-%m}")
    adjustment = Adjustment(uuid4(), str(form["name"]), kind, text, terms, str(form["source"]), first, last)  # type: ignore[arg-type]
    with connection.transaction():
        budget_store.lock_writer(connection, project_id)
        store.add_adjustment(connection, project_id, adjustment)
    return adjustment.adjustment_id


def adjusted_month(connection: Connection, project_id: int, month: date, timezone: str = "UTC") -> AdjustedMonth:
    """The month that begins on ``month``, in ``timezone``, computed from the books as they stand now."""
    zone = ZoneInfo(timezone)
    following = date(month.year + month.month // 12, month.month % 12 + 1, 1)
    start, end = (datetime.combine(day, time(), zone).astimezone(UTC) for day in (month, following))
    series = budget_store.all_series(connection, project_id)
    lines = []
    for adjustment in store.load_adjustments(connection, project_id):
        if not adjustment.holds_in(month):
            continue
        where = parse(adjustment.filter_text)
        own = [series_id for series_id, dimensions in series.items() if where.matches(dimensions)]
        used = Decimal(0)
        if adjustment.kind == "free_quota":
            used = store.used_in(connection, project_id, own, adjustment.terms["meter"], start, end)
        lines.append(line_of(adjustment, month, store.spent_in(connection, project_id, own, start, end), used))
    calls_usd = store.spent_in(connection, project_id, list(series), start, end)
    return AdjustedMonth(month, calls_usd, tuple(lines))


def month_of(text: Any, name: str) -> date:
    """The first day of the month that ``text`` (``2026-11``) names. Raises ValueError."""
    try:
        return datetime.strptime(str(text), "%Y-%m").replace(tzinfo=UTC).date()
    except ValueError:
        raise ValueError(f"{name}: {text!r} is no month such as 2026-11") from None
