"""`costspan demo` as a person runs it: real processes, real clients, the embedded Postgres."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
import urllib3

from costspan import money
from costspan_collector.demo.ledger import spend_by_feature, total
from costspan_collector.demo.processes import delete_folder
from costspan_collector.demo.product import plan
from costspan_collector.demo.trace import read_trace, sample

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

CALLS = 300
EXPECTED = spend_by_feature(plan(sample(read_trace(), CALLS)))

# An hour's bill that is wrong by the least that a call can cost.
WRONG_BOOKS = """
import sys
from decimal import Decimal
from costspan_collector.demo import run
from costspan_collector.demo.ledger import Spend
right = run.spend_by_feature
run.spend_by_feature = lambda calls: (b := right(calls)) | {"summarize": b["summarize"] + Spend(cost_usd=Decimal("1E-18"))}
sys.exit(run.run_demo(calls=300))
"""


class Demo:
    """The demo as a process, and all processes that it was seen to start."""

    def __init__(self, *arguments: str, code: str | None, environment: dict[str, str]) -> None:
        command = ["-c", code] if code is not None else ["-m", "costspan_collector", "demo"]
        self.process = subprocess.Popen(
            [sys.executable, *command, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=os.environ | {"PYTHONUNBUFFERED": "1", "COLUMNS": "80"} | environment,
        )
        self.output = ""
        self.started: set[psutil.Process] = set()

    def read_until(self, text: str) -> None:
        assert self.process.stdout is not None
        while text not in self.output:
            line = self.process.stdout.readline()
            assert line, f"the demo ended without {text!r}:\n{self.output}"
            self.output += line
            self.look()

    def look(self) -> None:
        with suppress(psutil.NoSuchProcess):
            self.started.update(psutil.Process(self.process.pid).children(recursive=True))

    @property
    def collector(self) -> psutil.Process:
        for process in self.started:
            with suppress(psutil.NoSuchProcess):
                if "--data" in process.cmdline():
                    return process
        raise AssertionError(f"the collector was not seen:\n{self.output}")

    @property
    def folder(self) -> Path:
        words = self.collector.cmdline()
        return Path(words[words.index("--data") + 1]).parent

    def end(self) -> int:
        rest, _ = self.process.communicate(timeout=120)
        self.output += rest
        return self.process.returncode

    def left_running(self) -> list[psutil.Process]:
        _, alive = psutil.wait_procs(self.started, timeout=5)
        return alive


@contextmanager
def demo(*arguments: str, code: str | None = None, **environment: str) -> Iterator[Demo]:
    running = Demo(*arguments, code=code, environment=environment)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.terminate()
            running.end()


# None of this may reach the demo's clients, SDK or collector.
FOREIGN = {
    "COSTSPAN_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nowhere",
    "COSTSPAN_ENDPOINT": "http://127.0.0.1:1",
    "OTEL_SDK_DISABLED": "true",
    "OPENAI_BASE_URL": "http://127.0.0.1:1",
    "ANTHROPIC_BASE_URL": "http://127.0.0.1:1",
    "HTTP_PROXY": "http://127.0.0.1:1",
    "http_proxy": "http://127.0.0.1:1",
    "ALL_PROXY": "http://127.0.0.1:1",
}


def test_the_whole_way() -> None:
    with demo("--calls", str(CALLS), **FOREIGN) as run:
        run.read_until("The collector serves")
        folder = run.folder
        status = run.end()
    assert status == 0, run.output
    assert not folder.exists()
    assert run.left_running() == []
    for feature, spend in EXPECTED.items():
        (row,) = re.findall(rf"^{feature} .*$", run.output, re.MULTILINE)
        assert row.split()[1:5] == [
            f"{spend.calls:,}",
            f"{spend.input_tokens:,}",
            f"{spend.output_tokens:,}",
            money.text(spend.cost_usd),
        ]
    (row,) = re.findall(r"^total .*$", run.output, re.MULTILINE)
    assert row.split()[4] == money.text(total(EXPECTED).cost_usd)
    assert "equal to the last digit, by feature and in total" in run.output
    assert re.findall(r"(\d+)% reached, delivered \d+\.\d\d s after the call that did it", run.output) == ["50", "80", "100"]
    assert "FAILED" not in run.output
    assert max(map(len, run.output.splitlines())) < 300
    assert "\x1b[" not in run.output


def test_wrong_books_fail_loudly() -> None:
    with demo(code=WRONG_BOOKS) as run:
        run.read_until("The collector serves")
        status = run.end()
    assert status == 1, run.output
    found = money.text(EXPECTED["summarize"].cost_usd)
    assert "CHECK FAILED: the collector's books are not what was replayed" in run.output
    assert re.search(rf"summarize, cost_usd: expected {found}0*1, found {found}\b", run.output)
    assert "equal to the last digit" not in run.output
    assert run.left_running() == []


def test_keep_leaves_the_collector_and_says_how_to_end_it() -> None:
    with demo("--calls", "100", "--keep") as run:
        assert run.end() == 0, run.output
    (page,) = re.findall(r"^The page: (http://127\.0\.0\.1:\d+/)$", run.output, re.MULTILINE)
    ((pid, folder),) = re.findall(r"^Stop it: kill (\d+); then delete its data: rm -r (\S+)$", run.output, re.MULTILINE)
    collector = psutil.Process(int(pid))
    processes = [collector, *collector.children(recursive=True)]
    try:
        with urllib3.PoolManager(retries=False) as pool:
            spend = pool.request("GET", f"{page}api/v1/spend", fields={"group_by": "feature"}).json()
        assert spend["totals"]["calls"] == 100
        collector.terminate()
        _, alive = psutil.wait_procs(processes, timeout=30)
        assert alive == []
        assert Path(folder).is_dir()
    finally:
        with suppress(psutil.NoSuchProcess):
            collector.kill()
        delete_folder(Path(folder))


@pytest.mark.parametrize(
    ("step", "number"),
    [
        ("costspan demo", signal.SIGINT),
        ("A local provider", signal.SIGTERM),
        ("The collector serves", signal.SIGHUP),
        ("Replaying", signal.SIGINT),
    ],
)
def test_an_interrupt_leaves_nothing_behind(step: str, number: signal.Signals) -> None:
    with demo("--calls", "28185") as run:
        run.read_until(step)
        time.sleep(0.2)
        run.look()
        folder = run.folder
        run.process.send_signal(number)
        assert run.end() == 130, run.output
    assert "interrupted; nothing is left running" in run.output
    assert run.left_running() == []
    assert not folder.exists()


def test_a_collector_that_dies_is_said_and_nothing_is_left() -> None:
    with demo("--calls", "5000") as run:
        run.read_until("Replaying")
        folder = run.folder
        run.collector.kill()
        assert run.end() == 2, run.output
    assert "the demo could not run: the collector ended with status -9" in run.output
    assert run.left_running() == []
    assert not folder.exists()


def test_a_port_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with demo("--calls", "100", "--port", str(port)) as run:
            assert run.end() == 2, run.output
    assert f"port: cannot listen on 127.0.0.1:{port}" in run.output
    assert run.left_running() == []


def test_a_count_that_is_not_possible_is_refused() -> None:
    code = "import sys; from costspan_collector.demo.run import run_demo; sys.exit(run_demo(calls=99))"
    with demo(code=code) as run:
        assert run.end() == 2
    assert "calls: 99 is not between 100 and 28185" in run.output
