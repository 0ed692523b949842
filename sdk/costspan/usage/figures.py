"""Finding the figures of a usage object in one pass, so that nothing of the object need be kept. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from costspan.usage.paths import Getter, as_mapping, getter

Figure = int | float | list[int | float]
# What stands at each path that leads to a figure, or to several.
Figures = dict[str, Figure]


class FigureReader:
    """Finds what stands at ``paths`` (``paths.py``), whichever of them a usage object has."""

    __slots__ = ("_alternatives", "_places", "_selections")

    def __init__(self, paths: Iterable[str]) -> None:
        self._places = _Places()
        self._selections: dict[str, Getter] = {}
        self._alternatives: dict[str, tuple[str, ...]] = {}
        for path in paths:
            parts = tuple(part for part in path.split("|") if part)
            if len(parts) > 1:
                self._alternatives[path] = parts
            for part in parts:
                if "*" in part or "[" in part:
                    self._selections[part] = getter(part)
                else:
                    self._places.add(part)

    def read(self, source: Any) -> Figures:
        """The figures in ``source``. What is neither a number nor a list of them is none."""
        found: Figures = {}
        self._places.read(source, found)
        for path, select in self._selections.items():
            _note(found, path, select(source))
        for path, parts in self._alternatives.items():
            present = next((part for part in parts if part in found), None)
            if present is not None:
                found[path] = found[present]
        return found


class _Places:
    """Where figures may stand below one object: by name, the path that ends there and the places below."""

    __slots__ = ("_below", "_names")

    def __init__(self) -> None:
        self._below: dict[str, tuple[str, _Places]] = {}
        self._names: frozenset[str] = frozenset()

    def add(self, path: str) -> None:
        places = self
        *above, last = path.split(".")
        for name in above:
            places = places._named(name)[1]
        places._below[last] = (path, places._named(last)[1])

    def _named(self, name: str) -> "tuple[str, _Places]":
        known = self._below.get(name)
        if known is None:
            known = self._below[name] = ("", _Places())
            self._names = frozenset(self._below)
        return known

    def read(self, source: Any, found: Figures) -> None:
        """Add to ``found`` what ``source`` holds. Goes by what it has, which is little, not by what it might have."""
        places = self._below
        values: Mapping[str, Any] = as_mapping(source, self._names)
        for name, value in values.items():
            if value is None or name not in places:
                continue
            path, below = places[name]
            if type(value) is int:
                if path:
                    found[path] = value
                continue
            if path:
                _note(found, path, value)
            if below._below:
                below.read(value, found)


def _note(found: Figures, path: str, value: Any) -> None:
    if isinstance(value, (int, float)):
        found[path] = value
    elif isinstance(value, list):
        found[path] = [item for item in value if isinstance(item, (int, float))]
