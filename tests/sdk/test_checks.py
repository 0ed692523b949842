"""check(): verdicts become labels, off the request path, whatever the function does."""

import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

import costspan
from costspan import _checks
from costspan._runtime import engine_or_none
from tests.sdk.conftest import Sdk
from tests.sdk.doubles.clients import openai_client
from tests.sdk.doubles.collector import Log
from tests.sdk.doubles.provider import Provider, answer_json, recording

CHAT: Any = {"model": "gpt-4.1-nano", "messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture(autouse=True)
def _no_checks_left(sdk: Sdk) -> Iterator[None]:
    yield
    engine = engine_or_none()
    assert engine is not None
    engine.checks.clear()


def ask(provider: Provider, *, feature: str | None = "search", **options: Any) -> Any:
    provider.say(recording("chat_cached").answer())
    with (
        openai_client(provider) as client,
        costspan.feature(feature or "other", customer="acme", user="u", session="s", plan="pro"),
    ):
        return client.chat.completions.create(**CHAT, **options)


def labels(sdk: Sdk) -> list[Log]:
    assert costspan.flush(10), costspan.stats()
    return sdk.collector.logs


def verdict(log: Log) -> dict[str, Any]:
    prefix = "gen_ai.evaluation."
    return {name.removeprefix(prefix): value for name, value in log.attributes.items() if name.startswith(prefix)}


@pytest.mark.parametrize(
    ("returned", "expected"),
    [
        (True, {"name": "correct", "score.value": 1.0}),
        (False, {"name": "correct", "score.value": 0.0}),
        (0, {"name": "score", "score.value": 0.0}),
        (0.25, {"name": "score", "score.value": 0.25}),
        ("refused", {"name": "category", "score.label": "refused"}),
    ],
)
def test_a_verdict_is_a_label(returned: Any, expected: Any, provider: Provider, sdk: Sdk) -> None:
    def judge(output: costspan.Output) -> Any:
        return returned

    assert costspan.check("search", judge) is judge
    response = ask(provider)
    (log,), span = labels(sdk), sdk.span()
    assert verdict(log) == expected
    assert (log.trace_id, log.span_id) == (span.trace_id, span.span_id)
    assert log.attributes["costspan.label.by"] == "judge"
    assert log.attributes["gen_ai.response.id"] == response.id


def test_the_names_are_the_callers(provider: Provider, sdk: Sdk) -> None:
    costspan.check("search", lambda output: True, by="rules", name="valid_json")
    ask(provider)
    (log,) = labels(sdk)
    assert verdict(log) == {"name": "valid_json", "score.value": 1.0}
    assert log.attributes["costspan.label.by"] == "rules"


def test_what_a_check_sees(provider: Provider, sdk: Sdk) -> None:
    seen: list[costspan.Output] = []
    costspan.check("search", seen.append)
    response = ask(provider)
    assert labels(sdk) == []
    (output,) = seen
    assert output.response is response
    assert output == costspan.Output(
        text=response.choices[0].message.content,
        response=response,
        feature="search",
        customer="acme",
        user="u",
        session="s",
        tags={"plan": "pro"},
        request_model="gpt-4.1-nano",
        response_model=response.model,
        finish_reasons=("stop",),
    )


def test_only_answers_of_its_feature_and_only_answers(provider: Provider, sdk: Sdk) -> None:
    seen: list[costspan.Output] = []
    costspan.check("search", seen.append)
    ask(provider, feature="translate")
    provider.say(answer_json({"error": {"message": "no"}}, status=400))
    with openai_client(provider) as client, costspan.feature("search"), pytest.raises(Exception, match="no"):
        client.chat.completions.create(**CHAT)
    assert labels(sdk) == []
    assert seen == []


def test_several_checks_of_a_feature_each_judge(provider: Provider, sdk: Sdk) -> None:
    costspan.check("search", lambda output: True, by="first")
    costspan.check("search", lambda output: 3, by="second")
    ask(provider)
    assert [log.attributes["costspan.label.by"] for log in labels(sdk)] == ["first", "second"]


def _raise(error: BaseException) -> Callable[[costspan.Output], Any]:
    def judge(output: costspan.Output) -> Any:
        raise error

    return judge


@pytest.mark.parametrize(
    "bad",
    [_raise(RuntimeError("secret")), _raise(SystemExit(3)), _raise(KeyboardInterrupt())]
    + [lambda output, value=value: value for value in ([], float("nan"), "", Decimal(1), {"correct": True})],
)
def test_a_bad_check_is_counted_and_harms_nobody(bad: Any, provider: Provider, sdk: Sdk) -> None:
    before = costspan.stats()["checks_failed"]
    costspan.check("search", bad)
    costspan.check("search", lambda output: True, by="good")
    for _ in range(2):
        ask(provider)
        assert costspan.flush(10)
    assert [log.attributes["costspan.label.by"] for log in sdk.collector.logs] == ["good", "good"]
    assert costspan.stats()["checks_failed"] == before + 2


def test_nobody_waits_for_a_check_but_flush(provider: Provider, sdk: Sdk) -> None:
    may_go_on, threads = threading.Event(), set()

    def slow(output: costspan.Output) -> bool:
        threads.add(threading.current_thread())
        return may_go_on.wait(20)

    costspan.check("search", slow)
    for _ in range(3):
        ask(provider)
    # The calls are delivered meanwhile, and flush says that not all is done.
    assert not costspan.flush(0.5)
    assert len(sdk.collector.spans) == 3
    assert sdk.collector.logs == []
    releasing = threading.Timer(0.2, may_go_on.set)
    releasing.start()
    assert len(labels(sdk)) == 3
    releasing.join()
    assert threading.main_thread() not in threads
    assert len(threads) == 1


def test_calls_of_a_check_are_observed_and_not_checked(provider: Provider, sdk: Sdk) -> None:
    provider.say(recording("chat_cached").answer())
    judged = 0

    def judge(output: costspan.Output) -> bool:
        nonlocal judged
        judged += 1
        with openai_client(provider) as client, costspan.feature("search"):
            return bool(client.chat.completions.create(**CHAT).choices)

    costspan.check("search", judge)
    ask(provider)
    (log,) = labels(sdk)
    answer, of_judge = sdk.spans()
    assert judged == 1
    assert log.span_id == answer.span_id
    assert of_judge["costspan.feature"] == "search"
    assert "costspan.customer" not in of_judge.attributes


def test_too_many_waiting_are_dropped_and_counted(provider: Provider, sdk: Sdk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_checks, "_MOST_WAITING", 2)
    before = costspan.stats()["checks_dropped"]
    started, may_go_on = threading.Event(), threading.Event()

    def slow(output: costspan.Output) -> bool:
        started.set()
        return may_go_on.wait(20)

    costspan.check("search", slow)
    ask(provider)
    assert started.wait(10)
    for _ in range(5):
        ask(provider)
    deadline = time.monotonic() + 10
    while costspan.stats()["checks_dropped"] - before < 3:
        assert time.monotonic() < deadline, costspan.stats()
        time.sleep(0.01)
    may_go_on.set()
    assert len(labels(sdk)) == 3
    assert costspan.stats()["checks_dropped"] == before + 3
    assert len(sdk.spans()) == 6


def test_without_a_check_no_answer_is_kept(provider: Provider, sdk: Sdk) -> None:
    costspan.check("translate", lambda output: True)
    ask(provider)
    assert labels(sdk) == []
    assert not [thread for thread in threading.enumerate() if thread.name == "costspan-checks" and not thread.daemon]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("", len), "feature: '' is no text"),
        ((3, len), "feature: 3 is no text"),
        (("search", "len"), "function: 'len' cannot be called"),
    ],
)
def test_what_cannot_be_used_is_named(arguments: Any, message: str, sdk: Sdk) -> None:
    with pytest.raises(TypeError, match=message):
        costspan.check(*arguments)
