"""OTLP attribute values as Python values, and strict readers for them."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from costspan import money
from costspan_collector.errors import Permanent

Attributes = Mapping[str, Any]

# Longer dimension values are no dimension; Postgres cannot index them either.
LONGEST_TEXT = 1024
_LARGEST_COUNT = 2**53
_NS_PER_S = 10**9
_LONGEST_NS = 10**9 * _NS_PER_S


def attributes_of(pairs: Iterable[KeyValue]) -> dict[str, Any]:
    """The key-value ``pairs`` as a dictionary of str, bool, int, float, bytes, list and dict values."""
    return {pair.key: value_of(pair.value) for pair in pairs}


def value_of(value: AnyValue) -> Any:
    """One ``AnyValue`` as a Python value; None where it is unset."""
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [value_of(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return attributes_of(value.kvlist_value.values)
    return getattr(value, kind)


def text(value: Any) -> str | None:
    """A value as text without NUL (which Postgres refuses), cut at 1,024 characters; None if absent or empty."""
    if value is None:
        return None
    plain = value if isinstance(value, str) else str(value)
    if "\x00" in plain:
        plain = plain.replace("\x00", "")
    return plain[: LONGEST_TEXT * 2].strip()[:LONGEST_TEXT] or None


def count(name: str, value: Any) -> int:
    """A whole number, or one written as text or double.

    Raises ``Permanent`` naming attribute and value for anything else, negative figures included.
    """
    number = value
    if (isinstance(value, str) and value.strip().isdecimal()) or (isinstance(value, float) and value.is_integer()):
        number = int(value)
    if type(number) is not int or not 0 <= number <= _LARGEST_COUNT:
        raise Permanent(f"{name}: {value!r} is not a count; allowed: a whole number from 0 to {_LARGEST_COUNT}")
    return number


def seconds_as_ns(value: Any) -> int | None:
    """A duration in seconds as whole nanoseconds; None if absent, negative, not finite or no number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return round(value * _NS_PER_S) if 0 <= value * _NS_PER_S < _LONGEST_NS else None


def amount(value: Any) -> Decimal | None:
    """An amount of dollars: decimal text exactly, a double through its shortest text; None if it is neither."""
    return money.parse(repr(value) if isinstance(value, float) else value)
