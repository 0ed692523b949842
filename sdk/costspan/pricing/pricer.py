"""Pricing a call: from OpenTelemetry's provider and model names to a rate card, compiled once and reused."""

from bisect import bisect_right
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from costspan import money
from costspan.pricing import catalogue
from costspan.pricing.card import Cost, RateCard, rate_usage
from costspan.usage import Usage

# OpenTelemetry's gen_ai.provider.name (and names in use for the same thing) -> the catalogue's provider.
PROVIDERS: Mapping[str, str] = {
    "openai": "openai",
    "anthropic": "anthropic",
    "aws.bedrock": "aws",
    "azure.ai.openai": "azure",
    "azure.ai.inference": "azure",
    "gcp.gemini": "google",
    "gcp.vertex_ai": "google",
    "gcp.gen_ai": "google",
    "cohere": "cohere",
    "mistral_ai": "mistral",
    "deepseek": "deepseek",
    "groq": "groq",
    "perplexity": "perplexity",
    "x_ai": "x-ai",
    "moonshot_ai": "moonshotai",
    "together": "together",
    "fireworks": "fireworks",
    "openrouter": "openrouter",
}
# Tiers that are billed at the standard rates.
STANDARD_TIERS = frozenset({"", "auto", "default", "standard", "on_demand"})

# https://platform.openai.com/docs/guides/moderation: free of charge.
FREE_OPERATIONS = frozenset({("openai", "moderation")})

_LARGEST_CACHE = 10_000


class Pricer:
    """Prices calls from the bundled catalogue. Safe to share between threads; keeps compiled cards in memory.

    Pure: the call's own time is an argument, nothing is fetched, and equal arguments give an equal ``Cost``.
    """

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str], tuple[str, dict[str, Any], str, tuple[str, ...]] | None] = {}
        self._cards: dict[tuple[str, str, str, int, int], RateCard] = {}

    def price(
        self,
        provider: str | None,
        model: str | None,
        usage: Usage | None,
        when: datetime,
        *,
        requested_model: str | None = None,
        tier: str | None = None,
        incomplete: bool = False,
        operation: str | None = None,
        charged_usd: Decimal | None = None,
    ) -> Cost:
        """The cost of ``usage`` at ``when`` (an aware datetime).

        ``charged_usd`` is what the provider itself says that it charged, which settles it for a call whose figures are
        complete. ``operation`` is OpenTelemetry's gen_ai.operation.name: some are free of charge.

        ``provider`` is OpenTelemetry's name; ``model`` the name that the response gave, which says what is billed;
        ``requested_model`` the request's, tried where the response gave none or one without a price (a deployment's own
        name); ``tier`` the service tier of the response. Raises ValueError for a naive ``when``.
        """
        if when.tzinfo is None:
            raise ValueError(f"when: {when!r} has no time zone; give an aware datetime")
        if charged_usd is not None and not incomplete:
            return Cost(charged_usd, "reported", reason="charged so by the provider")
        if (provider, operation) in FREE_OPERATIONS:
            return Cost(money.ZERO, "free", reason=f"{provider} charges nothing for {operation}")
        for name in (model, requested_model):
            card = self.card(provider, name, when, tier)
            if card is not None:
                return rate_usage(usage, card, incomplete=incomplete)
        if not usage:
            return Cost(None, "unpriced", reason="no_usage: the provider reported none")
        return Cost(None, "unpriced", reason=f"no price for model {model or requested_model!r} of provider {provider!r}")

    def card(self, provider: str | None, model: str | None, when: datetime, tier: str | None = None) -> RateCard | None:
        """The rate card in force at ``when``, or None where the catalogue does not price the model."""
        found = self._entry(provider or "", model or "")
        if found is None:
            return None
        owner, entry, rule, edges = found
        tier = tier.lower() if tier else ""
        if tier in STANDARD_TIERS:
            tier = ""
        at = when.astimezone(UTC)
        segment = bisect_right(edges, at.time().isoformat(timespec="seconds")) if edges else 0
        key = (provider or "", model or "", tier, at.toordinal(), segment)
        card = self._cards.get(key)
        if card is None:
            if len(self._cards) >= _LARGEST_CACHE:
                self._cards.clear()
            card = catalogue.card_at(owner, entry, at, {"tier": tier} if tier else {}, rule)
            self._cards[key] = card
        return card

    def _entry(self, provider: str, model: str) -> tuple[str, dict[str, Any], str, tuple[str, ...]] | None:
        key = (provider, model)
        if key not in self._entries:
            if len(self._entries) >= _LARGEST_CACHE:
                self._entries.clear()
            self._entries[key] = _resolve(provider, model)
        return self._entries[key]


def _resolve(provider: str, model: str) -> tuple[str, dict[str, Any], str, tuple[str, ...]] | None:
    if not model:
        return None
    name = PROVIDERS.get(provider, provider) if provider else catalogue.provider_of_model(model)
    if name is None:
        return None
    for candidate, rule in _spellings(model):
        if found := catalogue.find_model(name, candidate):
            owner, entry = found
            where = rule if owner == name else f"{rule}; price of {owner}"
            return owner, entry, where, catalogue.hour_edges(entry)
    return None


def _spellings(model: str) -> list[tuple[str, str]]:
    spellings = [(model, f"named {model}")]
    if "/" in model:
        spellings.append((model.rpartition("/")[2], f"named {model}, prefix left out"))
    return spellings
