"""What a team adds to its price book: prices of its own, contracts, names. Checked, under the writer lock, never in place."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from costspan.pricing import PriceBook, Pricer
from costspan.pricing.card import list_price
from costspan.pricing.forms import alias, amount, instant, multiplier, price_line
from costspan.pricing.lines import PriceLine, Rate
from costspan.pricing.matching import pattern_clause
from costspan.pricing.naming import provider_id
from costspan_collector.book import price_rows
from costspan_collector.book.contracts import CONDITION, Contract
from costspan_collector.filters import FilterError, parse
from costspan_collector.store import price_write
from costspan_collector.store.budgets import lock_writer
from costspan_collector.store.database import Connection
from costspan_collector.store.price_book import read_prices

# A price that far from the list's was probably typed for another unit.
_IMPLAUSIBLE = 100
# Beyond this a factor was meant in per cent.
_LARGEST_FACTOR = 10
_PRICE_KEYS = frozenset({"provider", "model", "contract_id"})
_CONTRACT_KEYS = frozenset({"name", "provider", "filter", "from", "to", "source", "factor", "models", "meters"})


class ImplausiblePrice(ValueError):
    """A price is so far from the list's that its unit was probably mistaken; the message says both."""


@dataclass(frozen=True, slots=True)
class _Named:
    provider: str
    model: str


def add_price(connection: Connection, project_id: int, form: Mapping[str, Any], now: datetime, *, confirm: bool = False) -> UUID:
    """Add a price line of the project's own, or of its contract ``contract_id``, and return its id.

    ``form`` is that of a price line (costspan/pricing/forms.py) with ``provider`` and ``model``, a name or one with ``*`` at its
    end. Raises ValueError naming the field; ``ImplausiblePrice`` for a price a hundred times the list's or a hundredth of it,
    unless ``confirm``.
    """
    named = _named(form)
    line = price_line({name: value for name, value in form.items() if name not in _PRICE_KEYS}, "price")
    if line.week is not None:
        _check_zone(line.week.timezone)
    layer = "project"
    if contract := form.get("contract_id"):
        layer = "contract"
        line = _under_contract(line, str(contract))
    with connection.transaction():
        lock_writer(connection, project_id)
        stored = read_prices(connection, project_id)
        if contract and not any(str(each.contract_id) == str(contract) for each in stored.contracts):
            raise ValueError(f"contract_id: {contract} is no contract in force")
        if not confirm:
            _check_plausible(stored.book, named, line, now)
        rows = price_rows.rate_rows(layer, named.provider, named.model, pattern_clause(named.model.lower()), 0, line)
        price_write.add(connection, project_id, "price_rate", rows)
    return UUID(str(rows[0]["line_id"]))


def add_alias(connection: Connection, project_id: int, form: Mapping[str, Any]) -> UUID:
    """Say that ``name``, as ``provider``'s calls carry it, is ``model``, from when to when; ``provider::model`` for another's."""
    provider = _provider(form)
    row = price_rows.alias_row("project", provider, alias({k: v for k, v in form.items() if k != "provider"}, "alias"))
    with connection.transaction():
        lock_writer(connection, project_id)
        price_write.add(connection, project_id, "price_alias", [row])
    return UUID(str(row["line_id"]))


def add_contract(connection: Connection, project_id: int, form: Mapping[str, Any]) -> UUID:
    """Add a contract with a provider for the calls that ``filter`` lets through, and return its id.

    With ``factor`` it is that factor on the list prices of ``models`` (all, by default) for ``meters`` (all token meters, by
    default), whatever the list says later. Fixed prices are added with ``add_price``.
    """
    if unknown := sorted(set(form) - _CONTRACT_KEYS):
        raise ValueError(f"contract: {unknown[0]!r} is no key; known are {', '.join(sorted(_CONTRACT_KEYS))}")
    contract = _contract(form)
    with connection.transaction():
        lock_writer(connection, project_id)
        price_write.add_contract(connection, project_id, contract)
        if form.get("factor") is not None:
            row = price_rows.multiplier_row("contract", contract.provider, _factor(contract, form))
            price_write.add(connection, project_id, "price_multiplier", [row])
    return contract.contract_id


