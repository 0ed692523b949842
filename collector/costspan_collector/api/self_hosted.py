"""Models on machines of one's own under /api/v1/self-hosted: cards, bills, hours."""

from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from costspan import money
from costspan.pricing.self_hosted import DEFAULT_WEIGHTS, Figure, SelfHostedCard, price_line
from costspan.pricing.writing import line_form
from costspan_collector import times
from costspan_collector.api import parameters as read
from costspan_collector.api.json import json_response
from costspan_collector.api.problems import BadParameter, NotFound
from costspan_collector.prices.gpu_hours import apply_bill, take_back
from costspan_collector.services import DEFAULT_PROJECT_ID, Services
from costspan_collector.store import rerate_calls
from costspan_collector.store import self_hosted as store
from costspan_collector.store.budgets import lock_writer
from costspan_collector.store.database import connect
from costspan_collector.store.gpu_hours import list_hours

Amount = Annotated[Decimal, Field(ge=0, lt=Decimal(10) ** 18, decimal_places=18)]


class CardRequest(BaseModel):
    """The machines that serve a model. Figures are decimal strings; `measured` says which of them nobody assumed."""

    model_config = ConfigDict(extra="forbid")

    provider: str = Field(min_length=1, max_length=100)
    model: str = Field(min_length=1, max_length=300, description="as calls name it, or its beginning and `*`")
    gpu: str = Field("", max_length=100)
    gpus: int = Field(1, ge=1)
    usd_per_gpu_hour: Decimal
    tokens_per_s: Decimal
    counted: Literal["weighted", "prefill", "decode"] = "decode"
    utilisation: Decimal
    measured: list[Literal["tokens_per_s", "utilisation"]] = []
    weights: dict[str, Decimal] = {}
    note: str = Field("", max_length=1000)
    start: Annotated[datetime | None, Field(alias="from")] = None
    to: datetime | None = None

    def card(self) -> SelfHostedCard:
        """The card that it tells of. Raises ValueError."""
        plain = {
            name: getattr(self, name) for name in ("provider", "model", "gpu", "gpus", "usd_per_gpu_hour", "counted", "note")
        }
        return SelfHostedCard(
            **plain,
            tokens_per_s=Figure(self.tokens_per_s, "tokens_per_s" in self.measured),
            utilisation=Figure(self.utilisation, "utilisation" in self.measured),
            weights={**DEFAULT_WEIGHTS, **self.weights},
            valid_from=self.start,
            valid_to=self.to,
        )


class HourBill(BaseModel):
    """What an hour cost."""

    model_config = ConfigDict(extra="forbid")

    hour: datetime
    usd: Amount


class BillsRequest(BaseModel):
    """What the machines of a deployment really cost, by hour; without names the only deployment is meant."""

    model_config = ConfigDict(extra="forbid")

    provider: str | None = None
    model: str | None = None
    source: str = Field(min_length=1, max_length=1000)
    hours: list[HourBill] = Field(min_length=1, max_length=10_000)


def router(services: Services) -> APIRouter:
    """The routes of self-hosted models."""
    routes = APIRouter(prefix="/api/v1/self-hosted", tags=["self-hosted"])
    _add_cards(routes, services)
    _add_bills(routes, services)
    _add_hours(routes, services)
    return routes


def _add_cards(routes: APIRouter, services: Services) -> None:
    @routes.get("/cards")
    def get_cards() -> Response:
        """The cards in force, with the price of a token by each."""
        with connect(services.database_url) as connection:
            cards = store.load_cards(connection, DEFAULT_PROJECT_ID)
        return json_response({"rows": [card_form(card) for card in cards]})

    @routes.post("/cards", status_code=201)
    def add_card(request: CardRequest) -> Response:
        """Add a card. Older cards of the same models keep what time it leaves them; booked calls follow with a re-rating."""
        try:
            with connect(services.database_url) as connection:
                lock_writer(connection, DEFAULT_PROJECT_ID)
                card_id = store.add_card(connection, DEFAULT_PROJECT_ID, request.card())
        except ValueError as error:
            raise BadParameter(str(error)) from None
        services.prices.forget(DEFAULT_PROJECT_ID)
        return json_response({"id": card_id}, 201)


def _add_bills(routes: APIRouter, services: Services) -> None:
    @routes.post("/bills")
    def add_bills(request: BillsRequest) -> Response:
        """Split what hours really cost over the calls of each; idle is its own line. Again with the same bill it takes up late
        calls, with another it moves by the difference."""
        applied = []
        try:
            with connect(services.database_url) as connection:
                connection.autocommit = True
                rerate_calls.prepare(connection)
                cards = store.load_cards(connection, DEFAULT_PROJECT_ID)
                deployment = store.deployment_of(cards, request.provider, request.model)
                applied = [
                    apply_bill(connection, DEFAULT_PROJECT_ID, deployment, bill.hour, bill.usd, request.source)
                    for bill in request.hours
                ]
        except ValueError as error:
            raise BadParameter(str(error)) from None
        services.wake_deliveries()
        return json_response({"rows": [asdict(hour) for hour in applied]})

    @routes.delete("/bills/{hour}", status_code=200)
    def delete_bill(hour: datetime, provider: str | None = None, model: str | None = None) -> Response:
        """Take an hour's bill back: its calls have the cost by their price again."""
        try:
            with connect(services.database_url) as connection:
                connection.autocommit = True
                rerate_calls.prepare(connection)
                deployment = store.deployment_of(store.load_cards(connection, DEFAULT_PROJECT_ID), provider, model)
                restored = take_back(connection, DEFAULT_PROJECT_ID, deployment, hour)
        except ValueError as error:
            raise NotFound(str(error)) from None
        return json_response({"restored_calls": restored})


def _add_hours(routes: APIRouter, services: Services) -> None:
    @routes.get("/hours")
    def get_hours(start: read.From = None, to: read.To = None) -> Response:
        """How bills were split: billed is busy plus idle; `utilisation` is measured, used over capacity (above 1 if the card's
        speed is too low)."""
        since, until = read.time_range(start, to, times.at(services.now_ns() // 1000))
        with connect(services.database_url) as connection:
            rows = list_hours(connection, DEFAULT_PROJECT_ID, since, until)
        return json_response({"from": since, "to": until, "rows": [hour_form(row) for row in rows]})


def card_form(stored: store.StoredCard) -> dict[str, Any]:
    """A card as plain values, with its standard price."""
    card = stored.card
    plain = {name: getattr(card, name) for name in ("provider", "model", "gpu", "gpus", "usd_per_gpu_hour", "counted", "note")}
    figures = {name: getattr(card, name).value for name in ("tokens_per_s", "utilisation")}
    measured = [name for name in ("tokens_per_s", "utilisation") if getattr(card, name).is_measured]
    dates = {"from": card.valid_from, "to": card.valid_to, "recorded_at": stored.recorded_at}
    return {"id": stored.card_id, **plain, **figures, "measured": measured, **dates, "price": line_form(price_line(card))}


def hour_form(row: dict[str, Any]) -> dict[str, Any]:
    """An hour as plain values, with its measured utilisation."""
    used, capacity = Decimal(row["used_tokens"]), Decimal(row["capacity_tokens"])
    ratio = money.CONTEXT.divide(used, capacity).quantize(Decimal("0.000001"))
    return {**row, "utilisation": ratio}
