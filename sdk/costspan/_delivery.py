"""Delivery: a bounded queue and one thread that ships it. Nothing on the request path waits for it.

``queue.SimpleQueue`` carries everything because its ``put`` may be called from a destructor
(https://docs.python.org/3/library/queue.html#simplequeue-objects), which is where abandoned streams end.
"""

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue

from opentelemetry.sdk.trace import ReadableSpan

from costspan._export import Batch, Item, LabelEvent, Outcome, Sender, encode
from costspan._guard import Counters, guard
from costspan._settings import Settings

LateItems = Callable[[], Sequence[Item]]

_SHIP_AFTER_S = 0.2
_LARGEST_BATCH = 500
_FIRST_BACKOFF_S = 0.5
_LONGEST_BACKOFF_S = 30.0


class Flush:
    """A mark in the queue: ``done`` is set once everything before it has left."""

    __slots__ = ("done", "is_last")

    def __init__(self, *, is_last: bool = False) -> None:
        self.done = threading.Event()
        self.is_last = is_last


class Backlog:
    """Encoded batches that the collector has not taken yet, oldest first. Used by the delivery thread only."""

    def __init__(self) -> None:
        self._batches: deque[Batch] = deque()
        self.count = 0

    def add(self, batch: Batch) -> None:
        self._batches.append(batch)
        self.count += batch.count

    def first(self) -> Batch | None:
        return self._batches[0] if self._batches else None

    def remove_first(self) -> None:
        self.count -= self._batches.popleft().count


