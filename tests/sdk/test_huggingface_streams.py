"""Chat streams of huggingface_hub, of which there is no recording: usage is asked for, and nobody sees that it was."""

import asyncio
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from huggingface_hub import AsyncInferenceClient, InferenceClient

import costspan
from tests.sdk.conftest import Sdk
from tests.sdk.doubles.server import LocalServer

QUESTION: Any = {"messages": [{"role": "user", "content": "hi"}], "model": "meta-llama/Llama-3.1-8B-Instruct", "stream": True}


class Router:
    """Streams an answer as a text-generation server does: usage comes only when asked, in a chunk of its own."""

    def __init__(self, *, knows_the_option: bool = True) -> None:
        self.asked: list[dict[str, Any]] = []
        self._knows_the_option = knows_the_option
        self._server = LocalServer(self._handle)
        self.url = self._server.url

    def close(self) -> None:
        self._server.close()

    def _handle(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        asked = json.loads(body)
        self.asked.append(asked)
        wants_usage = asked.get("stream_options", {}).get("include_usage")
        if wants_usage and not self._knows_the_option:
            self._send(request, 422, "application/json", '{"error":"unknown field stream_options"}')
            return
        events = [self._chunk("Hello"), self._chunk("", "stop")]
        if wants_usage:
            usage = {"prompt_tokens": 30, "completion_tokens": 2, "total_tokens": 32}
            events.append({**self._chunk(""), "choices": [], "usage": usage})
        text = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"
        self._send(request, 200, "text/event-stream", text)

    def _chunk(self, text: str, reason: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": reason}
        return {"id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": "llama", "choices": [choice]}

    def _send(self, request: BaseHTTPRequestHandler, status: int, kind: str, text: str) -> None:
        request.send_response(status)
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(text)))
        request.end_headers()
        request.wfile.write(text.encode())


@pytest.fixture
def router() -> Iterator[Router]:
    one = Router()
    yield one
    one.close()


def ask(url: str, *, is_async: bool) -> list[Any]:
    async def ask_async() -> list[Any]:
        client = AsyncInferenceClient(base_url=f"{url}/v1", api_key="key")
        try:
            return [chunk async for chunk in await client.chat_completion(**QUESTION)]
        finally:
            await client.close()

    if is_async:
        return asyncio.run(ask_async())
    client = InferenceClient(base_url=f"{url}/v1", api_key="key")
    return list(client.chat_completion(**QUESTION))


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_usage_is_asked_for_and_its_chunk_held_back(router: Router, sdk: Sdk, is_async: bool) -> None:
    costspan.uninstrument()
    bare = ask(router.url, is_async=is_async)
    costspan.init(endpoint=sdk.collector.url)
    assert ask(router.url, is_async=is_async) == bare
    assert len(bare) == 2
    assert [asked.get("stream_options") for asked in router.asked] == [None, {"include_usage": True}]
    span = sdk.span()
    assert (span["gen_ai.usage.input_tokens"], span["gen_ai.usage.output_tokens"]) == (30, 2)
    assert "costspan.usage.incomplete" not in span.attributes


def test_a_server_that_refuses_the_option_is_asked_again_without(sdk: Sdk) -> None:
    router = Router(knows_the_option=False)
    try:
        assert len(ask(router.url, is_async=False)) == 2
        assert len(ask(router.url, is_async=False)) == 2
    finally:
        router.close()
    assert ["stream_options" in asked for asked in router.asked] == [True, False, False]
    assert [span.get("gen_ai.usage.output_tokens") for span in sdk.spans()] == [None, None]
