"""A local provider: answers OpenAI's and Anthropic's APIs on loopback with the usage figures of the trace.

Run with ``python -m costspan_collector.demo.simulator``. The first line it prints is its address. It ends on SIGTERM,
SIGINT, or, with ``--watch-stdin``, when its standard input is closed, which is when the process that started it is gone.

The row of the trace is named by the request header ``x-demo-row``. Times are those of ``FIRST_TOKEN_S`` and so on, divided
by ``--time-scale``.
"""

import argparse
import asyncio
import secrets
import socket
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import orjson
import uvicorn

from costspan_collector.demo import replies
from costspan_collector.demo.models import MODELS, Provider
from costspan_collector.demo.replies import Answer, Body, EventStream
from costspan_collector.demo.trace import TraceRow, read_trace

ROW_HEADER = "x-demo-row"
# What a hosted model typically takes: to the first token, in seconds and in seconds per input token, and per output token.
FIRST_TOKEN_S = 0.25
INPUT_TOKEN_S = 0.0001
OUTPUT_TOKEN_S = 0.012

_LARGEST_BODY_BYTES = 1_000_000
_ROW_HEADER = ROW_HEADER.encode()
_SNAPSHOTS = {(model.provider, name): model.snapshot for model in MODELS for name in (model.name, model.snapshot)}

Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _Endpoint:
    provider: Provider
    plain: Callable[[Answer], Body]
    stream: Callable[[Answer, Body], EventStream]


def _chat_stream(answer: Answer, request: Body) -> EventStream:
    options = request.get("stream_options") or {}
    return replies.chat_stream(answer, include_usage=options.get("include_usage") is True)


_ENDPOINTS = {
    "/v1/chat/completions": _Endpoint("openai", replies.chat_completion, _chat_stream),
    "/v1/responses": _Endpoint("openai", replies.response, lambda answer, _: replies.response_stream(answer)),
    "/v1/messages": _Endpoint("anthropic", replies.message, lambda answer, _: replies.message_stream(answer)),
}


class _Refused(Exception):
    def __init__(self, status: int, openai_code: str, anthropic_kind: str, reason: str) -> None:
        super().__init__(reason)
        self.status, self.openai_code, self.anthropic_kind = status, openai_code, anthropic_kind


class Simulator:
    """The ASGI application. ``time_scale`` divides all answer times; 0 answers at once."""

    def __init__(self, rows: Sequence[TraceRow], time_scale: float) -> None:
        self._rows = rows
        self._time_scale = time_scale

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        endpoint = _ENDPOINTS.get(scope["path"])
        try:
            if endpoint is None or scope["method"] != "POST":
                raise _Refused(404, "unknown_url", "not_found_error", f"no {scope['method']} {scope['path']} here")
            request = _parse(await _body(receive))
            answer = self._answer(scope, endpoint.provider, request)
        except _Refused as refused:
            anthropic = endpoint is not None and endpoint.provider == "anthropic"
            await _send_json(send, refused.status, _error(refused, anthropic))
            return
        if request.get("stream") is True:
            await self._send_stream(send, endpoint.stream(answer, request), answer.row)
        else:
            await self._pause(_first_token_s(answer.row) + _output_s(answer.row))
            await _send_json(send, 200, endpoint.plain(answer))

    def _answer(self, scope: Mapping[str, Any], provider: Provider, request: Body) -> Answer:
        named = next((value for name, value in scope["headers"] if name == _ROW_HEADER), b"")
        if not named.isdigit() or int(named) >= len(self._rows):
            reason = f"header {ROW_HEADER}: {named.decode('latin-1')!r} is not a row from 0 to {len(self._rows) - 1}"
            raise _Refused(400, "invalid_row", "invalid_request_error", reason)
        snapshot = _SNAPSHOTS.get((provider, str(request.get("model"))))
        if snapshot is None:
            reason = f"the model {request.get('model')!r} does not exist"
            raise _Refused(404, "model_not_found", "not_found_error", reason)
        return Answer(self._rows[int(named)], snapshot, secrets.token_hex(12), int(time.time()))

    async def _send_stream(self, send: Send, stream: EventStream, row: TraceRow) -> None:
        await self._pause(_first_token_s(row))
        await send(_start(200, b"text/event-stream; charset=utf-8"))
        # The head leaves with the first part, the tail with the last: as few packets as a stream can have.
        await _send_part(send, stream.head + stream.parts[0])
        for part in stream.parts[1:]:
            await self._pause(_output_s(row) / (len(stream.parts) - 1))
            await _send_part(send, part)
        await send({"type": "http.response.body", "body": stream.tail, "more_body": False})

    async def _pause(self, seconds: float) -> None:
        if self._time_scale > 0:
            await asyncio.sleep(seconds / self._time_scale)


def _first_token_s(row: TraceRow) -> float:
    return FIRST_TOKEN_S + row.input_tokens * INPUT_TOKEN_S


def _output_s(row: TraceRow) -> float:
    return row.output_tokens * OUTPUT_TOKEN_S


async def _body(receive: Receive) -> bytes:
    body = b""
    while True:
        event = await receive()
        body += bytes(event.get("body", b""))
        if len(body) > _LARGEST_BODY_BYTES:
            raise _Refused(413, "request_too_large", "request_too_large", f"more than {_LARGEST_BODY_BYTES} bytes")
        if not event.get("more_body"):
            return body


def _parse(body: bytes) -> Body:
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _Refused(400, "invalid_json", "invalid_request_error", f"the body is not JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise _Refused(400, "invalid_json", "invalid_request_error", "the body is not a JSON object")
    return parsed


def _error(refused: _Refused, anthropic: bool) -> Body:
    if anthropic:
        return replies.anthropic_error(str(refused), refused.anthropic_kind)
    return replies.openai_error(str(refused), refused.openai_code)


def _start(status: int, content_type: bytes, *more: tuple[bytes, bytes]) -> Message:
    return {"type": "http.response.start", "status": status, "headers": [(b"content-type", content_type), *more]}


async def _send_json(send: Send, status: int, body: Body) -> None:
    content = orjson.dumps(body)
    await send(_start(status, b"application/json", (b"content-length", str(len(content)).encode())))
    await send({"type": "http.response.body", "body": content})


async def _send_part(send: Send, part: bytes) -> None:
    await send({"type": "http.response.body", "body": part, "more_body": True})


def _stop_at_end_of_input(server: uvicorn.Server) -> None:
    sys.stdin.buffer.read()
    server.should_exit = True


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until stopped. ``arguments`` as on the command line."""
    parser = argparse.ArgumentParser(prog="python -m costspan_collector.demo.simulator", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one (default)")
    parser.add_argument("--time-scale", type=float, default=100.0, help="divides answer times; 0 answers at once")
    parser.add_argument("--watch-stdin", action="store_true", help="end when standard input is closed")
    chosen = parser.parse_args(arguments)
    config = uvicorn.Config(
        Simulator(read_trace(), chosen.time_scale),
        lifespan="off",
        access_log=False,
        log_level="warning",
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    if chosen.watch_stdin:
        threading.Thread(target=_stop_at_end_of_input, args=(server,), daemon=True).start()
    with socket.create_server(("127.0.0.1", chosen.port), backlog=512) as listener, suppress(KeyboardInterrupt):
        # The socket listens already, so that a client that reads the address can connect at once.
        print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        server.run(sockets=[listener])


if __name__ == "__main__":
    main()
