"""``costspan prices adjust``: a month as the provider will bill it."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.table import Table

from costspan_collector.api.adjustments import month_form
from costspan_collector.cli.connect import Data, DatabaseUrl, Json, connected, zone
from costspan_collector.cli.output import console, print_json
from costspan_collector.prices.adjusting import add, adjusted_month, month_of
from costspan_collector.services import DEFAULT_PROJECT_ID


def adjust(
    month: Annotated[str | None, typer.Option(help="such as 2026-11 [this month]")] = None,
    tz: Annotated[str, typer.Option(help="the time zone of the month")] = "UTC",
    rule: Annotated[str | None, typer.Option("--add", help="a rule to add first, as JSON (docs/prices.md)")] = None,
    database_url: DatabaseUrl = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """What a month's calls cost, and what is agreed besides: free quotas, discounts, credits, commitments."""
    try:
        first_day = month_of(month or f"{datetime.now(UTC):%Y-%m}", "month")
        with connected(database_url, data) as (connection, _):
            if rule is not None:
                add(connection, DEFAULT_PROJECT_ID, _form(rule))
            found = month_form(adjusted_month(connection, DEFAULT_PROJECT_ID, first_day, zone(tz)))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if as_json:
        print_json(found)
        return
    table = Table("what", "amount", "why")
    table.columns[1].justify = "right"
    table.add_row("calls", f"${found['calls_usd']:,.6f}", "")
    for line in found["lines"]:
        table.add_row(line["name"], f"${line['amount_usd']:,.6f}", line["reason"])
    table.add_section()
    table.add_row("expected bill", f"${found['expected_usd']:,.6f}", "")
    console().print(table)


def _form(text: str) -> dict[str, Any]:
    try:
        form = json.loads(text)
    except ValueError as error:
        raise ValueError(f"--add: {text!r} is no JSON: {error}") from None
    if not isinstance(form, dict):
        raise ValueError(f'--add: {text!r} is no object such as {{"name": ..., "kind": ...}}')
    return form
