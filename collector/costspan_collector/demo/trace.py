"""The trace: one hour of requests of two production services, with their times and token counts.

Data and credit: ``examples/data/README.md``.
"""

import csv
import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from costspan_collector.bundled import bundled

Service = Literal["code", "conversation"]

_FILES: tuple[tuple[Service, str], ...] = (
    ("code", "azure_llm_2023_code.csv.gz"),
    ("conversation", "azure_llm_2023_conv.csv.gz"),
)


@dataclass(frozen=True, slots=True)
class TraceRow:
    """One request. ``index`` is its position in the whole trace by time, ``offset_s`` the seconds since the first."""

    index: int
    offset_s: float
    service: Service
    input_tokens: int
    output_tokens: int


def data_folder() -> Path:
    """The folder of the trace's files: inside an installed wheel, else at the top of the checkout.

    Raises FileNotFoundError if it or one of the files is missing.
    """
    folder = bundled("data")
    for _, name in _FILES:
        if not (folder / name).is_file():
            raise FileNotFoundError(f"the trace {name} is missing from {folder}")
    return folder


def read_trace(folder: Path | None = None) -> tuple[TraceRow, ...]:
    """All rows of the trace in ``folder`` (``data_folder()`` if None) by time, rows of one moment in file order."""
    source = data_folder() if folder is None else folder
    requests = [request for service, name in _FILES for request in _read_file(source / name, service)]
    requests.sort(key=lambda request: request[0])
    first = requests[0][0]
    return tuple(
        TraceRow(index, (when - first).total_seconds(), service, input_tokens, output_tokens)
        for index, (when, service, input_tokens, output_tokens) in enumerate(requests)
    )


def sample(rows: Sequence[TraceRow], count: int) -> tuple[TraceRow, ...]:
    """``count`` of ``rows``, evenly spread over the whole time and over the services in proportion, by time.

    The same arguments give the same rows. Raises ValueError if ``count`` is not between 1 and the number of rows.
    """
    if not 1 <= count <= len(rows):
        raise ValueError(f"calls: {count} is not between 1 and {len(rows)}, the number of rows of the trace")
    by_service = [[row for row in rows if row.service == service] for service, _ in _FILES]
    code_count = round(count * len(by_service[0]) / len(rows))
    chosen = [*_spread(by_service[0], code_count), *_spread(by_service[1], count - code_count)]
    return tuple(sorted(chosen, key=lambda row: row.index))


def _spread(rows: Sequence[TraceRow], count: int) -> list[TraceRow]:
    return [rows[number * len(rows) // count] for number in range(count)]


def _read_file(path: Path, service: Service) -> list[tuple[datetime, Service, int, int]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        return [
            # The seventh decimal of a second is beyond datetime.
            (datetime.fromisoformat(row["TIMESTAMP"][:26]), service, int(row["ContextTokens"]), int(row["GeneratedTokens"]))
            for row in csv.DictReader(lines)
        ]
