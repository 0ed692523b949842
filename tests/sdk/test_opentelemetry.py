"""Beside an application's own OpenTelemetry: its traces, its sampler, its processors and its resource."""

import asyncio
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from opentelemetry import trace
from opentelemetry.context import attach, detach
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased, Sampler
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, TraceState

import costspan
from costspan._guard import guard
from tests.sdk.conftest import Sdk
from tests.sdk.doubles.application import Application
from tests.sdk.doubles.clients import anthropic_client, async_openai_client, http, openai_client
from tests.sdk.doubles.provider import Provider, recording

CHAT: Any = {"model": "gpt-4.1-nano", "messages": [{"role": "user", "content": "hi"}]}
CLAUDE: Any = {"model": "claude-sonnet-4-6", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture
def application(monkeypatch: pytest.MonkeyPatch) -> Iterator[Application]:
    """One that samples everything."""
    one = Application(ParentBased(ALWAYS_ON), monkeypatch)
    yield one
    one.provider.shutdown()


@pytest.fixture
def chat(provider: Provider) -> Iterator[Any]:
    """Makes one chat completion."""
    provider.say(recording("chat_cached").answer())
    with openai_client(provider) as client:
        yield lambda: client.chat.completions.create(**CHAT)


def test_a_call_is_a_child_of_the_applications_span_and_its_processors_see_it(
    application: Application, chat: Any, sdk: Sdk
) -> None:
    with application.tracer.start_as_current_span("handle request") as parent:
        chat()
        assert trace.get_current_span() is parent
    ours = sdk.span()
    seen = application.spans()
    assert set(seen) == {"handle request", "chat gpt-4.1-nano"}
    theirs = seen["chat gpt-4.1-nano"]
    assert ours.trace_id == f"{parent.get_span_context().trace_id:032x}"
    assert ours.parent_span_id == f"{parent.get_span_context().span_id:016x}"
    assert f"{theirs.context.span_id:016x}" == ours.span_id
    assert theirs.attributes["gen_ai.usage.input_tokens"] == 1080
    assert theirs.attributes["costspan.cost.usd"] == "0.000034"
    assert theirs.resource.attributes["team"] == ours.resource["team"] == "search"


def test_only_what_init_names_replaces_the_applications_resource(application: Application, chat: Any, sdk: Sdk) -> None:
    chat()
    assert (sdk.span().resource["service.name"], sdk.span().resource["team"]) == ("tests", "search")
    sdk.collector.forget()
    costspan.init(endpoint=sdk.collector.url, environment="staging")
    chat()
    resource = sdk.span().resource
    assert (resource["service.name"], resource["deployment.environment.name"]) == ("shop", "staging")


def test_spans_of_the_transport_are_children_of_the_call(application: Application, provider: Provider, sdk: Sdk) -> None:
    provider.say(recording("chat_cached").answer())

    def trace_request(request: Any) -> None:
        with application.tracer.start_as_current_span("POST"):
            pass

    with http.Client(event_hooks={"request": [trace_request], "response": []}, verify=False) as http_client:
        openai.OpenAI(base_url=provider.url, api_key="key", http_client=http_client).chat.completions.create(**CHAT)
    ours = sdk.span()
    inner = application.spans()["POST"]
    assert f"{inner.parent.span_id:016x}" == ours.span_id
    assert ours.parent_span_id == ""


def test_an_unsampled_trace_is_booked_and_stays_unsampled(provider: Provider, sdk: Sdk, monkeypatch: pytest.MonkeyPatch) -> None:
    application = Application(ParentBased(ALWAYS_OFF), monkeypatch)
    provider.say(recording("chat_cached").answer())
    flags: list[int] = []

    def look(request: Any) -> None:
        with application.tracer.start_as_current_span("POST") as span:
            flags.append(span.get_span_context().trace_flags & 1)

    with http.Client(event_hooks={"request": [look], "response": []}, verify=False) as http_client:
        client = openai.OpenAI(base_url=provider.url, api_key="key", http_client=http_client)
        with application.tracer.start_as_current_span("handle request") as parent:
            client.chat.completions.create(**CHAT)
        client.chat.completions.create(**CHAT)
    below, root = sdk.spans()
    assert below.parent_span_id == f"{parent.get_span_context().span_id:016x}"
    assert root.parent_span_id == ""
    assert application.spans() == {}
    assert flags == [0, 0]


def test_the_applications_sampler_is_asked_about_a_root(provider: Provider, sdk: Sdk, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    class OnlyChat(Sampler):
        """Samples by the attributes that the specification wants at creation."""

        def should_sample(self, parent_context: Any, trace_id: int, name: str, kind: Any = None, *rest: Any, **_: Any) -> Any:
            asked.append((parent_context, name, dict(rest[0])))
            return ALWAYS_ON.should_sample(parent_context, trace_id, name)

        def get_description(self) -> str:
            return "only chat"

    application = Application(OnlyChat(), monkeypatch)
    provider.say(recording("chat_cached").answer())
    with openai_client(provider) as client:
        client.chat.completions.create(**CHAT)
    assert set(application.spans()) == {"chat gpt-4.1-nano"}
    assert asked == [
        (
            None,
            "chat gpt-4.1-nano",
            {
                "gen_ai.operation.name": "chat",
                "gen_ai.provider.name": "openai",
                "gen_ai.request.model": "gpt-4.1-nano",
                "server.address": "127.0.0.1",
                "server.port": int(provider.url.rpartition(":")[2]),
            },
        )
    ]


def test_a_remote_parent_is_continued_without_any_provider(chat: Any, sdk: Sdk) -> None:
    remote = SpanContext(0xABC, 0xDEF, is_remote=True, trace_flags=TraceFlags(1), trace_state=TraceState([("k", "v")]))
    token = attach(trace.set_span_in_context(NonRecordingSpan(remote)))
    try:
        chat()
    finally:
        detach(token)
    span = sdk.span()
    assert (int(span.trace_id, 16), int(span.parent_span_id, 16)) == (0xABC, 0xDEF)


def test_a_stream_is_shown_to_the_application_when_it_ends(application: Application, provider: Provider, sdk: Sdk) -> None:
    provider.say(recording("messages_stream").answer())
    with anthropic_client(provider) as client:
        with application.tracer.start_as_current_span("handle request") as parent:
            stream = client.messages.create(**CLAUDE, stream=True)
        assert trace.get_current_span() is not parent
        list(stream)
    ours = sdk.span()
    assert ours.parent_span_id == f"{parent.get_span_context().span_id:016x}"
    assert application.spans()["chat claude-sonnet-4-6"].attributes["gen_ai.usage.output_tokens"] == 3


def test_anthropics_own_span_is_below_ours_and_names_the_same_response(
    application: Application, provider: Provider, sdk: Sdk
) -> None:
    provider.say(recording("messages_cache_write").answer())
    with anthropic_client(provider) as client:
        client.messages.create(**CLAUDE)
    ours = sdk.span()
    native = [span for span in application.spans().values() if span.instrumentation_scope.name != "costspan"]
    assert [f"{span.parent.span_id:016x}" for span in native] == [ours.span_id] * len(native)
    assert {span.attributes["gen_ai.response.id"] for span in native} <= {ours["gen_ai.response.id"]}


def test_a_processor_that_raises_does_not_harm_the_call(
    application: Application, chat: Any, sdk: Sdk, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(SimpleSpanProcessor):
        """Fails on every span."""

        def on_end(self, span: Any) -> None:
            raise ZeroDivisionError

    monkeypatch.setattr(guard, "raises", False)
    application.provider.add_span_processor(Broken(InMemorySpanExporter()))
    assert chat().choices
    assert sdk.span()["costspan.cost.state"] == "priced"
    guard.errors.add("ZeroDivisionError", -1)


def test_no_global_provider_is_set(chat: Any, sdk: Sdk) -> None:
    chat()
    assert sdk.span()
    assert trace._TRACER_PROVIDER is None


def test_a_client_that_calls_another_is_billed_once_by_the_inner_one(
    application: Application, provider: Provider, sdk: Sdk
) -> None:
    provider.say(recording("messages_cache_write").answer())
    with anthropic_client(provider) as inner:

        def translate(request: Any) -> Any:
            inner.messages.create(**CLAUDE)
            return http.Response(200, json=recording("chat_cached").json())

        with http.Client(transport=http.MockTransport(translate)) as http_client:
            outer = openai.OpenAI(base_url="http://gateway", api_key="key", http_client=http_client)
            with application.tracer.start_as_current_span("handle request") as parent:
                outer.chat.completions.create(**CHAT)
    span = sdk.span()
    assert span["gen_ai.provider.name"] == "anthropic"
    assert span.parent_span_id == f"{parent.get_span_context().span_id:016x}"


def test_an_outer_call_that_succeeds_after_an_inner_one_failed_is_billed(provider: Provider, sdk: Sdk) -> None:
    provider.say(recording("messages_error").answer())
    with anthropic_client(provider) as inner:

        def translate(request: Any) -> Any:
            with pytest.raises(Exception, match="there-is-no-such-model"):
                inner.messages.create(**CLAUDE)
            return http.Response(200, json=recording("chat_cached").json())

        with http.Client(transport=http.MockTransport(translate)) as http_client:
            openai.OpenAI(base_url="http://gateway", api_key="key", http_client=http_client).chat.completions.create(**CHAT)
    failed, billed = sdk.spans()
    assert failed["error.type"] == "NotFoundError"
    assert billed["costspan.cost.state"] == "priced"


def test_a_task_begun_during_a_call_and_outliving_it_is_a_call_of_its_own(provider: Provider, sdk: Sdk) -> None:
    provider.say(recording("chat_cached").answer())
    tasks: list[asyncio.Task[Any]] = []

    async def run() -> None:
        done = asyncio.Event()
        async with async_openai_client(provider) as client:

            async def follow_up() -> None:
                await done.wait()
                await client.chat.completions.create(**CHAT)

            async def begin(request: Any) -> None:
                if not tasks:
                    tasks.append(asyncio.create_task(follow_up()))

            client._client.event_hooks = {"request": [begin], "response": []}
            await client.chat.completions.create(**CHAT)
            done.set()
            await tasks[0]

    asyncio.run(run())
    assert [span["costspan.cost.state"] for span in sdk.spans()] == ["priced", "priced"]
