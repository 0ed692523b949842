"""Nothing of ours keeps a response, a stream, a chunk or a client alive."""

import gc
import sys
import time
import types
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

import costspan
from costspan import _runtime
from tests.sdk.conftest import Sdk
from tests.sdk.host.making import loop, settle
from tests.sdk.host.samples import Sample, calls
from tests.traffic.drivers._plan import ASYNC_MODES, Mode, Plan
from tests.traffic.replay import Replay

# What is dropped unread leaves its connection open, and httpx, botocore and aiohttp say so, with us or without.
pytestmark = pytest.mark.filterwarnings("ignore")

_HELD_BY = ("response", "http_response", "_raw_stream", "_response")


def _parts(value: Any) -> Iterator[Any]:
    """``value`` and what its caller holds with it, as far as it can be referred to weakly."""
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    held = [found for name in _HELD_BY if (found := getattr(value, name, None)) is not None]
    for part in [value, *inner, *held]:
        if type(part).__weakrefoffset__ != 0 and not isinstance(part, (type, types.ModuleType, types.FunctionType)):
            yield part


class _Left:
    """What was left of a call: weak references to its parts, and how often its result was referred to."""

    def __init__(self) -> None:
        self.parts: list[weakref.ref[Any]] = []
        self.count = 0

    def note(self, value: Any) -> None:
        self.parts += [weakref.ref(part) for part in _parts(value)]

    def alive(self) -> list[str]:
        return [type(found).__name__ for part in self.parts if (found := part()) is not None]


def _plan(sample: Sample, mode: Mode, replay: Replay) -> Plan:
    plan = sample.driver.plan(sample.case, mode, f"{replay.url}/case/{sample.case.id}~{mode}")
    assert plan is not None
    return plan


def _made(plan: Plan, left: _Left, *, is_stream: bool) -> None:
    result = plan.function(**plan.arguments)
    left.note(result)
    left.count = sys.getrefcount(result) if type(result) is dict else 0  # a dict cannot be referred to weakly
    if is_stream:
        left.note(next(iter(_stream_in(result, plan))))


async def _made_late(plan: Plan, left: _Left, *, is_stream: bool) -> None:
    result = plan.function(**plan.arguments)
    if hasattr(result, "__await__"):
        result = await result
    left.note(result)
    left.count = sys.getrefcount(result) if type(result) is dict else 0  # a dict cannot be referred to weakly
    if is_stream:
        left.note(await anext(aiter(_stream_in(result, plan))))


def _stream_in(result: Any, plan: Plan) -> Any:
    if plan.consume != "aws":
        return result
    return next(value for value in result.values() if type(value).__name__ in ("EventStream", "AioEventStream"))


def _left_after(sample: Sample, mode: Mode, replay: Replay) -> _Left:
    left = _Left()
    gc.freeze()
    if mode in ASYNC_MODES:
        loop().run_until_complete(_made_late(_plan(sample, mode, replay), left, is_stream=sample.is_stream))
        settle()
    else:
        _made(_plan(sample, mode, replay), left, is_stream=sample.is_stream)
    gc.collect()
    costspan.flush()  # what is left to the delivery thread, it does
    for _ in range(20):  # litellm looks at its results in threads of its own
        if not left.alive():
            break
        time.sleep(0.05)
        gc.collect()
    return left


@calls("sync", "async")
def test_what_the_caller_drops_is_gone(sample: Sample, mode: Mode, replay: Replay, sdk: Sdk) -> None:
    costspan.uninstrument()
    bare = _left_after(sample, mode, replay)
    costspan.init(endpoint=sdk.collector.url)
    observed = _left_after(sample, mode, replay)
    assert len(observed.parts) == len(bare.parts)
    assert observed.count == bare.count
    assert observed.alive() == bare.alive()
    engine = _runtime.engine_or_none()
    assert engine is not None
    # litellm holds on to what it reads from, if not to what it returned.
    assert not engine.open_streams or sample.adapter.name == "litellm"
    assert costspan.shutdown(10), costspan.stats()
    assert len(sdk.spans()) == 1
