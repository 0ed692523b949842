"""feature() and attribute(): nested, re-entrant, and at home in every kind of function."""

import asyncio
import contextvars
import inspect
import threading
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from typing import Any

import pytest

import costspan
from costspan._attribution import NOTHING, Attribution
from costspan._context import current


def said() -> dict[str, Any]:
    """What calls made here would be attributed to."""
    now = current()
    named = {name: getattr(now, name) for name in ("feature", "customer", "user", "session", "value")}
    return {name: value for name, value in {**named, **now.tags}.items() if value is not None}


def test_scopes_nest_inherit_and_override() -> None:
    assert said() == {}
    with costspan.feature("search", customer="acme", value="0.25", plan="pro"):
        assert said() == {"feature": "search", "customer": "acme", "value": Decimal("0.25"), "plan": "pro"}
        with costspan.attribute(user="u1", session="s1", plan="free", beta=True):
            assert said() == {
                "feature": "search",
                "customer": "acme",
                "user": "u1",
                "session": "s1",
                "value": Decimal("0.25"),
                "plan": "free",
                "beta": True,
            }
            with costspan.feature("rerank", customer="zeta", value=2):
                assert said()["feature"] == "rerank"
                assert said()["customer"] == "zeta"
                assert said()["value"] == Decimal(2)
                assert said()["user"] == "u1"
        assert said() == {"feature": "search", "customer": "acme", "value": Decimal("0.25"), "plan": "pro"}
    assert said() == {}
    assert current() is NOTHING


def test_a_scope_is_left_when_the_body_raises() -> None:
    with pytest.raises(ZeroDivisionError), costspan.feature("search"):
        raise ZeroDivisionError
    assert said() == {}


def test_one_scope_can_be_entered_again_and_inside_itself() -> None:
    search = costspan.feature("search", depth=1)
    for _ in range(2):
        with search, costspan.attribute(customer="acme"), search:
            assert said() == {"feature": "search", "depth": 1, "customer": "acme"}
        assert said() == {}


def test_functions_and_methods_can_be_decorated() -> None:
    @costspan.feature("search")
    def plain(number: int, *, more: int = 0) -> tuple[int, dict[str, Any]]:
        """Say something."""
        return number + more, said()

    class Service:
        @costspan.feature("method")
        def run(self) -> dict[str, Any]:
            return said()

    assert plain(1, more=2) == (3, {"feature": "search"})
    assert (plain.__name__, plain.__doc__) == ("plain", "Say something.")
    assert Service().run() == {"feature": "method"}
    assert said() == {}


def test_coroutine_functions_stay_coroutine_functions() -> None:
    @costspan.feature("search")
    async def run() -> dict[str, Any]:
        await asyncio.sleep(0)
        return said()

    async def main() -> None:
        assert await run() == {"feature": "search"}
        assert said() == {}
        async with costspan.attribute(customer="acme"):
            assert said() == {"customer": "acme"}

    assert inspect.iscoroutinefunction(run)
    asyncio.run(main())


def test_a_generator_has_its_attribution_only_while_it_runs() -> None:
    inside = []

    @costspan.feature("stream")
    def numbers() -> Iterator[int]:
        inside.append(said())
        with costspan.attribute(customer="acme"):
            received = yield 1
            inside.append((received, said()))
        try:
            yield 2
        except KeyError:
            inside.append(said())
            yield 3
        return "done"  # type: ignore[return-value]

    assert inspect.isgeneratorfunction(numbers)
    generator: Any = numbers()
    assert next(generator) == 1
    assert said() == {}
    with costspan.feature("caller"):
        assert generator.send("hello") == 2
        assert said() == {"feature": "caller"}
    assert generator.throw(KeyError()) == 3
    with pytest.raises(StopIteration) as stop:
        next(generator)
    assert stop.value.value == "done"
    assert inside == [
        {"feature": "stream"},
        ("hello", {"feature": "stream", "customer": "acme"}),
        {"feature": "stream"},
    ]
    assert said() == {}


def test_a_generator_that_is_closed_cleans_up_under_its_attribution() -> None:
    seen = []

    @costspan.feature("stream")
    def numbers() -> Iterator[int]:
        try:
            yield 1
        finally:
            seen.append(said())

    generator: Any = numbers()
    next(generator)
    generator.close()
    assert seen == [{"feature": "stream"}]
    assert said() == {}


