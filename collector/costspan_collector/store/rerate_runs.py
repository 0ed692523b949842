"""Re-ratings in Postgres: the audit row of each, and what it moved by series and month."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

import orjson
from psycopg import sql
from psycopg.rows import dict_row

from costspan import money
from costspan_collector.analyse.range import answer_range
from costspan_collector.book.correction import StateTotal, Tally
from costspan_collector.store.database import Connection, database_now
from costspan_collector.store.sql import statement


class Place(NamedTuple):
    """A call by its key; a pass goes on after it."""

    start_time: datetime
    trace_id: bytes
    span_id: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A re-rating: its audit row."""

    rerate_id: int
    state: str
    from_time: datetime
    to_time: datetime
    filter: str
    reason: str
    created_by: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    price_version: int
    oldest_price_version: int | None
    passes: int
    calls_in_range: int
    calls_looked_at: int
    calls_touched: int
    before_usd: Decimal
    after_usd: Decimal
    states: dict[str, StateTotal]
    place: Place | None
    undone_by: str | None
    undo_reason: str | None
    undo_started_at: datetime | None
    undone_at: datetime | None
    calls_restored: int
    error: str | None


class Busy(Exception):
    """Another process is applying or undoing a re-rating of the project."""


@contextmanager
def exclusively(connection: Connection, project_id: int) -> Iterator[None]:
    """Be the one that changes the project's calls by re-rating; given up with the connection. Raises ``Busy``."""
    key = f"rerate {project_id}"
    row: Any = connection.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", (key,)).fetchone()
    if not row[0]:
        raise Busy("another re-rating of this project is being applied or undone; wait until it is done")
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", (key,))


def create(
    connection: Connection, project_id: int, start: datetime, end: datetime, filter_text: str, reason: str, by: str, version: int
) -> Run:
    """Open a re-rating of the calls that start from ``start`` to before ``end``, under the writer lock."""
    within = answer_range(start, end, "15m")
    counted: Any = connection.execute(
        "SELECT coalesce(sum(calls), 0) FROM rollup_quarter_hour WHERE project_id = %s AND bucket >= %s AND bucket < %s",
        (project_id, within.start, within.end),
    ).fetchone()
    parameters = {
        "project_id": project_id,
        "start": start,
        "end": end,
        "filter": filter_text,
        "reason": reason,
        "by": by,
        "price_version": version,
        "calls_in_range": counted[0],
    }
    row: Any = connection.execute(statement("insert_rerate_run"), parameters).fetchone()
    return find(connection, project_id, row[0])


def find(connection: Connection, project_id: int, rerate_id: int) -> Run:
    """One re-rating. Raises LookupError."""
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(
            "SELECT * FROM rerate_run WHERE project_id = %s AND rerate_id = %s", (project_id, rerate_id)
        ).fetchone()
    if row is None:
        raise LookupError(f"there is no re-rating {rerate_id}")
    return run_of(row)


