"""When a standing becomes an alert. Decided on state, never on an increment, so that late spend cannot slip past."""

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from zoneinfo import ZoneInfo

from costspan import money
from costspan_collector.budgets.budget import Budget, StandingKey


@dataclass(frozen=True, slots=True)
class Correction:
    """A correction of prices that moved a standing: a re-rating, or the undoing of one."""

    rerate_id: int
    is_undo: bool = False

    @property
    def words(self) -> str:
        """What happened."""
        return f"re-rating {self.rerate_id} was undone" if self.is_undo else f"prices were corrected (re-rating {self.rerate_id})"


@dataclass(frozen=True, slots=True)
class Crossing:
    """A threshold that a standing has passed, with the reason in words.

    ``state`` is ``recovered`` where a correction brought the standing below it again; where the standing reached it, ``warned``
    for a threshold below 1, else ``breached``.
    """

    threshold: Decimal
    state: str
    reason: str


def crossings(
    budget: Budget,
    standing: StandingKey,
    spent_usd: Decimal,
    alerted: Collection[Decimal],
    correction: Correction | None = None,
) -> list[Crossing]:
    """The thresholds that ``spent_usd`` has reached and that were not yet ``alerted`` in this period, ascending.

    ``correction`` is what moved the standing, where that was no new spend: the reason says so.
    """
    after = f" after {correction.words}" if correction is not None else ""
    return [
        Crossing(threshold, state_at(threshold), f"{_spent(budget, standing, spent_usd)}, {_share(threshold)} reached{after}")
        for threshold in budget.thresholds
        if threshold not in alerted and spent_usd >= money.CONTEXT.multiply(threshold, budget.amount_usd)
    ]


def recoveries(
    budget: Budget, standing: StandingKey, spent_usd: Decimal, alerted: Collection[Decimal], correction: Correction
) -> list[Crossing]:
    """The ``alerted`` thresholds that ``spent_usd`` is below again after a correction, descending.

    Each may then be crossed, and alerted, again. A threshold that the budget no longer has is left alone.
    """
    said = _spent(budget, standing, spent_usd)
    return [
        Crossing(threshold, "recovered", f"{said}, below {_share(threshold)} again after {correction.words}")
        for threshold in reversed(budget.thresholds)
        if threshold in alerted and spent_usd < money.CONTEXT.multiply(threshold, budget.amount_usd)
    ]


def state_at(threshold: Decimal) -> str:
    """What reaching ``threshold`` means for a budget."""
    return "breached" if threshold >= 1 else "warned"


def standing_state(budget: Budget, spent_usd: Decimal) -> str:
    """``ok``, ``warned`` or ``breached``: the state that the highest threshold reached gives."""
    reached = [t for t in budget.thresholds if spent_usd >= money.CONTEXT.multiply(t, budget.amount_usd)]
    if spent_usd >= budget.amount_usd:
        return "breached"
    return state_at(reached[-1]) if reached else "ok"


def _share(threshold: Decimal) -> str:
    return f"{money.text((threshold * 100).normalize())}%"


def _spent(budget: Budget, standing: StandingKey, spent_usd: Decimal) -> str:
    scope = f" for {standing.scope}" if standing.scope else ""
    start = standing.period_start.astimezone(ZoneInfo(budget.timezone))
    since = f"{start:%Y-%m-%d %H:%M}" if budget.period == "hour" else f"{start:%Y-%m-%d}"
    return (
        f"{budget.name}{scope}: ${money.text(spent_usd)} spent of ${money.text(budget.amount_usd)} "
        f"in the {budget.period} from {since} ({budget.timezone})"
    )
