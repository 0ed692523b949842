"""Prices that tests change, and calls booked by them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psycopg

from costspan_collector.call import Call, Dimensions
from costspan_collector.ingest import ProjectCache, book
from costspan_collector.prices.changes import add_price
from costspan_collector.prices.current import PriceBooks, PricesChanged, stored_prices
from costspan_collector.store import calls as call_store
from costspan_collector.store.database import connect
from costspan_collector.store.partitions import Partitions, day_of

PROJECT = 1


@dataclass
class PriceBoard:
    """The price book of a database, as a collector of it sees it, changed as a team changes it."""

    database_url: str
    books: PriceBooks = field(init=False)

    def __post_init__(self) -> None:
        self.books = PriceBooks(stored_prices(self.database_url))

    def change(self, model: str, **rates: str) -> int:
        """Put other prices, dollars a million, on a model of openai, and return the version of the book."""
        form = {"provider": "openai", "model": model, "rates": rates, "source": "a correction"}
        with connect(self.database_url) as connection:
            connection.autocommit = True
            add_price(connection, PROJECT, form, datetime.now(UTC), confirm=True)
        self.books.forget(PROJECT)
        return self.books.current(PROJECT).version


class Booking:
    """Books calls as the collector's writer does, on a connection of its own."""

    def __init__(self, database_url: str, books: PriceBooks) -> None:
        self.connection = connect(database_url)
        self.connection.autocommit = True
        call_store.prepare(self.connection)
        self._books = books
        self._cache = ProjectCache()
        self._partitions = Partitions()

    def book(self, calls: Sequence[Call]) -> None:
        self._partitions.ensure(self.connection, {day_of(call.start_time_ns // 1000) for call in calls})
        prices = self._books.current(PROJECT)
        try:
            book(self.connection, self._cache, PROJECT, [prices.price(call) for call in calls], [])
        except PricesChanged as changed:
            prices = self._books.current(PROJECT, changed.version)
            book(self.connection, self._cache, PROJECT, [prices.price(call) for call in calls], [])

    def close(self) -> None:
        self.connection.close()


def call(number: int, at: datetime, feature: str | None = "search", model: str = "gpt-5-mini", **fields: Any) -> Call:
    """A call of openai, numbered, by default with 1,000 input and 100 output tokens."""
    start_ns = int((at - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * 10**9 + number * 1000
    values: dict[str, Any] = {
        "trace_id": number.to_bytes(16, "big"),
        "span_id": number.to_bytes(8, "big"),
        "start_time_ns": start_ns,
        "end_time_ns": start_ns + 10**8,
        "dimensions": Dimensions(service="shop", feature=feature, provider="openai", model=model, operation="chat"),
        "request_model": model,
        "response_model": model,
        "usage": {"input": 1000, "output": 100},
        **fields,
    }
    return Call(**values)


_BOOKS = {
    "calls": "SELECT trace_id, rate_card_id, cost_usd, rated_usd, cost_state, cost_reason, price_version FROM call ORDER BY 1",
    "minutes": "SELECT * FROM rollup_minute ORDER BY bucket, series_id",
    "quarter_hours": "SELECT * FROM rollup_quarter_hour ORDER BY bucket, series_id",
    "standings": "SELECT budget_id, scope, period_start, spent_usd FROM budget_standing WHERE spent_usd <> 0 ORDER BY 1, 2, 3",
}


def books_of(database_url: str) -> dict[str, list[Any]]:
    """Every digit that a re-rating may change: calls, rollups of both grains, standings."""
    with psycopg.connect(database_url) as connection:
        return {name: connection.execute(query).fetchall() for name, query in _BOOKS.items()}
