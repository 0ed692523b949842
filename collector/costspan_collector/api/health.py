"""GET /healthz and /readyz."""

from fastapi import APIRouter
from fastapi.responses import Response

from costspan_collector.api.json import json_response
from costspan_collector.services import Services
from costspan_collector.store.database import UNAVAILABLE


def router(services: Services) -> APIRouter:
    """The routes for those who watch the process."""
    routes = APIRouter(tags=["health"])

    @routes.get("/healthz")
    async def healthz() -> Response:
        """The process answers."""
        return json_response({"status": "ok"})

    @routes.get("/readyz")
    def readyz() -> Response:
        """The process can book: its writer lives and the database answers."""
        if not services.writer.is_alive():
            return json_response({"status": "unavailable", "reason": "the writer has ended"}, 503)
        try:
            with services.engine.connect() as connection:
                connection.exec_driver_sql("SELECT 1")
        except UNAVAILABLE:
            return json_response({"status": "unavailable", "reason": "the database cannot be reached"}, 503)
        return json_response({"status": "ready"})

    return routes
