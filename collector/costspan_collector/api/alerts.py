"""GET /api/v1/alerts."""

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import Response

from costspan_collector.api.json import json_response
from costspan_collector.api.problems import BadParameter
from costspan_collector.notify.message import alert_facts
from costspan_collector.services import DEFAULT_PROJECT_ID, Services
from costspan_collector.store.standings import list_alerts


def router(services: Services) -> APIRouter:
    """The route of alerts."""
    routes = APIRouter(prefix="/api/v1", tags=["alerts"])

    @routes.get("/alerts")
    def get_alerts(
        limit: Annotated[int, Query(ge=1, le=1000)] = 50,
        cursor: Annotated[str | None, Query(max_length=200, description="`next` of the page before")] = None,
    ) -> Response:
        """Alerts, newest first, with what drove them and how their delivery stands."""
        rows = list_alerts(services.engine, DEFAULT_PROJECT_ID, _place(cursor) if cursor else None, limit + 1)
        page = rows[:limit]
        more = _cursor(page[-1][0]) if len(rows) > limit else None
        return json_response({"rows": [_alert(*row) for row in page], "next": more})

    return routes


def _alert(row: Mapping[str, Any], deliveries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        **alert_facts(row),
        "deliveries": [
            {
                "channel": f"{delivery['channel']['type']} {delivery['channel']['url']}",
                "state": delivery["state"],
                "attempts": delivery["attempts"],
                "last_outcome": delivery["last_outcome"],
                "delivered_at": delivery["delivered_at"],
            }
            for delivery in deliveries
        ],
    }


def _cursor(row: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(f"{row['created_at'].isoformat()} {row['alert_id']}".encode()).decode()


def _place(cursor: str) -> tuple[datetime, UUID]:
    try:
        created_at, alert_id = base64.urlsafe_b64decode(cursor).decode().rsplit(" ", 1)
        return datetime.fromisoformat(created_at), UUID(alert_id)
    except ValueError:
        raise BadParameter(f"cursor: {cursor!r} is not one that this API gave; pass `next` of the page before") from None
