"""``costspan prices``: the price book from the command line."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.table import Table

from costspan import money
from costspan.pricing.naming import provider_id
from costspan_collector.cli.adjust import adjust
from costspan_collector.cli.connect import Data, DatabaseUrl, Json, connected
from costspan_collector.cli.output import console, print_json
from costspan_collector.cli.price_import import import_prices
from costspan_collector.prices import changes
from costspan_collector.prices.current import stored_prices
from costspan_collector.prices.unpriced import WorkItem, work_list
from costspan_collector.services import DEFAULT_PROJECT_ID
from costspan_collector.store.price_list import list_rates

app = typer.Typer(no_args_is_help=True, help="The price book: what is in it, what is missing, and changes to it.")
app.command("import")(import_prices)
app.command("adjust")(adjust)

From = Annotated[datetime | None, typer.Option("--from", help="from when, UTC [since ever]")]
To = Annotated[datetime | None, typer.Option("--to", help="until before when, UTC [for ever]")]
Source = Annotated[str, typer.Option(help="where the price is written: a page, a contract, a date")]


@app.command("list")
def list_prices(
    provider: Annotated[str | None, typer.Option()] = None,
    model: Annotated[str | None, typer.Option(help="a model's id, or its beginning and *")] = None,
    layer: Annotated[str | None, typer.Option(help="catalogue, project or contract")] = None,
    limit: Annotated[int, typer.Option(min=1)] = 200,
    database_url: DatabaseUrl = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """The rates in the book."""
    with connected(database_url, data) as (connection, _):
        rows = list_rates(
            connection,
            DEFAULT_PROJECT_ID,
            provider=provider_id(provider) if provider else None,
            model=model,
            layer=layer,
            at=None,
            as_of=datetime.now(UTC),
            limit=limit,
        )
    if as_json:
        print_json(rows)
        return
    table = Table("provider and model", "conditions", "from", "to", "meter", "price", "source")
    for row in rows:
        given = {"tier": row["service_tier"], "region": row["region"], **row["conditions"]}
        table.add_row(
            f"{row['provider']} {row['model']}",
            ", ".join(f"{name} {value}" for name, value in given.items() if value is not None),
            *(f"{at:%Y-%m-%d}" if at else "" for at in (row["valid_from"], row["valid_to"])),
            row["meter"] + (f" {row['threshold_operator']} {row['threshold_tokens']:,}" if row["threshold_operator"] else ""),
            f"${money.text(row['price'])} for {money.text(row['unit_size'])}",
            row["source"],
        )
    console().print(table)


@app.command()
def add(
    provider: Annotated[str, typer.Option(help="whose price it is")],
    model: Annotated[str, typer.Option(help="the model's name, or its beginning and *")],
    rate: Annotated[list[str], typer.Option(help="meter=price for its unit, such as input=0.25 (a million tokens)")],
    source: Source,
    start: From = None,
    to: To = None,
    tier: Annotated[str | None, typer.Option(help="the service tier that it is for")] = None,
    contract: Annotated[str | None, typer.Option(help="the id of the contract that it belongs to")] = None,
    confirm: Annotated[bool, typer.Option(help="take a price that is far from the list's")] = False,
    database_url: DatabaseUrl = None,
    data: Data = None,
) -> None:
    """Add a price of your own. Calls from now on follow; `costspan rerate` puts right those booked already."""
    form = {
        "provider": provider,
        "model": model,
        "rates": _rates(rate),
        "source": source,
        "conditions": {"tier": tier} if tier else {},
        "contract_id": contract,
        **_span(start, to),
    }
    with connected(database_url, data) as (connection, _), _refusals():
        print(changes.add_price(connection, DEFAULT_PROJECT_ID, form, datetime.now(UTC), confirm=confirm))


@app.command("alias")
def add_alias(
    provider: Annotated[str, typer.Option(help="whose calls carry the name")],
    name: Annotated[str, typer.Option(help="the name, such as that of an Azure deployment or an inference profile's ARN")],
    model: Annotated[str, typer.Option(help="the model that it is; provider::model for another provider's")],
    source: Source,
    start: From = None,
    to: To = None,
    database_url: DatabaseUrl = None,
    data: Data = None,
) -> None:
    """Say which model a name means."""
    form = {"provider": provider, "name": name, "model": model, "source": source, **_span(start, to)}
    with connected(database_url, data) as (connection, _), _refusals():
        print(changes.add_alias(connection, DEFAULT_PROJECT_ID, form))


@app.command("contract")
def add_contract(
    provider: Annotated[str, typer.Option(help="the provider that the contract is with")],
    name: Annotated[str, typer.Option()],
    source: Source,
    factor: Annotated[str | None, typer.Option(help="a factor on the list prices, such as 0.825")] = None,
    model: Annotated[list[str] | None, typer.Option(help="the models that the factor is for [all]")] = None,
    filter_text: Annotated[str, typer.Option("--filter", help="the calls it is for, such as customer:acme [all]")] = "",
    start: From = None,
    to: To = None,
    database_url: DatabaseUrl = None,
    data: Data = None,
) -> None:
    """Add a contract with a provider: a factor on list, and the home of fixed prices (`costspan prices add --contract`)."""
    form = {"provider": provider, "name": name, "source": source, "filter": filter_text, "factor": factor, "models": model}
    with connected(database_url, data) as (connection, _), _refusals():
        print(changes.add_contract(connection, DEFAULT_PROJECT_ID, {**form, **_span(start, to)}))


@app.command()
def withdraw(line_id: UUID, database_url: DatabaseUrl = None, data: Data = None) -> None:
    """End a price, alias or contract of your own. Exit code 1: there is none of that id."""
    with connected(database_url, data) as (connection, _):
        if not changes.withdraw(connection, DEFAULT_PROJECT_ID, line_id):
            print(f"{line_id} is no price, alias or contract in force")
            raise typer.Exit(1)


@app.command()
def unpriced(
    days: Annotated[int, typer.Option(min=1)] = 30, database_url: DatabaseUrl = None, data: Data = None, as_json: Json = False
) -> None:
    """What could not be priced, the dearest first. Exit code 1: there is something."""
    now = datetime.now(UTC)
    with connected(database_url, data) as (connection, url):
        book = stored_prices(url)(DEFAULT_PROJECT_ID).pricer.book
        items = work_list(connection, DEFAULT_PROJECT_ID, book, now - timedelta(days=days), now)
    if as_json:
        print_json([asdict(item) for item in items])
    elif items:
        _show_work(items)
    else:
        print(f"everything of the last {days} days has its price")
    raise typer.Exit(1 if items else 0)


def _show_work(items: list[WorkItem]) -> None:
    table = Table("provider and model", "unpriced", "partial", "estimated", "at risk (estimate)", "why", "perhaps")
    for item in items:
        at_risk = "" if item.at_risk_usd is None else f"${item.at_risk_usd:.2f}"
        counts = (f"{count:,}" for count in (item.unpriced_calls, item.partial_calls, item.estimated_calls))
        named = f"{item.provider or 'unknown'} {item.model or item.request_model or 'unnamed'}"
        table.add_row(named, *counts, at_risk, "; ".join(item.reasons), ", ".join(item.suggestions))
    console().print(table)


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except changes.ImplausiblePrice as error:
        raise typer.BadParameter(f"{error} with --confirm") from None
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _rates(pairs: list[str]) -> dict[str, str]:
    found = {}
    for pair in pairs:
        meter, equals, price = pair.partition("=")
        if not equals:
            raise typer.BadParameter(f"--rate: {pair!r} is no pair such as input=0.25")
        found[meter] = price
    return found


def _span(start: datetime | None, to: datetime | None) -> dict[str, Any]:
    return {name: at.replace(tzinfo=UTC) for name, at in (("from", start), ("to", to)) if at is not None}
