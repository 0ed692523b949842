"""Schema and code cannot drift: the tables that queries name are those that the migrations make, and they can be distributed."""

import psycopg
import pytest
from sqlalchemy.dialects import postgresql

from costspan_collector.store.calls import COLUMNS
from costspan_collector.store.migrate import migrate
from costspan_collector.store.tables import metadata

# Small tables of the installation, the same on every node.
REFERENCE_TABLES = {"project", "price_catalogue", "alembic_version"}


@pytest.fixture
def connection(database_url: str) -> psycopg.Connection[tuple[object, ...]]:
    with psycopg.connect(database_url) as opened:
        yield opened  # type: ignore[misc]


def test_tables_of_queries_are_those_of_the_migrations(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    for table in metadata.sorted_tables:
        found = dict(
            connection.execute(
                "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute "
                "WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped",
                (table.name,),
            ).fetchall()
        )
        declared = {column.name: str(column.type.compile(postgresql.dialect())).lower() for column in table.columns}  # type: ignore[no-untyped-call]
        assert {name: kind.replace(" ", "") for name, kind in found.items() if name in declared} == {  # type: ignore[attr-defined]
            name: kind.replace(" ", "") for name, kind in declared.items()
        }, table.name
        assert set(found) == set(declared), table.name


def test_every_column_of_a_call_is_written_or_set_later(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    columns = {name for (name,) in connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = 'call'::regclass AND attnum > 0").fetchall()}  # fmt: skip
    assert columns - set(COLUMNS) == {"project_id", "correct"}


def test_every_key_begins_with_the_project(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    keys = connection.execute(
        "SELECT c.relname, i.relname, a.attname FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid "
        "JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
        "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = x.indkey[0] WHERE n.nspname = 'public'"
    ).fetchall()
    wrong = [key for key in keys if key[0] not in REFERENCE_TABLES and key[2] != "project_id"]
    assert len(keys) > 10
    assert wrong == []
    assert connection.execute("SELECT conname FROM pg_constraint WHERE contype = 'f'").fetchall() == []


def test_migrating_again_changes_nothing(database_url: str) -> None:
    assert migrate(database_url) == migrate(database_url) == "0009"
