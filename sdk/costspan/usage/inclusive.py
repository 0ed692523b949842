"""Usage as people and scripts write it, with inclusive totals, read into disjoint meters and the conditions of the price.

``{"input_tokens": 10000, "cache_read_tokens": 9000, "output_tokens": 500, "reasoning_tokens": 100, "tier": "batch"}``: the input
total holds the cached tokens, the output total the reasoning; counts (``web_searches``, ``images``, ...) stand by themselves.
"""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from costspan.usage.meters import COUNT_METERS, INPUT_METERS, OUTPUT_METERS, Quantity

_PLURAL = {"web_search": "web_searches", "file_search": "file_searches", "rerank_search": "rerank_searches"}
# Written name -> meter, within the input total, within the output total, and by themselves.
INPUT_PARTS = {f"{meter}_tokens": meter for meter in INPUT_METERS if meter != "input"}
OUTPUT_PARTS = {f"{meter}_tokens": meter for meter in OUTPUT_METERS if meter != "output"}
COUNTS = {
    **{_PLURAL.get(meter, f"{meter}s"): meter for meter in COUNT_METERS},
    "citation_tokens": "citation",
    "searches": "rerank_search",
}
CONDITIONS = {
    "tier": "tier",
    "service_tier": "tier",
    "geo": "region",
    "region": "region",
    "size": "size",
    "quality": "quality",
    "resolution": "resolution",
    "search_context": "context",
}
# What kind of call it is changes no price by itself.
_REMARKS = frozenset({"kind"})
NAMES = ("input_tokens", "output_tokens", *INPUT_PARTS, *OUTPUT_PARTS, *COUNTS, *CONDITIONS, *sorted(_REMARKS))


def read_inclusive(usage: Mapping[str, Any]) -> tuple[dict[str, Quantity], dict[str, str]]:
    """The disjoint meters and the conditions in ``usage``.

    Raises ValueError that names the field and its value: an unknown one, one that is no count, parts above their total.
    """
    if unknown := [name for name in usage if name not in NAMES]:
        raise ValueError(f"usage.{unknown[0]}: is not known; known are {', '.join(NAMES)}")
    meters: dict[str, Quantity] = {}
    for total, parts, rest in (("input_tokens", INPUT_PARTS, "input"), ("output_tokens", OUTPUT_PARTS, "output")):
        found = {meter: _count(name, usage[name]) for name, meter in parts.items() if usage.get(name) is not None}
        if usage.get(total) is not None:
            left = _count(total, usage[total]) - sum(found.values())
            if left < 0:
                raise ValueError(f"usage.{total}: {usage[total]} is less than its parts, {sum(found.values())}")
            meters[rest] = left
        meters |= found
    for name, meter in COUNTS.items():
        if usage.get(name) is not None:
            meters[meter] = _count(name, usage[name])
    conditions = {CONDITIONS[name]: str(usage[name]) for name in CONDITIONS if usage.get(name) is not None}
    return meters, conditions


def _count(name: str, value: Any) -> Quantity:
    try:
        count = Decimal(str(value)) if not isinstance(value, bool) else Decimal("NaN")
    except InvalidOperation:
        count = Decimal("NaN")
    if not count.is_finite() or count < 0:
        raise ValueError(f"usage.{name}: {value!r} is no count of at least 0")
    return int(count) if count == count.to_integral_value() else count
