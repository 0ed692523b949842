"""google-genai's live sessions over a real WebSocket: each turn is a call, with the last of its running totals."""

import asyncio
import gc
import time
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

import costspan
from tests.sdk.conftest import Sdk
from tests.sdk.doubles.sessions import WAIT, SessionProvider

pytest.importorskip("google.genai")

from google import genai
from google.genai import types

MODEL = "gemini-live-2.5-flash-preview"
SETUP: Any = {"setupComplete": {}}


def part(text: str, **more: Any) -> dict[str, Any]:
    return {"serverContent": {"modelTurn": {"role": "model", "parts": [{"text": text}]}}, **more}


def totals(prompt: int, response: int, **more: Any) -> dict[str, Any]:
    return {
        "usageMetadata": {
            "promptTokenCount": prompt,
            "responseTokenCount": response,
            "totalTokenCount": prompt + response,
            "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": prompt}],
            "responseTokensDetails": [{"modality": "AUDIO", "tokenCount": response}],
            **more,
        }
    }


COMPLETE: Any = {"serverContent": {"turnComplete": True}}
INTERRUPTED: Any = {"serverContent": {"interrupted": True}}
# https://ai.google.dev/api/live: usage comes beside any message; within a turn it grows.
FIRST_TURN = (part("Hel", **totals(100, 3)), part("lo", **totals(100, 7)), {**COMPLETE, **totals(100, 9)})
SECOND_TURN = (part("Bye"), {**COMPLETE, **totals(150, 2, thoughtsTokenCount=5)})


@pytest.fixture(scope="module")
def sessions() -> Iterator[SessionProvider]:
    server = SessionProvider(is_tls=True)
    yield server
    server.close()


def opened(sessions: SessionProvider) -> Any:
    options = types.HttpOptions(
        base_url=f"https://{sessions.address}", api_version="v1beta", async_client_args={"ssl": sessions.client_context}
    )
    return genai.Client(api_key="key", http_options=options).aio.live.connect(model=MODEL)


def talk(sessions: SessionProvider, turns: int) -> list[Any]:
    async def run() -> list[Any]:
        messages = []
        async with opened(sessions) as session:
            for _ in range(turns):
                await session.send_client_content(turns={"role": "user", "parts": [{"text": "hi"}]})
                messages += [message async for message in session.receive()]
        return messages

    return asyncio.run(run())


def test_each_turn_is_a_call_with_the_last_of_its_totals(sessions: SessionProvider, sdk: Sdk) -> None:
    sessions.play(WAIT, SETUP, WAIT, *FIRST_TURN, WAIT, *SECOND_TURN)
    with costspan.feature("voice"):
        messages = talk(sessions, turns=2)
    assert [message.text for message in messages] == ["Hel", "lo", None, "Bye", None]
    assert sessions.heard[0]["setup"]["model"] == f"models/{MODEL}"
    first, second = sdk.spans()
    for span in (first, second):
        assert span["gen_ai.provider.name"] == "gcp.gemini"
        assert span["gen_ai.operation.name"] == "generate_content"
        assert span["gen_ai.request.model"] == MODEL
        assert span["costspan.feature"] == "voice"
        assert span["costspan.cost.state"] == "priced"
        assert "costspan.usage.incomplete" not in span.attributes
    assert (first["gen_ai.usage.input_tokens"], first["gen_ai.usage.output_tokens"]) == (100, 9)
    assert (first["gen_ai.usage.audio.input_tokens"], first["gen_ai.usage.audio.output_tokens"]) == (100, 9)
    assert (second["gen_ai.usage.input_tokens"], second["gen_ai.usage.output_tokens"]) == (150, 7)
    assert second["gen_ai.usage.reasoning.output_tokens"] == 5


def test_a_turn_lasts_from_its_first_message_to_its_end(sessions: SessionProvider, sdk: Sdk) -> None:
    async def run() -> tuple[int, int]:
        async with opened(sessions) as session:
            await asyncio.sleep(0.1)  # the user says nothing
            before_ns = time.time_ns()
            await session.send_client_content(turns={"role": "user", "parts": [{"text": "hi"}]})
            async for message in session.receive():
                if message.text == "Hel":
                    await session.send_client_content(turns={"role": "user", "parts": [{"text": "go on"}]})
                await asyncio.sleep(0.05)
            return before_ns, time.time_ns()

    sessions.play(WAIT, SETUP, WAIT, FIRST_TURN[0], WAIT, *FIRST_TURN[1:])
    before_ns, after_ns = asyncio.run(run())
    span = sdk.span()
    assert before_ns <= span.start_ns < span.end_ns <= after_ns
    assert span.end_ns - span.start_ns >= 45_000_000


def test_an_interrupted_turn_is_one_call_and_a_turn_without_usage_none(sessions: SessionProvider, sdk: Sdk) -> None:
    sessions.play(WAIT, SETUP, WAIT, part("Hel", **totals(100, 3)), INTERRUPTED, COMPLETE, WAIT, part("x"), COMPLETE)
    talk(sessions, turns=2)
    assert sdk.span()["gen_ai.usage.output_tokens"] == 3


def test_a_turn_that_the_connection_cuts_short_is_an_estimate(sessions: SessionProvider, sdk: Sdk) -> None:
    async def run() -> None:
        async with opened(sessions) as session:
            async for message in session.receive():
                if message.text == "lo":
                    return

    sessions.play(WAIT, SETUP, *FIRST_TURN)
    asyncio.run(run())
    span = sdk.span()
    assert span["gen_ai.usage.output_tokens"] == 7
    assert span["costspan.usage.incomplete"] is True
    assert span["costspan.cost.state"] == "estimated"


def test_the_connection_is_not_kept_alive(sessions: SessionProvider, sdk: Sdk) -> None:
    async def run() -> weakref.ref[Any]:
        async with opened(sessions) as session:
            async for _ in session.receive():
                pass
        return weakref.ref(session)

    sessions.play(WAIT, SETUP, *FIRST_TURN)
    gone = asyncio.run(run())
    gc.collect()
    assert gone() is None


def test_uninstrumented_nothing_is_booked(sessions: SessionProvider, sdk: Sdk) -> None:
    from google.genai.live import AsyncLive, AsyncSession

    costspan.uninstrument()
    assert type(AsyncSession.__dict__["_receive"]).__name__ == "function"
    assert type(AsyncLive.__dict__["connect"]).__name__ == "function"
    sessions.play(WAIT, SETUP, WAIT, *FIRST_TURN)
    assert len(talk(sessions, turns=1)) == 3
    assert sdk.spans() == []
