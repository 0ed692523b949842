"""The price book: layers of prices over one another, and the finding of a model in them."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from costspan.pricing.catalogue import bundled, provider_of_model
from costspan.pricing.compiling import Terms
from costspan.pricing.lines import LAYERS, Alias, Clause, Layer, ModelPrices, ProviderPrices, within
from costspan.pricing.matching import matches
from costspan.pricing.naming import Spelling, is_fine_tuned, provider_id, spellings

_NO_PRICES = ProviderPrices("")


@dataclass(frozen=True, slots=True)
class PriceBook:
    """Prices by layer and provider; ``model_matches`` tells the provider of a model named without one.

    ``version`` names the state of the book: what it priced can be told from what a later one would.
    """

    layers: Mapping[Layer, Mapping[str, ProviderPrices]]
    model_matches: Mapping[str, Clause]
    version: int = 0

    @classmethod
    def of_catalogue(cls) -> "PriceBook":
        """The list prices of this release alone."""
        catalogue = bundled()
        return cls({"catalogue": catalogue}, catalogue.model_matches)


@dataclass(frozen=True, slots=True)
class Found:
    """A model found in the book: where its price is from, the rule that led there, and the terms of every layer."""

    provider: str
    model: str
    rule: str
    terms: tuple[Terms, ...]
    conditions: Mapping[str, str] = field(default_factory=dict)
    is_guess: bool = False


class Name:
    """A provider's and model's name as calls carry them: aliases of the name are dated, so what it means may change."""

    def __init__(self, book: PriceBook, provider: str | None, model: str) -> None:
        self._book = book
        self._model = model.strip()
        self._provider = _provider_id(book, provider, model)
        self._aliases = tuple(_aliases(book, self._provider, self._model.lower())) if self._provider else ()
        self._edges = sorted(
            {edge for _, alias in self._aliases for edge in (alias.valid_from, alias.valid_to) if edge is not None}
        )
        self._found: dict[int, Found | None] = {}

    def at(self, when: datetime) -> Found | None:
        """What the name means at ``when``, or None if the book does not know it."""
        segment = bisect_right(self._edges, when)
        if segment not in self._found:
            self._found[segment] = self._find(when)
        return self._found[segment]

    def _find(self, when: datetime) -> Found | None:
        if self._provider is None or not self._model:
            return None
        for layer, alias in self._aliases:
            if within(alias.valid_from, alias.valid_to, when):
                whose = "the provider" if layer == "catalogue" else "this project"
                provider, _, model = alias.model.rpartition("::")
                provider = provider_id(provider) or self._provider
                found = self._look_up(provider, Spelling(model, f"{self._model} is {model}, says {whose}"))
                found = found or next(filter(None, (self._look_up(provider, s) for s in spellings(model))), None)
                if found is not None:
                    return found
        for spelling in spellings(self._model):
            found = self._look_up(self._provider, spelling)
            # A prefix tells the provider where the one given has no such model.
            if found is None and spelling.provider is not None and spelling.provider != self._provider:
                found = self._look_up(spelling.provider, spelling)
            if found is not None:
                return found
        return None

    def _look_up(self, provider: str, spelling: Spelling) -> Found | None:
        name = spelling.name.lower()
        owner, listed = self._listed(provider, name)
        terms: list[Terms] = []
        upper: ModelPrices | None = None
        for rank, layer in enumerate(LAYERS):
            # What is added to a price, such as a region's premium, is the affair of the provider that serves the model.
            prices = self._book.layers.get(layer, {}).get(provider)
            if prices is None:
                continue
            if layer == "catalogue":
                models = [] if listed is None else [listed]
            else:
                ids = {name, self._model.lower()} | ({listed.id.lower()} if listed else set())
                models = [model for model in prices.models if any(matches(model.match, i) for i in ids)]
                upper = models[-1] if models else upper
            known = models[-1].id if models else listed.id if listed else name
            multipliers = tuple(m for m in prices.multipliers if matches(m.match, known.lower()) or matches(m.match, name))
            lines = tuple(line for model in models for line in model.lines)
            if lines or multipliers:
                terms.append(Terms(layer, rank, lines, multipliers))
        model = listed or upper
        if model is None or not any(part.lines for part in terms):
            return None
        rule = spelling.rule if owner == provider or listed is None else f"{spelling.rule}; price of {owner}"
        whose = owner if listed is not None else provider
        return Found(whose, model.id, rule, tuple(terms), spelling.conditions, spelling.is_guess)

    def _listed(self, provider: str, name: str) -> tuple[str, ModelPrices | None]:
        catalogue = self._book.layers.get("catalogue", {})
        for owner in (provider, *catalogue.get(provider, _NO_PRICES).fallback):
            models = catalogue.get(owner, _NO_PRICES).models
            for model in models:
                if matches(model.match, name) and is_fine_tuned(name) <= _is_for_fine_tuned(model):
                    return owner, model
            for model in models:
                if model.id.lower() == name:
                    return owner, model
        return provider, None


def _is_for_fine_tuned(model: ModelPrices) -> bool:
    return is_fine_tuned(model.id) or ".ft-" in model.id


def _provider_id(book: PriceBook, provider: str | None, model: str) -> str | None:
    if provider and (known := provider_id(provider)):
        return known
    for spelling in spellings(model):
        if spelling.provider is not None:
            return spelling.provider
        if told := provider_of_model(book.model_matches, spelling.name):
            return told
    return None


def _aliases(book: PriceBook, provider: str, name: str) -> Iterator[tuple[Layer, Alias]]:
    """The aliases of ``name``, those of the higher layers first and within one the later first."""
    for layer in reversed(LAYERS):
        prices: Sequence[Alias] = book.layers.get(layer, {}).get(provider, _NO_PRICES).aliases
        for alias in reversed(prices):
            if alias.name == name:
                yield layer, alias
