"""The demo's own books: what the replayed calls must cost, summed without any part of costspan.

Prices are those of ``models.py`` and quantities those of the trace, so each amount is exact: a whole number of tokens
times dollars per million has at most eight decimals.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Clamped, Context, Decimal, Inexact, InvalidOperation, Overflow

from costspan_collector.demo.product import PlannedCall

# Raises instead of rounding.
_EXACT = Context(prec=60, traps=[Inexact, Clamped, InvalidOperation, Overflow])


@dataclass(frozen=True, slots=True)
class Spend:
    """What some calls used and cost (exact US dollars), how many were judged, and how many of these were right."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: Decimal = Decimal(0)
    labelled_calls: int = 0
    correct_calls: int = 0

    def __add__(self, other: "Spend") -> "Spend":
        return Spend(
            self.calls + other.calls,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            _EXACT.add(self.cost_usd, other.cost_usd),
            self.labelled_calls + other.labelled_calls,
            self.correct_calls + other.correct_calls,
        )


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure of ``feature`` (or ``"total"``) that is not what it must be."""

    feature: str
    figure: str
    expected: object
    found: object


def spend_of(call: PlannedCall) -> Spend:
    """What one call uses and costs."""
    row, model = call.row, call.route.model
    per_million = _EXACT.add(
        _EXACT.multiply(Decimal(row.input_tokens), model.input_usd_per_million),
        _EXACT.multiply(Decimal(row.output_tokens), model.output_usd_per_million),
    )
    return Spend(
        calls=1,
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        cost_usd=_EXACT.divide(per_million, Decimal(1_000_000)),
        labelled_calls=int(call.correct is not None),
        correct_calls=int(call.correct is True),
    )


def spend_by_feature(calls: Iterable[PlannedCall]) -> dict[str, Spend]:
    """What ``calls`` use and cost, by feature."""
    books: dict[str, Spend] = {}
    for call in calls:
        books[call.feature.name] = books.get(call.feature.name, Spend()) + spend_of(call)
    return books


def total(books: Mapping[str, Spend]) -> Spend:
    """The sum over all features of ``books``."""
    return sum(books.values(), Spend())


def differences(expected: Mapping[str, Spend], found: Mapping[str, Spend], found_total: Spend) -> tuple[Difference, ...]:
    """Every figure in which ``found``, by feature or in total, is not exactly ``expected``. None if the books agree."""
    pairs = [(name, expected.get(name, Spend()), found.get(name, Spend())) for name in sorted({*expected, *found})]
    pairs.append(("total", total(expected), found_total))
    return tuple(
        Difference(name, figure, getattr(wanted, figure), getattr(got, figure))
        for name, wanted, got in pairs
        for figure in Spend.__dataclass_fields__
        if getattr(wanted, figure) != getattr(got, figure)
    )
