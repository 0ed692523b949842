"""The usage objects of the providers, as data. Each shape names the page or the measurement that it follows."""

import re

from costspan.usage.reading import UsageShape

# Charges that providers state themselves: OpenRouter (https://openrouter.ai/docs/use-cases/usage-accounting), Perplexity,
# and xAI in ticks of 1e-10 US dollars (https://docs.x.ai/docs/models#usage).
_COST = (("cost.total_cost", 0), ("cost", 0), ("cost_in_usd_ticks", 10))

OPENAI_CHAT = UsageShape(
    # Chat completions, https://platform.openai.com/docs/api-reference/chat/object, and what other providers that speak the
    # protocol add: DeepSeek prompt_cache_hit_tokens, Moonshot and Mistral cached_tokens beside the totals, gateways the
    # names of Anthropic, Perplexity reasoning and citations of their own. Measured on recordings of 20 such providers.
    input=("prompt_tokens", "input_tokens"),
    output=("completion_tokens", "output_tokens"),
    total="total_tokens",
    input_parts={
        "cache_read": (
            "prompt_tokens_details.cached_tokens",
            "prompt_token_details.cached_tokens",
            "prompt_cache_hit_tokens",
            "cached_tokens",
            "num_cached_tokens",
            "cache_read_input_tokens",
        ),
        "cache_write": (
            "prompt_tokens_details.cache_write_tokens",
            "prompt_tokens_details.cache_creation_tokens",
            "cache_creation_input_tokens",
            "cache_write_tokens",
        ),
        "input_audio": ("prompt_tokens_details.audio_tokens",),
        "input_image": ("prompt_tokens_details.image_tokens",),
    },
    output_parts={
        "reasoning": ("completion_tokens_details.reasoning_tokens", "completion_token_details.reasoning_tokens"),
        "output_audio": ("completion_tokens_details.audio_tokens",),
        "output_image": ("completion_tokens_details.image_tokens",),
    },
    outside={"reasoning": ("reasoning_tokens",)},
    splits={
        "cache_write": {
            "cache_write_5m": "cache_creation.ephemeral_5m_input_tokens",
            "cache_write_1h": "cache_creation.ephemeral_1h_input_tokens",
            "cache_write_30m": "prompt_tokens_details.cache_write_tokens_details.ttl_30m_tokens",
            "cache_write_12h": "prompt_tokens_details.cache_write_tokens_details.ttl_12h_tokens",
        }
    },
    counts={
        "web_search": (
            "num_search_queries",
            "server_tool_use_details.web_search_requests",
            "server_tool_use.web_search_requests",
        ),
        "citation": ("citation_tokens",),
    },
    # The OpenAI-compatible endpoint of Gemini leaves thoughts out of completion_tokens, but not out of the total.
    unexplained={"gemini": "reasoning"},
    cost=_COST,
    # With the caller's own key at the provider, OpenRouter states its fee.
    cost_is_fee="is_byok",
)

OPENAI_RESPONSES = UsageShape(
    # Responses: https://platform.openai.com/docs/api-reference/responses/object
    input=("input_tokens",),
    output=("output_tokens",),
    total="total_tokens",
    input_parts={
        "cache_read": ("input_tokens_details.cached_tokens",),
        "cache_write": ("input_tokens_details.cache_write_tokens",),
        "input_audio": ("input_tokens_details.audio_tokens",),
        "input_image": ("input_tokens_details.image_tokens",),
    },
    output_parts={
        "reasoning": ("output_tokens_details.reasoning_tokens",),
        "output_audio": ("output_tokens_details.audio_tokens",),
        "output_image": ("output_tokens_details.image_tokens",),
    },
    splits={
        "cache_write": {
            "cache_write_30m": "input_tokens_details.cache_write_tokens_details.ttl_30m_tokens",
            "cache_write_12h": "input_tokens_details.cache_write_tokens_details.ttl_12h_tokens",
        }
    },
    counts={"web_search": ("server_side_tool_usage_details.web_search_calls",)},
    cost=_COST,
)

OPENAI_EMBEDDINGS = UsageShape(
    # Embeddings: https://platform.openai.com/docs/api-reference/embeddings/create
    input=("prompt_tokens", "input_tokens"),
    output=("completion_tokens",),
    total="total_tokens",
    cost=_COST,
)

OPENAI_TRANSCRIPTION = UsageShape(
    # https://platform.openai.com/docs/api-reference/audio/json-object: usage of type tokens, or of type duration.
    input=("input_tokens", "prompt_tokens"),
    output=("output_tokens", "completion_tokens"),
    total="total_tokens",
    input_parts={
        "cache_read": ("prompt_tokens_details.cached_tokens",),
        "input_audio": ("input_token_details.audio_tokens", "prompt_tokens_details.audio_tokens"),
    },
    counts={"audio_second": ("seconds",)},
    cost=_COST,
)

