"""Rollup deltas: what a batch adds to each bucket of each series, at every grain that is kept."""

from collections.abc import Iterable

from costspan_collector.book.measures import Measures, add, zeros

MINUTE_US = 60 * 1_000_000
QUARTER_HOUR_US = 15 * MINUTE_US
# The tables of the grains. A day in any time zone is a whole number of quarter-hours.
GRAINS = {"rollup_minute": MINUTE_US, "rollup_quarter_hour": QUARTER_HOUR_US}

# (bucket start in microseconds since the epoch, series id) -> measures
Deltas = dict[tuple[int, int], Measures]


def deltas(entries: Iterable[tuple[int, int, Measures]], grain_us: int) -> Deltas:
    """The sums of ``entries`` (time in microseconds, series id, measures) per bucket of ``grain_us`` and series."""
    result: Deltas = {}
    for time_us, series, measures in entries:
        key = (time_us - time_us % grain_us, series)
        bucket = result.get(key)
        if bucket is None:
            bucket = result[key] = zeros()
        add(bucket, measures)
    return result