def test_two_generators_interleaved_do_not_mix() -> None:
    @costspan.feature("a")
    def first() -> Iterator[Any]:
        while True:
            yield said()["feature"]

    second = costspan.feature("b")(first.__wrapped__)  # type: ignore[attr-defined]
    left, right = first(), second()
    assert [next(left), next(right), next(left), next(right)] == ["a", "b", "a", "b"]


def test_async_generators() -> None:
    seen = []

    @costspan.feature("stream")
    async def numbers() -> AsyncIterator[int]:
        try:
            yield 1
            await asyncio.sleep(0)
            seen.append(said())
            yield 2
        finally:
            seen.append(said())

    async def main() -> None:
        generator: Any = numbers()
        assert await anext(generator) == 1
        assert said() == {}
        assert await anext(generator) == 2
        await generator.aclose()
        assert [number async for number in numbers()] == [1, 2]
        assert said() == {}

    assert inspect.isasyncgenfunction(numbers)
    asyncio.run(main())
    assert seen == [{"feature": "stream"}] * 4


def test_tasks_inherit_and_keep_their_own() -> None:
    async def work(number: int) -> dict[str, Any]:
        with costspan.attribute(user=f"u{number}"):
            await asyncio.sleep(0.001)
            return said()

    async def main() -> None:
        with costspan.feature("search"):
            results = await asyncio.gather(*(work(number) for number in range(5)))
            assert results == [{"feature": "search", "user": f"u{number}"} for number in range(5)]
            assert await asyncio.to_thread(said) == {"feature": "search"}
            assert said() == {"feature": "search"}

    asyncio.run(main())


def test_before_init_threads_begin_with_nothing_unless_they_are_given_the_context() -> None:
    results: list[Any] = []
    with costspan.feature("search"):
        context = contextvars.copy_context()
        threads = [
            threading.Thread(target=lambda: results.append(said())),
            threading.Thread(target=lambda: results.append(context.run(said))),
        ]
        for thread in threads:
            thread.start()
            thread.join()
    assert results == [{}, {"feature": "search"}]


def test_leaving_a_scope_in_another_context_does_no_harm() -> None:
    scope = costspan.feature("search")
    contextvars.copy_context().run(scope.__enter__)
    scope.__exit__(None, None, None)
    assert said() == {}


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"name": 3}, TypeError, "name: 3 is of type int; give a str"),
        ({"name": " "}, ValueError, "name: ' ' is empty; give a text with something in it"),
        ({"name": "\ud800"}, ValueError, "name: '\\ud800' cannot be written as UTF-8"),
        ({"customer": 7}, TypeError, "customer: 7 is of type int; give a str"),
        ({"user": ""}, ValueError, "user: '' is empty"),
        ({"session": b"s"}, TypeError, "session: b's' is of type bytes"),
        ({"value": 0.5}, TypeError, "value: 0.5 is of type float; give US dollars as a Decimal, a decimal str or an int"),
        ({"value": True}, TypeError, "value: True is of type bool"),
        ({"value": "free"}, ValueError, "value: 'free' is no amount of US dollars"),
        ({"value": "-1"}, ValueError, "value: '-1' is no amount of US dollars"),
        ({"value": Decimal("NaN")}, ValueError, "value: Decimal('NaN') is no amount"),
        ({"plan": None}, TypeError, "plan: None is of type NoneType; a tag is a str, int, bool or float"),
        ({"plan": ["a"]}, TypeError, "plan: ['a'] is of type list"),
        ({"plan": float("inf")}, ValueError, "plan: inf is not finite"),
        ({"value": "1e-99"}, ValueError, "value: '1e-99' is no amount"),
        ({"\ud800": "x"}, ValueError, "'\\ud800' is no name of a tag"),
        ({"plan": 2**64}, ValueError, "plan: 18446744073709551616 is too large"),
    ],
)
def test_bad_arguments_are_named(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error) as raised:
        costspan.feature(**{"name": "search", **arguments})
    assert str(raised.value).startswith(message)


def test_only_functions_can_be_decorated() -> None:
    with pytest.raises(TypeError, match="cannot be decorated"):
        costspan.feature("search")(3)  # type: ignore[type-var]
    with pytest.raises(TypeError, match="cannot be decorated"):
        costspan.feature("search")(Attribution)
