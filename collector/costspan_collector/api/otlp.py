"""OTLP over HTTP: POST /v1/traces and /v1/logs, as the OTLP specification, section "OTLP/HTTP", says."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from google.protobuf import json_format
from google.protobuf.message import Message
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from costspan_collector.call import Call, Label
from costspan_collector.dialects.labels import read_labels
from costspan_collector.dialects.read import Accepted, read_calls
from costspan_collector.errors import Permanent, Retryable, TooLarge
from costspan_collector.receive.body import decompress
from costspan_collector.receive.otlp import JSON, PROTOBUF, decode_logs, decode_traces
from costspan_collector.services import DEFAULT_PROJECT_ID, Services

# google.rpc.Code of the failures that are answered (google/rpc/code.proto).
_INVALID_ARGUMENT, _RESOURCE_EXHAUSTED, _UNAVAILABLE = 3, 8, 14
_MOST_REASONS = 20
_OPENAPI_BODY = {
    "requestBody": {
        "content": {PROTOBUF: {"schema": {"type": "string", "format": "binary"}}, JSON: {"schema": {"type": "object"}}}
    }
}


def router(services: Services) -> APIRouter:
    """The OTLP routes."""
    routes = APIRouter(tags=["otlp"])

    @routes.post("/v1/traces", openapi_extra=_OPENAPI_BODY)
    async def traces(request: Request) -> Response:
        """Spans. Answers after they are committed; sending the same spans again changes nothing."""
        return await _answer(request, services, _take_traces)

    @routes.post("/v1/logs", openapi_extra=_OPENAPI_BODY)
    async def logs(request: Request) -> Response:
        """Log records. Those named ``gen_ai.evaluation.result`` are labels of calls; the rest is accepted and not kept."""
        return await _answer(request, services, _take_logs)

    return routes


async def _answer(request: Request, services: Services, take: Callable[..., Awaitable[Message]]) -> Response:
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type not in (PROTOBUF, JSON):
        message = f"Content-Type {content_type!r} is not supported; allowed: {PROTOBUF}, {JSON}"
        return _failure(415, _INVALID_ARGUMENT, message, JSON)
    try:
        body = await _read(request, services.settings.body_limit_bytes)
        done = await take(services, body, request.headers.get("content-encoding", ""), content_type)
    except TooLarge as error:
        return _failure(413, _RESOURCE_EXHAUSTED, str(error), content_type)
    except Permanent as error:
        return _failure(400, _INVALID_ARGUMENT, str(error), content_type)
    except Retryable as error:
        return _failure(503, _UNAVAILABLE, str(error), content_type, {"Retry-After": str(error.retry_after_s)})
    return Response(_encode(done, content_type), 200, media_type=content_type)


async def _read(request: Request, limit_bytes: int) -> bytes:
    pieces: list[bytes] = []
    size = 0
    async for piece in request.stream():
        size += len(piece)
        if size > limit_bytes:
            raise TooLarge(f"body is larger than {limit_bytes} bytes, the most that is accepted")
        pieces.append(piece)
    return b"".join(pieces)


async def _take_traces(services: Services, body: bytes, encoding: str, content_type: str) -> Message:
    calls, rejected = await asyncio.to_thread(_decode_traces, services, body, encoding, content_type)
    response = ExportTraceServiceResponse()
    if rejected:
        response.partial_success.rejected_spans = len(rejected)
        response.partial_success.error_message = _reasons(rejected)
    await _write(services, calls, [])
    return response


async def _take_logs(services: Services, body: bytes, encoding: str, content_type: str) -> Message:
    labels, rejected = await asyncio.to_thread(_decode_labels, services, body, encoding, content_type)
    response = ExportLogsServiceResponse()
    if rejected:
        response.partial_success.rejected_log_records = len(rejected)
        response.partial_success.error_message = _reasons(rejected)
    await _write(services, [], labels)
    return response


def _decode_traces(services: Services, body: bytes, encoding: str, content_type: str) -> tuple[list[Any], list[str]]:
    plain = decompress(body, encoding, services.settings.body_limit_bytes)
    window = Accepted.around(services.now_ns(), services.settings.raw_retention_days)
    calls: list[Call]
    calls, rejected = read_calls(decode_traces(plain, content_type), window)
    prices = services.prices.current(DEFAULT_PROJECT_ID)
    return [prices.price(call) for call in calls], rejected


def _decode_labels(services: Services, body: bytes, encoding: str, content_type: str) -> tuple[list[Label], list[str]]:
    plain = decompress(body, encoding, services.settings.body_limit_bytes)
    return read_labels(decode_logs(plain, content_type), services.now_ns())


async def _write(services: Services, calls: list[Any], labels: list[Label]) -> None:
    if calls or labels:
        await asyncio.wrap_future(services.writer.submit(DEFAULT_PROJECT_ID, calls, labels))


def _reasons(rejected: list[str]) -> str:
    more = f"; and {len(rejected) - _MOST_REASONS} more" if len(rejected) > _MOST_REASONS else ""
    return "; ".join(rejected[:_MOST_REASONS]) + more


def _failure(status: int, code: int, message: str, content_type: str, headers: dict[str, str] | None = None) -> Response:
    return Response(_encode(Status(code=code, message=message), content_type), status, headers, media_type=content_type)


def _encode(message: Message, content_type: str) -> bytes:
    if content_type == JSON:
        return str(json_format.MessageToJson(message, indent=None)).encode()
    return bytes(message.SerializeToString())
