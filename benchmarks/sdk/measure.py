"""Rounds: every subject in turn, again and again, so that what disturbs the machine disturbs all of them alike.

Each generation starts fresh processes, since the layout of memory is a die that each process throws once.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field

from benchmarks.sdk.children import ChildFailedError, Servers, Worker, start_cost
from benchmarks.sdk.environments import Environment
from benchmarks.sdk.subjects import BARE, COSTSPAN, Subject

Say = Callable[[str], None]

CALLS_TOGETHER = 1_000
# More would measure the client's connection pool, whose work for a request grows with the connections that it has.
_CALLS_OVER_LOOPBACK = 200
MEASURES = ("sync", "async", "stream", "concurrent", "loopback")
START_MEASURES = ("start_s", "start_bytes", "first_call_s", "after_call_bytes")
_CALLS_BETWEEN_FLUSHES = 1_000


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured. ``counts`` are calls (streams) a round; ``memory_calls`` calls for the memory's slope."""

    generations: int = 2
    rounds: int = 5
    starts: int = 7
    memory_calls: int = 200_000
    counts: Mapping[str, int] = field(
        default_factory=lambda: {
            "sync": 300,
            "async": 300,
            "stream": 6,
            "concurrent": CALLS_TOGETHER,
            "loopback": _CALLS_OVER_LOOPBACK,
        }
    )


QUICK = Plan(1, 3, 2, 4_000, {"sync": 50, "async": 50, "stream": 1, "concurrent": 200, "loopback": 100})


@dataclass(frozen=True, slots=True)
class Lane:
    """A subject in its environment. ``bare_key`` names the bare lane that it is compared to: the same client's."""

    key: str
    subject: Subject
    environment: Environment
    bare_key: str


@dataclass(slots=True)
class Samples:
    """What was measured: lane -> measure -> a figure a round (a start); lane -> (calls made, bytes held).

    ``failures``: lanes that broke off, and why; their figures count for nothing.
    """

    rounds: dict[str, dict[str, list[float]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))
    memory: dict[str, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))
    spans: dict[str, int] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    failures: dict[str, str] = field(default_factory=dict)


def lanes(environments: Mapping[Subject, Environment]) -> list[Lane]:
    """A lane for each subject, and a bare one for each version of the client among them."""
    bare_keys: dict[str, str] = {}
    found: list[Lane] = []
    for subject, environment in sorted(environments.items(), key=lambda item: item[0] is not BARE):
        client = environment.client
        if client not in bare_keys:
            bare_keys[client] = BARE.name if subject is BARE else f"{BARE.name} ({client})"
            found.append(Lane(bare_keys[client], BARE, environment, bare_keys[client]))
        if subject is not BARE:
            found.append(Lane(subject.name, subject, environment, bare_keys[client]))
    return found


def measure_starts(samples: Samples, lanes: list[Lane], servers: Servers, plan: Plan, say: Say) -> None:
    """Import and init in fresh processes; the first of each only writes bytecode, and is not counted."""
    for number in range(plan.starts + 1):
        say(f"import and init, {number} of {plan.starts}")
        for lane in _turned(lanes, number):
            cost = start_cost(lane.subject, lane.environment, servers)
            for name in START_MEASURES if number else ():
                samples.rounds[lane.key][name].append(cost[name])


def measure_calls(samples: Samples, lanes: list[Lane], servers: Servers, plan: Plan, say: Say) -> None:
    """Calls of every kind, all lanes in turn. A peer that breaks off is left out from then on."""
    for generation in range(plan.generations):
        with ExitStack() as open_workers:
            workers = {
                lane.key: open_workers.enter_context(Worker(lane.subject, lane.environment, servers))
                for lane in lanes
                if lane.key not in samples.failures
            }
            _warm_up(samples, lanes, workers, servers, plan)
            for number in range(plan.rounds):
                say(f"calls, generation {generation + 1} of {plan.generations}, round {number + 1} of {plan.rounds}")
                for name in MEASURES:
                    for lane in _turned(lanes, number):
                        if (answer := _answer(samples, lane, workers, name, plan.counts[name])) is not None:
                            samples.rounds[lane.key][name].append(answer["us"])
                            samples.rounds[lane.key][f"{name}_cpu"].append(answer["cpu_us"])
                            samples.dropped[lane.key] += int(answer["dropped"])


def _answer(samples: Samples, lane: Lane, workers: Mapping[str, Worker], measure: str, count: int) -> dict[str, float] | None:
    if lane.key in samples.failures:
        return None
    try:
        return workers[lane.key].measure(measure, count)
    except ChildFailedError as error:
        if not lane.subject.is_peer:
            raise
        samples.failures[lane.key] = str(error)
        return None


def _warm_up(samples: Samples, lanes: list[Lane], workers: Mapping[str, Worker], servers: Servers, plan: Plan) -> None:
    for lane in lanes:
        for name in MEASURES:
            _answer(samples, lane, workers, name, max(plan.counts[name] // 4, 1))
        if lane.subject is not BARE:
            samples.spans[lane.key] = servers.spans_of(lane.subject)


def measure_memory(samples: Samples, lanes: list[Lane], servers: Servers, plan: Plan, say: Say) -> None:
    """What the bare client and costspan hold while call after call is made and sent."""
    ours = [lane for lane in lanes if lane.key in (BARE.name, COSTSPAN.name)]
    with ExitStack() as open_workers:
        workers = {lane.key: open_workers.enter_context(Worker(lane.subject, lane.environment, servers)) for lane in ours}
        for made in _steps(plan.memory_calls):
            say(f"memory, {made:,} of {plan.memory_calls:,} calls")
            for key, worker in workers.items():
                answer = worker.measure("sync", _CALLS_BETWEEN_FLUSHES)
                samples.memory[key].append((made, int(answer["rss_bytes"])))
                samples.dropped[key] += int(answer["dropped"])


def _steps(calls: int) -> Iterator[int]:
    yield from range(_CALLS_BETWEEN_FLUSHES, calls + 1, _CALLS_BETWEEN_FLUSHES)


def _turned(lanes: list[Lane], number: int) -> list[Lane]:
    """The lanes from another one on in each round, so that none always follows the same neighbour's work."""
    start = number % len(lanes)
    return lanes[start:] + lanes[:start]
