"""The prices in force for each project: one compiled pricer a project, renewed when its price book changes."""

import threading
from dataclasses import dataclass

from costspan.pricing import PriceBook, Pricer
from costspan_collector.call import Call, PricedCall
from costspan_collector.price import price


@dataclass(frozen=True, slots=True)
class ProjectPrices:
    """A project's pricer, and the version of the price book that it was made from."""

    pricer: Pricer
    version: int

    def price(self, call: Call) -> PricedCall:
        """``call`` with its cost by these prices."""
        return price(self.pricer, call, self.version)


class PriceBooks:
    """The prices of every project. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._current: dict[int, ProjectPrices] = {}

    def current(self, project_id: int) -> ProjectPrices:
        """The prices to price new calls of ``project_id`` by."""
        with self._lock:
            known = self._current.get(project_id)
            if known is None:
                known = self._current[project_id] = ProjectPrices(Pricer(PriceBook.of_catalogue()), 0)
            return known
