"""Replaying planned calls through the real ``openai`` and ``anthropic`` clients, as fast as they go.

Features of the event loop use the asynchronous clients with bounded concurrency, the others the synchronous clients in
a few threads, as the services of a product would.
"""

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import anthropic
import openai

from costspan_collector.demo.processes import DemoError
from costspan_collector.demo.product import Api, PlannedCall
from costspan_collector.demo.simulator import ROW_HEADER

CONCURRENT_CALLS = 24
THREADS = 6
TIMEOUT_S = 60.0

_API_KEY = "demo"
_MAX_TOKENS = 4096

Methods = Mapping[Api, Callable[..., Any]]


@dataclass(frozen=True, slots=True)
class Hooks:
    """What surrounds a call: ``attribute`` is entered around it, ``judge`` gets the response, or the stream that was read to its
    end, and whether it was right, ``done`` is told of its end. All are called from several threads.
    """

    attribute: Callable[[PlannedCall], AbstractContextManager[object]]
    judge: Callable[[Any, bool], object]
    done: Callable[[PlannedCall], object]


class _Supply:
    """Calls handed out one by one to several workers, until there are no more or it is ``stopped``."""

    def __init__(self, calls: Iterable[PlannedCall]) -> None:
        self._calls = iter(calls)
        self._lock = threading.Lock()
        self.stopped = False

    def __iter__(self) -> Iterator[PlannedCall]:
        while not self.stopped:
            with self._lock:
                call = next(self._calls, None)
            if call is None:
                return
            yield call


class _Replay:
    """One run: two supplies and their workers, the first failure of which stops all."""

    def __init__(self, calls: Sequence[PlannedCall], base_url: str, hooks: Hooks) -> None:
        self._for_loop = _Supply([call for call in calls if call.feature.runtime == "event_loop"])
        self._for_threads = _Supply([call for call in calls if call.feature.runtime == "threads"])
        self._openai: dict[str, Any] = {"api_key": _API_KEY, "base_url": f"{base_url}/v1", "timeout": TIMEOUT_S}
        self._anthropic: dict[str, Any] = {"api_key": _API_KEY, "base_url": base_url, "timeout": TIMEOUT_S}
        self._hooks = hooks

    def run(self) -> None:
        with (
            openai.OpenAI(**self._openai) as openai_client,
            anthropic.Anthropic(**self._anthropic) as anthropic_client,
            ThreadPoolExecutor(THREADS, "demo-calls") as pool,
        ):
            methods = _methods(openai_client, anthropic_client)
            in_threads = [pool.submit(self._work_in_thread, methods) for _ in range(THREADS)]
            try:
                asyncio.run(self._work_in_loop())
            except BaseException:
                self._stop()
                raise
        for worker in in_threads:
            worker.result()

    async def _work_in_loop(self) -> None:
        async with (
            openai.AsyncOpenAI(**self._openai) as openai_client,
            anthropic.AsyncAnthropic(**self._anthropic) as anthropic_client,
        ):
            methods = _methods(openai_client, anthropic_client)
            await asyncio.gather(*(self._work_in_task(methods) for _ in range(CONCURRENT_CALLS)))

    async def _work_in_task(self, methods: Methods) -> None:
        for call in self._for_loop:
            with self._hooks.attribute(call):
                answer = await methods[call.route.api](**request_of(call))
                if call.route.streamed:
                    async for _ in answer:
                        pass
            self._end(call, answer)

    def _work_in_thread(self, methods: Methods) -> None:
        try:
            for call in self._for_threads:
                with self._hooks.attribute(call):
                    answer = methods[call.route.api](**request_of(call))
                    if call.route.streamed:
                        for _ in answer:
                            pass
                self._end(call, answer)
        except BaseException:
            self._stop()
            raise

    def _end(self, call: PlannedCall, answer: Any) -> None:
        if call.correct is not None:
            self._hooks.judge(answer, call.correct)
        self._hooks.done(call)

    def _stop(self) -> None:
        self._for_loop.stopped = self._for_threads.stopped = True


def replay(calls: Sequence[PlannedCall], base_url: str, hooks: Hooks) -> None:
    """Make all ``calls`` at the provider at ``base_url``; returns when the last has ended.

    The first failure stops the rest and is raised: DemoError for one of a client, else what a hook raised.
    """
    try:
        _Replay(calls, base_url, hooks).run()
    except (openai.OpenAIError, anthropic.AnthropicError) as error:
        raise DemoError(f"a call failed: {type(error).__name__}: {error}") from error


def request_of(call: PlannedCall) -> dict[str, Any]:
    """The keyword arguments that make ``call`` by the method of its API."""
    route = call.route
    request: dict[str, Any] = {
        "model": route.model.name,
        "extra_headers": {ROW_HEADER: str(call.row.index)},
        "stream": route.streamed,
    }
    if route.api == "responses":
        return request | {"input": call.prompt}
    request["messages"] = [{"role": "user", "content": call.prompt}]
    if route.api == "messages":
        return request | {"max_tokens": _MAX_TOKENS}
    return request | {"stream_options": {"include_usage": True}} if route.asks_usage else request


def _methods(openai_client: Any, anthropic_client: Any) -> Methods:
    return {
        "chat": openai_client.chat.completions.create,
        "responses": openai_client.responses.create,
        "messages": anthropic_client.messages.create,
    }
