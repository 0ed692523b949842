"""The catalogue's files: written so that an upgrade is a diff of prices, one price line a line of text."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from costspan.pricing.lines import Clause, ProviderPrices
from costspan.pricing.writing import alias_form, json_line, line_form, multiplier_form


def write_catalogue(
    folder: Path,
    sources: Sequence[str],
    providers: Mapping[str, ProviderPrices],
    model_matches: Mapping[str, Clause | None],
) -> int:
    """Write one file a provider and the index into ``folder``; return the number of models.

    The version in the index is a hash of the files: equal prices have equal versions.
    """
    files = {name: "\n".join(_file(prices)) + "\n" for name, prices in sorted(providers.items())}
    version = hashlib.blake2b("".join(files.values()).encode(), digest_size=8).hexdigest()
    index = {
        "version": version,
        "sources": list(sources),
        "providers": {name: model_matches.get(name) for name in files},
    }
    files["index"] = json.dumps(index, indent=1, ensure_ascii=False) + "\n"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.json").write_text(text, encoding="utf-8")
    for stale in set(folder.glob("*.json")) - {folder / f"{name}.json" for name in files}:
        stale.unlink()
    return sum(len(prices.models) for prices in providers.values())


def _file(prices: ProviderPrices) -> Iterator[str]:
    yield f'{{"provider": {json.dumps(prices.provider)}, "fallback": {json.dumps(list(prices.fallback))},'
    for name, forms in (
        ("multipliers", [multiplier_form(multiplier) for multiplier in prices.multipliers]),
        ("aliases", [alias_form(alias) for alias in prices.aliases]),
    ):
        if forms:
            yield f'"{name}": ['
            yield from _listed([json_line(form) for form in forms])
            yield "],"
    yield '"models": ['
    for index, model in enumerate(prices.models):
        name, match = (json.dumps(value, ensure_ascii=False) for value in (model.id, model.match))
        yield f'{{"id": {name}, "match": {match}, "prices": ['
        yield from _listed([json_line(line_form(line)) for line in model.lines])
        yield "]}" if index + 1 == len(prices.models) else "]},"
    yield "]}"


def _listed(lines: list[str]) -> Iterator[str]:
    for index, line in enumerate(lines):
        yield line if index + 1 == len(lines) else line + ","
