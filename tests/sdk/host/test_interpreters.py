"""Every client in interpreters that are set up in other ways: development mode, ``-O``, gevent, and at their end."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.sdk.doubles.collector import Collector
from tests.sdk.host.samples import FIRSTS, one_call
from tests.traffic.replay import Replay

_ROOT = Path(__file__).parents[3]


def drive(way: str, replay: Replay, collector: Collector, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run ``tests.sdk.host.drive`` in a fresh interpreter."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("COSTSPAN_", "OTEL_", "COV_"))}
    return subprocess.run(
        [sys.executable, *options, "-m", "tests.sdk.host.drive", replay.url, collector.url, way],
        env={**environment, "COSTSPAN_RAISE_INTERNAL_ERRORS": "1", **variables},
        cwd=_ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def _said(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


@pytest.mark.parametrize(
    ("options", "variables"),
    [(("-X", "dev"), {"PYTHONASYNCIODEBUG": "1"}), (("-O",), {})],
    ids=["development mode with asyncio's debug mode", "optimised"],
)
def test_every_client_is_the_same_in_an_interpreter_set_up_as(
    options: tuple[str, ...], variables: dict[str, str], replay: Replay, collector: Collector
) -> None:
    said = _said(drive("compare", replay, collector, *options, **variables))
    assert said == {"problems": [], "is_sent": True, "internal_errors": {}}
    modes = sum(mode in sample.driver.modes for sample in FIRSTS for mode in ("sync", "async"))
    assert len(collector.spans) == modes


def test_every_client_is_the_same_under_gevent(replay: Replay, collector: Collector) -> None:
    said = _said(drive("gevent", replay, collector))
    assert said == {"problems": [], "is_sent": True, "internal_errors": {}}
    calls = 4 * sum("sync" in sample.driver.modes for sample in FIRSTS)
    features = sorted(span.get("costspan.feature") for span in collector.spans)
    assert features == sorted(f"greenlet-{number}" for number in range(calls))


def test_streams_left_open_are_booked_and_the_process_ends_as_it_would(replay: Replay, collector: Collector) -> None:
    bare = drive("bare", replay, collector)
    observed = drive("open", replay, collector)
    assert observed.returncode == bare.returncode
    assert _plain(observed.stderr) == _plain(bare.stderr)
    assert observed.stdout == bare.stdout
    opened = [sample for sample in FIRSTS if sample.is_stream and one_call(sample) == "sync"]
    assert len(collector.spans) == len(opened)
    assert {span["costspan.usage.incomplete"] for span in collector.spans} == {True}
    assert {span.get("error.type") for span in collector.spans} == {None}


def _plain(text: str) -> str:
    return re.sub(r"0x[0-9a-f]+|\d+", "#", text)
