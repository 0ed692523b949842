"""Answers that are made in the background: one call, booked when its answer is seen, for whoever asked for it."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

import costspan
from tests.sdk.conftest import Sdk
from tests.sdk.doubles.clients import async_openai_client, openai_client
from tests.sdk.doubles.provider import Provider, answer_json, recording

FINISHED = recording("responses_reasoning").json()
ID: str = FINISHED["id"]


def response(status: str, **more: Any) -> Any:
    return {**FINISHED, "status": status, "background": True, "usage": None, "output": [], **more}


def say(provider: Provider, *bodies: Any) -> None:
    provider.say(*(answer_json(body) for body in bodies))


def begin(client: Any) -> Any:
    return client.responses.create(model="gpt-5", input="hi", background=True)


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_one_call_from_its_creation_to_its_answer(is_async: bool, provider: Provider, sdk: Sdk) -> None:
    async def run() -> None:
        async with async_openai_client(provider) as client:
            with costspan.feature("report", customer="acme"):
                await begin(client)
            await client.responses.retrieve(ID)
            await asyncio.sleep(0.1)
            with costspan.feature("poller"):
                assert (await client.responses.retrieve(ID)).usage is not None
            await client.responses.retrieve(ID)

    def run_sync() -> None:
        with openai_client(provider) as client:
            with costspan.feature("report", customer="acme"):
                begin(client)
            client.responses.retrieve(ID)
            time.sleep(0.1)
            assert sdk.spans() == []
            with costspan.feature("poller"):
                assert client.responses.retrieve(ID).usage is not None
            client.responses.retrieve(ID)

    say(provider, response("queued"), response("in_progress"), {**FINISHED, "background": True})
    asyncio.run(run()) if is_async else run_sync()
    span = sdk.span()
    assert span["gen_ai.response.id"] == ID
    assert (span["costspan.feature"], span["costspan.customer"]) == ("report", "acme")
    assert span["gen_ai.usage.output_tokens"] == FINISHED["usage"]["output_tokens"]
    assert span["gen_ai.response.finish_reasons"] == ["completed"]
    assert span["costspan.cost.state"] == "priced"
    assert span.end_ns - span.start_ns >= 95_000_000


def test_a_bare_response_tells_too(provider: Provider, sdk: Sdk) -> None:
    say(provider, response("queued"), response("in_progress"), FINISHED)
    with openai_client(provider) as client:
        client.responses.with_raw_response.create(model="gpt-5", input="hi", background=True)
        client.responses.with_raw_response.retrieve(ID)
        assert sdk.spans() == []
        client.responses.with_raw_response.retrieve(ID)
    assert sdk.span()["gen_ai.usage.output_tokens"] == FINISHED["usage"]["output_tokens"]


def test_several_who_poll_at_once_book_it_once(provider: Provider, sdk: Sdk) -> None:
    async def run() -> None:
        async with async_openai_client(provider) as client:
            await begin(client)
            await asyncio.gather(*(client.responses.retrieve(ID) for _ in range(8)))

    say(provider, response("queued"), FINISHED)
    asyncio.run(run())
    assert sdk.span()["gen_ai.response.id"] == ID


def test_an_answer_that_is_never_fetched_is_booked_without_usage_at_the_end(provider: Provider, sdk: Sdk) -> None:
    say(provider, response("queued"))
    with openai_client(provider) as client, costspan.feature("report"):
        begin(client)
    assert sdk.spans() == []
    assert costspan.shutdown(10)
    span = sdk.span()
    assert span["costspan.feature"] == "report"
    assert span["costspan.cost.state"] == "unpriced"
    assert "gen_ai.usage.output_tokens" not in span.attributes
    costspan.init(endpoint=sdk.collector.url)


def test_a_stored_answer_of_somebody_else_books_nothing(provider: Provider, sdk: Sdk) -> None:
    say(provider, FINISHED)
    with openai_client(provider) as client:
        client.responses.retrieve(ID)
    assert sdk.spans() == []


def test_a_failure_is_an_error_without_a_price(provider: Provider, sdk: Sdk) -> None:
    say(provider, response("queued"), response("failed", error={"code": "server_error", "message": "secret"}))
    with openai_client(provider) as client:
        begin(client)
        client.responses.retrieve(ID)
    span = sdk.span()
    assert span["error.type"] == "server_error"
    assert span["gen_ai.response.finish_reasons"] == ["failed"]
    assert "costspan.cost.state" not in span.attributes
    assert span.status_message == ""


@pytest.mark.parametrize("learn", ["retrieve", "cancel"])
def test_a_cancelled_call_is_booked_as_what_is_known(learn: str, provider: Provider, sdk: Sdk) -> None:
    say(provider, response("in_progress"), response("cancelled"))
    with openai_client(provider) as client:
        begin(client)
        function: Callable[[str], Any] = getattr(client.responses, learn)
        function(ID)
        client.responses.retrieve(ID)
    span = sdk.span()
    assert span["gen_ai.response.finish_reasons"] == ["cancelled"]
    assert span["costspan.cost.state"] == "unpriced"


def test_its_answer_is_checked_and_labelled(provider: Provider, sdk: Sdk) -> None:
    seen: list[costspan.Output] = []
    costspan.check("report", seen.append)
    say(provider, response("queued"), FINISHED)
    with openai_client(provider) as client, costspan.feature("report"):
        costspan.label(begin(client), score=1, name="stars")
        fetched = client.responses.retrieve(ID)
        costspan.label(fetched, correct=True)
    span = sdk.span()
    assert [log.span_id for log in sdk.collector.logs] == [span.span_id] * 2
    (output,) = seen
    assert output.response is fetched
    assert output.text == fetched.output_text


def test_google_s_interactions(provider: Provider, sdk: Sdk) -> None:
    genai = pytest.importorskip("google.genai")
    finished = {
        "id": "int_1",
        "object": "interaction",
        "model": "gemini-2.5-flash",
        "status": "completed",
        "outputs": [{"type": "text", "text": "Hello."}],
        "usage": {"total_input_tokens": 5, "total_output_tokens": 3, "total_tokens": 8},
    }
    running = {name: finished[name] for name in ("id", "object", "model")} | {"status": "in_progress"}
    say(provider, running, running, finished)
    options = {"base_url": provider.url}
    client = genai.Client(api_key="key", http_options=options)
    with costspan.feature("research"):
        client.interactions.create(model="gemini-2.5-flash", input="hi", background=True, store=True)
    client.interactions.get("int_1")
    assert sdk.spans() == []
    client.interactions.get("int_1")
    client.interactions.get("int_1")
    client.close()
    span = sdk.span()
    assert span["costspan.feature"] == "research"
    assert (span["gen_ai.usage.input_tokens"], span["gen_ai.usage.output_tokens"]) == (5, 3)
