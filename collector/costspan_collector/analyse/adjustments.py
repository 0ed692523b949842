"""What is agreed by the month, as lines of their own beside the sum of the calls. Pure.

No single call decides a free quota or a commitment, so neither touches a call's cost.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal, get_args
from uuid import UUID

from costspan import money
from costspan.pricing.forms import amount
from costspan.pricing.units import UNIT_OF_METER

Kind = Literal["free_quota", "discount", "credit", "commitment"]
KINDS: tuple[Kind, ...] = get_args(Kind)
_TERMS: Mapping[Kind, tuple[str, ...]] = {
    "free_quota": ("meter", "quantity", "price"),
    "discount": ("share", "from_usd"),
    "credit": ("usd",),
    "commitment": ("usd",),
}


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A rule: what is agreed for the calls that ``filter_text`` lets through, from month to month (their first days).

    ``terms`` by kind: a free quota's ``meter``, ``quantity`` a month and ``price`` for the meter's unit; a discount's
    ``share`` of the month's spend once that reaches ``from_usd``; the ``usd`` of a credit or of a commitment.
    """

    adjustment_id: UUID
    name: str
    kind: Kind
    filter_text: str
    terms: Mapping[str, str]
    source: str
    first_month: date | None = None
    last_month: date | None = None

    def holds_in(self, month: date) -> bool:
        """Whether it holds in the month that begins on ``month``."""
        return (self.first_month is None or self.first_month <= month) and (self.last_month is None or month <= self.last_month)


@dataclass(frozen=True, slots=True)
class AdjustmentLine:
    """What a rule gives in a month: ``amount_usd`` is below 0 for what is not charged, above for what is charged besides."""

    adjustment: Adjustment
    month: date
    amount_usd: Decimal
    spent_usd: Decimal
    quantity_used: Decimal | None
    reason: str


def line_of(adjustment: Adjustment, month: date, spent_usd: Decimal, quantity_used: Decimal) -> AdjustmentLine:
    """The line of ``adjustment`` for a month in which its calls cost ``spent_usd`` and used ``quantity_used`` of its meter."""
    terms = adjustment.terms
    used: Decimal | None = None
    if adjustment.kind == "free_quota":
        used = quantity_used
        free = min(used, Decimal(terms["quantity"]))
        unit = UNIT_OF_METER[terms["meter"]]
        given = money.line_amount(free, Decimal(terms["price"]), unit)
        value = -given
        reason = f"{free:,f} of {used:,f} {terms['meter']} are free: at ${terms['price']} for {unit:,}"
    elif adjustment.kind == "discount":
        reached = spent_usd >= Decimal(terms["from_usd"])
        value = -money.rounded(money.CONTEXT.multiply(spent_usd, Decimal(terms["share"]))) if reached else money.ZERO
        word = "reaches" if reached else "does not reach"
        reason = f"spend of ${money.text(spent_usd)} {word} ${terms['from_usd']}: {terms['share']} of it"
    elif adjustment.kind == "credit":
        value = -min(Decimal(terms["usd"]), spent_usd)
        reason = f"a credit of ${terms['usd']} against spend of ${money.text(spent_usd)}"
    else:
        value = max(money.CONTEXT.subtract(Decimal(terms["usd"]), spent_usd), money.ZERO)
        reason = f"spend of ${money.text(spent_usd)} against a commitment of ${terms['usd']}"
    return AdjustmentLine(adjustment, month, value, spent_usd, used, reason)


def checked_terms(kind: Any, terms: Mapping[str, Any]) -> dict[str, str]:
    """``terms`` if they are those of ``kind``. Raises ValueError naming what is missing, unknown or not allowed."""
    if kind not in KINDS:
        raise ValueError(f"kind: {kind!r} is none of {', '.join(KINDS)}")
    wanted = _TERMS[kind]
    if unknown := sorted(set(terms) - set(wanted)):
        raise ValueError(f"terms: {unknown[0]!r} is no term of a {kind}; give {', '.join(wanted)}")
    for name in wanted:
        if name not in terms:
            raise ValueError(f"terms.{name}: is missing for a {kind}")
        if name == "meter":
            if terms[name] not in UNIT_OF_METER:
                raise ValueError(f"terms.meter: {terms[name]!r} is no meter; known are {', '.join(UNIT_OF_METER)}")
        elif amount(terms[name], f"terms.{name}") > 1 and name == "share":
            raise ValueError(f"terms.share: {terms[name]} is no share from 0 to 1")
    return {name: str(terms[name]) for name in wanted}
