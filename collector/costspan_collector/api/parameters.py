"""Query parameters that several routes share, checked in words."""

from datetime import UTC, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import Query

from costspan_collector.api.problems import BadParameter
from costspan_collector.call import DIMENSIONS
from costspan_collector.filters import Filter, parse

From = Annotated[datetime | None, Query(alias="from", description="start, ISO 8601 with offset; a day before `to` by default")]
To = Annotated[datetime | None, Query(description="end (exclusive), ISO 8601 with offset; now by default")]
FilterText = Annotated[str, Query(alias="filter", max_length=4000, description="`feature:search,model:gpt-4*,-customer:acme`")]
Timezone = Annotated[str, Query(alias="tz", max_length=64, description="IANA time zone, such as Europe/Berlin")]


def time_range(start: datetime | None, end: datetime | None, now: datetime) -> tuple[datetime, datetime]:
    """The asked-for range in UTC. Raises ``BadParameter`` for times without an offset or in the wrong order."""
    until = _aware("to", end) if end is not None else now
    since = _aware("from", start) if start is not None else until - timedelta(days=1)
    if until <= since:
        raise BadParameter(f"to: {until.isoformat()} is not after from: {since.isoformat()}")
    return since, until


def timezone(name: str) -> str:
    """``name`` if it is a time zone. Raises ``BadParameter`` otherwise."""
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadParameter(f"tz: {name!r} is not an IANA time zone; allowed: names such as UTC or Europe/Berlin") from None


def dimensions(text: str) -> tuple[str, ...]:
    """The dimensions in a comma-separated list. Raises ``BadParameter`` for an unknown or repeated one."""
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    for name in names:
        if name not in DIMENSIONS:
            raise BadParameter(f"group_by: {name!r} is not a dimension; allowed: {', '.join(DIMENSIONS)}")
    if len(set(names)) < len(names):
        raise BadParameter(f"group_by: {text!r} names a dimension twice")
    return names


def choice(parameter: str, value: str | None, allowed: tuple[str, ...]) -> str | None:
    """``value`` if it is ``allowed`` or absent. Raises ``BadParameter`` otherwise."""
    if value is not None and value not in allowed:
        raise BadParameter(f"{parameter}: {value!r} is not allowed; allowed: {', '.join(allowed)}")
    return value


def filter_of(text: str) -> Filter:
    """The parsed filter. Raises ``FilterError``, which is answered with 422."""
    return parse(text)


def _aware(parameter: str, time: datetime) -> datetime:
    if time.tzinfo is None:
        raise BadParameter(f"{parameter}: {time.isoformat()} has no offset; write it as 2026-01-31T12:00:00Z")
    try:
        return time.astimezone(UTC)
    except OverflowError:
        raise BadParameter(f"{parameter}: {time.isoformat()} is out of range") from None
