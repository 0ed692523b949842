"""Attribution as baggage: in OpenTelemetry's contexts, in headers, and never on its way to a model provider."""

import asyncio
import contextvars
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from typing import Any

import openai
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from opentelemetry import baggage, context, propagate
from opentelemetry.baggage.propagation import W3CBaggagePropagator

import costspan
from costspan._context import Hidden
from tests.sdk.conftest import Sdk
from tests.sdk.doubles.clients import anthropic_client, async_openai_client, http, openai_client
from tests.sdk.doubles.provider import Provider, recording
from tests.sdk.test_context import said

CHAT: Any = {"model": "gpt-4.1-nano", "messages": [{"role": "user", "content": "hi"}]}
FULL: Any = {"name": "search", "customer": "acme", "user": "u1", "session": "s1", "value": "0.250", "plan": "pro", "beta": True}


@pytest.fixture(autouse=True)
def upstream() -> Iterator[None]:
    """The application's own baggage, which stays whatever we do."""
    token = context.attach(baggage.set_baggage("tenant", "blue", context.Context()))
    yield
    assert dict(baggage.get_all()) == {"tenant": "blue"}
    context.detach(token)


def sent() -> dict[str, str]:
    """The headers that the application's own OpenTelemetry would send now."""
    headers: dict[str, str] = {}
    propagate.inject(headers)
    return headers


def test_a_scope_is_in_the_current_baggage_and_goes_where_the_application_propagates_to() -> None:
    before = context.get_current()
    with costspan.feature(**FULL):
        assert dict(baggage.get_all()) == {
            "tenant": "blue",
            "costspan.feature": "search",
            "costspan.customer": "acme",
            "user.id": "u1",
            "session.id": "s1",
            "costspan.value.usd": "0.25",
            "costspan.tag.plan": "pro",
            "costspan.tag.beta": "True",
        }
        headers = sent()
        with costspan.attribute(customer="zeta"):
            assert baggage.get_baggage("costspan.customer") == "zeta"
            assert baggage.get_baggage("costspan.feature") == "search"
        assert baggage.get_baggage("costspan.customer") == "acme"
    assert context.get_current() is before
    token = context.attach(propagate.extract(headers, context.Context()))
    assert said() == {
        "feature": "search",
        "customer": "acme",
        "user": "u1",
        "session": "s1",
        "value": Decimal("0.25"),
        "plan": "pro",
        "beta": "True",
    }
    context.detach(token)


def test_what_is_said_here_comes_before_what_came_along() -> None:
    token = context.attach(baggage.set_baggage("costspan.feature", "upstream", baggage.set_baggage("user.id", "u1")))
    assert said() == {"feature": "upstream", "user": "u1"}
    with costspan.feature("mine"):
        assert said() == {"feature": "mine", "user": "u1"}
        inner = context.attach(baggage.set_baggage("costspan.feature", "of another message"))
        assert said() == {"feature": "mine", "user": "u1"}
        context.detach(inner)
    assert said() == {"feature": "upstream", "user": "u1"}
    context.detach(token)


def test_what_the_application_attaches_inside_a_scope_outlives_it() -> None:
    with costspan.feature("search"):
        context.attach(baggage.set_baggage("added", "inside"))
    assert dict(baggage.get_all()) == {"tenant": "blue", "added": "inside"}
    context.attach(baggage.remove_baggage("added"))


def test_a_generator_has_its_baggage_only_while_it_runs() -> None:
    seen: list[Any] = []

    @costspan.feature("stream")
    def numbers() -> Iterator[int]:
        seen.append(baggage.get_baggage("costspan.feature"))
        with costspan.attribute(customer="acme"):
            yield 1
            seen.append((baggage.get_baggage("costspan.feature"), baggage.get_baggage("costspan.customer")))
        seen.append(baggage.get_baggage("costspan.customer"))
        yield 2

    for _ in numbers():
        assert dict(baggage.get_all()) == {"tenant": "blue"}
    assert seen == ["stream", ("stream", "acme"), None]


