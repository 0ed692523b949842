"""Which recordings the golden test keeps: ``python -m tests.traffic.select FILE [--ids FILE]``.

Writes ``data/recordings.jsonl.gz`` and prints what was kept. The choice is a function of the recordings alone: every case
that is special, and the smallest few of each kind. A kind is who answered which method how: provider, API, streamed or
not, status, what the flags say, and which figures the usage held.
"""

import argparse
import dataclasses
import gzip
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tests.traffic.cases import RECORDINGS, Case, read

# Said of a recording's way into the file, not of what it shows.
_OF_THE_RECORDER = {
    "request_shrunk",
    "vectors_cut",
    "body_shrunk",
    "content_type_inferred",
    "request_synthetic",
    "fixture",
    "no_request",
    "handmade",
    "cache_control",
    "reasoning_requested",
    "file",
    "tools",
    "service_tier",
    "jsonl",
    "multipart",
}
_SPECIAL = {
    "cache_write",
    "usage_iterations",
    "tool_prompt_tokens",
    "audio",
    "image_out",
    "audio_out",
    "video",
    "multi_choice",
    "error_in_body",
    "background",
    "service_tier:priority",
    "service_tier:flex",
    "service_tier:provisioned_throughput",
}
_FIELDS = [field.name for field in dataclasses.fields(Case)]
_LARGEST_SPECIAL_BYTES = 60_000


def select(cases: Iterable[Case], most_of_a_kind: int, most_free_of_a_kind: int) -> list[Case]:
    """The cases to keep, in the order of ``cases``. Fewer are kept of kinds that nobody bills."""
    kinds: dict[Any, list[Case]] = defaultdict(list)
    for case in cases:
        if not _is_joined(case):
            kinds[_kind(case)].append(case)
    kept = set()
    for members in kinds.values():
        members.sort(key=lambda case: (len(case.response_body) + len(json.dumps(case.request_json)), case.id))
        is_free = "not_billable_call" in members[0].flags
        kept |= {case.id for case in members[: most_free_of_a_kind if is_free else most_of_a_kind]}
        kept |= {case.id for case in members if _is_special(case)}
    return [case for members in kinds.values() for case in members if case.id in kept]


def _is_joined(case: Case) -> bool:
    # A recorder that put two answers into one body: no provider ever sent that.
    return case.response_body.count("event: message_start") > 1


def _is_special(case: Case) -> bool:
    return bool(_SPECIAL & set(case.flags)) and len(case.response_body) < _LARGEST_SPECIAL_BYTES


def _kind(case: Case) -> tuple[Any, ...]:
    flags = frozenset(flag for flag in case.flags if flag not in _OF_THE_RECORDER)
    host = case.host if case.provider in ("azure", "ollama") else ""
    shape = frozenset(f"{entry['where']}:{name}" for entry in case.usage_raw for name in _names(entry["usage"]))
    family = (case.model_requested or "").split(".")[0] if case.api == "invoke_model" else ""
    return case.provider, host, case.api, case.method, case.streaming, case.status, flags, shape, family


def _names(usage: Any) -> Iterable[str]:
    """The names of the figures that are not zero."""
    if isinstance(usage, dict):
        for name, value in usage.items():
            inner = list(_names(value))
            yield from (f"{name}.{rest}" for rest in inner)
            if not inner and value:
                yield name


def write(cases: Sequence[Case], path: Path) -> None:
    """Write ``cases`` in the order of their ids; the same cases give the same bytes."""
    with path.open("wb") as raw, gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0, compresslevel=9) as packed:
        for case in sorted(cases, key=lambda case: case.id):
            line = json.dumps({name: getattr(case, name) for name in _FIELDS}, ensure_ascii=False)
            packed.write(line.encode("utf-8", "surrogatepass") + b"\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Select from the file that the arguments name."""
    parser = argparse.ArgumentParser(prog="python -m tests.traffic.select", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--ids", type=Path, help="a file that names the cases to choose from")
    parser.add_argument("--of-a-kind", type=int, default=2)
    parser.add_argument("--free-of-a-kind", type=int, default=1)
    options = parser.parse_args(arguments)
    ids = set(options.ids.read_text().split()) if options.ids else None
    cases = [case for case in read(options.file) if ids is None or case.id in ids]
    kept = select(cases, options.of_a_kind, options.free_of_a_kind)
    write(kept, RECORDINGS)
    for (provider, api), count in sorted(Counter((case.provider, case.api) for case in kept).items()):
        print(f"{provider:<18} {api:<24} {count:>4}")
    print(f"{len(kept)} of {len(cases)} cases, {RECORDINGS.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
