"""label(): the right call, the right event, and clear words for what cannot be used."""

from typing import Any

import pytest
from opentelemetry.trace import SpanContext

import costspan
from costspan._index import CallIndex
from tests.sdk.conftest import Sdk
from tests.sdk.doubles.clients import openai_client
from tests.sdk.doubles.collector import Log
from tests.sdk.doubles.provider import Provider, recording

CHAT: Any = {"model": "gpt-4.1-nano", "messages": [{"role": "user", "content": "hi"}]}


def logs(sdk: Sdk) -> list[Log]:
    assert costspan.flush(10)
    return sdk.collector.logs


def test_a_response_is_labelled(provider: Provider, sdk: Sdk) -> None:
    provider.say(recording("chat_cached").answer())
    with openai_client(provider) as client:
        response = client.chat.completions.create(**CHAT)
    assert costspan.label(response, correct=True, by="reviewer") is None
    (log,) = logs(sdk)
    span = sdk.span()
    assert (log.trace_id, log.span_id) == (span.trace_id, span.span_id)
    assert log.event_name == "gen_ai.evaluation.result"
    assert log.attributes == {
        "event.name": "gen_ai.evaluation.result",
        "gen_ai.evaluation.name": "correct",
        "gen_ai.evaluation.score.value": 1.0,
        "gen_ai.response.id": response.id,
        "costspan.label.by": "reviewer",
    }
    assert log.resource == span.resource
    assert log.time_ns >= span.end_ns


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"correct": False}, {"name": "correct", "score.value": 0.0}),
        ({"correct": True, "category": "exact"}, {"name": "correct", "score.value": 1.0, "score.label": "exact"}),
        ({"correct": True, "name": "valid_json"}, {"name": "valid_json", "score.value": 1.0}),
        ({"score": 0.7}, {"name": "score", "score.value": 0.7}),
        ({"score": 3, "name": "stars"}, {"name": "stars", "score.value": 3.0}),
        ({"score": 1, "name": "correct"}, {"name": "correct", "score.value": 1.0}),
        ({"category": "refused"}, {"name": "category", "score.label": "refused"}),
    ],
)
def test_what_a_label_says(given: dict[str, Any], expected: dict[str, Any], sdk: Sdk) -> None:
    costspan.label("resp_from_elsewhere", **given)
    (log,) = logs(sdk)
    assert log.attributes == {
        "event.name": "gen_ai.evaluation.result",
        "gen_ai.response.id": "resp_from_elsewhere",
        **{f"gen_ai.evaluation.{name}": value for name, value in expected.items()},
    }
    assert (log.trace_id, log.span_id) == ("", "")


def test_streams_and_raw_responses_and_answers_without_an_id(provider: Provider, sdk: Sdk) -> None:
    with openai_client(provider) as client:
        provider.say(recording("chat_stream_usage").answer())
        stream = client.chat.completions.create(**CHAT, stream=True)
        costspan.label(stream, correct=True)
        list(stream)
        costspan.label(stream, correct=False)
        provider.say(recording("embeddings").answer())
        vectors = client.embeddings.create(model="text-embedding-3-small", input="hi")
        costspan.label(vectors, correct=True)
        provider.say(recording("chat_cached").answer())
        raw = client.chat.completions.with_raw_response.create(**CHAT)
        costspan.label(raw, correct=True)
        costspan.label(raw.parse(), correct=True)
        costspan.label(raw.parse().id, correct=True)
        costspan.label({"id": raw.parse().id}, correct=True)
    of_stream, of_vectors, of_raw = sdk.spans()
    expected = [of_stream] * 2 + [of_vectors] + [of_raw] * 4
    assert [log.span_id for log in logs(sdk)] == [span.span_id for span in expected]


def test_an_id_from_another_process_goes_out_without_a_span(sdk: Sdk) -> None:
    costspan.label({"id": "chatcmpl-elsewhere"}, score=2, name="stars")
    (log,) = logs(sdk)
    assert log.attributes["gen_ai.response.id"] == "chatcmpl-elsewhere"
    assert log.span_id == ""


@pytest.mark.parametrize(
    ("call", "arguments", "error", "message"),
    [
        (object(), {"correct": True}, TypeError, "call: object is no response of an observed client"),
        (None, {"correct": True}, TypeError, "call: NoneType is no response"),
        ({"id": 3}, {"correct": True}, TypeError, "call: dict is no response"),
        ("", {"correct": True}, TypeError, "call: str is no response"),
        ("r", {}, ValueError, "correct, score, category: all are None"),
        ("r", {"correct": 1}, TypeError, "correct: 1 is of type int; give True or False"),
        ("r", {"correct": True, "score": 1}, ValueError, "score: 1 is given beside correct=True"),
        ("r", {"score": True}, TypeError, "score: True is no finite number"),
        ("r", {"score": float("nan")}, TypeError, "score: nan is no finite number"),
        ("r", {"score": 0.5, "name": "correct"}, ValueError, "name: 'correct' goes with correct= or a score of 0 or 1"),
        ("r", {"correct": True, "by": 3}, TypeError, "by: 3 is no text"),
        ("r", {"category": " "}, TypeError, "category: ' ' is no text"),
    ],
)
def test_what_cannot_be_used_is_named(
    call: Any, arguments: dict[str, Any], error: type[Exception], message: str, sdk: Sdk
) -> None:
    with pytest.raises(error) as raised:
        costspan.label(call, **arguments)
    assert str(raised.value).startswith(message)
    assert logs(sdk) == []


def test_the_index_remembers_the_latest_calls_only() -> None:
    index = CallIndex()
    for number in range(10_001):
        index.remember_id(f"r{number}", SpanContext(1, number + 1, is_remote=False))
    assert index.find("r0").span is None
    found = index.find("r10000").span
    assert found is not None
    assert found.span_id == 10_001


def test_the_index_keeps_nothing_alive() -> None:
    class Response:
        """Has no id of its own."""

    index, span = CallIndex(), SpanContext(1, 2, is_remote=False)
    response = Response()
    index.remember_object(response, span)
    assert index.find(response).span is span
    del response
    assert index._span_of_object == {}
