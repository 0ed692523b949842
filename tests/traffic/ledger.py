"""The golden ledger: for each kept recording the calls that the truth expects, as lines that a reader can compare.

``python -m tests.traffic.ledger`` writes it anew. A change of truth is then a change of this file, which a person accepts.
"""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.traffic.cases import RECORDINGS, Case, read
from tests.traffic.truth import ExpectedCall, expected

LEDGER = Path(__file__).parent / "data" / "ledger.jsonl"


def line(case: Case) -> str:
    """One line of the ledger: the case's id and its billed calls. What nobody knows is left out; [] is: nobody bills it."""
    return json.dumps({"id": case.id, "calls": [_entry(call) for call in expected(case)]}, ensure_ascii=False)


def text(cases: Iterable[Case]) -> str:
    return "".join(line(case) + "\n" for case in cases)


def _entry(call: ExpectedCall) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "provider": call.provider,
        "model": " or ".join(call.models) or None,
        "usage": None if call.meters is None else {name: int(call.meters[name]) for name in sorted(call.meters)},
        "may": dict(call.may) or None,
        "tier": call.tier,
        "provider_cost_usd": None if call.cost_usd is None else f"{call.cost_usd:f}",
        "error": call.is_error or None,
        "optional": call.is_optional or None,
    }
    return {name: value for name, value in entry.items() if value is not None or name == "usage"}


def main() -> int:
    """Write the ledger of the kept recordings."""
    LEDGER.write_text(text(read(RECORDINGS)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
