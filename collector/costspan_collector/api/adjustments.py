"""Monthly adjustments under /api/v1/adjustments."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Query
from fastapi.responses import Response

from costspan_collector import times
from costspan_collector.analyse.adjustments import AdjustmentLine
from costspan_collector.api import parameters as read
from costspan_collector.api.json import json_response
from costspan_collector.api.problems import BadParameter, NotFound
from costspan_collector.prices.adjusting import AdjustedMonth, add, adjusted_month, month_of
from costspan_collector.services import DEFAULT_PROJECT_ID, Services
from costspan_collector.store.adjustments import supersede_adjustment
from costspan_collector.store.database import connect


def router(services: Services) -> APIRouter:
    """The routes of monthly adjustments."""
    routes = APIRouter(prefix="/api/v1/adjustments", tags=["adjustments"])

    @routes.get("")
    def get_month(
        month: Annotated[str | None, Query(max_length=7, description="such as 2026-11; this month by default")] = None,
        tz: read.Timezone = "UTC",
    ) -> Response:
        """What the month's calls cost, what is agreed besides, each with its arithmetic, and what the bill should be."""
        zone = read.timezone(tz)
        text = month or f"{times.at(services.now_ns() // 1000):%Y-%m}"
        try:
            first_day = month_of(text, "month")
        except ValueError as error:
            raise BadParameter(str(error)) from None
        with connect(services.database_url) as connection:
            return json_response(month_form(adjusted_month(connection, DEFAULT_PROJECT_ID, first_day, zone)))

    @routes.post("", status_code=201)
    def add_adjustment(form: Annotated[dict[str, Any], Body(description="see docs/prices.md")]) -> Response:
        """Add a rule: `{"name", "kind", "filter", "terms", "source", "first_month", "last_month"}`."""
        try:
            with connect(services.database_url) as connection:
                return json_response({"id": add(connection, DEFAULT_PROJECT_ID, form)}, 201)
        except ValueError as error:
            raise BadParameter(str(error)) from None

    @routes.delete("/{adjustment_id}", status_code=204)
    def withdraw(adjustment_id: UUID) -> Response:
        """End a rule. It stays on record."""
        with connect(services.database_url) as connection:
            if not supersede_adjustment(connection, DEFAULT_PROJECT_ID, adjustment_id):
                raise NotFound(f"adjustment_id: {adjustment_id} is no rule in force")
        return Response(status_code=204)

    return routes


def month_form(month: AdjustedMonth) -> dict[str, Any]:
    """A month as plain values."""
    return {
        "month": f"{month.month:%Y-%m}",
        "calls_usd": month.calls_usd,
        "adjustments_usd": month.adjustments_usd,
        "expected_usd": month.expected_usd,
        "lines": [_line(line) for line in month.lines],
    }


def _line(line: AdjustmentLine) -> dict[str, Any]:
    rule = line.adjustment
    return {
        "id": rule.adjustment_id,
        "name": rule.name,
        "kind": rule.kind,
        "filter": rule.filter_text,
        "terms": dict(rule.terms),
        "source": rule.source,
        "amount_usd": line.amount_usd,
        "spent_usd": line.spent_usd,
        "reason": line.reason,
        "quantity_used": line.quantity_used,
    }
