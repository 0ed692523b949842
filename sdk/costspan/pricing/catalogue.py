"""The bundled catalogue: read lazily, one provider at a time, and turned into rate cards.

The files are made by ``tools/catalogue.py``, which describes their form, when the package is built.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from costspan.pricing.card import Rate, RateCard

_FOLDER = Path(__file__).parent / "catalogue"


@cache
def _file(name: str) -> dict[str, Any]:
    path = _FOLDER / f"{name}.json"
    if not path.is_file():
        raise LookupError(f"no file {path.name} in the catalogue: the package was built without `tools/catalogue.py`")
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def provider_of_model(model: str) -> str | None:
    """The provider whose own models are named like ``model`` (``claude...`` is Anthropic's), or None."""
    for name, entry in _file("index")["providers"].items():
        if entry["models"] and matches(entry["models"], model.lower()):
            return str(name)
    return None


def find_model(provider: str, model: str) -> tuple[str, dict[str, Any]] | None:
    """The catalogue's entry for ``model`` at ``provider``, with the provider that it was found at.

    A provider that offers others' models (Azure those of OpenAI) falls back to their entries.
    """
    if provider not in _file("index")["providers"]:
        return None
    name = model.lower()
    for candidate in (provider, *_file(provider)["fallback"]):
        for entry in _file(candidate)["models"]:
            if matches(entry["match"], name):
                return candidate, entry
    return None


def matches(clause: list[Any], name: str) -> bool:
    """Whether the match ``clause`` (see tools/catalogue.py) accepts ``name``, given in lower case."""
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
    raise ValueError(f"match clause {kind!r} in the catalogue is not one that this release knows")


def hour_edges(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """The times of day (UTC, ISO text) at which the entry's price changes; none for most models."""
    edges = {edge for period in (*entry["periods"], *entry.get("variants", ())) for edge in period.get("hours", ())}
    return tuple(sorted(edge[:8] for edge in edges))


def card_at(provider: str, entry: Mapping[str, Any], when: datetime, conditions: Mapping[str, str], rule: str) -> RateCard:
    """The rate card of a catalogue entry in force at ``when`` (an aware datetime) under ``conditions``."""
    at = when.astimezone(UTC)
    period = next((p for p in reversed(entry["periods"]) if _in_force(p, at)), entry["periods"][0])
    rates = {meter: _rate(rate) for meter, rate in period["rates"].items()}
    met = {}
    replaced: dict[str, Rate] = {}
    for variant in entry.get("variants", ()):
        if _in_force(variant, at) and all(conditions.get(name) == value for name, value in variant["when"].items()):
            met.update(variant["when"])
            for meter, rate in variant["rates"].items():
                replaced.setdefault(meter, _rate(rate))
    unmet = {name: value for name, value in conditions.items() if name not in met}
    return RateCard(
        provider=provider,
        model=entry["id"],
        rates={**rates, **replaced},
        rule=rule,
        source=_file(provider)["source"],
        valid_from=period.get("from"),
        conditions=met,
        assumed=_assumption(provider, entry["id"], unmet),
    )


def _assumption(provider: str, model: str, unmet: Mapping[str, str]) -> str | None:
    if not unmet:
        return None
    named = ", ".join(f"{name} {value}" for name, value in unmet.items())
    return f"{provider} {model} has no rates for {named}: the standard ones are taken"


def _rate(rate: Mapping[str, Any]) -> Rate:
    over = tuple((threshold, Decimal(price)) for threshold, price in rate.get("over", ()))
    return Rate(Decimal(rate["price"]), rate["per"], over)


def _in_force(period: Mapping[str, Any], at: datetime) -> bool:
    if start := period.get("from"):
        return bool(at.date().isoformat() >= start)
    if hours := period.get("hours"):
        start, end = (edge[:8] for edge in hours)
        time = at.time().isoformat(timespec="seconds")
        return bool(start <= time < end if start <= end else time >= start or time < end)
    return True
