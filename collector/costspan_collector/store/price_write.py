"""Changes of the price book: lines are added and superseded, nothing else. Each change moves the project's price version."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from costspan.pricing.catalogue import Catalogue, bundled
from costspan.pricing.lines import ModelPrices
from costspan_collector.book import price_rows
from costspan_collector.book.contracts import Contract
from costspan_collector.store.budgets import move_price_version
from costspan_collector.store.database import Connection
from costspan_collector.store.price_book import CATALOGUE_PROJECT_ID, catalogue_version

_PROVIDER_COLUMNS = ("line_id", "provider", "models", "fallback", "model_match")
COLUMNS: Mapping[str, Sequence[str]] = {
    "price_rate": price_rows.RATE_COLUMNS,
    "price_multiplier": price_rows.MULTIPLIER_COLUMNS,
    "price_alias": price_rows.ALIAS_COLUMNS,
    "price_provider": _PROVIDER_COLUMNS,
}
# Two collectors that start at once must not both load.
_LOCK = 0x70726963


def load_catalogue(connection: Connection, catalogue: Catalogue | None = None) -> bool:
    """Bring the stored catalogue to that of this release, in one transaction; whether anything changed.

    What is no longer in it is superseded, what is new added, and every project's price version moves.
    """
    catalogue = catalogue or bundled()
    if catalogue_version(connection) == catalogue.version:
        return False
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        if catalogue_version(connection) == catalogue.version:
            return False
        for table, found in _catalogue_rows(catalogue).items():
            _replace(connection, table, found)
        connection.execute(
            "INSERT INTO price_catalogue (version, sources) VALUES (%s, %s)", (catalogue.version, list(catalogue.sources))
        )
        connection.execute("UPDATE project_writer SET price_version = price_version + 1")
    return True


def add(connection: Connection, project_id: int, table: str, new: Iterable[Mapping[str, Any]]) -> None:
    """Add rows (``costspan_collector.book.price_rows``) to the project's book, under the writer lock."""
    _copy(connection, table, project_id, new)
    move_price_version(connection, project_id)


def add_contract(connection: Connection, project_id: int, contract: Contract) -> None:
    """Add a contract, under the writer lock."""
    connection.execute(
        "INSERT INTO price_contract (project_id, contract_id, name, provider, filter, valid_from, valid_to, source) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        (
            *(project_id, contract.contract_id, contract.name, contract.provider),
            *(contract.filter_text, contract.valid_from, contract.valid_to, contract.source),
        ),
    )
    move_price_version(connection, project_id)


def supersede(connection: Connection, project_id: int, line_id: UUID) -> bool:
    """End the line, alias, multiplier or contract ``line_id`` of the project, under the writer lock; whether there was one.

    It stays on record, and what it priced keeps its cost until it is re-rated.
    """
    ended = 0
    for table, column in (
        *((table, "line_id") for table in COLUMNS if table != "price_provider"),
        ("price_contract", "contract_id"),
    ):
        query = f"UPDATE {table} SET superseded_at = now() WHERE project_id = %s AND {column} = %s AND superseded_at IS NULL"
        ended += connection.execute(query, (project_id, line_id)).rowcount
    if ended:
        move_price_version(connection, project_id)
    return ended > 0


def _catalogue_rows(catalogue: Catalogue) -> dict[str, list[dict[str, Any]]]:
    layer = "catalogue"
    found: dict[str, list[dict[str, Any]]] = {table: [] for table in COLUMNS}
    for provider, prices in catalogue.items():
        for model in prices.models:
            found["price_rate"] += _model_rows(layer, provider, model)
        found["price_multiplier"] += [price_rows.multiplier_row(layer, provider, each) for each in prices.multipliers]
        found["price_alias"] += [price_rows.alias_row(layer, provider, each) for each in prices.aliases]
        models = [[model.id, model.match] for model in prices.models]
        told = catalogue.model_matches.get(provider)
        found["price_provider"].append(
            {
                "line_id": price_rows.line_id("provider", provider, models, list(prices.fallback), told),
                "provider": provider,
                "models": models,
                "fallback": list(prices.fallback),
                "model_match": told,
            }
        )
    return found


def _model_rows(layer: str, provider: str, model: ModelPrices) -> list[dict[str, Any]]:
    return [
        row
        for position, line in enumerate(model.lines)
        for row in price_rows.rate_rows(layer, provider, model.id, model.match, position, line)
    ]


def _replace(connection: Connection, table: str, wanted: Sequence[Mapping[str, Any]]) -> None:
    query = f"SELECT line_id FROM {table} WHERE project_id = %s AND superseded_at IS NULL"
    stored = {row[0] for row in connection.execute(query, (CATALOGUE_PROJECT_ID,)).fetchall()}
    gone = stored - {row["line_id"] for row in wanted}
    connection.execute(
        f"UPDATE {table} SET superseded_at = now() WHERE project_id = %s AND line_id = ANY(%s) AND superseded_at IS NULL",
        (CATALOGUE_PROJECT_ID, list(gone)),
    )
    seen: set[tuple[Any, ...]] = set()
    new = []
    for row in wanted:
        key = (row["line_id"], row.get("meter"), row.get("threshold_tokens"))
        if row["line_id"] not in stored and key not in seen:
            seen.add(key)
            new.append(row)
    _copy(connection, table, CATALOGUE_PROJECT_ID, new)


def _copy(connection: Connection, table: str, project_id: int, new: Iterable[Mapping[str, Any]]) -> None:
    columns = COLUMNS[table]
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} (project_id, {', '.join(columns)}) FROM STDIN") as copy:
        for row in new:
            copy.write_row([project_id, *(_adapted(name, row[name]) for name in columns)])


_JSON = frozenset({"match", "conditions", "models", "model_match"})


def _adapted(name: str, value: Any) -> Any:
    return Jsonb(value) if name in _JSON and value is not None else value
