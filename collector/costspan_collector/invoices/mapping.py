r"""How the columns of an export say what was billed: a table for each kind of export, as data.

A mapping is a TOML file::

    name = "openai"
    source = "where the columns are written down"
    delimiter = ","                    # or "\t"
    provider = "openai"                # the provider, where no column names it
    [columns]
    day = "start_time_iso"             # a date, an ISO instant, or seconds since 1970
    amount = "amount_value"
    currency = "amount_currency"       # optional; US dollars otherwise
    sku = ["line_item"]                # what was bought: the columns joined, the model's name in it
    category = "ChargeCategory"        # optional; usage otherwise
    quantity = "ConsumedQuantity"      # optional
    unit = "ConsumedUnit"              # optional
    provider = "ProviderName"          # optional
    [categories]                       # optional: a column's value -> usage, credit, adjustment, tax, purchase
    Usage = "usage"

Rows whose amount is empty say nothing and are left out.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CATEGORIES = ("usage", "credit", "adjustment", "tax", "purchase")
_KEYS = frozenset({"name", "source", "delimiter", "provider", "columns", "categories"})
_COLUMNS = frozenset({"day", "amount", "currency", "sku", "category", "quantity", "unit", "provider"})
_FOLDER = Path(__file__).parent / "mappings"


class MappingError(ValueError):
    """A mapping cannot be used; the message names the key and what is allowed."""


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """Which column of an export says what."""

    name: str
    columns: Mapping[str, str]
    sku: tuple[str, ...]
    delimiter: str = ","
    provider: str | None = None
    categories: Mapping[str, str] = field(default_factory=dict)


def names() -> tuple[str, ...]:
    """The mappings that come with costspan."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.toml")))


def load_mapping(name_or_path: str) -> ColumnMapping:
    """The mapping of that name, or in that file. Raises ``MappingError``."""
    path = _FOLDER / f"{name_or_path}.toml" if name_or_path in names() else Path(name_or_path)
    try:
        form = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise MappingError(f"mapping: {name_or_path!r} is neither a file nor one of {', '.join(names())}") from None
    except tomllib.TOMLDecodeError as error:
        raise MappingError(f"mapping {path}: {error}") from None
    return read_mapping(form)


def read_mapping(form: Mapping[str, Any]) -> ColumnMapping:
    """The mapping of its written form. Raises ``MappingError``."""
    columns = dict(form.get("columns", {}))
    for kind, given, known in (("key", form, _KEYS), ("column", columns, _COLUMNS)):
        if unknown := sorted(set(given) - known):
            raise MappingError(f"mapping: {unknown[0]!r} is no {kind}; known are {', '.join(sorted(known))}")
    for needed in ("day", "amount", "sku"):
        if not columns.get(needed):
            raise MappingError(f"mapping: columns.{needed} is missing")
    if "provider" not in columns and not form.get("provider"):
        raise MappingError("mapping: give provider, or columns.provider")
    categories = form.get("categories", {})
    for value, category in categories.items():
        if category not in CATEGORIES:
            raise MappingError(f"mapping: categories.{value}: {category!r} is none of {', '.join(CATEGORIES)}")
    sku = columns.pop("sku")
    return ColumnMapping(
        name=str(form.get("name", "own")),
        columns=columns,
        sku=(sku,) if isinstance(sku, str) else tuple(sku),
        delimiter=form.get("delimiter", ","),
        provider=form.get("provider"),
        categories=categories,
    )
