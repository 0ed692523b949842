"""The embedded PostgreSQL: one cluster in one data folder, reached over a private Unix socket.

    with EmbeddedPostgres(default_data_dir()) as postgres:
        connection = psycopg.connect(postgres.url)

docs/decisions/0003-embedded-postgres.md gives the reasons.
"""

import fcntl
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Self
from urllib.parse import quote

import platformdirs
import psycopg

from costspan_collector.store.embedded_binaries import (
    STATE_ROOT,
    EmbeddedPostgresError,
    ServerUser,
    exclusive_lock,
    installed_folder,
    make_folder,
    open_lock_file,
    programs_folder,
    server_user,
    try_lock,
)

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError", "default_data_dir", "temporary_postgres"]

INITDB_TIMEOUT_S = 120.0
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
_SHORT_FOLDERS = Path("/tmp")  # noqa: S108  # TMPDIR may be too long for a socket, or closed to the server's user
_PREFIX = "costspan-postgres-"


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
        """`postgresql://` URL of the database, as its superuser, for libpq, psycopg and SQLAlchemy.

        It holds no secret: the kernel says who connects. Raises EmbeddedPostgresError when not started.
        """
        if self._socket_folder is None:
            raise EmbeddedPostgresError(f"the embedded PostgreSQL in {self.data_dir} is not started")
        return f"postgresql://costspan@/costspan?host={quote(os.fsencode(self._socket_folder))}&port=5432"

    def start(self) -> None:
        """Returns when the server answers; does nothing when this object has already started it.

        Raises EmbeddedPostgresError, with the last lines of the server's log where there is one.
        """
        if self._in_use is not None:
            return
        try:
            make_folder(self.data_dir, 0o700 if self._user.is_caller else 0o711)
            if not self._user.is_caller:
                self._user.require_entry(self.data_dir)
            with self._transition(), ExitStack() as undo:
                undo.callback(self._leave)
                self._in_use = open_lock_file(self.data_dir / "in-use.lock")
                self._attach_or_launch(alone=try_lock(self._in_use))
                fcntl.flock(self._in_use, fcntl.LOCK_SH)
                undo.pop_all()
        except (OSError, subprocess.SubprocessError, psycopg.Error) as error:
            raise EmbeddedPostgresError(f"cannot start PostgreSQL in {self.data_dir}: {error}") from error

    def stop(self) -> None:
        """Gives the server up and, unless another process uses it, shuts it down; harmless when not started.

        Raises EmbeddedPostgresError if the server does not end.
        """
        if self._in_use is None:
            return
        try:
            with self._transition():
                if try_lock(self._in_use):
                    self._shut_down("fast")
        finally:
            self._leave()

    def destroy(self) -> None:
        """Ends the server at once, whoever uses it, and deletes `data_dir`."""
        try:
            self._shut_down("immediate")
        finally:
            self._leave()
            _delete(self.data_dir)

    @cached_property
    def _user(self) -> ServerUser:
        return server_user()

    @cached_property
    def _programs(self) -> Path:
        return programs_folder(self._user, installed_folder(), self.data_dir)

    def _command(self, program: str, cluster: Path, *options: str) -> list[str | Path]:
        return [self._programs / program, "-D", cluster, *options]

    def _transition(self) -> AbstractContextManager[None]:
        return exclusive_lock(self.data_dir / "transition.lock", RECOVERY_TIMEOUT_S + 2 * STOP_TIMEOUT_S)

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
            self._launch()
            self._wait_until_ready()
        except BaseException:
            self._shut_down("immediate")
            raise

    def _create_cluster(self) -> None:
        unfinished = self.data_dir / "postgres.unfinished"
        _delete(unfinished)
        self._user.own_folder(unfinished)
        sync = [] if self._settings["fsync"] == "on" else ["--no-sync"]
        command = self._command("initdb", unfinished, *_INITDB_OPTIONS, *sync)
        status, written = self._user.run(command, self.data_dir, INITDB_TIMEOUT_S)
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
        place = {"port": "5432", "unix_socket_directories": f'"{quoted}"'} | self._write_access_rules()
        settings = [f"-c{name}={value}" for name, value in (self._settings | place).items()]
        command = self._command("postgres", self._cluster, *settings)
        with (self.data_dir / "startup.log").open("wb") as log:
            self._process = self._user.start(command, self.data_dir, log.fileno())

    def _new_socket_folder(self) -> Path:
        folder = self.data_dir / "run"
        if len(os.fsencode(folder / _SOCKET_NAME)) > SOCKET_PATH_BYTES:
            folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=_SHORT_FOLDERS)) / "run"
            folder.parent.chmod(0o711)
        return self._user.own_folder(folder)

    def _write_access_rules(self) -> dict[str, str]:
        """Only the user who starts the server and the one who runs it may connect (peer), as any role."""
        names = {pwd.getpwuid(os.geteuid()).pw_name, self._user.name}
        rules = {
            "hba_file": "local all all peer map=costspan\nlocal replication all peer map=costspan\n",
            "ident_file": "".join(f'costspan "{name}" all\n' for name in sorted(names)),
        }
        for name, text in rules.items():
            (self.data_dir / name).write_text(text)
            (self.data_dir / name).chmod(0o644)
        return {name: str(self.data_dir / name) for name in rules}

    def _wait_until_ready(self) -> None:
        started = time.monotonic()
        while problem := self._connection_problem():
            limit_s = RECOVERY_TIMEOUT_S if "the database system is" in problem else START_TIMEOUT_S
            ended = self._process is not None and self._process.poll() is not None
            if ended or time.monotonic() - started > limit_s:
                what = "ended" if ended else f"does not answer after {limit_s:.0f} s ({problem})"
                raise self._error(what)
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
        if folder is not None and folder.match(f"{_SHORT_FOLDERS}/{_PREFIX}*/run"):
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
        return folder is not None and _is_answered(folder / _SOCKET_NAME)

    def _recorded_socket_folder(self) -> Path | None:
        """Where the server that wrote postmaster.pid listens or listened; None if it never did."""
        with suppress(FileNotFoundError):
            lines = self._pid_file.read_bytes().splitlines()
            return Path(os.fsdecode(lines[4])) if lines[4:] and lines[4] else None
        return None


