"""Usage: what a call consumed, as disjoint meters, and how a provider's usage object becomes that.

A ``Usage`` maps meter names to quantities. Meters are disjoint: the input meters sum to the total that
OpenTelemetry calls ``gen_ai.usage.input_tokens``, the output meters to ``gen_ai.usage.output_tokens``.
A meter that was not reported is absent; a reported zero is 0.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

Quantity = int | Decimal
Usage = Mapping[str, Quantity]
Basis = Literal["inclusive", "exclusive", "proved"]

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


@dataclass(frozen=True, slots=True)
class UsageShape:
    """Where one kind of usage object keeps its figures. Paths are dotted; the first that is present counts.

    ``input`` and ``output`` name totals, of which ``input_parts`` and ``output_parts`` are portions unless
    ``exclusive_input`` says that ``input`` already leaves the parts out (Anthropic, Bedrock Converse).
    ``splits`` name the finer meters of a part; what the split leaves over stays at the part, or at
    ``split_rest`` where the provider documents what an unsplit figure is. ``counts`` are not tokens.
    """

    input: tuple[str, ...]
    output: tuple[str, ...] = ()
    total: str = ""
    input_parts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    output_parts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    splits: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    split_rest: Mapping[str, str] = field(default_factory=dict)
    counts: Mapping[str, str] = field(default_factory=dict)
    exclusive_input: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """Disjoint ``usage`` read from a usage object, and on which basis its totals were understood."""

    usage: dict[str, Quantity]
    basis: Basis


def look(source: Any, path: str) -> Any:
    """The value at a dotted ``path`` through mappings and attributes, or None where the path ends early."""
    for name in path.split("."):
        if source is None:
            return None
        source = source.get(name) if isinstance(source, Mapping) else getattr(source, name, None)
    return source


def count_at(source: Any, path: str) -> int | None:
    """The non-negative whole number at ``path``, or None. Text, bools and negative figures are no counts."""
    value = look(source, path)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return int(value) if 0 <= value < math.inf else None


def _first_count(source: Any, paths: tuple[str, ...]) -> int | None:
    for path in paths:
        if (value := count_at(source, path)) is not None:
            return value
    return None


def read_usage(shape: UsageShape, source: Any) -> Reading | None:
    """The disjoint usage that ``source`` (a mapping or an object with attributes) reports in ``shape``.

    None when ``source`` holds no figure of that shape: a shape we don't know gives no figure, not a wrong one.
    """
    if source is None:
        return None
    input_total = _first_count(source, shape.input)
    output_total = _first_count(source, shape.output)
    inputs = _parts(source, shape.input_parts)
    outputs = _parts(source, shape.output_parts)
    counts = _parts(source, {meter: (path,) for meter, path in shape.counts.items()})
    if input_total is None and output_total is None and not inputs and not outputs and not counts:
        return None
    basis = _input_basis(shape, input_total, output_total, inputs, count_at(source, shape.total))
    usage: dict[str, Quantity] = {}
    if input_total is not None:
        usage["input"] = input_total - (sum(inputs.values()) if basis == "inclusive" else 0)
    if output_total is not None:
        usage["output"] = _plain_output(output_total, outputs)
    usage.update(_split(shape, source, inputs))
    usage.update(outputs)
    usage.update(counts)
    return Reading(usage, basis)


def _parts(source: Any, paths: Mapping[str, tuple[str, ...]]) -> dict[str, int]:
    found = ((meter, _first_count(source, alternatives)) for meter, alternatives in paths.items())
    return {meter: value for meter, value in found if value is not None}


def _input_basis(shape: UsageShape, stated: int | None, output: int | None, parts: Mapping[str, int], total: int | None) -> Basis:
    # Arithmetic outranks the table: parts larger than their whole, or a grand total that only adds up with
    # the parts beside the input, prove that the input figure leaves them out (Grok hosted by Azure does so).
    if shape.exclusive_input:
        return "exclusive"
    outside = sum(parts.values())
    if stated is not None and outside > stated:
        return "proved"
    if outside and total is not None and total == (stated or 0) + (output or 0) + outside:
        return "proved"
    return "inclusive"


def _plain_output(stated: int, parts: Mapping[str, int]) -> int:
    inside = sum(parts.values())
    return stated - inside if inside <= stated else stated


def _split(shape: UsageShape, source: Any, parts: Mapping[str, int]) -> dict[str, int]:
    usage: dict[str, int] = {}
    for part, amount in parts.items():
        finer = _parts(source, {meter: (path,) for meter, path in shape.splits.get(part, {}).items()})
        if sum(finer.values()) > amount:
            finer = {}
        usage.update(finer)
        rest = amount - sum(finer.values())
        if rest or not finer:
            name = shape.split_rest.get(part, part)
            usage[name] = usage.get(name, 0) + rest
    return usage


OPENAI_CHAT = UsageShape(
    # Chat completions: https://platform.openai.com/docs/api-reference/chat/object
    input=("prompt_tokens",),
    output=("completion_tokens",),
    total="total_tokens",
    input_parts={
        "cache_read": ("prompt_tokens_details.cached_tokens",),
        "cache_write": ("prompt_tokens_details.cache_write_tokens",),
        "input_audio": ("prompt_tokens_details.audio_tokens",),
    },
    output_parts={
        "reasoning": ("completion_tokens_details.reasoning_tokens",),
        "output_audio": ("completion_tokens_details.audio_tokens",),
    },
)

OPENAI_RESPONSES = UsageShape(
    # Responses: https://platform.openai.com/docs/api-reference/responses/object
    input=("input_tokens",),
    output=("output_tokens",),
    total="total_tokens",
    input_parts={
        "cache_read": ("input_tokens_details.cached_tokens",),
        "cache_write": ("input_tokens_details.cache_write_tokens",),
    },
    output_parts={"reasoning": ("output_tokens_details.reasoning_tokens",)},
    splits={
        "cache_write": {
            "cache_write_30m": "input_tokens_details.cache_write_tokens_details.ttl_30m_tokens",
            "cache_write_12h": "input_tokens_details.cache_write_tokens_details.ttl_12h_tokens",
        }
    },
)

OPENAI_EMBEDDINGS = UsageShape(
    # Embeddings: https://platform.openai.com/docs/api-reference/embeddings/create
    input=("prompt_tokens",),
    total="total_tokens",
)

ANTHROPIC_MESSAGES = UsageShape(
    # https://docs.anthropic.com/en/api/messages: input_tokens leaves the caches out; a cache write without a
    # TTL split is the default TTL of five minutes (https://docs.anthropic.com/en/docs/build-with-claude/prompt-caching).
    input=("input_tokens",),
    output=("output_tokens",),
    input_parts={
        "cache_read": ("cache_read_input_tokens",),
        "cache_write": ("cache_creation_input_tokens",),
    },
    output_parts={"reasoning": ("output_tokens_details.thinking_tokens",)},
    splits={
        "cache_write": {
            "cache_write_5m": "cache_creation.ephemeral_5m_input_tokens",
            "cache_write_1h": "cache_creation.ephemeral_1h_input_tokens",
        }
    },
    split_rest={"cache_write": "cache_write_5m"},
    counts={"web_search": "server_tool_use.web_search_requests"},
    exclusive_input=True,
)
