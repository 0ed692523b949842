"""Re-rating: calls that are booked priced anew by the prices in force; previewed, applied in bounded batches, undone."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from costspan_collector.book.correction import Tally
from costspan_collector.filters import parse
from costspan_collector.prices.current import PriceBooks, PricesChanged, ProjectPrices
from costspan_collector.prices.rerate_pages import Source, ahead
from costspan_collector.prices.rerate_write import Batches, Moved
from costspan_collector.store import budgets as budget_store
from costspan_collector.store import rerate_runs as runs
from costspan_collector.store.database import Connection, connect, database_now
from costspan_collector.store.rerate_runs import Run

# Some thousands of calls are changed in a fraction of a second, which is how long ingest waits for its turn.
PAGE_CALLS = 5_000
_MOST_ATTEMPTS = 20


class Refused(ValueError):
    """A re-rating cannot be done as it is asked for; the message says why and what can be done instead."""


class Stopped(Exception):
    """The process is ending; the re-rating goes on when it is applied, or undone, again."""


@dataclass(frozen=True, slots=True)
class Request:
    """Which calls to re-rate: those that start from ``start`` to before ``end`` and pass ``filter_text``; who asks, and why."""

    start: datetime
    end: datetime
    filter_text: str = ""
    reason: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True)
class Rerater:
    """Re-rates the calls of one project by ``books``.

    ``on_progress`` hears of the run after each batch, ``on_alert`` after alerts were written. Where ``should_stop`` says so, it
    ends between two batches with ``Stopped``; the books balance there as at any other moment. One process at a time may apply or
    undo: ``runs.Busy`` otherwise. All methods raise psycopg's errors, and LookupError for a number that there is not.
    """

    database_url: str
    project_id: int
    books: PriceBooks
    retention_days: int
    page_calls: int = PAGE_CALLS
    on_progress: Callable[[Run], None] = lambda _: None
    on_alert: Callable[[], None] = lambda: None
    should_stop: Callable[[], bool] = lambda: False

    def open(self, request: Request, *, to_apply: bool = False) -> Run:
        """Put a re-rating on record, to be previewed or applied next. Raises ``Refused`` and ``FilterError``."""
        parse(request.filter_text)
        if request.end <= request.start:
            raise Refused(f"to: {request.end.isoformat()} is not after from: {request.start.isoformat()}")
        with connect(self.database_url) as connection:
            version = budget_store.lock_versions(connection, self.project_id).prices
            now = database_now(connection)
            oldest = now - timedelta(days=self.retention_days)
            if request.start < oldest.replace(hour=0, minute=0, second=0, microsecond=0):
                raise Refused(
                    f"from: {request.start.isoformat()} is beyond the {self.retention_days} days for which raw calls are kept; "
                    f"allowed: from {oldest:%Y-%m-%d} on"
                )
            run = runs.create(
                connection,
                self.project_id,
                request.start.astimezone(UTC),
                request.end.astimezone(UTC),
                request.filter_text,
                request.reason,
                request.by,
                version,
            )
            if to_apply:
                run = runs.change(connection, self.project_id, run.rerate_id, state="applying", started_at=now)
            return run

    def preview(self, rerate_id: int) -> Run:
        """Say what applying would change. Writes nothing but what it found."""
        with self._connected() as connection, self._connected() as noting:
            run = runs.find(noting, self.project_id, rerate_id)
            if run.state != "previewing":
                raise Refused(f"re-rating {rerate_id} is {run.state}: open another one to preview it again")
            with noting.transaction():
                version = budget_store.lock_versions(noting, self.project_id).prices
                run = runs.change(noting, self.project_id, rerate_id, price_version=version)
            tally = Tally()
            for page in ahead(self._source(connection, run).priced(run, self._prices(version))):
                tally.add(page.tally)
                run = runs.change(noting, self.project_id, rerate_id, calls_looked_at=tally.total.calls)
                self._go_on(run)
            with noting.transaction():
                runs.add_groups(noting, self.project_id, rerate_id, tally)
                return runs.change(noting, self.project_id, rerate_id, state="previewed", **runs.totals(tally))

    def apply(self, rerate_id: int) -> Run:
        """Re-rate, and go on with what was begun, until every call of the range has the cost that the prices in force give.

        Raises ``Refused`` for one that is done or undone, and where prices have changed since its preview.
        """
        with self._connected() as reading, self._connected() as writing, runs.exclusively(writing, self.project_id):
            run = self._begin(writing, rerate_id)
            source = self._source(reading, run)
            batches = Batches(writing, self.project_id, source.series, self.on_alert)
            for _ in range(_MOST_ATTEMPTS):
                try:
                    for page in ahead(source.priced(run, self._prices(run.price_version))):
                        run = batches.write(run, page)
                        self._go_on(run)
                    return batches.finish(run)
                except PricesChanged as changed:
                    run = batches.start_over(run, changed.version)
                except Moved:
                    run = runs.find(writing, self.project_id, rerate_id)
            raise Refused(f"re-rating {rerate_id}: prices or calls keep changing; apply it again later")

    def undo(self, rerate_id: int, by: str, reason: str = "") -> Run:
        """Give every call that a re-rating changed the cost that it had before, to the last digit.

        The newest goes first: ``Refused`` where a later re-rating that stands has changed one of the same calls, and for one
        that was never applied or is undone. A call that something else has priced since is left as it is.
        """
        with self._connected() as reading, self._connected() as writing, runs.exclusively(writing, self.project_id):
            run = self._begin_undo(writing, rerate_id, by, reason)
            source = self._source(reading, run)
            batches = Batches(writing, self.project_id, source.series, self.on_alert)
            for _ in range(_MOST_ATTEMPTS):
                try:
                    for page in ahead(source.kept(run)):
                        run = batches.write(run, page)
                        self._go_on(run)
                    return batches.finish(run)
                except Moved:
                    run = runs.find(writing, self.project_id, rerate_id)
            raise Refused(f"re-rating {rerate_id}: calls keep changing; undo it again later")

    def _begin(self, connection: Connection, rerate_id: int) -> Run:
        with connection.transaction():
            version = budget_store.lock_versions(connection, self.project_id).prices
            run = runs.find(connection, self.project_id, rerate_id)
            if run.state == "applying":
                return run
            if run.state != "previewed":
                raise Refused(f"re-rating {rerate_id} is {run.state}; only one that is previewed can be applied")
            if run.price_version != version:
                raise Refused(
                    f"re-rating {rerate_id}: prices have changed since its preview (version {run.price_version}, now {version}); "
                    "preview again"
                )
            return runs.begin(connection, self.project_id, rerate_id)

    def _begin_undo(self, connection: Connection, rerate_id: int, by: str, reason: str) -> Run:
        with connection.transaction():
            budget_store.lock_versions(connection, self.project_id)
            run = runs.find(connection, self.project_id, rerate_id)
            if run.state == "undoing":
                return run
            if run.state not in ("applied", "applying"):
                raise Refused(f"re-rating {rerate_id} is {run.state}; only one that was applied can be undone")
            later = runs.later_rerating(connection, self.project_id, run)
            if later is not None:
                raise Refused(f"re-rating {rerate_id}: re-rating {later} changed some of the same calls later; undo that first")
            return runs.begin_undo(connection, self.project_id, rerate_id, by, reason)

    def _prices(self, version: int) -> ProjectPrices:
        prices = self.books.current(self.project_id, version)
        if prices.version < version:
            raise Refused(f"prices are at version {version}, but only version {prices.version} is to be had")
        return prices

    def _source(self, connection: Connection, run: Run) -> Source:
        return Source(connection, self.project_id, parse(run.filter), self.page_calls, {})

    def _go_on(self, run: Run) -> None:
        self.on_progress(run)
        if self.should_stop():
            raise Stopped(f"re-rating {run.rerate_id} goes on when it is asked for again")

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        with connect(self.database_url) as connection:
            connection.autocommit = True
            yield connection