def test_tasks_async_generators_and_copied_contexts_carry_it() -> None:
    @costspan.feature("stream")
    async def numbers() -> AsyncIterator[Any]:
        yield baggage.get_baggage("costspan.feature")
        await asyncio.sleep(0)
        yield baggage.get_baggage("costspan.feature")

    async def main() -> None:
        with costspan.feature("search"):
            task = asyncio.create_task(asyncio.to_thread(sent))
            copied = contextvars.copy_context()
        assert "costspan.feature=search" in (await task)["baggage"]
        assert "costspan.feature=search" in copied.run(sent)["baggage"]
        assert [feature async for feature in numbers()] == ["stream", "stream"]

    asyncio.run(main())


def test_headers_are_written_beside_what_they_hold() -> None:
    headers = {"Baggage": "a=1;p=2 , costspan.feature=old,broken", "x": "y"}
    with costspan.feature("größe & co", customer="a b+c", **{"tag %": "ü"}):
        costspan.inject(headers)
    assert headers == {
        "Baggage": "a=1;p=2 ,broken,costspan.feature=gr%C3%B6%C3%9Fe%20%26%20co,costspan.customer=a%20b%2Bc,"
        "costspan.tag.tag%2520%2525=%C3%BC",
        "x": "y",
    }
    with costspan.extract(headers):
        assert said() == {"feature": "größe & co", "customer": "a b+c", "tag %": "ü"}
    nothing: dict[str, str] = {}
    costspan.inject(nothing)
    assert nothing == {}


def test_an_extracted_scope_is_a_scope_like_any_other() -> None:
    scope = costspan.extract({"BAGGAGE": "costspan.feature=search, user.id=u1"})

    @scope
    def work() -> dict[str, Any]:
        return said()

    with costspan.feature("outer", customer="acme"), scope:
        assert said() == {"feature": "search", "user": "u1", "customer": "acme"}
        assert baggage.get_baggage("user.id") == "u1"
        with costspan.feature("inner"):
            assert said()["feature"] == "inner"
    assert work() == {"feature": "search", "user": "u1"}
    with costspan.extract({}):
        assert said() == {}


def test_what_is_no_mapping_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match="headers: list cannot be written to; give a mutable mapping"):
        costspan.inject([])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="headers: NoneType cannot be read; give a mapping"):
        costspan.extract(None)  # type: ignore[arg-type]


def test_no_more_is_sent_than_every_platform_passes_on() -> None:
    tags = {f"tag{number}": "x" * 60 for number in range(60)}
    with costspan.feature("search", customer="ü" * 1000, session="s" * 2000, **tags):
        own = {name: value for name, value in baggage.get_all().items() if name != "tenant"}
        assert own["costspan.feature"] == "search"
        # 1,000 umlauts take 6,000 bytes.
        assert "costspan.customer" not in own
        assert own["session.id"] == "s" * 2000
        assert len(own) == 27
        headers = {"baggage": ",".join(f"theirs{number}={'y' * 150}" for number in range(40))}
        theirs = headers["baggage"]
        costspan.inject(headers)
        assert headers["baggage"].startswith(theirs + ",costspan.feature=search,")
        assert len(headers["baggage"]) <= 8192
        assert headers["baggage"].count(",") < 64
        full = {"baggage": "a=" + "y" * 8180}
        costspan.inject(full)
        assert full == {"baggage": "a=" + "y" * 8180}
    with costspan.feature("search"):
        with costspan.feature("f" * 5000):
            assert baggage.get_baggage("costspan.feature") is None
        assert baggage.get_baggage("costspan.feature") == "search"


@pytest.mark.parametrize(
    "value", ["free", "-1", "1e5", "NaN", "1e-999999999", "9" * 30, "0." + "1" * 99, "١", "", " ", "%zz", "\x00%00"]
)
def test_an_amount_that_is_none_says_nothing(value: str) -> None:
    with costspan.extract({"baggage": f"costspan.value.usd={value},costspan.feature=search"}):
        assert said() == {"feature": "search"}


texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40).filter(lambda text: text.strip())
attributions = st.fixed_dictionaries(
    {},
    optional={
        "customer": texts,
        "user": texts,
        "session": texts,
        "value": st.decimals(min_value=0, max_value=10**19, places=18).map(str),
    },
)
own_names = {"name", "customer", "user", "session", "value"}
tag_names = texts.filter(lambda name: name not in own_names)


