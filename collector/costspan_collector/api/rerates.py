"""Re-ratings under /api/v1/rerates: previewed, applied and undone in the background; each is its own audit record."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from costspan import money
from costspan_collector.api import parameters as read
from costspan_collector.api.json import json_response
from costspan_collector.api.problems import BadParameter, Conflict, NotFound
from costspan_collector.call import DIMENSIONS
from costspan_collector.prices.rerate import Refused, Request
from costspan_collector.services import DEFAULT_PROJECT_ID, Services
from costspan_collector.store import rerate_runs as runs
from costspan_collector.store.database import connect
from costspan_collector.store.rerate_groups import groups_of
from costspan_collector.store.rerate_runs import Run

_GROUPS = ("month", *DIMENSIONS)


class RerateRequest(BaseModel):
    """Which calls to re-rate: those that start from `from` to before `to` and pass `filter`."""

    model_config = ConfigDict(extra="forbid")

    start: datetime = Field(alias="from")
    to: datetime
    filter: str = Field("", max_length=4000)
    reason: str = Field("", max_length=1000)
    by: str = Field("", max_length=200)
    apply: bool = False


class UndoRequest(BaseModel):
    """Who undoes, and why."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field("", max_length=1000)
    by: str = Field("", max_length=200)


def router(services: Services) -> APIRouter:
    """The routes of re-ratings."""
    routes = APIRouter(prefix="/api/v1/rerates", tags=["re-rating"])
    _add_reading(routes, services)
    _add_steps(routes, services)
    return routes


def _add_reading(routes: APIRouter, services: Services) -> None:
    @routes.get("")
    def list_rerates(
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
        cursor: Annotated[int | None, Query(ge=1, description="`next` of the page before")] = None,
    ) -> Response:
        """Re-ratings, newest first."""
        with connect(services.database_url) as connection:
            found = runs.newest(connection, DEFAULT_PROJECT_ID, cursor, limit + 1)
        page = found[:limit]
        more = page[-1].rerate_id if len(found) > limit else None
        return json_response({"rows": [run_form(run) for run in page], "next": more})

    @routes.get("/{rerate_id}")
    def get_rerate(
        rerate_id: int,
        group_by: Annotated[
            str, Query(max_length=200, description="month and dimensions, separated by commas")
        ] = "month,feature",
    ) -> Response:
        """One re-rating with its progress, and what it moves by groups."""
        names = tuple(name.strip() for name in group_by.split(",") if name.strip())
        for name in names:
            if name not in _GROUPS or names.count(name) > 1:
                raise BadParameter(f"group_by: {name!r} is not allowed (once); allowed: {', '.join(_GROUPS)}")
        with connect(services.database_url) as connection:
            run = _found(connection, rerate_id)
            groups = groups_of(connection, DEFAULT_PROJECT_ID, rerate_id, names)
        return json_response({**run_form(run), "groups": [group_form(group) for group in groups]})


def _add_steps(routes: APIRouter, services: Services) -> None:
    @routes.post("", status_code=201)
    def open_rerate(request: RerateRequest) -> Response:
        """Open a re-rating and preview it: what would change. With `apply` it is applied at once. Its id tells the progress."""
        since, until = read.time_range(request.start, request.to, request.to)
        read.filter_of(request.filter)
        rerater = services.rerates.rerater(DEFAULT_PROJECT_ID)
        asked = Request(since, until, request.filter, request.reason, request.by)
        try:
            run = rerater.open(asked, to_apply=request.apply)
        except Refused as error:
            raise BadParameter(str(error)) from None
        services.rerates.start(DEFAULT_PROJECT_ID, run.rerate_id, "apply" if request.apply else "preview")
        return json_response(run_form(run), 201)

    @routes.post("/{rerate_id}/apply", status_code=202)
    def apply(rerate_id: int) -> Response:
        """Apply what was previewed, or go on with what was interrupted."""
        with connect(services.database_url) as connection:
            run = _found(connection, rerate_id)
        if run.state not in ("previewed", "applying"):
            raise Conflict(f"re-rating {rerate_id} is {run.state}; only one that is previewed can be applied")
        services.rerates.start(DEFAULT_PROJECT_ID, rerate_id, "apply")
        return json_response(run_form(run), 202)

    @routes.post("/{rerate_id}/undo", status_code=202)
    def undo(rerate_id: int, request: UndoRequest) -> Response:
        """Give every call that it changed the cost that it had before."""
        with connect(services.database_url) as connection:
            run = _found(connection, rerate_id)
        if run.state not in ("applied", "applying", "undoing"):
            raise Conflict(f"re-rating {rerate_id} is {run.state}; only one that was applied can be undone")
        services.rerates.start(DEFAULT_PROJECT_ID, rerate_id, "undo", request.by, request.reason)
        return json_response(run_form(run), 202)


def run_form(run: Run) -> dict[str, Any]:
    """A re-rating as plain values; amounts are decimal strings."""
    plain = {name: value for name, value in asdict(run).items() if name not in ("place", "states", "rerate_id")}
    states = {state: asdict(total) for state, total in run.states.items()}
    moved = money.CONTEXT.subtract(run.after_usd, run.before_usd)
    return {"id": run.rerate_id, **plain, "difference_usd": moved, "states": states}


def group_form(group: dict[str, Any]) -> dict[str, Any]:
    """A group of a re-rating as plain values."""
    month = {"month": group["month"].strftime("%Y-%m")} if "month" in group else {}
    moved = money.CONTEXT.subtract(group["after_usd"], group["before_usd"])
    return {**group, **month, "difference_usd": moved}


def _found(connection: Any, rerate_id: int) -> Run:
    try:
        return runs.find(connection, DEFAULT_PROJECT_ID, rerate_id)
    except LookupError as error:
        raise NotFound(str(error)) from None
