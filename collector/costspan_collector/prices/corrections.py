"""The corrections: what the imported data lacks or has wrong, each line with its source. See costspan.pricing.forms for the form.

``[[model]]`` adds lines to a model of the catalogue, or a new model (``match``, and ``before`` which it must be tried);
``replace = true`` drops what was imported for it. ``[[multiplier]]`` and ``[[alias]]`` belong to the provider.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from costspan.pricing.forms import alias, multiplier, price_line
from costspan.pricing.lines import ModelPrices, ProviderPrices
from costspan.pricing.matching import check

_KEYS = frozenset({"provider", "model", "multiplier", "alias"})
_MODEL_KEYS = frozenset({"id", "match", "before", "replace", "price", "source"})


def corrections_folder() -> Path:
    """Where the corrections of this release lie."""
    import costspan.pricing

    return Path(costspan.pricing.__file__).parent / "corrections"


@dataclass(frozen=True, slots=True)
class Correction:
    """What one file says of one provider."""

    provider: str
    form: Mapping[str, Any]

    def apply(self, prices: ProviderPrices) -> ProviderPrices:
        """``prices`` with the corrections in. Raises ValueError naming the entry that cannot be."""
        models = list(prices.models)
        for index, form in enumerate(self.form.get("model", ())):
            _put(models, form, f"{self.provider}.model[{index}]")
        where = self.provider
        multipliers = tuple(multiplier(m, f"{where}.multiplier[{i}]") for i, m in enumerate(self.form.get("multiplier", ())))
        aliases = tuple(alias(a, f"{where}.alias[{i}]") for i, a in enumerate(self.form.get("alias", ())))
        known = {model.id for model in models}
        for each in aliases:
            if each.model not in known:
                raise ValueError(f"{where}.alias {each.name}: {each.model!r} is no model of the catalogue")
        return replace(
            prices, models=tuple(models), multipliers=prices.multipliers + multipliers, aliases=prices.aliases + aliases
        )


def read_corrections(folder: Path) -> list[Correction]:
    """All corrections in ``folder``. Raises ValueError naming the file and what is wrong in it."""
    found = []
    for path in sorted(folder.glob("*.toml")):
        try:
            form = tomllib.loads(path.read_text(encoding="utf-8"))
        except tomllib.TOMLDecodeError as error:
            raise ValueError(f"{path.name}: {error}") from None
        if unknown := sorted(set(form) - _KEYS):
            raise ValueError(f"{path.name}: {unknown[0]!r} is no key; known are {', '.join(sorted(_KEYS))}")
        found.append(Correction(form.get("provider", path.stem), form))
    return found


def _put(models: list[ModelPrices], form: Mapping[str, Any], where: str) -> None:
    if unknown := sorted(set(form) - _MODEL_KEYS):
        raise ValueError(f"{where}: {unknown[0]!r} is no key; known are {', '.join(sorted(_MODEL_KEYS))}")
    name = form.get("id")
    if not isinstance(name, str):
        raise ValueError(f"{where}: id is missing")
    where = f"{where} {name}"
    lines = tuple(
        price_line({"source": form.get("source"), **price}, f"{where}.price[{index}]", is_correction=True)
        for index, price in enumerate(form.get("price", ()))
    )
    place = next((index for index, model in enumerate(models) if model.id == name), None)
    if place is not None:
        known = models[place]
        match = check(form["match"], f"{where}.match") if "match" in form else known.match
        models[place] = ModelPrices(name, match, lines if form.get("replace") else known.lines + lines)
        if "before" in form:
            moved = models.pop(place)
            models.insert(_index(models, form["before"], where), moved)
        return
    if "match" not in form:
        raise ValueError(f"{where}: a new model wants a match clause")
    before = _index(models, form["before"], where) if "before" in form else 0
    models.insert(before, ModelPrices(name, check(form["match"], f"{where}.match"), lines))


def _index(models: list[ModelPrices], name: str, where: str) -> int:
    for index, model in enumerate(models):
        if model.id == name:
            return index
    raise ValueError(f"{where}: before = {name!r}, but the catalogue has no such model")
