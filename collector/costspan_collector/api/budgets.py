"""Budgets under /api/v1/budgets."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import psycopg
from fastapi import APIRouter
from fastapi.responses import Response

from costspan import money
from costspan_collector.api.budget_models import BudgetRequest
from costspan_collector.api.json import json_response
from costspan_collector.api.problems import Conflict, NotFound
from costspan_collector.budgets.budget import Budget
from costspan_collector.budgets.decide import standing_state
from costspan_collector.filters import parse
from costspan_collector.services import DEFAULT_PROJECT_ID, Services
from costspan_collector.store import budgets as store
from costspan_collector.store.alerts import write_alerts
from costspan_collector.store.database import connect, database_now
from costspan_collector.store.standings import Standing, current_standings


def router(services: Services) -> APIRouter:
    """The routes of budgets."""
    routes = APIRouter(prefix="/api/v1/budgets", tags=["budgets"])

    @routes.post("", status_code=201)
    def create(request: BudgetRequest) -> Response:
        """Create a budget. It counts what its current period has spent already, and alerts at once if that crosses a threshold.

        The answer is the only one that shows webhook secrets.
        """
        budget, alerts = _create(services, request)
        if alerts:
            services.wake_deliveries()
        return json_response(_budget(budget, secrets=True), 201)

    @routes.get("")
    def list_budgets() -> Response:
        """All budgets."""
        return json_response({"rows": [_budget(budget) for budget in _load(services)]})

    @routes.get("/{budget_id}")
    def get_budget(budget_id: UUID) -> Response:
        """One budget."""
        return json_response(_budget(_find(services, budget_id)))

    @routes.delete("/{budget_id}", status_code=204)
    def delete_budget(budget_id: UUID) -> Response:
        """Remove a budget. Its alerts stay on record."""
        _delete(services, budget_id)
        return Response(status_code=204)

    @routes.get("/{budget_id}/standings")
    def get_standings(budget_id: UUID) -> Response:
        """What the budget has spent in its current period, for each scope."""
        budget = _find(services, budget_id)
        standings = current_standings(services.engine, DEFAULT_PROJECT_ID, budget)
        return json_response({"rows": [_standing(budget, standing) for standing in standings]})

    return routes


def _create(services: Services, request: BudgetRequest) -> tuple[Budget, int]:
    try:
        with connect(services.database_url) as connection:
            store.lock_writer(connection, DEFAULT_PROJECT_ID)
            now = database_now(connection)
            budget = Budget(
                budget_id=uuid4(),
                name=request.name,
                filter=parse(request.filter),
                filter_text=request.filter,
                fan_out=tuple(request.fan_out),
                period=request.period,
                timezone=request.timezone,
                amount_usd=request.amount_usd,
                thresholds=tuple(request.thresholds),
                created_at=now,
                channels=tuple(channel.model_dump() for channel in request.channels),
            )
            store.create(connection, DEFAULT_PROJECT_ID, budget)
            standings = store.seed(connection, DEFAULT_PROJECT_ID, budget, now)
            alerts = write_alerts(connection, DEFAULT_PROJECT_ID, {budget.budget_id: budget}, standings, now)
    except psycopg.errors.UniqueViolation:
        raise Conflict(f"name: there is a budget named {request.name!r} already; choose another name") from None
    return budget, alerts


def _delete(services: Services, budget_id: UUID) -> None:
    with connect(services.database_url) as connection:
        store.lock_writer(connection, DEFAULT_PROJECT_ID)
        if not store.delete(connection, DEFAULT_PROJECT_ID, budget_id):
            raise NotFound(f"no budget {budget_id}")


def _load(services: Services) -> list[Budget]:
    with connect(services.database_url) as connection:
        return store.load(connection, DEFAULT_PROJECT_ID)


def _find(services: Services, budget_id: UUID) -> Budget:
    for budget in _load(services):
        if budget.budget_id == budget_id:
            return budget
    raise NotFound(f"no budget {budget_id}")


def _budget(budget: Budget, *, secrets: bool = False) -> dict[str, Any]:
    return {
        "id": str(budget.budget_id),
        "name": budget.name,
        "kind": "spend",
        "filter": budget.filter_text,
        "fan_out": list(budget.fan_out),
        "period": budget.period,
        "timezone": budget.timezone,
        "amount_usd": budget.amount_usd,
        "thresholds": [money.text(threshold) for threshold in budget.thresholds],
        "action": "alert",
        "channels": [dict(channel) if secrets else _without_secret(channel) for channel in budget.channels],
        "created_at": budget.created_at,
    }


def _without_secret(channel: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in channel.items() if name != "secret"}


def _standing(budget: Budget, standing: Standing) -> dict[str, Any]:
    ratio = (standing.spent_usd / budget.amount_usd).quantize(Decimal("0.000001"))
    return {
        "scope": standing.scope,
        "period_start": standing.period_start,
        "period_end": standing.period_end,
        "spent_usd": standing.spent_usd,
        "ratio": ratio,
        "state": standing_state(budget, standing.spent_usd),
    }
