"""Standings and alerts for those who ask."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Engine, func, select, tuple_

from costspan import money
from costspan_collector.budgets.budget import Budget
from costspan_collector.store.database import Row, rows
from costspan_collector.store.tables import alert, budget_standing, delivery


@dataclass(frozen=True, slots=True)
class Standing:
    """What one scope of a budget has spent in a period."""

    scope: str
    period_start: datetime
    period_end: datetime
    spent_usd: Decimal


def current_standings(engine: Engine, project_id: int, budget: Budget) -> list[Standing]:
    """The standings of the period that holds the database's present, dearest first; nothing spent is a standing of 0."""
    table = budget_standing
    with engine.connect() as connection:
        now: datetime = connection.execute(select(func.now())).scalar_one()
        start, end = budget.bounds(now)
        found = connection.execute(
            select(table.c.scope, table.c.period_start, table.c.period_end, table.c.spent_usd)
            .where(table.c.project_id == project_id, table.c.budget_id == budget.budget_id, table.c.period_start == start)
            .order_by(table.c.spent_usd.desc(), table.c.scope)
        ).all()
    standings = [Standing(*row) for row in found]
    if not standings and not budget.fan_out:
        standings = [Standing("", start, end, money.ZERO)]
    return standings


def list_alerts(engine: Engine, project_id: int, after: tuple[datetime, UUID] | None, limit: int) -> list[tuple[Row, list[Row]]]:
    """Up to ``limit`` alerts, newest first, each with its deliveries."""
    query = select(alert).where(alert.c.project_id == project_id)
    if after is not None:
        query = query.where(tuple_(alert.c.created_at, alert.c.alert_id) < tuple_(*after))
    with engine.connect() as connection:
        newest = query.order_by(alert.c.created_at.desc(), alert.c.alert_id.desc()).limit(limit)
        alerts = rows(connection.execute(newest))
        deliveries = rows(
            connection.execute(
                select(delivery)
                .where(delivery.c.project_id == project_id, delivery.c.alert_id.in_([row["alert_id"] for row in alerts]))
                .order_by(delivery.c.delivery_id)
            )
        )
    return [(row, [d for d in deliveries if d["alert_id"] == row["alert_id"]]) for row in alerts]
