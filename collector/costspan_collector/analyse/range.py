"""Time ranges of questions: which grain answers them, and how their edges fall on it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from costspan_collector import times
from costspan_collector.book.rollup import GRAINS, MINUTE_US, QUARTER_HOUR_US

INTERVALS = ("1m", "15m", "1h", "1d", "1w", "1mo")
# Shorter ranges are answered to the minute; longer ones to the quarter-hour, which is fifteen times fewer rows.
_LONGEST_BY_MINUTE = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Range:
    """From ``start`` (inclusive) to ``end`` (exclusive), both on the grain of the rollup ``table`` that answers."""

    start: datetime
    end: datetime
    table: str


def answer_range(start: datetime, end: datetime, interval: str | None) -> Range:
    """The range that is answered for a question about ``start`` to ``end``: widened to the grain.

    Raises ValueError when ``end`` is not after ``start``.
    """
    if end <= start:
        raise ValueError(f"to: {end.isoformat()} is not after from: {start.isoformat()}")
    by_minute = interval == "1m" or (interval is None and end - start <= _LONGEST_BY_MINUTE)
    grain_us = MINUTE_US if by_minute else QUARTER_HOUR_US
    table = next(name for name, width in GRAINS.items() if width == grain_us)
    return Range(_floor(start, grain_us), _ceiling(end, grain_us), table)


def _floor(time: datetime, grain_us: int) -> datetime:
    past = times.microseconds(time)
    return times.at(past - past % grain_us)


def _ceiling(time: datetime, grain_us: int) -> datetime:
    floor = _floor(time, grain_us)
    return floor if floor == time else floor + timedelta(microseconds=grain_us)
