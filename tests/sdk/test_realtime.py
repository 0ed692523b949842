"""OpenAI Realtime over a real WebSocket: each response is a call, and so is each transcription of what was heard."""

import asyncio
import gc
import time
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

import costspan
from tests.sdk.conftest import Sdk
from tests.sdk.doubles.clients import TIMEOUT_S
from tests.sdk.doubles.collector import Span
from tests.sdk.doubles.realtime import CREATED, FIRST_USAGE, HEARD_FOR, SCRIPT, SECOND_USAGE, response_created, response_done
from tests.sdk.doubles.sessions import WAIT, SessionProvider

openai = pytest.importorskip("openai")
pytest.importorskip("openai.resources.realtime", reason="openai before 1.107 has no realtime client but the beta's")

# openai's own use of websockets 17.
pytestmark = pytest.mark.filterwarnings("ignore:connect\\(\\) must be used as a context manager:DeprecationWarning")


@pytest.fixture(scope="module")
def sessions() -> Iterator[SessionProvider]:
    server = SessionProvider()
    yield server
    server.close()


def client(sessions: SessionProvider, *, is_async: bool = False) -> Any:
    kind = openai.AsyncOpenAI if is_async else openai.OpenAI
    return kind(api_key="key", base_url=f"http://{sessions.address}/v1", timeout=TIMEOUT_S)


def opened(sessions: SessionProvider, *, is_async: bool = False) -> Any:
    """The connection's context manager. The client tells the scheme of ws: from its base URL."""
    made = client(sessions, is_async=is_async)
    made.websocket_base_url = f"ws://{sessions.address}/v1"
    return made.realtime.connect(model="gpt-realtime")


def kinds(events: list[Any]) -> list[str]:
    return [event.type for event in events]


def by_iteration(sessions: SessionProvider) -> list[str]:
    with opened(sessions) as connection:
        return kinds(list(connection))


def by_recv(sessions: SessionProvider) -> list[str]:
    with opened(sessions) as connection:
        return kinds([connection.recv() for _ in SCRIPT])


def by_bytes(sessions: SessionProvider) -> list[str]:
    with opened(sessions) as connection:
        return kinds([connection.parse_event(connection.recv_bytes()) for _ in SCRIPT])


def by_async_iteration(sessions: SessionProvider) -> list[str]:
    async def run() -> list[str]:
        async with opened(sessions, is_async=True) as connection:
            return kinds([event async for event in connection])

    return asyncio.run(run())


def by_async_bytes(sessions: SessionProvider) -> list[str]:
    async def run() -> list[str]:
        async with opened(sessions, is_async=True) as connection:
            return kinds([connection.parse_event(await connection.recv_bytes()) for _ in SCRIPT])

    return asyncio.run(run())


def usage(span: Span) -> dict[str, int]:
    return {
        name.removeprefix("gen_ai.usage.").removeprefix("costspan.usage."): value
        for name, value in span.attributes.items()
        if name.startswith(("gen_ai.usage.", "costspan.usage.")) and name not in ("gen_ai.usage.cost", "costspan.usage.basis")
    }


@pytest.mark.parametrize("read", [by_iteration, by_recv, by_bytes, by_async_iteration, by_async_bytes])
def test_each_response_and_each_transcription_is_a_call(read: Any, sessions: SessionProvider, sdk: Sdk) -> None:
    sessions.play(*SCRIPT)
    with costspan.feature("voice"):
        assert read(sessions) == [message["type"] for message in SCRIPT]
    heard, first, second = sdk.spans()
    assert [span["gen_ai.request.model"] for span in (heard, first, second)] == [
        "gpt-4o-mini-transcribe",
        "gpt-realtime",
        "gpt-realtime",
    ]
    assert heard["gen_ai.operation.name"] == "speech_to_text"
    assert usage(heard) == {"input_tokens": 13, "audio.input_tokens": 13, "output_tokens": 9}
    assert first["gen_ai.operation.name"] == "chat"
    assert first["gen_ai.response.id"] == "resp_1"
    assert first["gen_ai.response.finish_reasons"] == ["completed"]
    assert usage(first) == {
        "input_tokens": 132,
        "output_tokens": 121,
        "cache_read.input_tokens": 64,
        "audio.input_tokens": 13,
        "audio.cache_read.input_tokens": 8,
        "image.input_tokens": 0,
        "image.cache_read.input_tokens": 0,
        "audio.output_tokens": 91,
    }
    assert usage(second)["input_tokens"] == 20
    assert usage(second)["output_tokens"] == 10
    assert second["gen_ai.response.id"] == "resp_2"
    for span in (heard, first, second):
        assert span["costspan.feature"] == "voice"
        assert span["gen_ai.provider.name"] == "openai"
        assert f"{span['server.address']}:{span['server.port']}" == sessions.address
        assert span["costspan.cost.state"] == "priced"


