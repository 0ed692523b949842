"""Connections to Postgres."""

from datetime import UTC, datetime
from typing import Any

import psycopg
import sqlalchemy.exc
from psycopg.rows import TupleRow
from sqlalchemy import Engine, Result, create_engine

Connection = psycopg.Connection[TupleRow]
Row = dict[str, Any]

# A statement that waits longer than this is broken; the sender's own time limit is 10 s (OTLP exporters).
_SESSION = "-c timezone=UTC -c statement_timeout=30000 -c lock_timeout=10000 -c application_name=costspan"


def connect(database_url: str) -> Connection:
    """A connection for one worker, in UTC, with bounded waits. Raises ``psycopg.OperationalError``."""
    return psycopg.connect(database_url, options=_SESSION, connect_timeout=5, prepare_threshold=2)


def sqlalchemy_url(database_url: str) -> str:
    """``database_url`` spelled for SQLAlchemy with psycopg 3."""
    for scheme in ("postgresql://", "postgres://"):
        if database_url.startswith(scheme):
            return "postgresql+psycopg://" + database_url.removeprefix(scheme)
    return database_url


def reader(database_url: str) -> Engine:
    """A pooled engine for queries, in UTC, with bounded waits."""
    return create_engine(
        sqlalchemy_url(database_url),
        pool_size=5,
        max_overflow=5,
        pool_pre_ping=True,
        connect_args={"options": _SESSION, "connect_timeout": 5},
    )


def rows(result: Result[Any]) -> list[Row]:
    """All rows of a query's ``result`` by column name."""
    return [{str(name): value for name, value in row.items()} for row in result.mappings()]


def database_now(connection: Connection) -> datetime:
    """The transaction's own time."""
    row: Any = connection.execute("SELECT now()").fetchone()
    return row[0].astimezone(UTC)  # type: ignore[no-any-return]


# What a database that is away or overloaded raises, through either library.
UNAVAILABLE: tuple[type[Exception], ...] = (psycopg.OperationalError, sqlalchemy.exc.OperationalError)
