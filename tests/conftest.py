"""One throw-away Postgres a run; every test that asks for a database gets a fresh copy of the migrated template."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from costspan_collector.store.embedded_temporary import temporary_postgres
from costspan_collector.store.migrate import migrate
from tests.support.collector import RunningCollector, running_collector

_TEMPLATE = "template_costspan"


def pytest_configure(config: pytest.Config) -> None:
    # The guard of the SDK hides errors from applications, never from these tests.
    os.environ["COSTSPAN_RAISE_INTERNAL_ERRORS"] = "1"
    # Where the SDK spools in these tests and the processes that they start, unless they say otherwise.
    state = tempfile.mkdtemp(prefix="costspan-state-")
    os.environ["XDG_STATE_HOME"] = state
    config.add_cleanup(lambda: shutil.rmtree(state, ignore_errors=True))


def _named(url: str, database: str) -> str:
    return url.replace("/costspan?", f"/{database}?")


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A Postgres server whose template database is at the newest revision."""
    with temporary_postgres() as postgres:
        with psycopg.connect(postgres.url, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(_TEMPLATE)))
        migrate(_named(postgres.url, _TEMPLATE))
        yield postgres.url


@pytest.fixture
def database_url(postgres_url: str) -> Iterator[str]:
    """A migrated, empty database of its own."""
    name = f"test_{uuid4().hex}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(sql.Identifier(name), sql.Identifier(_TEMPLATE))
        )
        yield _named(postgres_url, name)
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def collector(database_url: str) -> Iterator[RunningCollector]:
    """The collector, served over real HTTP in a thread, on a fresh database."""
    with running_collector(database_url) as running:
        yield running
