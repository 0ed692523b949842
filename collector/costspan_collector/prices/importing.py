"""``costspan prices import``: from the sources to the catalogue, with all that changes and all that the sources disagree on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from importlib.metadata import PathDistribution
from pathlib import Path

from costspan.pricing.catalogue import Catalogue
from costspan.pricing.lines import Clause, ProviderPrices
from costspan_collector.prices.corrections import read_corrections
from costspan_collector.prices.genai import read_genai_prices
from costspan_collector.prices.history import Change, upgraded
from costspan_collector.prices.litellm_table import SecondSource, read_litellm
from costspan_collector.prices.merge import Difference, merged

_TABLE = "model_prices_and_context_window_backup.json"


@dataclass(frozen=True, slots=True)
class Imported:
    """The catalogue that the sources make, what that changes, and where the sources disagree."""

    sources: tuple[str, ...]
    providers: Mapping[str, ProviderPrices]
    model_matches: Mapping[str, Clause | None]
    changes: Sequence[Change]
    differences: Sequence[Difference]


def import_catalogue(litellm: Path | None, corrections: Path, current: Path, now: datetime) -> Imported:
    """Make the catalogue from the installed genai-prices, LiteLLM's table (a file, or a folder in which it is installed) and
    ``corrections``, as an upgrade of the one in ``current`` (none there: the first).

    Raises ``ModuleNotFoundError`` without genai-prices, ValueError for a table or a correction that cannot be read.
    """
    first = read_genai_prices()
    second = _second(litellm) if litellm is not None else None
    providers, differences = merged(first, second, read_corrections(corrections), now)
    old = dict(Catalogue(current)) if (current / "index.json").is_file() else {}
    day = datetime.combine(now.astimezone(UTC).date(), time.min, UTC)
    result, changes = upgraded(old, providers, day) if old else (providers, [])
    sources = (first.source, *([second.source] if second else []))
    return Imported(sources, result, first.model_matches, changes, differences)


def _second(path: Path) -> SecondSource:
    if path.is_file():
        return read_litellm(path, f"LiteLLM ({path.name})")
    for table in sorted(path.glob(f"**/litellm/{_TABLE}")):
        metadata = next(table.parents[1].glob("litellm-*.dist-info"), None)
        version = PathDistribution(metadata).version if metadata is not None else "of unknown release"
        return read_litellm(table, f"LiteLLM {version}")
    raise ValueError(f"litellm: {path} is neither a price table of LiteLLM nor a folder in which it is installed")
