"""The embedded PostgreSQL, reached over a private Unix socket; docs/decisions/0003-embedded-postgres.md says why."""

import fcntl
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack, suppress
from functools import cached_property
from pathlib import Path
from typing import Self
from urllib.parse import quote

import platformdirs
import psycopg

from costspan_collector.store import embedded_binaries as binaries
from costspan_collector.store.embedded_binaries import STATE_ROOT, EmbeddedPostgresError, ServerUser

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError", "default_data_dir"]

START_TIMEOUT_S = 60.0
RECOVERY_TIMEOUT_S = 900.0
STOP_TIMEOUT_S = 30.0
SOCKET_PATH_BYTES = 103  # macOS; Linux allows 107

_INITDB_OPTIONS = [
    *("--username=costspan", "--auth-local=peer", "--auth-host=reject", "--no-instructions"),
    *("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
]
_SETTINGS = {
    "listen_addresses": "",
    "shared_buffers": "256MB",
    "max_connections": "50",
    "max_wal_size": "1GB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "on",
    "log_filename": "postgresql-%a.log",
    "log_truncate_on_rotation": "on",
}
_DURABILITY = ("fsync", "synchronous_commit", "full_page_writes")
_OWN_SETTINGS = {"data_directory", "hba_file", "ident_file", "port", "unix_socket_directories"}
_SOCKET_NAME = ".s.PGSQL.5432"
_REMAINS = "pre-existing shared memory block"
_SHORT_FOLDERS = Path("/tmp")  # noqa: S108  # TMPDIR may be too long for a socket, or closed to the server's user
PREFIX = "costspan-postgres-"


def default_data_dir() -> Path:
    """The data folder of the collector: below /var/lib/costspan as root, else the user's data folder."""
    return STATE_ROOT / "data" if os.geteuid() == 0 else Path(platformdirs.user_data_dir("costspan"))


class EmbeddedPostgres:
    """A PostgreSQL cluster in `data_dir`, created at the first start.

    All processes that have started it and not yet stopped it use one server; the last to stop shuts it down.
    A server left behind by a killed process is shut down and started anew by the next one. `durable=False`
    switches off fsync, synchronous_commit and full_page_writes: for data that may be lost. `settings` are
    further settings of a server this object starts; ValueError for one that says where it lives.
    """

    def __init__(self, data_dir: Path, *, durable: bool = True, settings: Mapping[str, str] | None = None) -> None:
        refused = sorted(_OWN_SETTINGS.intersection(settings or {}))
        if refused:
            raise ValueError(f"settings: {', '.join(refused)} cannot be set for the embedded PostgreSQL")
        self.data_dir = Path(data_dir).resolve()
        durability = dict.fromkeys(_DURABILITY, "on" if durable else "off")
        self._settings = _SETTINGS | durability | dict(settings or {})
        self._cluster = self.data_dir / "postgres"
        self._pid_file = self._cluster / "postmaster.pid"
        self._process: subprocess.Popen[bytes] | None = None
        self._in_use: int | None = None
        self._socket_folder: Path | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """URL for libpq, psycopg and SQLAlchemy, without a secret. Raises EmbeddedPostgresError when not started."""
        if self._socket_folder is None:
            raise EmbeddedPostgresError(f"the embedded PostgreSQL in {self.data_dir} is not started")
        return f"postgresql://costspan@/costspan?host={quote(os.fsencode(self._socket_folder))}&port=5432"

    def start(self) -> None:
        """Returns when the server answers. Raises EmbeddedPostgresError, with the end of the server's log if any."""
        if self._in_use is not None:
            return
        try:
            binaries.make_folder(self.data_dir, 0o700 if self._user.is_caller else 0o711)
            if not self._user.is_caller:
                self._user.require_entry(self.data_dir)
            with self._transition(), ExitStack() as undo:
                undo.callback(self._leave)
                self._in_use = binaries.open_lock_file(self.data_dir / "in-use.lock")
                self._attach_or_launch(alone=binaries.try_lock(self._in_use))
                fcntl.flock(self._in_use, fcntl.LOCK_SH)
                undo.pop_all()
        except (OSError, subprocess.SubprocessError, psycopg.Error) as error:
            raise EmbeddedPostgresError(f"cannot start PostgreSQL in {self.data_dir}: {error}") from error

    def stop(self) -> None:
        """Gives the server up; shuts it down unless another uses it. EmbeddedPostgresError if it does not end."""
        if self._in_use is None:
            return
        try:
            with self._transition():
                if binaries.try_lock(self._in_use):
                    self._shut_down("fast")
        finally:
            self._leave()

    def destroy(self) -> None:
        """Ends the server at once, whoever uses it, and deletes `data_dir`."""
        try:
            self._shut_down("immediate")
        finally:
            self._leave()
            binaries.delete_folder(self.data_dir)

    @cached_property
    def _user(self) -> ServerUser:
        return binaries.server_user()

    @cached_property
    def _programs(self) -> Path:
        return binaries.programs_folder(self._user, binaries.installed_folder(), self.data_dir)

    def _command(self, program: str, cluster: Path, *options: str) -> list[str | Path]:
        return [self._programs / program, "-D", cluster, *options]

    def _transition(self) -> AbstractContextManager[None]:
        return binaries.exclusive_lock(self.data_dir / "transition.lock", RECOVERY_TIMEOUT_S + 2 * STOP_TIMEOUT_S)

    def _leave(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.returncode = 0  # others use the server: its end is not ours to wait for
        if self._in_use is not None:
            os.close(self._in_use)
        self._process = self._in_use = self._socket_folder = None

    def _attach_or_launch(self, *, alone: bool) -> None:
        if alone:
            self._shut_down("fast")  # left by a killed process, perhaps with other settings or programs
        if self._is_running():
            self._socket_folder = self._recorded_socket_folder()
            self._wait_until_ready()
            return
        if not self._cluster.exists():
            self._create_cluster()
        try:
            self._launch_after_remains()
        except BaseException:
            self._shut_down("immediate")
            raise

    def _launch_after_remains(self) -> None:
        """Launches. A killed server's processes outlive it by a moment, within which no other starts in its place."""
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while True:
            try:
                self._launch()
                self._wait_until_ready()
            except EmbeddedPostgresError as error:
                if _REMAINS not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
            else:
                return

    def _create_cluster(self) -> None:
        unfinished = self.data_dir / "postgres.unfinished"
        binaries.delete_folder(unfinished)
        self._user.own_folder(unfinished)
        options = _INITDB_OPTIONS if self._settings["fsync"] == "on" else [*_INITDB_OPTIONS, "--no-sync"]
        command = self._command("initdb", unfinished, *options)
        status, written = self._user.run(command, self.data_dir, binaries.SETUP_TIMEOUT_S)
        if status != 0:
            raise EmbeddedPostgresError(f"initdb failed in {unfinished}: {written}")
        unfinished.rename(self._cluster)
        parent = os.open(self.data_dir, os.O_RDONLY)
        os.fsync(parent)
        os.close(parent)

    def _launch(self) -> None:
        self._user.own_folder(self._cluster)
        if self._recorded_socket_folder() is not None:
            self._pid_file.unlink()  # its process id may be another program's by now
        self._socket_folder = self._new_socket_folder()
        quoted = str(self._socket_folder).replace('"', '""')
        place = {"port": "5432", "unix_socket_directories": f'"{quoted}"'}
        for name, text in self._user.access_rules().items():
            place[name] = str(self.data_dir / name)
            Path(place[name]).write_text(text)
            Path(place[name]).chmod(0o644)
        settings = [f"-c{name}={value}" for name, value in (self._settings | place).items()]
        command = self._command("postgres", self._cluster, *settings)
        with (self.data_dir / "startup.log").open("wb") as log:
            self._process = self._user.start(command, self.data_dir, log.fileno())

    def _new_socket_folder(self) -> Path:
        folder = self.data_dir / "run"
        if len(os.fsencode(folder / _SOCKET_NAME)) > SOCKET_PATH_BYTES:
            folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=_SHORT_FOLDERS)) / "run"
            folder.parent.chmod(0o711)
        return self._user.own_folder(folder)

    def _wait_until_ready(self) -> None:
        started = time.monotonic()
        while problem := self._connection_problem():
            limit_s = RECOVERY_TIMEOUT_S if "the database system is" in problem else START_TIMEOUT_S
            ended = self._process is not None and self._process.poll() is not None
            if ended or time.monotonic() - started > limit_s:
                raise self._error("ended" if ended else f"does not answer after {limit_s:.0f} s ({problem})")
            time.sleep(0.02)

    def _connection_problem(self) -> str:
        """Why the server takes no connections; empty if it does, and then the database exists."""
        try:
            connection = psycopg.connect(self.url, dbname="postgres", autocommit=True, connect_timeout=5)
        except psycopg.OperationalError as error:
            return str(error)
        with connection:
            if self._settings["fsync"] == "on" and connection.execute("SHOW fsync").fetchone() != ("on",):
                raise EmbeddedPostgresError(f"{self.data_dir} is in use with durable=False: stop that first")
            if connection.execute("SELECT FROM pg_database WHERE datname = 'costspan'").fetchone() is None:
                connection.execute("CREATE DATABASE costspan")
        return ""

    def _error(self, what: str) -> EmbeddedPostgresError:
        logs = sorted((self._cluster / "log").glob("*.log"), key=lambda log: log.stat().st_mtime)[-1:]
        files = [log for log in (*logs, self.data_dir / "startup.log") if log.exists()]
        lines = [line for log in files for line in log.read_text(errors="replace").splitlines()[-15:]]
        return EmbeddedPostgresError("\n".join([f"PostgreSQL in {self.data_dir} {what}; its log:", *lines]))

    def _shut_down(self, mode: str) -> None:
        folder = self._recorded_socket_folder() or self._socket_folder
        for each in dict.fromkeys((mode, "immediate")):
            if self._is_running():
                command = self._command("pg_ctl", self._cluster, "stop", "--no-wait", f"--mode={each}")
                with suppress(FileNotFoundError):  # uninstalled meanwhile: our own server is killed below
                    self._user.run(command, self.data_dir, STOP_TIMEOUT_S)
                    self._await_end()
        if self._process is not None:
            self._process.kill()
            self._await_end()
        if self._is_running():
            raise self._error("does not stop")
        if folder is not None and folder.match(f"{_SHORT_FOLDERS}/{PREFIX}*/run"):
            shutil.rmtree(folder.parent, ignore_errors=True)

    def _await_end(self) -> None:
        """Ends when the server has deleted its pid file, its last act: later it would delete its successor's."""
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while self._is_running() or (self._process is None and self._pid_file.exists()):
            if time.monotonic() > deadline:
                return
            time.sleep(0.02)

    def _is_running(self) -> bool:
        if self._process is not None and self._process.poll() is None:
            return True
        folder = self._recorded_socket_folder()
        return folder is not None and binaries.is_answered(folder / _SOCKET_NAME)

    def _recorded_socket_folder(self) -> Path | None:
        """Where the server that wrote postmaster.pid listens or listened; None if it never did."""
        with suppress(FileNotFoundError):
            lines = self._pid_file.read_bytes().splitlines()
            return Path(os.fsdecode(lines[4])) if lines[4:] and lines[4] else None
        return None
