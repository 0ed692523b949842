"""The commands. Exit codes: 0 done, 1 the answer is no, 2 wrong use or the collector could not run."""

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import psycopg
import typer
from rich.console import Console

from costspan_collector.cli.price import price
from costspan_collector.cli.prices import app as prices_app
from costspan_collector.cli.reconcile import app as reconcile_app
from costspan_collector.cli.rerate import rerate
from costspan_collector.cli.self_hosted import app as self_hosted_app
from costspan_collector.settings import Settings, SettingsError, load
from costspan_collector.store.embedded import EmbeddedPostgresError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

app.command()(price)
app.command()(rerate)
app.add_typer(prices_app, name="prices")
app.add_typer(reconcile_app, name="reconcile")
app.add_typer(self_hosted_app, name="self-hosted")

_console = Console()
_errors = Console(stderr=True)

DatabaseUrl = Annotated[str | None, typer.Option(help="a Postgres to use; the embedded one otherwise")]


def run() -> None:
    """Run the command line; what could not run is one line on standard error and exit code 2."""
    try:
        app()
    except (SettingsError, EmbeddedPostgresError, psycopg.OperationalError) as error:
        _errors.print(f"costspan: {error}", style="red", markup=False, highlight=False)
        sys.exit(2)
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn):
        _errors.print("costspan: the database has not the tables of this release: run `costspan migrate`", style="red")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"costspan {version('costspan')}")
        raise typer.Exit


@app.callback()
def _program(
    show_version: Annotated[
        bool, typer.Option("--version", help="say the version and leave", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """What each AI feature costs, how fast and how right it is."""


@app.command()
def up(
    host: Annotated[str | None, typer.Option(help="address to bind [127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(help="port of OTLP/HTTP, API and dashboards [4318]; 0 picks a free one")] = None,
    data: Annotated[Path | None, typer.Option(help="folder of the embedded Postgres")] = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Serve: take OTLP, book calls, check budgets, show dashboards. Until Ctrl-C."""
    from costspan_collector.main import serve

    settings = _settings(host=host, port=port, data_dir=data, database_url=database_url)
    serve(settings, lambda line: print(line, flush=True))


@app.command()
def migrate(database_url: DatabaseUrl = None, data: Annotated[Path | None, typer.Option()] = None) -> None:
    """Bring the database to the schema of this release. `up` does so as well."""
    from costspan_collector.main import database
    from costspan_collector.store.migrate import migrate as apply

    settings = _settings(database_url=database_url, data_dir=data)
    with database(settings, lambda line: print(line, flush=True)) as url:
        print(f"schema at revision {apply(url)}")


@app.command()
def demo(
    full: Annotated[bool, typer.Option("--full", help="replay all 28,185 requests")] = False,
    calls: Annotated[int, typer.Option(min=100, max=28_185, help="how many requests to replay")] = 5000,
    keep: Annotated[bool, typer.Option("--keep", help="leave the collector running")] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="port of the collector; 0 picks a free one")] = 0,
) -> None:
    """The main job on real production traffic: calls, spans, books, a budget that breaks, an alert, a check to the last digit."""
    from costspan_collector.demo.run import run_demo

    raise typer.Exit(run_demo(calls=calls, full=full, keep=keep, port=port, console=_console))


def _settings(**options: object) -> Settings:
    return load(options)
