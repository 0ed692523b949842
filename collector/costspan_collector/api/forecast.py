"""GET /api/v1/forecast."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from costspan_collector import times
from costspan_collector.analyse.forecast import forecast
from costspan_collector.analyse.range import answer_range
from costspan_collector.api import parameters as read
from costspan_collector.api.json import json_response
from costspan_collector.budgets.period import PERIODS, period_bounds
from costspan_collector.services import DEFAULT_PROJECT_ID, Services
from costspan_collector.store.spend import spend


def router(services: Services) -> APIRouter:
    """The route of forecasts."""
    routes = APIRouter(prefix="/api/v1", tags=["spend"])

    @routes.get("/forecast")
    def get_forecast(
        period: Annotated[str, Query(description=f"one of {', '.join(PERIODS)}")] = "month",
        tz: read.Timezone = "UTC",
        filter_text: read.FilterText = "",
    ) -> Response:
        """What the period will have cost at its end, or why that cannot be said."""
        zone = read.timezone(tz)
        kind = read.choice("period", period, PERIODS) or "month"
        at = times.at(services.now_ns() // 1000)
        start, end = period_bounds(kind, zone, at)
        where = read.filter_of(filter_text)
        so_far = answer_range(start, max(at, start + timedelta(minutes=1)), "1h")
        hours = spend(services.engine, DEFAULT_PROJECT_ID, so_far, interval="1h", where=where)
        result = forecast([(row["time"], row["cost_usd"]) for row in hours], end, at)
        return json_response(
            {
                "period": kind,
                "period_start": start,
                "period_end": end,
                "spent_usd": result.spent_usd,
                "forecast_usd": result.forecast_usd,
                "method": result.method,
                "reason": result.reason,
            }
        )

    return routes
