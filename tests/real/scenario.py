"""What the application does: four ways of asking every question, and what it saw itself of each call."""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import openai

import costspan
from tests.real.questions import QUESTIONS, is_right
from tests.real.server import MODEL

BY = "answer key"
_CUSTOMERS = ("acme", "globex")
_USERS = ("ada", "bob", "cleo")


@dataclass(frozen=True)
class Asked:
    """A question about to be asked, and for whom."""

    feature: str
    key: str
    customer: str
    user: str

    def scope(self, client: str) -> Any:
        return costspan.feature(self.feature, customer=self.customer, user=self.user, question=self.key, client=client)

    def request(self, **more: Any) -> dict[str, Any]:
        question, _ = QUESTIONS[self.feature][self.key]
        messages = [{"role": "user", "content": question}]
        return {"model": MODEL, "messages": messages, "temperature": 0, "max_tokens": 24, **more}


@dataclass(frozen=True)
class Seen:
    """A call as the application saw it. Times in milliseconds by its own clock; ``usage`` is (input, output) tokens
    as the server's response reported them, None where it reported none."""

    asked: Asked
    client: str
    is_stream: bool
    response_id: str
    text: str
    usage: tuple[int, int] | None
    duration_ms: float
    first_chunk_ms: float | None = None

    @property
    def is_right(self) -> bool:
        return is_right(self.asked.feature, self.asked.key, self.text)


def judge(output: Any) -> bool:
    """The check of every feature: right or wrong by the answer that is known of the question named in the call's tags."""
    return is_right(output.feature, output.tags["question"], output.text)


def ask_everything(base_url: str) -> list[Seen]:
    """Ask every question plain and streamed, first one at a time with the sync client, then with the async client,
    all features at a time."""
    for feature in QUESTIONS:
        costspan.check(feature, judge, by=BY)
    asked = {
        feature: [
            Asked(feature, key, _CUSTOMERS[number % len(_CUSTOMERS)], _USERS[number % len(_USERS)])
            for number, key in enumerate(questions)
        ]
        for feature, questions in QUESTIONS.items()
    }
    options: dict[str, Any] = {"base_url": base_url, "api_key": "none", "max_retries": 0, "timeout": 60}
    with openai.OpenAI(**options) as client:
        seen = [one for questions in asked.values() for question in questions for one in _ask(client, question)]
    return seen + asyncio.run(_ask_all_async(options, asked.values()))


async def _ask_all_async(options: dict[str, Any], features: Iterable[list[Asked]]) -> list[Seen]:
    async with openai.AsyncOpenAI(**options) as client:

        async def ask_all(questions: list[Asked]) -> list[Seen]:
            return [one for question in questions for one in await _ask_async(client, question)]

        return [one for seen in await asyncio.gather(*map(ask_all, features)) for one in seen]


def _ask(client: openai.OpenAI, asked: Asked) -> tuple[Seen, Seen]:
    with asked.scope("sync"):
        return _plain(client, asked), _streamed(client, asked)


async def _ask_async(client: openai.AsyncOpenAI, asked: Asked) -> tuple[Seen, Seen]:
    # The second call starts after other tasks have run: its attribution must have waited for it.
    with asked.scope("async"):
        return await _plain_async(client, asked), await _streamed_async(client, asked)


def _plain(client: openai.OpenAI, asked: Asked) -> Seen:
    watch = _Watch()
    response = client.chat.completions.create(**asked.request())
    return watch.seen(asked, "sync", response)


async def _plain_async(client: openai.AsyncOpenAI, asked: Asked) -> Seen:
    watch = _Watch()
    response = await client.chat.completions.create(**asked.request())
    return watch.seen(asked, "async", response)


def _streamed(client: openai.OpenAI, asked: Asked) -> Seen:
    watch = _Watch()
    for chunk in client.chat.completions.create(**asked.request(stream=True)):
        watch.take(chunk)
    return watch.seen_stream(asked, "sync")


async def _streamed_async(client: openai.AsyncOpenAI, asked: Asked) -> Seen:
    watch = _Watch()
    # The application itself asks for usage, so that it would see what the server sends of it.
    asking = asked.request(stream=True, stream_options={"include_usage": True})
    async for chunk in await client.chat.completions.create(**asking):
        watch.take(chunk)
    return watch.seen_stream(asked, "async")


class _Watch:
    """The application's own stop-watch and notes of one call."""

    def __init__(self) -> None:
        self._start_s = time.perf_counter()
        self._first_chunk_ms: float | None = None
        self._chunks: list[Any] = []

    def _elapsed_ms(self) -> float:
        return (time.perf_counter() - self._start_s) * 1000

    def take(self, chunk: Any) -> None:
        if self._first_chunk_ms is None:
            self._first_chunk_ms = self._elapsed_ms()
        self._chunks.append(chunk)

    def seen(self, asked: Asked, client: str, response: Any) -> Seen:
        duration_ms = self._elapsed_ms()
        text = response.choices[0].message.content or ""
        return Seen(asked, client, False, response.id, text, _usage(response), duration_ms)

    def seen_stream(self, asked: Asked, client: str) -> Seen:
        duration_ms = self._elapsed_ms()
        text = "".join(choice.delta.content or "" for chunk in self._chunks for choice in chunk.choices)
        usage = next((usage for chunk in self._chunks if (usage := _usage(chunk)) is not None), None)
        return Seen(asked, client, True, self._chunks[0].id, text, usage, duration_ms, self._first_chunk_ms)


def _usage(body: Any) -> tuple[int, int] | None:
    return None if body.usage is None else (body.usage.prompt_tokens, body.usage.completion_tokens)
