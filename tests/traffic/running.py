"""A run of many recorded calls through the real clients: first bare, then observed, then judged."""

import gc
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import costspan
from costspan.adapters import ADAPTERS
from tests.sdk.doubles.collector import Collector, Span
from tests.traffic.calling import Seen, call, settle
from tests.traffic.cases import Case
from tests.traffic.drivers import DRIVERS
from tests.traffic.drivers._plan import Driver, Mode
from tests.traffic.judging import Problem, compare_books, compare_host
from tests.traffic.replay import Asked, Replay
from tests.traffic.truth import expected

FLUSH_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Graded:
    """One call and what was wrong with it, if anything."""

    driver: Driver
    case: Case
    mode: Mode
    problems: tuple[Problem, ...]
    is_billable: bool

    def has(self, *kinds: str) -> bool:
        return any(problem.kind in kinds for problem in self.problems)

    def __str__(self) -> str:
        lines = [f"{self.case.id} ({self.driver.adapter}, {self.mode})"]
        return "\n    ".join([*lines, *(f"{problem.kind}: {problem.text}" for problem in self.problems)])


@dataclass
class _Made:
    seen: Seen
    asked: list[Asked] = field(default_factory=list)


def supported() -> list[Driver]:
    """The drivers of the clients that the SDK observes."""
    names = {adapter.name for adapter in ADAPTERS}
    return [driver for driver in DRIVERS if driver.adapter in names]


def grade(driver: Driver, cases: Sequence[Case], modes: Iterable[Mode], replay: Replay, collector: Collector) -> list[Graded]:
    """Every call of ``cases`` that the client can make, in each of ``modes``. Leaves the clients bare and the SDK stopped."""
    wanted = [(case, mode) for case in cases if driver.handles(case) for mode in modes if mode in driver.modes]
    costspan.uninstrument()
    gc.freeze()  # what is there already need not be looked through with every collection
    bare = {key: made for key in wanted if (made := _make(driver, *key, replay)) is not None}
    settle()
    costspan.init(endpoint=collector.url, service="traffic")
    try:
        observed = {}
        for key in bare:
            with costspan.feature(_name(*key)):
                observed[key] = _make(driver, *key, replay)
        settle()
        # What is answered in the background, and never fetched, is booked when observing ends.
        assert costspan.shutdown(FLUSH_TIMEOUT_S), costspan.stats()
    finally:
        costspan.uninstrument()
        gc.enable()
        gc.unfreeze()
    spans = defaultdict(list)
    for span in collector.spans:
        spans[span.get("costspan.feature")].append(span)
    collector.forget()
    return [_judge(driver, *key, made, observed[key], spans[_name(*key)]) for key, made in bare.items()]


def _name(case: Case, mode: Mode) -> str:
    return f"{case.id}~{mode}"


def _make(driver: Driver, case: Case, mode: Mode, replay: Replay) -> _Made | None:
    seen = call(driver, case, mode, f"{replay.url}/case/{_name(case, mode)}")
    return None if seen is None else _Made(seen, replay.take().get(_name(case, mode), []))


def _judge(driver: Driver, case: Case, mode: Mode, bare: _Made, observed: _Made | None, spans: list[Span]) -> Graded:
    assert observed is not None, f"{case.id}: the client could make the call bare, and cannot with the SDK"
    calls = expected(case)
    problems = compare_host(bare.seen, observed.seen, bare.asked, observed.asked)
    could_read = bare.seen.error is None or any(call.is_error for call in calls) or not calls
    if could_read:
        knows_provider = driver.tells_provider or mode == "hosted" or case.provider == "openai"
        is_abandoned = mode in ("abandoned", "aabandoned")
        problems += compare_books(calls, spans, knows_provider=knows_provider, is_abandoned=is_abandoned)
    is_billable = any(not call.is_optional for call in calls) and could_read
    return Graded(driver, case, mode, tuple(problems), is_billable)
