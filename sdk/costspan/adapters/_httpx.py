"""The shape of calls in clients whose inner functions return a bare httpx response."""

import json
from collections.abc import Mapping
from typing import Any

from costspan.adapters._adapter import Answer, Http, Request

# A larger request is not parsed for the names in it: the answer tells the model.
_LARGEST_PARSED_BYTES = 64 * 1024


def answer(result: Any, _: Request) -> Answer | None:
    """What a function returned that gives a response."""
    return Http(result) if hasattr(result, "status_code") and hasattr(result, "headers") else None


def json_body(data: Any) -> Mapping[str, Any]:
    """The request body in ``data`` (a mapping, or JSON text), as far as it can be told cheaply."""
    if isinstance(data, Mapping):
        return data
    if not isinstance(data, (str, bytes)) or len(data) > _LARGEST_PARSED_BYTES or data[:1] not in (b"{", "{"):
        return {}
    try:
        body = json.loads(data)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
