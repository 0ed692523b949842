"""Identities made by the program: series and rate cards are named by a hash of what they hold."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from costspan.pricing import RateCard
from costspan.pricing.forms import stored_rate
from costspan.pricing.writing import rate_form
from costspan_collector.call import Dimensions


def series_id(dimensions: Dimensions) -> int:
    """The signed 64-bit id of a set of dimension values: equal values give equal ids on every collector."""
    return _hash(
        [
            dimensions.environment,
            dimensions.service,
            dimensions.feature,
            dimensions.customer,
            dimensions.provider,
            dimensions.model,
            dimensions.operation,
            list(dimensions.tags),
        ],
        b"series",
    )


def rate_card_row(card: RateCard) -> dict[str, Any]:
    """The card as plain values for storage; prices stay decimal text."""
    return {
        "provider": card.provider,
        "model": card.model,
        "rule": card.rule,
        "source": card.source,
        "valid_from": card.valid_from,
        "conditions": dict(card.conditions),
        "assumed": card.assumed,
        "rates": {meter: rate_form(rate) for meter, rate in card.rates.items()},
    }


def stored_card(row: Mapping[str, Any]) -> RateCard:
    """The card of a stored row: what ``rate_card_row`` made, or an earlier release did."""
    return RateCard(
        provider=row["provider"],
        model=row["model"],
        rates={meter: stored_rate(form) for meter, form in row["rates"].items()},
        rule=row["rule"],
        source=row["source"],
        valid_from=row["valid_from"],
        conditions=row["conditions"],
        assumed=row["assumed"],
    )


def rate_card_id(row: dict[str, Any]) -> int:
    """The signed 64-bit id of a stored card."""
    return _hash(row, b"rate_card")


def _hash(value: Any, person: bytes) -> int:
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()
    return int.from_bytes(hashlib.blake2b(canonical, digest_size=8, person=person).digest(), "big", signed=True)
