"""The bundled catalogue: list prices as of this release, read lazily, one provider's file at a time.

``costspan prices import`` makes the files; ``costspan.pricing.forms`` says their form. Nothing is fetched at run time.
"""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from costspan.pricing.forms import alias, model_prices, multiplier
from costspan.pricing.lines import Clause, ProviderPrices
from costspan.pricing.matching import matches

FOLDER = Path(__file__).parent / "catalogue"


class Catalogue(Mapping[str, ProviderPrices]):
    """A folder of provider files by provider. Safe to share between threads."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder
        self._index: dict[str, Any] = json.loads((folder / "index.json").read_text(encoding="utf-8"))
        self._read: dict[str, ProviderPrices] = {}

    @property
    def version(self) -> str:
        """Names the release of the data."""
        return str(self._index["version"])

    @property
    def sources(self) -> tuple[str, ...]:
        """What the data was made from."""
        return tuple(self._index["sources"])

    @property
    def model_matches(self) -> dict[str, Clause]:
        """By provider, how the provider's own models are named (``claude...`` is Anthropic's)."""
        return {name: clause for name, clause in self._index["providers"].items() if clause}

    def __getitem__(self, provider: str) -> ProviderPrices:
        known = self._read.get(provider)
        if known is None:
            if provider not in self._index["providers"]:
                raise KeyError(provider)
            form = json.loads((self._folder / f"{provider}.json").read_text(encoding="utf-8"))
            known = self._read[provider] = provider_prices(form)
        return known

    def __iter__(self) -> Iterator[str]:
        return iter(self._index["providers"])

    def __len__(self) -> int:
        return len(self._index["providers"])


def provider_prices(form: Mapping[str, Any]) -> ProviderPrices:
    """The prices in a provider file's ``form``. Raises ValueError naming what is wrong in it."""
    provider = form["provider"]
    return ProviderPrices(
        provider=provider,
        models=tuple(model_prices(model, provider) for model in form["models"]),
        multipliers=tuple(multiplier(m, f"{provider}.multipliers") for m in form.get("multipliers", ())),
        aliases=tuple(alias(a, f"{provider}.aliases") for a in form.get("aliases", ())),
        fallback=tuple(form.get("fallback", ())),
    )


@cache
def bundled() -> Catalogue:
    """The catalogue of this release."""
    return Catalogue()


def provider_of_model(model_matches: Mapping[str, Clause], model: str) -> str | None:
    """The provider whose own models are named like ``model``, or None."""
    return next((name for name, clause in model_matches.items() if matches(clause, model.lower())), None)