OPENAI_REALTIME = UsageShape(
    # https://platform.openai.com/docs/api-reference/realtime-server-events/response/done: text, audio and image figures
    # include their cached share, which cached_tokens_details splits.
    input=("input_tokens",),
    output=("output_tokens",),
    total="total_tokens",
    input_parts={
        "cache_read": ("input_token_details.cached_tokens",),
        "input_audio": ("input_token_details.audio_tokens",),
        "input_image": ("input_token_details.image_tokens",),
    },
    output_parts={"output_audio": ("output_token_details.audio_tokens",)},
    splits={
        "cache_read": {
            "cache_read_audio": "input_token_details.cached_tokens_details.audio_tokens",
            "cache_read_image": "input_token_details.cached_tokens_details.image_tokens",
        }
    },
    overlaps={
        "input_audio": "input_token_details.cached_tokens_details.audio_tokens",
        "input_image": "input_token_details.cached_tokens_details.image_tokens",
    },
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
    split_default={"cache_write": "cache_write_5m"},
    counts={"web_search": ("server_tool_use.web_search_requests",)},
    exclusive_input=True,
)


def _either(path: str) -> str:
    """``path`` as the interface spells it, or as the client's own objects do."""
    return f"{path}|{re.sub(r'(?<=[a-z])(?=[A-Z])', '_', path).lower()}"


def _modality(details: tuple[str, ...], kind: str) -> tuple[str, ...]:
    return tuple(_either(f"{name}[modality={kind}].tokenCount") for name in details)


_PROMPT, _ANSWER = ("promptTokensDetails", "promptTokenDetails"), ("candidatesTokensDetails", "responseTokensDetails")

GEMINI = UsageShape(
    # https://ai.google.dev/api/generate-content#UsageMetadata: the prompt count includes cached content and leaves the
    # results of tools out; the candidates leave thoughts out. Live sessions say response instead of candidates.
    input=(_either("promptTokenCount"),),
    output=(_either("candidatesTokenCount"), _either("responseTokenCount")),
    input_parts={
        "cache_read": (_either("cachedContentTokenCount"),),
        **{f"input_{kind}": _modality(_PROMPT, kind) for kind in ("audio", "image", "video")},
    },
    output_parts={f"output_{kind}": _modality(_ANSWER, kind) for kind in ("audio", "image", "video")},
    outside={"input": (_either("toolUsePromptTokenCount"),), "reasoning": (_either("thoughtsTokenCount"),)},
    splits={
        "cache_read": {
            f"cache_read_{kind}": _either(f"cacheTokensDetails[modality={kind}].tokenCount") for kind in ("audio", "image")
        }
    },
    overlaps={
        f"input_{kind}": _either(f"cacheTokensDetails[modality={kind}].tokenCount") for kind in ("audio", "image", "video")
    },
)

GEMINI_INTERACTIONS = UsageShape(
    # https://ai.google.dev/api/interactions-api: thoughts and tool results lie outside of the other totals.
    input=("total_input_tokens",),
    output=("total_output_tokens",),
    input_parts={
        "cache_read": ("total_cached_tokens",),
        "input_audio": ("input_tokens_by_modality[modality=audio].tokens",),
        "input_image": ("input_tokens_by_modality[modality=image].tokens",),
        "input_video": ("input_tokens_by_modality[modality=video].tokens",),
    },
    output_parts={
        "output_audio": ("output_tokens_by_modality[modality=audio].tokens",),
        "output_image": ("output_tokens_by_modality[modality=image].tokens",),
    },
    outside={"input": ("total_tool_use_tokens",), "reasoning": ("total_thought_tokens",)},
    splits={
        "cache_read": {
            "cache_read_audio": "cached_tokens_by_modality[modality=audio].tokens",
            "cache_read_image": "cached_tokens_by_modality[modality=image].tokens",
        }
    },
    overlaps={f"input_{kind}": f"cached_tokens_by_modality[modality={kind}].tokens" for kind in ("audio", "image", "video")},
    counts={"web_search": ("grounding_tool_count[type=google_search].count",)},
)

VERTEX_PREDICT = UsageShape(
    # https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api
    input=("predictions.*.embeddings.statistics.token_count",),
    counts={"image": ("imageCount",)},
)

COHERE = UsageShape(
    # https://docs.cohere.com/reference/chat: billed_units are what is charged; tokens, and the cached ones among them, are not.
    input=("billed_units.input_tokens",),
    output=("billed_units.output_tokens",),
    input_parts={"input_image": ("billed_units.image_tokens",)},
    counts={
        "rerank_search": ("billed_units.search_units",),
        "image": ("billed_units.images",),
        "page": ("billed_units.pages",),
    },
)

MISTRAL_OCR = UsageShape(
    # https://docs.mistral.ai/api/#tag/ocr
    counts={"page": ("pages_processed",), "annotated_page": ("pages_processed_annotation",)},
)

OLLAMA = UsageShape(
    # https://github.com/ollama/ollama/blob/main/docs/api.md
    input=("prompt_eval_count",),
    output=("eval_count",),
)
