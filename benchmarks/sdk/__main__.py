"""``python -m benchmarks.sdk``: measure, print, write the page, and say by the exit code whether the bounds are met."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from benchmarks.sdk import report
from benchmarks.sdk.bounds import figures_of, growth, verdicts
from benchmarks.sdk.children import ChildFailedError, Servers, start_cost
from benchmarks.sdk.environments import Environment, NoEnvironmentError, default_folder, environment_for, this_environment
from benchmarks.sdk.measure import QUICK, Plan, Samples, Say, lanes, measure_calls, measure_memory, measure_starts
from benchmarks.sdk.subjects import BARE, COSTSPAN, PEERS, Subject

_A_MILLION = 1_000_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark. 0: all bounds are met, or nobody asked; 1: one is not."""
    options = _parser().parse_args(arguments)
    console, log = Console(width=None if sys.stdout.isatty() else 170), Console(stderr=True)

    def say(text: str) -> None:
        log.print(text, highlight=False)

    plan = _plan(options)
    environments, missing = _environments(options, say)
    with Servers() as servers:
        missing |= _leave_out_what_fails(environments, servers)
        found = _measured(environments, servers, plan, missing, say)
    report.print_result(console, found)
    if options.json is not None:
        report.write(options.json, report.as_json(found))
    if options.page is not None:
        report.write(options.page, report.as_markdown(found))
    return 1 if options.check and not all(verdict.is_met for verdict in found.verdicts) else 0


def _parser() -> argparse.ArgumentParser:
    names = [peer.name for peer in PEERS]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sdk", description="What the SDK adds to a call.")
    parser.add_argument("--peers", default="all", type=_peers, help=f"all, none, or some of {', '.join(names)} (default: all)")
    parser.add_argument("--here", action="store_true", help="without peers and environments: the client and SDK of this one")
    parser.add_argument("--quick", action="store_true", help="a look in under a minute: too few rounds to decide anything")
    parser.add_argument("--calls", type=int, help="calls for the slope of memory, which counts from 20000 on (default: 200000)")
    parser.add_argument("--million", dest="calls", action="store_const", const=_A_MILLION, help="as --calls 1000000")
    parser.add_argument("--no-check", dest="check", action="store_false", help="only print: exit with 0 whatever is found")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures and samples to FILE")
    parser.add_argument("--page", type=Path, metavar="FILE", help="write the page of the documentation to FILE")
    parser.add_argument(
        "--folder", type=Path, default=default_folder(), help="where environments are kept (default: %(default)s)"
    )
    parser.add_argument("--fresh", action="store_true", help="make the environments anew, with the newest versions")
    return parser


def _peers(text: str) -> tuple[Subject, ...]:
    if text in ("all", "none"):
        return PEERS if text == "all" else ()
    known = {peer.name: peer for peer in PEERS}
    unknown = [name for name in text.split(",") if name not in known]
    if unknown:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is no peer; give all, none, or some of {', '.join(known)}")
    return tuple(known[name] for name in text.split(","))


def _plan(options: argparse.Namespace) -> Plan:
    plan = QUICK if options.quick else Plan()
    return plan if options.calls is None else replace(plan, memory_calls=options.calls)


def _environments(options: argparse.Namespace, say: Say) -> tuple[dict[Subject, Environment], dict[str, str]]:
    if options.here:
        return {subject: this_environment(subject) for subject in (BARE, COSTSPAN)}, {}
    found: dict[Subject, Environment] = {}
    missing: dict[str, str] = {}
    for subject in (BARE, COSTSPAN, *options.peers):
        say(f"environment of {subject.title} in {options.folder}")
        try:
            found[subject] = environment_for(subject, options.folder, is_fresh=options.fresh)
        except NoEnvironmentError as error:
            if not subject.is_peer:
                raise
            missing[subject.name] = str(error)
    return found, missing


def _leave_out_what_fails(environments: dict[Subject, Environment], servers: Servers) -> dict[str, str]:
    """Take out the peers that do not start, or whose call reaches no sink. Returns why."""
    missing: dict[str, str] = {}
    for subject, environment in list(environments.items()):
        try:
            start_cost(subject, environment, servers)
            if subject is not BARE and servers.spans_of(subject) == 0:
                raise ChildFailedError(f"{subject.title}: a call was made, and no span of it came")
        except ChildFailedError as error:
            if not subject.is_peer:
                raise
            missing[subject.name] = str(error)
            del environments[subject]
    return missing


def _measured(
    environments: dict[Subject, Environment], servers: Servers, plan: Plan, missing: dict[str, str], say: Say
) -> report.Result:
    samples, all_lanes = Samples(), lanes(environments)
    measure_starts(samples, all_lanes, servers, plan, say)
    measure_calls(samples, all_lanes, servers, plan, say)
    measure_memory(samples, all_lanes, servers, plan, say)
    figures = figures_of(samples, all_lanes)
    growths = {key: grown for key in samples.memory if (grown := growth(samples, key)) is not None}
    day = datetime.now(UTC).date()
    return report.Result(
        day, plan, all_lanes, samples, figures, list(verdicts(samples, figures)), growths, missing | samples.failures
    )


if __name__ == "__main__":
    sys.exit(main())
