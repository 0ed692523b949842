"""Labels in Postgres: the newest per call, name and judge; the call's verdict follows."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from costspan_collector import times
from costspan_collector.book.measures import Measures, label_measures
from costspan_collector.call import Label, response_key, span_key
from costspan_collector.store.database import Connection
from costspan_collector.store.sql import statement


@dataclass(frozen=True, slots=True)
class LabelledCall:
    """The booked call that a label key names."""

    key: UUID
    start_time: datetime
    trace_id: bytes
    span_id: bytes
    series_id: int
    correct: bool | None


def keep(connection: Connection, project_id: int, labels: Iterable[Label]) -> set[UUID]:
    """Write labels, the newer of two winning, and return their keys. A label whose call is unknown waits. Safe to repeat."""
    newest: dict[tuple[bytes, str, str], Label] = {}
    for label in labels:
        identity = (label.key, label.name, label.by)
        known = newest.get(identity)
        if known is None or known.observed_time_ns <= label.observed_time_ns:
            newest[identity] = label
    with connection.cursor() as cursor:
        cursor.executemany(
            statement("upsert_label"),
            [
                (project_id, UUID(bytes=key), name, by, times.at(label.observed_time_ns // 1000), label.value, label.category)
                for (key, name, by), label in sorted(newest.items())
            ],
        )
    return {UUID(bytes=key) for key, _, _ in newest}


def waiting(connection: Connection, project_id: int, keys: Collection[UUID]) -> set[UUID]:
    """Which of ``keys`` have labels that wait for their call."""
    found = connection.execute(
        "SELECT DISTINCT key FROM label WHERE project_id = %s AND call_start_time IS NULL AND key = ANY(%s)",
        (project_id, list(keys)),
    ).fetchall()
    return {key for (key,) in found}


def settle(connection: Connection, project_id: int, keys: Collection[UUID]) -> list[tuple[int, int, Measures]]:
    """Attach the labels under ``keys`` to calls that are booked and bring those calls' verdicts up to date.

    Returns what changed, for the rollups: (start time in microseconds, series id, measures). Safe to repeat: a verdict that
    stands changes nothing.
    """
    calls = _find_calls(connection, project_id, keys)
    if not calls:
        return []
    _move_to_span_keys(connection, project_id, calls)
    by_span = {UUID(bytes=span_key(call.trace_id, call.span_id)): call for call in calls.values()}
    verdicts = _verdicts(connection, project_id, by_span)
    changed = [(call, verdicts.get(key)) for key, call in sorted(by_span.items()) if verdicts.get(key) != call.correct]
    with connection.cursor() as cursor:
        cursor.executemany(
            statement("set_verdict"),
            [(verdict, project_id, call.start_time, call.trace_id, call.span_id) for call, verdict in changed],
        )
    return [
        (times.microseconds(call.start_time), call.series_id, label_measures(call.correct, verdict)) for call, verdict in changed
    ]


def _find_calls(connection: Connection, project_id: int, keys: Collection[UUID]) -> dict[UUID, LabelledCall]:
    rows: Sequence[Any] = connection.execute(statement("find_calls_by_key"), (project_id, list(keys))).fetchall()
    calls: dict[UUID, LabelledCall] = {}
    for key, start_time, trace_id, span_id, response_id, series_id, correct in rows:
        of_span = key.bytes == span_key(trace_id, span_id)
        of_response = response_id is not None and key.bytes == response_key(response_id)
        if of_span or of_response:
            calls[key] = LabelledCall(key, start_time, trace_id, span_id, series_id, correct)
    return calls


def _move_to_span_keys(connection: Connection, project_id: int, calls: Mapping[UUID, LabelledCall]) -> None:
    places = [
        {
            "project_id": project_id,
            "key": key,
            "span_key": UUID(bytes=span_key(call.trace_id, call.span_id)),
            "start_time": call.start_time,
        }
        for key, call in sorted(calls.items())
    ]
    with connection.cursor() as cursor:
        cursor.executemany(statement("move_labels"), [place for place in places if place["key"] != place["span_key"]])
        cursor.executemany(statement("attach_labels"), [place for place in places if place["key"] == place["span_key"]])


def _verdicts(connection: Connection, project_id: int, keys: Iterable[UUID]) -> dict[UUID, bool]:
    rows: Sequence[Any] = connection.execute(statement("newest_verdicts"), (project_id, list(keys))).fetchall()
    return {key: value >= Decimal("0.5") for key, value in rows}
