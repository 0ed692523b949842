"""The books: each call once, rollups equal a recount, whatever arrives twice, late or out of order."""

import os
import random
import time
from decimal import Decimal

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.support.collector import RunningCollector, assert_books_balance, running_collector
from tests.support.otlp import CHAT, CHAT_COST, add_span, labels, traces

_FIRST_NS = (time.time_ns() // 10**9 - 7200) * 10**9


def test_a_resent_request_changes_nothing(collector: RunningCollector) -> None:
    request = traces(50, {"costspan.feature": "search"})
    for _ in range(3):
        assert collector.post_protobuf("/v1/traces", request).status == 200
    assert assert_books_balance(collector.database_url) == 50
    totals = collector.get("/api/v1/spend")["totals"]
    assert totals["calls"] == 50
    assert totals["cost_usd"] == str(Decimal(CHAT_COST) * 50).rstrip("0")


def test_a_span_twice_in_one_request_is_one_call(collector: RunningCollector) -> None:
    request = traces(1)
    span = request.resource_spans[0].scope_spans[0].spans[0]
    request.resource_spans[0].scope_spans[0].spans.add().CopyFrom(span)
    assert collector.post_protobuf("/v1/traces", request).status == 200
    assert assert_books_balance(collector.database_url) == 1


def test_calls_of_many_days_land_in_their_own_partitions(collector: RunningCollector) -> None:
    now = time.time_ns()
    request = ExportTraceServiceRequest()
    for days in (0, 1, 2, 40, 399):
        add_span(request, CHAT, start_ns=now - days * 86_400 * 10**9)
    assert collector.post_protobuf("/v1/traces", request).status == 200
    assert assert_books_balance(collector.database_url) == 5
    assert collector.sql("SELECT count(DISTINCT tableoid) FROM call") == [(5,)]


def test_unknown_is_not_zero(collector: RunningCollector) -> None:
    request = ExportTraceServiceRequest()
    add_span(request, {**CHAT, "gen_ai.request.model": "a-model-without-a-price"})
    add_span(request, {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-5-mini"})
    add_span(request, {**CHAT, "gen_ai.usage.input_tokens": 0, "gen_ai.usage.cache_read.input_tokens": 0,
                       "gen_ai.usage.output_tokens": 0})  # fmt: skip
    add_span(request, {**CHAT, "costspan.usage.cache_write_1h": 10, "gen_ai.usage.cache_write.input_tokens": 10})
    add_span(request, {**CHAT, "costspan.usage.incomplete": True})
    add_span(request, {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-5-mini", "error.type": "429"}, failed=True)
    assert collector.post_protobuf("/v1/traces", request).status == 200
    rows = collector.get("/api/v1/calls")["rows"]
    found = sorted((row["cost_state"] or "", row["cost_usd"], row["cost_reason"] or "") for row in rows)
    assert [(state, cost) for state, cost, _ in found] == [
        ("", None),
        ("estimated", CHAT_COST),
        ("partial", "0.0002325"),
        ("priced", "0"),
        ("unpriced", None),
        ("unpriced", None),
    ]
    reasons = {reason.split(":")[0] for _, _, reason in found}
    assert "no price for model 'a-model-without-a-price' of provider 'openai'" in reasons
    assert "openai gpt-5-mini has no rate for cache_write_1h" in reasons
    assert "no_usage" in reasons
    totals = collector.get("/api/v1/spend")["totals"]
    assert (totals["calls"], totals["errors"], totals["unpriced_calls"], totals["partial_calls"]) == (6, 1, 2, 1)
    assert (totals["estimated_calls"], totals["priced_calls"], totals["free_calls"]) == (1, 1, 0)
    assert_books_balance(collector.database_url)


def test_the_arithmetic_of_a_cost_is_shown(collector: RunningCollector) -> None:
    collector.post_protobuf("/v1/traces", traces(1))
    (row,) = collector.get("/api/v1/calls")["rows"]
    told = ("meter", "quantity", "unit_price_usd", "per", "amount_usd")
    assert [tuple(item[name] for name in told) for item in row["items"]] == [
        ("input", "200", "0.25", "1000000", "0.00005"),
        ("cache_read", "1000", "0.025", "1000000", "0.000025"),
        ("output", "80", "2", "1000000", "0.00016"),
    ]
    assert all((item["list_price_usd"], item["factors"]) == (item["unit_price_usd"], []) for item in row["items"])
    assert {item["source"] for item in row["items"]} == {"genai-prices 0.2.3"}
    assert sum(Decimal(item["amount_usd"]) for item in row["items"]) == Decimal(row["cost_usd"]) == Decimal(CHAT_COST)
    assert row["price"]["source"].startswith("genai-prices ")


_SPANS = st.lists(
    st.tuples(
        st.integers(0, 11),  # which call
        st.sampled_from(["search", "assistant", None]),
        st.sampled_from(["gpt-5-mini", "gpt-4.1", "claude-sonnet-4-5", "unknown-model"]),
        st.integers(0, 400_000),
        st.integers(0, 5_000),
        st.booleans(),
    ),
    max_size=25,
)
_LABELS = st.lists(st.tuples(st.integers(0, 11), st.booleans(), st.booleans(), st.integers(0, 5)), max_size=12)


@settings(
    max_examples=25,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(spans=_SPANS, verdicts=_LABELS, seed=st.integers(0, 2**32), cuts=st.integers(1, 6))
def test_any_order_and_duplication_ends_in_the_same_books(
    database_url: str,
    spans: list[tuple[int, str | None, str, int, int, bool]],
    verdicts: list[tuple[int, bool, bool, int]],
    seed: int,
    cuts: int,
) -> None:
    # Hypothesis shares the database between examples: every example has calls of its own.
    shuffle = random.Random(seed)
    prefix = os.urandom(12)
    calls = {}
    for number, feature, model, tokens_in, tokens_out, failed in spans:
        attributes = {
            **CHAT,
            "gen_ai.provider.name": "anthropic" if model.startswith("claude") else "openai",
            "gen_ai.request.model": model,
            "gen_ai.response.id": f"{prefix.hex()}-{number}",
            "gen_ai.usage.input_tokens": tokens_in,
            "gen_ai.usage.cache_read.input_tokens": tokens_in // 3,
            "gen_ai.usage.output_tokens": tokens_out,
            "costspan.feature": feature,
            "error.type": "timeout" if failed else None,
        }
        calls.setdefault(number, (attributes, failed))
    requests = []
    for number, (attributes, failed) in calls.items():
        for _ in range(shuffle.choice([1, 1, 2, 3])):
            request = ExportTraceServiceRequest()
            add_span(request, attributes, trace_id=prefix + number.to_bytes(4, "big"), span_id=b"\1" * 8,
                     start_ns=_FIRST_NS + number * 397 * 10**9, failed=failed)  # fmt: skip
            requests.append(("/v1/traces", request))
    for number, by_span, correct, order in verdicts:
        place = (
            {"trace_id": prefix + number.to_bytes(4, "big"), "span_id": b"\1" * 8}
            if by_span
            else {"gen_ai.response.id": f"{prefix.hex()}-{number}"}
        )
        record = {"gen_ai.evaluation.name": "correct", "gen_ai.evaluation.score.value": float(correct),
                  "costspan.label.by": "test", "time_ns": _FIRST_NS + order * 10**9, **place}  # fmt: skip
        requests.append(("/v1/logs", labels(record)))
    shuffle.shuffle(requests)
    with running_collector(database_url) as collector:
        before = collector.get("/api/v1/spend")["totals"]["calls"]
        for path, request in requests[: len(requests) // cuts]:
            assert collector.post_protobuf(path, request).status == 200
    with running_collector(database_url) as collector:  # a restart in the middle
        for path, request in requests[len(requests) // cuts :]:
            assert collector.post_protobuf(path, request).status == 200
        assert collector.get("/api/v1/spend")["totals"]["calls"] - before == len(calls)
    assert_books_balance(database_url)
