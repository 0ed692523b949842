"""How commands print: tables for people, JSON for scripts."""

import json
from decimal import Decimal
from typing import Any

from rich.console import Console

from costspan import money


def console() -> Console:
    """Where tables go. What stands in brackets is text: names of models and features are not ours to mark up."""
    return Console(markup=False, highlight=False)


def print_json(value: Any) -> None:
    """Print ``value`` as a line of JSON; amounts are decimal strings without exponents."""
    print(json.dumps(value, default=_plain))


def _plain(value: Any) -> str:
    return money.text(value) if isinstance(value, Decimal) else str(value)
