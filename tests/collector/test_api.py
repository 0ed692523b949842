"""The API: figures by any dimension and time zone, pages, and errors in words."""

import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.support.collector import RunningCollector
from tests.support.otlp import CHAT, CHAT_COST, add_span, traces


def _ns(time: datetime) -> int:
    return int(time.timestamp()) * 10**9


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/Los_Angeles", "Asia/Kathmandu", "Australia/Lord_Howe"])
def test_days_of_any_time_zone_add_up_to_the_range(collector: RunningCollector, zone: str) -> None:
    now = datetime.now(UTC).replace(minute=7, second=0, microsecond=0)
    starts = [now - timedelta(hours=hours) for hours in range(1, 24 * 6, 5)]
    request = ExportTraceServiceRequest()
    for start in starts:
        add_span(request, CHAT, start_ns=_ns(start))
    collector.post_protobuf("/v1/traces", request)
    since = (now - timedelta(days=7)).isoformat().replace("+00:00", "Z")
    answer = collector.get(f"/api/v1/spend?from={since}&interval=1d&tz={zone}")
    expected: dict[str, int] = {}
    for start in starts:
        day = start.astimezone(ZoneInfo(zone)).replace(hour=0, minute=0, fold=0)
        key = day.astimezone(UTC).isoformat().replace("+00:00", "Z")
        expected[key] = expected.get(key, 0) + 1
    assert {row["time"]: row["calls"] for row in answer["rows"]} == expected
    assert answer["totals"]["calls"] == len(starts)
    assert Decimal(answer["totals"]["cost_usd"]) == sum(Decimal(row["cost_usd"]) for row in answer["rows"])
    assert Decimal(answer["totals"]["cost_usd"]) == Decimal(CHAT_COST) * len(starts)


def test_groups_filters_and_intervals(collector: RunningCollector) -> None:
    request = ExportTraceServiceRequest()
    now = time.time_ns()
    for feature, customer, count in (("search", "acme", 3), ("search", "globex", 2), (None, "acme", 1)):
        for _ in range(count):
            add_span(request, {**CHAT, "costspan.feature": feature, "costspan.customer": customer}, start_ns=now)
    collector.post_protobuf("/v1/traces", request)

    def groups(query: str, *names: str) -> list[tuple[Any, ...]]:
        return [tuple(row[name] for name in (*names, "calls")) for row in collector.get(f"/api/v1/spend?{query}")["rows"]]

    assert groups("group_by=feature", "feature") == [("search", 5), (None, 1)]
    assert groups("group_by=feature,customer", "feature", "customer") == [
        ("search", "acme", 3),
        ("search", "globex", 2),
        (None, "acme", 1),
    ]
    assert groups("group_by=customer&filter=feature:search", "customer") == [("acme", 3), ("globex", 2)]
    assert groups("group_by=customer&filter=-feature:search", "customer") == [("acme", 1)]
    assert groups('group_by=customer&filter=feature:""', "customer") == [("acme", 1)]
    assert groups("group_by=customer&filter=customer:g*", "customer") == [("globex", 2)]
    assert groups("filter=customer:nobody") == [(0,)]
    for interval in ("1m", "15m", "1h", "1d", "1w", "1mo"):
        assert [calls for (calls,) in groups(f"interval={interval}")] == [6], interval


