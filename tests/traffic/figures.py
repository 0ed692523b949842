"""The truth's arithmetic: from a provider's usage object to disjoint meters. Says nothing of costspan's own reading.

A key of ``Meters`` is a meter, or several joined by ``+`` where the provider reported their sum and not the parts.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

Meters = dict[str, int | Decimal]

CACHE_WRITES = "cache_write+cache_write_5m+cache_write_1h"
_MODALITIES = {"TEXT": "", "DOCUMENT": "", "AUDIO": "_audio", "IMAGE": "_image", "VIDEO": "_video"}


def number(value: Any) -> int | None:
    """A count as a provider writes it: a number, or digits in a header. None if it is neither."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, str):
        return int(value) if value.isdigit() else None
    return int(value)


def first(*values: Any) -> int | None:
    return next((count for value in values if (count := number(value)) is not None), None)


def stated(**meters: int | None) -> Meters:
    return {name: value for name, value in meters.items() if value is not None}


def merged(*parts: Mapping[str, Any]) -> Meters:
    """The sum of several usages, meter by meter."""
    total: Meters = {}
    joined = {name: meter for part in parts for meter in part if "+" in meter for name in meter.split("+")}
    for part in parts:
        for name, value in part.items():
            meter = joined.get(name, name)
            total[meter] = total.get(meter, 0) + value
    return total


def openai_style(usage: Mapping[str, Any]) -> Meters:
    """Chat completions, Responses, embeddings, images and transcriptions of OpenAI and of all who speak its language.

    Totals include their parts. Exceptions prove themselves: parts larger than their whole, or a grand total that only
    adds up with the part outside.
    """
    if usage.get("type") == "duration":
        return {"audio_second": number(usage["seconds"]) or 0}
    prompt = first(usage.get("prompt_tokens"), usage.get("input_tokens"))
    completion = first(usage.get("completion_tokens"), usage.get("output_tokens"))
    total = number(usage.get("total_tokens"))
    rest = 0 if total is None else total - (prompt or 0) - (completion or 0)
    return {**_openai_input(usage, prompt, rest), **_openai_output(usage, completion, rest)}


