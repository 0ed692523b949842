"""What an alert says, as facts and as the body of a webhook. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from costspan import money

EVENT = "budget.threshold_crossed"
# A correction of prices brought the standing below the threshold again.
RECOVERED_EVENT = "budget.threshold_recovered"


def alert_facts(row: Mapping[str, Any]) -> dict[str, Any]:
    """A stored alert under the names of the API. Amounts are decimal text, times stay datetimes."""
    return {
        "id": str(row["alert_id"]),
        "budget_id": str(row["budget_id"]),
        "budget_name": row["budget_name"],
        "kind": row["kind"],
        "scope": row["scope"],
        "threshold": money.text(row["threshold"]),
        "period_start": row["period_start"],
        "period_end": row["period_end"],
        "spent_usd": money.text(row["spent_usd"]),
        "amount_usd": money.text(row["amount_usd"]),
        "state": row["state"],
        "reason": row["reason"],
        "rerate_id": row["rerate_id"],
        "withdrawn_by": row["withdrawn_by"],
        "drivers": row["drivers"] or [],
        "created_at": row["created_at"],
    }


def webhook_body(row: Mapping[str, Any]) -> dict[str, Any]:
    """The payload of a webhook: ``type``, ``timestamp`` and the alert as ``data`` (Standard Webhooks, "Payload structure")."""
    facts = {name: _plain(value) for name, value in alert_facts(row).items()}
    event = RECOVERED_EVENT if facts["state"] == "recovered" else EVENT
    return {"type": event, "timestamp": facts["created_at"], "data": facts}


def drivers(totals: Mapping[str, Mapping[str | None, Decimal]], most: int = 3) -> list[dict[str, str | None]]:
    """The dearest values of each dimension, from dollars per dimension and value."""
    return [
        {"dimension": dimension, "value": value, "cost_usd": money.text(cost)}
        for dimension, values in totals.items()
        for value, cost in sorted(values.items(), key=lambda entry: (-entry[1], entry[0] or ""))[:most]
        if cost > 0
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value
