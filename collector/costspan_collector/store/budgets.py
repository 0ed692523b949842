"""Budgets, standings and alerts in Postgres."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson

from costspan import money
from costspan_collector.budgets.budget import Budget, StandingKey
from costspan_collector.call import DIMENSIONS, Dimensions
from costspan_collector.filters import parse
from costspan_collector.store.database import Connection
from costspan_collector.store.rollups import spent
from costspan_collector.store.sql import statement

_COLUMNS = "budget_id, name, filter, fan_out, period, timezone, amount_usd, thresholds, created_at, channels"


@dataclass(frozen=True, slots=True)
class Versions:
    """The states of a project's budgets and prices, which change under the writer lock only."""

    budgets: int
    prices: int


def lock_writer(connection: Connection, project_id: int) -> int:
    """Take the project's writer lock until the transaction ends and return the version of its budgets."""
    return lock_versions(connection, project_id).budgets


def lock_versions(connection: Connection, project_id: int) -> Versions:
    """Take the project's writer lock until the transaction ends and return what it guards the versions of."""
    row: Any = connection.execute(
        "SELECT budgets_version, price_version FROM project_writer WHERE project_id = %s FOR UPDATE", (project_id,)
    ).fetchone()
    if row is None:
        raise LookupError(f"project {project_id} does not exist")
    return Versions(*row)


def move_price_version(connection: Connection, project_id: int) -> None:
    """Say that the project's prices have changed, under the writer lock."""
    connection.execute("UPDATE project_writer SET price_version = price_version + 1 WHERE project_id = %s", (project_id,))


def load(connection: Connection, project_id: int) -> list[Budget]:
    """All budgets of a project."""
    rows: Sequence[Any] = connection.execute(
        f"SELECT {_COLUMNS} FROM budget WHERE project_id = %s ORDER BY created_at, budget_id", (project_id,)
    ).fetchall()
    return [_budget(row) for row in rows]


def create(connection: Connection, project_id: int, budget: Budget) -> None:
    """Write a budget, under the writer lock. Raises ``psycopg.errors.UniqueViolation`` for a name in use."""
    connection.execute(
        f"INSERT INTO budget (project_id, {_COLUMNS}, kind, action) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 'spend', 'alert')",
        (
            project_id,
            budget.budget_id,
            budget.name,
            budget.filter_text,
            list(budget.fan_out),
            budget.period,
            budget.timezone,
            budget.amount_usd,
            list(budget.thresholds),
            budget.created_at,
            orjson.dumps([dict(channel) for channel in budget.channels]).decode(),
        ),
    )
    _note_change(connection, project_id)


def delete(connection: Connection, project_id: int, budget_id: UUID) -> bool:
    """Remove a budget and its standings, under the writer lock; its alerts stay. Whether there was one."""
    connection.execute("DELETE FROM budget_standing WHERE project_id = %s AND budget_id = %s", (project_id, budget_id))
    found = connection.execute("DELETE FROM budget WHERE project_id = %s AND budget_id = %s", (project_id, budget_id))
    _note_change(connection, project_id)
    return found.rowcount > 0


def seed(connection: Connection, project_id: int, budget: Budget, at: datetime) -> dict[StandingKey, Decimal]:
    """Write the standings of the period that holds ``at`` from the rollups and return them, under the writer lock."""
    start, end = budget.bounds(at)
    found = _from_rollups(connection, project_id, budget, start, end)
    if not budget.fan_out:
        found.setdefault("", money.ZERO)
    standings = {StandingKey(budget.budget_id, scope, start, end): total for scope, total in found.items()}
    for key, total in standings.items():
        connection.execute(statement("set_standing"), (project_id, key.budget_id, key.scope, start, end, total))
    return standings


def add_spend(
    connection: Connection, project_id: int, budgets: Mapping[UUID, Budget], deltas: Mapping[StandingKey, Decimal]
) -> dict[StandingKey, Decimal]:
    """Add ``deltas`` to the standings and return what each has spent now.

    A standing that does not exist yet is counted from the rollups, which hold the deltas already.
    """
    result: dict[StandingKey, Decimal] = {}
    for key in sorted(deltas, key=lambda k: (str(k.budget_id), k.scope, k.period_start)):
        if key in result:
            continue
        row = connection.execute(
            statement("add_to_standing"), (deltas[key], project_id, key.budget_id, key.scope, key.period_start)
        ).fetchone()
        if row is not None:
            result[key] = row[0]
        else:
            result.update(seed(connection, project_id, budgets[key.budget_id], key.period_start))
    return result


def _from_rollups(connection: Connection, project_id: int, budget: Budget, start: datetime, end: datetime) -> dict[str, Decimal]:
    totals: dict[str, Decimal] = {}
    per_series = spent(connection, project_id, start, end)
    for series_id, dimensions in dimensions_of(connection, project_id, list(per_series)).items():
        if budget.filter.matches(dimensions):
            scope = budget.scope(dimensions)
            totals[scope] = money.CONTEXT.add(totals.get(scope, money.ZERO), per_series[series_id])
    return totals


def dimensions_of(connection: Connection, project_id: int, series_ids: Sequence[int]) -> dict[int, Dimensions]:
    """The dimension values of series."""
    rows: Sequence[Any] = connection.execute(
        f"SELECT series_id, {', '.join(DIMENSIONS)}, tags FROM series WHERE project_id = %s AND series_id = ANY(%s)",
        (project_id, list(series_ids)),
    ).fetchall()
    return {series: _dimensions(values, tags) for series, *values, tags in rows}


def all_series(connection: Connection, project_id: int) -> dict[int, Dimensions]:
    """The dimension values of every series of a project."""
    rows: Sequence[Any] = connection.execute(
        f"SELECT series_id, {', '.join(DIMENSIONS)}, tags FROM series WHERE project_id = %s", (project_id,)
    ).fetchall()
    return {series: _dimensions(values, tags) for series, *values, tags in rows}


def _dimensions(values: Sequence[str | None], tags: Mapping[str, str]) -> Dimensions:
    return Dimensions(**dict(zip(DIMENSIONS, values, strict=True)), tags=tuple(sorted(tags.items())))


def _note_change(connection: Connection, project_id: int) -> None:
    connection.execute("UPDATE project_writer SET budgets_version = budgets_version + 1 WHERE project_id = %s", (project_id,))


def _budget(row: Any) -> Budget:
    budget_id, name, filter_text, fan_out, period, timezone, amount, thresholds, created_at, channels = row
    return Budget(
        budget_id=budget_id,
        name=name,
        filter=parse(filter_text),
        filter_text=filter_text,
        fan_out=tuple(fan_out),
        period=period,
        timezone=timezone,
        amount_usd=amount,
        thresholds=tuple(thresholds),
        created_at=created_at,
        channels=tuple(channels),
    )
