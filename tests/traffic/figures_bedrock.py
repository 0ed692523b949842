"""The truth's arithmetic for Amazon Bedrock: its own figures outrank those in the model vendor's body."""

from collections.abc import Mapping
from typing import Any

from tests.traffic.cases import Case
from tests.traffic.figures import Meters, anthropic, first, number, stated

_HEADERS = {
    "input": "x-amzn-bedrock-input-token-count",
    "output": "x-amzn-bedrock-output-token-count",
    "cache_read": "x-amzn-bedrock-cache-read-input-token-count",
    "cache_write": "x-amzn-bedrock-cache-write-input-token-count",
}
_METRICS = {
    "input": "inputTokenCount",
    "output": "outputTokenCount",
    "cache_read": "cacheReadInputTokenCount",
    "cache_write": "cacheWriteInputTokenCount",
}


def converse(usage: Mapping[str, Any]) -> Meters:
    """Converse: input leaves the caches out; a cache write without details lives five minutes, the default."""
    write = first(usage.get("cacheWriteInputTokens"), usage.get("cacheWriteInputTokenCount"))
    meters = stated(
        input=number(usage.get("inputTokens")),
        cache_read=first(usage.get("cacheReadInputTokens"), usage.get("cacheReadInputTokenCount")),
        output=number(usage.get("outputTokens")),
    )
    long = sum(number(entry["inputTokens"]) or 0 for entry in usage.get("cacheDetails") or () if entry.get("ttl") == "1h")
    return {**meters, **stated(cache_write_5m=None if write is None else write - long, cache_write_1h=long or None)}


def invoke_model(case: Case) -> Meters | None:
    """InvokeModel: headers, or the metrics that end a stream, for the totals; the vendor's body for what they leave out."""
    vendor = _vendor_figures(case)
    own = _own_figures(case)
    if not own and not vendor:
        return None
    write = own.pop("cache_write", None)
    meters = {**vendor, **own}
    if write is not None and write != sum(vendor.get(f"cache_write_{lifetime}", 0) for lifetime in ("5m", "1h")):
        meters = {**meters, "cache_write_5m": write}
        meters.pop("cache_write_1h", None)
    elif write is not None and "cache_write_5m" not in meters:
        meters["cache_write_5m"] = write
    reasoning = meters.get("reasoning")
    if "output" in own and reasoning:
        meters["output"] = own["output"] - reasoning
    return meters


def _own_figures(case: Case) -> dict[str, int]:
    metrics = case.usage_at("amazon-bedrock-invocationMetrics") or {}
    headers = {name.lower(): value for name, value in case.response_headers.items()}
    found = {meter: first(metrics.get(_METRICS[meter]), headers.get(_HEADERS[meter])) for meter in _METRICS}
    return {meter: count for meter, count in found.items() if count is not None}


def _vendor_figures(case: Case) -> Meters:
    if (start := case.usage_at("message_start:message.usage")) is not None:
        return anthropic(case.usage_at("message_delta:usage") or {}, start)
    usage = case.usage_at("usage", "metadata.usage")
    if usage is not None and "inputTokens" in usage:
        return converse(usage)
    if usage is not None and "prompt_tokens" in usage:
        return stated(input=number(usage["prompt_tokens"]), output=number(usage.get("completion_tokens")))
    if usage is not None:
        return anthropic(usage)
    top, results = case.usage_at("<top>") or {}, case.usage_at("results[0]") or {}
    return stated(
        input=first(top.get("inputTextTokenCount"), top.get("prompt_token_count")),
        output=first(top.get("totalOutputTextTokenCount"), top.get("generation_token_count"), results.get("tokenCount")),
    )
