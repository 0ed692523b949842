"""The meters: the names under which consumption is counted, and sums over them.

Meters are disjoint: the input meters sum to the total that OpenTelemetry calls ``gen_ai.usage.input_tokens``, the
output meters to ``gen_ai.usage.output_tokens``. A meter that was not reported is absent; a reported zero is 0.
"""

from collections.abc import Mapping
from decimal import Decimal

Quantity = int | Decimal
Usage = Mapping[str, Quantity]

INPUT_METERS = (
    "input",
    "cache_read",
    "cache_read_audio",
    "cache_read_image",
    "cache_write",
    "cache_write_5m",
    "cache_write_30m",
    "cache_write_1h",
    "cache_write_12h",
    "input_audio",
    "input_image",
    "input_video",
)
OUTPUT_METERS = ("output", "reasoning", "output_audio", "output_image", "output_video")
COUNT_METERS = (
    "web_search",
    "file_search",
    "code_execution",
    "request",
    "image",
    "page",
    "annotated_page",
    "audio_second",
    "character",
    "message",
    "rerank_search",
    "citation",
    "video_second",
)
METERS = INPUT_METERS + OUTPUT_METERS + COUNT_METERS

CACHE_READ_METERS = ("cache_read", "cache_read_audio", "cache_read_image")
CACHE_WRITE_METERS = (
    "cache_write",
    "cache_write_5m",
    "cache_write_30m",
    "cache_write_1h",
    "cache_write_12h",
)


def sum_of(usage: Usage, meters: tuple[str, ...]) -> int | None:
    """The sum of those ``meters`` that ``usage`` reports, or None if it reports none of them."""
    found = [usage[meter] for meter in meters if meter in usage]
    return int(sum(found)) if found else None


def input_tokens(usage: Usage) -> int | None:
    """Total input tokens, caches included (``gen_ai.usage.input_tokens``), or None if unknown."""
    return sum_of(usage, INPUT_METERS)


def output_tokens(usage: Usage) -> int | None:
    """Total output tokens, reasoning included (``gen_ai.usage.output_tokens``), or None if unknown."""
    return sum_of(usage, OUTPUT_METERS)
