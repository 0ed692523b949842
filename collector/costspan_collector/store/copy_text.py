"""Rows in the text format of COPY (PostgreSQL documentation, COPY, "Text Format")."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def timestamp(time_us: int) -> datetime:
    """A time in microseconds since the epoch as an aware datetime in UTC, exactly."""
    return _EPOCH + timedelta(microseconds=time_us)


def rows(values: Iterable[Sequence[Any]]) -> bytes:
    """Rows of int, str, bytes, bool, Decimal, datetime, dict (as JSON) and None values as one COPY body."""
    return "".join("\t".join(map(_field, row)) + "\n" for row in values).encode()


def _field(value: Any) -> str:
    if value is None:
        return "\\N"
    kind = type(value)
    if kind is int:
        return str(value)
    if kind is str:
        return str(value.translate(_ESCAPES))
    if kind is bytes:
        return "\\\\x" + str(value.hex())
    if kind is bool:
        return "t" if value else "f"
    if kind is Decimal:
        return format(value, "f")
    if kind is datetime:
        return str(value.isoformat())
    if kind is dict:
        return orjson.dumps(value, default=str).decode().translate(_ESCAPES)
    raise TypeError(f"no COPY text for {kind.__name__}")
