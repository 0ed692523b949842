"""From totals and their portions, as the conventions state them, back to disjoint meters."""

from collections.abc import Mapping

from costspan.usage import CACHE_WRITE_METERS, Basis, Quantity

_WRITE_SPLIT = CACHE_WRITE_METERS[1:]


def disjoint(stated: Mapping[str, int], meters: Mapping[str, int]) -> tuple[dict[str, Quantity] | None, Basis]:
    """The disjoint usage behind ``stated`` totals and portions, and how the input total was understood.

    ``stated`` is keyed by meter, ``input`` and ``output`` being totals that include their portions (OpenTelemetry GenAI,
    gen_ai.usage.*); ``meters`` are disjoint figures without a standard name. Portions larger than their total prove
    that the total leaves them out. None when no figure was stated at all.
    """
    if not stated and not meters:
        return None, "inclusive"
    usage: dict[str, Quantity] = {}
    inputs = _input_parts(stated, meters)
    basis: Basis = "inclusive"
    if "input" in stated:
        inside = sum(inputs.values())
        basis = "inclusive" if inside <= stated["input"] else "proved"
        usage["input"] = stated["input"] - (inside if basis == "inclusive" else 0)
    outputs = {meter: stated[meter] for meter in ("reasoning", "output_audio", "output_image", "output_video") if meter in stated}
    if "output" in stated:
        inside = sum(outputs.values())
        usage["output"] = stated["output"] - (inside if inside <= stated["output"] else 0)
    usage.update(inputs)
    usage.update(outputs)
    usage.update({meter: count for meter, count in meters.items() if meter not in usage})
    return usage, basis


def _input_parts(stated: Mapping[str, int], meters: Mapping[str, int]) -> dict[str, int]:
    parts: dict[str, int] = {}
    cached_audio, cached_image = stated.get("cache_read_audio", 0), stated.get("cache_read_image", 0)
    wholes = (("cache_read", cached_audio + cached_image), ("input_audio", cached_audio), ("input_image", cached_image))
    for meter, inside in wholes:
        if meter in stated:
            parts[meter] = max(0, stated[meter] - inside)
    for meter in ("cache_read_audio", "cache_read_image", "input_video"):
        if meter in stated:
            parts[meter] = stated[meter]
    split = {meter: meters[meter] for meter in _WRITE_SPLIT if meter in meters}
    parts.update(split)
    if "cache_write" in stated:
        rest = stated["cache_write"] - sum(split.values())
        if rest > 0 or not split:
            parts["cache_write"] = max(0, rest)
    return parts
