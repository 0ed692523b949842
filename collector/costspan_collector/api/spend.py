"""GET /api/v1/spend."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response

from costspan import money
from costspan_collector import times
from costspan_collector.analyse.range import INTERVALS, Range, answer_range
from costspan_collector.api import parameters as read
from costspan_collector.api.json import json_response
from costspan_collector.book.measures import MEASURES
from costspan_collector.services import DEFAULT_PROJECT_ID, Services
from costspan_collector.store.spend import spend


def router(services: Services) -> APIRouter:
    """The route of spend."""
    routes = APIRouter(prefix="/api/v1", tags=["spend"])

    @routes.get("/spend")
    def get_spend(
        start: read.From = None,
        to: read.To = None,
        group_by: Annotated[str, Query(max_length=200, description="dimensions, separated by commas")] = "",
        interval: Annotated[str | None, Query(description=f"one of {', '.join(INTERVALS)}")] = None,
        tz: read.Timezone = "UTC",
        filter_text: read.FilterText = "",
    ) -> Response:
        """Calls, tokens and cost by any dimensions and interval.

        Amounts are decimal strings. `cost_usd` is the known part; the `*_calls` columns say how many calls stand behind it in
        which cost state. The range is widened to whole minutes (up to two days) or quarter-hours; the answer says to what.
        """
        since, until = read.time_range(start, to, times.at(services.now_ns() // 1000))
        within = answer_range(since, until, read.choice("interval", interval, INTERVALS))
        names = read.dimensions(group_by)
        zone = read.timezone(tz)
        where = read.filter_of(filter_text)
        options: dict[str, Any] = {"timezone": zone, "where": where}
        rows = spend(services.engine, DEFAULT_PROJECT_ID, within, group_by=names, interval=interval, **options)
        return json_response(_spend_answer(within, interval, zone, names, rows))

    return routes


def _spend_answer(
    within: Range, interval: str | None, zone: str, names: Sequence[str], rows: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    keys = (["time"] if interval else []) + list(names)
    return {
        "from": within.start,
        "to": within.end,
        "interval": interval,
        "timezone": zone,
        "rows": [{**{key: row[key] for key in keys}, **_measures(row)} for row in rows],
        "totals": _measures(
            {
                name: money.total(row[name] for row in rows) if name == "cost_usd" else sum(row[name] for row in rows)
                for name in MEASURES
            }
        ),
    }


def _measures(row: Mapping[str, Any]) -> dict[str, Any]:
    measures = {name: row[name] if name == "cost_usd" else int(row[name]) for name in MEASURES if name != "duration_us"}
    measures["duration_ms_sum"] = Decimal(row["duration_us"]) / 1000
    return measures
