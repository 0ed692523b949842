"""What the collector's calls say of each feature: a table for the terminal, a page for the docs."""

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Any

from costspan import money
from costspan.pricing import RateCard
from tests.real.questions import QUESTIONS
from tests.real.self_hosted import cost_of, one_at_a_time, tokens_per_s
from tests.real.server import ModelServer

_COLUMNS = ("feature", "calls", "tokens in", "tokens out", "tokens/s", "p50 latency", "accuracy", "cost", "cost per right answer")
_PAGE = """# A real model, end to end

Written by `make test-real ARGS=--write-page`; not edited by hand.

- date: {date}
- machine: {machine}; the model, the application and the collector share it
- other work on it: a load average of {load_before:.1f} when the run began
- model: {server.weights}, threads of its server: {server.threads} ({packages})

{table}

Half of the calls are streamed. This server reports no usage in a stream, even when asked: those calls are booked, their
usage is missing, and they are `unpriced` with the reason `no_usage`. Tokens, cost and cost per right answer are of the
plain calls; tokens per second and latency are of those made one at a time. Accuracy is of all calls, as `costspan.check`
labelled them. Calls, tokens, times and labels are the collector's; price and cost are worked out from them by
`costspan.pricing`, from an assumed price of the machine's hour (`--usd-per-hour`):

{arithmetic}
"""


def table(rows: Sequence[Any], card: RateCard) -> list[Sequence[str]]:
    """The table's lines: its head, one for each feature, one for all."""
    by_feature = {feature: [row for row in rows if row["feature"] == feature] for feature in QUESTIONS}
    return [_COLUMNS, *(_line(feature, own, card) for feature, own in by_feature.items()), _line("all", rows, card)]


def _line(name: str, rows: Sequence[Any], card: RateCard) -> Sequence[str]:
    known = [row for row in rows if row["usage"]]
    right = sum(row["correct"] is True for row in rows)
    labelled = sum(row["correct"] is not None for row in rows)
    right_of_known = sum(row["correct"] is True for row in known)
    alone = one_at_a_time(rows)
    cost = cost_of(rows, card).amount
    assert cost is not None
    return (
        name,
        str(len(rows)),
        str(sum(row["input_tokens"] for row in known)),
        str(sum(row["output_tokens"] for row in known)),
        str(tokens_per_s(alone)[2]),
        f"{median(Decimal(row['duration_ms']) for row in alone):.0f} ms",
        f"{right} of {labelled}",
        f"${money.text(cost)} + {len(rows) - len(known)} calls without usage",
        f"${cost / right_of_known:.9f}" if right_of_known else "no right answer",
    )


def as_text(lines: Sequence[Sequence[str]]) -> str:
    """The table for a terminal."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines)


def page(lines: Sequence[Sequence[str]], arithmetic: Sequence[str], server: ModelServer, load_before: float) -> str:
    """The page as this run found it, with the day and the machine."""
    head, *body = (f"| {' | '.join(line)} |" for line in lines)
    return _PAGE.format(
        date=datetime.now(UTC).date().isoformat(),
        machine=_machine(),
        load_before=load_before,
        server=server,
        packages=", ".join(f"{name} {version}" for name, version in server.versions.items()),
        table="\n".join((head, f"|{'---|' * len(_COLUMNS)}", *body)),
        arithmetic="\n".join(f"    {line}" for line in arithmetic),
    )


def _machine() -> str:
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} CPU cores ({_processor()}), {memory_gib:.0f} GiB of memory, {platform.system()}"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
