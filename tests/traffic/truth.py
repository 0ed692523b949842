"""What a recorded exchange cost its caller, as its provider reported it: the truth that the SDK is held against.

An independent statement: nothing of costspan is imported. The rules are those of the providers' own documents; where
sources disagree, ``README.md`` beside this file says what was decided.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.traffic import figures, figures_bedrock
from tests.traffic.cases import Case
from tests.traffic.countable import countable
from tests.traffic.figures import Meters, merged

# Host of the provider -> OpenTelemetry's gen_ai.provider.name, or the price catalogue's where it defines none.
_PROVIDERS: tuple[tuple[str, str], ...] = (
    (r"api\.anthropic\.com", "anthropic"),
    (r"api\.openai\.com", "openai"),
    (r".*\.openai\.azure\.com", "azure.ai.openai"),
    (r".*\.services\.ai\.azure\.com", "azure.ai.inference"),
    (r"bedrock.*\.(amazonaws\.com|api\.aws)", "aws.bedrock"),
    (r"runtime\.sagemaker\..*", "aws.sagemaker"),
    (r"generativelanguage\.googleapis\.com", "gcp.gemini"),
    (r".*aiplatform\.googleapis\.com", "gcp.vertex_ai"),
    (r"api\.mistral\.ai", "mistral_ai"),
    (r"api\.cohere\.(com|ai)", "cohere"),
    (r"api\.groq\.com", "groq"),
    (r"api\.x\.ai", "x_ai"),
    (r"api\.deepseek\.com", "deepseek"),
    (r"api\.perplexity\.ai", "perplexity"),
    (r"api\.moonshot\.(ai|cn)", "moonshot_ai"),
    (r"api\.together\.(ai|xyz)", "together"),
    (r"openrouter\.ai", "openrouter"),
    (r"api\.cerebras\.ai", "cerebras"),
    (r"api\.fireworks\.ai", "fireworks"),
)
_FREE = {"moderations"}
_XAI_TICKS_PER_USD = 10**10


@dataclass(frozen=True)
class ExpectedCall:
    """One billed call.

    ``provider`` is None for hosts that nobody knows. ``meters`` is None where the provider reported nothing: unknown, not
    zero; a key such as ``input+input_image`` stands for meters of which only the sum is known. ``may`` holds what can be
    counted in the exchange besides, and need not be. ``models`` are the names under which the call may be billed.
    """

    provider: str | None
    models: tuple[str, ...]
    meters: Mapping[str, int | Decimal] | None
    may: Mapping[str, int] = field(default_factory=dict)
    tier: str | None = None
    cost_usd: Decimal | None = None
    is_error: bool = False
    is_optional: bool = False


def expected(case: Case) -> list[ExpectedCall]:
    """The billed calls of ``case``, its own call first. Empty for what nobody bills: files, batches, counting, reading back."""
    if case.api in _FREE:
        return [ExpectedCall(provider_of(case), models_of(case), None, is_optional=True, is_error=case.status >= 400)]
    if case.api == "files" and "batch" in case.flags and case.method == "GET":
        return _batch_calls(case)
    if "not_billable_call" in case.flags or case.method != "POST":
        return []
    if case.status >= 400 or "error_in_body" in case.flags:
        return [ExpectedCall(provider_of(case), models_of(case), None, is_error=True)]
    own = ExpectedCall(
        provider=provider_of(case),
        models=models_of(case),
        meters=meters_of(case),
        may=countable(case),
        tier=tier_of(case),
        cost_usd=cost_of(case),
    )
    return _with_inner_calls(case, own)


def _batch_calls(case: Case) -> list[ExpectedCall]:
    """The calls of a batch whose results are fetched. They are booked where the batch itself was seen before."""
    bodies = [((json.loads(line).get("response") or {}).get("body") or {}) for line in case.response_body.splitlines() if line]
    return [
        ExpectedCall(provider_of(case), (body["model"],), figures.openai_style(body["usage"]), tier="batch", is_optional=True)
        for body in bodies
        if body.get("usage")
    ]


def provider_of(case: Case) -> str | None:
    """The provider by the host that the recorded call went to, or None for one that is nobody's."""
    return next((name for pattern, name in _PROVIDERS if re.fullmatch(pattern, case.host)), None)


def models_of(case: Case) -> tuple[str, ...]:
    """The model that answered, else the one that was asked for. Bedrock bills the model id, whatever the body calls it."""
    asked = case.request.get("model") or case.model_requested
    if provider_of(case) == "aws.bedrock":
        return tuple(plain_model(name) for name in (asked, case.model_responded) if name)
    name = case.model_responded or asked
    return (plain_model(name),) if name else ()


def plain_model(name: str) -> str:
    """A model's name without the collection that it stands in (``models/``, ``publishers/google/models/``)."""
    return re.sub(r"^(.*/)?models/", "", name)


def meters_of(case: Case) -> Meters | None:
    """Disjoint meters of the call itself, or None where its provider reported no usage."""
    if case.api == "invoke_model":
        return figures_bedrock.invoke_model(case)
    if case.api == "ocr":
        pages = ((case.json or {}).get("usage_info") or {}).get("pages_processed")
        name = "page+annotated_page" if any(key.endswith("annotation_format") for key in case.request) else "page"
        return None if pages is None else {name: pages}
    if case.api == "predict":
        counts = [entry["usage"]["token_count"] for entry in case.usage_raw if "token_count" in entry["usage"]]
        return {"input": int(sum(counts))} if counts else None
    if not case.usage_raw:
        return None
    return _METERS_OF_API.get(case.api, _openai)(case)


