"""A stored call read back into what its price depends on. Pure."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from costspan.usage import Quantity
from costspan_collector import times
from costspan_collector.call import Call, Dimensions

# The meters that have a column of their own; the others are in `usage_other`.
USAGE_COLUMNS = ("input", "cache_read", "cache_write", "cache_write_5m", "cache_write_1h", "output", "reasoning")
# What `stored_call` reads, in its order: all that the price of a call may depend on, beside its dimensions.
PRICED_COLUMNS = (
    "start_time",
    "trace_id",
    "span_id",
    "request_model",
    "response_model",
    "service_tier",
    "region",
    "conditions",
    "incomplete",
    "error_type",
    "charged_usd",
    "usage_other",
    *(f"usage_{meter}" for meter in USAGE_COLUMNS),
)
_FIRST_METER = len(PRICED_COLUMNS) - len(USAGE_COLUMNS)


def stored_call(values: Sequence[Any], dimensions: Dimensions) -> Call:
    """The call of a stored row's ``PRICED_COLUMNS``, in their order; its price is that of the call as it was booked.

    What no price depends on (its end, its user, what others said of it) is left at the defaults.
    """
    start_time, trace_id, span_id, request_model, response_model, tier, region, conditions, *_ = values
    start_ns = times.microseconds(start_time) * 1000
    return Call(
        trace_id=trace_id,
        span_id=span_id,
        start_time_ns=start_ns,
        end_time_ns=start_ns,
        dimensions=dimensions,
        request_model=request_model,
        # stored only where it differs from the one asked for
        response_model=response_model or request_model,
        error_type=values[9],
        usage=stored_usage(values[_FIRST_METER:], values[11]),
        incomplete=values[8],
        tier=tier,
        region=region,
        conditions=conditions or {},
        charged_usd=values[10],
    )


def stored_usage(columns: Sequence[int | None], other: Mapping[str, int | str] | None) -> dict[str, Quantity] | None:
    """The disjoint meters of a stored call from its usage columns, in the order of ``USAGE_COLUMNS``, and ``usage_other``.

    None where none was reported. A quantity that is no whole number is stored as decimal text.
    """
    usage: dict[str, Quantity] = {
        meter: quantity for meter, quantity in zip(USAGE_COLUMNS, columns, strict=True) if quantity is not None
    }
    if other:
        usage.update({meter: Decimal(value) if isinstance(value, str) else value for meter, value in other.items()})
    return usage or None