def withdraw(connection: Connection, project_id: int, line_id: UUID) -> bool:
    """End what was added under ``line_id``; whether there was something. It stays on record."""
    with connection.transaction():
        lock_writer(connection, project_id)
        return price_write.supersede(connection, project_id, line_id)


def _contract(form: Mapping[str, Any]) -> Contract:
    text = form.get("filter") or ""
    try:
        where = parse(text)
    except FilterError as error:
        raise ValueError(f"filter: {error}") from None
    return Contract(
        contract_id=uuid4(),
        name=_text(form, "name"),
        provider=_provider(form),
        filter=where,
        filter_text=text,
        source=_text(form, "source"),
        valid_from=instant(form.get("from"), "from"),
        valid_to=instant(form.get("to"), "to"),
    )


def _factor(contract: Contract, form: Mapping[str, Any]) -> Any:
    factor = amount(form["factor"], "factor")
    if factor > _LARGEST_FACTOR:
        raise ValueError(f"factor: {factor} is more than {_LARGEST_FACTOR}; it is a factor on list prices, 0.825 for 17.5% off")
    models: Sequence[str] = form.get("models") or ["*"]
    clauses = [pattern_clause(model.lower()) for model in models]
    return multiplier(
        {
            "name": contract.name,
            "match": clauses[0] if len(clauses) == 1 else ["or", *clauses],
            "conditions": {CONDITION: str(contract.contract_id)},
            "factor": str(factor),
            "meters": form.get("meters") or "tokens",
            "source": contract.source,
        },
        "contract",
    )


def _under_contract(line: PriceLine, contract: str) -> PriceLine:
    return replace(line, conditions=dict(sorted({**line.conditions, CONDITION: contract}.items())))


def _check_plausible(book: PriceBook, named: _Named, line: PriceLine, now: datetime) -> None:
    listed = Pricer(PriceBook({"catalogue": book.layers["catalogue"]}, book.model_matches))
    tier = line.conditions.get("tier")
    # A pattern is compared with the model that it is the beginning of.
    model = named.model.split("*")[0].rstrip("-:@/")
    card = listed.card(named.provider, model, line.valid_from or now, tier, line.conditions)
    for meter, rate in line.rates.items():
        list_rate = card.rate_of(meter) if card is not None else None
        if list_rate is None or not list_rate.price:
            continue
        _check_near(meter, rate.price, rate, list_price(list_rate, 0), list_rate)
        for over in rate.over:
            _check_near(meter, over.price, rate, list_price(list_rate, over.tokens + 1), list_rate)


def _check_near(meter: str, price: Decimal, rate: Rate, listed: Decimal, list_rate: Rate) -> None:
    if not price or not listed:
        return
    ratio = (Fraction(price) / Fraction(rate.per)) / (Fraction(listed) / Fraction(list_rate.per))
    if not Fraction(1, _IMPLAUSIBLE) <= ratio <= _IMPLAUSIBLE:
        raise ImplausiblePrice(
            f"rates.{meter}: {price} dollars for {rate.per} is {_times(ratio)} the list's {listed} for "
            f"{list_rate.per}; is the unit right? Confirm if it is"
        )


def _check_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"price.week.timezone: {name!r} is no IANA time zone, such as UTC or Asia/Shanghai") from None


def _times(ratio: Fraction) -> str:
    return f"{round(ratio)} times" if ratio > 1 else f"1/{round(1 / ratio)} of"


def _named(form: Mapping[str, Any]) -> _Named:
    return _Named(_provider(form), _text(form, "model"))


def _provider(form: Mapping[str, Any]) -> str:
    name = _text(form, "provider")
    known = provider_id(name)
    if known is None:
        raise ValueError(f"provider: {name!r} is a router and has no prices; name the provider behind it")
    return known


def _text(form: Mapping[str, Any], name: str) -> str:
    value = form.get(name)
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{name}: {value!r} is no text; it is needed")
    return value.strip()
