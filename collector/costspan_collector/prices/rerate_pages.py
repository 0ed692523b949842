"""What a re-rating reads: pages of calls, each priced anew and ready to be written."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from costspan_collector.book.correction import Change, Costs, Tally, entries
from costspan_collector.book.gpu_hour import SHARE_OF_BILL
from costspan_collector.book.rollup import GRAINS, Deltas, deltas
from costspan_collector.book.stored import PRICED_COLUMNS, stored_call
from costspan_collector.call import Dimensions
from costspan_collector.filters import Filter
from costspan_collector.prices.current import ProjectPrices
from costspan_collector.store import budgets as budget_store
from costspan_collector.store import rerate_calls
from costspan_collector.store.calls import card_identity, cards_by_rule, cost_values
from costspan_collector.store.database import Connection
from costspan_collector.store.rerate_runs import Place, Run

_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class Page:
    """Calls in the order of their keys up to ``place``: what was looked at, what changes, and how that is written.

    ``shared``: how many calls are to be restored beneath a share of a bill, which stays.
    """

    place: Place
    tally: Tally
    changes: Sequence[Change]
    staged: bytes
    deltas: Mapping[str, Deltas]
    cards: Mapping[int, Mapping[str, Any]]
    shared: int = 0


@dataclass(frozen=True, slots=True)
class Source:
    """Where pages come from. ``where`` says which series; ``series`` is filled with the dimensions of those met."""

    connection: Connection
    project_id: int
    where: Filter
    page_calls: int
    series: dict[int, Dimensions]

    def priced(self, run: Run, prices: ProjectPrices) -> Iterator[Page]:
        """The calls of a run's range, after its place, priced by ``prices``."""
        series_ids = None
        if self.where.terms:
            self.series.update(budget_store.all_series(self.connection, self.project_id))
            series_ids = [series for series, dimensions in self.series.items() if self.where.matches(dimensions)]
        shares = cards_by_rule(self.connection, self.project_id, SHARE_OF_BILL)
        for rows in rerate_calls.pages(self.connection, self.project_id, run, series_ids, self.page_calls):
            self._meet({row[rerate_calls.SERIES] for row in rows})
            yield self._page(rows, prices, shares)

    def kept(self, run: Run) -> Iterator[Page]:
        """What a run changed, to be restored, after its place."""
        for place, changes, shared in rerate_calls.kept_pages(self.connection, self.project_id, run, self.page_calls):
            self._meet({change.series_id for change in changes})
            yield replace(_page(place, Tally(), changes, {}), shared=shared)

    def _meet(self, series_ids: set[int]) -> None:
        if unknown := [series for series in series_ids if series not in self.series]:
            self.series.update(budget_store.dimensions_of(self.connection, self.project_id, unknown))

    def _page(self, rows: Sequence[rerate_calls.Row], prices: ProjectPrices, shares: frozenset[int]) -> Page:
        tally = Tally()
        changes = []
        cards: dict[int, Mapping[str, Any]] = {}
        for row in rows:
            series_id = row[rerate_calls.SERIES]
            tally.look_at(row[0], series_id)
            before = Costs(*row[rerate_calls.COSTS])
            if before.rate_card_id in shares:
                continue  # a share of a real bill, which no price corrects
            priced = prices.price(stored_call(row[: len(PRICED_COLUMNS)], self.series[series_id]))
            after = Costs(*cost_values(priced))
            if not after.says(before):
                change = Change(row[0], row[1], row[2], series_id, before, after, not row[rerate_calls.CHANGED])
                tally.touch(change)
                changes.append(change)
                if after.rate_card_id is not None and after.rate_card_id not in cards:
                    cards |= [card] if (card := card_identity(priced)) is not None else []
        return _page(Place(*rows[-1][:3]), tally, changes, cards)


def _page(place: Place, tally: Tally, changes: Sequence[Change], cards: Mapping[int, Mapping[str, Any]]) -> Page:
    added = list(entries(changes))
    by_grain = {table: deltas(added, grain_us) for table, grain_us in GRAINS.items()}
    return Page(place, tally, changes, rerate_calls.staged(changes), by_grain, cards)


def ahead(items: Iterator[_Item]) -> Iterator[_Item]:
    """``items``, the next one being made in another thread while one is worked on."""
    with ThreadPoolExecutor(1, thread_name_prefix="costspan-rerate-read") as pool:
        following = pool.submit(next, items, None)
        while (item := following.result()) is not None:
            following = pool.submit(next, items, None)
            yield item
