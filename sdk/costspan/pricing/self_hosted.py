"""Models on machines of one's own: a card of GPUs, their price and their speed, and the price of a token by it. Pure.

Speed and price are told in *weighted tokens*, because a token written takes more of a machine than one read: a prompt token
is one (``prefill``), a written one four (``decode``), a cached one a tenth (``cached``), unless the card says otherwise.
A price is kept as two exact decimals, dollars an hour for tokens an hour, since the price of one token mostly does not terminate.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from costspan import money
from costspan.pricing.lines import ModelPrices, PriceLine, ProviderPrices, Rate
from costspan.pricing.matching import matches, pattern_clause
from costspan.pricing.naming import provider_id, spellings
from costspan.usage import CACHE_READ_METERS, INPUT_METERS, METERS, OUTPUT_METERS

PREFILL, DECODE, CACHED = "prefill", "decode", "cached"
DEFAULT_WEIGHTS: Mapping[str, Decimal] = {PREFILL: Decimal(1), DECODE: Decimal(4), CACHED: Decimal("0.1")}
# What a card's tokens per second may be a count of.
COUNTED = ("weighted", PREFILL, DECODE)

_GROUP_OF_METER: Mapping[str, str] = {
    **dict.fromkeys(INPUT_METERS, PREFILL),
    **dict.fromkeys(CACHE_READ_METERS, CACHED),
    **dict.fromkeys(OUTPUT_METERS, DECODE),
}
_LARGEST_DIGITS = 15
_SECONDS_PER_HOUR = 3600


class Figure(NamedTuple):
    """A figure of a card, and whether it was measured or is assumed."""

    value: Decimal
    is_measured: bool = False


@dataclass(frozen=True, slots=True)
class SelfHostedCard:
    """The machines that serve the models of ``provider`` that ``model`` (a name, or a start and ``*``) accepts.

    ``tokens_per_s`` is what all ``gpus`` together do when busy, counted as ``counted`` says: in weighted tokens, or in tokens
    read (``prefill``) or written (``decode``) alone. ``utilisation`` is the busy share of the time, above 0 and up to 1.
    ``weights`` are of the groups ``prefill``, ``decode`` and ``cached``, or of single meters. In force from ``valid_from`` to
    before ``valid_to``, both on whole hours, since machines are billed by the hour. Raises ValueError for a figure that cannot
    be.
    """

    provider: str
    model: str
    gpus: int
    usd_per_gpu_hour: Decimal
    tokens_per_s: Figure
    utilisation: Figure
    weights: Mapping[str, Decimal] = field(default_factory=lambda: DEFAULT_WEIGHTS)
    counted: str = "weighted"
    gpu: str = ""
    note: str = ""
    valid_from: datetime | None = None
    valid_to: datetime | None = None

    def __post_init__(self) -> None:
        _check(self)

    @property
    def catalogue_provider(self) -> str:
        """The price book's name of the provider."""
        return provider_id(self.provider) or self.provider

    @property
    def usd_per_hour(self) -> Decimal:
        """What all GPUs cost together in an hour."""
        return money.CONTEXT.multiply(self.gpus, self.usd_per_gpu_hour)

    @property
    def capacity_per_hour(self) -> Decimal:
        """The weighted tokens that a fully busy hour does."""
        weight = Decimal(1) if self.counted == "weighted" else self.weights.get(self.counted, DEFAULT_WEIGHTS[self.counted])
        return money.CONTEXT.multiply(money.CONTEXT.multiply(self.tokens_per_s.value, weight), _SECONDS_PER_HOUR)

    @property
    def assumed(self) -> str:
        """What is taken for granted in the price of a token, in words; empty if all was measured."""
        guesses = []
        if not self.tokens_per_s.is_measured:
            guesses.append(f"{money.text(self.tokens_per_s.value)} tokens/s")
        if not self.utilisation.is_measured:
            guesses.append(f"a utilisation of {money.text(self.utilisation.value)}")
        return f"self-hosted {self.model}: assumed, not measured: {' and '.join(guesses)}" if guesses else ""

    def weight_of(self, meter: str) -> Decimal | None:
        """How many tokens one of ``meter`` counts for, or None if the machine's time is not told by it."""
        own = self.weights.get(meter)
        if own is not None:
            return own
        group = _GROUP_OF_METER.get(meter)
        return None if group is None else self.weights.get(group, DEFAULT_WEIGHTS[group])

    def rates(self, usd: Decimal, weighted_tokens: Decimal) -> dict[str, Rate]:
        """The exact rates at which ``usd`` are carried by ``weighted_tokens``."""
        return {
            meter: Rate(money.CONTEXT.multiply(usd, weight), weighted_tokens)
            for meter in METERS
            if (weight := self.weight_of(meter)) is not None
        }

    def describe(self) -> str:
        """The card in one line, as sources name it."""
        busy, speed = self.utilisation, self.tokens_per_s
        return (
            f"self-hosted {self.model}: {self.gpus} x {self.gpu or 'GPU'} at ${money.text(self.usd_per_gpu_hour)} an hour, "
            f"{money.text(speed.value)} {'' if self.counted == 'weighted' else self.counted + ' '}tokens/s {_origin(speed)}, "
            f"utilisation {money.text(busy.value)} {_origin(busy)}"
        )


