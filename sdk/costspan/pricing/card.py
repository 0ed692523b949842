"""A rate card: the prices of one model under one set of conditions at one time, and the rating of usage by it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, NamedTuple

from costspan import money
from costspan.usage import INPUT_METERS, Quantity, Usage

CostState = Literal["priced", "partial", "unpriced", "estimated", "reported", "free"]
COST_STATES: tuple[CostState, ...] = ("priced", "partial", "unpriced", "estimated", "reported", "free")

_INPUT_METERS = frozenset(INPUT_METERS)

# A meter without a rate of its own is billed as another only where every provider does so: thinking is billed as
# output, and a cache write without a named TTL has the default one. Nothing falls back to a rate that would be a guess.
_BILLED_AS = {
    "reasoning": "output",
    "input_image": "input",
    "input_video": "input",
    "cache_read_image": "cache_read",
    "cache_write_5m": "cache_write",
    "cache_write": "cache_write_5m",
}


@dataclass(frozen=True, slots=True)
class Rate:
    """``price`` dollars for ``per`` units. ``over`` re-prices the whole request above that many input tokens."""

    price: Decimal
    per: int
    over: tuple[tuple[int, Decimal], ...] = ()

    def price_at(self, total_input_tokens: int) -> Decimal:
        """The unit price for a request of that many input tokens, caches included."""
        price = self.price
        for threshold, higher in self.over:
            if total_input_tokens > threshold:
                price = higher
        return price


@dataclass(frozen=True, slots=True)
class RateCard:
    """Rates by meter, and where they come from: the catalogue's provider and model, the rule that chose it,
    the conditions (such as ``tier``), the start of validity as an ISO date or None, and the data's source.

    ``assumed`` says in words which asked-for condition has no rate, so that another one's was taken.
    """

    provider: str
    model: str
    rates: Mapping[str, Rate]
    rule: str
    source: str
    valid_from: str | None = None
    conditions: Mapping[str, str] = field(default_factory=dict)
    assumed: str | None = None

    def rate_of(self, meter: str) -> Rate | None:
        """The rate that bills ``meter``, or None if the card has none."""
        rate = self.rates.get(meter)
        return rate if rate is not None else self.rates.get(_BILLED_AS.get(meter, ""))


class LineItem(NamedTuple):
    """``quantity`` of ``meter`` at ``unit_price`` dollars per ``per`` units is ``amount`` dollars (18 decimals)."""

    meter: str
    quantity: Quantity
    unit_price: Decimal
    per: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Cost:
    """What a call costs, in dollars, as far as known.

    ``amount`` is the exact sum of ``items`` and None when nothing could be priced: unknown is not zero.
    ``reason`` says in words why a cost is not simply ``priced``.
    """

    amount: Decimal | None
    state: CostState
    items: tuple[LineItem, ...] = ()
    card: RateCard | None = None
    reason: str | None = None


def rate_usage(usage: Usage | None, card: RateCard, *, incomplete: bool = False) -> Cost:
    """Rate ``usage`` by ``card``. A meter that was used but has no rate makes the cost ``partial`` and is named.

    Raises nothing: usage that cannot be priced at all gives ``unpriced`` with the reason.
    """
    if not usage:
        return Cost(None, "unpriced", card=card, reason="no_usage: the provider reported none")
    total_input = sum([int(quantity) for meter, quantity in usage.items() if meter in _INPUT_METERS])
    items: list[LineItem] = []
    missing: list[str] = []
    for meter, quantity in usage.items():
        rate = card.rate_of(meter)
        if rate is None:
            if quantity:
                missing.append(meter)
            continue
        price = rate.price_at(total_input)
        items.append(LineItem(meter, quantity, price, rate.per, money.line_amount(quantity, price, rate.per)))
    if "request" in card.rates and "request" not in usage:
        rate = card.rates["request"]
        items.append(LineItem("request", 1, rate.price, rate.per, money.line_amount(1, rate.price, rate.per)))
    return _cost(tuple(items), missing, card, incomplete)


def _cost(items: tuple[LineItem, ...], missing: list[str], card: RateCard, incomplete: bool) -> Cost:
    lacks = f"{card.provider} {card.model} has no rate for {', '.join(missing)}" if missing else ""
    if missing and not any(item.quantity for item in items):
        return Cost(None, "unpriced", card=card, reason=lacks)
    amount = money.total([item.amount for item in items])
    if missing:
        return Cost(amount, "partial", items, card, lacks)
    if incomplete:
        return Cost(amount, "estimated", items, card, "the stream ended early: only partial figures were reported")
    if card.assumed:
        return Cost(amount, "estimated", items, card, card.assumed)
    if items and not any(item.unit_price for item in items):
        return Cost(amount, "free", items, card)
    return Cost(amount, "priced", items, card)
