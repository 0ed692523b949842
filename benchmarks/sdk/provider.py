"""A provider in memory: an HTTP transport for the openai client that answers with recorded bodies.

Without a network between, microseconds can be told apart. Every answer of a plain call has an id of its own, as a
provider's have.
"""

import asyncio
import importlib
import json
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path
from typing import Any

RECORDINGS = Path(__file__).parents[2] / "tests" / "sdk" / "data"
CHUNKS_PER_STREAM = 500

_JSON = {"content-type": "application/json"}
_EVENTS = {"content-type": "text/event-stream; charset=utf-8"}


class Recording:
    """The recorded exchange, plain and streamed, and how a client is asked for it."""

    def __init__(self) -> None:
        plain, stream = _read("chat_cached"), _read("chat_stream_usage")
        self.request: dict[str, Any] = {**plain["request_json"], "messages": texts_of(plain["request_json"]["messages"])}
        self.request.pop("stream", None)
        body = plain["response_body"]
        response_id = json.loads(body)["id"]
        before, _, after = body.partition(response_id)
        self._before, self._after = f"{before}{response_id}-".encode(), after.encode()
        self._numbers = count()
        self.events, self.usage_event = stream_events(stream["response_body"], CHUNKS_PER_STREAM)

    def body(self) -> bytes:
        """The next answer to a plain call."""
        return b"%s%d%s" % (self._before, next(self._numbers), self._after)

    def events_for(self, request_body: bytes) -> list[bytes]:
        """The events of a stream: the one with usage is among them only if ``request_body`` asks for it."""
        is_asked = b'"include_usage":true' in request_body.replace(b" ", b"")
        return [*self.events, *([self.usage_event] if is_asked else []), b"data: [DONE]\n\n"]


def texts_of(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """``messages`` without files: Langfuse would upload them to its own server, and wait for it."""
    kept = []
    for message in messages:
        content = message["content"]
        is_parts = isinstance(content, list)
        kept.append({**message, "content": [part for part in content if part["type"] == "text"] if is_parts else content})
    return kept


def stream_events(body: str, chunk_count: int) -> tuple[list[bytes], bytes]:
    """A recorded stream drawn out to ``chunk_count`` chunks, and the event that tells its usage.

    The first and the last chunk stay where they are; the chunks with content between are repeated. Raises ValueError
    for a recording without content or usage.
    """
    texts = [line[6:] for line in body.splitlines() if line.startswith("data: {")]
    chunks = [json.loads(text) for text in texts]
    usage = [text for text, chunk in zip(texts, chunks, strict=True) if chunk.get("usage")]
    content = [text for text, chunk in zip(texts, chunks, strict=True) if _has_content(chunk)]
    if not usage or not content:
        raise ValueError("body: the recording has no chunk with content, or none with usage; give one that has both")
    ends = [text for text, chunk in zip(texts, chunks, strict=True) if chunk["choices"] and chunk["choices"][0]["finish_reason"]]
    middle = [content[index % len(content)] for index in range(chunk_count - 1 - len(ends))]
    return [_event(text) for text in (texts[0], *middle, *ends)], _event(usage[-1])


def _has_content(chunk: dict[str, Any]) -> bool:
    return bool(chunk["choices"] and chunk["choices"][0]["delta"].get("content"))


def _event(text: str) -> bytes:
    return f"data: {text}\n\n".encode()


def _read(name: str) -> dict[str, Any]:
    recording: dict[str, Any] = json.loads((RECORDINGS / f"{name}.json").read_text(encoding="utf-8"))
    return recording


class Gate:
    """Holds answers back until as many requests are under way as were asked for."""

    def __init__(self) -> None:
        self._waited_for = 0
        self._arrived = 0
        self._opened = asyncio.Event()

    def expect(self, requests: int) -> None:
        """Hold the next ``requests`` requests until all of them have come. 0 holds none."""
        self._waited_for, self._arrived, self._opened = requests, 0, asyncio.Event()

    async def passed(self) -> None:
        """Return when the gate is open."""
        if not self._waited_for:
            return
        self._arrived += 1
        if self._arrived >= self._waited_for:
            self._opened.set()
        await self._opened.wait()


def http_library() -> Any:
    """The HTTP library of the installed openai client: httpx2 since openai 3, httpx before."""
    base = importlib.import_module("openai._base_client")
    return importlib.import_module("httpx2" if hasattr(base, "httpx2") else "httpx")


def http_client(recording: Recording) -> Any:
    """A sync HTTP client whose requests ``recording`` answers."""
    http = http_library()

    class Events(http.SyncByteStream):  # type: ignore[name-defined, misc]
        def __init__(self, events: list[bytes]) -> None:
            self._events = events

        def __iter__(self) -> Iterator[bytes]:
            yield from self._events

    class Transport(http.BaseTransport):  # type: ignore[name-defined, misc]
        def handle_request(self, request: Any) -> Any:
            body = request.content
            if b'"stream":true' in body:
                return http.Response(200, headers=_EVENTS, stream=Events(recording.events_for(body)))
            return http.Response(200, headers=_JSON, content=recording.body())

    return http.Client(transport=Transport())


def async_http_client(recording: Recording, gate: Gate) -> Any:
    """An async HTTP client whose requests ``recording`` answers, once ``gate`` is open."""
    http = http_library()

    class Events(http.AsyncByteStream):  # type: ignore[name-defined, misc]
        def __init__(self, events: list[bytes]) -> None:
            self._events = events

        async def __aiter__(self) -> AsyncIterator[bytes]:
            for event in self._events:
                yield event

    class Transport(http.AsyncBaseTransport):  # type: ignore[name-defined, misc]
        async def handle_async_request(self, request: Any) -> Any:
            await gate.passed()
            body = request.content
            if b'"stream":true' in body:
                return http.Response(200, headers=_EVENTS, stream=Events(recording.events_for(body)))
            return http.Response(200, headers=_JSON, content=recording.body())

    return http.AsyncClient(transport=Transport())
