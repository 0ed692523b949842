"""The wire is the contract: what the SDK measured is what the collector books, and both price it alike."""

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

import costspan
from tests.sdk.doubles.clients import anthropic_client, async_openai_client, openai_client
from tests.sdk.doubles.provider import Provider, recording
from tests.sdk.doubles.samples import SAMPLES, Sample
from tests.support.collector import RunningCollector, assert_books_balance


@pytest.fixture
def provider() -> Iterator[Provider]:
    server = Provider()
    yield server
    server.close()


@pytest.fixture
def booked(collector: RunningCollector) -> Iterator[RunningCollector]:
    costspan.init(endpoint=collector.url, service="shop", environment="production")
    yield collector
    assert costspan.shutdown(10), costspan.stats()


@pytest.mark.parametrize(
    ("sample", "is_stream"),
    [(sample, is_stream) for sample in SAMPLES for is_stream in (False, True) if sample.stream or not is_stream],
    ids=lambda value: str(value) if isinstance(value, Sample) else "stream" if value else "plain",
)
def test_both_sides_agree_on_usage_and_cost(
    booked: RunningCollector, provider: Provider, sample: Sample, is_stream: bool
) -> None:
    provider.say(sample.answer(is_stream=is_stream))
    with sample.client(provider) as client, costspan.feature("search", customer="acme", user="u1", session="s1", plan="pro"):
        result = sample.function(client)(**sample.kwargs(is_stream=is_stream))
        if is_stream:
            for _ in result:
                pass
    assert costspan.flush(10), costspan.stats()
    (row,) = booked.get("/api/v1/calls")["rows"]
    assert (row["feature"], row["customer"], row["user"], row["session"]) == ("search", "acme", "u1", "s1")
    assert (row["service"], row["environment"], row["tags"]) == ("shop", "production", {"plan": "pro"})
    assert row["usage"] is not None
    assert row["streamed"] is is_stream
    assert row["incomplete"] is False
    # the SDK's own figure travels beside the usage; the collector's comes from the usage alone
    if row["cost_state"] == "priced":
        assert Decimal(row["cost_usd"]) == Decimal(row["reported_cost_usd"])
    else:
        assert row["reported_cost_usd"] == row["cost_usd"]
    assert_books_balance(booked.database_url)


def test_a_label_finds_its_call_by_object_and_by_id(booked: RunningCollector, provider: Provider) -> None:
    provider.say(recording("chat_cached").answer(), recording("messages_cache_write").answer())
    messages: Any = [{"role": "user", "content": "hi"}]
    with openai_client(provider) as client:
        chat = client.chat.completions.create(model="gpt-4o-mini", messages=messages)
    with anthropic_client(provider) as other:
        message = other.messages.create(model="claude-haiku-5-5", max_tokens=10, messages=messages)
    costspan.label(chat, correct=True)
    costspan.label(message.id, correct=False, by="reviewer")
    assert costspan.flush(10), costspan.stats()
    verdicts = {row["response_id"]: row["correct"] for row in booked.get("/api/v1/calls")["rows"]}
    assert verdicts == {chat.id: True, message.id: False}
    totals = booked.get("/api/v1/spend")["totals"]
    assert (totals["labelled_calls"], totals["correct_calls"]) == (2, 1)


def test_concurrent_calls_keep_their_own_feature(booked: RunningCollector, provider: Provider) -> None:
    provider.say(*(recording("chat_cached").answer() for _ in range(20)))

    async def ask(number: int) -> None:
        async with async_openai_client(provider) as client:
            with costspan.feature(f"feature-{number % 4}"):
                await client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": "hi"}])

    async def ask_all() -> None:
        await asyncio.gather(*(ask(number) for number in range(20)))

    asyncio.run(ask_all())
    assert costspan.flush(10), costspan.stats()
    rows = booked.get("/api/v1/spend?group_by=feature")["rows"]
    assert {row["feature"]: row["calls"] for row in rows} == {f"feature-{number}": 5 for number in range(4)}
