"""The written form of prices: the same keys in the catalogue's files (JSON) and the corrections (TOML).

A price line::

    {"from": "2025-08-07T00:00:00Z", "to": ..., "conditions": {"tier": "batch"}, "status": "announced",
     "week": {"timezone": "UTC", "days": ["mon"], "hours": ["01:00-04:00"]},
     "rates": {"input": "0.25", "audio_second": {"price": "0.006", "per": 60}},
     "over": [{"above": 272000, "rates": {"input": "0.5"}}], "source": "...", "quote": "..."}

Prices are decimal text, as printed, for the meter's stated unit (``costspan.pricing.units``) or for ``per``; a request is
billed for at least ``minimum``. ``above`` re-prices beyond that many input tokens, ``at_least`` from them on. Every reader
raises ValueError naming the field and what it wants.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Any, get_args

from costspan import money
from costspan.pricing.lines import (
    WEEKDAYS,
    Alias,
    Factor,
    ModelPrices,
    Multiplier,
    PriceLine,
    Rate,
    Status,
    Threshold,
    Week,
)
from costspan.pricing.matching import check
from costspan.pricing.units import UNIT_OF_METER

_LARGEST_DIGITS = 15
_LINE = frozenset({"from", "to", "conditions", "week", "rates", "over", "source", "quote", "status"})
_MULTIPLIER = frozenset({"name", "match", "conditions", "factor", "meters", "from", "to", "source", "quote"})
_ALIAS = frozenset({"name", "model", "from", "to", "source", "quote"})
CONDITION_NAMES = ("tier", "region", "size", "quality", "resolution", "search", "context", "contract", "input_type", "duration")


def price_line(form: Mapping[str, Any], where: str, *, is_correction: bool = False) -> PriceLine:
    """The price line of ``form``; ``where`` names it in errors."""
    _known_keys(form, _LINE, where)
    rates = _required(form, "rates", where)
    overs = [_over(over, f"{where}.over", rates) for over in form.get("over", ())]
    return PriceLine(
        rates=in_order({meter: _rate(meter, rate, overs, f"{where}.rates.{meter}") for meter, rate in rates.items()}),
        source=str(_required(form, "source", where)),
        valid_from=instant(form.get("from"), f"{where}.from"),
        valid_to=instant(form.get("to"), f"{where}.to"),
        conditions=_conditions(form.get("conditions", {}), f"{where}.conditions"),
        week=week(form["week"], f"{where}.week") if form.get("week") else None,
        status=_status(form.get("status", "confirmed"), f"{where}.status"),
        quote=str(form.get("quote", "")),
        is_correction=is_correction,
    )


def multiplier(form: Mapping[str, Any], where: str) -> Multiplier:
    """The multiplier of ``form``."""
    _known_keys(form, _MULTIPLIER, where)
    meters = form.get("meters", "tokens")
    return Multiplier(
        name=str(_required(form, "name", where)),
        match=check(_required(form, "match", where), f"{where}.match"),
        factor=amount(_required(form, "factor", where), f"{where}.factor"),
        source=str(_required(form, "source", where)),
        conditions=_conditions(form.get("conditions", {}), f"{where}.conditions"),
        meters=None if meters == "tokens" else tuple(_meter(meter, f"{where}.meters") for meter in meters),
        valid_from=instant(form.get("from"), f"{where}.from"),
        valid_to=instant(form.get("to"), f"{where}.to"),
        quote=str(form.get("quote", "")),
    )


def alias(form: Mapping[str, Any], where: str) -> Alias:
    """The alias of ``form``."""
    _known_keys(form, _ALIAS, where)
    return Alias(
        name=str(_required(form, "name", where)).lower(),
        model=str(_required(form, "model", where)),
        source=str(_required(form, "source", where)),
        valid_from=instant(form.get("from"), f"{where}.from"),
        valid_to=instant(form.get("to"), f"{where}.to"),
        quote=str(form.get("quote", "")),
    )


def model_prices(form: Mapping[str, Any], where: str) -> ModelPrices:
    """The model of ``form``: its id, match clause and price lines."""
    model = str(_required(form, "id", where))
    lines = []
    for index, line in enumerate(form.get("prices", ())):
        plain = {name: value for name, value in line.items() if name != "correction"}
        lines.append(price_line(plain, f"{where} {model}.prices[{index}]", is_correction=line.get("correction", False)))
    return ModelPrices(model, check(_required(form, "match", where), f"{where} {model}.match"), tuple(lines))


def amount(value: Any, where: str) -> Decimal:
    """A price or factor as decimal text. A number is refused: it would have passed through a float."""
    parsed = money.parse(value) if isinstance(value, (str, Decimal)) else None
    if parsed is None or parsed < 0:
        raise ValueError(f'{where}: {value!r} is no decimal text of at least 0, such as "0.25"')
    if len(parsed.as_tuple().digits) > _LARGEST_DIGITS:
        raise ValueError(f"{where}: {value!r} has more than {_LARGEST_DIGITS} digits: no printed price has, a float's noise does")
    return parsed


def in_order(rates: Mapping[str, Rate]) -> dict[str, Rate]:
    """``rates`` in the order of the meters."""
    return {meter: rates[meter] for meter in UNIT_OF_METER if meter in rates}


def stored_rate(form: Mapping[str, Any]) -> Rate:
    """The rate that a stored card holds (``costspan.pricing.writing.rate_form``)."""
    return Rate(
        Decimal(form["price"]),
        form["per"] if isinstance(form["per"], int) else Decimal(form["per"]),
        tuple(Threshold(tokens, Decimal(price), *inclusive) for tokens, price, *inclusive in form.get("over", ())),
        tuple(Factor(name, Decimal(factor)) for name, factor in form.get("factors", ())),
        form.get("source", ""),
        form.get("minimum", 0),
    )


def instant(value: Any, where: str) -> datetime | None:
    """An aware instant from ISO text or a datetime; None stays None."""
    if value is None:
        return None
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        at = None
    if not isinstance(at, datetime) or at.tzinfo is None:
        raise ValueError(f"{where}: {value!r} is no instant with a time zone, such as 2026-08-16T16:00:00Z")
    return at.astimezone(UTC)


def week(form: Mapping[str, Any], where: str) -> Week:
    """The week rule of ``form``."""
    _known_keys(form, frozenset({"timezone", "days", "hours"}), where)
    days = tuple(form.get("days", WEEKDAYS))
    for day in days:
        if day not in WEEKDAYS:
            raise ValueError(f"{where}.days: {day!r} is none of {', '.join(WEEKDAYS)}")
    return Week(
        str(form.get("timezone", "UTC")), days, tuple(_window(window, f"{where}.hours") for window in form.get("hours", ()))
    )


def _window(text: Any, where: str) -> tuple[time, time]:
    try:
        start, _, end = str(text).partition("-")
        return time.fromisoformat(start), time.min if end == "24:00" else time.fromisoformat(end)
    except ValueError:
        raise ValueError(f'{where}: {text!r} is no window such as "16:30-00:30"') from None


def _over(form: Mapping[str, Any], where: str, base: Mapping[str, Any]) -> tuple[int, bool, Mapping[str, Any]]:
    _known_keys(form, frozenset({"above", "at_least", "rates"}), where)
    if ("above" in form) == ("at_least" in form):
        raise ValueError(f"{where}: give either above or at_least")
    tokens = form.get("above", form.get("at_least"))
    if not isinstance(tokens, int) or tokens < 0:
        raise ValueError(f"{where}: {tokens!r} is no number of tokens")
    rates = _required(form, "rates", where)
    if without := [meter for meter in rates if meter not in base]:
        raise ValueError(f"{where}.rates.{without[0]}: has no rate below the threshold; rates has {', '.join(base)}")
    return tokens, "at_least" in form, rates


def _rate(meter: str, value: Any, overs: list[tuple[int, bool, Mapping[str, Any]]], where: str) -> Rate:
    _meter(meter, where)
    price, per = _price(meter, value, where)
    minimum = value.get("minimum", 0) if isinstance(value, Mapping) else 0
    if not isinstance(minimum, int) or minimum < 0:
        raise ValueError(f"{where}.minimum: {minimum!r} is no whole number of at least 0")
    thresholds = []
    for tokens, inclusive, rates in overs:
        if meter in rates:
            higher, higher_per = _price(meter, rates[meter], where)
            if higher_per != per:
                raise ValueError(f"{where}: its price over {tokens} tokens is for {higher_per}, not for {per}")
            thresholds.append(Threshold(tokens, higher, inclusive))
    return Rate(price, per, tuple(sorted(thresholds)), minimum=minimum)


def _price(meter: str, value: Any, where: str) -> tuple[Decimal, int | Decimal]:
    if not isinstance(value, Mapping):
        return amount(value, where), UNIT_OF_METER[meter]
    _known_keys(value, frozenset({"price", "per", "minimum"}), where)
    per = value.get("per", UNIT_OF_METER[meter])
    per = per if isinstance(per, int) else amount(per, f"{where}.per")
    if per <= 0:
        raise ValueError(f"{where}.per: {per} is no unit above 0")
    return amount(_required(value, "price", where), where), per


def _meter(meter: str, where: str) -> str:
    if meter not in UNIT_OF_METER:
        raise ValueError(f"{where}: {meter!r} is no meter; known are {', '.join(UNIT_OF_METER)}")
    return meter


def _conditions(form: Any, where: str) -> dict[str, str]:
    for name, value in form.items():
        if name not in CONDITION_NAMES:
            raise ValueError(f"{where}: {name!r} is no condition; known are {', '.join(CONDITION_NAMES)}")
        if not isinstance(value, str):
            raise ValueError(f"{where}.{name}: {value!r} is no text")
    return {name: value.lower() for name, value in sorted(form.items())}


def _status(value: Any, where: str) -> Status:
    if value not in get_args(Status):
        raise ValueError(f"{where}: {value!r} is none of {', '.join(get_args(Status))}")
    return value  # type: ignore[no-any-return]


def _required(form: Mapping[str, Any], name: str, where: str) -> Any:
    if form.get(name) in (None, ""):
        raise ValueError(f"{where}: {name} is missing")
    return form[name]


def _known_keys(form: Mapping[str, Any], known: frozenset[str], where: str) -> None:
    if unknown := sorted(set(form) - known):
        raise ValueError(f"{where}: {unknown[0]!r} is no key; known are {', '.join(sorted(known))}")
