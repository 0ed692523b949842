"""Rows in the text format of COPY (PostgreSQL documentation, COPY, "Text Format")."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson

_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


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
