"""Match clauses: how a model is told from a name that a call carries."""

import re
from typing import Any

from costspan.pricing.lines import Clause

KINDS = ("equals", "starts_with", "ends_with", "contains", "regex", "or", "and")


def matches(clause: Clause, name: str) -> bool:
    """Whether ``clause`` accepts ``name``, given in lower case. Raises ValueError for a clause of no known kind."""
    kind, *values = clause
    if kind == "or":
        return any(matches(value, name) for value in values)
    if kind == "and":
        return all(matches(value, name) for value in values)
    if kind == "regex":
        return re.search(values[0], name) is not None
    value = values[0].lower()
    if kind == "equals":
        return bool(name == value)
    if kind == "starts_with":
        return name.startswith(value)
    if kind == "ends_with":
        return name.endswith(value)
    if kind == "contains":
        return value in name
    raise ValueError(f"match: {kind!r} is no kind of clause; known are {', '.join(KINDS)}")


def pattern_clause(pattern: str) -> Clause:
    """The clause of a pattern that a person writes: a name, with ``*`` at its end for whatever follows."""
    if pattern == "*":
        return ["contains", ""]
    if pattern.endswith("*"):
        return ["starts_with", pattern[:-1]]
    return ["equals", pattern]


def check(clause: Any, field: str) -> Clause:
    """``clause`` if it is one. Raises ValueError naming ``field``."""
    if not isinstance(clause, list) or len(clause) < 2 or clause[0] not in KINDS:
        raise ValueError(f"{field}: {clause!r} is no match clause; give [kind, value] with a kind of {', '.join(KINDS)}")
    if clause[0] in ("or", "and"):
        for value in clause[1:]:
            check(value, field)
    elif len(clause) != 2 or not isinstance(clause[1], str):
        raise ValueError(f"{field}: {clause!r} wants one text after its kind")
    elif clause[0] == "regex":
        try:
            re.compile(clause[1])
        except re.error as error:
            raise ValueError(f"{field}: {clause[1]!r} is no regular expression: {error}") from None
    return clause
