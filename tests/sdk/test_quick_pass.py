"""What is let pass unread tells nothing to whoever would read it, and looks as if it had been read."""

from types import SimpleNamespace
from typing import Any

import pytest
from openai.types.chat import ChatCompletionChunk
from pydantic import BaseModel, ConfigDict

from costspan._quick_pass import never, not_yet, quick_pass
from costspan.adapters._stainless import STAINLESS
from costspan.usage.paths import getter

REASONS = "choices.*.finish_reason"
USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}


def chunk(*reasons: str | None, **more: Any) -> ChatCompletionChunk:
    choices = [{"index": index, "delta": {"content": "x"}, "finish_reason": reason} for index, reason in enumerate(reasons)]
    body = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices, **more}
    return ChatCompletionChunk.model_validate(body)


class Odd(BaseModel):
    model_config = ConfigDict(extra="allow")
    choices: Any = None


class Telling(ChatCompletionChunk):
    def __getattribute__(self, name: str) -> Any:
        return USAGE if name == "usage" else super().__getattribute__(name)


CHUNKS: list[Any] = [
    chunk(None),
    chunk(None, None),
    chunk(None, usage=None),
    chunk("stop"),
    chunk(None, "stop"),
    chunk(),
    chunk(usage=USAGE),
    chunk(None, usage=USAGE),
    ChatCompletionChunk.model_construct(choices=None),
    ChatCompletionChunk.model_construct(choices=[{"finish_reason": "stop"}]),
    ChatCompletionChunk.model_construct(choices=[SimpleNamespace(finish_reason="stop")]),
    ChatCompletionChunk.model_construct(choices=(SimpleNamespace(finish_reason="stop"),)),
    Odd(choices=chunk(None).choices, usage=USAGE),
    Odd(choices=chunk(None).choices),
    Telling.model_validate(chunk(None).model_dump()),
    {"choices": [{"finish_reason": "stop"}], "usage": USAGE},
    None,
]


@pytest.mark.parametrize("example", CHUNKS)
@pytest.mark.parametrize("one", CHUNKS)
def test_what_passes_tells_nothing(example: Any, one: Any) -> None:
    if quick_pass(example, "usage", REASONS, forgets=False)(one):
        assert getter("usage")(one) is None
        assert getter(REASONS)(one) is None


def test_most_chunks_pass() -> None:
    passes = quick_pass(chunk(None), "usage", REASONS, forgets=False)
    assert [passes(one) for one in CHUNKS[:8]] == [True, True, True, False, False, True, False, False]


def test_a_chunk_without_choices_does_not_tell_what_the_others_are_like() -> None:
    assert quick_pass(chunk(), "usage", REASONS, forgets=False) is not_yet


def test_what_passes_looks_as_if_nobody_had_asked() -> None:
    passed, read = chunk(None, usage=None), chunk(None, usage=None)
    assert quick_pass(read, "usage", REASONS, forgets=True)(passed)
    assert STAINLESS.forget is not None
    STAINLESS.forget(read, "usage")
    assert passed.model_fields_set == read.model_fields_set == {"id", "object", "created", "model", "choices"}
    untouched = chunk(None, usage=None)
    assert quick_pass(read, "usage", REASONS, forgets=False)(untouched)
    assert "usage" in untouched.model_fields_set


@pytest.mark.parametrize(
    ("example", "usage", "reasons"),
    [
        ({"choices": [{"finish_reason": None}]}, "usage", REASONS),
        (chunk(None), "usage|x_groq.usage", REASONS),
        (chunk(None), "usage", "stop_reason"),
        (chunk(None), "usage", "choices.*.delta.stop"),
        (Telling.model_validate(chunk(None).model_dump()), "usage", REASONS),
    ],
)
def test_what_has_no_quick_pass_is_read(example: Any, usage: str, reasons: str) -> None:
    assert quick_pass(example, usage, reasons, forgets=False) is never
