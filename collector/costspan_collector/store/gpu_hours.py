"""Hours of GPUs in Postgres: the calls of an hour, their shares of its bill, and how the bill was split."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from psycopg.rows import dict_row

from costspan_collector.book.correction import Change, Costs
from costspan_collector.book.gpu_hour import HourSplit
from costspan_collector.book.stored import PRICED_COLUMNS
from costspan_collector.store.calls import COST_COLUMNS
from costspan_collector.store.database import Connection
from costspan_collector.store.rerate_calls import change
from costspan_collector.store.self_hosted import Bill, Deployment, StoredCard

HOUR = timedelta(hours=1)
# Of the rows of ``calls_of``: what ``stored_call`` reads, then the series and the costs.
SERIES = len(PRICED_COLUMNS)
_COLUMNS = ", ".join((*PRICED_COLUMNS, "series_id", *COST_COLUMNS))


def calls_of(connection: Connection, project_id: int, series_ids: Sequence[int], hour: datetime) -> list[tuple[Any, ...]]:
    """The calls of these series that start in the hour, in the order of their keys."""
    query = (
        f"SELECT {_COLUMNS} FROM call WHERE project_id = %s AND start_time >= %s AND start_time < %s AND series_id = ANY(%s) "
        "ORDER BY start_time, trace_id, span_id"
    )
    return connection.execute(query, (project_id, hour, hour + HOUR, list(series_ids)), binary=True).fetchall()


def share(connection: Connection, project_id: int, changes: Sequence[Change], *, keep: bool) -> int:
    """Give the staged calls their new costs and return how many that were, under the writer lock.

    ``keep``: what they cost by their price is kept, if it is not already.
    """
    values = {"project_id": project_id, "first": changes[0].start_time, "last": changes[-1].start_time, "keep": keep}
    return change(connection, "share_calls", values)


def prices_of(connection: Connection, project_id: int, hour: datetime) -> dict[tuple[datetime, bytes, bytes], Costs]:
    """By key what the calls of the hour that have a share cost by their price."""
    rows: Any = connection.execute(
        f"SELECT start_time, trace_id, span_id, {', '.join(COST_COLUMNS)} FROM gpu_hour_call "
        "WHERE project_id = %s AND start_time >= %s AND start_time < %s",
        (project_id, hour, hour + HOUR),
        binary=True,
    ).fetchall()
    return {(start, trace, span): Costs(*costs) for start, trace, span, *costs in rows}


def forget_prices(connection: Connection, project_id: int, keys: Iterable[tuple[datetime, bytes, bytes]]) -> None:
    """Forget what calls cost by their price: they have it again."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "DELETE FROM gpu_hour_call WHERE project_id = %s AND start_time = %s AND trace_id = %s AND span_id = %s",
            [(project_id, *key) for key in keys],
        )


def record_hour(
    connection: Connection,
    project_id: int,
    deployment: Deployment,
    bill: Bill,
    card: StoredCard,
    split: HourSplit,
    standard_usd: Any,
) -> None:
    """Put the split of a bill on record; the older one of the hour is superseded, under the writer lock."""
    supersede_hour(connection, project_id, deployment, bill.hour)
    connection.execute(
        "INSERT INTO gpu_hour (project_id, gpu_hour_id, provider, model, hour, bill_id, card_id, billed_usd, busy_usd, idle_usd, "
        "standard_usd, calls, used_tokens, capacity_tokens, recorded_at) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, now())",
        (
            *(project_id, uuid4(), *deployment, bill.hour, bill.bill_id, card.card_id),
            *(bill.usd, split.busy_usd, split.idle_usd, standard_usd),
            *(sum(cost is not None for cost in split.costs), split.used, split.capacity),
        ),
    )


def supersede_hour(connection: Connection, project_id: int, deployment: Deployment, hour: datetime) -> None:
    """End the split of the hour that holds, if there is one."""
    connection.execute(
        "UPDATE gpu_hour SET superseded_at = now() "
        "WHERE project_id = %s AND provider = %s AND model = %s AND hour = %s AND superseded_at IS NULL",
        (project_id, *deployment, hour),
    )


def list_hours(connection: Connection, project_id: int, start: datetime, end: datetime) -> list[dict[str, Any]]:
    """How the bills of hours from ``start`` to before ``end`` were split."""
    query = (
        "SELECT provider, model, hour, billed_usd, busy_usd, idle_usd, standard_usd, calls, used_tokens, capacity_tokens, "
        "recorded_at FROM gpu_hour WHERE project_id = %s AND hour >= %s AND hour < %s AND superseded_at IS NULL "
        "ORDER BY hour, provider, model"
    )
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, (project_id, start, end)).fetchall()
