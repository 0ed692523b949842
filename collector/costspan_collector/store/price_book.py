"""The price book in Postgres: read into the pricing engine's form. What is superseded is not read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg.pq import TransactionStatus
from psycopg.rows import dict_row

from costspan.pricing import PriceBook
from costspan.pricing.lines import Clause, ModelPrices, PriceLine, ProviderPrices
from costspan.pricing.self_hosted import provider_prices
from costspan_collector.book import price_rows
from costspan_collector.book.contracts import Contract
from costspan_collector.filters import parse
from costspan_collector.store.database import Connection
from costspan_collector.store.self_hosted import load_cards

CATALOGUE_PROJECT_ID = 0
_PROJECT_LAYERS = ("project", "contract")


@dataclass(frozen=True, slots=True)
class StoredPrices:
    """A project's price book as of its ``version``, and its contracts, the newest first."""

    version: int
    book: PriceBook
    contracts: tuple[Contract, ...]


@dataclass(frozen=True, slots=True)
class _Catalogue:
    version: str
    providers: Mapping[str, ProviderPrices]
    model_matches: Mapping[str, Clause]


# The catalogue is the same for every project and only changes with a release.
_catalogues: dict[str, _Catalogue] = {}


def read_prices(connection: Connection, project_id: int) -> StoredPrices:
    """The prices in force for ``project_id``, as of one instant. Raises LookupError for an unknown project.

    Within a transaction, it is the caller's writer lock that keeps them still.
    """
    if connection.info.transaction_status != TransactionStatus.IDLE:
        return _read(connection, project_id)
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        return _read(connection, project_id)


def _read(connection: Connection, project_id: int) -> StoredPrices:
    row: Any = connection.execute("SELECT price_version FROM project_writer WHERE project_id = %s", (project_id,)).fetchone()
    if row is None:
        raise LookupError(f"project {project_id} does not exist")
    catalogue = _catalogue(connection)
    layers: dict[Any, Mapping[str, ProviderPrices]] = {"catalogue": catalogue.providers}
    for layer in _PROJECT_LAYERS:
        layers[layer] = _own_layer(connection, project_id, layer)
    layers["self_hosted"] = provider_prices(known.card for known in load_cards(connection, project_id))
    return StoredPrices(row[0], PriceBook(layers, catalogue.model_matches, row[0]), _contracts(connection, project_id))


def catalogue_version(connection: Connection) -> str | None:
    """The version of the catalogue in force, or None if none was ever loaded."""
    row: Any = connection.execute("SELECT version FROM price_catalogue ORDER BY loaded_at DESC LIMIT 1").fetchone()
    return None if row is None else str(row[0])


def current_rows(connection: Connection, table: str, columns: Sequence[str], project_id: int, layer: str) -> list[Any]:
    """The rows of ``table`` that are not superseded, as they were recorded."""
    query = f"SELECT {', '.join(columns)} FROM {table} WHERE project_id = %s AND layer = %s AND superseded_at IS NULL"
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query + " ORDER BY recorded_at, line_id", (project_id, layer)).fetchall()


def _catalogue(connection: Connection) -> _Catalogue:
    version = catalogue_version(connection)
    if version is None:
        raise LookupError("no catalogue of prices is loaded: run `costspan migrate`")
    known = _catalogues.get(version)
    if known is None:
        _catalogues.clear()
        known = _catalogues[version] = _read_catalogue(connection, version)
    return known


def _read_catalogue(connection: Connection, version: str) -> _Catalogue:
    project, layer = CATALOGUE_PROJECT_ID, "catalogue"
    lines: dict[tuple[str, str], list[tuple[int, PriceLine]]] = {}
    rates = current_rows(connection, "price_rate", price_rows.RATE_COLUMNS, project, layer)
    for line_rows in price_rows.grouped(rates, "line_id").values():
        first = line_rows[0]
        place = first["position"], price_rows.price_line(line_rows)
        lines.setdefault((first["provider"], first["model"]), []).append(place)
    multipliers = current_rows(connection, "price_multiplier", price_rows.MULTIPLIER_COLUMNS, project, layer)
    aliases = current_rows(connection, "price_alias", price_rows.ALIAS_COLUMNS, project, layer)
    found: Any = connection.execute(
        "SELECT provider, models, fallback, model_match FROM price_provider WHERE project_id = %s AND superseded_at IS NULL",
        (project,),
    ).fetchall()
    providers = {
        provider: ProviderPrices(
            provider,
            models=tuple(ModelPrices(m, match, _in_order(lines.get((provider, m), []))) for m, match in models),
            multipliers=tuple(price_rows.multiplier(row) for row in multipliers if row["provider"] == provider),
            aliases=tuple(price_rows.alias(row) for row in aliases if row["provider"] == provider),
            fallback=tuple(fallback),
        )
        for provider, models, fallback, _ in found
    }
    matches = {provider: match for provider, _, _, match in sorted(found) if match is not None}
    return _Catalogue(version, providers, matches)


def _in_order(lines: Sequence[tuple[int, PriceLine]]) -> tuple[PriceLine, ...]:
    return tuple(line for _, line in sorted(lines, key=lambda pair: pair[0]))


def _own_layer(connection: Connection, project_id: int, layer: str) -> dict[str, ProviderPrices]:
    models: dict[str, list[ModelPrices]] = {}
    rates = current_rows(connection, "price_rate", price_rows.RATE_COLUMNS, project_id, layer)
    for line_rows in price_rows.grouped(rates, "line_id").values():
        first = line_rows[0]
        model = ModelPrices(first["model"], first["match"], (price_rows.price_line(line_rows),))
        models.setdefault(first["provider"], []).append(model)
    multipliers = current_rows(connection, "price_multiplier", price_rows.MULTIPLIER_COLUMNS, project_id, layer)
    aliases = current_rows(connection, "price_alias", price_rows.ALIAS_COLUMNS, project_id, layer)
    names = dict.fromkeys([*models, *(row["provider"] for row in (*multipliers, *aliases))])
    return {
        name: ProviderPrices(
            name,
            models=tuple(models.get(name, ())),
            multipliers=tuple(price_rows.multiplier(row) for row in multipliers if row["provider"] == name),
            aliases=tuple(price_rows.alias(row) for row in aliases if row["provider"] == name),
        )
        for name in names
    }


def _contracts(connection: Connection, project_id: int) -> tuple[Contract, ...]:
    found: Any = connection.execute(
        "SELECT contract_id, name, provider, filter, source, valid_from, valid_to FROM price_contract "
        "WHERE project_id = %s AND superseded_at IS NULL ORDER BY recorded_at DESC, contract_id",
        (project_id,),
    ).fetchall()
    return tuple(
        Contract(contract_id, name, provider, parse(text), text, source, start, end)
        for contract_id, name, provider, text, source, start, end in found
    )
