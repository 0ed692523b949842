"""``costspan self-hosted``: models on machines of one's own."""

import csv
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from costspan import money
from costspan.pricing.self_hosted import DEFAULT_WEIGHTS, Figure, SelfHostedCard
from costspan_collector.api.self_hosted import card_form, hour_form
from costspan_collector.cli.connect import Data, DatabaseUrl, Json, connected
from costspan_collector.cli.output import console, print_json
from costspan_collector.prices.gpu_hours import apply_bill
from costspan_collector.services import DEFAULT_PROJECT_ID
from costspan_collector.store import rerate_calls
from costspan_collector.store import self_hosted as store
from costspan_collector.store.budgets import lock_writer
from costspan_collector.store.gpu_hours import list_hours

app = typer.Typer(no_args_is_help=True, help="Models on machines of your own: what they cost, and what really was billed.")
cards = typer.Typer(no_args_is_help=True, help="The machines and their speed.")
app.add_typer(cards, name="card")


@cards.command("add")
def add_card(
    provider: Annotated[str, typer.Option(help="as calls name it, such as vllm")],
    model: Annotated[str, typer.Option(help="as calls name it, or its beginning and *")],
    usd_per_gpu_hour: Annotated[str, typer.Option(help="such as 2.49")],
    tokens_per_s: Annotated[str, typer.Option(help="what all GPUs together do when busy")],
    utilisation: Annotated[str, typer.Option(help="the busy share of the time, above 0 and up to 1")],
    gpus: Annotated[int, typer.Option(min=1)] = 1,
    gpu: Annotated[str, typer.Option(help="which, for the record")] = "",
    counted: Annotated[str, typer.Option(help="what the speed counts: decode, prefill or weighted tokens")] = "decode",
    measured: Annotated[bool, typer.Option(help="speed and utilisation are measured, not assumed")] = False,
    database_url: DatabaseUrl = None,
    data: Data = None,
) -> None:
    """Say what serves a model. Calls from now on have the standard price by it."""
    try:
        card = SelfHostedCard(
            provider=provider,
            model=model,
            gpus=gpus,
            usd_per_gpu_hour=_decimal("usd-per-gpu-hour", usd_per_gpu_hour),
            tokens_per_s=Figure(_decimal("tokens-per-s", tokens_per_s), measured),
            utilisation=Figure(_decimal("utilisation", utilisation), measured),
            weights=DEFAULT_WEIGHTS,
            counted=counted,
            gpu=gpu,
        )
        with connected(database_url, data) as (connection, _), connection.transaction():
            lock_writer(connection, DEFAULT_PROJECT_ID)
            print(store.add_card(connection, DEFAULT_PROJECT_ID, card))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


@cards.command("list")
def list_cards(database_url: DatabaseUrl = None, data: Data = None, as_json: Json = False) -> None:
    """The cards in force."""
    with connected(database_url, data) as (connection, _):
        found = store.load_cards(connection, DEFAULT_PROJECT_ID)
    if as_json:
        print_json([card_form(card) for card in found])
        return
    for card in found:
        print(card.card.describe())


@app.command()
def bill(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV with the columns hour and usd")],
    source: Annotated[str, typer.Option(help="where the figures are from")],
    provider: Annotated[str | None, typer.Option(help="[the only deployment]")] = None,
    model: Annotated[str | None, typer.Option()] = None,
    database_url: DatabaseUrl = None,
    data: Data = None,
) -> None:
    """Split what hours really cost over their calls. Again with the same file it takes up calls that came late."""
    try:
        hours = list(_hours(file))
        with connected(database_url, data) as (connection, _):
            rerate_calls.prepare(connection)
            deployment = store.deployment_of(store.load_cards(connection, DEFAULT_PROJECT_ID), provider, model)
            for hour, usd in hours:
                done = apply_bill(connection, DEFAULT_PROJECT_ID, deployment, hour, usd, source)
                idle = f"${money.text(done.idle_usd)} idle"
                print(f"{hour:%Y-%m-%d %H:%M}Z ${money.text(usd)}: {done.changed_calls} of {done.calls} calls changed, {idle}")
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


@app.command("hours")
def show_hours(
    days: Annotated[int, typer.Option(min=1)] = 7, database_url: DatabaseUrl = None, data: Data = None, as_json: Json = False
) -> None:
    """How bills were split."""
    now = datetime.now(UTC)
    with connected(database_url, data) as (connection, _):
        rows = [hour_form(row) for row in list_hours(connection, DEFAULT_PROJECT_ID, now - timedelta(days=days), now)]
    if as_json:
        print_json(rows)
        return
    table = Table("hour", "deployment", "billed", "calls cost", "idle", "by standard price", "calls", "utilisation")
    for row in rows:
        amounts = (f"${row[name]:,.4f}" for name in ("billed_usd", "busy_usd", "idle_usd", "standard_usd"))
        named = f"{row['provider']} {row['model']}"
        table.add_row(f"{row['hour']:%Y-%m-%d %H:%M}Z", named, *amounts, f"{row['calls']:,}", f"{row['utilisation']:.1%}")
    console().print(table)


def _hours(file: Path) -> Any:
    with file.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.DictReader(lines)
        if not {"hour", "usd"} <= set(reader.fieldnames or ()):
            raise ValueError(f"{file}: has the columns {reader.fieldnames}; give hour and usd")
        for row in reader:
            try:
                at = datetime.fromisoformat(row["hour"])
            except ValueError:
                raise ValueError(
                    f"line {reader.line_num}: hour: {row['hour']!r} is no time such as 2026-11-01T00:00:00Z"
                ) from None
            yield at if at.tzinfo else at.replace(tzinfo=UTC), _decimal(f"line {reader.line_num}: usd", row["usd"])


def _decimal(name: str, text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite():
        raise ValueError(f"{name}: {text!r} is no decimal number")
    return value
