"""Accuracy labels: before or after their call, by span or response id, the newest wins."""

from itertools import permutations
from typing import Any

import pytest

from tests.support.collector import RunningCollector, assert_books_balance
from tests.support.otlp import labels, traces

TRACE, SPAN = b"\7" * 16, b"\3" * 8


def _verdict(collector: RunningCollector) -> tuple[Any, int, int]:
    (row,) = collector.get("/api/v1/calls")["rows"]
    totals = collector.get("/api/v1/spend")["totals"]
    assert_books_balance(collector.database_url)
    return row["correct"], totals["labelled_calls"], totals["correct_calls"]


def _label(value: float | None, at: int, by: str = "", *, by_response: bool = False, name: str = "correct", **more: Any) -> Any:
    place = {"gen_ai.response.id": "resp_1"} if by_response else {"trace_id": TRACE, "span_id": SPAN}
    return labels(
        {"gen_ai.evaluation.name": name, "gen_ai.evaluation.score.value": value, "costspan.label.by": by,
         "time_ns": 1_700_000_000_000_000_000 + at, **place, **more}
    )  # fmt: skip


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_any_order_gives_the_newest_verdict(collector: RunningCollector, order: tuple[int, ...]) -> None:
    call = ("/v1/traces", traces(1, {"gen_ai.response.id": "resp_1"}, trace_id=TRACE, span_id=SPAN))
    steps = [
        call,
        ("/v1/logs", _label(1.0, 10_000)),
        ("/v1/logs", _label(0.0, 20_000, by_response=True)),
        ("/v1/logs", _label(1.0, 5_000, "ann")),
    ]
    for step in order:
        assert collector.post_protobuf(*steps[step]).status == 200
        assert collector.post_protobuf(*steps[step]).status == 200  # a resend changes nothing
    assert _verdict(collector) == (False, 1, 0)


def test_a_label_waits_for_its_call_and_a_stranger_waits_for_ever(collector: RunningCollector) -> None:
    collector.post_protobuf("/v1/logs", _label(1.0, 0, by_response=True))
    assert collector.sql("SELECT count(*) FROM label WHERE call_start_time IS NULL") == [(1,)]
    collector.post_protobuf("/v1/traces", traces(1, {"gen_ai.response.id": "resp_2"}))
    assert _verdict(collector) == (None, 0, 0)


def test_other_names_are_kept_and_are_no_verdict(collector: RunningCollector) -> None:
    collector.post_protobuf("/v1/traces", traces(1, trace_id=TRACE, span_id=SPAN))
    collector.post_protobuf("/v1/logs", _label(0.7, 0, name="relevance"))
    collector.post_protobuf("/v1/logs", _label(None, 0, name="tone", **{"gen_ai.evaluation.score.label": "kind"}))
    assert _verdict(collector) == (None, 0, 0)
    found = collector.sql("SELECT name, value::text, category FROM label ORDER BY name")
    assert found == [("relevance", "0.7", None), ("tone", None, "kind")]


def test_labels_over_the_api(collector: RunningCollector) -> None:
    collector.post_protobuf("/v1/traces", traces(1, {"gen_ai.response.id": "resp_1"}, trace_id=TRACE, span_id=SPAN))
    assert collector.post_json("/api/v1/labels", {"response_id": "resp_1", "value": 0}).status == 201
    assert _verdict(collector) == (False, 1, 0)
    place = {"trace_id": TRACE.hex(), "span_id": SPAN.hex().upper()}
    assert collector.post_json("/api/v1/labels", {**place, "value": 1, "by": "ann"}).status == 201
    assert _verdict(collector) == (True, 1, 1)
    for bad, words in (
        ({"value": 1}, "say which call"),
        ({"response_id": "r"}, "say what was judged"),
        ({"trace_id": TRACE.hex(), "value": 1}, "go together"),
        ({"response_id": "r", "value": "NaN"}, "value"),
        ({"response_id": "r", "valu": 1}, "valu"),
    ):
        answer = collector.post_json("/api/v1/labels", bad)
        assert answer.status == 422
        assert words in answer.json["error"]["message"]
