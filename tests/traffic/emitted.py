"""From a received span back to what it says of a call: the reading side of the wire, written apart from the SDK's own."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from tests.sdk.doubles.collector import Span

_USAGE = "gen_ai.usage."
_OWN = "costspan.usage."
_NOT_METERS = {"incomplete", "basis"}


def meters_in(span: Span) -> dict[str, int] | None:
    """The disjoint meters that a span states, or None if it states none. A part left out counts as 0 in differences."""
    own = {
        name.removeprefix(_OWN): value
        for name, value in span.attributes.items()
        if name.startswith(_OWN) and name.removeprefix(_OWN) not in _NOT_METERS
    }
    standard = {name.removeprefix(_USAGE): value for name, value in span.attributes.items() if name.startswith(_USAGE)}
    standard.pop("cost", None)
    if not own and not standard:
        return None
    meters: dict[str, int] = dict(own)
    meters |= _inputs(standard, own)
    meters |= _outputs(standard, own)
    return meters


def _inputs(standard: Mapping[str, int], own: Mapping[str, int]) -> dict[str, int]:
    meters: dict[str, int] = {}
    special = own.get("input_video", 0)
    cached_special = 0
    for kind in ("audio", "image"):
        if (total := standard.get(f"{kind}.input_tokens")) is not None:
            cached = standard.get(f"{kind}.cache_read.input_tokens", 0)
            meters[f"input_{kind}"] = total - cached
            special += total - cached
            cached_special += cached
            if cached:
                meters[f"cache_read_{kind}"] = cached
    if (read := standard.get("cache_read.input_tokens")) is not None:
        meters["cache_read"] = read - cached_special
    if (write := standard.get("cache_write.input_tokens")) is not None:
        lifetimes = [value for name, value in own.items() if name.startswith("cache_write_")]
        if write - sum(lifetimes) or not lifetimes:
            meters["cache_write"] = write - sum(lifetimes)
    if (total := standard.get("input_tokens")) is not None:
        caches = standard.get("cache_read.input_tokens", 0) + standard.get("cache_write.input_tokens", 0)
        meters["input"] = total - caches - special
    return meters


def _outputs(standard: Mapping[str, int], own: Mapping[str, int]) -> dict[str, int]:
    meters: dict[str, int] = {}
    parts = own.get("output_video", 0)
    for meter, name in (
        ("reasoning", "reasoning.output_tokens"),
        ("output_audio", "audio.output_tokens"),
        ("output_image", "image.output_tokens"),
    ):
        if (value := standard.get(name)) is not None:
            meters[meter] = value
            parts += value
    if (total := standard.get("output_tokens")) is not None:
        meters["output"] = total - parts
    return meters


def models_in(span: Span) -> str | None:
    """The model that the span is billed under: the one that answered, else the one asked for."""
    return span.get("gen_ai.response.model") or span.get("gen_ai.request.model")


def reported_cost(span: Span) -> Decimal | None:
    """The provider's own charge, if the span says that it is one."""
    is_reported = span.get("costspan.cost.state") == "reported"
    return Decimal(span["costspan.cost.usd"]) if is_reported else None


def says_incomplete(span: Span) -> bool:
    return bool(span.get("costspan.usage.incomplete"))


def summary(span: Span) -> dict[str, Any]:
    """A span as a reader of a failed test wants it."""
    return {
        "provider": span.get("gen_ai.provider.name"),
        "model": models_in(span),
        "meters": meters_in(span),
        "error": span.get("error.type"),
        "incomplete": says_incomplete(span),
    }
