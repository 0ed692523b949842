"""The prices in force for each project: one compiled pricer a project, renewed when its price book changes."""

import gc
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from costspan.pricing import Pricer
from costspan_collector.book.contracts import Contracts
from costspan_collector.call import Call, PricedCall
from costspan_collector.price import price
from costspan_collector.store.database import connect
from costspan_collector.store.price_book import read_prices


class PricesChanged(Exception):
    """Calls were priced by other prices than those of ``version``, which are now in force; nothing was booked."""

    def __init__(self, version: int) -> None:
        super().__init__(f"prices are at version {version} now")
        self.version = version


@dataclass(frozen=True, slots=True)
class ProjectPrices:
    """A project's pricer, the version of the price book that it was made from, and the contracts in that."""

    pricer: Pricer
    version: int
    contracts: Contracts = field(default_factory=lambda: Contracts(()))

    def price(self, call: Call) -> PricedCall:
        """``call`` with its cost by these prices."""
        return price(self.pricer, call, self.version, self.contracts)


def stored_prices(database_url: str) -> Callable[[int], ProjectPrices]:
    """What reads a project's prices from the database. It raises LookupError for an unknown project, and psycopg's errors."""

    def load(project_id: int) -> ProjectPrices:
        with connect(database_url) as connection:
            stored = read_prices(connection, project_id)
        # The catalogue's many objects live as long as the process does: looked through with every collection of garbage, they
        # would cost a fifth of a batch's time.
        gc.collect()
        gc.freeze()
        return ProjectPrices(Pricer(stored.book), stored.version, Contracts(stored.contracts))

    return load


class PriceBooks:
    """The prices of every project, each made by ``load`` when it is first asked for. Safe to share between threads."""

    def __init__(self, load: Callable[[int], ProjectPrices]) -> None:
        self._load = load
        self._lock = threading.Lock()
        self._current: dict[int, ProjectPrices] = {}

    def current(self, project_id: int, at_least: int = 0) -> ProjectPrices:
        """The prices to price new calls of ``project_id`` by: made anew if those known are older than version ``at_least``."""
        with self._lock:
            known = self._current.get(project_id)
            if known is None or known.version < at_least:
                known = self._current[project_id] = self._load(project_id)
            return known

    def forget(self, project_id: int) -> None:
        """Read the prices of ``project_id`` anew when they are next asked for: they were changed."""
        with self._lock:
            self._current.pop(project_id, None)
