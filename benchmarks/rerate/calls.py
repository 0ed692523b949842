"""Calls of many features and models, booked as the collector books them: all at once, or at a steady rate."""

import os
import random
import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field

from benchmarks.rerate.prices import MODELS, PROJECT_ID
from costspan_collector.call import Call, Dimensions
from costspan_collector.ingest import ProjectCache, book
from costspan_collector.prices.current import PriceBooks
from costspan_collector.store import calls as call_store
from costspan_collector.store.database import connect
from costspan_collector.store.partitions import Partitions, day_of
from costspan_collector.writer import Writer

_GROUP = 4_000
_REQUEST = 100
_NS_PER_DAY = 86_400 * 10**9


def make_call(dice: random.Random, start_ns: int, features: int) -> Call:
    """A call at a time, with random figures."""
    provider, model = dice.choice(MODELS)
    dimensions = Dimensions(
        environment="production",
        service="shop",
        feature=f"feature-{dice.randrange(features)}",
        provider=provider,
        model=model,
        operation="chat",
    )
    usage = {"input": dice.randrange(50, 4000), "cache_read": dice.randrange(0, 4000), "output": dice.randrange(1, 1500)}
    return Call(
        trace_id=os.urandom(16),
        span_id=os.urandom(8),
        start_time_ns=start_ns,
        end_time_ns=start_ns + dice.randrange(10**8, 10**10),
        dimensions=dimensions,
        request_model=model,
        response_model=model,
        response_id=f"resp_{dice.getrandbits(96):024x}",
        usage=dict(usage),
        basis="inclusive",
    )


def fill(database_url: str, books: PriceBooks, count: int, days: int, features: int) -> Iterator[int]:
    """Book ``count`` calls, evenly over the last ``days`` days; yields how many are booked after each group."""
    dice, now_ns = random.Random(1), time.time_ns()
    cache, partitions, prices = ProjectCache(), Partitions(), books.current(PROJECT_ID)
    with connect(database_url) as connection:
        connection.autocommit = True
        call_store.prepare(connection)
        for first in range(0, count, _GROUP):
            numbers = range(first, min(first + _GROUP, count))
            starts = [now_ns - days * _NS_PER_DAY + number * days * _NS_PER_DAY // count for number in numbers]
            priced = [prices.price(make_call(dice, start, features)) for start in starts]
            partitions.ensure(connection, {day_of(start // 1000) for start in starts})
            book(connection, cache, PROJECT_ID, priced, [])
            yield numbers.stop


@dataclass(slots=True)
class Feed:
    """Ingest at a steady rate through the collector's writer, in requests of 100 calls, until it is stopped."""

    writer: Writer
    books: PriceBooks
    calls_per_s: int
    features: int
    latencies_s: list[float] = field(default_factory=list)
    booked: int = 0
    failed: int = 0
    _stopping: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End; what was sent is booked."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def take(self) -> tuple[int, list[float]]:
        """How many calls were booked since the last time, and how long each request waited for its commit, in seconds."""
        booked, self.booked = self.booked, 0
        latencies, self.latencies_s = self.latencies_s, []
        return booked, latencies

    def _run(self) -> None:
        dice, sent = random.Random(2), 0
        began, under_way = time.monotonic(), list[Future[None]]()
        while not self._stopping.is_set():
            due = began + sent * _REQUEST / self.calls_per_s
            if (wait := due - time.monotonic()) > 0:
                time.sleep(wait)
            prices = self.books.current(PROJECT_ID)
            calls = [prices.price(make_call(dice, time.time_ns(), self.features)) for _ in range(_REQUEST)]
            done = self.writer.submit(PROJECT_ID, calls, [])
            done.add_done_callback(self._noted(time.monotonic()))
            under_way = [*(future for future in under_way if not future.done()), done]
            sent += 1
        for future in under_way:
            future.result()

    def _noted(self, sent_at: float) -> "_Noted":
        return _Noted(self, sent_at)


@dataclass(frozen=True, slots=True)
class _Noted:
    feed: Feed
    sent_at: float

    def __call__(self, done: "Future[None]") -> None:
        if done.exception() is None:
            self.feed.booked += _REQUEST
            self.feed.latencies_s.append(time.monotonic() - self.sent_at)
        else:
            self.feed.failed += _REQUEST


def percentile_ms(latencies_s: list[float], percent: int) -> float:
    """The ``percent``-th percentile in milliseconds; 0 for none."""
    if len(latencies_s) < 2:
        return 0.0
    return statistics.quantiles(latencies_s, n=100)[percent - 1] * 1000
