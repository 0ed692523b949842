"""Errors as answers: one place that maps the two kinds of failure to status codes and bodies."""

from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response

from costspan_collector.errors import Permanent, Retryable
from costspan_collector.filters import FilterError
from costspan_collector.store.database import UNAVAILABLE


class BadParameter(ValueError):
    """A parameter's value is not allowed; answered with 422. The message names it, the value and what is allowed."""


class NotFound(LookupError):
    """Nothing is there under that id; answered with 404."""


class Conflict(ValueError):
    """What is asked for contradicts what is there; answered with 409."""


_STATUS: dict[type[Exception], int] = {
    BadParameter: 422,
    FilterError: 422,
    NotFound: 404,
    Conflict: 409,
    Permanent: 400,
}


def install(app: FastAPI) -> None:
    """Answer the errors of the API as JSON ``{"error": {"message", "details"}}``."""
    for kind, status in _STATUS.items():
        app.add_exception_handler(kind, _handler(status))
    unavailable_kinds: tuple[type[Exception], ...] = (Retryable, *UNAVAILABLE)
    for unavailable in unavailable_kinds:
        app.add_exception_handler(unavailable, _unavailable)
    app.add_exception_handler(RequestValidationError, _invalid)


def body(message: str, details: list[dict[str, Any]] | None = None) -> bytes:
    """The body of an error answer."""
    return orjson.dumps({"error": {"message": message, "details": details or []}})


def _handler(status: int) -> Any:
    async def answer(_request: Request, error: Exception) -> Response:
        return Response(body(str(error)), status, media_type="application/json")

    return answer


async def _unavailable(_request: Request, error: Exception) -> Response:
    retry_after_s = error.retry_after_s if isinstance(error, Retryable) else 1
    message = str(error) if isinstance(error, Retryable) else "the database cannot be reached at the moment"
    return Response(body(message), 503, {"Retry-After": str(retry_after_s)}, media_type="application/json")


async def _invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    details = [
        {"field": ".".join(str(part) for part in e["loc"][1:]), "message": e["msg"], "value": _shown(e.get("input"))}
        for e in error.errors()
    ]
    message = "; ".join(f"{d['field']}: {d['message']}, got {d['value']}" for d in details)
    return Response(body(message, details), 422, media_type="application/json")


def _shown(value: object) -> str:
    return repr(value)[:200]