def price_line(card: SelfHostedCard) -> PriceLine:
    """The standard price by ``card``: what an hour costs over what its utilised part does, as exact rates."""
    tokens = money.CONTEXT.multiply(card.capacity_per_hour, card.utilisation.value)
    return PriceLine(
        rates=card.rates(card.usd_per_hour, tokens),
        source=card.describe(),
        valid_from=card.valid_from,
        valid_to=card.valid_to,
        quote=card.note,
        assumed=card.assumed,
    )


def provider_prices(cards: Iterable[SelfHostedCard]) -> dict[str, ProviderPrices]:
    """The price book's layer of self-hosted models: by provider, one model for each pattern."""
    lines: dict[str, dict[str, list[PriceLine]]] = {}
    for card in cards:
        lines.setdefault(card.catalogue_provider, {}).setdefault(card.model.lower(), []).append(price_line(card))
    return {
        provider: ProviderPrices(
            provider, tuple(ModelPrices(pattern, pattern_clause(pattern), tuple(found)) for pattern, found in patterns.items())
        )
        for provider, patterns in lines.items()
    }


def serves(card: SelfHostedCard, provider: str | None, names: Iterable[str | None]) -> bool:
    """Whether ``card`` serves a call of ``provider`` for a model of one of ``names``, read as the price book reads them."""
    if provider is None or provider_id(provider) != card.catalogue_provider:
        return False
    clause = pattern_clause(card.model.lower())
    return any(matches(clause, spelling.name.lower()) for name in names if name for spelling in spellings(name))


def overlap(one: str, other: str) -> bool:
    """Whether two model patterns may accept the same name."""
    first, second = one.lower(), other.lower()
    if first.endswith("*"):
        first, second = second, first
    if not second.endswith("*"):
        return first == second
    start = second[:-1]
    return first.rstrip("*").startswith(start) or (first.endswith("*") and start.startswith(first[:-1]))


def _origin(figure: Figure) -> str:
    return "measured" if figure.is_measured else "assumed"


def _check(card: SelfHostedCard) -> None:
    for name, text in (("provider", card.provider), ("model", card.model)):
        if not text.strip():
            raise ValueError(f"{name}: {text!r} is empty; name the {name} as calls do")
    if provider_id(card.provider) is None:
        raise ValueError(f"provider: {card.provider!r} is a router and has no prices; name the provider behind it")
    if "*" in card.model[:-1]:
        raise ValueError(f"model: {card.model!r} has a * that is not at its end; a pattern is a name or a start and *")
    if card.gpus < 1:
        raise ValueError(f"gpus: {card.gpus} is not allowed; give a whole number above 0")
    _positive("usd_per_gpu_hour", card.usd_per_gpu_hour)
    _positive("tokens_per_s", card.tokens_per_s.value)
    _positive("utilisation", card.utilisation.value)
    if card.utilisation.value > 1:
        raise ValueError(f"utilisation: {card.utilisation.value} is not allowed; give a share above 0 and up to 1, such as 0.6")
    if card.counted not in COUNTED:
        raise ValueError(f"counted: {card.counted!r} is none of {', '.join(COUNTED)}")
    for name, weight in card.weights.items():
        if name not in DEFAULT_WEIGHTS and name not in METERS:
            raise ValueError(f"weights: {name!r} is neither {', '.join(DEFAULT_WEIGHTS)} nor one of {', '.join(METERS)}")
        if not weight.is_finite() or weight < 0 or len(weight.as_tuple().digits) > _LARGEST_DIGITS:
            raise ValueError(
                f"weights.{name}: {weight} is not allowed; give a decimal of at least 0 and {_LARGEST_DIGITS} digits"
            )
    if not card.capacity_per_hour:
        raise ValueError(f"weights.{card.counted}: 0 is not allowed where tokens_per_s counts those tokens")
    for name, at in (("valid_from", card.valid_from), ("valid_to", card.valid_to)):
        if at is not None and (at.tzinfo is None or at.minute or at.second or at.microsecond):
            raise ValueError(f"{name}: {at.isoformat()} is no whole hour with a time zone, such as 2026-11-01T00:00:00Z")
    if card.valid_from is not None and card.valid_to is not None and card.valid_to <= card.valid_from:
        raise ValueError(f"valid_to: {card.valid_to.isoformat()} is not after valid_from {card.valid_from.isoformat()}")


def _positive(name: str, value: Decimal) -> None:
    if not value.is_finite() or value <= 0 or len(value.as_tuple().digits) > _LARGEST_DIGITS:
        raise ValueError(f"{name}: {value} is not allowed; give a decimal above 0 of at most {_LARGEST_DIGITS} digits")