def _details(usage: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    return next((found for name in names if isinstance(found := usage.get(name), dict)), {})


def _openai_input(usage: Mapping[str, Any], prompt: int | None, rest: int) -> Meters:
    details = _details(usage, "prompt_tokens_details", "prompt_token_details", "input_tokens_details", "input_token_details")
    read = first(
        details.get("cached_tokens"),
        usage.get("prompt_cache_hit_tokens"),
        usage.get("num_cached_tokens"),
        usage.get("cached_tokens"),
    )
    write = number(details.get("cache_write_tokens"))
    kinds = {kind: number(details.get(f"{kind}_tokens")) for kind in ("audio", "image", "video")}
    meters = {**stated(cache_read=read), **_openai_cache_write(details, write)}
    if prompt is None:
        return meters
    caches = (read or 0) + (write or 0)
    special = sum(value or 0 for value in kinds.values())
    if special and rest == special:  # Mistral: audio beside the prompt
        return {**meters, "input": prompt - caches, **stated(**{f"input_{kind}": value for kind, value in kinds.items()})}
    caches_outside = caches > prompt or (caches > 0 and rest == caches)
    uncached = prompt if caches_outside else prompt - caches
    if caches and special and not caches_outside:  # how much of the special tokens came from the cache is not said
        names = ["input", *(f"input_{kind}" for kind, value in kinds.items() if value)]
        none = {f"input_{kind}": value for kind, value in kinds.items() if value == 0}
        return {**meters, "+".join(names): uncached, **none}
    return {**meters, "input": uncached - special, **stated(**{f"input_{kind}": value for kind, value in kinds.items()})}


def _openai_cache_write(details: Mapping[str, Any], write: int | None) -> Meters:
    if write is None:
        return {}
    split = _details(details, "cache_write_tokens_details")
    half_hour, half_day = number(split.get("ttl_30m_tokens")), number(split.get("ttl_12h_tokens"))
    unknown = write - (half_hour or 0) - (half_day or 0)
    lifetimes = stated(cache_write_30m=half_hour, cache_write_12h=half_day)
    return {**lifetimes, "cache_write": unknown} if unknown or not lifetimes else lifetimes


def _openai_output(usage: Mapping[str, Any], completion: int | None, rest: int) -> Meters:
    details = _details(usage, "completion_tokens_details", "completion_token_details", "output_tokens_details")
    reasoning = first(details.get("reasoning_tokens"), usage.get("reasoning_tokens"))
    audio, image = number(details.get("audio_tokens")), number(details.get("image_tokens"))
    citation = number(usage.get("citation_tokens"))
    fees = stated(citation=citation, web_search=number(usage.get("num_search_queries")))
    if completion is None:
        return fees
    is_outside = bool(reasoning) and (
        rest == reasoning or (reasoning or 0) > completion or usage.get("citation_tokens") is not None
    )
    if rest > 0 and not reasoning and "reasoning_tokens" not in details and not _input_explains(usage, rest):
        reasoning, is_outside = rest, True  # Gemini behind OpenAI's protocol: thoughts are in the grand total alone
    inside = (audio or 0) + (image or 0) + (0 if is_outside else reasoning or 0)
    return {**stated(reasoning=reasoning, output_audio=audio, output_image=image), "output": completion - inside, **fees}


def _input_explains(usage: Mapping[str, Any], rest: int) -> bool:
    details = _details(usage, "prompt_tokens_details", "input_tokens_details")
    return rest in {number(details.get(name)) for name in ("audio_tokens", "cached_tokens", "image_tokens")}


def anthropic(usage: Mapping[str, Any], start: Mapping[str, Any] | None = None) -> Meters:
    """Messages: input leaves the caches out. ``start`` is what message_start said, where ``usage`` is of message_delta.

    A cache write without a split lives five minutes, the default. Where it grew after the split was told, the split of
    the whole is unknown.
    """
    now = {**(start or {}), **{name: value for name, value in usage.items() if value is not None}}
    write = number(now.get("cache_creation_input_tokens"))
    output, thinking = number(now.get("output_tokens")), number(_details(now, "output_tokens_details").get("thinking_tokens"))
    tools = _details(now, "server_tool_use")
    return {
        **stated(input=number(now.get("input_tokens")), cache_read=number(now.get("cache_read_input_tokens"))),
        **_lifetimes(_details(now, "cache_creation"), write),
        **stated(output=None if output is None else output - (thinking or 0), reasoning=thinking),
        **stated(web_search=number(tools.get("web_search_requests"))),
    }


def _lifetimes(split: Mapping[str, Any], write: int | None) -> Meters:
    short, long = number(split.get("ephemeral_5m_input_tokens")), number(split.get("ephemeral_1h_input_tokens"))
    told = (short or 0) + (long or 0)
    if write is None:
        return stated(cache_write_5m=short, cache_write_1h=long)
    if not split:
        return {"cache_write_5m": write}
    return {"cache_write_5m": short or 0, "cache_write_1h": long or 0} if told == write else {CACHE_WRITES: write}


def gemini(usage: Mapping[str, Any]) -> Meters:
    """GenerateContent and EmbedContent: caches inside the prompt; thoughts and tool prompts outside everything."""
    cached = number(usage.get("cachedContentTokenCount"))
    tool = number(usage.get("toolUsePromptTokenCount"))
    thoughts = number(usage.get("thoughtsTokenCount"))
    prompts = _by_modality(usage.get("promptTokensDetails") or usage.get("promptTokenDetails"))
    return {
        **_gemini_input(
            number(usage.get("promptTokenCount")), cached, tool, prompts, _by_modality(usage.get("cacheTokensDetails"))
        ),
        **_gemini_output(first(usage.get("candidatesTokenCount"), usage.get("responseTokenCount")), usage),
        **stated(reasoning=thoughts),
    }


def interactions(usage: Mapping[str, Any]) -> Meters:
    """Gemini's Interactions: as GenerateContent, under other names."""
    return gemini(
        {
            "promptTokenCount": usage.get("total_input_tokens"),
            "cachedContentTokenCount": usage.get("total_cached_tokens"),
            "candidatesTokenCount": usage.get("total_output_tokens"),
            "thoughtsTokenCount": usage.get("total_thought_tokens"),
            "toolUsePromptTokenCount": usage.get("total_tool_use_tokens"),
            "promptTokensDetails": usage.get("input_tokens_by_modality"),
            "cacheTokensDetails": usage.get("cached_tokens_by_modality"),
            "candidatesTokensDetails": usage.get("output_tokens_by_modality"),
        }
    )


def _by_modality(details: Any) -> dict[str, int]:
    """Tokens by the suffix of their meter: "" for text and documents."""
    found: dict[str, int] = {}
    for entry in details or ():
        suffix = _MODALITIES.get(str(entry.get("modality")).upper(), "")
        found[suffix] = found.get(suffix, 0) + (first(entry.get("tokenCount"), entry.get("tokens")) or 0)
    return found


def _gemini_input(
    prompt: int | None, cached: int | None, tool: int | None, kinds: dict[str, int], cached_kinds: dict[str, int]
) -> Meters:
    if prompt is None:
        return stated(cache_read=cached)
    special = {kind: count for kind, count in kinds.items() if kind and count}
    if special and cached and not cached_kinds:  # which kind of token came from the cache is not said
        names = ["input", *(f"input{kind}" for kind in special)]
        return {"+".join(names): prompt - cached + (tool or 0), "cache_read+cache_read_audio+cache_read_image": cached}
    fresh = {kind: max(count - cached_kinds.get(kind, 0), 0) for kind, count in special.items()}
    meters: Meters = {f"input{kind}": count for kind, count in fresh.items()}
    meters["input"] = prompt - (cached or 0) - sum(fresh.values()) + (tool or 0)
    if cached is not None:
        audio, image = cached_kinds.get("_audio", 0), cached_kinds.get("_image", 0)
        meters["cache_read"] = cached - audio - image
        meters.update(stated(cache_read_audio=audio or None, cache_read_image=image or None))
    return meters


def _gemini_output(candidates: int | None, usage: Mapping[str, Any]) -> Meters:
    if candidates is None:
        return {}
    kinds = _by_modality(usage.get("candidatesTokensDetails") or usage.get("responseTokensDetails"))
    special = {f"output{kind}": count for kind, count in kinds.items() if kind and count}
    return {"output": candidates - sum(special.values()), **special}


def cohere(units: Mapping[str, Any]) -> Meters:
    """Billed units, not tokens as the model saw them."""
    return stated(
        input=number(units.get("input_tokens")),
        input_image=number(units.get("image_tokens")),
        output=number(units.get("output_tokens")),
        rerank_search=number(units.get("search_units")),
        image=number(units.get("images")),
    )


def ollama(usage: Mapping[str, Any]) -> Meters:
    return stated(input=number(usage.get("prompt_eval_count")), output=number(usage.get("eval_count")))
