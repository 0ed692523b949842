"""The processes that the benchmark runs: workers in their environments, and the servers beside them."""

import json
import os
import select
import subprocess
import sys
import urllib.request
from types import TracebackType
from typing import Self

from benchmarks.sdk.environments import ROOT, Environment
from benchmarks.sdk.subjects import Subject

_KEPT_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")
_STOP_TIMEOUT_S = 20
_START_TIMEOUT_S = 60
_ANSWER_TIMEOUT_S = 90


class ChildFailedError(Exception):
    """A child process ended, or sent what it should not; the text says which and why."""


class _Child:
    def __init__(self, command: list[str], variables: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=variables,
            cwd=ROOT,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def line(self) -> str:
        """The next line that the child writes. Raises ChildFailedError if it ends instead, or says nothing for long."""
        assert self._process.stdout is not None
        # Lines come one at a time, as answers, so that none can wait unseen in the buffer.
        if not select.select([self._process.stdout], [], [], _ANSWER_TIMEOUT_S)[0]:
            self._process.kill()
            raise ChildFailedError(f"{self}: said nothing for {_ANSWER_TIMEOUT_S} s")
        if not (line := self._process.stdout.readline()):
            raise ChildFailedError(f"{self}: ended with status {self._process.wait(_STOP_TIMEOUT_S)} without an answer")
        return line


class Servers(_Child):
    """The sink and the provider, on one port of loopback."""

    def __init__(self) -> None:
        super().__init__([sys.executable, "-m", "benchmarks.sdk.servers"], dict(os.environ))
        self.url = f"http://127.0.0.1:{int(self.line())}"

    def __str__(self) -> str:
        return "the servers of the benchmark"

    def sink_of(self, subject: Subject) -> str:
        """Where ``subject`` is to send its spans."""
        return f"{self.url}/{subject.name}"

    def spans_of(self, subject: Subject) -> int:
        """How many spans came from ``subject`` in the first bodies that it sent."""
        with urllib.request.urlopen(self.sink_of(subject), timeout=_STOP_TIMEOUT_S) as answer:  # noqa: S310 - loopback
            return int(json.load(answer)["spans"])


class Worker(_Child):
    """A process that measures one subject on command."""

    def __init__(self, subject: Subject, environment: Environment, servers: Servers) -> None:
        self._subject = subject
        super().__init__(_command(subject, environment, servers, servers.url), _variables(subject, servers))

    def __str__(self) -> str:
        return self._subject.title

    def measure(self, name: str, count: int) -> dict[str, float]:
        """What ``worker.Worker.measure`` says. Raises ChildFailedError if the process has ended."""
        assert self._process.stdin is not None
        try:
            print(json.dumps({"measure": name, "count": count}), file=self._process.stdin, flush=True)
        except BrokenPipeError as error:
            raise ChildFailedError(f"{self}: ended with status {self._process.wait(_STOP_TIMEOUT_S)}") from error
        answer: dict[str, float] = json.loads(self.line())
        return answer


def start_cost(subject: Subject, environment: Environment, servers: Servers) -> dict[str, float]:
    """What ``worker.start_cost`` says in a fresh process. Raises ChildFailedError if that does not end well."""
    command, variables = _command(subject, environment, servers, ""), _variables(subject, servers)
    try:
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=_START_TIMEOUT_S, env=variables, cwd=ROOT
        )
    except subprocess.TimeoutExpired as error:
        raise ChildFailedError(f"{subject.title}: made and sent no call within {_START_TIMEOUT_S} s") from error
    if done.returncode != 0 or not done.stdout:
        last = done.stderr.strip().splitlines()[-1:] or ["without a word"]
        raise ChildFailedError(f"{subject.title}: ended with status {done.returncode}: {last[0]}")
    cost: dict[str, float] = json.loads(done.stdout)
    return cost


def _command(subject: Subject, environment: Environment, servers: Servers, server_url: str) -> list[str]:
    python = str(environment.python)
    return [python, "-m", "benchmarks.sdk.worker", subject.name, servers.sink_of(subject), server_url]


def _variables(subject: Subject, servers: Servers) -> dict[str, str]:
    # What is set where the benchmark runs must not configure what it measures.
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    return kept | {name: value.format(sink=servers.sink_of(subject)) for name, value in subject.variables.items()}
