"""Calls made bare and observed, and all that could be told apart afterwards."""

import asyncio
import dataclasses
import gc
import re
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import costspan
from tests.sdk.conftest import Sdk
from tests.sdk.doubles.collector import Span
from tests.sdk.host.samples import Sample
from tests.traffic.calling import Seen, call
from tests.traffic.calling import _loop as loop
from tests.traffic.cases import Case
from tests.traffic.drivers._plan import ASYNC_MODES, Driver, Mode, Plan
from tests.traffic.replay import Asked, Replay
from tests.traffic.snapshot import snapshot

# Ids, times and durations in milliseconds, as litellm writes them into its results.
_MADE_UP = re.compile(r"([a-z]+[-_])?[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}|\d{10}\.\d+|\d{1,3}\.\d{1,3}")
# New with every request of the bare client as well, or a signature over such.
_VARYING = {
    "authorization",
    "x-amz-date",
    "amz-sdk-invocation-id",
    "idempotency-key",
    "x-stainless-idempotency-key",
    "x-amzn-trace-id",
}
_OPTION = re.compile(rb',\s*"stream_options":\s*\{"include_usage":\s*true\}|,\s*"include_usage":\s*true')
_BOUNDARY = re.compile(rb"--[0-9a-f]{32}\b")
_ADDRESSES = re.compile(r"0x[0-9a-f]+|\d+")


@dataclass(frozen=True)
class Made:
    """One call: what its caller saw, what went over the wire, what the caller's arguments were before and after, and what
    the interpreter complained about."""

    seen: Seen
    asked: tuple[Asked, ...]
    arguments_before: Any
    arguments_after: Any
    complaints: frozenset[tuple[str, str]]


def make(sample: Sample, mode: Mode, replay: Replay, *, case: Case | None = None, driver: Driver | None = None) -> Made | None:
    """Make the sample's call; ``case`` is answered in its place. None if the client has no such mode for it."""
    case = case or sample.case
    plans: list[Plan] = []
    before: list[Any] = []
    driver = driver or sample.driver

    def plan(_: Case, mode: Mode, url: str) -> Plan | None:
        made = driver.plan(sample.case, mode, url)
        if made is not None:
            plans.append(made)
            before.append(snapshot(made.arguments))
        return made

    with complaints() as heard:
        seen = call(dataclasses.replace(driver, plan=plan), case, mode, f"{replay.url}/case/{case.id}~{mode}")
        after = [snapshot(plan.arguments) for plan in plans]
        plans.clear()
        if mode in ASYNC_MODES:
            settle()
    asked = tuple(replay.take().get(f"{case.id}~{mode}", ()))
    return None if seen is None else Made(seen, asked, before, after, frozenset(heard))


def settle() -> None:
    """Let the loop of the drivers close what was dropped, as it does in an application that goes on."""
    gc.collect()
    for _ in range(3):
        loop().run_until_complete(asyncio.sleep(0.001))


@contextmanager
def complaints() -> Iterator[list[tuple[str, str]]]:
    """Gathers warnings, and exceptions that nobody could catch, those of what is destroyed on the way included."""
    # What is alive now is none of the call's: looking through it for garbage, call after call, would take most of the time.
    gc.freeze()
    # In which order a cycle of garbage is finalised, and so what complains, depends on when the collector ran before.
    gc.disable()
    heard: list[tuple[str, str]] = []
    hook = sys.unraisablehook
    sys.unraisablehook = lambda raised: heard.append((str(raised.exc_type), _plain(raised.exc_value)))
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            yield heard
            gc.collect()
        heard += [(warning.category.__name__, _plain(warning.message)) for warning in warned]
    finally:
        gc.enable()
        sys.unraisablehook = hook


def _plain(message: object) -> str:
    return _ADDRESSES.sub("#", str(message))


@dataclass(frozen=True)
class Pair:
    """The same call bare and observed, and the spans of the observed one."""

    bare: Made
    observed: Made
    spans: tuple[Span, ...]


def make_both(sample: Sample, mode: Mode, replay: Replay, sdk: Sdk, *, case: Case | None = None, **settings: Any) -> Pair | None:
    """The call made bare, then observed with ``settings``. None if the client has no such mode for it."""
    costspan.uninstrument()
    make(sample, mode, replay, case=case)  # some clients ask something once, or warn once
    bare = make(sample, mode, replay, case=case)
    sdk.collector.forget()
    costspan.init(endpoint=sdk.collector.url, service="tests", **settings)
    if bare is None:
        return None
    observed = make(sample, mode, replay, case=case)
    assert observed is not None
    if mode in ("abandoned", "aabandoned"):
        # litellm itself holds on to what was dropped.
        assert costspan.shutdown(10), costspan.stats()
    return Pair(bare, observed, tuple(sdk.spans()))


def differences(bare: Any, observed: Any) -> Iterator[tuple[Any, Any]]:
    """Where two snapshots differ, but for what the client itself makes up anew for every call."""
    if isinstance(bare, tuple) and isinstance(observed, tuple) and len(bare) == len(observed):
        for pair in zip(bare, observed, strict=True):
            yield from differences(*pair)
    elif bare != observed and not all(isinstance(value, str) and _MADE_UP.fullmatch(value) for value in (bare, observed)):
        yield bare, observed


def on_the_wire(made: Made, *, without_option: bool = False) -> list[tuple[object, ...]]:
    """The requests byte for byte, headers in their order, but for what every request has of its own.

    ``without_option``: also without the switch that asks for a stream's usage, and the length that follows from it.
    """
    return [
        (asked.method, asked.path, _headers(asked, without_option), _body(asked, without_option))
        for asked in made.asked
        if not asked.path.endswith("/api/show")  # which litellm asks in a thread of its own, at whatever time
    ]


def _headers(asked: Asked, without_option: bool) -> list[tuple[str, str]]:
    hidden = _VARYING | ({"content-length"} if without_option else set())
    headers = [(name, "" if name in hidden else value) for name, value in asked.headers]
    return [(name, value.partition("boundary=")[0]) for name, value in headers]


def _body(asked: Asked, without_option: bool) -> bytes:
    body = _BOUNDARY.sub(b"--", asked.body)
    return _OPTION.sub(b"", body) if without_option else body


def chain(error: BaseException | None) -> Iterable[BaseException]:
    """``error`` and those that it was raised from or while handling."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
