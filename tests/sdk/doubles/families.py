"""One small call through every family of clients, plain and streamed, all answered with the same text.

The bodies are as the providers' documents show them.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.sdk.doubles import bodies
from tests.sdk.doubles.clients import TIMEOUT_S, anthropic_client, openai_client
from tests.sdk.doubles.provider import Answer, Provider, answer_events, answer_json

Call = Callable[[Any], Any]


@dataclass(frozen=True)
class Family:
    """``client`` makes a client of the provider; ``plain`` and ``streamed`` make a call through it."""

    name: str
    client: Callable[[Provider], Any]
    plain: Call
    answer: Answer
    streamed: Call | None = None
    events: Answer | None = None

    def __str__(self) -> str:
        return self.name

    @contextmanager
    def call(self, provider: Provider, *, is_stream: bool) -> Iterator[Any]:
        """The response or the stream, within the life of its client."""
        answer = self.events if is_stream else self.answer
        function = self.streamed if is_stream else self.plain
        assert answer is not None
        assert function is not None
        provider.say(answer)
        client = self.client(provider)
        yield function(client)
        close = getattr(client, "close", None)
        if close is not None:
            close()


def drain(result: Any) -> list[Any]:
    """All items of a stream of any client."""
    stream = result.get("stream", result.get("body")) if isinstance(result, dict) else result
    return list(stream)


def read(result: Any) -> None:
    """Read what a client leaves unread of a whole answer (InvokeModel's body)."""
    if isinstance(result, dict) and hasattr(result.get("body"), "read"):
        result["body"].read()


def _genai(provider: Provider) -> Any:
    from google import genai

    return genai.Client(api_key="key", http_options={"base_url": provider.url})


def _bedrock(provider: Provider) -> Any:
    import boto3.session

    account = {"region_name": "us-east-1", "aws_access_key_id": "key", "aws_secret_access_key": "secret"}
    return boto3.session.Session().client("bedrock-runtime", endpoint_url=provider.url, **account)


def _mistral(provider: Provider) -> Any:
    from mistralai.client import Mistral

    client = Mistral(api_key="key", server_url=provider.url)
    client.close = lambda: client.__exit__(None, None, None)
    return client


def _cohere(kind: str) -> Callable[[Provider], Any]:
    def client(provider: Provider) -> Any:
        import cohere
        import httpx

        http = httpx.Client(verify=False)
        client = getattr(cohere, kind)(api_key="key", base_url=provider.url, httpx_client=http)
        client.close = http.close
        return client

    return client


def _groq(provider: Provider) -> Any:
    import groq

    return groq.Groq(api_key="key", base_url=provider.url, max_retries=0)


def _together(provider: Provider) -> Any:
    import together

    return together.Together(api_key="key", base_url=provider.url, max_retries=0)


def _ollama(provider: Provider) -> Any:
    import ollama

    return ollama.Client(host=provider.url)


def _huggingface(provider: Provider) -> Any:
    import huggingface_hub

    return huggingface_hub.InferenceClient(base_url=provider.url + "/v1", api_key="hf_key", timeout=TIMEOUT_S)


FAMILIES: tuple[Family, ...] = (
    Family(
        "openai-chat",
        openai_client,
        lambda client: client.chat.completions.create(model="gpt-5", messages=bodies.MESSAGES),
        bodies.chat("chatcmpl-1"),
        lambda client: client.chat.completions.create(model="gpt-5", messages=bodies.MESSAGES, stream=True),
        bodies.chat_events("chatcmpl-2"),
    ),
    Family(
        "openai-responses",
        openai_client,
        lambda client: client.responses.create(model="gpt-5", input="hi"),
        answer_json(bodies.RESPONSE),
        lambda client: client.responses.create(model="gpt-5", input="hi", stream=True),
        answer_events([{"type": "response.completed", "sequence_number": 1, "response": bodies.RESPONSE}]),
    ),
    Family(
        "openai-completions",
        openai_client,
        lambda client: client.completions.create(model="m", prompt="hi"),
        answer_json({**bodies.text_choice(bodies.TEXT), "usage": {"prompt_tokens": 5, "completion_tokens": 2}}),
        lambda client: client.completions.create(model="m", prompt="hi", stream=True),
        answer_events([bodies.text_choice("Hello"), bodies.text_choice(" world")]),
    ),
    Family(
        "anthropic",
        anthropic_client,
        lambda client: client.messages.create(model="claude-haiku-5-5", max_tokens=9, messages=bodies.MESSAGES),
        answer_json(bodies.MESSAGE),
        lambda client: client.messages.create(model="claude-haiku-5-5", max_tokens=9, messages=bodies.MESSAGES, stream=True),
        answer_events(bodies.MESSAGE_EVENTS, named=True, done=False),
    ),
    Family(
        "gemini",
        _genai,
        lambda client: client.models.generate_content(model="gemini-2.5-flash", contents="hi"),
        answer_json(bodies.candidate(bodies.TEXT, "STOP")),
        lambda client: client.models.generate_content_stream(model="gemini-2.5-flash", contents="hi"),
        answer_events([bodies.candidate("Hello"), bodies.candidate(" world", "STOP")], done=False),
    ),
    Family(
        "converse",
        _bedrock,
        lambda client: client.converse(modelId=bodies.MODEL, messages=bodies.CONVERSE_MESSAGES),
        bodies.requested(answer_json(bodies.CONVERSE)),
        lambda client: client.converse_stream(modelId=bodies.MODEL, messages=bodies.CONVERSE_MESSAGES),
        bodies.CONVERSE_EVENTS,
    ),
    Family(
        "invoke",
        _bedrock,
        lambda client: client.invoke_model(modelId=bodies.MODEL, body=bodies.INVOKED),
        bodies.requested(answer_json(bodies.MESSAGE)),
        lambda client: client.invoke_model_with_response_stream(modelId=bodies.MODEL, body=bodies.INVOKED),
        bodies.frames(*(bodies.packed(event) for event in bodies.MESSAGE_EVENTS)),
    ),
    Family(
        "mistral",
        _mistral,
        lambda client: client.chat.complete(model="mistral-small-latest", messages=bodies.MESSAGES),
        bodies.chat("mis-1"),
        lambda client: client.chat.stream(model="mistral-small-latest", messages=bodies.MESSAGES),
        bodies.chat_events("mis-2"),
    ),
    Family(
        "cohere-1",
        _cohere("Client"),
        lambda client: client.chat(message="hi", model="command-r"),
        answer_json(
            {
                "response_id": "r-1",
                "generation_id": "gen-1",
                "text": bodies.TEXT,
                "finish_reason": "COMPLETE",
                "meta": bodies.BILLED,
            }
        ),
        lambda client: client.chat_stream(message="hi", model="command-r"),
        bodies.lines(
            {"event_type": "stream-start", "generation_id": "gen-2", "is_finished": False},
            {"event_type": "text-generation", "text": "Hello", "is_finished": False},
            {"event_type": "text-generation", "text": " world", "is_finished": False},
            {"event_type": "stream-end", "finish_reason": "COMPLETE", "is_finished": True,
             "response": {"response_id": "r-2", "generation_id": "gen-2", "text": bodies.TEXT, "meta": bodies.BILLED}},
            content_type="application/stream+json",
        ),
    ),
    Family(
        "cohere-2",
        _cohere("ClientV2"),
        lambda client: client.chat(model="command-a-03-2025", messages=bodies.MESSAGES),
        answer_json(
            {"id": "co-1", "finish_reason": "COMPLETE", "usage": bodies.BILLED,
             "message": {"role": "assistant", "content": [{"type": "text", "text": bodies.TEXT}]}}
        ),
        lambda client: client.chat_stream(model="command-a-03-2025", messages=bodies.MESSAGES),
        answer_events(
            [
                {"type": "message-start", "id": "co-2", "delta": {"message": {"role": "assistant"}}},
                {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "Hello"}}}},
                {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": " world"}}}},
                {"type": "message-end", "id": "co-2", "delta": {"finish_reason": "COMPLETE", "usage": bodies.BILLED}},
            ]
        ),
    ),
    Family(
        "groq",
        _groq,
        lambda client: client.chat.completions.create(model="llama-3.3-70b-versatile", messages=bodies.MESSAGES),
        bodies.chat("groq-1"),
        lambda client: client.chat.completions.create(model="llama-3.3-70b-versatile", messages=bodies.MESSAGES, stream=True),
        bodies.chat_events("groq-2"),
    ),
    Family(
        "together",
        _together,
        lambda client: client.chat.completions.create(model="meta-llama/Llama-3.3-70B", messages=bodies.MESSAGES),
        bodies.chat("tog-1"),
        lambda client: client.chat.completions.create(model="meta-llama/Llama-3.3-70B", messages=bodies.MESSAGES, stream=True),
        bodies.chat_events("tog-2"),
    ),
    Family(
        "ollama",
        _ollama,
        lambda client: client.chat(model="llama3.2", messages=bodies.MESSAGES),
        answer_json(bodies.line(bodies.TEXT, is_done=True)),
        lambda client: client.chat(model="llama3.2", messages=bodies.MESSAGES, stream=True),
        bodies.lines(bodies.line("Hello", is_done=False), bodies.line(" world", is_done=False), bodies.line("", is_done=True)),
    ),
    Family(
        "huggingface",
        _huggingface,
        lambda client: client.chat_completion(bodies.MESSAGES, model="m"),
        bodies.chat("hf-1"),
        lambda client: client.chat_completion(bodies.MESSAGES, model="m", stream=True),
        bodies.chat_events("hf-2"),
    ),
)  # fmt: skip
