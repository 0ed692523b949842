"""The price book under /api/v1/prices."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Query
from fastapi.responses import Response

from costspan import money
from costspan.pricing.naming import provider_id
from costspan.pricing.writing import rate_form
from costspan_collector import times
from costspan_collector.api import parameters as read
from costspan_collector.api.json import json_response
from costspan_collector.api.problems import BadParameter, NotFound
from costspan_collector.prices import changes
from costspan_collector.prices.unpriced import work_list
from costspan_collector.services import DEFAULT_PROJECT_ID, Services
from costspan_collector.store.database import connect
from costspan_collector.store.price_list import list_others, list_rates

_DEFAULT_DAYS = 30
_LAYERS = ("catalogue", "project", "contract")

Form = Annotated[dict[str, Any], Body(description="see docs/prices.md")]
Confirm = Annotated[bool, Query(description="take a price that is far from the list's")]
Instant = Annotated[datetime | None, Query(description="ISO 8601 with offset")]


def router(services: Services) -> APIRouter:
    """The routes of prices."""
    routes = APIRouter(prefix="/api/v1/prices", tags=["prices"])
    _add_list(routes, services)
    _add_explanations(routes, services)
    _add_changing(routes, services)
    return routes


def _add_list(routes: APIRouter, services: Services) -> None:
    @routes.get("")
    def get_prices(
        provider: Annotated[str | None, Query(max_length=100)] = None,
        model: Annotated[str | None, Query(max_length=300, description="a model's id, or its beginning and `*`")] = None,
        layer: Annotated[str | None, Query(description=f"one of {', '.join(_LAYERS)}")] = None,
        at: Instant = None,
        as_of: Annotated[datetime | None, Query(description="the book as it was recorded then; now by default")] = None,
        limit: Annotated[int, Query(ge=1, le=5000)] = 500,
    ) -> Response:
        """Rates in the book, a row a meter and threshold, the project's own first."""
        with connect(services.database_url) as connection:
            rows = list_rates(
                connection,
                DEFAULT_PROJECT_ID,
                provider=provider_id(provider) if provider else None,
                model=model,
                layer=read.choice("layer", layer, _LAYERS),
                at=_aware("at", at),
                as_of=_aware("as_of", as_of) or _now(services),
                limit=limit,
            )
            others = list_others(connection, DEFAULT_PROJECT_ID)
        version = services.prices.current(DEFAULT_PROJECT_ID).version
        return json_response({"version": version, "rows": [_rate(row) for row in rows], **others})


def _add_explanations(routes: APIRouter, services: Services) -> None:
    @routes.get("/explain")
    def explain(
        provider: Annotated[str, Query(max_length=100)],
        model: Annotated[str, Query(max_length=300)],
        at: Instant = None,
        tier: Annotated[str | None, Query(max_length=50)] = None,
        region: Annotated[str | None, Query(max_length=50)] = None,
    ) -> Response:
        """Which prices a call of that name would get, by which rule, and where each is from; `card` is null for none."""
        pricer = services.prices.current(DEFAULT_PROJECT_ID).pricer
        conditions = {"region": region} if region else {}
        card = pricer.card(provider, model, _aware("at", at) or _now(services), tier, conditions)
        if card is None:
            return json_response({"card": None, "reason": f"no price for model {model!r} of provider {provider!r}"})
        plain = {name: getattr(card, name) for name in ("provider", "model", "rule", "source", "valid_from", "assumed")}
        rates = {meter: rate_form(rate) for meter, rate in card.rates.items()}
        return json_response({"card": {**plain, "conditions": dict(card.conditions), "rates": rates}, "reason": None})

    @routes.get("/unpriced")
    def get_unpriced(start: read.From = None, to: read.To = None) -> Response:
        """The work-list: models whose calls have no whole price, the dearest first; the last 30 days by default.

        `at_risk_usd` is an estimate: their tokens at what the project pays a token where all is priced.
        """
        now = _now(services)
        since, until = read.time_range(start or (to or now) - timedelta(days=_DEFAULT_DAYS), to, now)
        book = services.prices.current(DEFAULT_PROJECT_ID).pricer.book
        with connect(services.database_url) as connection:
            items = work_list(connection, DEFAULT_PROJECT_ID, book, since, until)
        return json_response({"from": since, "to": until, "rows": [asdict(item) for item in items]})


def _add_changing(routes: APIRouter, services: Services) -> None:
    def added(change: Callable[[Any], UUID]) -> Response:
        try:
            with connect(services.database_url) as connection:
                line = change(connection)
        except changes.ImplausiblePrice as error:
            raise BadParameter(f"{error} with confirm=true") from None
        except ValueError as error:
            raise BadParameter(str(error)) from None
        services.prices.forget(DEFAULT_PROJECT_ID)
        return json_response({"id": line}, 201)

    @routes.post("", status_code=201)
    def add_price(form: Form, confirm: Confirm = False) -> Response:
        """Add a price line: `{"provider", "model", "rates": {"input": "0.25"}, "from", "to", "conditions", "over", "source"}`.

        Calls from now on are priced by it; those booked already follow with a re-rating.
        """
        now = _now(services)
        return added(lambda connection: changes.add_price(connection, DEFAULT_PROJECT_ID, form, now, confirm=confirm))

    @routes.post("/aliases", status_code=201)
    def add_alias(form: Form) -> Response:
        """Say which model a name means: `{"provider", "name", "model", "from", "to", "source"}`."""
        return added(lambda connection: changes.add_alias(connection, DEFAULT_PROJECT_ID, form))

    @routes.post("/contracts", status_code=201)
    def add_contract(form: Form) -> Response:
        """Add a contract: `{"name", "provider", "filter", "factor": "0.825", "models", "meters", "from", "to", "source"}`."""
        return added(lambda connection: changes.add_contract(connection, DEFAULT_PROJECT_ID, form))

    @routes.delete("/{line_id}", status_code=204)
    def withdraw(line_id: UUID) -> Response:
        """End a price, alias, multiplier or contract of the project's own. It stays on record."""
        with connect(services.database_url) as connection:
            found = changes.withdraw(connection, DEFAULT_PROJECT_ID, line_id)
        if not found:
            raise NotFound(f"line_id: {line_id} is no price, alias or contract of this project that is in force")
        services.prices.forget(DEFAULT_PROJECT_ID)
        return Response(status_code=204)


def _rate(row: Mapping[str, Any]) -> dict[str, Any]:
    plain = {name: value for name, value in row.items() if name not in ("project_id", "match", "position")}
    threshold = None if row["threshold_tokens"] < 0 else row["threshold_tokens"]
    return {
        **plain,
        "threshold_tokens": threshold,
        "price": money.text(row["price"]),
        "unit_size": money.text(row["unit_size"]),
        "currency": "USD",
    }


def _now(services: Services) -> datetime:
    return times.at(services.now_ns() // 1000)


def _aware(name: str, at: datetime | None) -> datetime | None:
    if at is not None and at.tzinfo is None:
        raise BadParameter(f"{name}: {at.isoformat()} has no offset; write it as 2026-01-31T12:00:00Z")
    return at
