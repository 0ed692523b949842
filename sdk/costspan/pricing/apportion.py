"""Splitting an amount so that the parts add up to it, to the last digit. Pure."""

from collections.abc import Sequence
from decimal import Decimal

from costspan import money


def apportion(amount: Decimal, weights: Sequence[int]) -> list[Decimal]:
    """``amount`` (at most 18 decimals) split by ``weights``, by largest remainder in units of the 18th decimal.

    The parts sum to ``amount`` exactly and each lies within one unit of its exact value. Of equal remainders the earlier part
    gets the unit. Raises ValueError for a negative weight, for weights that sum to 0, and for an amount with more decimals.
    """
    units = Decimal(amount).scaleb(money.AMOUNT_DECIMALS, money.CONTEXT)
    whole, total = int(units), sum(weights)
    if whole != units:
        raise ValueError(f"amount: {amount} has more than {money.AMOUNT_DECIMALS} decimals")
    if total <= 0 or min(weights) < 0:
        raise ValueError("weights: give whole numbers of at least 0 and one above it")
    parts, remainders = [], []
    for weight in weights:
        part, remainder = divmod(whole * weight, total)
        parts.append(part)
        remainders.append(remainder)
    left = whole - sum(parts)
    if left:
        for index in sorted(range(len(parts)), key=remainders.__getitem__, reverse=True)[:left]:
            parts[index] += 1
    return [Decimal(part).scaleb(-money.AMOUNT_DECIMALS, money.CONTEXT) for part in parts]
