"""The demo's budget, and when the replayed calls must have crossed its thresholds."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from costspan_collector.demo.ledger import Spend, spend_of
from costspan_collector.demo.product import BUDGETED_FEATURE, PlannedCall

THRESHOLDS = (Decimal("0.5"), Decimal("0.8"), Decimal(1))
# The share of the replayed spend at which the budget breaks: well before the end, so that the alert comes meanwhile.
BREAKS_AT = Decimal("0.6")

# A month that ends during the demo would split its spend over two periods; somewhere it does not end then.
_LONGEST_DEMO = timedelta(minutes=30)
_ELSEWHERE = "Etc/GMT+12"


@dataclass(frozen=True, slots=True)
class DemoBudget:
    """A monthly budget of ``amount_usd`` on ``BUDGETED_FEATURE``."""

    amount_usd: Decimal
    timezone: str

    @property
    def name(self) -> str:
        """What people call it."""
        return f"{BUDGETED_FEATURE} per month"

    def body(self, webhook_url: str, secret: str) -> Mapping[str, Any]:
        """The body of the request that creates it."""
        return {
            "name": self.name,
            "filter": f"feature:{BUDGETED_FEATURE}",
            "period": "month",
            "timezone": self.timezone,
            "amount_usd": str(self.amount_usd),
            "thresholds": [str(threshold) for threshold in THRESHOLDS],
            "channels": [{"type": "webhook", "url": webhook_url, "secret": secret}],
        }


def budget_for(expected: Mapping[str, Spend], now: datetime) -> DemoBudget:
    """The budget that breaks at ``BREAKS_AT`` of the ``expected`` spend, rounded to cents. ``now`` is an aware datetime."""
    amount = (expected[BUDGETED_FEATURE].cost_usd * BREAKS_AT).quantize(Decimal("0.01"))
    ends_in_utc = now.astimezone(UTC).month != (now.astimezone(UTC) + _LONGEST_DEMO).month
    return DemoBudget(amount, _ELSEWHERE if ends_in_utc else "UTC")


@dataclass
class CrossingWatch:
    """Adds up calls as they end and notes when, by ``time.monotonic()``, each threshold of ``budget`` was crossed."""

    budget: DemoBudget
    crossed_s: dict[Decimal, float] = field(default_factory=dict)
    _spent: Spend = field(default_factory=Spend)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, call: PlannedCall) -> None:
        """Count a call that has just ended. May be called from any thread."""
        if call.feature.name != BUDGETED_FEATURE:
            return
        with self._lock:
            self._spent += spend_of(call)
            for threshold in THRESHOLDS:
                if self._spent.cost_usd >= threshold * self.budget.amount_usd:
                    self.crossed_s.setdefault(threshold, time.monotonic())
