"""What a caller can see of a value, as plain data: two calls gave their caller the same if their snapshots are equal.

Every value carries its exact type, so that a proxy in place of the client's own object shows.
"""

import dataclasses
import re
from collections.abc import Mapping
from types import FunctionType, MethodType
from typing import Any

from pydantic import BaseModel

_DEPTH = 24
_ATOMS = (str, bytes, int, float, bool, type(None), complex)
# Figures that differ from one call to the next of the bare client as well.
_VARYING = re.compile(
    r"_?(client|created|elapsed|logging_obj|response_ms|_response_ms|api_base|time|date|latency.*|.*_call_id|.*duration_ms)"
)


def snapshot(value: Any, depth: int = _DEPTH) -> Any:
    """``value`` with everything in it, each as (type, content)."""
    kind = type(value)
    if isinstance(value, _ATOMS):
        return (kind, repr(value) if isinstance(value, float) else value)  # one NaN is like the other
    if depth == 0:
        return (kind,)
    if isinstance(value, BaseModel):
        return (kind, frozenset(value.model_fields_set), *(_mapping(part, depth) for part in _parts_of_model(value)))
    if isinstance(value, Mapping):
        return (kind, _mapping(value, depth))
    if isinstance(value, (list, tuple)):
        return (kind, tuple(snapshot(item, depth - 1) for item in value))
    if isinstance(value, (set, frozenset)):
        return (kind, frozenset(snapshot(item, depth - 1) for item in value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return (kind, tuple((field.name, snapshot(getattr(value, field.name), depth - 1)) for field in dataclasses.fields(value)))
    if isinstance(value, BaseException):
        return (kind, str(value), snapshot(value.args, depth - 1))
    if hasattr(value, "status_code") and hasattr(value, "headers"):
        return (kind, value.status_code, _headers(value.headers))
    # A stream, or something else that is used and not read: what can be done with it.
    return (kind, tuple(name for name in dir(value) if not name.startswith("_")))


def _parts_of_model(value: BaseModel) -> tuple[Mapping[str, Any], ...]:
    return (value.__dict__, value.__pydantic_extra__ or {}, value.__pydantic_private__ or {})


def _mapping(value: Mapping[Any, Any], depth: int) -> tuple[Any, ...]:
    return tuple((name, snapshot(item, depth - 1)) for name, item in value.items() if not _varies(name, item))


def _varies(name: Any, item: Any) -> bool:
    return isinstance(item, (FunctionType, MethodType)) or (
        isinstance(name, str) and _VARYING.fullmatch(name.lower()) is not None
    )


def _headers(headers: Any) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((str(name).lower(), str(value)) for name, value in headers.items()))
