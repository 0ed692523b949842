"""The wire is the contract: a label given by a handle, days later and elsewhere, lands on its call."""

from collections.abc import Iterator
from typing import Any

import pytest

import costspan
from tests.sdk.doubles.clients import openai_client
from tests.sdk.doubles.families import FAMILIES, Family, read
from tests.sdk.doubles.provider import Provider, recording
from tests.sdk.test_handles import ASKING, LABELLING, run
from tests.support.collector import RunningCollector, assert_books_balance


@pytest.fixture
def provider() -> Iterator[Provider]:
    server = Provider()
    yield server
    server.close()


def verdicts(collector: RunningCollector) -> list[bool | None]:
    return [row["correct"] for row in collector.get("/api/v1/calls")["rows"]]


def test_by_a_process_that_never_saw_the_call(collector: RunningCollector, provider: Provider) -> None:
    provider.say(recording("embeddings").answer())
    handle = run(ASKING, collector.url, provider.url)
    assert verdicts(collector) == [None]
    run(LABELLING, collector.url, handle)
    assert verdicts(collector) == [True]
    assert_books_balance(collector.database_url)


@pytest.mark.parametrize("family", [family for family in FAMILIES if family.name in ("converse", "invoke", "ollama")], ids=str)
def test_where_the_response_has_no_id(family: Family, collector: RunningCollector, provider: Provider) -> None:
    costspan.init(endpoint=collector.url, service="shop")
    with family.call(provider, is_stream=False) as response:
        read(response)
        handle = costspan.handle(response)
    assert costspan.flush(10), costspan.stats()
    assert verdicts(collector) == [None]
    costspan.label(handle, correct=False)
    assert costspan.shutdown(10), costspan.stats()
    assert verdicts(collector) == [False]


def test_a_label_that_comes_before_its_call(collector: RunningCollector, provider: Provider) -> None:
    costspan.init(endpoint=collector.url, service="shop")
    provider.say(recording("chat_stream_usage").answer())
    messages: Any = [{"role": "user", "content": "hi"}]
    with openai_client(provider) as client:
        stream = client.chat.completions.create(model="gpt-4o-mini", messages=messages, stream=True)
        costspan.label(costspan.handle(stream), correct=True)
        assert costspan.flush(10), costspan.stats()
        assert verdicts(collector) == []
        assert list(stream)
    assert costspan.shutdown(10), costspan.stats()
    assert verdicts(collector) == [True]
    assert_books_balance(collector.database_url)
