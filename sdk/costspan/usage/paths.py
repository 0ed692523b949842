"""Paths into response bodies: compiled once, read often. Pure.

A path is dotted, as in ``usage.service_tier``, and leads through mappings and attributes alike; ``.`` is the source
itself. ``*`` stands for every item of a list, ``name[key=value]`` for those items of the list ``name`` whose ``key`` is
``value`` (letter case is ignored); both give a list of what is found, if anything is. ``|`` parts alternatives of
which the first that is present counts.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

Getter = Callable[[Any], Any]


def step(source: Any, name: str) -> Any:
    """The value called ``name`` in a mapping or on an object, or None."""
    kind: type = type(source)
    if kind is dict:
        return source.get(name)
    if is_only_a_value(kind, name):
        values = source.__dict__
        if name in values:
            return values[name]
        extra = source.__pydantic_extra__
        return extra.get(name) if extra else None
    if isinstance(source, dict):
        return source.get(name)
    value = getattr(source, name, None)
    # Asked last: of most objects it is slower to learn that they are no mapping than to read them.
    return source.get(name) if value is None and isinstance(source, Mapping) else value


def as_mapping(source: Any, names: frozenset[str]) -> Mapping[str, Any]:
    """What ``step`` gives for ``names``, all at once. What else is in the mapping means nothing."""
    kind: type = type(source)
    if kind is dict:
        known: dict[str, Any] = source
        return known
    if _are_only_values(kind, names):
        values: dict[str, Any] = source.__dict__
        extra = source.__pydantic_extra__
        return {**extra, **values} if extra else values
    return {name: step(source, name) for name in names}


@lru_cache(maxsize=4096)
def _are_only_values(kind: type, names: frozenset[str]) -> bool:
    return all(is_only_a_value(kind, name) for name in names)


@lru_cache(maxsize=4096)
def is_only_a_value(kind: type, name: str) -> bool:
    """Whether ``name`` can only be a value of an instance of ``kind``, a pydantic 2 model, and nothing that it computes.

    Such a model takes microseconds to say that it has no value of a name, and most names are asked for in vain.
    """
    methods = [vars(base) for base in kind.__mro__]
    asks = next((method for own in methods if (method := own.get("__getattr__")) is not None), None)
    is_asked_first = any("__getattribute__" in own for own in methods[:-1])
    is_model = getattr(asks, "__module__", None) == "pydantic.main" and not is_asked_first
    return is_model and not name.startswith("_") and not any(name in own for own in methods)


@lru_cache(maxsize=4096)
def getter(path: str) -> Getter:
    """A function that reads the value at ``path``, or None where the path ends early. An empty path reads nothing."""
    if path == ".":
        return lambda source: source
    alternatives = [_getter_of(tuple(part.split("."))) for part in path.split("|") if part]
    if not alternatives:
        return lambda _: None
    if len(alternatives) == 1:
        return alternatives[0]

    def first_present(source: Any) -> Any:
        for alternative in alternatives:
            if (value := alternative(source)) is not None:
                return value
        return None

    return first_present


def _getter_of(names: tuple[str, ...]) -> Getter:
    first, rest = names[0], names[1:]
    if first == "*":
        return _each(rest)
    if first.endswith("]"):
        return _selected(first, rest)
    name = _value(first)
    if not rest:
        return name
    then = _getter_of(rest)

    def get(source: Any) -> Any:
        inner = name(source)
        return None if inner is None else then(inner)

    return get


def _value(name: str) -> Getter:
    # The last type on which ``name`` was only a value. What ``step`` does, it does without a call: every chunk of a
    # stream is asked.
    known: type | None = None

    def get(source: Any) -> Any:
        nonlocal known
        kind: type = type(source)
        if kind is known or is_only_a_value(kind, name):
            known = kind
            values = source.__dict__
            if name in values:
                return values[name]
        return step(source, name)

    return get


def _each(names: tuple[str, ...]) -> Getter:
    read: Getter = _getter_of(names) if names else lambda item: item
    is_nested = any(name == "*" or name.endswith("]") for name in names)

    def get(source: Any) -> Any:
        if not isinstance(source, (list, tuple)):
            return None
        found: list[Any] | None = None
        for item in source:
            if (value := read(item)) is not None:
                found = found or []
                found += value if is_nested else (value,)
        return found

    return get


def _selected(name: str, names: tuple[str, ...]) -> Getter:
    list_name, _, condition = name.removesuffix("]").partition("[")
    key, _, wanted = condition.partition("=")
    each = _each(names)
    wanted = wanted.lower()

    def get(source: Any) -> Any:
        items = step(source, list_name)
        if not isinstance(items, (list, tuple)):
            return None
        found = [item for item in items if str(step(item, key)).lower().endswith(wanted)]
        return each(found)

    return get
