"""A cancellation is the application's: it passes at once, whether the call waits for its answer or a stream for a chunk."""

import asyncio
import time
from typing import Any

import pytest

import costspan
from tests.sdk.conftest import Sdk
from tests.sdk.host.making import loop
from tests.sdk.host.samples import Sample, calls
from tests.traffic.drivers._plan import Mode, Plan
from tests.traffic.replay import Replay, pieces

# What the clients warn of is looked at in test_same_view.
pytestmark = pytest.mark.filterwarnings("ignore")

_PATIENCE_S = 5.0


async def _use(plan: Plan, seen: list[Any]) -> None:
    result = plan.function(**plan.arguments)
    try:
        if hasattr(result, "__await__"):
            result = await result
        seen.append(result)
        streams = result.values() if plan.consume == "aws" else [result]
        for stream in streams:
            if hasattr(stream, "__anext__") or hasattr(stream, "__aiter__"):
                async for chunk in stream:
                    seen.append(chunk)
            elif type(stream).__name__ == "StreamingBody":
                seen.append(await stream.read())
    finally:
        if hasattr(plan.keep, "aclose"):
            await plan.keep.aclose()


async def _cancelled(plan: Plan, replay: Replay, spec: str, wanted: int) -> tuple[BaseException | None, int, float]:
    """Cancel the call once it was asked and ``wanted`` values came: what it raised, how many came, how long it took to end."""
    seen: list[Any] = []
    task = asyncio.ensure_future(_use(plan, seen))
    deadline = time.monotonic() + _PATIENCE_S
    while (len(seen) < wanted or not replay.asked.get(spec)) and time.monotonic() < deadline and not task.done():
        await asyncio.sleep(0.005)
    await asyncio.sleep(0.02)
    began = time.monotonic()
    task.cancel()
    (outcome,) = await asyncio.gather(task, return_exceptions=True)
    return outcome, len(seen), time.monotonic() - began


def _both_ways(sample: Sample, mode: Mode, replay: Replay, sdk: Sdk, spec: str, wanted: int) -> None:
    def run() -> tuple[BaseException | None, int, float]:
        replay.take()
        plan = sample.driver.plan(sample.case, mode, f"{replay.url}/case/{spec}")
        assert plan is not None
        return loop().run_until_complete(_cancelled(plan, replay, spec, wanted))

    costspan.uninstrument()
    bare, bare_count, _ = run()
    assert isinstance(bare, asyncio.CancelledError), bare
    costspan.init(endpoint=sdk.collector.url)
    observed, count, took_s = run()
    assert type(observed) is type(bare)
    assert observed.args == bare.args
    # How many chunks have come by then is a matter of the machine's time.
    assert min(count, bare_count) >= wanted
    assert took_s < 1


@calls("async", streams=False)
def test_the_cancellation_of_a_call_passes(sample: Sample, mode: Mode, replay: Replay, sdk: Sdk) -> None:
    _both_ways(sample, mode, replay, sdk, f"{sample.case.id}~hang0", 0)
    (span,) = sdk.spans()
    assert span["error.type"] == "CancelledError"


@calls("async", streams=True)
def test_the_cancellation_of_a_stream_passes(sample: Sample, mode: Mode, replay: Replay, sdk: Sdk) -> None:
    parts = pieces(sample.case)
    assert parts is not None
    _both_ways(sample, mode, replay, sdk, f"{sample.case.id}~hang{max(1, len(parts) // 2)}", 1)
    assert costspan.shutdown(10)  # litellm itself holds on to what was dropped
    (span,) = sdk.spans()
    assert span["costspan.usage.incomplete"] is True
