"""The additive measures of a call, in the order in which rollups store them."""

from decimal import Decimal

from costspan import money
from costspan.usage import CACHE_READ_METERS, CACHE_WRITE_METERS, INPUT_METERS, OUTPUT_METERS, sum_of
from costspan_collector.call import PricedCall

MEASURES = (
    "calls",
    "errors",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "cost_usd",
    "priced_calls",
    "partial_calls",
    "unpriced_calls",
    "estimated_calls",
    "reported_calls",
    "free_calls",
    "labelled_calls",
    "correct_calls",
    "duration_us",
)
COST = MEASURES.index("cost_usd")

_COUNTS = tuple(index for index in range(len(MEASURES)) if index != COST)
_INDEX = {name: index for index, name in enumerate(MEASURES)}
_STATE_INDEX = {name.removesuffix("_calls"): index for name, index in _INDEX.items() if name.endswith("_calls")}

Measures = list[int | Decimal]


def zeros() -> Measures:
    """Measures of nothing."""
    measures: Measures = [0] * len(MEASURES)
    measures[COST] = money.ZERO
    return measures


def measures_of(priced: PricedCall) -> Measures:
    """What one call adds to its buckets. Only a known cost adds to ``cost_usd``; the state is counted beside it."""
    call, cost = priced.call, priced.cost
    usage = call.usage or {}
    measures = zeros()
    measures[0] = 1
    measures[1] = 1 if call.error_type is not None else 0
    measures[2] = sum_of(usage, INPUT_METERS) or 0
    measures[3] = sum_of(usage, OUTPUT_METERS) or 0
    measures[4] = sum_of(usage, CACHE_READ_METERS) or 0
    measures[5] = sum_of(usage, CACHE_WRITE_METERS) or 0
    measures[6] = int(usage.get("reasoning", 0))
    if cost is not None:
        measures[COST] = cost.amount if cost.amount is not None else money.ZERO
        measures[_STATE_INDEX[cost.state]] = 1
    measures[_INDEX["duration_us"]] = (call.end_time_ns - call.start_time_ns) // 1000
    return measures


def label_measures(before: bool | None, after: bool | None) -> Measures:
    """What it adds when a call's verdict changes from ``before`` to ``after`` (None: not labelled)."""
    measures = zeros()
    measures[_INDEX["labelled_calls"]] = (after is not None) - (before is not None)
    measures[_INDEX["correct_calls"]] = (after is True) - (before is True)
    return measures


def correction_measures(before: str | None, after: str | None, moved_usd: Decimal) -> Measures:
    """What it adds when a call's cost moves by ``moved_usd`` and its cost state from ``before`` to ``after`` (None: no cost)."""
    measures = zeros()
    measures[COST] = moved_usd
    if before != after:
        if before is not None:
            measures[_STATE_INDEX[before]] -= 1
        if after is not None:
            measures[_STATE_INDEX[after]] += 1
    return measures


def add(total: Measures, more: Measures) -> None:
    """Add ``more`` to ``total`` in place, exactly."""
    for index in _COUNTS:
        if value := more[index]:
            total[index] += value
    if cost := more[COST]:
        total[COST] = money.CONTEXT.add(total[COST], cost)
