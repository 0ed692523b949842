"""Making the catalogue: the first source, what the second adds, the corrections on top; and every difference, decided."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from costspan.pricing.book import Name, PriceBook
from costspan.pricing.compiling import compile_card
from costspan.pricing.lines import ModelPrices, PriceLine, ProviderPrices, Rate
from costspan.pricing.units import UNIT_OF_METER
from costspan_collector.prices.corrections import Correction
from costspan_collector.prices.genai import FirstSource
from costspan_collector.prices.litellm_table import SecondSource


@dataclass(frozen=True, slots=True)
class Difference:
    """Where the sources disagree about a meter's price under a tier: what each says, which was chosen and why."""

    provider: str
    model: str
    tier: str
    meter: str
    first: str | None
    second: str | None
    chosen: str
    why: str


def merged(
    first: FirstSource, second: SecondSource | None, corrections: list[Correction], now: datetime
) -> tuple[dict[str, ProviderPrices], list[Difference]]:
    """The catalogue of the sources, and the differences between them as of ``now``.

    The first source goes before the second; the second is taken where the first is silent (a model, a meter, a tier); a
    correction goes before both. Raises ValueError for a correction that cannot be applied.
    """
    by_provider = {correction.provider: correction for correction in corrections}
    if unknown := sorted(set(by_provider) - set(first.providers)):
        raise ValueError(f"corrections: {unknown[0]!r} is no provider of the catalogue")
    result: dict[str, ProviderPrices] = {}
    for provider, prices in first.providers.items():
        filled = _filled(prices, second, first.providers) if second is not None else prices
        correction = by_provider.get(provider)
        result[provider] = correction.apply(filled) if correction is not None else filled
    differences = list(_differences(first, second, result, now)) if second is not None else []
    # disagreements before what only one of them has
    return result, sorted(differences, key=lambda row: row.first is None)


def _filled(prices: ProviderPrices, second: SecondSource, all_prices: Mapping[str, ProviderPrices]) -> ProviderPrices:
    """``prices`` with what only the second source has."""
    book = PriceBook({"catalogue": all_prices}, {})
    models = {model.id: model for model in prices.models}
    added: list[ModelPrices] = []
    for name, lines in second.models.get(prices.provider, {}).items():
        found = _own_model(book, prices.provider, name)
        if found is None and name in models:
            models[name] = replace(models[name], match=["or", models[name].match, ["equals", name]])
            found = name
        if found is None:
            added.append(ModelPrices(name, ["equals", name], lines))
            continue
        if found not in models:
            continue  # priced through another provider's entry
        models[found] = replace(models[found], lines=models[found].lines + tuple(_missing(models[found], lines)))
    return replace(prices, models=(*models.values(), *added))


def _own_model(book: PriceBook, provider: str, name: str) -> str | None:
    """The id of the model that ``name`` is found as, or None if the first source has none."""
    from datetime import UTC

    found = Name(book, provider, name).at(datetime(2026, 1, 1, tzinfo=UTC))
    return None if found is None or found.is_guess else found.model


def _missing(model: ModelPrices, lines: tuple[PriceLine, ...]) -> Iterator[PriceLine]:
    for line in lines:
        known = {meter for own in model.lines if own.conditions == line.conditions for meter in own.rates}
        if line.conditions and "tier" in line.conditions and known:
            continue  # a tier that the first source states is whole
        rates = {meter: rate for meter, rate in line.rates.items() if meter not in known and (line.conditions or rate.price)}
        if rates:
            yield replace(line, rates=rates)


def _differences(
    first: FirstSource, second: SecondSource, result: Mapping[str, ProviderPrices], now: datetime
) -> Iterator[Difference]:
    firsts = PriceBook({"catalogue": first.providers}, {})
    chosen = PriceBook({"catalogue": result}, {})
    for provider, models in second.models.items():
        for name, lines in models.items():
            for line in lines:
                if "region" in line.conditions:
                    continue
                ours = _rates(firsts, provider, name, now, line.conditions)
                ends = _rates(chosen, provider, name, now, line.conditions)
                for meter, theirs in line.rates.items():
                    yield from _difference(provider, name, line, meter, ours.get(meter), theirs, ends.get(meter))


def _difference(
    provider: str, name: str, line: PriceLine, meter: str, ours: Rate | None, theirs: Rate, end: Rate | None
) -> Iterator[Difference]:
    if end is None or (ours is not None and _same(ours, theirs) and _same(end, theirs)):
        return
    if ours is None and not theirs.price:
        return
    corrected = not (ours is not None and _same(end, ours)) and not _same(end, theirs)
    if ours is None:
        why = "a correction" if corrected else "only the second source has it"
    elif _same(end, ours):
        why = "the first source goes before the second"
    else:
        why = f"a correction: {end.source}"
    yield Difference(
        provider,
        name,
        line.conditions.get("tier", ""),
        meter,
        _text(meter, ours) if ours else None,
        _text(meter, theirs),
        _text(meter, end),
        why,
    )


def _rates(book: PriceBook, provider: str, name: str, now: datetime, conditions: Mapping[str, str]) -> Mapping[str, Rate]:
    found = Name(book, provider, name).at(now)
    if found is None:
        return {}
    card = compile_card(found.terms, now, conditions, provider=provider, model=found.model, rule=found.rule)
    return {} if card is None else card.rates


def _same(one: Rate, other: Rate) -> bool:
    return one.price * other.per == other.price * one.per and [tuple(t) for t in one.over] == [tuple(t) for t in other.over]


def _text(meter: str, rate: Rate) -> str:
    above = "".join(f", {threshold.price} over {threshold.tokens:,}" for threshold in rate.over)
    per = "" if rate.per == UNIT_OF_METER[meter] else f" for {rate.per}"
    return f"{rate.price}{per}{above}"
