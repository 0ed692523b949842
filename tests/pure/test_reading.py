"""Usage objects as disjoint meters: they sum to what the provider's own arithmetic implies, whatever else is in them."""

import copy
import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costspan import usage as u
from costspan.usage import METERS, Reading, UsageShape, input_tokens, output_tokens, read_usage

SHAPES: dict[str, UsageShape] = {name: shape for name, shape in vars(u).items() if isinstance(shape, UsageShape)}
COUNT = st.integers(0, 10**9)


def usage(shape: UsageShape, source: Any, model: str = "") -> dict[str, Any]:
    reading = read_usage(shape, source, model)
    assert reading is not None
    return dict(reading.usage)


@given(COUNT, COUNT, COUNT, COUNT, COUNT)
def test_anthropic_s_parts_lie_outside_of_its_input(plain: int, read: int, short: int, long: int, output: int) -> None:
    source = {
        "input_tokens": plain,
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": short + long,
        "cache_creation": {"ephemeral_5m_input_tokens": short, "ephemeral_1h_input_tokens": long},
        "output_tokens": output,
    }
    found = usage(u.ANTHROPIC_MESSAGES, source)
    assert input_tokens(found) == plain + read + short + long
    assert output_tokens(found) == output
    assert (found["cache_write_5m"], found["cache_write_1h"]) == (short, long)


@given(COUNT, COUNT, COUNT, COUNT, COUNT)
def test_converse_s_parts_lie_outside_of_its_input(plain: int, read: int, short: int, long: int, output: int) -> None:
    details = [{"ttl": "5m", "inputTokens": short}, {"ttl": "1h", "inputTokens": long}]
    source = {
        "inputTokens": plain,
        "outputTokens": output,
        "totalTokens": plain + read + short + long + output,
        "cacheReadInputTokens": read,
        "cacheWriteInputTokens": short + long,
        "cacheDetails": details,
    }
    found = usage(u.BEDROCK_CONVERSE, source)
    assert input_tokens(found) == plain + read + short + long
    assert output_tokens(found) == output


@given(COUNT, COUNT, COUNT, COUNT, COUNT, COUNT)
def test_openai_s_parts_lie_within_its_totals(plain: int, cached: int, written: int, audio: int, text: int, thought: int) -> None:
    details = {"cached_tokens": cached, "cache_write_tokens": written, "audio_tokens": audio}
    source = {
        "input_tokens": plain + cached + written + audio,
        "output_tokens": text + thought,
        "total_tokens": plain + cached + written + audio + text + thought,
        "input_tokens_details": details,
        "output_tokens_details": {"reasoning_tokens": thought},
    }
    assert usage(u.OPENAI_RESPONSES, source) == {
        "input": plain,
        "cache_read": cached,
        "cache_write": written,
        "input_audio": audio,
        "output": text,
        "reasoning": thought,
    }


@given(COUNT, COUNT, COUNT, COUNT, COUNT, COUNT)
def test_realtime_s_modalities_include_their_cached_share(
    text: int, audio: int, cached_text: int, cached_audio: int, cached_image: int, spoken: int
) -> None:
    cached = cached_text + cached_audio + cached_image
    source = {
        "input_tokens": text + audio + cached,
        "output_tokens": spoken,
        "total_tokens": text + audio + cached + spoken,
        "input_token_details": {
            "text_tokens": text + cached_text,
            "audio_tokens": audio + cached_audio,
            "image_tokens": cached_image,
            "cached_tokens": cached,
            "cached_tokens_details": {"text_tokens": cached_text, "audio_tokens": cached_audio, "image_tokens": cached_image},
        },
        "output_token_details": {"text_tokens": 0, "audio_tokens": spoken},
    }
    found = usage(u.OPENAI_REALTIME, source)
    assert {meter: count for meter, count in found.items() if count} == {
        meter: count
        for meter, count in {
            "input": text,
            "input_audio": audio,
            "cache_read": cached_text,
            "cache_read_audio": cached_audio,
            "cache_read_image": cached_image,
            "output_audio": spoken,
        }.items()
        if count
    }


@given(COUNT, COUNT, COUNT, COUNT, COUNT, COUNT)
def test_gemini_s_thoughts_and_tools_lie_outside(
    text: int, cached_audio: int, audio: int, answer: int, thought: int, tool: int
) -> None:
    source = {
        "promptTokenCount": text + audio + cached_audio,
        "candidatesTokenCount": answer,
        "thoughtsTokenCount": thought,
        "toolUsePromptTokenCount": tool,
        "cachedContentTokenCount": cached_audio,
        "totalTokenCount": text + audio + cached_audio + answer + thought + tool,
        "promptTokensDetails": [
            {"modality": "TEXT", "tokenCount": text},
            {"modality": "AUDIO", "tokenCount": audio + cached_audio},
        ],
        "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": cached_audio}],
    }
    found = usage(u.GEMINI, source)
    assert input_tokens(found) == text + audio + cached_audio + tool
    assert output_tokens(found) == answer + thought
    assert (found["input"], found["input_audio"], found.get("cache_read_audio", 0)) == (text + tool, audio, cached_audio)


