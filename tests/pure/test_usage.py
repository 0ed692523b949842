"""Usage objects of providers as disjoint meters."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costspan.usage import (
    ANTHROPIC_MESSAGES,
    INPUT_METERS,
    METERS,
    OPENAI_CHAT,
    OPENAI_EMBEDDINGS,
    OPENAI_RESPONSES,
    OUTPUT_METERS,
    UsageShape,
    input_tokens,
    output_tokens,
    read_usage,
)

CASES: list[tuple[UsageShape, dict[str, Any], dict[str, int], str]] = [
    (
        OPENAI_CHAT,
        {"prompt_tokens": 1200, "completion_tokens": 80, "total_tokens": 1280,
         "prompt_tokens_details": {"cached_tokens": 1000, "audio_tokens": 50},
         "completion_tokens_details": {"reasoning_tokens": 30, "rejected_prediction_tokens": 9}},
        {"input": 150, "cache_read": 1000, "input_audio": 50, "output": 50, "reasoning": 30},
        "inclusive",
    ),
    # an explicit zero stays a zero, what is missing stays missing (litellm#37992)
    (OPENAI_CHAT, {"prompt_tokens": 0, "completion_tokens": 0}, {"input": 0, "output": 0}, "inclusive"),
    # Grok hosted by Azure: more cached than prompt tokens proves that they lie outside
    (
        OPENAI_CHAT,
        {"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 90}},
        {"input": 10, "cache_read": 90, "output": 5},
        "proved",
    ),
    (
        OPENAI_CHAT,
        {"prompt_tokens": 100, "completion_tokens": 5, "total_tokens": 195, "prompt_tokens_details": {"cached_tokens": 90}},
        {"input": 100, "cache_read": 90, "output": 5},
        "proved",
    ),
    (
        OPENAI_RESPONSES,
        {"input_tokens": 500, "output_tokens": 60, "input_tokens_details": {"cached_tokens": 100, "cache_write_tokens": 300,
         "cache_write_tokens_details": {"ttl_30m_tokens": 200, "ttl_12h_tokens": 50}},
         "output_tokens_details": {"reasoning_tokens": 0}},
        {"input": 100, "cache_read": 100, "cache_write_30m": 200, "cache_write_12h": 50, "cache_write": 50, "output": 60,
         "reasoning": 0},
        "inclusive",
    ),
    (OPENAI_EMBEDDINGS, {"prompt_tokens": 8, "total_tokens": 8}, {"input": 8}, "inclusive"),
    # Anthropic's own example of a wrong bill: 3 / 12,304 / 0 / 550 (litellm#9812)
    (
        ANTHROPIC_MESSAGES,
        {"input_tokens": 3, "cache_creation_input_tokens": 12304, "cache_read_input_tokens": 0, "output_tokens": 550},
        {"input": 3, "cache_read": 0, "cache_write_5m": 12304, "output": 550},
        "exclusive",
    ),
    (
        ANTHROPIC_MESSAGES,
        {"input_tokens": 100, "cache_creation_input_tokens": 1000, "cache_read_input_tokens": 50, "output_tokens": 70,
         "cache_creation": {"ephemeral_5m_input_tokens": 300, "ephemeral_1h_input_tokens": 700},
         "output_tokens_details": {"thinking_tokens": 40}, "server_tool_use": {"web_search_requests": 2}},
        {"input": 100, "cache_read": 50, "cache_write_5m": 300, "cache_write_1h": 700, "output": 30, "reasoning": 40,
         "web_search": 2},
        "exclusive",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("shape", "source", "usage", "basis"), CASES)
def test_usage_objects_become_disjoint_meters(shape: UsageShape, source: Any, usage: dict[str, int], basis: str) -> None:
    reading = read_usage(shape, source)
    assert reading is not None
    assert reading.usage == usage
    assert reading.basis == basis


@pytest.mark.parametrize(
    "source", [None, {}, {"tokens": 3}, {"prompt_tokens": "12"}, {"prompt_tokens": True}, {"prompt_tokens": -1}]
)
def test_an_unknown_shape_gives_no_figure(source: Any) -> None:
    assert read_usage(OPENAI_CHAT, source) is None


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**9))
def test_meters_sum_to_the_inclusive_totals(plain: int, cached: int, text: int, thought: int) -> None:
    source = {
        "prompt_tokens": plain + cached,
        "completion_tokens": text + thought,
        "prompt_tokens_details": {"cached_tokens": cached},
        "completion_tokens_details": {"reasoning_tokens": thought},
    }
    reading = read_usage(OPENAI_CHAT, source)
    assert reading is not None
    assert input_tokens(reading.usage) == plain + cached
    assert output_tokens(reading.usage) == text + thought


def test_the_names_of_meters_are_all_different() -> None:
    assert len(set(METERS)) == len(METERS)
    assert not set(INPUT_METERS) & set(OUTPUT_METERS)
