"""The collector as a process of its own, which can be killed."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from costspan_collector.store.embedded import EmbeddedPostgres


@contextmanager
def data_folder() -> Iterator[Path]:
    """A throw-away data folder that the embedded Postgres can use; its server is surely gone afterwards."""
    parent = Path("/var/lib/costspan/tmp") if os.geteuid() == 0 else Path(tempfile.gettempdir())
    parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="costspan-test-", dir=parent))
    if os.geteuid() == 0:
        folder.chmod(0o711)
    try:
        yield folder
    finally:
        EmbeddedPostgres(folder).destroy()
        shutil.rmtree(folder, ignore_errors=True)


class CollectorProcess:
    """``costspan up`` on a data folder."""

    def __init__(self, data: Path, port: int = 0) -> None:
        command = [sys.executable, "-m", "costspan_collector", "up", "--port", str(port), "--data", str(data)]
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("COSTSPAN_", "PG"))}
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)
        self.lines: list[str] = []
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(line)
            if match := re.search(r"serves on (http://\S+)", line):
                self.url = match.group(1)
                return
        raise AssertionError(f"the collector did not start: {''.join(self.lines)}")

    def kill(self) -> None:
        """SIGKILL: nothing is flushed, nothing is told to anyone."""
        self._process.send_signal(signal.SIGKILL)
        self._process.communicate(timeout=20)

    def stop(self, within_s: float = 30) -> int:
        """SIGTERM; the exit code."""
        self._process.send_signal(signal.SIGTERM)
        output, _ = self._process.communicate(timeout=within_s)
        self.lines.append(output or "")
        return self._process.returncode
