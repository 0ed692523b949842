"""What commands that work on the database have in common: their options, and a connection."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from costspan_collector.settings import load
from costspan_collector.store.database import Connection, connect

DatabaseUrl = Annotated[str | None, typer.Option(help="a Postgres to use; the embedded one otherwise")]
Data = Annotated[Path | None, typer.Option(help="folder of the embedded Postgres")]
Json = Annotated[bool, typer.Option("--json", help="print JSON")]


@contextmanager
def connected(database_url: str | None, data: Path | None) -> Iterator[tuple[Connection, str]]:
    """A connection to the collector's database, and its URL; the embedded Postgres runs meanwhile, if it does not already."""
    from costspan_collector.main import database

    with database(load({"database_url": database_url, "data_dir": data}), lambda _: None) as url, connect(url) as connection:
        connection.autocommit = True
        yield connection, url


def zone(name: str) -> str:
    """``name`` if it is a time zone. Raises typer's error otherwise."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise typer.BadParameter(f"--tz: {name!r} is no IANA time zone, such as UTC or Europe/Berlin") from None
    return name
