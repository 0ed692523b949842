"""The bill of an hour of GPUs, split over the calls of that hour and what stood idle. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from math import lcm

from costspan import money
from costspan.pricing import CostState, RateCard
from costspan.pricing.apportion import apportion
from costspan.pricing.self_hosted import SelfHostedCard
from costspan.usage import METERS, Usage

# The rule of rate cards whose amounts are a share of a real bill: a re-rating leaves calls with such a card alone.
SHARE_OF_BILL = "a share of the hour's bill"


@dataclass(frozen=True, slots=True)
class HourCall:
    """What of a call decides its share: its usage, and whether only partial figures were reported."""

    usage: Usage | None
    incomplete: bool = False


@dataclass(frozen=True, slots=True)
class NewCost:
    """What a call costs by the bill, and how that is to be read."""

    usd: Decimal
    state: CostState
    reason: str | None


@dataclass(frozen=True, slots=True)
class HourSplit:
    """``costs`` in the order of the calls, None for one without usage; they and ``idle_usd`` sum to the bill exactly.

    ``used`` and ``capacity`` are weighted tokens. ``card`` holds the rates that the costs come from, before the rounding that
    makes them add up: less than one unit of the 18th decimal a call.
    """

    costs: tuple[NewCost | None, ...]
    idle_usd: Decimal
    busy_usd: Decimal
    used: Decimal
    capacity: Decimal
    card: RateCard


def split_hour(bill_usd: Decimal, calls: Sequence[HourCall], card: SelfHostedCard, hour: datetime) -> HourSplit:
    """``bill_usd`` of the hour that begins at ``hour``, split by weighted tokens.

    The part of the hour that was busy (what was used of the card's capacity; all of it if more was used) goes to the calls, the
    rest is idle. Raises ValueError for a bill below 0 or with more than 18 decimals.
    """
    if bill_usd < 0:
        raise ValueError(f"usd: {bill_usd} is not allowed; a bill is at least 0")
    whole_numbers = _WholeNumbers(card, calls)
    parts = [whole_numbers.weighted(call.usage) for call in calls if call.usage]
    used = sum(parts)
    idle = max(whole_numbers.capacity - used, 0)
    shares = apportion(bill_usd, [*parts, idle])
    idle_usd = shares.pop()
    # How much was idle follows from the speed alone; where nothing was, the bill is split without it.
    assumed = "" if card.tokens_per_s.is_measured or not idle else _assumed_speed(card)
    following = iter(shares)
    costs = tuple(_cost(next(following), call, card, assumed) if call.usage else None for call in calls)
    used_tokens = money.CONTEXT.divide(Decimal(used), whole_numbers.scale)
    carried = max(used_tokens, card.capacity_per_hour)
    busy_usd = money.CONTEXT.subtract(bill_usd, idle_usd)
    meters = {meter for call in calls for meter in call.usage or ()}
    rate_card = _rate_card(card, hour, bill_usd, carried, meters)
    return HourSplit(costs, idle_usd, busy_usd, used_tokens, card.capacity_per_hour, rate_card)


class _WholeNumbers:
    """Weighted tokens of one hour in units so small, ``scale`` to a token, that all are whole: whole numbers add up fast."""

    def __init__(self, card: SelfHostedCard, calls: Iterable[HourCall]) -> None:
        weights = {meter: Fraction(card.weight_of(meter) or 0) for meter in METERS}
        capacity = Fraction(card.capacity_per_hour)
        # Only what is not counted in tokens, such as seconds of sound, comes in fractions.
        fractions = {
            Fraction(quantity).denominator
            for call in calls
            for quantity in (call.usage or {}).values()
            if not isinstance(quantity, int)
        }
        of_quantities = lcm(*fractions)
        of_weights = lcm(*(weight.denominator for weight in weights.values()))
        self.scale = lcm(of_quantities * of_weights, capacity.denominator)
        self.capacity = int(capacity * self.scale)
        self._weights = {meter: int(weight * of_weights) * (self.scale // of_weights) for meter, weight in weights.items()}

    def weighted(self, usage: Usage) -> int:
        """What a call used."""
        total: int | Fraction = 0
        for meter, quantity in usage.items():
            weight = self._weights.get(meter)
            if weight:
                total += quantity * weight if isinstance(quantity, int) else Fraction(quantity) * weight
        return int(total)


def _cost(usd: Decimal, call: HourCall, card: SelfHostedCard, assumed: str) -> NewCost:
    missing = [meter for meter, quantity in (call.usage or {}).items() if quantity and card.weight_of(meter) is None]
    if missing:
        return NewCost(usd, "partial", f"self-hosted {card.model} has no weight for {', '.join(missing)}")
    if call.incomplete:
        return NewCost(usd, "estimated", "the stream ended early: only partial figures were reported")
    return NewCost(usd, "estimated", assumed) if assumed else NewCost(usd, "priced", None)


def _assumed_speed(card: SelfHostedCard) -> str:
    speed = money.text(card.tokens_per_s.value)
    return f"self-hosted {card.model}: {speed} tokens/s are assumed, not measured, and so is what of the hour was idle"


def _rate_card(card: SelfHostedCard, hour: datetime, bill_usd: Decimal, tokens: Decimal, meters: set[str]) -> RateCard:
    begins = hour.isoformat().replace("+00:00", "Z")
    return RateCard(
        provider=card.catalogue_provider,
        model=card.model.lower(),
        rates={meter: rate for meter, rate in card.rates(bill_usd, tokens).items() if meter in meters},
        rule=SHARE_OF_BILL,
        source=f"bill of ${money.text(bill_usd)} for the hour from {begins}; {card.describe()}",
        valid_from=begins,
    )
