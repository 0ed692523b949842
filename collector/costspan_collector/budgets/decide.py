"""When a standing becomes an alert. Decided on state, never on an increment, so that late spend cannot slip past."""

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from zoneinfo import ZoneInfo

from costspan import money
from costspan_collector.budgets.budget import Budget, StandingKey


@dataclass(frozen=True, slots=True)
class Crossing:
    """A threshold that a standing has reached, with the reason in words. ``state`` is ``warned`` below 1, else ``breached``."""

    threshold: Decimal
    state: str
    reason: str


def crossings(budget: Budget, standing: StandingKey, spent_usd: Decimal, alerted: Collection[Decimal]) -> list[Crossing]:
    """The thresholds that ``spent_usd`` has reached and that were not yet ``alerted`` in this period, ascending."""
    return [
        Crossing(threshold, state_at(threshold), _reason(budget, standing, spent_usd, threshold))
        for threshold in budget.thresholds
        if threshold not in alerted and spent_usd >= money.CONTEXT.multiply(threshold, budget.amount_usd)
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


def _reason(budget: Budget, standing: StandingKey, spent_usd: Decimal, threshold: Decimal) -> str:
    share = money.text((threshold * 100).normalize())
    scope = f" for {standing.scope}" if standing.scope else ""
    start = standing.period_start.astimezone(ZoneInfo(budget.timezone))
    since = f"{start:%Y-%m-%d %H:%M}" if budget.period == "hour" else f"{start:%Y-%m-%d}"
    return (
        f"{budget.name}{scope}: ${money.text(spent_usd)} spent of ${money.text(budget.amount_usd)} "
        f"in the {budget.period} from {since} ({budget.timezone}), {share}% reached"
    )
