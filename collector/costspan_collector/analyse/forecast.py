"""What a period will have cost at its end, from its own hours so far."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from costspan import money

# A rate seen for less than a day says nothing about nights.
_LEAST = timedelta(days=1)
_WINDOW = timedelta(days=7)
METHOD = "spent so far plus the mean hourly spend of the last 7 days for the hours that remain"


@dataclass(frozen=True, slots=True)
class Forecast:
    """``forecast_usd`` is None where too little is known; ``reason`` then says why."""

    spent_usd: Decimal
    forecast_usd: Decimal | None
    method: str
    reason: str | None


def forecast(hours: Sequence[tuple[datetime, Decimal]], end: datetime, now: datetime) -> Forecast:
    """The forecast for a period that ends at ``end``, from (hour, dollars) pairs of it up to ``now``."""
    spent = money.total(Decimal(amount) for _, amount in hours)
    if not hours:
        return Forecast(spent, None, METHOD, "too little data: nothing was spent in this period yet")
    if now - hours[0][0] < _LEAST:
        return Forecast(spent, None, METHOD, "too little data: at least a day of spend must have been seen")
    since = max(now - _WINDOW, hours[0][0])
    recent = money.total(Decimal(amount) for hour, amount in hours if hour >= since)
    share = Decimal((end - now) // timedelta(seconds=1)) / Decimal((now - since) // timedelta(seconds=1))
    remaining = money.CONTEXT.multiply(recent, share)
    cents = money.CONTEXT.add(spent, remaining).quantize(Decimal("0.000001"), context=money.CONTEXT)
    return Forecast(spent, cents, METHOD, None)
