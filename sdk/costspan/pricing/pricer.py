"""Pricing a call: from OpenTelemetry's provider and model names to a rate card, compiled once and reused."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from costspan import money
from costspan.pricing.book import Found, Name, PriceBook
from costspan.pricing.card import Cost, RateCard, rate_usage
from costspan.pricing.compiling import Segments, compile_card
from costspan.pricing.naming import VERTEX
from costspan.usage import Usage

# Tiers that are billed at the standard rates.
STANDARD_TIERS = frozenset({"", "auto", "default", "standard", "on_demand"})

# https://platform.openai.com/docs/guides/moderation: free of charge.
FREE_OPERATIONS = frozenset({("openai", "moderation")})

_LARGEST_CACHE = 10_000
_NO_CONDITIONS: Mapping[str, str] = {}

_Conditions = tuple[tuple[str, str], ...]


class Pricer:
    """Prices calls from a price book, the bundled catalogue's by itself. Safe to share between threads; keeps compiled cards
    in memory.

    Pure: the call's own time is an argument, nothing is fetched, and equal arguments give an equal ``Cost``.
    """

    def __init__(self, book: PriceBook | None = None) -> None:
        self._book = book
        self._names: dict[tuple[str, str], Name] = {}
        self._terms: dict[tuple[str, str, _Conditions], list[tuple[Found, Segments, dict[tuple[int, ...], RateCard | None]]]] = {}

    @property
    def book(self) -> PriceBook:
        """The prices that it prices from."""
        if self._book is None:
            self._book = PriceBook.of_catalogue()
        return self._book

    def price(
        self,
        provider: str | None,
        model: str | None,
        usage: Usage | None,
        when: datetime,
        *,
        requested_model: str | None = None,
        tier: str | None = None,
        conditions: Mapping[str, str] = _NO_CONDITIONS,
        incomplete: bool = False,
        operation: str | None = None,
        charged_usd: Decimal | None = None,
    ) -> Cost:
        """The cost of ``usage`` at ``when`` (an aware datetime).

        ``charged_usd`` is what the provider itself says that it charged, which settles it for a call whose figures are
        complete. ``operation`` is OpenTelemetry's gen_ai.operation.name: some are free of charge.

        ``provider`` is OpenTelemetry's name; ``model`` the name that the response gave, which says what is billed;
        ``requested_model`` the request's, tried where the response gave none or one without a price (a deployment's own
        name); ``tier`` the service tier of the response; ``conditions`` what else the price depends on (``region``, an
        image's ``size`` and ``quality``, a ``contract``). Raises ValueError for a naive ``when``.
        """
        if when.tzinfo is None:
            raise ValueError(f"when: {when!r} has no time zone; give an aware datetime")
        if (provider, operation) in FREE_OPERATIONS:
            return Cost(money.ZERO, "free", reason=f"{provider} charges nothing for {operation}")
        rated = self._rated(provider, (model, requested_model), usage, when, tier, conditions, incomplete)
        if charged_usd is None or incomplete:
            return rated
        ours = rated.amount if rated.state in ("priced", "estimated", "free") else None
        return Cost(charged_usd, "reported", reason="charged so by the provider", rated_usd=ours)

    def _rated(
        self,
        provider: str | None,
        names: tuple[str | None, str | None],
        usage: Usage | None,
        when: datetime,
        tier: str | None,
        conditions: Mapping[str, str],
        incomplete: bool,
    ) -> Cost:
        model, requested_model = names
        for name in (model,) if requested_model == model else names:
            card = self.card(provider, name, when, tier, conditions)
            if card is not None:
                return rate_usage(usage, card, incomplete=incomplete)
        if not usage:
            return Cost(None, "unpriced", reason="no_usage: the provider reported none")
        return Cost(None, "unpriced", reason=f"no price for model {model or requested_model!r} of provider {provider!r}")

    def card(
        self,
        provider: str | None,
        model: str | None,
        when: datetime,
        tier: str | None = None,
        conditions: Mapping[str, str] = _NO_CONDITIONS,
    ) -> RateCard | None:
        """The rate card in force at ``when``, or None where the book does not price the model."""
        if not model:
            return None
        key = (provider or "", model, (("tier", tier or ""), *conditions.items()))
        known = self._terms.get(key)
        if known is None:
            if len(self._terms) >= _LARGEST_CACHE:
                self._terms.clear()
                self._names.clear()
            known = self._terms[key] = []
        found = self._name(provider or "", model).at(when)
        if found is None:
            return None
        for candidate, segments, cards in known:
            if candidate is found:
                segment = segments.key(when)
                if segment in cards:
                    return cards[segment]
                break
        else:
            segments, cards = Segments(found.terms), {}
            known.append((found, segments, cards))
        card = cards[segments.key(when)] = _compiled(found, when.astimezone(UTC), _asked(key[0].lower(), tier, conditions, found))
        return card

    def _name(self, provider: str, model: str) -> Name:
        name = self._names.get((provider, model))
        if name is None:
            name = self._names[provider, model] = Name(self.book, provider, model)
        return name


def _asked(provider: str, tier: str | None, conditions: Mapping[str, str], found: Found) -> dict[str, str]:
    asked = {**found.conditions, **{name: value.lower() for name, value in conditions.items() if value}}
    if provider in VERTEX and asked.get("region", "global") != "global":
        asked["region"] = "regional"
    if tier and tier.lower() not in STANDARD_TIERS:
        asked["tier"] = tier.lower()
    return asked


def _compiled(found: Found, when: datetime, conditions: Mapping[str, str]) -> RateCard | None:
    card = compile_card(found.terms, when, conditions, provider=found.provider, model=found.model, rule=found.rule)
    if card is None or not found.is_guess:
        return card
    guess = f"{found.rule}: another snapshot may have another price"
    return replace(card, assumed=f"{card.assumed}; {guess}" if card.assumed else guess)
