"""Servers that fork their workers: each process sends what it made, once, whether the workers end or are sent away."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.sdk.doubles.collector import Collector
from tests.sdk.doubles.provider import Provider, recording

_ROOT = Path(__file__).parents[2]
_REQUESTS = 24


@contextmanager
def gunicorn(provider: Provider, collector: Collector, *options: str) -> Iterator[str]:
    """A server of two workers. Gives its address; has ended, by the signal that asks for it, on leaving."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("COSTSPAN_", "OTEL_"))}
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "-w", "2", "-b", "127.0.0.1:0", *options, "tests.sdk.services.prefork:application"],
        env={**environment, "PROVIDER": provider.url, "COSTSPAN_ENDPOINT": collector.url, "COSTSPAN_RAISE_INTERNAL_ERRORS": "1"},
        cwd=_ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    said = []
    try:
        for line in process.stderr:
            said.append(line)
            if listening := re.search(r"Listening at: (http://\S+)", line):
                break
        else:
            raise AssertionError("".join(said))
        yield listening[1]
    finally:
        process.send_signal(signal.SIGTERM)
        _, rest = process.communicate(timeout=30)
    assert process.returncode == 0, rest
    assert "Traceback" not in "".join([*said, rest])


def ask(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=20) as answer:
        return bytes(answer.read())


@pytest.mark.parametrize(
    "options",
    [("--preload",), ("--preload", "-k", "gthread", "--threads", "4"), ("-k", "gevent")],
    ids=["sync workers", "threads", "gevent"],
)
def test_every_worker_sends_its_calls_once(options: tuple[str, ...], provider: Provider, collector: Collector) -> None:
    provider.say(recording("chat_cached").answer())
    with gunicorn(provider, collector, *options) as address:
        with ThreadPoolExecutor(4) as pool:
            workers = set(pool.map(ask, [f"{address}/feature-{number}" for number in range(_REQUESTS)]))
        deadline = time.monotonic() + 10
        while len(workers) < 2 and time.monotonic() < deadline:
            workers.add(ask(f"{address}/more"))
    assert len(workers) == 2
    parents = 1 if "--preload" in options else 2
    features = [span.get("costspan.feature") for span in collector.spans if span.get("costspan.feature") != "more"]
    expected = [f"feature-{number}" for number in range(_REQUESTS)] + ["before the fork"] * parents
    assert sorted(features) == sorted(expected)
    assert len({span.span_id for span in collector.spans}) == len(collector.spans)
    assert len(collector.spans) == len(provider.asked)
