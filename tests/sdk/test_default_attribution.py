"""What a call is booked on where the application has said nothing."""

import asyncio
import gc
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON
from opentelemetry.trace import SpanKind

import costspan
from costspan import _default_feature, _entry_spans
from tests.sdk.conftest import Sdk
from tests.sdk.doubles.clients import async_openai_client, http, openai_client
from tests.sdk.doubles.collector import Span
from tests.sdk.doubles.provider import Provider, recording

CHAT: Any = {"model": "gpt-4.1-nano", "messages": [{"role": "user", "content": "hi"}]}
HERE = ("tests.sdk.test_default_attribution", "module")
ROUTE = {"http.request.method": "GET", "http.route": "/users/{id}"}


def feature(span: Span) -> tuple[Any, Any]:
    return span.get("costspan.feature"), span.get("costspan.feature.source")


@pytest.fixture
def ask(provider: Provider, sdk: Sdk) -> Iterator[Any]:
    """Makes a call and gives what it is booked on."""
    provider.say(recording("chat_cached").answer())
    with openai_client(provider) as client:

        def one() -> tuple[Any, Any]:
            client.chat.completions.create(**CHAT)
            return feature(sdk.spans()[-1])

        yield one


@pytest.fixture(params=[ALWAYS_ON, ALWAYS_OFF], ids=["sampled", "unsampled"])
def tracer(request: pytest.FixtureRequest) -> trace.Tracer:
    return TracerProvider(sampler=request.param, shutdown_on_exit=False).get_tracer("application")


@pytest.mark.parametrize(
    ("kind", "attributes", "expected"),
    [
        (SpanKind.SERVER, ROUTE, ("GET /users/{id}", "route")),
        (SpanKind.SERVER, {"http.method": "POST", "http.route": "users/<int:id>"}, ("POST users/<int:id>", "route")),
        (SpanKind.SERVER, {"http.request.method": "X7F3", "http.route": "/users/{id}"}, ("/users/{id}", "route")),
        (SpanKind.SERVER, {"http.request.method": "GET", "url.path": "/users/7", "http.target": "/users/7"}, HERE),
        (SpanKind.SERVER, {"rpc.service": "shop.Search", "rpc.method": "Find"}, ("shop.Search/Find", "route")),
        (SpanKind.INTERNAL, ROUTE, ("GET /users/{id}", "route")),
        (SpanKind.CONSUMER, {"messaging.destination.name": "orders"}, ("orders", "task")),
        (SpanKind.CONSUMER, {"messaging.destination": "orders"}, ("orders", "task")),
        (SpanKind.CONSUMER, {"celery.task_name": "shop.rank", "messaging.destination": "celery"}, ("shop.rank", "task")),
        (SpanKind.CONSUMER, {"messaging.destination.name": "amq.gen-7f3", "messaging.destination.temporary": True}, HERE),
        (SpanKind.CONSUMER, {}, HERE),
        (SpanKind.CLIENT, {"url.template": "/users/{id}"}, HERE),
        (SpanKind.SERVER, {"http.route": " "}, HERE),
    ],
    ids=str,
)
def test_the_route_or_task_of_the_entry_span(
    kind: SpanKind, attributes: dict[str, Any], expected: tuple[str, str], tracer: trace.Tracer, ask: Any
) -> None:
    with tracer.start_as_current_span("GET /users/7", kind=kind, attributes=attributes):
        assert ask() == expected
        with tracer.start_as_current_span("look up"), tracer.start_as_current_span("rank", kind=SpanKind.INTERNAL):
            assert ask() == expected
    assert ask() == HERE


def test_a_route_that_is_told_late_counts_from_then_on(ask: Any) -> None:
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("application")
    with tracer.start_as_current_span("GET", kind=SpanKind.SERVER) as entry:
        assert ask() == HERE
        with tracer.start_as_current_span("view"):
            entry.set_attributes(ROUTE)
            assert ask() == ("GET /users/{id}", "route")


@pytest.mark.parametrize(
    ("library", "name", "kind", "expected"),
    [
        ("celery", "run/shop.rank", SpanKind.CONSUMER, ("shop.rank", "task")),
        ("celery", "apply_async/shop.rank", SpanKind.PRODUCER, HERE),
        ("django", "GET users/<int:id>", SpanKind.SERVER, ("GET users/<int:id>", "route")),
        ("django", "GET", SpanKind.SERVER, HERE),
        ("django", "HTTP", SpanKind.SERVER, HERE),
        ("asgi", "GET /users/7", SpanKind.SERVER, HERE),
    ],
)
def test_a_name_counts_where_the_instrumentation_puts_no_raw_path_into_it(
    library: str, name: str, kind: SpanKind, expected: tuple[str, str], tracer: Any, ask: Any
) -> None:
    provider = TracerProvider(sampler=tracer.sampler, shutdown_on_exit=False)
    theirs = provider.get_tracer(f"opentelemetry.instrumentation.{library}")
    with theirs.start_as_current_span(name, kind=kind):
        assert ask() == expected


