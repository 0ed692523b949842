"""Delivery: a bounded queue and one thread that ships it. Nothing on the request path waits for it.

Once an attempt has failed, what waits goes to a spool on disk, and from there, oldest first, to the collector.
``queue.SimpleQueue`` carries everything because its ``put`` may be called from a destructor
(https://docs.python.org/3/library/queue.html#simplequeue-objects), which is where abandoned streams end.
"""

import math
import threading
import time
from contextlib import suppress
from queue import Empty, SimpleQueue

from costspan._backlog import Backlog, Pending
from costspan._entries import Entry, Flush, LateItems, batches_of, items_of
from costspan._export import Item, Outcome, Sender
from costspan._guard import Counters, guard
from costspan._retry import Retry
from costspan._settings import Settings

_SHIP_AFTER_S = 0.2
_LARGEST_BATCH = 500
# How long what ends while the collector is away may be in memory only.
_PUT_AWAY_AFTER_S = 1.0
_LOOK_FOR_ORPHANS_EVERY_S = 60.0
# The longest wait, at the end, for a delivery thread that does not let go.
_LET_GO_TIMEOUT_S = 2.0


class Delivery:
    """Takes ended spans and labels and gets them to the collector, or counts what had to be dropped and why."""

    def __init__(self, settings: Settings) -> None:
        self.configure(settings)
        self._start_afresh()

    def _start_afresh(self) -> None:
        self.sent = Counters()
        self.dropped = Counters()
        self._queue: SimpleQueue[Entry] = SimpleQueue()
        # Wakes the thread; True if it is not to wait for more.
        self._wake: SimpleQueue[bool] = SimpleQueue()
        self._is_idle = False
        self._thread: threading.Thread | None = None
        self._starting = threading.RLock()
        # Held by whoever moves items from the queue to the backlog, or in it: not while the network is waited for.
        self._moving = threading.Lock()
        self._backlog = Backlog(self.dropped)
        self._marks: list[Flush] = []
        self._sender: Sender | None = None
        self._settings_in_use: Settings | None = None
        self._retry = Retry()
        self._look_for_orphans_at = 0.0
        self.last_problem = ""

    def after_fork(self) -> None:
        """In a forked child: an empty queue and no thread. What waited is the parent's to deliver."""
        self._start_afresh()

    def configure(self, settings: Settings) -> None:
        """New settings, from the next request on."""
        self._settings = settings
        # When the thread is not to wait for more: a small queue would be full before a batch is.
        self._enough = min(_LARGEST_BATCH, (settings.queue_size + 1) // 2)

    @property
    def queued(self) -> int:
        """How many spans and labels wait in memory."""
        return self._queue.qsize() + self._backlog.count

    @property
    def spooled(self) -> int:
        """How many spans and labels wait on disk for this process to send them."""
        return self._backlog.spooled

    def put(self, item: Item | LateItems, *, may_start: bool = True) -> None:
        """Queue ``item``, or what makes some in the delivery thread; drop and count it if the queue is full.

        Never waits. With ``may_start=False`` it is safe in a destructor too: it starts no thread.
        """
        if self.queued >= self._settings.queue_size:
            self.dropped.add(self._backlog.refusal or "queue_full")
            return
        self._queue.put(item)
        if may_start:
            self.start()
        is_enough = self._queue.qsize() == self._enough
        if self._is_idle or is_enough:
            self._is_idle = False
            self._wake.put(is_enough)

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
        """Ship what is queued or spooled now. True once the collector has taken (or for good refused) all of it."""
        return self._ship_until_empty(Flush(), timeout_s)

    def stop(self, timeout_s: float) -> bool:
        """``flush``, then end the thread. A later ``put`` starts a new one.

        What the collector has not taken in time is put on disk, and the thread goes on trying.
        """
        is_done = self._ship_until_empty(Flush(is_last=True), timeout_s)
        if not is_done:
            self._put_everything_away()
        return is_done

    def close(self, timeout_s: float) -> None:
        """``stop``, for good: what is neither sent nor on disk by then is dropped and counted."""
        if not self.stop(timeout_s) and (lost := self.queued):
            self.dropped.add(self._backlog.refusal or "process_exit", lost)

    def _ship_until_empty(self, mark: Flush, timeout_s: float) -> bool:
        if not self.queued and self._thread is None:
            return True
        deadline = time.monotonic() + timeout_s
        self._queue.put(mark)
        self._wake.put(True)
        if self.start():
            return mark.done.wait(timeout_s)
        while not mark.done.is_set() and time.monotonic() < deadline:
            with guard:
                self._work()
            time.sleep(0.01)
        return mark.done.is_set()

    def _put_everything_away(self) -> None:
        """Done by the caller, because the thread may be waiting for the network, with a batch in its hands."""
        if not self._moving.acquire(timeout=_LET_GO_TIMEOUT_S):
            return
        try:
            with guard:
                if self._settings_in_use is None:
                    self._use_settings()
                self._take_in(everything=True)
                self._put_away()
        finally:
            self._moving.release()

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
        if self._backlog:
            wait_s = min(self._retry.wait_s, _PUT_AWAY_AFTER_S if self._backlog.has_spool else math.inf)
        else:
            self._is_idle = True
            is_urgent = not self._queue.qsize() and self._wake.get()
            self._is_idle = False
            wait_s = 0.0 if is_urgent or self._queue.qsize() >= self._enough else _SHIP_AFTER_S
        try:
            self._wake.get(timeout=wait_s)
            while True:
                self._wake.get_nowait()
        except Empty:
            return

    def _work(self) -> bool:
        """Ship all that waits, or as much as the collector takes. True if the thread was asked to end."""
        while True:
            with self._moving:
                self._use_settings()
                if self._retry.is_away or not self._backlog or self._queue.qsize() >= self._enough:
                    self._take_in(everything=self._retry.is_away)
                if not self._backlog:
                    is_last = self._tell_who_waits()
                    if is_last or not self._queue.qsize():
                        return is_last
            if not self._ship_first():
                return False

    def _take_in(self, *, everything: bool) -> None:
        """Move a batch, or everything, from the queue to the backlog; to the disk if the collector is away."""
        # As many as there are now: more may come as fast as they are written, one by one, and no attempt would be made.
        left = self._queue.qsize() if everything else min(self._queue.qsize(), _LARGEST_BATCH)
        while left > 0:
            entries: list[Entry] = []
            with suppress(Empty):
                while len(entries) < min(left, _LARGEST_BATCH):
                    entries.append(self._queue.get_nowait())
                    self._backlog.hold(1)
            left -= max(len(entries), 1)
            marks = [entry for entry in entries if isinstance(entry, Flush)]
            if marks:
                self._retry.hurry()
            self._marks += marks
            batches = batches_of(items_of(entries), self.dropped)
            self._backlog.hold(sum(batch.count for batch in batches) - len(entries))
            for batch in batches:
                self._backlog.add(batch)
        if self._retry.is_away:
            self._put_away()

    def _put_away(self, problem: str = "") -> None:
        self._backlog.put_away()
        self.last_problem = self._backlog.refusal or problem or self.last_problem

    def _tell_who_waits(self) -> bool:
        """Tell those who wait for a flush that all is shipped. True if one of them wants the thread to end."""
        is_last = any(mark.is_last for mark in self._marks)
        if is_last:
            # Given up before anybody is told, so that whoever puts next starts a thread of its own.
            self._thread = None
        for mark in self._marks:
            mark.done.set()
        self._marks = []
        return is_last

    def _ship_first(self) -> bool:
        """Send the oldest batch. False if nothing may be sent for the moment."""
        outcome = Outcome(is_retryable=True, reason="internal_error")
        pending = None
        if self._retry.wait_s:
            return False
        with guard:
            with self._moving:
                first = self._backlog.first()
            if first is None:
                return True
            pending, batch = first
            outcome = self._sender_now().send(batch)
        with self._moving:
            if pending is None or outcome.is_retryable:
                self.sent.add("retries")
                self._retry.failed(outcome)
                self._put_away(outcome.reason)
                return False
            self._settle(pending, batch.path, outcome)
        return True

    def _settle(self, pending: Pending, path: str, outcome: Outcome) -> None:
        was_away = self._retry.is_away
        self._retry.succeeded()
        self._backlog.remove(pending)
        self.sent.add(path, pending.count - outcome.refused)
        if outcome.refused:
            self.last_problem = outcome.reason
            self.dropped.add(outcome.reason, outcome.refused)
        if was_away or time.monotonic() >= self._look_for_orphans_at:
            self._take_over()

    def _take_over(self) -> None:
        self._look_for_orphans_at = time.monotonic() + _LOOK_FOR_ORPHANS_EVERY_S
        self._backlog.take_over()

    def _use_settings(self) -> None:
        if self._settings_in_use is self._settings:
            return
        before, self._settings_in_use = self._settings_in_use, self._settings
        if self._sender is not None:
            self._sender.close()
            self._sender = None
        if before is None or before.spool_of != self._settings.spool_of:
            self._backlog.use(self._settings)
            self._take_over()

    def _sender_now(self) -> Sender:
        if self._sender is None:
            self._sender = Sender(self._settings_in_use or self._settings)
        return self._sender


def _do_not_observe_ourselves() -> None:
    """Keep instrumentations of HTTP clients from recording the export, for as long as this thread lives."""
    from opentelemetry import context

    silent = context.set_value("suppress_instrumentation", True)
    context.attach(context.set_value("suppress_http_instrumentation", True, silent))