class Delivery:
    """Takes ended spans and labels and gets them to the collector, or counts what had to be dropped and why."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._start_afresh()

    def _start_afresh(self) -> None:
        self.sent = Counters()
        self.dropped = Counters()
        self._queue: SimpleQueue[Item | LateItems | Flush] = SimpleQueue()
        self._wake: SimpleQueue[None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._starting = threading.RLock()
        self._backlog = Backlog()
        self._taken: list[Item | LateItems | Flush] = []
        self._marks: list[Flush] = []
        self._sender: Sender | None = None
        self._sender_settings: Settings | None = None
        self._failures = 0
        self._not_before = 0.0
        self._told_to_wait = False
        self.last_problem = ""

    def after_fork(self) -> None:
        """In a forked child: an empty queue and no thread. What waited is the parent's to deliver."""
        self._start_afresh()

    def configure(self, settings: Settings) -> None:
        """New settings, from the next request on."""
        self._settings = settings

    @property
    def queued(self) -> int:
        """How many spans and labels wait for the collector."""
        return self._queue.qsize() + len(self._taken) + self._backlog.count

    def put(self, item: Item | LateItems, *, may_start: bool = True) -> None:
        """Queue ``item``, or the function that makes some in the delivery thread; drop and count it if the queue is full.

        Never waits. With ``may_start=False`` it is safe in a destructor too: it starts no thread.
        """
        if self.queued >= self._settings.queue_size:
            self.dropped.add("queue_full")
            return
        self._queue.put(item)
        if may_start:
            self.start()
        if self._queue.qsize() == _LARGEST_BATCH:
            self._wake.put(None)

    def start(self) -> bool:
        """Start the thread unless it runs. False if that is no longer possible because the process is ending."""
        if self._thread is not None and self._thread.is_alive():
            return True
        with self._starting:
            if self._thread is None or not self._thread.is_alive():
                thread = threading.Thread(target=self._run, name="costspan-delivery", daemon=True)
                try:
                    thread.start()
                except RuntimeError:
                    return False
                self._thread = thread
        return True

    def flush(self, timeout_s: float) -> bool:
        """Ship what is queued now. True once the collector has taken (or for good refused) all of it."""
        return self._ship_until_empty(Flush(), timeout_s)

    def stop(self, timeout_s: float) -> bool:
        """``flush``, then end the thread. A later ``put`` starts a new one."""
        return self._ship_until_empty(Flush(is_last=True), timeout_s)

    def _ship_until_empty(self, mark: Flush, timeout_s: float) -> bool:
        if not self.queued and self._thread is None:
            return True
        deadline = time.monotonic() + timeout_s
        self._queue.put(mark)
        self._wake.put(None)
        if self.start():
            return mark.done.wait(timeout_s)
        while not mark.done.is_set() and time.monotonic() < deadline:
            self._work()
            time.sleep(0.01)
        return mark.done.is_set()

    def _run(self) -> None:
        with guard:
            _do_not_observe_ourselves()
        thread = threading.current_thread()
        is_last = False
        while not is_last and self._thread in (None, thread):
            self._wait()
            with guard:
                is_last = self._work()
        if self._queue.qsize():
            self.start()

    def _wait(self) -> None:
        """Return when there is something to do: a batch is due, a retry is due, or somebody asked."""
        if self._backlog.count:
            wait_s = self._not_before - time.monotonic()
        else:
            self._taken.append(self._queue.get())
            wait_s = _SHIP_AFTER_S if self._queue.qsize() < _LARGEST_BATCH else 0.0
        try:
            self._wake.get(timeout=max(wait_s, 0.0))
            while True:
                self._wake.get_nowait()
        except Empty:
            return

    def _work(self) -> bool:
        """Ship all that is queued, or as much as the collector takes. True if the thread was asked to end."""
        is_last = False
        while not is_last and (self._taken or self._backlog.count or self._queue.qsize()):
            items, marks = self._take()
            if marks and not self._told_to_wait:
                self._not_before = 0.0
            self._marks += marks
            for batch in self._encoded(items):
                self._backlog.add(batch)
            self._ship()
            if self._backlog.count:
                return False
            is_last = any(mark.is_last for mark in self._marks)
            if is_last:
                # Given up before anybody is told, so that whoever puts next starts a thread of its own.
                self._thread = None
            for mark in self._marks:
                mark.done.set()
            self._marks = []
        return is_last

    def _take(self) -> tuple[list[Item], list[Flush]]:
        entries, self._taken = self._taken, []
        with suppress(Empty):
            while len(entries) < _LARGEST_BATCH:
                entries.append(self._queue.get_nowait())
        items: list[Item] = []
        for entry in entries:
            if isinstance(entry, (ReadableSpan, LabelEvent)):
                items.append(entry)
            elif not isinstance(entry, Flush):
                with guard:
                    items.extend(entry())
        return items, [entry for entry in entries if isinstance(entry, Flush)]

    def _encoded(self, items: list[Item]) -> list[Batch]:
        with guard:
            return encode(items)
        if len(items) == 1:
            self.dropped.add("not_encodable")
            return []
        # One item spoils the batch: each goes alone, so that only the guilty one is dropped.
        return [batch for item in items for batch in self._encoded([item])]

    def _ship(self) -> None:
        while (batch := self._backlog.first()) is not None:
            if time.monotonic() < self._not_before:
                return
            outcome = Outcome(is_retryable=True, reason="internal_error")
            with guard:
                outcome = self._sender_now().send(batch)
            if outcome.is_retryable:
                self._back_off(outcome)
                return
            self._failures, self._not_before, self._told_to_wait = 0, 0.0, False
            self._backlog.remove_first()
            self.sent.add(batch.path, batch.count - outcome.refused)
            if outcome.refused:
                self.last_problem = outcome.reason
                self.dropped.add(outcome.reason, outcome.refused)

    def _sender_now(self) -> Sender:
        if self._sender is None or self._sender_settings is not self._settings:
            if self._sender is not None:
                self._sender.close()
            self._sender_settings = self._settings
            self._sender = Sender(self._settings)
        return self._sender

    def _back_off(self, outcome: Outcome) -> None:
        self.sent.add("retries")
        self.last_problem = outcome.reason
        jitter = random.uniform(0.5, 1.0)  # noqa: S311 - spreads retries, guards nothing
        wait_s = min(_FIRST_BACKOFF_S * 2**self._failures, _LONGEST_BACKOFF_S) * jitter
        self._failures = min(self._failures + 1, 10)
        self._told_to_wait = outcome.retry_after_s is not None
        self._not_before = time.monotonic() + (wait_s if outcome.retry_after_s is None else outcome.retry_after_s)


def _do_not_observe_ourselves() -> None:
    """Keep instrumentations of HTTP clients from recording the export, for as long as this thread lives."""
    from opentelemetry import context

    silent = context.set_value("suppress_instrumentation", True)
    context.attach(context.set_value("suppress_http_instrumentation", True, silent))
