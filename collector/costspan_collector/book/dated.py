"""Dated records that are superseded, never changed: what a newer one leaves of an older one's time. Pure."""

from datetime import date
from typing import TypeVar

Time = TypeVar("Time", bound=date)
# From (inclusive) to (exclusive); None is without end.
Span = tuple[Time | None, Time | None]


def intersect(one: Span[Time], other: Span[Time]) -> bool:
    """Whether two spans share any time."""
    return _before(one[0], other[1]) and _before(other[0], one[1])


def remainders(older: Span[Time], newer: Span[Time]) -> list[Span[Time]]:
    """The parts of ``older`` that ``newer`` does not take, the earlier first; ``older`` itself if they share no time."""
    if not intersect(older, newer):
        return [older]
    parts: list[Span[Time]] = []
    if newer[0] is not None and (older[0] is None or older[0] < newer[0]):
        parts.append((older[0], newer[0]))
    if newer[1] is not None and (older[1] is None or newer[1] < older[1]):
        parts.append((newer[1], older[1]))
    return parts


def _before(start: Time | None, end: Time | None) -> bool:
    return start is None or end is None or start < end
