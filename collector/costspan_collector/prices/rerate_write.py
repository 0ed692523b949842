"""What a re-rating writes: each batch in one transaction, so that the books balance between any two."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from costspan_collector.budgets.budget import Budget, standing_deltas
from costspan_collector.budgets.decide import Correction
from costspan_collector.call import Dimensions
from costspan_collector.prices.current import PricesChanged
from costspan_collector.prices.rerate_pages import Page
from costspan_collector.store import alerts as alert_store
from costspan_collector.store import budgets as budget_store
from costspan_collector.store import calls as call_store
from costspan_collector.store import rerate_calls
from costspan_collector.store import rerate_runs as runs
from costspan_collector.store.database import Connection, database_now
from costspan_collector.store.rerate_runs import Run
from costspan_collector.store.rollups import add_deltas


class Moved(Exception):
    """Calls of a batch are not as they were read: nothing of it was written, it is to be read again."""


@dataclass(slots=True)
class Batches:
    """Writes pages of a run through one connection. ``series`` are the dimensions of the series that the pages name.

    Raises ``PricesChanged`` and ``Moved``; nothing of the batch is kept then.
    """

    connection: Connection
    project_id: int
    series: Mapping[int, Dimensions]
    on_alert: Callable[[], None]
    _cards: set[int] = field(default_factory=set)
    _budgets: dict[UUID, Budget] = field(default_factory=dict)
    _budgets_version: int | None = None

    def __post_init__(self) -> None:
        rerate_calls.prepare(self.connection)

    def write(self, run: Run, page: Page) -> Run:
        """Change the calls of ``page``, then the rollups, the standings and the outbox."""
        alerts = 0
        with self.connection.transaction():
            if page.shared:
                self._restore_beneath_shares(run, page)
            if page.changes:
                rerate_calls.stage(self.connection, page.staged)
                versions = budget_store.lock_versions(self.connection, self.project_id)
                if run.state == "applying" and versions.prices != run.price_version:
                    raise PricesChanged(versions.prices)
                self._write_calls(run, page)
                for table, deltas in page.deltas.items():
                    add_deltas(self.connection, self.project_id, table, deltas)
                alerts = self._move_standings(run, page, versions.budgets)
            run = self._note(run, page)
        self._cards.update(page.cards)
        if alerts:
            self.on_alert()
        return run

    def finish(self, run: Run) -> Run:
        """End the run: withdraw the alerts that it took the ground from."""
        with self.connection.transaction():
            versions = budget_store.lock_versions(self.connection, self.project_id)
            if run.state == "applying" and versions.prices != run.price_version:
                raise PricesChanged(versions.prices)
            now = database_now(self.connection)
            notices = 0
            if run.calls_touched:
                budgets = self._current_budgets(versions.budgets).values()
                notices = alert_store.withdraw_alerts(
                    self.connection, self.project_id, budgets, run.from_time, run.to_time, now, _correction(run)
                )
            run = runs.finish(self.connection, self.project_id, run, now)
        if notices:
            self.on_alert()
        return run

    def start_over(self, run: Run, version: int) -> Run:
        """Make another pass, by the prices of ``version``: those of the pass under way are no longer in force."""
        with self.connection.transaction():
            return runs.start_over(self.connection, self.project_id, run, version)

    def _write_calls(self, run: Run, page: Page) -> None:
        new_cards = {card: row for card, row in page.cards.items() if card not in self._cards}
        if new_cards:
            call_store.insert_rate_cards(self.connection, self.project_id, new_cards)
        first, last = page.changes[0].start_time, page.changes[-1].start_time
        changed = rerate_calls.rewrite(self.connection, self.project_id, run, first, last)
        if changed != len(page.changes):
            raise Moved(f"{len(page.changes) - changed} of {len(page.changes)} calls are not as they were read")

    def _restore_beneath_shares(self, run: Run, page: Page) -> None:
        budget_store.lock_versions(self.connection, self.project_id)
        restored = rerate_calls.restore_beneath_shares(self.connection, self.project_id, run, page.place)
        if restored != page.shared:
            raise Moved(f"{page.shared} calls had a share of a bill, {restored} have one now")

    def _move_standings(self, run: Run, page: Page, budgets_version: int) -> int:
        budgets = self._current_budgets(budgets_version)
        quarter_hours = page.deltas["rollup_quarter_hour"]
        moved = standing_deltas(budgets.values(), quarter_hours, {series: self.series[series] for _, series in quarter_hours})
        if not moved:
            return 0
        standings = budget_store.add_spend(self.connection, self.project_id, budgets, moved)
        now: datetime = database_now(self.connection)
        return alert_store.write_alerts(self.connection, self.project_id, budgets, standings, now, _correction(run))

    def _current_budgets(self, version: int) -> dict[UUID, Budget]:
        if version != self._budgets_version:
            self._budgets = {budget.budget_id: budget for budget in budget_store.load(self.connection, self.project_id)}
            self._budgets_version = version
        return self._budgets

    def _note(self, run: Run, page: Page) -> Run:
        if run.state == "undoing":
            restored = run.calls_restored + len(page.changes)
            return runs.change(self.connection, self.project_id, run.rerate_id, place=page.place, calls_restored=restored)
        runs.add_groups(self.connection, self.project_id, run.rerate_id, page.tally)
        totals = runs.totals(page.tally, run)
        return runs.change(self.connection, self.project_id, run.rerate_id, place=page.place, **totals)


def _correction(run: Run) -> Correction:
    return Correction(run.rerate_id, is_undo=run.state == "undoing")
