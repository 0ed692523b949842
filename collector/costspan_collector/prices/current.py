"""The prices in force for each project: one compiled pricer a project, renewed when its price book changes."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from costspan.pricing import PriceBook, Pricer
from costspan_collector.call import Call, PricedCall
from costspan_collector.price import price


class PricesChanged(Exception):
    """Calls were priced by other prices than those of ``version``, which are now in force; nothing was booked."""

    def __init__(self, version: int) -> None:
        super().__init__(f"prices are at version {version} now")
        self.version = version


@dataclass(frozen=True, slots=True)
class ProjectPrices:
    """A project's pricer, and the version of the price book that it was made from."""

    pricer: Pricer
    version: int

    def price(self, call: Call) -> PricedCall:
        """``call`` with its cost by these prices."""
        return price(self.pricer, call, self.version)


def of_catalogue(_project_id: int) -> ProjectPrices:
    """The list prices of this release."""
    return ProjectPrices(Pricer(PriceBook.of_catalogue()), 0)


class PriceBooks:
    """The prices of every project, each made by ``load`` when it is first asked for. Safe to share between threads."""

    def __init__(self, load: Callable[[int], ProjectPrices] = of_catalogue) -> None:
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
