"""One pass over a span's attributes, by a dialect's table turned around: from attribute names to what they mean."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from costspan_collector.call import Dimensions
from costspan_collector.dialects import attributes as read
from costspan_collector.dialects.dialect import Dialect


@dataclass(slots=True)
class Facts:
    """What attributes say, by fact and by meter: (rank of the name, name, value), the lowest rank having won."""

    facts: dict[str, tuple[int, str, Any]] = field(default_factory=dict)
    stated: dict[str, tuple[int, str, Any]] = field(default_factory=dict)
    meters: dict[str, tuple[int, str, Any]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    conditions: dict[str, str] = field(default_factory=dict)

    def value(self, fact: str) -> Any:
        """The value of a fact, or None."""
        found = self.facts.get(fact)
        return None if found is None else found[2]

    def text(self, fact: str) -> str | None:
        """The text of a fact, or None."""
        found = self.facts.get(fact)
        return None if found is None else read.text(found[2])

    def flag(self, fact: str) -> bool:
        """Whether a fact is true; anything but the boolean is not."""
        return self.value(fact) is True


def gather(dialect: Dialect, pairs: Iterable[KeyValue]) -> Facts:
    """The facts in attribute ``pairs``. Attributes that mean nothing to the dialect are not even decoded."""
    meanings = _meanings(dialect)
    result = Facts()
    prefixes = ((dialect.tag_prefix, result.tags), (dialect.condition_prefix, result.conditions))
    groups = (result.facts, result.stated, result.meters)
    for pair in pairs:
        meaning = meanings.get(pair.key)
        if meaning is None:
            for prefix, named in prefixes:
                if prefix is not None and pair.key.startswith(prefix):
                    text = read.text(read.value_of(pair.value))
                    if text is not None:
                        named[pair.key[len(prefix) :]] = text
            continue
        value = read.value_of(pair.value)
        if value is None:
            continue
        group, name, rank = meaning
        known = groups[group].get(name)
        if known is None or rank < known[0]:
            groups[group][name] = (rank, pair.key, value)
    return result


def counts(found: Mapping[str, tuple[int, str, Any]]) -> dict[str, int]:
    """The counts by meter. Raises ``Permanent`` naming the attribute that holds no count."""
    return {meter: read.count(name, value) for meter, (_, name, value) in found.items()}


def dimensions(own: Facts, resource: Facts) -> Dimensions:
    """The dimension values, the span's own before those of its resource; but a feature that somebody has named before a
    default one, which has a source."""

    def text(fact: str) -> str | None:
        return own.text(fact) or resource.text(fact)

    return Dimensions(
        environment=text("environment"),
        service=text("service"),
        feature=(own.value("feature_source") and resource.text("feature")) or text("feature"),
        customer=text("customer"),
        provider=own.text("provider"),
        model=own.text("response_model") or own.text("request_model"),
        operation=own.text("operation"),
    )


@cache
def _meanings(dialect: Dialect) -> dict[str, tuple[int, str, int]]:
    return {
        name: (group, meaning, rank)
        for group, table in enumerate((dialect.facts, dialect.usage, dialect.meters))
        for meaning, names in table.items()
        for rank, name in enumerate(names)
    }
