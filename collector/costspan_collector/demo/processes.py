"""The processes and the folder that the demo makes, and that they are gone when it ends, however it ends."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from costspan_collector.store.embedded import EmbeddedPostgres
from costspan_collector.store.embedded_binaries import STATE_ROOT, make_folder

STOP_TIMEOUT_S = 30.0
POLL_S = 0.05

# Settings that would lead the demo's clients, SDK or collector elsewhere than to this demo's own servers.
_FOREIGN_PREFIXES = ("COSTSPAN_", "OTEL_", "OPENAI_", "ANTHROPIC_")
_FOREIGN_NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
_INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class DemoError(Exception):
    """The demo cannot run; the message says why."""


class Child:
    """A Python module run as a process in a session of its own, so that an interrupt of the terminal is ours to pass on.

    Its output goes to ``log``. ``stdin_open`` keeps its standard input open as long as this process lives.
    """

    def __init__(self, name: str, arguments: Sequence[str], log: Path, *, stdin_open: bool = False) -> None:
        self.name = name
        self.log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                stdin=subprocess.PIPE if stdin_open else subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def wait_until(self, ready: Callable[[], bool], timeout_s: float) -> None:
        """Return when ``ready()``. Raises DemoError with the end of its log if it ends before or ``timeout_s`` pass."""
        deadline = time.monotonic() + timeout_s
        while not ready():
            self.require_alive()
            if time.monotonic() > deadline:
                raise DemoError(f"{self.name} is not ready after {timeout_s:.0f} s{self._log_end()}")
            time.sleep(POLL_S)
        self.require_alive()

    def require_alive(self) -> None:
        """Raises DemoError with the end of its log if it has ended."""
        if (status := self._process.poll()) is not None:
            raise DemoError(f"{self.name} ended with status {status}{self._log_end()}")

    def stop(self) -> None:
        """End it: SIGTERM, and SIGKILL to its whole session if it does not end."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(STOP_TIMEOUT_S)

    def _log_end(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-20:]
        return f"; the end of {self.log.name}:\n" + "\n".join(lines) if lines else f"; its {self.log.name} is empty"


def new_folder() -> Path:
    """A new folder for the demo's logs and the collector's data, which the server of the database can enter."""
    is_root = os.geteuid() == 0
    parent = STATE_ROOT / "tmp" if is_root else Path(tempfile.gettempdir())
    try:
        make_folder(parent, 0o711)
        folder = Path(tempfile.mkdtemp(prefix="costspan-demo-", dir=parent))
    except OSError as error:
        raise DemoError(f"cannot make a folder in {parent}: {error}") from error
    if is_root:
        folder.chmod(0o711)
    return folder


def collector_data(folder: Path) -> Path:
    """Where in the demo's ``folder`` the collector keeps its data."""
    return folder / "data"


def delete_folder(folder: Path) -> None:
    """Delete the demo's ``folder``; a database server that still runs in it is ended first."""
    if collector_data(folder).exists():
        EmbeddedPostgres(collector_data(folder)).destroy()
    shutil.rmtree(folder, ignore_errors=True)


def free_port(wanted: int) -> int:
    """``wanted`` if nothing listens there, or for 0 a port where nothing does. Raises DemoError if ``wanted`` is taken."""
    try:
        with socket.create_server(("127.0.0.1", wanted)) as listener:
            return int(listener.getsockname()[1])
    except (OSError, OverflowError) as error:
        raise DemoError(f"port: cannot listen on 127.0.0.1:{wanted}: {error}; choose another or 0 for a free one") from error


@contextmanager
def own_environment() -> Iterator[None]:
    """In the body, this process and those it starts see no settings of costspan, OpenTelemetry, clients or proxies."""
    foreign = {
        name: value for name, value in os.environ.items() if name.startswith(_FOREIGN_PREFIXES) or name.upper() in _FOREIGN_NAMES
    }
    for name in foreign:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(foreign)


@contextmanager
def interruptible(received: list[int]) -> Iterator[None]:
    """In the body, SIGTERM and SIGHUP raise KeyboardInterrupt as SIGINT does, so that clean-up runs.

    The signal's number is appended to ``received``.
    """

    def interrupt(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        raise KeyboardInterrupt

    with _handlers(interrupt):
        yield


@contextmanager
def uninterrupted() -> Iterator[None]:
    """The body runs to its end; an interrupt that came meanwhile is then raised. For what must not stay half done."""
    received: list[int] = []
    with _handlers(lambda number, _frame: received.append(number)):
        yield
    if received:
        raise KeyboardInterrupt


@contextmanager
def _handlers(handler: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # A signal that is ignored from outside (nohup) stays ignored.
    replaced = {each: signal.signal(each, handler) for each in _INTERRUPTS if signal.getsignal(each) != signal.SIG_IGN}
    try:
        yield
    finally:
        for each, previous in replaced.items():
            signal.signal(each, previous)
