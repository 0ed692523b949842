"""What was measured against what was promised: the figures of every subject, and a verdict on each bound."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.sdk.figures import Estimate, added, differences, median_of, ratio, slope
from benchmarks.sdk.measure import Lane, Samples
from benchmarks.sdk.subjects import COSTSPAN

MEGABYTE = 1_000_000
_BEST_PEER = 0.4
_CALL_US, _CHUNK_US = 80.0, 3.0
# One small object kept for each call would be fifty.
_FLAT_BYTES_PER_CALL = 8.0
# Memory settles first: bounded caches (10,000 calls that labels may still find) fill, the allocator takes its arenas.
SETTLED_AFTER_CALLS = 20_000


@dataclass(frozen=True, slots=True)
class Measure:
    """One thing that is measured: ``scale`` turns a sample into ``unit``. ``is_over_bare``: the bare client's is taken off."""

    key: str
    title: str
    unit: str
    scale: float = 1.0
    is_over_bare: bool = True


MEASURES = (
    Measure("sync", "plain call", "µs"),
    Measure("async", "plain async call", "µs"),
    Measure("concurrent", "1,000 async calls at once, a call", "µs"),
    Measure("loopback", "200 async calls at once over loopback HTTP, a call", "µs"),
    Measure("stream", "stream, a chunk", "µs"),
    Measure("sync_cpu", "plain call, processor time with export", "µs"),
    Measure("concurrent_cpu", "1,000 async calls at once, processor time with export", "µs"),
    Measure("start_s", "import and init", "s", is_over_bare=False),
    Measure("start_bytes", "import and init, memory", "MB", 1 / MEGABYTE, is_over_bare=False),
    Measure("first_call_s", "first call, sent", "s"),
    Measure("after_call_bytes", "memory after the first call", "MB", 1 / MEGABYTE),
)


@dataclass(frozen=True, slots=True)
class Figure:
    """What a subject adds, and the samples that it comes from, in the measure's unit."""

    estimate: Estimate
    samples: Sequence[float]


Figures = Mapping[str, Mapping[str, Figure]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """A bound, what was found, and whether it is met. ``is_close``: the interval does not decide it."""

    title: str
    found: Estimate
    bound: float
    unit: str

    @property
    def is_met(self) -> bool:
        return self.found.value <= self.bound

    @property
    def is_close(self) -> bool:
        return self.found.low <= self.bound < self.found.high


def figures_of(samples: Samples, lanes: Sequence[Lane]) -> dict[str, dict[str, Figure]]:
    """Subject -> measure -> what it adds to the bare client of the same version."""
    found: dict[str, dict[str, Figure]] = {}
    for lane in lanes:
        if lane.key == lane.bare_key or lane.key in samples.failures:
            continue
        found[lane.key] = {}
        for measure in MEASURES:
            own = [sample * measure.scale for sample in samples.rounds[lane.key][measure.key]]
            bare = [sample * measure.scale for sample in samples.rounds[lane.bare_key][measure.key]]
            if not own:
                continue
            if measure.is_over_bare:
                found[lane.key][measure.key] = Figure(added(own, bare), differences(own, bare))
            else:
                found[lane.key][measure.key] = Figure(median_of(own), own)
    return found


def best_peer(figures: Figures, measure: str) -> str | None:
    """The peer that adds least at ``measure``; None if there is no peer."""
    peers = [name for name in figures if name != COSTSPAN.name and measure in figures[name]]
    return min(peers, key=lambda name: figures[name][measure].estimate.value, default=None)


def growth(samples: Samples, key: str) -> Estimate | None:
    """Bytes that the process of lane ``key`` grew by for each call, once settled; None if too few calls were made."""
    settled = [(made, held) for made, held in samples.memory.get(key, []) if made >= SETTLED_AFTER_CALLS]
    return slope([made for made, _ in settled], [held for _, held in settled]) if len(settled) >= 3 else None


def verdicts(samples: Samples, figures: Figures) -> Iterator[Verdict]:
    """All bounds, in the order of what was promised."""
    ours = figures[COSTSPAN.name]
    for key in ("sync", "async", "concurrent"):
        title = next(measure.title for measure in MEASURES if measure.key == key)
        yield Verdict(title, ours[key].estimate, _CALL_US, "µs")
        if (best := best_peer(figures, key)) is not None:
            share = ratio(ours[key].samples, figures[best][key].samples)
            yield Verdict(f"{title}, of the best peer's ({best})", share, _BEST_PEER, "")
    yield Verdict("stream, a chunk", ours["stream"].estimate, _CHUNK_US, "µs")
    yield Verdict("import and init", ours["start_s"].estimate, 0.5, "s")
    yield Verdict("import and init, memory", ours["start_bytes"].estimate, 40.0, "MB")
    if (grown := growth(samples, COSTSPAN.name)) is not None:
        yield Verdict("memory, growth a call", grown, _FLAT_BYTES_PER_CALL, "B")
    lost = float(samples.dropped[COSTSPAN.name])
    yield Verdict("calls dropped", Estimate(lost, lost, lost), 0.0, "")
