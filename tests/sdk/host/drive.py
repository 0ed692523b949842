"""The contract in a process of its own (``python -m tests.sdk.host.drive``): every client's first calls, bare and observed.

Takes the addresses of the provider and of the collector, and one of: ``compare`` (prints what differed, as JSON), ``gevent``
(the same, monkey-patched, several calls at once), ``open`` (leaves every stream open at its first chunk and ends) and ``bare``
(as ``open``, without the SDK). Nothing here rests on ``assert``, which ``python -O`` leaves out.
"""

import json
import sys
import warnings
from typing import Any

_WAYS = ("compare", "gevent", "open", "bare")
if __name__ == "__main__" and sys.argv[3] == "gevent":
    from gevent import monkey

    monkey.patch_all()

import costspan  # noqa: E402
from tests.sdk.host.making import Made, differences, make  # noqa: E402
from tests.sdk.host.samples import FIRSTS, Sample, one_call  # noqa: E402
from tests.traffic.calling import call  # noqa: E402
from tests.traffic.drivers._plan import Mode  # noqa: E402
from tests.traffic.replay import pieces  # noqa: E402

_AT_ONCE = 4


class Elsewhere:
    """A replay that another process runs."""

    def __init__(self, url: str) -> None:
        self.url = url

    def take(self) -> dict[str, Any]:
        return {}


def _wanted(*, is_sync_only: bool) -> list[tuple[Sample, Mode]]:
    modes: tuple[Mode, ...] = ("sync",) if is_sync_only else ("sync", "async")
    return [(sample, mode) for sample in FIRSTS for mode in modes if mode in sample.driver.modes]


def _made(wanted: list[tuple[Sample, Mode]], replay: Any) -> list[Made]:
    made = [make(sample, mode, replay) for sample, mode in wanted]
    return [one for one in made if one is not None]


def _compare(replay: Any, collector_url: str) -> list[str]:
    wanted = _wanted(is_sync_only=False)
    _made(wanted, replay)
    bare = _made(wanted, replay)
    costspan.init(endpoint=collector_url)
    observed = _made(wanted, replay)
    return [
        f"{sample}-{mode}: {problem}"
        for (sample, mode), one, other in zip(wanted, bare, observed, strict=True)
        for problem in _problems(one, other)
    ]


def _problems(bare: Made, observed: Made) -> list[Any]:
    return [
        *([bare.seen.error] if bare.seen.error else []),
        *([observed.seen.types] if observed.seen.types != bare.seen.types else []),
        *list(differences(bare.seen.values, observed.seen.values))[:3],
        *(observed.complaints - bare.complaints),
    ]


def _compare_at_once(replay: Any, collector_url: str) -> list[str]:
    from gevent.pool import Pool

    wanted = _wanted(is_sync_only=True)

    def one(number: int) -> tuple[Any, ...]:
        sample, mode = wanted[number // _AT_ONCE]
        with costspan.feature(f"greenlet-{number}"):
            seen = call(sample.driver, sample.case, mode, f"{replay.url}/case/{sample.case.id}~{number}")
        return () if seen is None else (seen.types, seen.values, seen.error)

    numbers = range(len(wanted) * _AT_ONCE)
    bare = Pool(_AT_ONCE).map(one, numbers)
    costspan.init(endpoint=collector_url)
    observed = Pool(_AT_ONCE).map(one, numbers)
    return [
        f"{wanted[number // _AT_ONCE]}: {problem}"
        for number in numbers
        for problem in list(differences(bare[number], observed[number]))[:3]
    ]


def _open(replay: Any, collector_url: str | None) -> list[Any]:
    if collector_url is not None:
        costspan.init(endpoint=collector_url)
    streams = []
    for sample in (sample for sample in FIRSTS if sample.is_stream and one_call(sample) == "sync"):
        parts = pieces(sample.case) or []
        plan = sample.driver.plan(sample.case, "sync", f"{replay.url}/case/{sample.case.id}~hang{len(parts) - 1}")
        if plan is not None:
            result = plan.function(**plan.arguments)
            stream = (
                next((value for value in result.values() if hasattr(value, "close")), None) if plan.consume == "aws" else result
            )
            chunks = iter(stream)
            streams.append((plan, stream, chunks, next(chunks)))
    return streams


def main(provider_url: str, collector_url: str, way: str) -> list[Any]:
    """Run ``way``. What is returned has to live until the process ends."""
    if way not in _WAYS:
        raise SystemExit(f"way: {way!r} is not known; give one of {', '.join(_WAYS)}")
    warnings.simplefilter("ignore")
    replay = Elsewhere(provider_url)
    if way in ("open", "bare"):
        return _open(replay, collector_url if way == "open" else None)
    problems = (_compare_at_once if way == "gevent" else _compare)(replay, collector_url)
    sent = costspan.flush(20)
    print(json.dumps({"problems": problems, "is_sent": sent, "internal_errors": costspan.stats()["internal_errors_by_type"]}))
    return []


if __name__ == "__main__":
    KEPT = main(*sys.argv[1:])
