"""``python -m benchmarks.rerate``: book, change a price, re-rate beside ingest, audit; print and write the page."""

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console

from benchmarks.rerate.audit import differences
from benchmarks.rerate.calls import Feed, fill, percentile_ms
from benchmarks.rerate.prices import PROJECT_ID, change_all
from costspan_collector.prices.current import PriceBooks, stored_prices
from costspan_collector.prices.rerate import PAGE_CALLS, Request, Rerater
from costspan_collector.store.database import connect
from costspan_collector.store.embedded_temporary import temporary_postgres
from costspan_collector.store.migrate import migrate
from costspan_collector.store.rerate_runs import Run, find
from costspan_collector.writer import Writer

BOUND_S = 60.0


@dataclass(frozen=True, slots=True)
class Span:
    """What ingest did for a while: calls a second, and how long requests waited for their commit."""

    calls_per_s: float
    median_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class Result:
    """All that a run found."""

    filled: int
    preview_s: float
    apply_s: float
    again_s: float
    undo_s: float
    applied: Run
    alone: Span
    beside: Span
    failed: int
    differences: int

    @property
    def million_s(self) -> float:
        """Seconds that applying takes for a million calls."""
        return self.apply_s / self.applied.calls_touched * 1_000_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark. 0: the bound is met and the books balance, or nobody asked; 1 otherwise."""
    options = _parser().parse_args(arguments)
    log = Console(stderr=True)
    with temporary_postgres(durable=True) as postgres:
        migrate(postgres.url)
        result = _measured(postgres.url, options, log)
    lines = _lines(result, options)
    for line in lines:
        Console().print(line, highlight=False)
    if options.page is not None:
        options.page.write_text(_page(lines), encoding="utf-8")
    is_met = result.million_s <= BOUND_S and not result.differences and not result.failed
    return 0 if is_met or not options.check else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rerate", description=__doc__)
    parser.add_argument("--calls", type=int, default=1_000_000, help="calls to re-rate (default: %(default)s)")
    parser.add_argument("--days", type=int, default=5, help="days that they are spread over (default: %(default)s)")
    parser.add_argument("--features", type=int, default=20, help="features, each with 5 models (default: %(default)s)")
    parser.add_argument("--rate", type=int, default=1_000, help="calls a second booked meanwhile; 0: none (default: %(default)s)")
    parser.add_argument("--batch", type=int, default=PAGE_CALLS, help="calls a transaction (default: %(default)s)")
    parser.add_argument("--no-check", dest="check", action="store_false", help="only print: exit with 0 whatever is found")
    parser.add_argument("--page", type=Path, metavar="FILE", help="write the page of the documentation to FILE")
    return parser


def _measured(database_url: str, options: argparse.Namespace, log: Console) -> Result:
    books = PriceBooks(stored_prices(database_url))
    began = time.monotonic()
    for booked in fill(database_url, books, options.calls, options.days, options.features):
        if booked % 100_000 == 0:
            log.print(f"{booked:,} calls booked in {time.monotonic() - began:.0f} s", highlight=False)
    writer = Writer(database_url, 50_000, books, lambda: None)
    writer.start()
    feed = Feed(writer, books, options.rate, options.features)
    if options.rate:
        feed.start()
    time.sleep(10)
    alone = _span(feed, 10)
    change_all(database_url)
    books.forget(PROJECT_ID)
    rerater = Rerater(database_url, PROJECT_ID, books, 400, options.batch)
    now = datetime.now(UTC)
    run = rerater.open(Request(now - timedelta(days=options.days + 1), now, reason="benchmark", by="benchmark"))
    preview_s = _timed(lambda: rerater.preview(run.rerate_id))
    log.print(f"previewed in {preview_s:.1f} s", highlight=False)
    feed.take()
    apply_s = _timed(lambda: rerater.apply(run.rerate_id))
    beside = _span(feed, apply_s)
    log.print(f"applied in {apply_s:.1f} s", highlight=False)
    feed.stop()
    writer.stop(30)
    with connect(database_url) as connection:
        found = differences(connection)
    again = rerater.open(Request(now - timedelta(days=options.days + 1), now, by="benchmark"), to_apply=True)
    again_s = _timed(lambda: rerater.apply(again.rerate_id))
    undo_s = _timed(lambda: rerater.undo(run.rerate_id, "benchmark"))
    with connect(database_url) as connection:
        found += differences(connection)
        applied = _run(rerater, run.rerate_id)
    return Result(options.calls, preview_s, apply_s, again_s, undo_s, applied, alone, beside, feed.failed, found)


def _timed(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def _span(feed: Feed, seconds: float) -> Span:
    booked, latencies_s = feed.take()
    return Span(booked / seconds, percentile_ms(latencies_s, 50), percentile_ms(latencies_s, 99))


def _run(rerater: Rerater, rerate_id: int) -> Run:
    with connect(rerater.database_url) as connection:
        return find(connection, PROJECT_ID, rerate_id)


def _lines(result: Result, options: argparse.Namespace) -> list[str]:
    verdict = "met" if result.million_s <= BOUND_S else "NOT met"
    balance = "equal" if not result.differences else f"{result.differences} rows DIFFER"
    spread = f"batches of {options.batch:,}; over {options.days} days, {options.features} features, 5 models"
    lines = [
        f"calls re-rated: {result.applied.calls_touched:,} of {result.applied.calls_looked_at:,}; {spread}",
        f"apply: {result.apply_s:.1f} s, {result.million_s:.1f} s a million (at most {BOUND_S:.0f}: {verdict})",
        f"preview: {result.preview_s:.1f} s; again, with nothing to change: {result.again_s:.1f} s; undo: {result.undo_s:.1f} s",
        f"rollups beside a recount from raw calls, after applying and after undoing: {balance}",
    ]
    for name, span in (("alone", result.alone), ("beside the re-rating", result.beside)):
        lines.append(
            f"ingest {name}: {span.calls_per_s:,.0f} calls a second of {options.rate:,} sent, in requests of 100; acknowledged "
            f"after {span.median_ms:.0f} ms (median), {span.p99_ms:.0f} ms (p99)"
        )
    lines.append(f"ingest requests that failed: {result.failed}")
    return lines


def _page(lines: Sequence[str]) -> str:
    machine = f"{datetime.now(UTC):%d %B %Y}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"
    python = f"Python {platform.python_version()}; Postgres is embedded, with fsync, on the same cores"
    listed = "\n".join(f"- {line}" for line in lines)
    return (
        f"# Re-rating beside ingest\n\nWritten by `make bench-rerate` (`benchmarks/rerate/`): {machine}, {python}.\n\n{listed}\n"
    )


if __name__ == "__main__":
    sys.exit(main())
