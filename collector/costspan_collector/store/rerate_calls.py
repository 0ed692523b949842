"""Calls for a re-rating: read in pages by their keys, changed in bounded batches."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from costspan_collector.book.correction import Change, Costs
from costspan_collector.book.stored import PRICED_COLUMNS
from costspan_collector.store.calls import COST_COLUMNS
from costspan_collector.store.copy_text import rows
from costspan_collector.store.database import Connection
from costspan_collector.store.rerate_runs import Place, Run
from costspan_collector.store.sql import statement

# Of the rows of ``pages``: what ``stored_call`` reads, then the series, the costs, and whether the run has changed the call.
SERIES = len(PRICED_COLUMNS)
COSTS = slice(SERIES + 1, SERIES + 1 + len(COST_COLUMNS))
CHANGED = SERIES + 1 + len(COST_COLUMNS)

_COLUMNS = ", ".join((*PRICED_COLUMNS, "series_id", *COST_COLUMNS))
_HAS_CHANGED = (
    "EXISTS (SELECT FROM rerate_change AS kept WHERE kept.project_id = %(project_id)s AND kept.rerate_id = %(rerate_id)s "
    "AND kept.start_time = call.start_time AND kept.trace_id = call.trace_id AND kept.span_id = call.span_id)"
)
_COPY = "COPY rerate_stage FROM STDIN"

Row = tuple[Any, ...]


def prepare(connection: Connection) -> None:
    """Make the session's staging table. Once per connection."""
    connection.execute(statement("create_rerate_stage"))


def pages(
    connection: Connection, project_id: int, run: Run, series_ids: Sequence[int] | None, limit: int
) -> Iterator[Sequence[Row]]:
    """The calls of a run's range in the order of their keys, after its place, at most ``limit`` a page.

    ``series_ids``: only these series. A page never crosses a UTC day, so that it reads one partition and so that what finds
    nothing ends soon.
    """
    query = statement("calls_to_rerate").format(
        columns=_COLUMNS,
        changed=_HAS_CHANGED if run.passes > 1 else "false",
        of_series="" if series_ids is None else "AND series_id = ANY(%(series_ids)s)",
    )
    place = run.place or _before(run.from_time)
    while place.start_time < run.to_time:
        end = min(run.to_time, _next_day(place.start_time))
        parameters = _after(project_id, run, place, limit) | {"start": place.start_time, "end": end, "series_ids": series_ids}
        # a plan made once for any range would not know which partition it reads
        found = connection.execute(query, parameters, prepare=False, binary=True).fetchall()
        if found:
            yield found
        place = Place(*found[-1][:3]) if len(found) == limit else _before(end)


def kept_pages(connection: Connection, project_id: int, run: Run, limit: int) -> Iterator[tuple[Place, list[Change], int]]:
    """What a run changed, to be undone, at most ``limit`` calls a page after the run's place: the last of them, the changes, and
    how many calls have a share of a bill above the cost that the run gave them.

    Left out are calls that are gone, and those whose costs are no longer those that the run gave them.
    """
    query = statement("calls_to_restore")
    place = run.place or _before(run.from_time)
    while found := connection.execute(query, _after(project_id, run, place, limit), prepare=False, binary=True).fetchall():
        place = Place(*found[-1][:3])
        changes, shared = [], 0
        for start_time, trace_id, span_id, given_version, series_id, *costs, beneath_version in found:
            now, before = Costs(*costs[: len(COST_COLUMNS)]), Costs(*costs[len(COST_COLUMNS) :])
            if beneath_version is not None:
                shared += beneath_version == given_version
            elif series_id is not None and now.price_version == given_version:
                changes.append(Change(start_time, trace_id, span_id, series_id, now, before))
        yield place, changes, shared


def restore_beneath_shares(connection: Connection, project_id: int, run: Run, last: Place) -> int:
    """Give what lies beneath shares of a bill the costs again that it had before the run, after the run's place up to ``last``.

    Returns how many calls those are. Under the writer lock.
    """
    upto = dict(zip(("last_time", "last_trace", "last_span"), last, strict=True))
    parameters = _after(project_id, run, run.place or _before(run.from_time), 0) | upto
    return connection.execute(statement("restore_beneath_shares"), parameters, prepare=False).rowcount


def staged(changes: Sequence[Change]) -> bytes:
    """Changes as the body of the COPY that stages them."""
    return rows((c.start_time, c.trace_id, c.span_id, c.series_id, *c.before, *c.after) for c in changes)


def stage(connection: Connection, body: bytes) -> None:
    """Stage changes for this transaction."""
    with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        copy.write(body)


def rewrite(connection: Connection, project_id: int, run: Run, first: datetime, last: datetime) -> int:
    """Give the staged calls, which start from ``first`` to ``last``, their new costs; return how many that were.

    A call whose costs are not those staged as its old ones is left alone. What the calls held is kept, unless the run is being
    undone. Under the writer lock.
    """
    name = "restore_calls" if run.state == "undoing" else "rerate_calls"
    parameters = {"project_id": project_id, "rerate_id": run.rerate_id, "first": first, "last": last}
    return change(connection, name, parameters)


def change(connection: Connection, name: str, parameters: Mapping[str, Any]) -> int:
    """Run the statement ``name``, which is about changing the staged calls, and return how many it changed."""
    query = statement(name).format(change=statement("change_calls"))
    row: Any = connection.execute(query, parameters, prepare=False).fetchone()
    return int(row[0])


def _after(project_id: int, run: Run, place: Place, limit: int) -> dict[str, Any]:
    return {
        "project_id": project_id,
        "rerate_id": run.rerate_id,
        "place_time": place.start_time,
        "place_trace": place.trace_id,
        "place_span": place.span_id,
        "limit": limit,
    }


def _before(time: datetime) -> Place:
    return Place(time, b"", b"")


def _next_day(time: datetime) -> datetime:
    return time.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
