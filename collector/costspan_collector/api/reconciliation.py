"""Bills beside the books under /api/v1: reconciliation, and what providers and emitters say that calls cost."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response

from costspan import money
from costspan_collector import times
from costspan_collector.analyse.charges import likely_cause
from costspan_collector.analyse.reconcile import Row
from costspan_collector.api import parameters as read
from costspan_collector.api.json import json_response
from costspan_collector.api.problems import BadParameter
from costspan_collector.prices.reconciling import reconciliation
from costspan_collector.services import DEFAULT_PROJECT_ID, Services
from costspan_collector.store.charges import charge_differences
from costspan_collector.store.database import connect
from costspan_collector.store.invoices import list_imports

_DEFAULT_DAYS = 30
_MOST_DAYS = 400

First = Annotated[date | None, Query(alias="from", description="first day; 30 days before `to` by default")]
Last = Annotated[date | None, Query(alias="to", description="last day, included; today by default")]


def router(services: Services) -> APIRouter:
    """The routes of bills."""
    routes = APIRouter(prefix="/api/v1", tags=["reconciliation"])
    _add_reconciliation(routes, services)
    _add_differences(routes, services)
    return routes


def _add_reconciliation(routes: APIRouter, services: Services) -> None:
    @routes.get("/reconciliation")
    def get_reconciliation(
        first: First = None,
        last: Last = None,
        provider: Annotated[str | None, Query(max_length=100)] = None,
        tz: read.Timezone = "UTC",
    ) -> Response:
        """Booked against billed by day and model, with likely causes; `difference_usd` is billed minus booked.

        Bills are imported by `costspan reconcile import`. Without `provider`, those that have a bill are shown.
        """
        zone = read.timezone(tz)
        until = last or times.at(services.now_ns() // 1000).date()
        since = first or until - timedelta(days=_DEFAULT_DAYS)
        if not timedelta(0) <= until - since <= timedelta(days=_MOST_DAYS):
            raise BadParameter(f"from: {since} to {until} is not a range of up to {_MOST_DAYS} days")
        book = services.prices.current(DEFAULT_PROJECT_ID).pricer.book
        with connect(services.database_url) as connection:
            rows = reconciliation(connection, DEFAULT_PROJECT_ID, book, since, until, provider, zone)
            imports = list_imports(connection, DEFAULT_PROJECT_ID)
        return json_response(
            {
                "from": since.isoformat(),
                "to": until.isoformat(),
                "rows": [row_form(row) for row in rows],
                "totals": totals_form(rows),
                "imports": [
                    {**asdict(each), "first_day": str(each.first_day), "last_day": str(each.last_day)} for each in imports
                ],
            }
        )


def _add_differences(routes: APIRouter, services: Services) -> None:
    @routes.get("/prices/differences")
    def get_differences(
        start: read.From = None,
        to: read.To = None,
        threshold: Annotated[Decimal, Query(ge=0, le=10, description="a share of our figure")] = Decimal("0.01"),
    ) -> Response:
        """Where the provider's own charge (`who` is `provider`) or the emitter's figure (`emitter`) differs from what our
        prices give, by provider, model and UTC day; with the call that differs most, and a likely cause."""
        since, until = read.time_range(start, to, times.at(services.now_ns() // 1000))
        with connect(services.database_url) as connection:
            rows = charge_differences(connection, DEFAULT_PROJECT_ID, since, until, threshold=threshold)
        return json_response({"from": since, "to": until, "rows": [difference_form(row) for row in rows]})


def row_form(row: Row) -> dict[str, Any]:
    """A row of the reconciliation as plain values."""
    return {
        "day": row.day.isoformat(),
        "provider": row.provider,
        "model": row.model,
        "booked_usd": row.booked.usd,
        "billed_usd": row.billed.usd,
        "difference_usd": row.difference_usd,
        "calls": row.booked.calls,
        "unpriced_calls": row.booked.unpriced_calls,
        "partial_calls": row.booked.partial_calls,
        "estimated_calls": row.booked.estimated_calls,
        "booked_tokens": row.booked.tokens,
        "billed_tokens": row.billed.tokens,
        "causes": [asdict(cause) for cause in row.causes],
    }


def totals_form(rows: list[Row]) -> dict[str, Any]:
    """The sums of the reconciliation."""
    booked, billed = money.total(row.booked.usd for row in rows), money.total(row.billed.usd for row in rows)
    return {
        "booked_usd": booked,
        "billed_usd": billed,
        "difference_usd": money.CONTEXT.subtract(billed, booked),
        "calls": sum(row.booked.calls for row in rows),
        "unpriced_calls": sum(row.booked.unpriced_calls for row in rows),
    }


def difference_form(row: Mapping[str, Any]) -> dict[str, Any]:
    """A difference between our figure and another's as plain values."""
    plain = {name: value for name, value in row.items() if name not in ("smallest_ratio", "largest_ratio", "day")}
    cause = likely_cause(row["smallest_ratio"], row["largest_ratio"], row["who"])
    return {"day": row["day"].isoformat(), **plain, "cause": cause}
