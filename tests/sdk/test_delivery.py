"""Delivery: bounded, retried as the protocol says, and what is lost is counted."""

import gzip
import itertools
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext, TraceFlags

import costspan
from costspan import _retry
from costspan._delivery import Delivery
from costspan._export import LabelEvent, encode
from costspan._guard import guard
from costspan._settings import Settings
from tests.sdk.conftest import Sdk
from tests.sdk.doubles.clients import openai_client
from tests.sdk.doubles.collector import Collector, Reply, spans_in
from tests.sdk.doubles.provider import Provider, recording

NUMBERS = itertools.count(1)
Make = Callable[..., Delivery]


def span(name: str = "chat m") -> ReadableSpan:
    identity = SpanContext(1, next(NUMBERS), is_remote=False, trace_flags=TraceFlags(1))
    return ReadableSpan(name, identity, resource=Resource({}), start_time=1, end_time=2)


class Late:
    """Makes its items when it is asked."""

    def __init__(self, *items: ReadableSpan) -> None:
        self._items = items

    def items(self) -> tuple[ReadableSpan, ...]:
        return self._items


@pytest.fixture
def delivery(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes deliveries that retry after milliseconds, and stops them."""
    made: list[Delivery] = []
    monkeypatch.setattr(_retry, "_FIRST_BACKOFF_S", 0.02)
    monkeypatch.setattr(_retry, "_LONGEST_BACKOFF_S", 0.05)

    def make(endpoint: str = collector.url, **options: Any) -> Delivery:
        made.append(Delivery(Settings(endpoint=endpoint, **options)))
        return made[-1]

    yield make
    collector.reply()
    for one in made:
        one.configure(Settings(endpoint=collector.url))
        assert one.stop(10)


def test_a_batch_is_protobuf_gzip_and_carries_the_key(delivery: Make, collector: Collector) -> None:
    one = delivery(collector.url + "/prefix", api_key="secret")
    one.put(span())
    assert one.flush(10)
    (request,) = collector.requests
    assert request.path == "/prefix/v1/traces"
    assert request.headers["content-type"] == "application/x-protobuf"
    assert request.headers["content-encoding"] == "gzip"
    assert request.headers["authorization"] == "Bearer secret"
    assert [received.name for received in spans_in(gzip.decompress(request.body))] == ["chat m"]


def test_without_a_key_no_authorization_is_sent(delivery: Make, collector: Collector) -> None:
    one = delivery()
    one.put(span())
    assert one.flush(10)
    assert "authorization" not in collector.requests[0].headers


def test_what_is_put_leaves_within_moments_without_a_flush(delivery: Make, collector: Collector) -> None:
    one = delivery()
    one.put(span())
    deadline = time.monotonic() + 10
    while not collector.spans and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(collector.spans) == 1


def test_a_full_batch_leaves_at_once_and_no_batch_is_larger(delivery: Make, collector: Collector) -> None:
    one = delivery()
    for _ in range(1203):
        one.put(span())
    assert one.flush(10)
    assert len({received.span_id for received in collector.spans}) == 1203
    assert max(len(spans_in(gzip.decompress(request.body))) for request in collector.requests) <= 500


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_retryable_answers_are_retried_with_the_same_bytes(status: int, delivery: Make, collector: Collector) -> None:
    collector.reply(Reply(status), Reply(status))
    one = delivery()
    one.put(span())
    assert one.flush(10)
    assert len(collector.requests) == 3
    assert len({request.body for request in collector.requests}) == 1
    assert len(collector.spans) == 1
    assert one.sent.all() == {"retries": 2, "/v1/traces": 1}
    assert one.dropped.all() == {}


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 413, 500])
def test_other_answers_are_final_and_counted(status: int, delivery: Make, collector: Collector) -> None:
    collector.reply(Reply(status))
    one = delivery()
    one.put(span())
    one.put(span())
    assert one.flush(10)
    assert len(collector.requests) == 1
    assert one.dropped.all() == {f"http_{status}": 2}
    assert one.last_problem == f"http_{status}"
    one.put(span())
    assert one.flush(10)
    assert len(collector.spans) == 1


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_honoured_even_by_a_flush(form: str, delivery: Make, collector: Collector) -> None:
    at = datetime.now(UTC) + timedelta(seconds=3)
    collector.reply(Reply(503, (("Retry-After", "1" if form == "seconds" else format_datetime(at, usegmt=True)),)))
    one = delivery()
    one.put(span())
    began = time.monotonic()
    assert not one.flush(0.5)
    assert len(collector.requests) == 1
    assert one.flush(10)
    assert time.monotonic() - began > (0.9 if form == "seconds" else 1.5)
    assert len(collector.requests) == 2


def test_partial_success_is_counted_and_not_sent_again(delivery: Make, collector: Collector) -> None:
    answer = ExportTraceServiceResponse()
    answer.partial_success.rejected_spans = 2
    answer.partial_success.error_message = "too old"
    collector.reply(Reply(200, body=answer.SerializeToString()))
    one = delivery()
    for _ in range(3):
        one.put(span())
    assert one.flush(10)
    assert len(collector.requests) == 1
    assert one.sent.get("/v1/traces") == 1
    assert one.dropped.all() == {"partial_success": 2}


def test_the_queue_is_bounded_while_the_collector_is_away_and_catches_up_after(delivery: Make, collector: Collector) -> None:
    one = delivery("http://127.0.0.1:9", queue_size=50)
    began = time.monotonic()
    for _ in range(70):
        one.put(span())
    assert time.monotonic() - began < 1
    assert not one.flush(0.2)
    assert one.dropped.all() == {"queue_full": 20}
    assert one.queued == 50
    assert one.sent.get("retries") >= 1
    one.configure(Settings(endpoint=collector.url, queue_size=50))
    assert one.flush(10)
    assert len({received.span_id for received in collector.spans}) == 50
    assert one.queued == 0


def test_one_item_that_cannot_be_encoded_spoils_nothing(
    delivery: Make, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "raises", False)
    one = delivery()
    one.put(span())
    one.put(LabelEvent(1, {"key": object()}, Resource({})))  # type: ignore[dict-item]
    one.put(span())
    before = guard.count
    assert one.flush(10)
    assert len(collector.spans) == 2
    assert one.dropped.all() == {"not_encodable": 1}
    assert guard.count > before
    guard.errors.add("TypeError", before - guard.count)


def test_bytes_are_the_same_whenever_they_are_made() -> None:
    items = [span(), LabelEvent(5, {"b": 1, "a": "x"}, Resource({"service.name": "s"}), 7, 8)]
    first = encode(items)
    time.sleep(0.01)
    assert encode(items) == first
    assert [(batch.path, batch.count) for batch in first] == [("/v1/traces", 1), ("/v1/logs", 1)]


def test_items_made_late_are_flushed_with_what_was_put_before_them(delivery: Make, collector: Collector) -> None:
    one = delivery()
    one.put(Late(span()))
    one.put(Late())
    assert one.flush(10)
    assert len(collector.spans) == 1


def test_a_stopped_delivery_starts_again(delivery: Make, collector: Collector) -> None:
    one = delivery()
    for number in range(1, 4):
        one.put(span())
        assert one.stop(10)
        assert len(collector.spans) == number


def test_where_no_thread_can_be_started_any_more_a_flush_ships_by_itself(
    delivery: Make, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As in an exit function since Python 3.12, when no thread was running before.
    monkeypatch.setattr(Delivery, "start", lambda self: False)
    collector.reply(Reply(503))
    one = delivery()
    one.put(span())
    assert one.flush(10)
    assert len(collector.spans) == 1
    assert one.sent.get("retries") == 1


def test_flush_before_anything_was_put_is_true_at_once(delivery: Make) -> None:
    assert delivery("http://127.0.0.1:9").flush(0)


def test_a_dead_collector_never_reaches_the_application(provider: Provider, sdk: Sdk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    costspan.init(endpoint="http://127.0.0.1:9", spool_size_bytes=0)
    provider.say(recording("chat_cached").answer())
    with openai_client(provider) as client:
        client.chat.completions.create(model="gpt-4.1-nano", messages=[{"role": "user", "content": "hi"}])
    assert not costspan.flush(0.3)
    assert costspan.stats()["queued"] == 1
    assert costspan.stats()["last_problem"] == "NewConnectionError"
    assert [record for record in caplog.records if not record.name.startswith("http")] == []
    costspan.init(endpoint=sdk.collector.url)
    assert sdk.span()


def test_stats_count_what_happened(provider: Provider, sdk: Sdk) -> None:
    before = costspan.stats()
    provider.say(recording("chat_cached").answer())
    with openai_client(provider) as client:
        for _ in range(3):
            client.chat.completions.create(model="gpt-4.1-nano", messages=[{"role": "user", "content": "hi"}])
        costspan.label("resp", correct=True)
    assert costspan.flush(10)
    after = costspan.stats()
    assert after["calls"] - before["calls"] == 3
    assert after["spans_sent"] - before["spans_sent"] == 3
    assert after["labels_sent"] - before["labels_sent"] == 1
    assert after["queued"] == 0
    assert after["dropped"] == before["dropped"]
