"""How the columns of an export say what was billed: a TOML file for each kind of export (docs/reconciliation.md).

A mapping is data: nothing in the code knows a provider's export.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

CATEGORIES = ("usage", "purchase", "tax", "credit", "adjustment")
FIELDS = frozenset(
    {
        *("start", "end", "amount", "effective", "list", "currency", "sku", "model", "quantity", "unit"),
        *("provider", "account", "category", "credit"),
    }
)
_KEYS = frozenset(
    {
        *("source", "provider", "delimiter", "date_format", "zone", "currency", "preamble_currency", "empty_amount"),
        *("model_pattern", "tokens_where", "columns", "categories", "units", "only", "providers"),
    }
)
_FOLDER = Path(__file__).parent / "mappings"


class MappingError(ValueError):
    """A mapping cannot be used; the message names the key, its value and what is allowed."""


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """Which columns of an export say what; names of columns are compared without regard to case.

    ``columns``: field -> names of columns, of which the first that the file has and that says something counts (``sku``: all of
    them, joined). ``only``: column -> what its value must match for a row to be looked at. ``units``: unit in lower case ->
    tokens; where ``tokens_where`` is given, of SKUs that match it alone.
    """

    name: str
    columns: Mapping[str, tuple[str, ...]]
    provider: str | None = None
    delimiter: str = ","
    date_format: str = "iso"
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    currency: str | None = None
    preamble_currency: str | None = None
    is_empty_amount_nothing: bool = False
    model_pattern: re.Pattern[str] | None = None
    tokens_where: re.Pattern[str] | None = None
    categories: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, int] = field(default_factory=dict)
    only: Mapping[str, re.Pattern[str]] = field(default_factory=dict)
    providers: Mapping[str, str] = field(default_factory=dict)
    written: str = ""


def names() -> tuple[str, ...]:
    """The mappings that come with costspan."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.toml")))


def load_mapping(name_or_path: str) -> ColumnMapping:
    """The mapping of that name, or that in the file of that name. Raises ``MappingError``."""
    known = names()
    path = _FOLDER / f"{name_or_path}.toml" if name_or_path in known else Path(name_or_path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise MappingError(f"mapping: {name_or_path!r} is neither a readable file nor one of {', '.join(known)}") from None
    return parse_mapping(text, path.stem)


def parse_mapping(text: str, name: str) -> ColumnMapping:
    """The mapping that the TOML ``text`` writes down. Raises ``MappingError``."""
    try:
        form = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise MappingError(f"mapping {name}: {error}") from None
    _known(name, "", form, _KEYS)
    columns = _columns(name, form.get("columns", {}))
    if not form.get("provider") and "provider" not in columns:
        raise MappingError(f"mapping {name}: give provider, or columns.provider")
    return ColumnMapping(
        name=name,
        columns=columns,
        provider=_text(name, form, "provider"),
        delimiter=_delimiter(name, form.get("delimiter", ",")),
        date_format=_text(name, form, "date_format") or "iso",
        zone=_zone(name, form.get("zone", "UTC")),
        currency=_text(name, form, "currency"),
        preamble_currency=_text(name, form, "preamble_currency"),
        is_empty_amount_nothing=_choice(name, "empty_amount", form.get("empty_amount", "bad"), ("bad", "nothing")) == "nothing",
        model_pattern=_model_pattern(name, form.get("model_pattern")),
        tokens_where=_pattern(name, "tokens_where", form["tokens_where"]) if "tokens_where" in form else None,
        categories=_categories(name, form.get("categories", {})),
        units={unit.lower(): _number(name, f"units.{unit}", size) for unit, size in form.get("units", {}).items()},
        only={column.lower(): _pattern(name, f"only.{column}", p) for column, p in form.get("only", {}).items()},
        providers={given.lower(): str(provider) for given, provider in form.get("providers", {}).items()},
        written=text,
    )


def _known(name: str, where: str, given: Mapping[str, Any], allowed: frozenset[str]) -> None:
    if unknown := sorted(set(given) - allowed):
        raise MappingError(f"mapping {name}: {where}{unknown[0]!r} is not a key; allowed: {', '.join(sorted(allowed))}")


def _columns(name: str, given: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    _known(name, "columns.", given, FIELDS)
    columns = {}
    for key, value in given.items():
        given_names = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else ()
        if not given_names or not all(isinstance(column, str) and column for column in given_names):
            raise MappingError(f"mapping {name}: columns.{key}: {value!r} is not a column's name nor a list of such")
        columns[key] = tuple(column.lower() for column in given_names)
    for needed in ("start", "amount"):
        if needed not in columns:
            raise MappingError(f"mapping {name}: columns.{needed} is missing")
    if "sku" not in columns and "model" not in columns:
        raise MappingError(f"mapping {name}: columns.sku is missing; give it, or columns.model")
    return columns


def _text(name: str, form: Mapping[str, Any], key: str) -> str | None:
    if key not in form:
        return None
    if not isinstance(form[key], str) or not form[key]:
        raise MappingError(f"mapping {name}: {key}: {form[key]!r} is not a text")
    return str(form[key])


def _choice(name: str, key: str, value: Any, allowed: Sequence[str]) -> str:
    if value not in allowed:
        raise MappingError(f"mapping {name}: {key}: {value!r} is not allowed; allowed: {', '.join(allowed)}")
    return str(value)


def _delimiter(name: str, value: Any) -> str:
    if not isinstance(value, str) or len(value) != 1:
        raise MappingError(f"mapping {name}: delimiter: {value!r} is not one character")
    return str(value)


def _zone(name: str, value: Any) -> ZoneInfo:
    try:
        return ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        raise MappingError(f"mapping {name}: zone: {value!r} is not an IANA time zone, such as America/Los_Angeles") from None


def _pattern(name: str, key: str, value: Any) -> re.Pattern[str]:
    try:
        return re.compile(value, re.IGNORECASE)
    except (re.error, TypeError) as error:
        raise MappingError(f"mapping {name}: {key}: {value!r} is not a regular expression: {error}") from None


def _model_pattern(name: str, value: Any) -> re.Pattern[str] | None:
    if value is None:
        return None
    pattern = _pattern(name, "model_pattern", value)
    if "model" not in pattern.groupindex:
        raise MappingError(f"mapping {name}: model_pattern: {value!r} has no group (?P<model>...)")
    return pattern


def _categories(name: str, given: Mapping[str, Any]) -> dict[str, str]:
    return {value.lower(): _choice(name, f"categories.{value}", category, CATEGORIES) for value, category in given.items()}


def _number(name: str, key: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise MappingError(f"mapping {name}: {key}: {value!r} is not a number of tokens, such as 1000")
    return value
