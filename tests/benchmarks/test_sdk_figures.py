"""The benchmark's own arithmetic, and what it makes of samples whose answer is known."""

import json
import random
import re

import pytest

from benchmarks.sdk.bounds import best_peer, figures_of, growth, verdicts
from benchmarks.sdk.environments import Environment, Path
from benchmarks.sdk.figures import added, median_of, ratio, slope
from benchmarks.sdk.measure import Lane, Samples, lanes
from benchmarks.sdk.provider import RECORDINGS, Recording, stream_events
from benchmarks.sdk.subjects import BARE, COSTSPAN, PEERS, SUBJECTS


def environment(openai: str) -> Environment:
    return Environment(Path("python"), {"openai": openai})


def test_paired_differences_see_through_what_disturbs_both() -> None:
    dice = random.Random(1)
    disturbed = [dice.uniform(100, 1000) for _ in range(21)]
    found = added([base + 40 + dice.uniform(-1, 1) for base in disturbed], disturbed)
    assert 39 <= found.low <= found.value <= found.high <= 41
    assert found.is_distinguishable


def test_what_is_only_noise_is_not_distinguishable() -> None:
    dice = random.Random(2)
    found = added([dice.gauss(100, 10) for _ in range(21)], [dice.gauss(100, 10) for _ in range(21)])
    assert found.low < 0 < found.high
    assert not found.is_distinguishable


def test_the_same_samples_give_the_same_interval() -> None:
    assert median_of([3, 1, 2, 9, 4]) == median_of([3, 1, 2, 9, 4])
    assert median_of([3, 1, 2, 9, 4]).value == 3


def test_a_ratio_is_of_medians() -> None:
    found = ratio([10, 20, 30], [100, 50, 75])
    assert found.value == pytest.approx(20 / 75)
    assert found.low <= found.value <= found.high
    assert ratio([1, 1, 1], [0, 0, 0]).value == float("inf")


def test_a_slope_is_that_of_the_line() -> None:
    exact = slope([0, 1, 2, 3], [5, 7, 9, 11])
    assert (exact.value, exact.low, exact.high) == (2, 2, 2)
    dice = random.Random(3)
    noisy = slope(range(100), [7 + 0.5 * x + dice.gauss(0, 3) for x in range(100)])
    assert noisy.low < 0.5 < noisy.high


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: median_of([]), "samples: none"),
        (lambda: added([1, 2], [1]), "2 and 1 rounds"),
        (lambda: ratio([1], [1, 2]), "1 and 2 rounds"),
        (lambda: slope([1, 2], [1, 2]), "at least 3"),
        (lambda: slope([4, 4, 4], [1, 2, 3]), "all 3 points are at 4"),
    ],
)
def test_what_cannot_be_computed_is_refused(call, words) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        call()


def test_each_subject_is_compared_to_the_bare_client_of_its_own_version() -> None:
    found = lanes({PEERS[2]: environment("2.9"), COSTSPAN: environment("3.0"), BARE: environment("3.0")})
    assert [(lane.key, lane.bare_key) for lane in found] == [
        ("bare", "bare"),
        ("bare (openai 2.9)", "bare (openai 2.9)"),
        ("openlit", "bare (openai 2.9)"),
        ("costspan", "bare"),
    ]


def samples_of(**us: list[float]) -> tuple[Samples, list[Lane]]:
    """Rounds of every measure in which each subject takes the same."""
    samples = Samples()
    for name, figures in us.items():
        for measure in ("sync", "async", "concurrent", "loopback", "stream", "sync_cpu", "concurrent_cpu"):
            samples.rounds[name][measure] = figures
        for measure in ("start_s", "start_bytes", "first_call_s", "after_call_bytes"):
            samples.rounds[name][measure] = [0.1] * len(figures)
    return samples, [Lane(name, SUBJECTS[name], environment("3"), "bare") for name in us]


def test_bounds_are_judged_against_the_peer_that_adds_least() -> None:
    samples, found = samples_of(bare=[100, 200, 300], costspan=[150, 250, 350], logfire=[200, 300, 400], langfuse=[400, 500, 600])
    figures = figures_of(samples, found)
    assert best_peer(figures, "sync") == "logfire"
    judged = {verdict.title: (verdict.found.value, verdict.is_met) for verdict in verdicts(samples, figures)}
    assert judged["plain call"] == (50, True)
    assert judged["plain call, of the best peer's (logfire)"] == (0.5, False)
    assert judged["stream, a chunk"] == (50, False)
    assert judged["import and init"] == (0.1, True)


def test_a_peer_that_broke_off_is_not_judged() -> None:
    samples, found = samples_of(bare=[100, 200], costspan=[150, 250], logfire=[101])
    samples.failures["logfire"] = "it ended"
    assert set(figures_of(samples, found)) == {"costspan"}


def test_memory_is_judged_once_it_has_settled() -> None:
    samples = Samples()
    filling = [(made, 50_000_000 + 900 * min(made, 15_000)) for made in range(0, 60_000, 1_000)]
    samples.memory["costspan"] = filling
    grown = growth(samples, "costspan")
    assert grown is not None
    assert grown.value == 0
    samples.memory["costspan"] = [(made, held + made * 56) for made, held in filling]
    leaking = growth(samples, "costspan")
    assert leaking is not None
    assert leaking.value == pytest.approx(56)
    samples.memory["costspan"] = filling[:20]
    assert growth(samples, "costspan") is None


def test_a_stream_has_as_many_chunks_as_asked_and_usage_when_asked() -> None:
    recording = Recording()
    assert len(recording.events) == 500
    assert len(recording.events_for(b'{"stream":true}')) == 501
    assert len(recording.events_for(b'{"stream":true,"stream_options":{"include_usage":true}}')) == 502
    assert recording.events[-1].count(b'"finish_reason":"stop"') == 1
    body = json.loads((RECORDINGS / "chat_stream_no_usage.json").read_text())["response_body"]
    with pytest.raises(ValueError, match="none with usage"):
        stream_events(body, 10)


def test_every_answer_has_its_own_id() -> None:
    recording = Recording()
    ids = {json.loads(recording.body())["id"] for _ in range(5)}
    assert len(ids) == 5
