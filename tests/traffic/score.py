"""How right the SDK is on recordings: ``python -m tests.traffic.score FILE [--ids FILE] [--client NAME] [--mode MODE]``.

Prints, for each client and provider, the share of calls with the money right, with result and type as the bare client
gives them and with the right number of spans; then every failure with what was expected and what came.
"""

import argparse
import sys
import warnings
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from tests.sdk.doubles.collector import Collector
from tests.traffic.cases import RECORDINGS, Case, read
from tests.traffic.drivers._plan import MODES
from tests.traffic.replay import Replay
from tests.traffic.running import Graded, grade, supported

_COLUMNS = ("client", "provider", "calls", "billable", "money", "spans", "result", "type", "wire")


def main(arguments: Sequence[str] | None = None) -> int:
    """Score the recordings that the arguments name. 1 if anything was wrong, else 0."""
    options = _options(arguments)
    warnings.simplefilter("ignore")
    ids = set(options.ids.read_text().split()) if options.ids else None
    cases = [case for case in read(options.file) if ids is None or case.id in ids]
    graded = score(cases, options.client, options.mode or MODES, options.without)
    print(table(graded))
    failures = [call for call in graded if call.problems]
    for failure in failures[: options.most]:
        print(failure)
    print(f"{len(failures)} of {len(graded)} calls are wrong in some way")
    return 1 if failures else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.traffic.score", description=__doc__)
    parser.add_argument("file", type=Path, nargs="?", default=RECORDINGS, help="recordings, one JSON object a line, .gz or plain")
    parser.add_argument("--ids", type=Path, help="a file that names the cases to take")
    parser.add_argument("--client", action="append", help="an adapter's name; all that the SDK has without it")
    parser.add_argument("--without", action="append", default=[], help="an adapter's name that is left out")
    parser.add_argument("--mode", action="append", choices=MODES)
    parser.add_argument("--most", type=int, default=10_000, help="most failures to print")
    return parser.parse_args(arguments)


def score(cases: list[Case], clients: Sequence[str] | None, modes: Sequence[str], without: Sequence[str] = ()) -> list[Graded]:
    """Grade ``cases`` with every client that the SDK observes, or those named, ``without`` some."""
    replay, collector = Replay(cases), Collector()
    try:
        drivers = [
            driver for driver in supported() if (not clients or driver.adapter in clients) and driver.adapter not in without
        ]
        return [
            call
            for driver in drivers
            for call in grade(driver, cases, [mode for mode in MODES if mode in modes], replay, collector)
        ]
    finally:
        replay.close()
        collector.close()


def table(graded: Sequence[Graded]) -> str:
    """One line for each client and provider, and one for all."""
    groups: dict[tuple[str, str], list[Graded]] = defaultdict(list)
    for call in graded:
        groups[call.driver.adapter, call.case.provider].append(call)
        groups["all", ""].append(call)
    lines = [_COLUMNS, *((client, provider, *_shares(calls)) for (client, provider), calls in sorted(groups.items()))]
    return "\n".join(" ".join(f"{word:<16}" if place < 2 else f"{word:>9}" for place, word in enumerate(line)) for line in lines)


def _shares(calls: Sequence[Graded]) -> tuple[str, ...]:
    billable = [call for call in calls if call.is_billable]
    return (
        str(len(calls)),
        str(len(billable)),
        _share(billable, "money", "spans"),
        _share(calls, "spans"),
        _share(calls, "result"),
        _share(calls, "type"),
        _share(calls, "wire"),
    )


def _share(calls: Sequence[Graded], *kinds: str) -> str:
    right = sum(not call.has(*kinds) for call in calls)
    return f"{right / len(calls):.1%}" if calls else "-"


if __name__ == "__main__":
    sys.exit(main())