def _anthropic(case: Case) -> Meters | None:
    if (start := case.usage_at("message_start:message.usage")) is not None:
        meters = figures.anthropic(case.usage_at("message_delta:usage") or {}, start)
    else:
        meters = figures.anthropic(case.usage_at("usage"))
    compactions = [figures.anthropic(entry) for entry in _iterations(case) if entry["type"] == "compaction"]
    return merged(meters, *compactions)


def _iterations(case: Case) -> list[dict[str, Any]]:
    return (case.usage_at("message_delta:usage", "usage") or {}).get("iterations") or []


def _openai(case: Case) -> Meters | None:
    usage = case.usage_at("usage", "x_groq.usage", "response.completed:response.usage", "response.incomplete:response.usage")
    usage = usage or case.usage_raw[-1]["usage"]
    meters = figures.openai_style(usage)
    if case.api.startswith("images.") and "output" in meters and not isinstance(usage.get("output_tokens_details"), dict):
        meters["output_image"] = meters.pop("output")
    return {**meters, **_tool_fees(usage)} or None


def _tool_fees(usage: Mapping[str, Any]) -> Meters:
    details = usage.get("server_side_tool_usage_details") or {}
    router = usage.get("server_tool_use_details") or usage.get("server_tool_use") or {}
    return figures.stated(
        web_search=figures.first(details.get("web_search_calls"), router.get("web_search_requests")),
        code_execution=figures.number(details.get("code_interpreter_calls")),
        file_search=figures.number(details.get("file_search_calls")),
    )


_METERS_OF_API = {
    "messages": _anthropic,
    "converse": lambda case: figures_bedrock.converse(case.usage_raw[-1]["usage"]),
    "generateContent": lambda case: figures.gemini(case.usage_at("usageMetadata")),
    "embedContent": lambda case: figures.gemini(case.usage_at("usageMetadata")),
    "interactions": lambda case: figures.interactions(case.usage_at("interaction.usage", "metadata.usage", "usage")),
    "ollama.chat": lambda case: figures.ollama(case.usage_at("<top>")),
    "ollama.generate": lambda case: figures.ollama(case.usage_at("<top>")),
    "ollama.embed": lambda case: figures.ollama(case.usage_at("<top>")),
}


def _cohere_or_openai(case: Case) -> Meters | None:
    usage = case.usage_at("message-end:delta.usage", "response.meta", "meta", "usage")
    return figures.cohere(usage.get("billed_units") or {}) or None if case.host.startswith("api.cohere") else _openai(case)


_METERS_OF_API |= dict.fromkeys(("chat", "embed", "rerank", "generate", "classify"), _cohere_or_openai)


def tier_of(case: Case) -> str | None:
    """The service tier that the provider said it gave, in small letters, or None where it said nothing."""
    for entry in case.usage_raw:
        usage = entry["usage"]
        if isinstance(usage, dict) and (
            tier := usage.get("service_tier") or usage.get("serviceTier") or usage.get("trafficType")
        ):
            return str(tier).lower()
    headers = {name.lower(): value for name, value in case.response_headers.items()}
    if tier := headers.get("x-amzn-bedrock-service-tier"):
        return tier.lower()
    # A stream says it again with every chunk; the last word counts, as a response starts as "auto".
    tiers = re.findall(r'"service_?[tT]ier"\s*:\s*(?:\{\s*"type"\s*:\s*)?"([^"]+)"', case.response_body)
    return tiers[-1].lower() if tiers else None


def cost_of(case: Case) -> Decimal | None:
    """The provider's own charge in USD where it states one, else None."""
    usage = next((entry["usage"] for entry in reversed(case.usage_raw) if isinstance(entry["usage"], dict)), {})
    usage = json.loads(json.dumps(usage), parse_float=Decimal)
    provider, cost = provider_of(case), usage.get("cost")
    # The mark of OpenRouter's protocol, also of gateways built on it. With the caller's own key the charge is the fee alone.
    if "is_byok" in usage or provider == "openrouter":
        return None if usage.get("is_byok") or cost is None else Decimal(cost)
    if provider == "perplexity" and isinstance(cost, dict) and cost.get("total_cost") is not None:
        return Decimal(cost["total_cost"])
    if provider == "x_ai" and (ticks := usage.get("cost_in_usd_ticks")) is not None:
        return Decimal(ticks) / _XAI_TICKS_PER_USD
    return None


def _with_inner_calls(case: Case, own: ExpectedCall) -> list[ExpectedCall]:
    """``own``, and the calls of other models that its provider made and billed on the caller's behalf."""
    if case.api == "messages":
        served = [entry["model"] for entry in _iterations(case) if entry["type"] == "fallback_message" and entry.get("model")]
        advisors = [entry for entry in _iterations(case) if entry["type"] == "advisor_message"]
        first = own if not served else ExpectedCall(**{**vars(own), "models": (served[-1],)})
        return [first, *(_inner(own, entry["model"], figures.anthropic(entry)) for entry in advisors)]
    return _by_model(case, own) if own.provider == "groq" else [own]


def _by_model(case: Case, own: ExpectedCall) -> list[ExpectedCall]:
    # A breakdown that does not add up to the whole splits nothing: one was recorded that repeats the whole four times.
    breakdown = (case.json or {}).get("usage_breakdown") or {}
    listed = [_inner(own, entry["model"], figures.openai_style(entry["usage"])) for entry in breakdown.get("models") or ()]
    is_split = bool(listed) and merged(*(call.meters or {} for call in listed)) == dict(own.meters or {})
    return listed if is_split else [own]


def _inner(own: ExpectedCall, model: str, meters: Meters) -> ExpectedCall:
    return ExpectedCall(own.provider, (model,), meters, tier=own.tier)
