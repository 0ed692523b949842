"""Reading the price book for people: the rows that were recorded, as of now or as of an earlier moment."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg.rows import dict_row

from costspan_collector.book.price_rows import RATE_COLUMNS
from costspan_collector.store.database import Connection
from costspan_collector.store.price_book import CATALOGUE_PROJECT_ID

_RECORDED = "recorded_at <= %(as_of)s AND (superseded_at IS NULL OR superseded_at > %(as_of)s)"


def list_rates(
    connection: Connection,
    project_id: int,
    *,
    provider: str | None,
    model: str | None,
    layer: str | None,
    at: datetime | None,
    as_of: datetime,
    limit: int,
) -> list[dict[str, Any]]:
    """Up to ``limit`` rate rows in the book as it was recorded at ``as_of``, those in force at ``at`` if given, by line.

    ``model`` may end in ``*``. The project's own come before the catalogue's.
    """
    where = ["project_id = ANY(%(projects)s)", _RECORDED]
    if provider is not None:
        where.append("provider = %(provider)s")
    if model is not None:
        where.append("starts_with(lower(model), %(model)s)" if model.endswith("*") else "lower(model) = %(model)s")
    if layer is not None:
        where.append("layer = %(layer)s")
    if at is not None:
        where.append("(valid_from IS NULL OR valid_from <= %(at)s) AND (valid_to IS NULL OR valid_to > %(at)s)")
    query = (
        f"SELECT project_id, recorded_at, superseded_at, {', '.join(RATE_COLUMNS)} FROM price_rate WHERE {' AND '.join(where)} "
        "ORDER BY project_id = 0, provider, model, valid_from NULLS FIRST, service_tier NULLS FIRST, line_id, meter, "
        "threshold_tokens LIMIT %(limit)s"
    )
    values = {
        "projects": [CATALOGUE_PROJECT_ID, project_id],
        "as_of": as_of,
        "provider": provider,
        "model": model.lower().removesuffix("*") if model else None,
        "layer": layer,
        "at": at,
        "limit": limit,
    }
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, values).fetchall()


def list_others(connection: Connection, project_id: int) -> dict[str, Sequence[dict[str, Any]]]:
    """The project's own multipliers, aliases and contracts that are in the book now, the newest first."""
    found: dict[str, Sequence[dict[str, Any]]] = {}
    for name, table, columns in (
        (
            "multipliers",
            "price_multiplier",
            "line_id, layer, provider, name, match, factor, meters, conditions, valid_from, valid_to",
        ),
        ("aliases", "price_alias", "line_id, layer, provider, name, model, valid_from, valid_to"),
        ("contracts", "price_contract", "contract_id, provider, name, filter, valid_from, valid_to"),
    ):
        query = (
            f"SELECT {columns}, source, recorded_at FROM {table} WHERE project_id = %s AND superseded_at IS NULL "
            "ORDER BY recorded_at DESC"
        )
        with connection.cursor(row_factory=dict_row) as cursor:
            found[name] = cursor.execute(query, (project_id,)).fetchall()
    return found
