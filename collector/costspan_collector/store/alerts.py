"""Alerts into Postgres, with the deliveries that they make."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import orjson

from costspan import money
from costspan_collector.budgets.budget import Budget, StandingKey
from costspan_collector.budgets.decide import Correction, Crossing, crossings, recoveries
from costspan_collector.store.database import Connection
from costspan_collector.store.sql import statement


def write_alerts(
    connection: Connection,
    project_id: int,
    budgets: Mapping[UUID, Budget],
    standings: Mapping[StandingKey, Decimal],
    now: datetime,
    correction: Correction | None = None,
) -> int:
    """Write an alert, with its deliveries, for each threshold newly reached; return how many. Safe to repeat.

    ``correction`` is what moved the standings, where that was no new spend.
    """
    written = 0
    for key, total in standings.items():
        budget = budgets[key.budget_id]
        if total < money.CONTEXT.multiply(budget.thresholds[0], budget.amount_usd):
            continue
        found = crossings(budget, key, total, _alerted(connection, project_id, key), correction)
        written += _write(connection, project_id, budget, key, total, found, now, correction)
    return written


def withdraw_alerts(
    connection: Connection,
    project_id: int,
    budgets: Iterable[Budget],
    start: datetime,
    end: datetime,
    now: datetime,
    correction: Correction,
) -> int:
    """Write a notice for each alerted threshold that a standing is below again after ``correction``; return how many.

    Of the periods that overlap ``start`` to ``end``. The alert stays on record, marked as withdrawn, so that the threshold can
    be crossed and alerted again. Safe to repeat.
    """
    written = 0
    for budget in budgets:
        rows: Sequence[Any] = connection.execute(
            statement("alerted_standings"),
            {"project_id": project_id, "budget_id": budget.budget_id, "start": start, "end": end},
        ).fetchall()
        for scope, period_start, period_end, total, alerted in rows:
            key = StandingKey(budget.budget_id, scope, period_start, period_end)
            found = recoveries(budget, key, total, alerted, correction)
            connection.execute(
                statement("withdraw_alerts"),
                {
                    "rerate_id": correction.rerate_id,
                    "project_id": project_id,
                    "budget_id": budget.budget_id,
                    "scope": scope,
                    "period_start": period_start,
                    "thresholds": [crossing.threshold for crossing in found],
                },
            )
            written += _write(connection, project_id, budget, key, total, found, now, correction)
    return written


def _alerted(connection: Connection, project_id: int, key: StandingKey) -> set[Decimal]:
    known: Sequence[Any] = connection.execute(
        "SELECT threshold FROM alert WHERE project_id = %s AND budget_id = %s AND scope = %s AND period_start = %s "
        "AND withdrawn_by IS NULL AND state <> 'recovered'",
        (project_id, key.budget_id, key.scope, key.period_start),
    ).fetchall()
    return {threshold for (threshold,) in known}


def _write(
    connection: Connection,
    project_id: int,
    budget: Budget,
    key: StandingKey,
    total: Decimal,
    found: Sequence[Crossing],
    now: datetime,
    correction: Correction | None,
) -> int:
    written = 0
    for order, crossing in enumerate(found):
        alert_id = uuid4()
        inserted = connection.execute(
            statement("insert_alert"),
            {
                "project_id": project_id,
                "alert_id": alert_id,
                "budget_id": key.budget_id,
                "budget_name": budget.name,
                "scope": key.scope,
                "threshold": crossing.threshold,
                "period_start": key.period_start,
                "period_end": key.period_end,
                "spent_usd": total,
                "amount_usd": budget.amount_usd,
                "state": crossing.state,
                "reason": crossing.reason,
                "rerate_id": correction.rerate_id if correction is not None else None,
                # of those of one batch, the one that says where the standing is now is the newest
                "created_at": now + timedelta(microseconds=order),
            },
        )
        if inserted.rowcount:
            _deliver(connection, project_id, budget, alert_id, now)
        written += inserted.rowcount
    return written


def _deliver(connection: Connection, project_id: int, budget: Budget, alert_id: UUID, now: datetime) -> None:
    for channel in budget.channels:
        connection.execute(
            statement("insert_delivery"), (project_id, uuid4(), alert_id, orjson.dumps(dict(channel)).decode(), now)
        )
