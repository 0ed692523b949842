"""The replay, through the real clients and against the real simulator."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from costspan_collector.demo import workload
from costspan_collector.demo.processes import Child, DemoError
from costspan_collector.demo.product import PlannedCall, plan
from costspan_collector.demo.trace import read_trace, sample
from costspan_collector.demo.workload import Hooks, replay

CALLS = plan(sample(read_trace(), 200))


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    log = tmp_path_factory.mktemp("simulator") / "simulator.log"
    child = Child("the simulator", ["costspan_collector.demo.simulator", "--watch-stdin"], log, stdin_open=True)
    try:
        child.wait_until(lambda: log.read_text().endswith("\n"), 30)
        yield log.read_text().strip()
    finally:
        child.stop()


def ignore(*_: object) -> None:
    """A hook that does nothing."""


def test_every_call_is_made_attributed_judged_and_told_once(url: str) -> None:
    entered: Counter[PlannedCall] = Counter()
    done: Counter[PlannedCall] = Counter()
    judged: list[bool] = []
    lock = threading.Lock()

    @contextmanager
    def attribute(call: PlannedCall) -> Iterator[None]:
        assert call not in done
        yield
        with lock:
            entered[call] += 1

    def judge(answer: object, correct: bool) -> None:
        assert answer is not None
        judged.append(correct)

    def tell(call: PlannedCall) -> None:
        with lock:
            done[call] += 1

    replay(CALLS, url, Hooks(attribute, judge, tell))
    assert entered == done == Counter(CALLS)
    assert Counter(judged) == Counter(call.correct for call in CALLS if call.correct is not None)


@pytest.mark.parametrize("runtime", ["event_loop", "threads"])
def test_a_failing_hook_stops_the_replay_and_is_raised(url: str, runtime: str) -> None:
    told: list[PlannedCall] = []

    def fail(call: PlannedCall) -> None:
        told.append(call)
        if call.feature.runtime == runtime:
            raise ZeroDivisionError(runtime)

    with pytest.raises(ZeroDivisionError, match=runtime):
        replay(CALLS, url, Hooks(lambda _: nullcontext(), ignore, fail))
    assert len(told) < len(CALLS)


def test_a_call_that_fails_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workload, "TIMEOUT_S", 2.0)
    nowhere = "http://127.0.0.1:1"
    with pytest.raises(DemoError, match="a call failed: APIConnectionError"):
        replay(CALLS[:5], nowhere, Hooks(lambda _: nullcontext(), ignore, ignore))
