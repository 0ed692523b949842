"""One sample call for every endpoint of every adapter: what the host-safety contract is driven with.

An adapter or an endpoint without a sample fails the contract, so that adding one is enough to put it under it.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import anthropic
import openai

from costspan.adapters import ADAPTERS
from tests.sdk.doubles.clients import options_for
from tests.sdk.doubles.provider import Answer, Provider, recording

OPENAI_CLIENTS = (openai.OpenAI, openai.AsyncOpenAI)
ANTHROPIC_CLIENTS = (anthropic.Anthropic, anthropic.AsyncAnthropic)


@dataclass(frozen=True)
class Sample:
    """A recorded exchange, plain and streamed, and how to make it through the client."""

    adapter: str
    endpoint: str
    clients: tuple[type, type]
    method: str
    plain: str
    stream: str | None = None
    base_path: str = ""
    error: Answer = field(
        default=Answer(
            json.dumps({"type": "error", "error": {"type": "invalid_request_error", "message": "no"}}).encode(), status=400
        )
    )

    def __str__(self) -> str:
        return f"{self.adapter}{self.endpoint}"

    def client(self, provider: Provider, *, is_async: bool = False, **options: Any) -> Any:
        kind = self.clients[1 if is_async else 0]
        return kind(base_url=provider.url + self.base_path, **options_for(is_async=is_async, **options))

    def function(self, client: Any) -> Callable[..., Any]:
        for name in self.method.split("."):
            client = getattr(client, name)
        return client  # type: ignore[no-any-return]

    def kwargs(self, *, is_stream: bool) -> dict[str, Any]:
        request = recording(self.stream if is_stream and self.stream else self.plain).request
        if not is_stream:
            request.pop("stream", None)
        return request

    def answer(self, *, is_stream: bool) -> Answer:
        return recording(self.stream if is_stream and self.stream else self.plain).answer()


SAMPLES = (
    Sample("openai", "/chat/completions", OPENAI_CLIENTS, "chat.completions.create", "chat_cached", "chat_stream_usage", "/v1"),
    Sample("openai", "/responses", OPENAI_CLIENTS, "responses.create", "responses_reasoning", "responses_stream", "/v1"),
    Sample("openai", "/completions", OPENAI_CLIENTS, "completions.create", "completions", base_path="/v1"),
    Sample("openai", "/embeddings", OPENAI_CLIENTS, "embeddings.create", "embeddings", base_path="/v1"),
    Sample("anthropic", "/v1/messages", ANTHROPIC_CLIENTS, "messages.create", "messages_cache_write", "messages_stream_cache"),
)

MISSING = {f"{adapter.name}{endpoint.path}" for adapter in ADAPTERS for endpoint in adapter.endpoints} - {
    str(sample) for sample in SAMPLES
}


@dataclass
class Seen:
    """All that the caller of one call saw."""

    result_type: str = ""
    is_instance_of: tuple[str, ...] = ()
    items: list[Any] = field(default_factory=list)
    error: tuple[str, str] | None = None


def shown(value: Any) -> Any:
    """A result or chunk as its caller can see it, fields that were sent told from those that were not."""
    return (type(value).__name__, value.to_dict(mode="json"), sorted(value.model_fields_set))


def see(sample: Sample, provider: Provider, *, is_async: bool, is_stream: bool, **options: Any) -> Seen:
    """Make the sample's call and note all that its caller sees. Answers must have been given to ``provider``."""
    seen = Seen()
    kwargs = {**sample.kwargs(is_stream=is_stream), **options}
    if is_async:
        asyncio.run(_see_async(sample, provider, kwargs, seen, is_stream=is_stream))
    else:
        with sample.client(provider) as client:
            try:
                result = sample.function(client)(**kwargs)
                _note_type(seen, result)
                seen.items = [shown(item) for item in result] if is_stream else [shown(result)]
            except Exception as error:
                seen.error = (type(error).__name__, str(error))
    return seen


async def _see_async(sample: Sample, provider: Provider, kwargs: dict[str, Any], seen: Seen, *, is_stream: bool) -> None:
    async with sample.client(provider, is_async=True) as client:
        try:
            result = await sample.function(client)(**kwargs)
            _note_type(seen, result)
            seen.items = [shown(item) async for item in result] if is_stream else [shown(result)]
        except Exception as error:
            seen.error = (type(error).__name__, str(error))


def _note_type(seen: Seen, result: Any) -> None:
    seen.result_type = result.__class__.__name__
    seen.is_instance_of = tuple(base.__name__ for base in result.__class__.__mro__ if isinstance(result, base))
