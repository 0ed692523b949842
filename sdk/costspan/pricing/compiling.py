"""From price lines to a rate card: which line holds for each meter at an instant under a call's conditions.

For each meter the most specific line in force wins: one that names the call's tier, then the higher layer, then more
conditions, then a week rule, then the later start, then a correction. A price under a tier so leaves meters that it does
not name at the standard rates. Multipliers apply after the threshold is chosen, all that fit, but never for a condition that the
chosen line states itself.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from costspan.pricing.card import RateCard
from costspan.pricing.lines import Conditions, Factor, Multiplier, PriceLine, Rate, within
from costspan.usage import INPUT_METERS, OUTPUT_METERS

_TOKEN_METERS = frozenset((*INPUT_METERS, *OUTPUT_METERS))
_EARLIEST = datetime.min.replace(tzinfo=UTC)
TIER = "tier"
# Most models cost the same everywhere, and without a contract what the list says.
_MAY_BE_UNMET = frozenset({"region", "contract"})


@dataclass(frozen=True, slots=True)
class Terms:
    """The lines and multipliers that one layer of the book has for a model. ``rank`` is the layer's; higher goes first."""

    layer: str
    rank: int
    lines: tuple[PriceLine, ...]
    multipliers: tuple[Multiplier, ...]


class Segments:
    """The spans of time within which the same lines hold. ``key`` names the one that holds an instant."""

    def __init__(self, terms: Sequence[Terms]) -> None:
        dated = [(line.valid_from, line.valid_to) for part in terms for line in part.lines]
        dated += [(multiplier.valid_from, multiplier.valid_to) for part in terms for multiplier in part.multipliers]
        self._edges = sorted({edge for span in dated for edge in span if edge is not None})
        self._weeks = tuple({line.week for part in terms for line in part.lines if line.week is not None})

    def key(self, at: datetime) -> tuple[int, ...]:
        """Equal for instants at which the same lines hold."""
        return (bisect_right(self._edges, at), *(week.holds(at) for week in self._weeks))


def compile_card(
    terms: Sequence[Terms], at: datetime, conditions: Conditions, *, provider: str, model: str, rule: str
) -> RateCard | None:
    """The card in force at ``at`` under ``conditions``, or None where no line of any layer has a rate.

    A time before the first price takes the first, one after the last the last, and the card says so in ``assumed``; but
    a layer is not stretched so where one beneath it has a price in force.
    """
    chosen, outside = _chosen(terms, at, conditions)
    if not chosen:
        return None
    assumed = [f"{provider} {model} has no price {when}" for when in outside]
    met = {name for line, _, _ in chosen.values() for name in line.conditions}
    rates: dict[str, Rate] = {}
    for meter, (line, rate, part) in chosen.items():
        factors, named = _factors(terms, part, line, meter, at, conditions)
        met |= named
        rates[meter] = replace(rate, factors=factors, source=line.source)
    assumed += [
        f"{provider} {model} has no rates for {name} {conditions[name]}: the standard ones are taken"
        for name in _unmet(terms, conditions, met)
    ]
    assumed += dict.fromkeys(line.assumed for line, _, _ in chosen.values() if line.assumed)
    starts = [line.valid_from for line, _, _ in chosen.values() if line.valid_from is not None]
    return RateCard(
        provider=provider,
        model=model,
        rates=rates,
        rule=rule,
        source="; ".join(dict.fromkeys(rate.source for rate in rates.values())),
        valid_from=max(starts).isoformat().replace("+00:00", "Z") if starts else None,
        conditions={name: value for name, value in conditions.items() if name in met},
        assumed="; ".join(assumed) or None,
    )


def _chosen(
    terms: Sequence[Terms], at: datetime, conditions: Conditions
) -> tuple[dict[str, tuple[PriceLine, Rate, Terms]], list[str]]:
    """The line for each meter, and what is said of times without a price."""
    best: dict[str, tuple[object, ...]] = {}
    chosen: dict[str, tuple[PriceLine, Rate, Terms]] = {}
    outside: dict[int, str] = {}
    is_held = False
    for part in sorted(terms, key=lambda part: part.rank):
        lines, without = _holding(part.lines, at, conditions)
        if without and is_held:
            # A contract that starts tomorrow says nothing of today while the list has a price for today.
            continue
        if without:
            outside[id(part)] = without
        is_held = is_held or (bool(lines) and without is None)
        for order, line in enumerate(lines):
            special = (without is None, *_specificity(part, line, order))
            for meter, rate in line.rates.items():
                if meter not in best or special > best[meter]:
                    best[meter] = special
                    chosen[meter] = (line, rate, part)
    stretched = {id(part): None for _, _, part in chosen.values() if id(part) in outside}
    return chosen, [outside[part] for part in stretched]


def _holding(lines: Iterable[PriceLine], at: datetime, conditions: Conditions) -> tuple[list[PriceLine], str | None]:
    fitting = [line for line in lines if line.status != "withdrawn" and _fits(line.conditions, conditions)]
    holding = [line for line in fitting if line.in_force(at)]
    if holding or not fitting:
        return holding, None
    # Only a list that has no price at all for the time is stretched; one whose week rule is not met just has none.
    dated = [line for line in fitting if line.week is None]
    later = [line for line in dated if line.valid_from is not None and line.valid_from > at]
    if later:
        first = min(line.valid_from or _EARLIEST for line in later)
        return [line for line in later if line.valid_from == first], f"before {first:%Y-%m-%d}: that of then is taken"
    earlier = [line for line in dated if line.valid_to is not None]
    if not earlier:
        return [], None
    last = max(line.valid_to or _EARLIEST for line in earlier)
    return [line for line in earlier if line.valid_to == last], f"after {last:%Y-%m-%d}: that of then is taken"


def _unmet(terms: Sequence[Terms], conditions: Conditions, met: set[str]) -> list[str]:
    """The conditions that the price should depend on but no chosen line or factor names."""
    named = {name for part in terms for line in part.lines for name in line.conditions}
    missing = [name for name in sorted(conditions) if name not in met]
    return [name for name in missing if name == TIER or (name in named and name not in _MAY_BE_UNMET)]


def _fits(wanted: Conditions, conditions: Conditions) -> bool:
    return all(conditions.get(name) == value for name, value in wanted.items())


def _specificity(part: Terms, line: PriceLine, order: int) -> tuple[object, ...]:
    return (
        TIER in line.conditions,
        part.rank,
        len(line.conditions),
        line.week is not None,
        line.valid_from or _EARLIEST,
        line.is_correction,
        order,
    )


def _factors(
    terms: Sequence[Terms], of: Terms, line: PriceLine, meter: str, at: datetime, conditions: Mapping[str, str]
) -> tuple[tuple[Factor, ...], set[str]]:
    """The factors on a rate that ``of`` states: its own layer's, and those of the layers above, such as a contract's."""
    factors: list[Factor] = []
    named: set[str] = set()
    for part in terms:
        if part.rank < of.rank or (part is of and of.layer == "contract"):
            continue
        for multiplier in part.multipliers:
            applies = (
                within(multiplier.valid_from, multiplier.valid_to, at)
                and _fits(multiplier.conditions, conditions)
                and not any(name in line.conditions for name in multiplier.conditions)
                and (meter in _TOKEN_METERS if multiplier.meters is None else meter in multiplier.meters)
            )
            if applies:
                factors.append(Factor(multiplier.name, multiplier.factor))
                named |= set(multiplier.conditions)
    return tuple(factors), named
