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


def first(attributes: Attributes, names: Iterable[str]) -> tuple[str, Any] | None:
    """The first of ``names`` that has a value, with that value."""
    for name in names:
        value = attributes.get(name)
        if value is not None:
            return name, value
    return None


def text(attributes: Attributes, names: Iterable[str]) -> str | None:
    """A text attribute without NUL (which Postgres refuses), cut at 1,024 characters; None if absent or empty."""
    found = first(attributes, names)
    if found is None:
        return None
    value = found[1]
    plain = value if isinstance(value, str) else str(value)
    return plain.replace("\x00", "").strip()[:LONGEST_TEXT] or None


def count(attributes: Attributes, names: Iterable[str]) -> int | None:
    """A count attribute: a whole number, or one written as text or double.

    Raises ``Permanent`` naming attribute and value for anything else, negative figures included.
    """
    found = first(attributes, names)
    if found is None:
        return None
    name, value = found
    if isinstance(value, str) and value.strip().isdigit():
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _LARGEST_COUNT:
        raise Permanent(f"{name}: {value!r} is not a count; allowed: a whole number from 0 to {_LARGEST_COUNT}")
    return value


def seconds_as_ns(attributes: Attributes, names: Iterable[str]) -> int | None:
    """A duration in seconds as whole nanoseconds; None if absent, negative or not finite."""
    found = first(attributes, names)
    if found is None or isinstance(found[1], bool) or not isinstance(found[1], (int, float)):
        return None
    value = found[1]
    return int(value * 1e9) if 0 <= value < 1e9 else None


def amount(attributes: Attributes, names: Iterable[str]) -> Decimal | None:
    """An amount of dollars: decimal text exactly, a double through its shortest text; None if it is neither."""
    found = first(attributes, names)
    if found is None:
        return None
    value = found[1]
    return money.parse(repr(value) if isinstance(value, float) else value)
