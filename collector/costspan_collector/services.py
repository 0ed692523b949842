"""What the routes work with. Made in main.py, handed to the application."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Engine

from costspan_collector.prices.current import PriceBooks
from costspan_collector.prices.rerate_runner import RerateRunner
from costspan_collector.settings import Settings
from costspan_collector.writer import Writer

# Without keys the collector serves one project, on loopback only.
DEFAULT_PROJECT_ID = 1


@dataclass(frozen=True, slots=True)
class Services:
    """The running parts. ``now_ns`` is the clock: nanoseconds since the Unix epoch."""

    settings: Settings
    database_url: str
    engine: Engine
    writer: Writer
    prices: PriceBooks
    rerates: RerateRunner
    now_ns: Callable[[], int]
    wake_deliveries: Callable[[], None]