@given(texts, attributions, st.dictionaries(tag_names, texts, max_size=5))
def test_any_attribution_comes_back_by_every_pair_of_propagators(name: str, options: Any, tags: Any) -> None:
    ours: dict[str, str] = {"baggage": "theirs=1"}
    with costspan.feature(name, **options, **tags):
        expected = said()
        costspan.inject(ours)
        theirs = sent()
    for headers in (ours, theirs):
        assert headers["baggage"].isascii()
        with costspan.extract(headers):
            assert said() == expected
    # OpenTelemetry strips blanks around values, ours included.
    stripped = {key: value.strip() if isinstance(value, str) else value for key, value in expected.items()}
    for headers in (ours, theirs):
        token = context.attach(W3CBaggagePropagator().extract(headers, context.Context()))
        assert said() == stripped
        context.detach(token)


parts = st.lists(
    st.sampled_from(["costspan.feature", "costspan.tag.", "user.id", "costspan.value.usd", "=", ",", ";", "%", "%C3", " "])
)
garbage = st.one_of(st.text(), parts.map("".join), st.binary().map(lambda data: data.decode("latin-1")))


@given(garbage)
@example("costspan.feature=" + "%" * 20_000)
@example("costspan.feature=\ud800")
def test_no_header_makes_anything_raise(header: str) -> None:
    headers = {"baggage": header}
    with costspan.extract(headers), costspan.attribute(customer="acme"):
        assert said()["customer"] == "acme"
        costspan.inject(headers)
    with costspan.extract(headers):
        assert said().get("customer") == "acme" or len(header) > 8000
    for odd in (None, 7, b"costspan.feature=x", ["costspan.feature=x"]):
        with costspan.extract({"baggage": odd, 3: "x"}):  # type: ignore[dict-item]
            assert said() == {}


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_a_provider_gets_the_applications_baggage_and_not_ours(is_async: bool, provider: Provider, sdk: Sdk) -> None:
    provider.say(recording("chat_cached").answer())

    def propagate_sync(request: Any) -> None:
        propagate.inject(request.headers)

    async def propagate_async(request: Any) -> None:
        propagate.inject(request.headers)

    async def ask() -> None:
        async with async_openai_client(provider) as client:
            client._client.event_hooks = {"request": [propagate_async], "response": []}
            await client.chat.completions.create(**CHAT)

    with costspan.feature(**FULL):
        before = context.get_current()
        if is_async:
            asyncio.run(ask())
        else:
            with openai_client(provider) as client:
                client._client.event_hooks = {"request": [propagate_sync], "response": []}
                client.chat.completions.create(**CHAT)
        assert context.get_current() is before
    assert [asked.headers["baggage"] for asked in provider.asked] == ["tenant=blue"]
    assert (sdk.span()["costspan.feature"], sdk.span()["costspan.tag.beta"]) == ("search", True)


def test_a_call_within_a_call_has_what_came_in_the_baggage(provider: Provider, sdk: Sdk) -> None:
    provider.say(recording("messages_cache_write").answer())
    message: Any = {"model": "claude-sonnet-4-6", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
    with anthropic_client(provider) as inner:

        def translate(request: Any) -> Any:
            inner.messages.create(**message)
            return http.Response(200, json=recording("chat_cached").json())

        with http.Client(transport=http.MockTransport(translate)) as http_client:
            outer = openai.OpenAI(base_url="http://gateway", api_key="key", http_client=http_client)
            token = context.attach(baggage.set_baggage("costspan.feature", "upstream"))
            outer.chat.completions.create(**CHAT)
            context.detach(token)
    assert (sdk.span()["gen_ai.provider.name"], sdk.span()["costspan.feature"]) == ("anthropic", "upstream")


def test_hidden_hides_for_a_while_and_what_holds_holds_on() -> None:
    with costspan.feature("search", plan=3):
        with Hidden():
            assert dict(baggage.get_all()) == {"tenant": "blue"}
            assert said() == {"feature": "search", "plan": 3}
        assert baggage.get_baggage("costspan.feature") == "search"
    with Hidden():
        assert dict(baggage.get_all()) == {"tenant": "blue"}
