"""Prices back to their written form (``costspan.pricing.forms``), one JSON line each, in an order that makes a diff readable."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from costspan.pricing.lines import WEEKDAYS, Alias, Multiplier, PriceLine, Rate, Week
from costspan.pricing.units import UNIT_OF_METER


def line_form(line: PriceLine) -> dict[str, Any]:
    """The form of a price line; what is as usual is left out."""
    overs: dict[tuple[int, bool], dict[str, Any]] = {}
    ordered = {meter: line.rates[meter] for meter in UNIT_OF_METER if meter in line.rates}
    for meter, rate in ordered.items():
        for threshold in rate.over:
            rates = overs.setdefault((threshold.tokens, threshold.inclusive), {})
            rates[meter] = _price(meter, rate.per, str(threshold.price))
    return _without_empty(
        {
            "from": instant_text(line.valid_from),
            "to": instant_text(line.valid_to),
            "conditions": dict(line.conditions),
            "week": week_form(line.week),
            "rates": {meter: _price(meter, rate.per, str(rate.price), rate.minimum) for meter, rate in ordered.items()},
            "over": [
                {"at_least" if inclusive else "above": tokens, "rates": rates}
                for (tokens, inclusive), rates in sorted(overs.items())
            ],
            "status": line.status if line.status != "confirmed" else None,
            "correction": line.is_correction or None,
            "source": line.source,
            "quote": line.quote,
        }
    )


def multiplier_form(multiplier: Multiplier) -> dict[str, Any]:
    """The form of a multiplier."""
    return _without_empty(
        {
            "name": multiplier.name,
            "match": multiplier.match,
            "conditions": dict(multiplier.conditions),
            "factor": str(multiplier.factor),
            "meters": "tokens" if multiplier.meters is None else list(multiplier.meters),
            "from": instant_text(multiplier.valid_from),
            "to": instant_text(multiplier.valid_to),
            "source": multiplier.source,
            "quote": multiplier.quote,
        }
    )


def alias_form(alias: Alias) -> dict[str, Any]:
    """The form of an alias."""
    return _without_empty(
        {
            "name": alias.name,
            "model": alias.model,
            "from": instant_text(alias.valid_from),
            "to": instant_text(alias.valid_to),
            "source": alias.source,
            "quote": alias.quote,
        }
    )


def week_form(week: Week | None) -> dict[str, Any] | None:
    """The form of a week rule; None for none."""
    if week is None:
        return None
    hours = [f"{start:%H:%M}-{end:%H:%M}" for start, end in week.hours]
    days = list(week.days) if week.days != WEEKDAYS else None
    return _without_empty({"timezone": week.timezone, "days": days, "hours": hours})


def rate_form(rate: Rate) -> dict[str, Any]:
    """One rate by itself, with its thresholds and factors, as a stored rate card holds it."""
    return _without_empty(
        {
            "price": str(rate.price),
            "per": _per(rate.per),
            "over": [[threshold.tokens, str(threshold.price), threshold.inclusive] for threshold in rate.over],
            "factors": [[factor.name, str(factor.factor)] for factor in rate.factors],
            "source": rate.source,
            "minimum": rate.minimum or None,
        }
    )


def instant_text(at: datetime | None) -> str | None:
    """ISO text with Z, or None."""
    return None if at is None else at.isoformat().replace("+00:00", "Z")


def json_line(form: Mapping[str, Any]) -> str:
    """The form as one line of JSON."""
    return json.dumps(form, separators=(", ", ": "), ensure_ascii=False)


def _price(meter: str, per: Any, price: str, minimum: int = 0) -> Any:
    if per == UNIT_OF_METER[meter] and not minimum:
        return price
    return {"price": price, "per": _per(per), **({"minimum": minimum} if minimum else {})}


def _per(per: Any) -> Any:
    return per if isinstance(per, int) else str(per)


def _without_empty(form: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in form.items() if value not in (None, "", [], {})}
