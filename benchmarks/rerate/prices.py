"""Prices that change: the catalogue's, then a price of the project's own on each meter of the benchmark's models."""

from datetime import UTC, datetime

from costspan_collector.prices import changes
from costspan_collector.store.database import connect

PROJECT_ID = 1
# Provider and model; each has a price in the catalogue.
MODELS = (
    ("openai", "gpt-5-mini"),
    ("openai", "gpt-4.1"),
    ("openai", "gpt-4o-mini"),
    ("anthropic", "claude-sonnet-4-5"),
    ("anthropic", "claude-haiku-4-5"),
)
_CHANGED = {"input": "0.75", "cache_read": "0.075", "output": "6"}


def change_all(database_url: str) -> None:
    """Put another price on every meter of every model."""
    with connect(database_url) as connection:
        connection.autocommit = True
        for provider, model in MODELS:
            form = {"provider": provider, "model": model, "rates": _CHANGED, "source": "benchmark"}
            changes.add_price(connection, PROJECT_ID, form, datetime.now(UTC), confirm=True)
