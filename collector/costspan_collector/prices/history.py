"""Upgrading the catalogue without losing its past: what a source forgets stays, and what it changes without a date is dated.

The sources are mostly in the present tense: a retired model is gone from them and a new price stands where the old one stood.
Calls of last year must still be priced as they were, so an upgrade only ever adds to the book.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from costspan.pricing.lines import ModelPrices, PriceLine, ProviderPrices, Week

ChangeKind = Literal["new model", "kept", "dated", "changed", "new meter"]
_Group = tuple[tuple[tuple[str, str], ...], Week | None]


@dataclass(frozen=True, slots=True)
class Change:
    """What an upgrade does to one model's prices, in words."""

    kind: ChangeKind
    provider: str
    model: str
    detail: str


def upgraded(
    old: Mapping[str, ProviderPrices], new: Mapping[str, ProviderPrices], day: datetime
) -> tuple[dict[str, ProviderPrices], list[Change]]:
    """The catalogue after an upgrade from ``old`` to what the sources say on ``day``, and what changes.

    An undated price that differs from the old one holds from ``day`` on; a true date belongs into the corrections. Applying
    the same sources again changes nothing.
    """
    result: dict[str, ProviderPrices] = {}
    changes: list[Change] = []
    for name in dict.fromkeys((*new, *old)):
        if name not in new:
            result[name] = old[name]
            changes.append(Change("kept", name, "*", "no source lists the provider any more"))
        elif name not in old:
            result[name] = new[name]
            changes.append(Change("new model", name, "*", "a new provider"))
        else:
            result[name] = _provider(old[name], new[name], day, changes)
    return result, changes


def _provider(old: ProviderPrices, new: ProviderPrices, day: datetime, changes: list[Change]) -> ProviderPrices:
    known = {model.id: model for model in old.models}
    models = []
    for model in new.models:
        before = known.pop(model.id, None)
        if before is None:
            changes.append(Change("new model", new.provider, model.id, f"{len(model.lines)} price lines"))
            models.append(model)
        else:
            models.append(_model(new.provider, before, model, day, changes))
    forgotten_models = [model for model in known.values() if _groups(model.lines)]
    changes += [Change("kept", new.provider, model.id, "no source lists it any more") for model in forgotten_models]
    return replace(new, models=(*models, *forgotten_models))


def _model(provider: str, old: ModelPrices, new: ModelPrices, day: datetime, changes: list[Change]) -> ModelPrices:
    before, after = _groups(old.lines), _groups(new.lines)
    if new.lines and not after:
        return new  # the corrections replace what was imported
    lines: list[PriceLine] = []
    for group in dict.fromkeys((*after, *before)):
        lines += _group(provider, new.id, before.get(group, []), after.get(group, []), day, changes)
    lines += [line for line in new.lines if line.is_correction]
    return replace(new, lines=tuple(lines))


def _groups(lines: Sequence[PriceLine]) -> dict[_Group, list[PriceLine]]:
    groups: dict[_Group, list[PriceLine]] = {}
    for line in lines:
        if not line.is_correction:
            groups.setdefault((tuple(line.conditions.items()), line.week), []).append(line)
    return groups


def _group(
    provider: str, model: str, old: list[PriceLine], new: list[PriceLine], day: datetime, changes: list[Change]
) -> Iterator[PriceLine]:
    """The lines of one set of conditions."""
    if not new:
        yield from old
        return
    if not old or _same(old, new):
        yield from new
        return
    if len(new) > 1 or new[0].valid_from is not None:
        changes.append(Change("changed", provider, model, f"the source states {len(new)} dated prices{_under(new[0])}"))
        yield from new
        return
    last, current = old[-1], new[0]
    common = [meter for meter in current.rates if meter in last.rates]
    moved = [meter for meter in common if not _equal(last, current, meter)]
    if not moved:
        if added := [meter for meter in current.rates if meter not in last.rates]:
            changes.append(Change("new meter", provider, model, f"{', '.join(added)}{_under(current)}"))
        rates = {**last.rates, **current.rates}
        yield from old[:-1]
        yield replace(last, rates=rates, source=current.source)
        return
    told = ", ".join(f"{meter} {last.rates[meter].price} -> {current.rates[meter].price}" for meter in moved)
    changes.append(Change("dated", provider, model, f"{told}{_under(current)}: holds from {day:%Y-%m-%d} on"))
    yield from old[:-1]
    yield replace(last, valid_to=day)
    yield replace(current, valid_from=day)


def _same(old: list[PriceLine], new: list[PriceLine]) -> bool:
    return [replace(line, source="") for line in old] == [replace(line, source="") for line in new]


def _equal(one: PriceLine, other: PriceLine, meter: str) -> bool:
    return replace(one.rates[meter], source="") == replace(other.rates[meter], source="")


def _under(line: PriceLine) -> str:
    return f" under {', '.join(f'{name} {value}' for name, value in line.conditions.items())}" if line.conditions else ""
