"""Price lines as rows of the price book and back: one row a meter and threshold. Pure."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from costspan.pricing.forms import in_order, week
from costspan.pricing.lines import Alias, Clause, Multiplier, PriceLine, Rate, Threshold
from costspan.pricing.writing import alias_form, line_form, multiplier_form, week_form

PLAIN = -1
RATE_COLUMNS = (
    *("line_id", "meter", "threshold_tokens", "threshold_operator", "layer", "provider", "model", "match", "position"),
    *("unit_size", "price", "minimum_quantity", "valid_from", "valid_to", "week_timezone", "week_days", "week_hours"),
    *("service_tier", "region", "conditions", "status", "is_correction", "source", "quote"),
)
MULTIPLIER_COLUMNS = (
    *("line_id", "layer", "provider", "name", "match", "factor", "meters", "conditions"),
    *("valid_from", "valid_to", "source", "quote"),
)
ALIAS_COLUMNS = ("line_id", "layer", "provider", "name", "model", "valid_from", "valid_to", "source", "quote")


def line_id(*parts: Any) -> UUID:
    """The id of what ``parts`` (JSON values) say: equal lines have equal ids on every collector."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return UUID(bytes=hashlib.blake2b(text.encode(), digest_size=16, person=b"price_line").digest())


def rate_rows(layer: str, provider: str, model: str, match: Clause, position: int, line: PriceLine) -> list[dict[str, Any]]:
    """The rows of a price line; ``position`` is its place among the model's."""
    rule = week_form(line.week) or {}
    conditions = dict(line.conditions)
    common = {
        # names are told by the catalogue's own table, so that a new spelling is no new price
        "line_id": line_id("rate", layer, provider, model, None if layer == "catalogue" else match, line_form(line)),
        "layer": layer,
        "provider": provider,
        "model": model,
        "match": match,
        "position": position,
        "valid_from": line.valid_from,
        "valid_to": line.valid_to,
        "week_timezone": rule.get("timezone"),
        "week_days": rule.get("days"),
        "week_hours": rule.get("hours"),
        "service_tier": conditions.pop("tier", None),
        "region": conditions.pop("region", None),
        "conditions": conditions,
        "status": line.status,
        "is_correction": line.is_correction,
        "source": line.source,
        "quote": line.quote,
    }
    return [
        {**common, "meter": meter, "unit_size": rate.per, "minimum_quantity": rate.minimum, **priced}
        for meter, rate in line.rates.items()
        for priced in _prices(rate)
    ]


def _prices(rate: Rate) -> list[dict[str, Any]]:
    plain = {"threshold_tokens": PLAIN, "threshold_operator": None, "price": rate.price}
    over = [
        {"threshold_tokens": each.tokens, "threshold_operator": ">=" if each.inclusive else ">", "price": each.price}
        for each in rate.over
    ]
    return [plain, *over]


def price_line(rows: Sequence[Mapping[str, Any]]) -> PriceLine:
    """The price line of its rows (``rate_rows``)."""
    first = rows[0]
    meters: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        meters.setdefault(row["meter"], []).append(row)
    stated = {"tier": first["service_tier"], "region": first["region"]}
    conditions = {**first["conditions"], **{name: value for name, value in stated.items() if value is not None}}
    rule = {"timezone": first["week_timezone"], "days": first["week_days"], "hours": first["week_hours"]}
    return PriceLine(
        rates=in_order({meter: _rate(meter_rows) for meter, meter_rows in meters.items()}),
        source=first["source"],
        valid_from=first["valid_from"],
        valid_to=first["valid_to"],
        conditions=dict(sorted(conditions.items())),
        week=week({name: value for name, value in rule.items() if value}, "week") if rule["timezone"] else None,
        status=first["status"],
        quote=first["quote"],
        is_correction=first["is_correction"],
    )


def _rate(rows: Sequence[Mapping[str, Any]]) -> Rate:
    plain = next(row for row in rows if row["threshold_tokens"] == PLAIN)
    over = sorted(
        Threshold(row["threshold_tokens"], row["price"], row["threshold_operator"] == ">=")
        for row in rows
        if row["threshold_tokens"] != PLAIN
    )
    unit = plain["unit_size"]
    per = int(unit) if unit == unit.to_integral_value() else unit
    return Rate(plain["price"], per, tuple(over), minimum=plain["minimum_quantity"])


def multiplier_row(layer: str, provider: str, multiplier: Multiplier) -> dict[str, Any]:
    """The row of a multiplier."""
    return {
        "line_id": line_id("multiplier", layer, provider, multiplier_form(multiplier)),
        "layer": layer,
        "provider": provider,
        "name": multiplier.name,
        "match": multiplier.match,
        "factor": multiplier.factor,
        "meters": None if multiplier.meters is None else list(multiplier.meters),
        "conditions": dict(multiplier.conditions),
        "valid_from": multiplier.valid_from,
        "valid_to": multiplier.valid_to,
        "source": multiplier.source,
        "quote": multiplier.quote,
    }


def multiplier(row: Mapping[str, Any]) -> Multiplier:
    """The multiplier of its row."""
    return Multiplier(
        name=row["name"],
        match=row["match"],
        factor=row["factor"],
        source=row["source"],
        conditions=row["conditions"],
        meters=None if row["meters"] is None else tuple(row["meters"]),
        valid_from=row["valid_from"],
        valid_to=row["valid_to"],
        quote=row["quote"],
    )


def alias_row(layer: str, provider: str, alias: Alias) -> dict[str, Any]:
    """The row of an alias."""
    return {
        "line_id": line_id("alias", layer, provider, alias_form(alias)),
        "layer": layer,
        "provider": provider,
        "name": alias.name,
        "model": alias.model,
        "valid_from": alias.valid_from,
        "valid_to": alias.valid_to,
        "source": alias.source,
        "quote": alias.quote,
    }


def alias(row: Mapping[str, Any]) -> Alias:
    """The alias of its row."""
    return Alias(row["name"], row["model"], row["source"], row["valid_from"], row["valid_to"], row["quote"])


def grouped(rows: Iterable[Mapping[str, Any]], *names: str) -> dict[tuple[Any, ...], list[Mapping[str, Any]]]:
    """``rows`` by the values of ``names``, in the order of their first appearance."""
    groups: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in names), []).append(row)
    return groups
