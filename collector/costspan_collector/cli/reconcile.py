"""``costspan reconcile``: bills beside the books."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from costspan import money
from costspan_collector.analyse.reconcile import Cause, Row, day_totals
from costspan_collector.api.reconciliation import difference_form, row_form, totals_form
from costspan_collector.cli.connect import Data, DatabaseUrl, Json, connected, zone
from costspan_collector.cli.output import console, print_json
from costspan_collector.invoices.mapping import MappingError, load_mapping, names
from costspan_collector.invoices.reading import NotThisExport
from costspan_collector.prices.current import stored_prices
from costspan_collector.prices.reconciling import BadFile, import_file, reconciliation
from costspan_collector.services import DEFAULT_PROJECT_ID
from costspan_collector.store.charges import charge_differences

app = typer.Typer(no_args_is_help=True, help="Bills beside the books: import what was billed, see where it differs and why.")

_MOST_BAD_ROWS = 20


@app.command("import")
def import_bill(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="a CSV export, plain or gzipped")],
    mapping: Annotated[str, typer.Option(help=f"one of {', '.join(names())}, or a file of one's own")] = "focus",
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="leave out rows that cannot be read, and list them")] = False,
    database_url: DatabaseUrl = None,
    data: Data = None,
) -> None:
    """Import what a provider billed. The same file twice changes nothing; a newer export of the same days counts instead."""
    errors = Console(stderr=True)
    try:
        with connected(database_url, data) as (connection, _):
            result = import_file(connection, DEFAULT_PROJECT_ID, file, load_mapping(mapping), skip_bad=skip_bad)
    except BadFile as error:
        for row in error.rows[:_MOST_BAD_ROWS]:
            errors.print(f"line {row.line_number}: {row.message}", markup=False, highlight=False)
        errors.print(f"{len(error.rows)} rows cannot be read; nothing was imported (--skip-bad leaves them out)")
        raise typer.Exit(1) from None
    except (MappingError, NotThisExport, ValueError) as error:
        raise typer.BadParameter(str(error)) from None
    for row in result.skipped:
        errors.print(f"left out line {row.line_number}: {row.message}", markup=False, highlight=False)
    done = result.imported
    what = "imported" if result.is_new else "was imported before, nothing changed:"
    billed = f"${money.text(done.billed_usd)}"
    if done.left_out_lines:
        errors.print(f"{done.left_out_lines} rows bill something else than models and are left out")
    print(f"{what} {done.lines} rows, {billed}, {done.first_day} to {done.last_day}")


@app.command()
def show(
    first: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="first day [30 days ago]")] = None,
    last: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="last day, included [today]")] = None,
    provider: Annotated[str | None, typer.Option(help="[those that have a bill]")] = None,
    tz: Annotated[str, typer.Option(help="the time zone of the bill's days")] = "UTC",
    tolerance: Annotated[float, typer.Option(min=0, max=100, help="per cent by which a provider's day may differ")] = 1.0,
    database_url: DatabaseUrl = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Booked against billed by day and model. Exit code 1: a provider's day differs by more than the tolerance."""
    until = last.date() if last else datetime.now(UTC).date()
    since = first.date() if first else until - timedelta(days=30)
    with connected(database_url, data) as (connection, url):
        book = stored_prices(url)(DEFAULT_PROJECT_ID).pricer.book
        rows = reconciliation(connection, DEFAULT_PROJECT_ID, book, since, until, provider, zone(tz))
    share = Decimal(str(tolerance)) / 100
    differing = {(day.day, day.provider) for day in day_totals(rows) if not day.is_within(share)}
    if as_json:
        print_json({"rows": [row_form(row) for row in rows], "totals": totals_form(rows)})
    elif rows:
        _show(rows, differing)
    else:
        print(f"nothing was billed or booked from {since} to {until}; import a bill with `costspan reconcile import`")
    raise typer.Exit(1 if differing else 0)


@app.command()
def charges(
    days: Annotated[int, typer.Option(min=1)] = 7,
    threshold: Annotated[float, typer.Option(min=0, max=100, help="per cent by which a call may differ")] = 1.0,
    database_url: DatabaseUrl = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Where providers' own charges and emitters' figures differ from what our prices give. Exit code 1: somewhere."""
    now = datetime.now(UTC)
    with connected(database_url, data) as (connection, _):
        share = Decimal(str(threshold)) / 100
        found = charge_differences(connection, DEFAULT_PROJECT_ID, now - timedelta(days=days), now, threshold=share)
    rows = [difference_form(row) for row in found]
    if as_json:
        print_json(rows)
    elif rows:
        table = Table("day", "provider and model", "who", "calls", "ours", "theirs", "likely cause")
        for row in rows:
            counts = f"{row['differing_calls']} of {row['calls']}"
            amounts = (f"${money.text(row['ours_usd'])}", f"${money.text(row['theirs_usd'])}")
            table.add_row(row["day"], f"{row['provider']} {row['model']}", row["who"], counts, *amounts, row["cause"])
        console().print(table)
    else:
        print(f"no call of the last {days} days differs by more than {threshold} %")
    raise typer.Exit(1 if rows else 0)


def _show(rows: list[Row], differing: set[tuple[date, str]]) -> None:
    table = Table("day", "provider and model", "booked", "billed", "difference", "likely causes")
    for column in table.columns[2:5]:
        column.justify = "right"
    for row in rows:
        amounts = (f"${amount:,.4f}" for amount in (row.booked.usd, row.billed.usd, row.difference_usd))
        causes = "\n".join(_cause(cause) for cause in row.causes)
        style = "red" if (row.day, row.provider) in differing else None
        table.add_row(row.day.isoformat(), f"{row.provider} {row.model}", *amounts, causes, style=style)
    sums = totals_form(rows)
    table.add_section()
    table.add_row("", "all", *(f"${sums[name]:,.4f}" for name in ("booked_usd", "billed_usd", "difference_usd")), "")
    console().print(table)


def _cause(cause: Cause) -> str:
    amount = "" if cause.amount_usd is None else f" ${money.text(cause.amount_usd)}"
    return f"{cause.cause}{amount}: {cause.detail}"
