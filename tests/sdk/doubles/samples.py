"""One sample call for each endpoint that openai and anthropic share with the first tests, plain and streamed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import anthropic
import openai

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


def shown(value: Any) -> Any:
    """A result or chunk as its caller can see it, fields that were sent told from those that were not."""
    return (type(value).__name__, value.to_dict(mode="json"), sorted(value.model_fields_set))
