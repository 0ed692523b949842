"""The filter language: ``feature:search,model:gpt-4*,-customer:acme``.

Terms are separated by commas. Terms on one dimension are alternatives, terms on different dimensions must all hold, a term
with ``-`` must not hold. A value may end in ``*`` (prefix), may be quoted (``feature:"a, b"``), and ``""`` means "no value".
"""

import re
from dataclasses import dataclass

from costspan_collector.call import DIMENSIONS, Dimensions

_TERM = re.compile(r'\s*(-?)([a-z_]+):("(?:[^"\\]|\\.)*"|[^,"]*)\s*(,|$)')


class FilterError(ValueError):
    """A filter cannot be read; the message names the place and what is allowed."""


@dataclass(frozen=True, slots=True)
class Term:
    """``dimension`` equals ``value``, starts with it (``prefix``), or has no value (``value`` None); or not, if ``negated``."""

    dimension: str
    value: str | None
    prefix: bool = False
    negated: bool = False

    def holds(self, actual: str | None) -> bool:
        """Whether the dimension's ``actual`` value meets the term."""
        if self.value is None:
            met = actual is None
        elif self.prefix:
            met = actual is not None and actual.startswith(self.value)
        else:
            met = actual == self.value
        return met != self.negated


@dataclass(frozen=True, slots=True)
class Filter:
    """A parsed filter; without terms it lets everything through."""

    terms: tuple[Term, ...] = ()

    def matches(self, dimensions: Dimensions) -> bool:
        """Whether a series with these ``dimensions`` passes."""
        wanted: dict[str, bool] = {}
        for term in self.terms:
            held = term.holds(getattr(dimensions, term.dimension))
            if term.negated:
                if not held:
                    return False
            else:
                wanted[term.dimension] = wanted.get(term.dimension, False) or held
        return all(wanted.values())


def parse(text: str) -> Filter:
    """The filter that ``text`` says; raises ``FilterError`` for what is not of the language."""
    terms: list[Term] = []
    position = 0
    while position < len(text.rstrip()):
        match = _TERM.match(text, position)
        if match is None:
            there = text[position : position + 40]
            raise FilterError(f"filter: cannot read {there!r}; allowed: dimension:value, separated by commas")
        sign, dimension, value, _ = match.groups()
        if dimension not in DIMENSIONS:
            raise FilterError(f"filter: unknown dimension {dimension!r}; allowed: {', '.join(DIMENSIONS)}")
        terms.append(_term(dimension, value, bool(sign)))
        position = match.end()
    return Filter(tuple(terms))


def _term(dimension: str, raw: str, negated: bool) -> Term:
    if raw.startswith('"'):
        plain = re.sub(r"\\(.)", r"\1", raw[1:-1])
        return Term(dimension, plain or None, negated=negated)
    plain = raw.strip()
    if not plain:
        raise FilterError(f'filter: {dimension}: has no value; write {dimension}:"" for calls without one')
    if plain.endswith("*"):
        return Term(dimension, plain[:-1], prefix=True, negated=negated)
    return Term(dimension, plain, negated=negated)
