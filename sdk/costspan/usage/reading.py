"""From a provider's usage object to disjoint meters: one engine for the shapes that ``shapes.py`` states as data."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from itertools import combinations
from typing import Any, Literal

from costspan.usage.figures import FigureReader, Figures
from costspan.usage.meters import Quantity

Basis = Literal["inclusive", "exclusive", "proved"]
Paths = tuple[str, ...]

_MODALITIES = ("input_audio", "input_image", "input_video", "output_audio", "output_image", "output_video")
# More portions than this in one usage object are not searched for the one that explains the grand total.
_MOST_PORTIONS = 8


@dataclass(frozen=True, eq=False)
class UsageShape:
    """Where one kind of usage object keeps its figures, as paths (``paths.py``); the first that is present counts.

    ``input`` and ``output`` name totals, of which ``input_parts`` and ``output_parts`` are portions unless
    ``exclusive_input`` says that ``input`` already leaves the parts out (Anthropic, Bedrock). ``outside`` are figures that
    are in neither total, by the meter that they add to. ``splits`` name the finer meters of a part; what the split leaves
    over stays at the part. ``split_default`` names the meter of a part that comes without any split, where the provider
    documents it; its split either adds up or says nothing. ``overlaps`` names what a part's figure holds of another part
    (audio input, cached audio included). ``counts`` are not tokens.

    ``unexplained`` is the meter for what the grand ``total`` holds beyond all else, by a word in the model's name.
    ``cost`` lists where the provider states its own charge, and how many decimal places its unit is below a US dollar;
    what is true at ``cost_is_fee`` says that it is a fee alone, beside what somebody else bills.
    """

    input: Paths = ()
    output: Paths = ()
    total: str = ""
    input_parts: Mapping[str, Paths] = field(default_factory=dict)
    output_parts: Mapping[str, Paths] = field(default_factory=dict)
    outside: Mapping[str, Paths] = field(default_factory=dict)
    splits: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    split_default: Mapping[str, str] = field(default_factory=dict)
    overlaps: Mapping[str, str] = field(default_factory=dict)
    counts: Mapping[str, Paths] = field(default_factory=dict)
    exclusive_input: bool = False
    unexplained: Mapping[str, str] = field(default_factory=dict)
    cost: tuple[tuple[str, int], ...] = ()
    cost_is_fee: str = ""

    @cached_property
    def figures(self) -> FigureReader:
        """What finds the figures of such a usage object."""
        parts = (self.input_parts, self.output_parts, self.outside, self.counts)
        alternatives = (self.input, self.output, *(paths for table in parts for paths in table.values()))
        finer = (path for split in self.splits.values() for path in split.values())
        costs = (path for path, _ in self.cost)
        named = (path for paths in alternatives for path in paths)
        return FigureReader([self.total, *named, *finer, *self.overlaps.values(), *costs, self.cost_is_fee])


@dataclass(frozen=True, slots=True)
class Reading:
    """Disjoint ``usage`` read from a usage object, on which basis its totals were understood, and the charge in US
    dollars that the provider itself stated, if it did."""

    usage: dict[str, Quantity]
    basis: Basis
    reported_cost_usd: Decimal | None = None

    def plus(self, other: "Reading") -> "Reading":
        """Both together: meter by meter, known charges added."""
        usage = dict(self.usage)
        for meter, quantity in other.usage.items():
            usage[meter] = usage.get(meter, 0) + quantity
        costs = [cost for cost in (self.reported_cost_usd, other.reported_cost_usd) if cost is not None]
        return Reading(usage, self.basis, sum(costs, Decimal(0)) if costs else None)


def figures_of(shape: UsageShape, source: Any) -> Figures | None:
    """The figures that ``source`` (a mapping or an object with attributes) holds at the paths of ``shape``; None without
    a source."""
    return None if source is None else shape.figures.read(source)


def read_usage(shape: UsageShape, source: Any, model: str = "") -> Reading | None:
    """``reading_of`` what ``figures_of`` finds in ``source``."""
    return reading_of(shape, figures_of(shape, source), model)


def reading_of(shape: UsageShape, figures: Figures | None, model: str = "") -> Reading | None:
    """The disjoint usage that ``figures``, those of a usage object of ``shape``, report.

    ``model`` is the name of the model that answered, for shapes whose arithmetic differs by it. None without a figure:
    a shape we don't know gives none, not a wrong one. Text, bools and negative figures are no counts; of a list of
    figures the sum counts.
    """
    if not figures:
        return None
    found = {path: count for path, figure in figures.items() if (count := _count_or_sum(figure)) is not None}
    stated_input, stated_output = _first(found, shape.input), _first(found, shape.output)
    inputs = _split(shape, found, _counts(found, shape.input_parts))
    outputs = _counts(found, shape.output_parts)
    # A figure that is a portion already is not stated a second time beside the totals.
    outside = {meter: n for meter, n in _counts(found, shape.outside).items() if meter not in outputs}
    counts = _counts(found, shape.counts)
    cost = _cost(shape, figures)
    if stated_input is None and stated_output is None and cost is None and not (inputs or outputs or outside or counts):
        return None
    beyond = _beyond(found.get(shape.total), stated_input, stated_output, outside)
    proof = _proved_outside(shape, stated_input or 0, stated_output or 0, inputs, outputs, beyond)
    usage: dict[str, Quantity] = {}
    if stated_input is not None:
        usage["input"] = stated_input if shape.exclusive_input else _within(stated_input, inputs, proof)
    if stated_output is not None:
        usage["output"] = _within(stated_output, outputs, proof)
    usage |= inputs | outputs | counts
    for meter, count in outside.items():
        usage[meter] = usage.get(meter, 0) + count
    rest = beyond - sum({**inputs, **outputs}[meter] for meter in proof)
    if rest > 0 and (of_rest := _meter_of_rest(shape, model)):
        usage[of_rest] = usage.get(of_rest, 0) + rest
    basis: Basis = "exclusive" if shape.exclusive_input else "proved" if proof else "inclusive"
    return Reading(usage, basis, cost)


def _count_or_sum(figure: Any) -> int | None:
    if type(figure) is int:
        return figure if figure >= 0 else None
    if isinstance(figure, list):
        found = [count for item in figure if (count := _count(item)) is not None]
        return sum(found) if found else None
    return _count(figure)


def _count(figure: float) -> int | None:
    return int(figure) if not isinstance(figure, bool) and 0 <= figure < math.inf else None


def _first(found: Mapping[str, int], paths: Paths) -> int | None:
    for path in paths:
        if path in found:
            return found[path]
    return None


def _counts(found: Mapping[str, int], paths: Mapping[str, Paths]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for meter, alternatives in paths.items():
        for path in alternatives:
            if path in found:
                counts[meter] = found[path]
                break
    return counts


def _beyond(total: int | None, stated_input: int | None, stated_output: int | None, outside: Mapping[str, int]) -> int:
    """What the grand total holds that no stated total does; 0 if it is not stated."""
    return 0 if total is None else max(0, total - (stated_input or 0) - (stated_output or 0) - sum(outside.values()))


def _proved_outside(
    shape: UsageShape, stated_input: int, stated_output: int, inputs: Mapping[str, int], outputs: Mapping[str, int], beyond: int
) -> frozenset[str]:
    """The portions that arithmetic proves to lie outside of their total, whatever the provider's documents say.

    A portion larger than its whole does (Grok hosted by Azure: cached tokens), and so does a grand total that adds up
    only with the portion beside the totals (xAI: reasoning; Mistral: audio).
    """
    if shape.exclusive_input:
        inputs = {}
    proof = {*_too_large(stated_input, inputs), *_too_large(stated_output, outputs)}
    if proof or not beyond:
        return frozenset(proof)
    # Reasoning lies outside more often than anything in the input does.
    portions = [(meter, count) for meter, count in (*outputs.items(), *inputs.items()) if count][:_MOST_PORTIONS]
    for size in range(1, len(portions) + 1):
        for chosen in combinations(portions, size):
            if sum(count for _, count in chosen) == beyond:
                return frozenset(meter for meter, _ in chosen)
    return frozenset()


def _too_large(stated: int, parts: Mapping[str, int]) -> Iterable[str]:
    """The parts that cannot lie within ``stated``. Modalities may overlap with the caches, so they prove nothing together."""
    larger = [meter for meter, count in parts.items() if count > stated]
    others = {meter: n for meter, n in parts.items() if n and meter not in larger and meter not in _MODALITIES}
    return larger if sum(others.values()) <= stated else [*larger, *others]


def _within(stated: int, parts: dict[str, int], proof: frozenset[str]) -> int:
    """What ``stated`` leaves over beside its ``parts``. What overlaps is counted once, as the part that is named first."""
    room = stated
    for meter, count in parts.items():
        if meter not in proof:
            parts[meter] = min(count, room)
            room -= parts[meter]
    return room


def _split(shape: UsageShape, found: Mapping[str, int], parts: Mapping[str, int]) -> dict[str, int]:
    """The parts by their finest meters."""
    usage: dict[str, int] = {}
    for part, amount in parts.items():
        finer = {meter: found[path] for meter, path in shape.splits.get(part, {}).items() if path in found}
        if part in shape.split_default and sum(finer.values()) != amount:
            usage[part if finer else shape.split_default[part]] = amount
            continue
        if sum(finer.values()) > amount:
            finer = {}
        usage.update(finer)
        rest = amount - sum(finer.values())
        if rest or not finer:
            usage[part] = usage.get(part, 0) + rest
    for part, path in shape.overlaps.items():
        if part in usage and "cache_read" in parts:
            usage[part] = max(0, usage[part] - found.get(path, 0))
    return usage


def _meter_of_rest(shape: UsageShape, model: str) -> str | None:
    name = model.lower()
    return next((meter for word, meter in shape.unexplained.items() if word in name), None)


def _cost(shape: UsageShape, figures: Figures) -> Decimal | None:
    if figures.get(shape.cost_is_fee) is True:
        return None
    for path, places in shape.cost:
        value = figures.get(path)
        # A zero in a unit below a cent is a place that nobody filled in (Grok hosted by Azure).
        least = 1 if places else 0
        if isinstance(value, (int, float)) and not isinstance(value, bool) and least <= value < math.inf:
            # The shortest text of a double is the decimal that the provider wrote.
            return Decimal(repr(value)).scaleb(-places)
    return None
