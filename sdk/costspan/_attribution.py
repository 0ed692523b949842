"""What a call is attributed to: for which feature, customer, user and session it is made, and what its work is worth."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType

from costspan import money

TagValue = str | int | bool | float

_NO_TAGS: Mapping[str, TagValue] = MappingProxyType({})
# An amount with more decimals is no amount, and its plain text could fill the memory.
_MOST_DECIMALS = 60


@dataclass(frozen=True, slots=True)
class Attribution:
    """What is said of a call; None where nothing is. ``value`` is in US dollars.

    ``feature_source`` tells where ``feature`` comes from if the application has not named it: ``route``, ``task`` or
    ``module``.
    """

    feature: str | None = None
    customer: str | None = None
    user: str | None = None
    session: str | None = None
    value: Decimal | None = None
    tags: Mapping[str, TagValue] = field(default_factory=lambda: _NO_TAGS)
    feature_source: str | None = None

    def inside(self, outer: "Attribution") -> "Attribution":
        """This attribution within ``outer``: what it leaves open is inherited, tag by tag."""
        if outer is NOTHING:
            return self
        by = self if self.feature is not None else outer
        return Attribution(
            feature=by.feature,
            feature_source=by.feature_source,
            customer=self.customer if self.customer is not None else outer.customer,
            user=self.user if self.user is not None else outer.user,
            session=self.session if self.session is not None else outer.session,
            value=self.value if self.value is not None else outer.value,
            tags=MappingProxyType({**outer.tags, **self.tags}) if self.tags else outer.tags,
        )


NOTHING = Attribution()


def attribution(
    feature: str | None,
    customer: str | None,
    user: str | None,
    session: str | None,
    value: Decimal | str | int | None,
    tags: Mapping[str, TagValue],
) -> Attribution:
    """What an application says, checked. Raises TypeError or ValueError naming the argument, its value and what is
    allowed; the feature is called ``name``, as its argument is."""
    for name, tag in tags.items():
        _check_tag(name, tag)
    return Attribution(
        feature=None if feature is None else _text("name", feature),
        customer=None if customer is None else _text("customer", customer),
        user=None if user is None else _text("user", user),
        session=None if session is None else _text("session", session),
        value=None if value is None else _dollars("value", value),
        tags=MappingProxyType(dict(tags)) if tags else _NO_TAGS,
    )


def is_text(given: str) -> bool:
    """Whether ``given`` says something that can be written as UTF-8."""
    return bool(given.strip()) and (given.isascii() or given.encode("utf-8", "replace").decode() == given)


def _text(argument: str, given: object) -> str:
    if not isinstance(given, str):
        raise TypeError(f"{argument}: {given!r} is of type {type(given).__name__}; give a str")
    if not given.strip():
        raise ValueError(f"{argument}: {given!r} is empty; give a text with something in it")
    if not is_text(given):
        raise ValueError(f"{argument}: {given!r} cannot be written as UTF-8; give a text without lone surrogates")
    return given


def _dollars(argument: str, given: object) -> Decimal:
    if isinstance(given, bool) or not isinstance(given, (Decimal, str, int)):
        kind = type(given).__name__
        raise TypeError(f"{argument}: {given!r} is of type {kind}; give US dollars as a Decimal, a decimal str or an int")
    amount = money.parse(given)
    exponent = 0 if amount is None else amount.as_tuple().exponent
    if amount is None or amount < 0 or not isinstance(exponent, int) or exponent < -_MOST_DECIMALS:
        raise ValueError(f"{argument}: {given!r} is no amount of US dollars; give a number of at least 0, such as '0.25'")
    return amount


def _check_tag(name: str, given: object) -> None:
    if not isinstance(given, (str, int, float)):
        raise TypeError(f"{name}: {given!r} is of type {type(given).__name__}; a tag is a str, int, bool or float")
    if not is_text(name):
        raise ValueError(f"{name!r} is no name of a tag; give a text with something in it, without lone surrogates")
    if isinstance(given, str):
        _text(name, given)
    elif isinstance(given, float) and not math.isfinite(given):
        raise ValueError(f"{name}: {given!r} is not finite; a tag that is a float has a finite value")
    elif isinstance(given, int) and not -(2**63) <= given < 2**63:
        raise ValueError(f"{name}: {given!r} is too large; a tag that is an int has at most 64 bits")
