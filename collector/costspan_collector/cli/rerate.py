"""``costspan rerate``: price again what is booked, after prices were corrected."""

import getpass
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from costspan import money
from costspan_collector.api.rerates import group_form, run_form
from costspan_collector.cli.connect import Data, DatabaseUrl, Json, connected
from costspan_collector.cli.output import console, print_json
from costspan_collector.filters import FilterError
from costspan_collector.prices.current import PriceBooks, stored_prices
from costspan_collector.prices.rerate import Refused, Request, Rerater
from costspan_collector.services import DEFAULT_PROJECT_ID
from costspan_collector.settings import load
from costspan_collector.store.rerate_groups import groups_of
from costspan_collector.store.rerate_runs import Busy, Run

_MOST_GROUPS = 30
_FORMATS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"]


def rerate(
    start: Annotated[datetime | None, typer.Option("--from", formats=_FORMATS, help="calls from then on, UTC")] = None,
    to: Annotated[datetime | None, typer.Option("--to", formats=_FORMATS, help="calls before then, UTC [now]")] = None,
    provider: Annotated[str | None, typer.Option(help="calls of this provider only")] = None,
    model: Annotated[str | None, typer.Option(help="calls of this model only; * at its end for whatever follows")] = None,
    feature: Annotated[str | None, typer.Option(help="calls of this feature only")] = None,
    filter_text: Annotated[str, typer.Option("--filter", help="such as feature:search,-customer:acme")] = "",
    apply: Annotated[bool, typer.Option("--apply", help="change the books; without it, only say what would change")] = False,
    undo: Annotated[int | None, typer.Option(help="undo the re-rating of this number instead")] = None,
    reason: Annotated[str, typer.Option(help="why, for the record")] = "",
    by: Annotated[str | None, typer.Option(help="who, for the record [you]")] = None,
    database_url: DatabaseUrl = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Price booked calls again by the prices in force. Calls, rollups, budgets and alerts follow exactly; it can be undone."""
    if (start is None) == (undo is None):
        raise typer.BadParameter("give --from (and --to) to re-rate, or --undo and a number")
    who = by or getpass.getuser()
    terms = {"provider": provider, "model": model, "feature": feature}
    where = ",".join([*(f"{name}:{value}" for name, value in terms.items() if value), *filter(None, [filter_text])])
    with connected(database_url, data) as (connection, url):
        with _rerater(url) as rerater:
            if undo is not None:
                run = rerater.undo(undo, who, reason)
            else:
                until = _utc(to) if to else datetime.now(UTC)
                run = rerater.open(Request(_utc(start or until), until, where, reason, who), to_apply=apply)
                run = rerater.apply(run.rerate_id) if apply else rerater.preview(run.rerate_id)
        found = groups_of(connection, DEFAULT_PROJECT_ID, run.rerate_id, ("month", "feature", "model"))
    groups = [group_form(group) for group in found]
    if as_json:
        print_json({**run_form(run), "groups": groups})
    else:
        _show(console(), run, groups)


def _show(to: Console, run: Run, groups: list[dict[str, Any]]) -> None:
    touched = [group for group in groups if group["touched"]]
    if touched:
        table = Table("month", "feature", "model", "calls", "before", "after", "difference")
        for column in table.columns[3:]:
            column.justify = "right"
        for group in touched[:_MOST_GROUPS]:
            amounts = (f"${group[name]:,.6f}" for name in ("before_usd", "after_usd", "difference_usd"))
            table.add_row(group["month"], group["feature"] or "-", group["model"] or "-", f"{group['touched']:,}", *amounts)
        to.print(table)
    verb = {"previewed": "would change", "applied": "changed", "undone": "had changed"}[run.state]
    known = f"${money.text(run.before_usd)} before, ${money.text(run.after_usd)} after"
    to.print(f"re-rating {run.rerate_id} {verb} {run.calls_touched:,} of {run.calls_looked_at:,} calls: {known}", highlight=False)
    if run.state == "previewed" and run.calls_touched:
        to.print("nothing is changed yet: the same command with --apply does it")
    if run.state == "applied" and run.calls_touched:
        to.print(f"`costspan rerate --undo {run.rerate_id}` takes it back")


@contextmanager
def _rerater(url: str) -> Iterator[Rerater]:
    books = PriceBooks(stored_prices(url))
    with _progress() as heard:
        try:
            yield Rerater(url, DEFAULT_PROJECT_ID, books, load({}).raw_retention_days, on_progress=heard)
        except (Refused, FilterError, LookupError, Busy) as error:
            raise typer.BadParameter(str(error)) from None


@contextmanager
def _progress() -> Iterator[Callable[[Run], None]]:
    errors = Console(stderr=True)
    columns = (TextColumn("calls"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.fields[moved]}"))
    with Progress(*columns, console=errors, disable=not errors.is_terminal, transient=True) as bar:
        task = bar.add_task("calls", total=None, moved="")

        def heard(run: Run) -> None:
            done = run.calls_restored if run.state == "undoing" else run.calls_looked_at
            total = run.calls_touched if run.state == "undoing" else max(run.calls_in_range, done)
            bar.update(task, completed=done, total=total, moved=f"${money.text(run.after_usd - run.before_usd)}")

        yield heard


def _utc(at: datetime) -> datetime:
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