@given(st.integers(0, 10**6), st.integers(1, 10**6), st.integers(0, 10**6), st.integers(1, 10**6))
def test_a_grand_total_proves_a_portion_outside(prompt: int, cached: int, answer: int, thought: int) -> None:
    source = {
        "prompt_tokens": prompt,
        "completion_tokens": answer,
        "total_tokens": prompt + answer + thought,
        "completion_tokens_details": {"reasoning_tokens": thought},
    }
    reading = read_usage(u.OPENAI_CHAT, source)
    assert reading is not None
    assert reading.basis == "proved"
    assert dict(reading.usage) == {"input": prompt, "output": answer, "reasoning": thought}
    inside = {**source, "total_tokens": prompt + answer, "completion_tokens": answer + thought}
    inside["total_tokens"] = prompt + answer + thought
    reading = read_usage(u.OPENAI_CHAT, inside)
    assert reading is not None
    assert reading.basis == "inclusive"
    assert dict(reading.usage) == {"input": prompt, "output": answer, "reasoning": thought}


FIGURES = st.one_of(
    COUNT, st.none(), st.booleans(), st.floats(), st.text(max_size=4), st.integers(-5, -1), st.just([]), st.just({})
)
KEYS = sorted(
    {
        part.partition("[")[0]
        for shape in SHAPES.values()
        for group in (shape.input, shape.output, *shape.input_parts.values(), *shape.output_parts.values(),
                      *shape.outside.values(), *shape.counts.values())
        for path in group
        for alternative in path.split("|")
        for part in alternative.split(".")
    } - {"*"}
)  # fmt: skip
SOURCES = st.recursive(
    st.dictionaries(st.sampled_from(KEYS), FIGURES, max_size=5),
    lambda inner: st.dictionaries(st.sampled_from(KEYS), inner | st.lists(inner, max_size=2) | FIGURES, max_size=6),
    max_leaves=10,
)


@pytest.mark.parametrize("name", SHAPES)
@settings(max_examples=40)
@given(source=SOURCES)
def test_no_figure_is_ever_negative_or_unnamed(name: str, source: dict[str, Any]) -> None:
    reading = read_usage(SHAPES[name], source, "gemini-2.5-flash")
    if reading is None:
        return
    for meter, quantity in reading.usage.items():
        assert meter in METERS
        assert type(quantity) is int
        assert quantity >= 0
    assert reading.reported_cost_usd is None or reading.reported_cost_usd >= 0


UNKNOWN = st.dictionaries(st.text("xyz_", min_size=3, max_size=8).map("unknown_".__add__), FIGURES | COUNT, max_size=4)


@pytest.mark.parametrize("name", SHAPES)
@settings(max_examples=40)
@given(source=SOURCES, unknown=UNKNOWN)
def test_unknown_keys_change_nothing_and_nothing_is_changed(name: str, source: dict[str, Any], unknown: dict[str, Any]) -> None:
    before = copy.deepcopy(source)
    with_unknown = {**unknown, **{key: {**value, **unknown} if type(value) is dict else value for key, value in source.items()}}
    assert read_usage(SHAPES[name], with_unknown) == read_usage(SHAPES[name], source)
    assert repr(source) == repr(before)


@pytest.mark.parametrize(
    ("figure", "count"),
    [(5, 5), (5.0, 5), (0, 0), (-1, None), (True, None), ("5", None), (math.nan, None), (math.inf, None), ([5], 5)],
)
def test_what_is_a_figure(figure: Any, count: int | None) -> None:
    reading = read_usage(u.OLLAMA, {"prompt_eval_count": figure})
    assert (None if reading is None else reading.usage["input"]) == count


@pytest.mark.parametrize(
    ("source", "cost"),
    [
        ({"prompt_tokens": 1, "cost": 0.00014}, "0.00014"),
        ({"prompt_tokens": 1, "cost": 0}, "0"),
        ({"prompt_tokens": 1, "cost": {"total_cost": 0.1}}, "0.1"),
        ({"prompt_tokens": 1, "cost_in_usd_ticks": 37756000}, "0.0037756000"),
        ({"prompt_tokens": 1, "cost_in_usd_ticks": 0}, None),
        ({"prompt_tokens": 1, "cost": -1}, None),
        ({"prompt_tokens": 1, "cost": True}, None),
        ({"prompt_tokens": 1, "cost": math.inf}, None),
    ],
)
def test_a_charge_is_the_decimal_that_the_provider_wrote(source: Any, cost: str | None) -> None:
    reading = read_usage(u.OPENAI_CHAT, source)
    assert reading is not None
    assert reading.reported_cost_usd == (None if cost is None else Decimal(cost))


@given(st.dictionaries(st.sampled_from(METERS), COUNT), st.dictionaries(st.sampled_from(METERS), COUNT))
def test_two_readings_together_are_the_sums(first: dict[str, Any], second: dict[str, Any]) -> None:
    together = Reading(first, "inclusive", Decimal(1)).plus(Reading(second, "exclusive"))
    assert together.usage == {meter: first.get(meter, 0) + second.get(meter, 0) for meter in {**first, **second}}
    assert together.reported_cost_usd == 1
    assert Reading(first, "inclusive").plus(Reading(second, "inclusive")).reported_cost_usd is None
