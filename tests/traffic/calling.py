"""One call of a real client from its beginning to its end, and all that its caller saw of it."""

import asyncio
import gc
import inspect
import os
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from tests.traffic.cases import Case
from tests.traffic.drivers._plan import ASYNC_MODES, TIMEOUT_S, Driver, Mode, NotDrivableError, Plan
from tests.traffic.snapshot import snapshot

_FINAL = ("get_final_message", "get_final_response", "get_final_completion")


@dataclass(frozen=True)
class Seen:
    """What the caller saw: ``types`` of result and items, their ``values``, and the ``error`` (type, text) if one came."""

    types: tuple[type, ...]
    values: tuple[Any, ...]
    error: tuple[type, str] | None = None


class WitnessError(BaseException):
    """This test could not look at a value. No Exception, so that it is never taken for the client's."""


class _Witness:
    def __init__(self) -> None:
        self.types: list[type] = []
        self.values: list[Any] = []

    def see(self, value: Any) -> Any:
        self.types.append(type(value))
        try:
            self.values.append(snapshot(value))
        except Exception as error:
            raise WitnessError(f"{type(value).__qualname__}: {error!r}") from error
        return value


@lru_cache(maxsize=1)
def _loop() -> asyncio.AbstractEventLoop:
    """One loop for the run: the shared HTTP clients keep their connections on it."""
    return asyncio.new_event_loop()


def call(driver: Driver, case: Case, mode: Mode, url: str) -> Seen | None:
    """Make the recorded call in ``mode``. None if the client has no such call, or the mode does not apply to it."""
    try:
        plan = driver.plan(case, mode, url)
    except NotDrivableError:
        return None
    except AttributeError:
        # Versions before the newest lack methods; the newest, which the suite drives, must have them all.
        if "CLIENTS_OF_OTHER_VERSIONS" in os.environ:
            return None
        raise
    if plan is None:
        return None
    witness = _Witness()
    error = None
    is_abandoned = mode in ("abandoned", "aabandoned")
    # A dropped stream, or one that ended in an error, may be part of a cycle (litellm's are). Collected inside a lock of the
    # connection pool, httpcore would wait for itself: so it is done here and in ``settle``, never in the midst of a call.
    gc.disable()
    try:
        if mode in ASYNC_MODES:
            _loop().run_until_complete(asyncio.wait_for(_acall(plan, witness, is_abandoned=is_abandoned), TIMEOUT_S))
        else:
            _call(plan, witness, is_abandoned=is_abandoned)
    except Exception as raised:
        error = (type(raised), str(raised))
    if not is_abandoned:
        gc.collect(0)
    return Seen(tuple(witness.types), tuple(witness.values), error)


def settle() -> None:
    """Let everything end that nobody holds any more: dropped streams, and what they left to do on the loop."""
    gc.enable()
    for _ in range(2):
        gc.collect()
        _loop().run_until_complete(asyncio.sleep(0.02))


def _call(plan: Plan, witness: _Witness, *, is_abandoned: bool) -> None:
    result = witness.see(plan.function(**plan.arguments))
    if plan.consume == "stream":
        _drain(result, witness, is_abandoned=is_abandoned)
    elif plan.consume == "manager":
        with result as stream:
            witness.see(stream)
            for item in stream:
                witness.see(item)
            witness.see(_final(stream))
    elif plan.consume == "raw":
        parsed = witness.see(result.parse())
        if hasattr(parsed, "__next__"):
            _drain(parsed, witness, is_abandoned=False)
    elif plan.consume == "streamed":
        with result as response:
            witness.see(response)
            witness.see(response.headers)
            witness.see(response.read())
    elif plan.consume == "aws":
        for name, value in result.items():
            if type(value).__name__ == "EventStream":
                _drain(value, witness, is_abandoned=is_abandoned)
            elif type(value).__name__ == "StreamingBody":
                witness.see((name, value.read()))


def _drain(stream: Any, witness: _Witness, *, is_abandoned: bool) -> None:
    for item in stream:
        witness.see(item)
        if is_abandoned:
            return


def _final(stream: Any) -> Any:
    return next(getattr(stream, name)() for name in _FINAL if hasattr(stream, name))


async def _acall(plan: Plan, witness: _Witness, *, is_abandoned: bool) -> None:
    result = plan.function(**plan.arguments)
    try:
        if plan.consume == "manager":
            await _amanage(witness.see(result), witness)
            return
        witness.see(result := await result if inspect.isawaitable(result) else result)
        if plan.consume == "stream":
            await _adrain(result, witness, is_abandoned=is_abandoned)
        elif plan.consume == "aws":
            await _aread(result, witness, is_abandoned=is_abandoned)
    finally:
        if hasattr(plan.keep, "aclose"):
            await plan.keep.aclose()


async def _amanage(manager: Any, witness: _Witness) -> None:
    if inspect.isawaitable(manager):  # ``parse`` is awaited, ``stream`` is entered
        witness.see(await manager)
        return
    async with manager as stream:
        witness.see(stream)
        async for item in stream:
            witness.see(item)
        witness.see(await _final(stream))


async def _aread(result: Any, witness: _Witness, *, is_abandoned: bool) -> None:
    for name, value in result.items():
        if hasattr(value, "__anext__"):
            await _adrain(value, witness, is_abandoned=is_abandoned)
        elif type(value).__name__ == "StreamingBody":
            witness.see((name, await value.read()))


async def _adrain(stream: Any, witness: _Witness, *, is_abandoned: bool) -> None:
    async for item in stream:
        witness.see(item)
        if is_abandoned:
            return
