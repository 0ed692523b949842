"""What a caller can see of a value, as plain data: two calls gave their caller the same if their snapshots are equal.

Every value carries its exact type, so that a proxy in place of the client's own object shows.
"""

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

_DEPTH = 24
_ATOMS = (bytes, int, float, bool, type(None), complex)
# What litellm stamps on every answer from its own clock.
_STAMPS = re.compile(r"created|created_at|expires_at|.*_ms|_hidden_params")

# Ids that litellm makes up where the provider gave none.
_RANDOM = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}|(?:chatcmpl-|call_)[0-9a-f]{28,32}")


def snapshot(value: Any, depth: int = _DEPTH) -> Any:
    """``value`` with everything in it, each as (type, content)."""
    kind = type(value)
    if isinstance(value, str):
        return (kind, _RANDOM.sub("<random>", value))
    if isinstance(value, _ATOMS):
        return (kind, repr(value) if isinstance(value, float) else value)  # one NaN is like the other
    if depth == 0:
        return (kind,)
    if isinstance(value, BaseModel):
        return (
            kind,
            frozenset(value.model_fields_set),
            *(_mapping(_without_stamps(kind, part), depth) for part in _parts_of_model(value)),
        )
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
    return tuple((name, snapshot(item, depth - 1)) for name, item in value.items())


def _without_stamps(kind: type, fields: Mapping[str, Any]) -> Mapping[str, Any]:
    if not kind.__module__.startswith("litellm."):
        return fields
    return {name: value for name, value in fields.items() if not _STAMPS.fullmatch(name)}


def _headers(headers: Any) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((str(name).lower(), str(value)) for name, value in headers.items()))


def difference(before: Any, after: Any, place: str = "") -> str:
    """Where two snapshots part, and what stands there in each."""
    if isinstance(before, tuple) and isinstance(after, tuple) and len(before) == len(after):
        for number, (one, other) in enumerate(zip(before, after, strict=True)):
            if one != other:
                name = before[0] if number and isinstance(before[0], str) else number
                return difference(one, other, f"{place}.{name}")
    return f"at {place.lstrip('.') or 'top'}: expected {before!r:.400}, got {after!r:.400}"
