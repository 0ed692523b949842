"""GET /api/v1/calls: each call with the arithmetic of its cost."""

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query
from fastapi.responses import Response

from costspan import money
from costspan.pricing import Cost
from costspan.usage import input_tokens, output_tokens
from costspan_collector import times
from costspan_collector.api import parameters as read
from costspan_collector.api.json import json_response
from costspan_collector.api.problems import BadParameter
from costspan_collector.services import DEFAULT_PROJECT_ID, Services
from costspan_collector.store.call_list import Place, arithmetic, list_calls, usage_of

_LARGEST_PAGE = 1000


def router(services: Services) -> APIRouter:
    """The route of the call list."""
    routes = APIRouter(prefix="/api/v1", tags=["calls"])

    @routes.get("/calls")
    def get_calls(
        start: read.From = None,
        to: read.To = None,
        filter_text: read.FilterText = "",
        limit: Annotated[int, Query(ge=1, le=_LARGEST_PAGE)] = 50,
        cursor: Annotated[str | None, Query(max_length=200, description="`next` of the page before")] = None,
    ) -> Response:
        """Calls, newest first. Pass `next` back as `cursor` for the following page; it is null on the last one."""
        if start is not None or to is not None:
            start, to = read.time_range(start, to, times.at(services.now_ns() // 1000))
        rows = list_calls(
            services.engine,
            DEFAULT_PROJECT_ID,
            start=start,
            end=to,
            where=read.filter_of(filter_text),
            after=_place(cursor) if cursor is not None else None,
            limit=limit + 1,
        )
        page = rows[:limit]
        more = _cursor(page[-1]) if len(rows) > limit else None
        return json_response({"rows": [_call(row) for row in page], "next": more})

    return routes


def _call(row: Mapping[str, Any]) -> dict[str, Any]:
    usage = usage_of(row)
    return {
        "trace_id": row["trace_id"],
        "span_id": row["span_id"],
        "parent_span_id": row["parent_span_id"],
        "response_id": row["response_id"],
        "provider": row["provider"],
        "request_model": row["request_model"],
        "response_model": row["response_model"] or row["request_model"],
        "operation": row["operation"],
        "start_time": row["start_time"],
        "duration_ms": _milliseconds(row["duration_us"]),
        "ttft_ms": _milliseconds(row["time_to_first_chunk_us"]),
        "environment": row["environment"],
        "service": row["service"],
        "feature": row["feature"],
        "customer": row["customer"],
        "user": row["user_id"],
        "session": row["session_id"],
        "tags": row["tags"] or {},
        "error_type": row["error_type"],
        "input_tokens": input_tokens(usage or {}),
        "output_tokens": output_tokens(usage or {}),
        "usage": usage,
        "service_tier": row["service_tier"],
        "streamed": row["streamed"],
        "incomplete": row["incomplete"],
        "basis": row["basis"],
        "correct": row["correct"],
        "value_usd": row["value_usd"],
        "cost_usd": row["cost_usd"],
        "cost_state": row["cost_state"],
        "cost_reason": row["cost_reason"],
        "reported_cost_usd": row["reported_cost_usd"],
        **_arithmetic(arithmetic(row)),
    }


def _arithmetic(cost: Cost | None) -> dict[str, Any]:
    if cost is None or cost.card is None:
        return {"items": [], "price": None}
    items = [
        {
            "meter": item.meter,
            "quantity": str(item.quantity),
            "unit_price_usd": money.text(item.unit_price),
            "per": str(item.per),
            "amount_usd": money.text(item.amount),
            "list_price_usd": money.text(item.list_price),
            "factors": [[factor.name, str(factor.factor)] for factor in item.factors],
            "source": item.source,
        }
        for item in cost.items
    ]
    card = cost.card
    price = {
        "provider": card.provider,
        "model": card.model,
        "source": card.source,
        "valid_from": card.valid_from,
        "conditions": dict(card.conditions),
        "rule": card.rule,
    }
    return {"items": items, "price": price}


def _milliseconds(microseconds: int | None) -> str | None:
    return None if microseconds is None else money.text(Decimal(microseconds) / 1000)


def _cursor(row: Mapping[str, Any]) -> str:
    place = [row["start_time"].isoformat(), bytes(row["trace_id"]).hex(), bytes(row["span_id"]).hex()]
    return base64.urlsafe_b64encode(orjson.dumps(place)).decode().rstrip("=")


def _place(cursor: str) -> Place:
    try:
        start, trace_id, span_id = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return Place(datetime.fromisoformat(start), bytes.fromhex(trace_id), bytes.fromhex(span_id))
    except (ValueError, TypeError, binascii.Error):
        raise BadParameter(f"cursor: {cursor!r} is not one that this API gave; pass `next` of the page before") from None
