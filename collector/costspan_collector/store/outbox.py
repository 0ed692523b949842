"""The outbox of deliveries: claimed by one worker at a time, every attempt on record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
from psycopg.rows import dict_row

from costspan_collector.filters import parse
from costspan_collector.store.budgets import dimensions_of
from costspan_collector.store.database import Connection
from costspan_collector.store.rollups import spent
from costspan_collector.store.sql import statement

_DRIVER_DIMENSIONS = ("feature", "model", "customer")


@dataclass(frozen=True, slots=True)
class Claim:
    """A delivery that this worker may make until its claim runs out, with the alert it carries."""

    project_id: int
    delivery_id: UUID
    attempts: int
    channel: Mapping[str, Any]
    alert: Mapping[str, Any]


def projects(connection: Connection) -> list[int]:
    """All projects: each statement on the outbox touches one."""
    return [row[0] for row in connection.execute("SELECT project_id FROM project ORDER BY project_id").fetchall()]


def claim(connection: Connection, project_id: int, most: int, for_s: int) -> list[Claim]:
    """Take up to ``most`` due deliveries of a project for ``for_s`` seconds, in a transaction of its own."""
    parameters = {"project_id": project_id, "most": most, "for_s": timedelta(seconds=for_s)}
    with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        claimed: Sequence[Mapping[str, Any]] = cursor.execute(statement("claim_deliveries"), parameters).fetchall()
        alerts = cursor.execute(
            "SELECT * FROM alert WHERE project_id = %s AND alert_id = ANY(%s)",
            (project_id, [row["alert_id"] for row in claimed]),
        ).fetchall()
    by_id = {row["alert_id"]: row for row in alerts}
    return [Claim(project_id, row["delivery_id"], row["attempts"], row["channel"], by_id[row["alert_id"]]) for row in claimed]


def totals_behind(connection: Connection, alert: Mapping[str, Any]) -> dict[str, dict[str | None, Decimal]]:
    """Dollars by feature, model and customer in an alert's period, within its budget's filter."""
    project_id = alert["project_id"]
    row = connection.execute(
        "SELECT filter FROM budget WHERE project_id = %s AND budget_id = %s", (project_id, alert["budget_id"])
    ).fetchone()
    if row is None:
        return {}
    terms = ",".join(part for part in (row[0], alert["scope"]) if part)
    where = parse(terms)
    per_series = spent(connection, project_id, alert["period_start"], alert["period_end"])
    totals: dict[str, dict[str | None, Decimal]] = {name: {} for name in _DRIVER_DIMENSIONS}
    for series_id, dimensions in dimensions_of(connection, project_id, list(per_series)).items():
        if where.matches(dimensions):
            for name in _DRIVER_DIMENSIONS:
                value = getattr(dimensions, name)
                totals[name][value] = totals[name].get(value, Decimal(0)) + per_series[series_id]
    return totals


def set_drivers(connection: Connection, alert: Mapping[str, Any], drivers: Sequence[Mapping[str, Any]]) -> None:
    """Keep what drove an alert. Safe to repeat."""
    connection.execute(
        "UPDATE alert SET drivers = %s WHERE project_id = %s AND alert_id = %s",
        (orjson.dumps(list(drivers)).decode(), alert["project_id"], alert["alert_id"]),
    )


def settle(connection: Connection, claimed: Claim, state: str, outcome: str, at: datetime, next_attempt_at: datetime) -> None:
    """Put an attempt on record and the delivery into ``state``, in a transaction of its own."""
    with connection.transaction():
        connection.execute(statement("record_attempt"), (claimed.project_id, claimed.delivery_id, claimed.attempts, at, outcome))
        connection.execute(
            statement("settle_delivery"),
            {
                "state": state,
                "outcome": outcome,
                "next_attempt_at": next_attempt_at,
                "delivered_at": at if state == "delivered" else None,
                "project_id": claimed.project_id,
                "delivery_id": claimed.delivery_id,
            },
        )