@contextmanager
def temporary_postgres(durable: bool = False) -> Iterator[EmbeddedPostgres]:
    """A throw-away cluster, started; afterwards its process and files are gone, whatever happened.

    What a killed process has left is deleted by the same user's next call.
    """
    parent = STATE_ROOT / "tmp" if os.geteuid() == 0 else Path(tempfile.gettempdir())
    make_folder(parent, 0o711)
    _delete_leftovers(parent)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    if os.geteuid() == 0:
        folder.chmod(0o711)
    owner = open_lock_file(folder / "owner.new")
    try_lock(owner)
    (folder / "owner.new").rename(folder / "owner.lock")  # so that nobody finds it unlocked while we live
    postgres = EmbeddedPostgres(folder, durable=durable)
    try:
        postgres.start()
        yield postgres
    finally:
        postgres.destroy()
        os.close(owner)


def _delete_leftovers(parent: Path) -> None:
    for folder in parent.glob(f"{_PREFIX}*"):
        with suppress(FileNotFoundError):
            if folder.lstat().st_uid == os.geteuid() and (folder / "owner.lock").exists():
                owner = open_lock_file(folder / "owner.lock")
                try:
                    if try_lock(owner):
                        EmbeddedPostgres(folder).destroy()
                finally:
                    os.close(owner)


def _delete(folder: Path) -> None:
    """Deletes a folder in which the last processes of a killed server may write for another moment."""
    for _ in range(100):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.05)
    shutil.rmtree(folder)


def _is_answered(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        try:
            client.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        except (BlockingIOError, TimeoutError):
            return True
    return True
