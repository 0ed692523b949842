"""What the demo prints: steps, progress, the table of spend, the alerts and the outcome of its check."""

import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from decimal import Decimal
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from costspan import money
from costspan_collector.demo.ledger import Difference, Spend
from costspan_collector.demo.receiver import Delivery

# How often progress is printed where there is no terminal to draw a bar on.
LINE_EVERY_S = 5.0


class ReplayProgress(AbstractContextManager["ReplayProgress"]):
    """The progress of ``total`` calls: a bar on a terminal, else a line every few seconds."""

    def __init__(self, console: Console, total: int) -> None:
        self._console = console
        self._total = total
        self._done = 0
        self._lock = threading.Lock()
        self._started_s = self._printed_s = time.monotonic()
        self._bar = Progress(
            TextColumn("  "),
            BarColumn(40),
            MofNCompleteColumn(),
            TaskProgressColumn(show_speed=False),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("calls", total=total)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._bar.stop()

    def advance(self) -> None:
        """One more call has ended. May be called from any thread."""
        with self._lock:
            self._done += 1
            done, now_s = self._done, time.monotonic()
            due = not self._console.is_terminal and now_s - self._printed_s >= LINE_EVERY_S
            if due:
                self._printed_s = now_s
        self._bar.advance(self._task)
        if due:
            rate = done / (now_s - self._started_s)
            self._console.print(f"  {done:,} of {self._total:,} calls, {rate:.0f} per second")


def spend_table(books: Mapping[str, Spend], total: Spend) -> Table:
    """Spend by feature, dearest first, with the total. Costs are exact; the rounded ones stand beside them."""
    # Without a frame it fits 80 columns with the whole trace in it.
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), show_footer=True, header_style="bold", footer_style="bold")
    rows = sorted(books.items(), key=lambda entry: -entry[1].cost_usd)
    heads = ("calls", "tokens in", "tokens out", "exact $", "cost", "$/call", "right")
    table.add_column("feature", "total", no_wrap=True)
    for head, figure in zip(heads, _figures(total), strict=True):
        table.add_column(head, figure, justify="right", no_wrap=True)
    for feature, spend in rows:
        table.add_row(escape(feature), *_figures(spend))
    return table


def _figures(spend: Spend) -> tuple[str, ...]:
    per_call = f"{spend.cost_usd / spend.calls:.6f}" if spend.calls else "-"
    correct = f"{Decimal(100) * spend.correct_calls / spend.labelled_calls:.1f}%" if spend.labelled_calls else "-"
    return (
        f"{spend.calls:,}",
        f"{spend.input_tokens:,}",
        f"{spend.output_tokens:,}",
        money.text(spend.cost_usd),
        f"${spend.cost_usd:,.2f}",
        per_call,
        correct,
    )


def alert_line(delivery: Delivery, crossed_s: float | None) -> str:
    """One received alert in words, as console markup, with the time from the crossing to its delivery where known."""
    colour = "red" if delivery.threshold >= 1 else "yellow"
    after = f", delivered {delivery.received_s - crossed_s:.2f} s after the call that did it" if crossed_s is not None else ""
    state = escape(str(delivery.alert.get("state", "")))
    return f"  [{colour}]{state:8}[/] {escape(str(delivery.alert.get('reason', '')))}{after}"


def check_lines(expected: Spend, found: Spend, differences: Sequence[Difference]) -> list[str]:
    """The outcome of the check in words, as console markup: both figures, and every difference."""
    pairs = (
        ("calls", f"{expected.calls:,}", f"{found.calls:,}"),
        ("input tokens", f"{expected.input_tokens:,}", f"{found.input_tokens:,}"),
        ("output tokens", f"{expected.output_tokens:,}", f"{found.output_tokens:,}"),
        ("accuracy labels", f"{expected.labelled_calls:,}", f"{found.labelled_calls:,}"),
        ("cost", f"${money.text(expected.cost_usd)}", f"${money.text(found.cost_usd)}"),
    )
    lines = [f"  {name:16} independent sum {wanted:>14}   collector {got:>14}" for name, wanted, got in pairs]
    if not differences:
        return [*lines, "  [bold green]equal to the last digit, by feature and in total[/]"]
    lines.append("  [bold red]CHECK FAILED: the collector's books are not what was replayed[/]")
    return lines + [
        f"  [red]{escape(each.feature)}, {each.figure}: expected {_plain(each.expected)}, found {_plain(each.found)}[/]"
        for each in differences
    ]


def _plain(figure: object) -> str:
    return money.text(figure) if isinstance(figure, Decimal) else str(figure)
