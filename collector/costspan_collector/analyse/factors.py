"""Two series of amounts that differ by one factor: the mark of a contract or of one wrong price. Pure."""

from collections.abc import Iterable
from decimal import Decimal

from costspan import money

# Two amounts are the same to within this part of the larger.
_SAME = Decimal("0.005")
_FEWEST = 3


def is_close(one: Decimal, other: Decimal) -> bool:
    """Whether two amounts or quantities are the same to half a percent."""
    return abs(money.CONTEXT.subtract(one, other)) <= max(abs(one), abs(other)) * _SAME


def constant_factors(amounts: Iterable[tuple[str, str, Decimal, Decimal]]) -> dict[tuple[str, str], Decimal]:
    """By provider and model the factor, to 4 decimals, from the first amount to the second.

    Only where it is the same in all pairs, of which there are at least three, and is not 1.
    """
    ratios: dict[tuple[str, str], list[Decimal]] = {}
    for provider, model, first, second in amounts:
        if first and second:
            ratios.setdefault((provider, model), []).append(money.CONTEXT.divide(second, first))
    found = {}
    for key, values in ratios.items():
        middle = sorted(values)[len(values) // 2]
        factor = middle.quantize(Decimal("0.0001"))
        if len(values) >= _FEWEST and all(is_close(value, middle) for value in values) and not is_close(middle, Decimal(1)):
            found[key] = factor
    return found
