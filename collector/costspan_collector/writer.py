"""Group commit: many requests share one transaction, and each hears of its fate only after the commit."""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

import psycopg
import structlog

from costspan_collector.call import Label, PricedCall
from costspan_collector.errors import Permanent, Retryable
from costspan_collector.ingest import Booked, ProjectCache, book
from costspan_collector.prices.current import PriceBooks, PricesChanged
from costspan_collector.store import calls as call_store
from costspan_collector.store.database import Connection, connect
from costspan_collector.store.partitions import Partitions, day_of

_log = structlog.get_logger("costspan.writer")

# A transaction takes what waits, up to this many calls: beyond it one commit costs little per call.
_LARGEST_GROUP = 4_000


@dataclass(frozen=True, slots=True)
class Batch:
    """One request's calls and labels; ``done`` resolves to None after commit or to the error to answer with."""

    project_id: int
    calls: Sequence[PricedCall]
    labels: Sequence[Label]
    done: "Future[None]"

    @property
    def weight(self) -> int:
        """How much of the queue it takes."""
        return len(self.calls) + len(self.labels) + 1


class Writer:
    """One thread with one connection that books batches; calls that waited while prices changed are priced again by ``prices``.

    ``on_alert`` is called after a commit that wrote alerts.
    """

    def __init__(self, database_url: str, queue_calls: int, prices: PriceBooks, on_alert: Callable[[], None]) -> None:
        self._database_url = database_url
        self._prices = prices
        self._limit = queue_calls
        self._on_alert = on_alert
        self._queue: queue.SimpleQueue[Batch | None] = queue.SimpleQueue()
        self._waiting = 0
        self._lock = threading.Lock()
        self._closed = False
        self._caches: dict[int, ProjectCache] = {}
        self._partitions = Partitions()
        self._connection: Connection | None = None
        self._thread = threading.Thread(target=self._run, name="costspan-writer", daemon=True)

    def start(self) -> None:
        """Begin to book."""
        self._thread.start()

    def is_alive(self) -> bool:
        """Whether it books."""
        return self._thread.is_alive()

    def submit(self, project_id: int, calls: Sequence[PricedCall], labels: Sequence[Label]) -> "Future[None]":
        """Queue a batch. Raises ``Retryable`` when the queue is full or the collector is stopping."""
        batch = Batch(project_id, calls, labels, Future())
        with self._lock:
            if self._closed:
                raise Retryable("the collector is stopping")
            if self._waiting and self._waiting + batch.weight > self._limit:
                raise Retryable(f"{self._waiting} calls wait to be written; at most {self._limit} may")
            self._waiting += batch.weight
            self._queue.put(batch)
        return batch.done

    def stop(self, timeout_s: float) -> bool:
        """Book what was accepted, then end; whether that was done within ``timeout_s``."""
        with self._lock:
            self._closed = True
            self._queue.put(None)
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            group = self._take()
            if group is None:
                break
            for project_id in sorted({batch.project_id for batch in group}):
                self._commit(project_id, [batch for batch in group if batch.project_id == project_id])
            with self._lock:
                self._waiting -= sum(batch.weight for batch in group)
        if self._connection is not None:
            self._connection.close()

    def _take(self) -> list[Batch] | None:
        first = self._queue.get()
        if first is None:
            return None
        group = [first]
        weight = first.weight
        while weight < _LARGEST_GROUP:
            try:
                batch = self._queue.get_nowait()
            except queue.Empty:
                break
            if batch is None:
                self._queue.put(None)
                break
            group.append(batch)
            weight += batch.weight
        return group

    def _commit(self, project_id: int, group: Sequence[Batch]) -> None:
        try:
            booked = self._book(project_id, group)
        except (psycopg.DataError, psycopg.IntegrityError, psycopg.NotSupportedError) as error:
            # The database refuses some data: find the guilty request, so that only that one fails.
            if len(group) == 1:
                _log.warning("batch_refused", project_id=project_id, error=str(error))
                _fail(group, Permanent(f"the database refuses this data: {error}"))
            else:
                for batch in group:
                    self._commit(project_id, [batch])
        except psycopg.Error as error:
            _log.error("database_unavailable", error=str(error))
            self._drop_connection()
            _fail(group, Retryable("the database cannot be written at the moment"))
        except Exception as error:
            _log.exception("writer_failed", project_id=project_id)
            self._drop_connection()
            _fail(group, Retryable(f"the collector failed to write: {type(error).__name__}"))
        else:
            for batch in group:
                batch.done.set_result(None)
            if booked.alerts:
                self._on_alert()

    def _book(self, project_id: int, group: Sequence[Batch]) -> Booked:
        connection = self._connected()
        calls = [priced for batch in group for priced in batch.calls]
        labels = [label for batch in group for label in batch.labels]
        self._partitions.ensure(connection, {day_of(priced.call.start_time_ns // 1000) for priced in calls})
        cache = self._caches.setdefault(project_id, ProjectCache())
        try:
            return book(connection, cache, project_id, calls, labels)
        except PricesChanged as changed:
            prices = self._prices.current(project_id, changed.version)
            return book(connection, cache, project_id, [prices.price(priced.call) for priced in calls], labels)

    def _connected(self) -> Connection:
        if self._connection is None or self._connection.closed:
            self._connection = connect(self._database_url)
            self._connection.autocommit = True
            call_store.prepare(self._connection)
        return self._connection

    def _drop_connection(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        # The next attempt should not hammer a database that is coming back.
        time.sleep(0.1)


def _fail(group: Sequence[Batch], error: Exception) -> None:
    for batch in group:
        batch.done.set_exception(error)