def test_the_nearest_entry_counts_and_other_spans_have_none(tracer: trace.Tracer, ask: Any) -> None:
    with tracer.start_as_current_span("request", kind=SpanKind.SERVER, attributes=ROUTE):
        consumer = tracer.start_span("process", kind=SpanKind.CONSUMER, attributes={"messaging.destination.name": "orders"})
        with trace.use_span(consumer):
            assert ask() == ("orders", "task")
        with trace.use_span(tracer.start_span("elsewhere", context=trace.set_span_in_context(trace.INVALID_SPAN))):
            assert ask() == HERE
    with tracer.start_as_current_span("script"):
        assert ask() == HERE


def test_an_entry_comes_along_to_threads_pools_and_tasks(tracer: trace.Tracer, ask: Any) -> None:
    expected = ("GET /users/{id}", "route")
    seen: list[Any] = []

    async def task() -> Any:
        return await asyncio.to_thread(ask)

    with ThreadPoolExecutor(1) as pool:
        with tracer.start_as_current_span("request", kind=SpanKind.SERVER, attributes=ROUTE):
            assert pool.submit(ask).result() == expected
            thread = threading.Thread(target=lambda: seen.append(ask()))
            thread.start()
            thread.join()
            seen.append(asyncio.run(task()))
        assert seen == [expected] * 2
        assert pool.submit(ask).result() == HERE


def test_spans_are_not_kept_alive(tracer: trace.Tracer, sdk: Sdk) -> None:
    gc.collect()
    before = len(_entry_spans._known)
    with tracer.start_as_current_span("request", kind=SpanKind.SERVER, attributes=ROUTE):
        for _ in range(10):
            with tracer.start_as_current_span("inner"):
                pass
        assert before < len(_entry_spans._known) < before + 10
    gc.collect()
    assert len(_entry_spans._known) == before


def test_what_is_said_comes_first_and_a_default_fills_only_the_feature(tracer: trace.Tracer, ask: Any, sdk: Sdk) -> None:
    with tracer.start_as_current_span("request", kind=SpanKind.SERVER, attributes=ROUTE):
        with costspan.feature("search"):
            assert ask() == ("search", None)
        with costspan.attribute(customer="acme", user="u1"):
            assert ask() == ("GET /users/{id}", "route")
    span = sdk.spans()[-1]
    assert (span["costspan.customer"], span["user.id"]) == ("acme", "u1")


def test_a_call_on_behalf_of_another_has_its_default(tracer: trace.Tracer, provider: Provider, sdk: Sdk) -> None:
    provider.say(recording("chat_cached").answer())
    with openai_client(provider) as inner:

        def translate(request: Any) -> Any:
            inner.chat.completions.create(**CHAT)
            return http.Response(200, json=recording("chat_cached").json())

        with (
            openai_client(provider, http_client=http.Client(transport=http.MockTransport(translate))) as outer,
            tracer.start_as_current_span("request", kind=SpanKind.SERVER, attributes=ROUTE),
        ):
            outer.chat.completions.create(**CHAT)
    assert feature(sdk.span()) == ("GET /users/{id}", "route")


def test_async_calls_have_the_module_that_awaits_them(provider: Provider, sdk: Sdk) -> None:
    provider.say(recording("chat_cached").answer())

    async def own(client: Any) -> None:
        await client.chat.completions.create(**CHAT)

    async def run() -> None:
        async with async_openai_client(provider) as client:
            # One that is given to the loop by itself has nobody on its stack but who runs the loop.
            await asyncio.gather(client.chat.completions.create(**CHAT), own(client))

    asyncio.run(run())
    assert [feature(span) for span in sdk.spans()] == [HERE, HERE]


def test_it_can_be_switched_off(ask: Any, sdk: Sdk, monkeypatch: pytest.MonkeyPatch) -> None:
    costspan.init(endpoint=sdk.collector.url, default_feature=False)
    assert ask() == (None, None)
    monkeypatch.setenv("COSTSPAN_DEFAULT_FEATURE", "0")
    costspan.init(endpoint=sdk.collector.url)
    assert ask() == (None, None)
    costspan.init(endpoint=sdk.collector.url, default_feature=True)
    assert ask() == HERE


def test_there_are_never_ever_more_names(tracer: trace.Tracer, ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_default_feature, "_features", set())
    monkeypatch.setattr(_default_feature, "_MOST_FEATURES", 3)
    seen = set()
    for number in range(6):
        attributes = {"http.route": f"/raw/{number}"}
        with tracer.start_as_current_span("request", kind=SpanKind.SERVER, attributes=attributes):
            seen.add(ask()[0])
    assert len(seen - {HERE[0], None}) == 3