def test_calls_are_paged_newest_first_without_gap_or_repetition(collector: RunningCollector) -> None:
    request = ExportTraceServiceRequest()
    now = _ns(datetime.now(UTC))
    for number in range(25):
        add_span(request, {**CHAT, "gen_ai.response.id": f"r{number}"}, start_ns=now - (number // 3) * 10**9)
    collector.post_protobuf("/v1/traces", request)
    seen: list[str] = []
    times: list[str] = []
    cursor = ""
    while True:
        page = collector.get(f"/api/v1/calls?limit=7{cursor}")
        seen += [row["response_id"] for row in page["rows"]]
        times += [row["start_time"] for row in page["rows"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert sorted(seen) == sorted(f"r{number}" for number in range(25))
    assert times == sorted(times, reverse=True)


def test_a_call_shows_all_that_was_said_of_it(collector: RunningCollector) -> None:
    attributes = {
        "costspan.feature": "search", "costspan.customer": "acme", "user.id": "u1", "session.id": "s1",
        "costspan.tag.plan": "pro",
        "gen_ai.response.id": "resp_9", "gen_ai.response.model": "gpt-5-mini-2025-08-07", "gen_ai.request.stream": True,
        "gen_ai.response.time_to_first_chunk": 0.125, "openai.response.service_tier": "default", "costspan.cost.usd": "0.5",
        "costspan.value.usd": "1.25", "gen_ai.usage.reasoning.output_tokens": 30,
    }  # fmt: skip
    collector.post_protobuf("/v1/traces", traces(1, attributes))
    (row,) = collector.get("/api/v1/calls")["rows"]
    expected = {
        "provider": "openai", "request_model": "gpt-5-mini", "response_model": "gpt-5-mini-2025-08-07", "operation": "chat",
        "duration_ms": "250", "ttft_ms": "125", "feature": "search", "customer": "acme", "user": "u1", "session": "s1",
        "tags": {"plan": "pro"}, "response_id": "resp_9", "streamed": True, "service_tier": "default", "service": "shop",
        "usage": {"input": 200, "cache_read": 1000, "output": 50, "reasoning": 30}, "input_tokens": 1200, "output_tokens": 80,
        "cost_usd": CHAT_COST, "cost_state": "priced", "reported_cost_usd": "0.5", "value_usd": "1.25", "basis": "inclusive",
        "incomplete": False, "error_type": None, "correct": None,
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/spend?group_by=colour", "group_by: 'colour' is not a dimension; allowed: environment"),
        ("/spend?group_by=model,model", "names a dimension twice"),
        ("/spend?interval=5m", "interval: '5m' is not allowed; allowed: 1m, 15m, 1h, 1d, 1w, 1mo"),
        ("/spend?tz=Mars", "tz: 'Mars' is not an IANA time zone"),
        ("/spend?tz=../../etc/passwd", "is not an IANA time zone"),
        ("/spend?from=2026-01-01T00:00:00", "from: 2026-01-01T00:00:00 has no offset"),
        ("/spend?from=yesterday", "from:"),
        ("/spend?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "is not after from"),
        ("/spend?filter=feature", "cannot read 'feature'"),
        ("/calls?limit=0", "limit: Input should be greater than or equal to 1, got '0'"),
        ("/calls?limit=1001", "less than or equal to 1000"),
        ("/calls?cursor=xyz", "cursor: 'xyz' is not one that this API gave"),
        ("/alerts?cursor=xyz", "cursor: 'xyz' is not one that this API gave"),
        ("/forecast?period=year", "period: 'year' is not allowed; allowed: hour, day, week, month"),
    ],
)
def test_bad_parameters_get_422_in_words(collector: RunningCollector, path: str, words: str) -> None:
    answer = collector.request("GET", f"/api/v1{path}")
    assert answer.status == 422
    assert words in answer.json["error"]["message"]


def test_pages_come_from_local_files_under_a_strict_policy(collector: RunningCollector) -> None:
    page = collector.request("GET", "/")
    assert page.status == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert collector.request("GET", "/", if_none_match=page.headers["etag"]).status == 304
    for outside in ("/../pyproject.toml", "/%2e%2e/pyproject.toml", "/nothing.js", "/VENDORED.md"):
        assert collector.request("GET", outside).status == 404
    docs = collector.request("GET", "/docs").body.decode()
    for address in ("/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js", "/docs/start.js"):
        assert address in docs
        assert collector.request("GET", address).status == 200
    assert "http" not in docs
    assert collector.get("/openapi.json")["paths"].keys() >= {
        "/v1/traces",
        "/v1/logs",
        "/api/v1/spend",
        "/api/v1/calls",
        "/api/v1/budgets",
    }


def test_health(collector: RunningCollector) -> None:
    assert collector.get("/healthz") == {"status": "ok"}
    assert collector.get("/readyz") == {"status": "ready"}
