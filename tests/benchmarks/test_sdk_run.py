"""The whole benchmark, without peers and with too few rounds to decide anything."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_a_quick_run_measures_prints_and_writes(tmp_path: Path) -> None:
    page, figures = tmp_path / "pages" / "sdk.md", tmp_path / "sdk.json"
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.sdk", "--here", "--quick", "--no-check", "--json", figures, "--page", page],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "\x1b[" not in done.stdout
    found = json.loads(figures.read_text())
    assert found["spans_seen"]["costspan"] > 0
    assert {len(found["samples"][name]["sync"]) for name in ("bare", "costspan")} == {3}
    assert next(v for v in found["verdicts"] if v["title"] == "calls dropped")["is_met"]
    for text in (done.stdout, page.read_text()):
        assert "plain call" in text
        assert "costspan 0.1.0" in text


def test_an_unknown_peer_is_refused_by_name() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.sdk", "--peers", "logfire,lens"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "'lens' is no peer; give all, none, or some of openllmetry, openinference" in done.stderr
