"""The result as tables on a terminal, as JSON, and as a page of the documentation."""

import json
import math
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.sdk.bounds import MEASURES, Figures, Verdict, best_peer
from benchmarks.sdk.figures import Estimate, ratio
from benchmarks.sdk.measure import Lane, Plan, Samples
from benchmarks.sdk.subjects import COSTSPAN


@dataclass(frozen=True, slots=True)
class Result:
    """All that a run found. ``missing``: subjects that could not be measured, and why."""

    day: date
    plan: Plan
    lanes: Sequence[Lane]
    samples: Samples
    figures: Figures
    verdicts: Sequence[Verdict]
    growths: dict[str, Estimate]
    missing: dict[str, str]


Rows = list[list[str]]


def bounds_table(result: Result) -> tuple[list[str], Rows]:
    """Every bound and its verdict."""
    rows = [
        [verdict.title, _shown(verdict.found, verdict.unit), f"{verdict.bound:g} {verdict.unit}".strip(), _word(verdict)]
        for verdict in result.verdicts
    ]
    return ["what costspan adds", "median [95% interval]", "at most", "verdict"], rows


def subjects_table(result: Result) -> tuple[list[str], Rows]:
    """Every measure of every subject. What cannot be told from nothing is marked with a question mark."""
    names = list(result.figures)
    rows = []
    for measure in MEASURES:
        cells = [
            _shown(result.figures[name][measure.key].estimate, "") if measure.key in result.figures[name] else "-"
            for name in names
        ]
        rows.append([f"{measure.title}, {measure.unit}", *cells])
    return ["added to the bare client", *names], rows


def ratios_table(result: Result) -> tuple[list[str], Rows]:
    """What costspan adds as a share of what every peer adds."""
    peers = [name for name in result.figures if name != COSTSPAN.name]
    ours, rows = result.figures[COSTSPAN.name], []
    for measure in MEASURES:
        cells = []
        for name in peers:
            both = ours.get(measure.key), result.figures[name].get(measure.key)
            share = ratio(both[0].samples, both[1].samples) if both[0] and both[1] else None
            cells.append(
                "-" if share is None else f"{share.value:.2f}" + (" *" if name == best_peer(result.figures, measure.key) else "")
            )
        rows.append([measure.title, *cells])
    return ["costspan through ...", *(f"{name}" for name in peers)], rows


def print_result(console: Console, result: Result) -> None:
    """The tables, on a terminal."""
    for title, (heads, rows) in _titled(result):
        table = Table(title=title, title_justify="left")
        for index, head in enumerate(heads):
            table.add_column(head, justify="right" if index else "left")
        for row in rows:
            table.add_row(*row, style="red" if row[-1].startswith("NOT") else None)
        console.print(table)
    for line in _notes(result):
        console.print(f"- {line}", highlight=False)


def as_markdown(result: Result) -> str:
    """The page of the documentation."""
    parts = ["# What the SDK adds to a call\n", "Written by `make bench-sdk`; what is measured and how: `benchmarks/sdk/`.\n"]
    for title, (heads, rows) in _titled(result):
        lines = [f"## {title}\n", _markdown_row(heads), _markdown_row(["---", *["---:"] * (len(heads) - 1)])]
        parts.append("\n".join([*lines, *(_markdown_row(row) for row in rows)]) + "\n")
    parts.append("\n".join(["## How\n", *(f"- {line}" for line in _notes(result))]) + "\n")
    return "\n".join(parts)


def as_json(result: Result) -> str:
    """All figures and all samples, for other programs."""
    content: dict[str, Any] = {
        "day": result.day.isoformat(),
        "machine": _machine(),
        "versions": {lane.key: lane.environment.versions for lane in result.lanes},
        "added": {
            name: {key: asdict(figure.estimate) for key, figure in found.items()} for name, found in result.figures.items()
        },
        "verdicts": [{**asdict(verdict), "is_met": verdict.is_met, "is_close": verdict.is_close} for verdict in result.verdicts],
        "growth_bytes_per_call": {name: asdict(grown) for name, grown in result.growths.items()},
        "missing": result.missing,
        "spans_seen": result.samples.spans,
        "samples": result.samples.rounds,
        "memory": result.samples.memory,
    }
    return json.dumps(content, indent=1) + "\n"


def write(path: Path, text: str) -> None:
    """Write ``text`` to ``path``, whose folder is made if it is not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _titled(result: Result) -> list[tuple[str, tuple[list[str], Rows]]]:
    tables = [("The bounds", bounds_table(result)), ("Every subject", subjects_table(result))]
    if len(result.figures) > 1:
        tables.append(("Ratios (* best peer)", ratios_table(result)))
    return tables


def _notes(result: Result) -> list[str]:
    plan, rounds = result.plan, result.plan.generations * result.plan.rounds
    notes = [
        f"{result.day:%d %B %Y}, {_machine()}; load at the end {os.getloadavg()[0]:.1f}.",
        f"{rounds} interleaved rounds in {plan.generations} generations of processes.",
        "A figure is the median of the rounds' differences from the bare client of the same version.",
        "A question mark: not distinguishable from nothing.",
        "Calls are answered in memory with recorded bodies; each subject exports to the same sink on loopback.",
    ]
    notes += [f"{lane.key}: {_versions(lane)}." for lane in result.lanes]
    for name, grown in result.growths.items():
        megabytes = f"{grown.value:.1f} [{grown.low:.1f}, {grown.high:.1f}] MB a million calls"
        notes.append(f"Memory of {name} over {plan.memory_calls:,} calls, once settled: {megabytes}.")
    notes += [f"{name} was not measured: {reason}" for name, reason in result.missing.items()]
    return notes


def _versions(lane: Lane) -> str:
    return ", ".join(f"{name} {version}" for name, version in lane.environment.versions.items())


def _machine() -> str:
    memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    system = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return f"{os.cpu_count()} cores, {memory_bytes / 2**30:.0f} GiB, {system}"


def _shown(estimate: Estimate, unit: str) -> str:
    size = max(abs(figure) for figure in (0.0, estimate.value, estimate.low, estimate.high) if math.isfinite(figure))
    digits = 0 if size >= 100 else 1 if size >= 10 else 2
    mark = "" if estimate.is_distinguishable or estimate.low == estimate.high else " ?"
    interval = f"[{estimate.low:.{digits}f}, {estimate.high:.{digits}f}]"
    return f"{estimate.value:.{digits}f} {interval}{f' {unit}' if unit else ''}{mark}"


def _word(verdict: Verdict) -> str:
    word = "met" if verdict.is_met else "NOT met"
    return f"{word}, too close to be sure" if verdict.is_close else word


def _markdown_row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"
