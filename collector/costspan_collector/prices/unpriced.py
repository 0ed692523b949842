"""What could not be priced, by what it may cost, with what might be meant."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from costspan import money
from costspan.pricing import PriceBook
from costspan.pricing.naming import provider_id
from costspan_collector.store.database import Connection
from costspan_collector.store.unpriced import reasons_of, unpriced_groups, usual_usd_per_token


@dataclass(frozen=True, slots=True)
class WorkItem:
    """A model whose calls have no whole price.

    ``at_risk_usd`` is an estimate: the tokens of its unpriced calls at what the project pays a token elsewhere; None where
    nothing is known, or where only a part or a tier is missing.
    """

    provider: str | None
    model: str | None
    operation: str | None
    request_model: str | None
    unpriced_calls: int
    partial_calls: int
    estimated_calls: int
    calls: int
    tokens: int
    at_risk_usd: Decimal | None
    features: tuple[str, ...]
    first_seen: datetime
    last_seen: datetime
    reasons: tuple[str, ...]
    suggestions: tuple[str, ...]


def work_list(
    connection: Connection, project_id: int, book: PriceBook, start: datetime, end: datetime, limit: int = 100
) -> list[WorkItem]:
    """What could not be priced from ``start`` to ``end``, the dearest first."""
    usual = usual_usd_per_token(connection, project_id, start, end)
    items = [
        _item(group, reasons_of(connection, project_id, group["series_ids"], group["last_seen"]), book, usual)
        for group in unpriced_groups(connection, project_id, start, end, limit)
    ]
    return sorted(items, key=lambda item: (item.at_risk_usd is None, -(item.at_risk_usd or 0), -item.unpriced_calls))


def _item(group: Mapping[str, Any], reasons: Sequence[Mapping[str, Any]], book: PriceBook, usual: Decimal | None) -> WorkItem:
    at_risk = None
    if usual is not None and group["unpriced_calls"]:
        share = money.CONTEXT.divide(group["unpriced_calls"], group["calls"])
        at_risk = money.rounded(money.CONTEXT.multiply(money.CONTEXT.multiply(usual, group["tokens"]), share))
    names = [row["request_model"] for row in reasons if row["request_model"]]
    return WorkItem(
        provider=group["provider"],
        model=group["model"],
        operation=group["operation"],
        request_model=names[0] if names else None,
        unpriced_calls=group["unpriced_calls"],
        partial_calls=group["partial_calls"],
        estimated_calls=group["estimated_calls"],
        calls=group["calls"],
        tokens=group["tokens"],
        at_risk_usd=at_risk,
        features=tuple(group["features"] or ()),
        first_seen=group["first_seen"],
        last_seen=group["last_seen"],
        reasons=tuple(dict.fromkeys(row["cost_reason"] for row in reasons if row["cost_reason"])),
        suggestions=_suggestions(book, group["provider"], names[0] if names else group["model"]),
    )


def _suggestions(book: PriceBook, provider: str | None, model: str | None) -> tuple[str, ...]:
    """Models of the provider whose names are near."""
    known = provider_id(provider) if provider else None
    prices = book.layers["catalogue"].get(known or "")
    if prices is None or not model:
        return ()
    ids = {entry.id.lower(): entry.id for entry in prices.models}
    return tuple(ids[name] for name in difflib.get_close_matches(model.lower(), ids, n=3, cutoff=0.6))
