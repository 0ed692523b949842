"""What the client raises, its caller gets: the same type and text, and of the application's own the very same object."""

import asyncio
import contextvars
import sys
from collections.abc import Callable
from typing import Any

import aiohttp
import botocore.httpsession
import httpx
import httpx2
import pytest

import costspan
from tests.sdk.conftest import Sdk
from tests.sdk.host.making import chain, loop, make, make_both
from tests.sdk.host.samples import SAMPLES, Sample, calls
from tests.traffic.drivers._plan import ASYNC_MODES, Mode
from tests.traffic.replay import Replay

# What the clients warn of is looked at in test_same_view.
pytestmark = pytest.mark.filterwarnings("ignore")

# Where the clients hand a request to the network: what an application's own transport replaces.
_WIRES: tuple[tuple[Any, str, bool], ...] = (
    (httpx.HTTPTransport, "handle_request", False),
    (httpx.AsyncHTTPTransport, "handle_async_request", True),
    (httpx2.HTTPTransport, "handle_request", False),
    (httpx2.AsyncHTTPTransport, "handle_async_request", True),
    (botocore.httpsession.URLLib3Session, "send", False),
    (aiohttp.ClientSession, "_request", True),
)


class Refusal(Exception):
    """Raised by the application's own transport."""


class Interrupt(BaseException):
    """As an interrupt of the application: no client may catch it."""


def cut_the_wires(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise error

    async def refuse_late(*_: Any, **__: Any) -> Any:
        raise error

    for owner, name, is_async in _WIRES:
        monkeypatch.setattr(owner, name, refuse_late if is_async else refuse)


def raised_by(sample: Sample, mode: Mode, replay: Replay) -> BaseException:
    """What the caller of the sample gets to catch."""
    plan = sample.driver.plan(sample.case, mode, f"{replay.url}/case/{sample.case.id}~{mode}")
    assert plan is not None
    try:
        if mode in ASYNC_MODES:
            loop().run_until_complete(_used(plan.function, plan.arguments))
        else:
            result = plan.function(**plan.arguments)
            if sample.is_stream:
                list(result)
    except BaseException as error:
        return error
    raise AssertionError("the call succeeded without a network")


async def _used(function: Callable[..., Any], arguments: dict[str, Any]) -> None:
    result = function(**arguments)
    if hasattr(result, "__await__"):
        result = await result
    async for _ in result:
        pass


@calls("sync", "async")
def test_an_error_of_the_provider_passes_and_is_on_the_span(sample: Sample, mode: Mode, replay: Replay, sdk: Sdk) -> None:
    pair = make_both(sample, mode, replay, sdk, case=sample.refused)
    assert pair is not None
    assert pair.bare.seen.error is not None
    assert pair.observed.seen.error == pair.bare.seen.error
    (span,) = pair.spans
    assert span["error.type"] in (pair.bare.seen.error[0].__name__, "400", "HTTPStatusError", "MaskedHTTPStatusError")
    assert (span["http.response.status_code"], span.status_code) == (400, 2)
    assert span.status_message == ""
    assert not [name for name in span.attributes if "usage" in name or "cost" in name.removeprefix("costspan")]


# Google's interactions try again for ten seconds, with pauses that cannot be set.
@calls("sync", "async", first_only=True, but=("google_interactions",))
def test_the_very_same_exception_object_is_raised(
    sample: Sample, mode: Mode, replay: Replay, sdk: Sdk, monkeypatch: pytest.MonkeyPatch
) -> None:
    _same_object_is_raised(Refusal("no"), sample, mode, replay, sdk, monkeypatch)


@calls("sync", "async", first_only=True)
def test_an_interrupt_passes(sample: Sample, mode: Mode, replay: Replay, sdk: Sdk, monkeypatch: pytest.MonkeyPatch) -> None:
    _same_object_is_raised(Interrupt("no"), sample, mode, replay, sdk, monkeypatch)


def _same_object_is_raised(
    error: BaseException, sample: Sample, mode: Mode, replay: Replay, sdk: Sdk, monkeypatch: pytest.MonkeyPatch
) -> None:
    costspan.uninstrument()
    make(sample, mode, replay)  # some clients ask something of their own before their first call
    cut_the_wires(error, monkeypatch)
    error.__traceback__ = error.__context__ = error.__cause__ = None
    bare = [type(link) for link in chain(raised_by(sample, mode, replay))]
    costspan.init(endpoint=sdk.collector.url)
    error.__traceback__ = error.__context__ = error.__cause__ = None
    raised = raised_by(sample, mode, replay)
    assert [type(link) for link in chain(raised)] == bare
    assert any(link is error for link in chain(raised)) == (type(error) in bare)
    assert isinstance(error, Exception) or raised is error
    assert getattr(raised, "__notes__", []) == []
    (span,) = sdk.spans()
    assert span["error.type"] is not None


def test_a_coroutine_destroyed_in_another_context_does_no_harm(replay: Replay, sdk: Sdk) -> None:
    sample = next(sample for sample in SAMPLES if sample.adapter.name == "openai" and not sample.is_stream)
    plan = sample.driver.plan(sample.case, "async", f"{replay.url}/case/{sample.case.id}")
    assert plan is not None

    async def run() -> None:
        call = plan.function(**plan.arguments)
        contextvars.copy_context().run(call.send, None)
        call.close()

    asyncio.run(run())
    assert sdk.span()["error.type"] == "GeneratorExit"


def test_an_error_that_is_handled_leaves_no_trace_of_us(replay: Replay, sdk: Sdk) -> None:
    sample = next(sample for sample in SAMPLES if sample.adapter.name == "openai")
    plan = sample.driver.plan(sample.case, "sync", f"{replay.url}/case/{sample.refused.id}")
    assert plan is not None
    with pytest.raises(Exception, match="no"):
        plan.function(**plan.arguments)
    assert sys.exc_info() == (None, None, None)
