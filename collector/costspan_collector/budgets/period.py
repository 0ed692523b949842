"""Calendar periods of budgets in a named time zone."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

PERIODS = ("hour", "day", "week", "month")


def period_bounds(period: str, timezone: str, at: datetime) -> tuple[datetime, datetime]:
    """Start and end (UTC, end exclusive) of the ``period`` of ``timezone`` that holds ``at`` (an aware datetime).

    Days, weeks (from Monday, ISO 8601) and months begin at local midnight, so a day may have 23 or 25 hours; an hour begins
    at the local full hour. All bounds lie on quarter-hours of UTC.
    """
    zone = ZoneInfo(timezone)
    local = at.astimezone(zone)
    if period == "hour":
        start = at.astimezone(UTC) - timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
        return start, start + timedelta(hours=1)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if period == "day":
        first, last = midnight, midnight + timedelta(days=1)
    elif period == "week":
        first = midnight - timedelta(days=midnight.weekday())
        last = first + timedelta(days=7)
    elif period == "month":
        first = midnight.replace(day=1)
        last = (first + timedelta(days=32)).replace(day=1)
    else:
        raise ValueError(f"period: {period!r} is not one of {', '.join(PERIODS)}")
    return first.astimezone(UTC), last.astimezone(UTC)