def newest(connection: Connection, project_id: int, before: int | None, limit: int) -> list[Run]:
    """Up to ``limit`` re-ratings, newest first, of those opened before number ``before``."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            "SELECT * FROM rerate_run WHERE project_id = %s AND (%s::bigint IS NULL OR rerate_id < %s) "
            "ORDER BY rerate_id DESC LIMIT %s",
            (project_id, before, before, limit),
        ).fetchall()
    return [run_of(row) for row in rows]


def unfinished(connection: Connection) -> list[tuple[int, int]]:
    """Project and number of the re-ratings whose applying or undoing has begun and not ended, oldest first."""
    rows: Sequence[Any] = connection.execute(
        "SELECT project_id, rerate_id FROM rerate_run WHERE state IN ('applying', 'undoing') ORDER BY project_id, started_at"
    ).fetchall()
    return [(project_id, rerate_id) for project_id, rerate_id in rows]


def change(connection: Connection, project_id: int, rerate_id: int, **values: Any) -> Run:
    """Set columns of a re-rating and return it."""
    if "states" in values:
        values["states"] = orjson.dumps({state: asdict(total) for state, total in values["states"].items()}, default=str).decode()
    if "place" in values:
        place = values.pop("place") or (None, None, None)
        values |= dict(zip(("place_start_time", "place_trace_id", "place_span_id"), place, strict=True))
    assignments = sql.SQL(", ").join(sql.SQL("{} = %s").format(sql.Identifier(name)) for name in values)
    query = sql.SQL("UPDATE rerate_run SET {} WHERE project_id = %s AND rerate_id = %s RETURNING *").format(assignments)
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(query, (*values.values(), project_id, rerate_id)).fetchone()
    if row is None:
        raise LookupError(f"there is no re-rating {rerate_id}")
    return run_of(row)


def begin(connection: Connection, project_id: int, rerate_id: int) -> Run:
    """Begin to apply what was previewed: what the preview found is counted anew."""
    connection.execute("DELETE FROM rerate_group WHERE project_id = %s AND rerate_id = %s", (project_id, rerate_id))
    zeros = dict.fromkeys(("calls_looked_at", "calls_touched", "before_usd", "after_usd"), 0)
    started_at = database_now(connection)
    return change(connection, project_id, rerate_id, state="applying", started_at=started_at, states={}, **zeros)


def begin_undo(connection: Connection, project_id: int, rerate_id: int, by: str, reason: str) -> Run:
    """Begin to undo."""
    began: dict[str, Any] = {"undone_by": by, "undo_reason": reason, "undo_started_at": database_now(connection)}
    return change(connection, project_id, rerate_id, state="undoing", place=None, error=None, **began)


def start_over(connection: Connection, project_id: int, run: Run, version: int) -> Run:
    """Begin another pass over the range, by the prices of ``version``. What was touched stays counted, what was looked at not."""
    connection.execute("UPDATE rerate_group SET calls = 0 WHERE project_id = %s AND rerate_id = %s", (project_id, run.rerate_id))
    another: dict[str, Any] = {"price_version": version, "passes": run.passes + 1, "calls_looked_at": 0, "place": None}
    return change(connection, project_id, run.rerate_id, **another)


def finish(connection: Connection, project_id: int, run: Run, now: datetime) -> Run:
    """End applying or undoing."""
    if run.state == "undoing":
        return change(connection, project_id, run.rerate_id, state="undone", undone_at=now, place=None, error=None)
    return change(connection, project_id, run.rerate_id, state="applied", finished_at=now, place=None, error=None)


def totals(tally: Tally, run: Run | None = None) -> dict[str, Any]:
    """The columns of ``tally``, on top of what ``run`` holds already."""
    total = tally.total
    sums = Tally(oldest_price_version=run.oldest_price_version if run is not None else None)
    if run is not None:
        sums.add(Tally(states=run.states))
    sums.add(Tally(states=tally.states, oldest_price_version=tally.oldest_price_version))
    return {
        "calls_looked_at": total.calls + (run.calls_looked_at if run is not None else 0),
        "calls_touched": total.touched + (run.calls_touched if run is not None else 0),
        "before_usd": money.CONTEXT.add(total.before_usd, run.before_usd if run is not None else money.ZERO),
        "after_usd": money.CONTEXT.add(total.after_usd, run.after_usd if run is not None else money.ZERO),
        "states": sums.states,
        "oldest_price_version": sums.oldest_price_version,
    }


def add_groups(connection: Connection, project_id: int, rerate_id: int, tally: Tally) -> None:
    """Add what was looked at and touched to the re-rating's groups, in the transaction that touched it."""
    groups = sorted(tally.groups.items())
    connection.execute(
        statement("add_to_rerate_groups"),
        {
            "project_id": project_id,
            "rerate_id": rerate_id,
            "month": [month for (month, _), _ in groups],
            "series_id": [series for (_, series), _ in groups],
            "calls": [group.calls for _, group in groups],
            "touched": [group.touched for _, group in groups],
            "before_usd": [group.before_usd for _, group in groups],
            "after_usd": [group.after_usd for _, group in groups],
        },
    )


def later_rerating(connection: Connection, project_id: int, run: Run) -> int | None:
    """The first re-rating that was begun after ``run``, stands, and changed one of the same calls."""
    row: Any = connection.execute(
        statement("later_rerating"),
        {
            "project_id": project_id,
            "rerate_id": run.rerate_id,
            "started_at": run.started_at,
            "start": run.from_time,
            "end": run.to_time,
        },
    ).fetchone()
    return None if row is None else int(row[0])


def run_of(row: dict[str, Any]) -> Run:
    """The re-rating of a stored row."""
    values = {name: row[name] for name in Run.__dataclass_fields__ if name not in ("place", "states")}
    states = {
        state: StateTotal(total["before_calls"], Decimal(total["before_usd"]), total["after_calls"], Decimal(total["after_usd"]))
        for state, total in row["states"].items()
    }
    place = None
    if row["place_start_time"] is not None:
        place = Place(row["place_start_time"], row["place_trace_id"], row["place_span_id"])
    return Run(**values, states=states, place=place)