def test_a_transcription_billed_by_time(sessions: SessionProvider, sdk: Sdk) -> None:
    created = {**CREATED, "session": {**CREATED["session"], "audio": {"input": {"transcription": {"model": "whisper-1"}}}}}
    sessions.play(created, HEARD_FOR)
    by_iteration(sessions)
    span = sdk.span()
    assert span["gen_ai.request.model"] == "whisper-1"
    assert usage(span) == {"audio_second": 4}
    assert span["costspan.cost.state"] == "priced"


def test_a_model_chosen_later_is_the_one_that_is_billed(sessions: SessionProvider, sdk: Sdk) -> None:
    updated = {"type": "session.updated", "event_id": "e", "session": {**CREATED["session"], "model": "gpt-realtime-mini"}}
    sessions.play(CREATED, updated, response_done(1, SECOND_USAGE))
    by_iteration(sessions)
    assert sdk.span()["gen_ai.request.model"] == "gpt-realtime-mini"


def test_a_call_lasts_from_its_creation_to_its_end(sessions: SessionProvider, sdk: Sdk) -> None:
    sessions.play(CREATED, WAIT, response_created(1), WAIT, response_done(1, SECOND_USAGE))
    with opened(sessions) as connection:
        connection.recv()
        time.sleep(0.2)  # the user says nothing
        before_ns = time.time_ns()
        connection.send({"type": "response.create"})
        connection.recv()
        time.sleep(0.1)
        connection.send({"type": "response.create"})
        connection.recv()
        after_ns = time.time_ns()
    span = sdk.span()
    assert before_ns <= span.start_ns < span.end_ns <= after_ns
    assert span.end_ns - span.start_ns >= 95_000_000


def test_two_responses_at_a_time_keep_their_own_times(sessions: SessionProvider, sdk: Sdk) -> None:
    sessions.play(
        CREATED, response_created(1), WAIT, response_created(2), response_done(2, SECOND_USAGE), response_done(1, FIRST_USAGE)
    )
    with opened(sessions) as connection:
        connection.recv()
        connection.recv()
        time.sleep(0.05)
        connection.send({"type": "response.create"})
        assert len(list(connection)) == 3
    second, first = sdk.spans()
    assert [second["gen_ai.response.id"], first["gen_ai.response.id"]] == ["resp_2", "resp_1"]
    assert second.start_ns - first.start_ns >= 45_000_000


def test_an_event_that_is_parsed_twice_is_one_call(sessions: SessionProvider, sdk: Sdk) -> None:
    sessions.play(CREATED, response_created(1), response_done(1, FIRST_USAGE))
    with opened(sessions) as connection:
        for data in [connection.recv_bytes() for _ in range(3)]:
            connection.parse_event(data)
            connection.parse_event(data)
    assert sdk.span()["gen_ai.response.id"] == "resp_1"


@pytest.mark.parametrize(("status", "billed"), [("cancelled", SECOND_USAGE), ("failed", None)])
def test_what_was_cut_short_costs_what_it_says(status: str, billed: Any, sessions: SessionProvider, sdk: Sdk) -> None:
    sessions.play(CREATED, response_created(1), response_done(1, billed, status))
    by_iteration(sessions)
    assert [span["gen_ai.response.finish_reasons"] for span in sdk.spans()] == ([[status]] if billed else [])


def test_a_response_is_checked(sessions: SessionProvider, sdk: Sdk) -> None:
    seen: list[costspan.Output] = []
    costspan.check("voice", seen.append, by="tests")
    sessions.play(*SCRIPT)
    with costspan.feature("voice"):
        by_iteration(sessions)
    assert len(sdk.spans()) == 3
    assert [output.text for output in seen] == ["Hello.", "Answer 1.", "Answer 2."]


def test_the_connection_is_not_kept_alive(sessions: SessionProvider, sdk: Sdk) -> None:
    sessions.play(*SCRIPT)
    with opened(sessions) as connection:
        assert len(list(connection)) == len(SCRIPT)
    gone = weakref.ref(connection)
    del connection
    gc.collect()
    assert gone() is None


def test_uninstrumented_nothing_is_booked(sessions: SessionProvider, sdk: Sdk) -> None:
    from openai.resources.realtime.realtime import RealtimeConnection

    assert type(RealtimeConnection.__dict__["parse_event"]).__name__ == "FunctionWrapper"
    sessions.play(*SCRIPT)
    with opened(sessions) as connection:
        connection.recv()
        costspan.uninstrument()
        assert type(RealtimeConnection.__dict__["parse_event"]).__name__ == "function"
        assert len(list(connection)) == len(SCRIPT) - 1
    assert sdk.spans() == []


def test_the_host_tells_who_bills(sessions: SessionProvider, sdk: Sdk, monkeypatch: pytest.MonkeyPatch) -> None:
    # The host is told from the connection, so the local server has to be known under the provider's name.
    monkeypatch.setattr("costspan._sessions.provider_of_host", {"127.0.0.1": "azure.ai.openai"}.get)
    sessions.play(CREATED, response_done(1, SECOND_USAGE))
    by_iteration(sessions)
    assert sdk.span()["gen_ai.provider.name"] == "azure.ai.openai"
