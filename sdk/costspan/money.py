"""Decimal rules for money. The only place where an amount is rounded.

Amounts are US dollars held as ``Decimal`` with at most 18 decimals, which Postgres stores as
``NUMERIC(38,18)``. List prices of the large providers need 12 decimals per token; a contract factor
on top needs more, so each line item is rounded once, half-even, at 18 decimals and nothing else rounds.
"""

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from functools import reduce

AMOUNT_DECIMALS = 18
CONTEXT = Context(prec=60, rounding=ROUND_HALF_EVEN)
ZERO = Decimal(0)

_QUANTUM = Decimal(1).scaleb(-AMOUNT_DECIMALS)
_LARGEST = Decimal(10) ** (38 - AMOUNT_DECIMALS)


def line_amount(quantity: int | Decimal, unit_price: Decimal, per: int | Decimal) -> Decimal:
    """``quantity * unit_price / per`` in dollars, rounded once to 18 decimals, half-even."""
    return CONTEXT.quantize(CONTEXT.divide(CONTEXT.multiply(quantity, unit_price), per), _QUANTUM)


def rounded(amount: Decimal) -> Decimal:
    """``amount`` at 18 decimals, half-even: for what is no line item, such as an estimate."""
    return CONTEXT.quantize(amount, _QUANTUM)


def total(amounts: Iterable[Decimal]) -> Decimal:
    """The exact sum of ``amounts``; 0 for none."""
    return reduce(CONTEXT.add, amounts, ZERO)


def text(amount: Decimal) -> str:
    """``amount`` as plain decimal text: no exponent, no trailing zeros, ``"0"`` for any zero."""
    plain = format(amount, "f")
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    return "0" if plain in ("-0", "") else plain


def parse(value: object) -> Decimal | None:
    """The amount that ``value`` (a decimal string, int or Decimal) states, or None if it states none.

    Rounded half-even to 18 decimals where it has more, so that what is stored is what was added up. Floats are refused, so
    that no amount can pass through binary rounding; so are amounts that are not finite, do not fit
    ``NUMERIC(38,18)``, or would be rounded to nothing.
    """
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
        return None
    try:
        amount = Decimal(value)
    except InvalidOperation:
        return None
    if not amount.is_finite() or abs(amount) >= _LARGEST:
        return None
    exponent = amount.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -AMOUNT_DECIMALS:
        exact, amount = amount, CONTEXT.quantize(amount, _QUANTUM)
        if exact and not amount:
            return None
    return amount if abs(amount) < _LARGEST else None
