"""The truth's rules, on figures that no kept recording shows, and held against genai-prices, which has its own."""

from dataclasses import replace
from typing import Any

import pytest
from genai_prices import extract_usage

from tests.traffic import figures, figures_bedrock
from tests.traffic.cases import RECORDINGS, Case, read
from tests.traffic.truth import expected

_CASES = {case.id: case for case in read(RECORDINGS)}
_PLAIN_MESSAGE = "anthropic-messages-d8dac8233d2345"

# genai-prices' names of provider and API, for those whose extractors know what the recordings hold.
_EXTRACTORS = {
    ("openai", "chat.completions"): ("openai", "chat"),
    ("openai", "responses"): ("openai", "responses"),
    ("openai", "embeddings"): ("openai", "embeddings"),
    ("anthropic", "messages"): ("anthropic", "default"),
    ("google", "generateContent"): ("google", "default"),
    ("vertexai", "generateContent"): ("google", "default"),
    ("bedrock", "converse"): ("aws", "default"),
    ("groq", "chat.completions"): ("groq", "default"),
    ("mistral", "chat.completions"): ("mistral", "default"),
    ("deepseek", "chat.completions"): ("deepseek", "chat"),
    ("xai", "responses"): ("x-ai", "responses"),
    ("openrouter", "chat.completions"): ("openrouter", "chat"),
    ("perplexity", "chat.completions"): ("perplexity", "default"),
}
# Where genai-prices reads otherwise, and why the truth does not follow.
_KNOWN_DIFFERENCES = {
    "mistral-chat_completions-3d5455b8686836": "audio lies beside prompt_tokens: the total proves it",
    "mistral-chat_completions-3591785ac32e58": "audio lies beside prompt_tokens: the total proves it",
    _PLAIN_MESSAGE: "compaction is billed beside the top-level figures",
}


@pytest.mark.parametrize("kind", _EXTRACTORS, ids="-".join)
def test_genai_prices_reads_the_same_totals(kind: tuple[str, str]) -> None:
    provider, flavor = _EXTRACTORS[kind]
    compared = 0
    for case in _CASES.values():
        calls = expected(case)
        if (case.provider, case.api) != kind or case.streaming or len(calls) != 1 or calls[0].meters is None:
            continue
        try:
            usage = extract_usage(case.json, provider_id=provider, api_flavor=flavor).usage
        except LookupError:  # it does not know the model
            continue
        theirs = (usage.input_tokens or 0, usage.output_tokens or 0, usage.cache_read_tokens or 0, usage.cache_write_tokens or 0)
        assert (_totals(calls[0].meters) == theirs) is (case.id not in _KNOWN_DIFFERENCES), (
            f"{case.id}: {calls[0].meters} {theirs}"
        )
        compared += 1
    assert compared


def _totals(meters: Any) -> tuple[int, int, int, int]:
    def total(*prefixes: str) -> int:
        return sum(value for name, value in meters.items() if name.startswith(prefixes))

    return total("input", "cache_"), total("output", "reasoning"), total("cache_read"), total("cache_write")


@pytest.mark.parametrize(
    ("usage", "meters"),
    [
        # Gemini behind OpenAI's protocol: what the total has over is thoughts.
        ({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 40}, {"input": 10, "output": 5, "reasoning": 25}),
        # xAI chat: reasoning beside the completion.
        (
            {
                "prompt_tokens": 9,
                "completion_tokens": 4,
                "total_tokens": 20,
                "completion_tokens_details": {"reasoning_tokens": 7},
            },
            {"input": 9, "output": 4, "reasoning": 7},
        ),
        # Perplexity: citations and reasoning beside the completion; searches are a fee.
        (
            {"prompt_tokens": 9, "completion_tokens": 4, "reasoning_tokens": 7, "citation_tokens": 3, "num_search_queries": 2},
            {"input": 9, "output": 4, "reasoning": 7, "citation": 3, "web_search": 2},
        ),
        # Grok on Azure: more cached than asked.
        (
            {"prompt_tokens": 7, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 163}},
            {"input": 7, "cache_read": 163, "output": 1},
        ),
        # OpenAI's cache writes, by lifetime, inside the input.
        (
            {
                "input_tokens": 100,
                "output_tokens": 1,
                "input_tokens_details": {"cache_write_tokens": 60, "cache_write_tokens_details": {"ttl_30m_tokens": 40}},
            },
            {"input": 40, "cache_write_30m": 40, "cache_write": 20, "output": 1},
        ),
        ({"type": "duration", "seconds": 4}, {"audio_second": 4}),
    ],
)
def test_openai_style_figures(usage: dict[str, Any], meters: dict[str, int]) -> None:
    assert figures.openai_style(usage) == meters


def test_anthropic_cache_writes() -> None:
    start = {"input_tokens": 1, "cache_creation_input_tokens": 5, "cache_creation": {"ephemeral_1h_input_tokens": 5}}
    assert figures.anthropic({"output_tokens": 1}, start)["cache_write_1h"] == 5
    assert figures.anthropic({"cache_creation_input_tokens": 9}, start)[figures.CACHE_WRITES] == 9
    assert figures.anthropic({"cache_creation_input_tokens": 9})["cache_write_5m"] == 9


def test_gemini_tool_prompts_are_input_and_cached_modalities_are_taken_off() -> None:
    usage = {
        "promptTokenCount": 100,
        "cachedContentTokenCount": 60,
        "toolUsePromptTokenCount": 11,
        "candidatesTokenCount": 5,
        "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 80}, {"modality": "TEXT", "tokenCount": 20}],
        "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 50}, {"modality": "TEXT", "tokenCount": 10}],
    }
    assert figures.gemini(usage) == {"input": 21, "input_audio": 30, "cache_read": 10, "cache_read_audio": 50, "output": 5}


def test_bedrock_cache_writes_by_lifetime() -> None:
    usage = {"inputTokens": 3, "outputTokens": 1, "cacheWriteInputTokens": 9, "cacheDetails": [{"ttl": "1h", "inputTokens": 4}]}
    assert figures_bedrock.converse(usage) == {"input": 3, "output": 1, "cache_write_5m": 5, "cache_write_1h": 4}


def test_anthropic_iterations_are_calls_of_the_models_that_ran() -> None:
    entry = {"input_tokens": 7, "output_tokens": 2}

    def calls(kind: str) -> list[tuple[tuple[str, ...], int | None]]:
        case = _with_iterations([{**entry, "type": kind, "model": "other"}])
        return [(call.models, int((call.meters or {})["input"])) for call in expected(case)]

    assert calls("message") == [(("claude-opus-4-6",), 682)]
    assert calls("compaction") == [(("claude-opus-4-6",), 689)]
    assert calls("advisor_message") == [(("claude-opus-4-6",), 682), (("other",), 7)]
    assert calls("fallback_message") == [(("other",), 682)]


def _with_iterations(iterations: list[dict[str, Any]]) -> Case:
    case = _CASES[_PLAIN_MESSAGE]
    (entry,) = case.usage_raw
    return replace(case, usage_raw=[{**entry, "usage": {**entry["usage"], "iterations": iterations}}])
