"""JSON answers: decimals as plain text, times in UTC with ``Z``, bytes as hexadecimal."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
from fastapi.responses import Response

from costspan import money

_OPTIONS = orjson.OPT_PASSTHROUGH_DATETIME


def json_response(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """An answer with ``value`` as its JSON body."""
    return Response(orjson.dumps(value, default=_plain, option=_OPTIONS), status, headers, media_type="application/json")


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return money.text(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, (bytes, memoryview)):
        return bytes(value).hex()
    raise TypeError(f"no JSON for {type(value).__name__}")
