"""What the demo asks of the collector's API (DESIGN.md section 9), in its own types."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import urllib3

from costspan_collector.demo.ledger import Spend
from costspan_collector.demo.processes import DemoError

TIMEOUT_S = 15.0


class CollectorClient:
    """The API of the collector at ``url``. Methods raise DemoError for an answer that is not the one they ask for."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = urllib3.PoolManager(retries=False, timeout=TIMEOUT_S)

    def close(self) -> None:
        """Close its connections."""
        self._http.clear()

    def is_ready(self) -> bool:
        """Whether the collector takes calls."""
        try:
            return self._http.request("GET", f"{self.url}/readyz").status == 200
        except urllib3.exceptions.HTTPError:
            return False

    def create_budget(self, budget: Mapping[str, Any]) -> None:
        """Create a budget."""
        self._ask("POST", "/api/v1/budgets", 201, json=dict(budget))

    def spend_by_feature(self, since: datetime) -> tuple[dict[str, Spend], Spend]:
        """What is booked from the UTC day of ``since`` until that of now: by feature, and in total."""
        day = since.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        end = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        fields = {"from": _instant(day), "to": _instant(end), "group_by": "feature"}
        answer = self._ask("GET", "/api/v1/spend", 200, fields=fields)
        return {row["feature"] or "(none)": _spend(row) for row in answer["rows"]}, _spend(answer["totals"])

    def _ask(self, method: str, path: str, expected: int, **arguments: Any) -> Any:
        try:
            answer = self._http.request(method, self.url + path, **arguments)
        except urllib3.exceptions.HTTPError as error:
            raise DemoError(f"{method} {path}: {error}") from error
        if answer.status != expected:
            said = answer.data[:1000].decode(errors="replace")
            raise DemoError(f"{method} {path}: {answer.status} instead of {expected}: {said}")
        return json.loads(answer.data)


def _spend(row: Mapping[str, Any]) -> Spend:
    return Spend(
        calls=row["calls"],
        input_tokens=row["input_tokens"],
        output_tokens=row["output_tokens"],
        cost_usd=Decimal(row["cost_usd"]),
        labelled_calls=row["labelled_calls"],
        correct_calls=row["correct_calls"],
    )


def _instant(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
