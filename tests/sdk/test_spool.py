"""The spool itself: its files, its order, its bounds, who owns what in it, and what a disk can do to it."""

import os
import resource
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costspan import _spool, _spool_folder
from costspan._export import Batch
from costspan._guard import Counters
from costspan._settings import Settings
from costspan._spool import Spool
from costspan._spool_file import SpoolName, collector_key, pack, parse_name, unpack
from costspan._spool_folder import SpoolFolder

ENDPOINT = "http://collector.example:4318"
batches = st.builds(Batch, st.sampled_from(["/v1/traces", "/v1/logs"]), st.binary(max_size=9000), st.integers(1, 500))


def make(folder: Path, size_bytes: int = 10**6, **options: Any) -> tuple[Spool, Counters]:
    dropped = Counters()
    return Spool(folder, Settings(**{"endpoint": ENDPOINT, "spool_size_bytes": size_bytes, **options}), dropped), dropped


def written(spool: Spool, *bodies: bytes) -> list[SpoolName]:
    names = [spool.write(Batch("/v1/traces", body, 2)) for body in bodies]
    assert None not in names, spool.refusal
    return [name for name in names if name is not None]


def bodies(spool: Spool, names: list[SpoolName]) -> list[bytes]:
    found = [spool.read(name) for name in names]
    assert None not in found
    return [batch.body for batch in found if batch is not None]


def bytes_on_disk(folder: Path) -> int:
    """Of the batches; the account and the locks take one block more."""
    return sum(file.stat().st_blocks * 512 for file in folder.iterdir() if parse_name(file.name))


# --- the file ---


@given(batches)
def test_a_batch_comes_back_exactly_and_only_for_its_collector(batch: Batch) -> None:
    content = pack(batch, ENDPOINT)
    assert unpack(content, ENDPOINT) == batch
    assert unpack(content, "http://other.example") is None


@given(batches, st.data())
def test_a_file_cut_short_or_changed_anywhere_is_none(batch: Batch, data: st.DataObject) -> None:
    content = pack(batch, ENDPOINT)
    assert unpack(content[: data.draw(st.integers(0, len(content) - 1))], ENDPOINT) is None
    assert unpack(content + data.draw(st.binary(min_size=1)), ENDPOINT) is None
    changed = bytearray(content)
    changed[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    assert unpack(bytes(changed), ENDPOINT) is None


@given(st.binary())
def test_garbage_is_none(content: bytes) -> None:
    assert unpack(content, ENDPOINT) is None


@given(st.integers(0, 9 * 10**18), st.integers(1, 999_999_999), st.integers(0, 9 * 10**18))
def test_names_come_back_and_sort_by_time(time_ns: int, count: int, other_ns: int) -> None:
    one = SpoolName("0" * 16, time_ns, "a" * 32, count)
    assert parse_name(one.complete()) == parse_name(one.half_written()) == one
    other = one._replace(time_ns=other_ns)
    assert (one.complete() < other.complete()) == (time_ns < other_ns)
    assert parse_name(one.complete() + "x") is None


# --- order and bounds ---

steps = st.lists(st.sampled_from(["write", "write", "write", "send", "restart"]) | st.integers(0, 14_000), max_size=40)


@settings(deadline=None)
@given(steps, st.integers(1, 8))
def test_first_in_first_out_within_the_bound_over_restarts(script: list[str | int], blocks: int) -> None:
    """Against a model: a queue, and 4 KiB for each block begun."""
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent, "spool")
        spool, dropped = make(folder, blocks * 4096)
        names: deque[SpoolName] = deque()
        model: deque[bytes] = deque()
        size = 100
        for number, step in enumerate(script):
            if isinstance(step, int):
                size = step
            elif step == "write":
                batch = Batch("/v1/traces", number.to_bytes(2, "big") + os.urandom(size), 2)
                taken_blocks = sum(-(-len(pack(Batch("/v1/traces", body, 2), ENDPOINT)) // 4096) for body in model)
                fits = taken_blocks + -(-len(pack(batch, ENDPOINT)) // 4096) <= blocks
                name = spool.write(batch)
                assert (name is not None) == fits
                assert spool.refusal == ("" if fits else "spool_full")
                if name is not None:
                    names.append(name)
                    model.append(batch.body)
            elif step == "send" and names:
                assert bodies(spool, [names[0]]) == [model[0]]
                spool.delete(names.popleft())
                model.popleft()
            elif step == "restart":
                spool.release()
                spool, dropped = make(folder, blocks * 4096)
                names = deque(spool.take_over())
            assert not folder.exists() or bytes_on_disk(folder) <= blocks * 4096
        assert bodies(spool, list(names)) == list(model)
        assert dropped.all() == {}


def test_the_bound_is_that_of_the_folder_whoever_writes(tmp_path: Path) -> None:
    one, _ = make(tmp_path, 3 * 4096)
    other, _ = make(tmp_path, 3 * 4096, endpoint="http://other.example")
    written(one, b"1", b"2")
    written(other, b"3")
    assert one.write(Batch("/v1/traces", b"4", 1)) is None
    assert other.write(Batch("/v1/traces", b"5", 1)) is None
    assert (one.refusal, other.refusal) == ("spool_full", "spool_full")


@pytest.mark.parametrize("account", [b"", b"garbage", b"00000000000000000001x", b"99999999999999999999", None])
def test_a_wrong_account_of_the_folder_is_mended(account: bytes | None, tmp_path: Path) -> None:
    written(make(tmp_path, 3 * 4096)[0], b"1", b"2")
    if account is None:
        (tmp_path / "account.lock").unlink()
    else:
        (tmp_path / "account.lock").write_bytes(account)
    spool, _ = make(tmp_path, 3 * 4096)
    written(spool, b"3")
    assert spool.write(Batch("/v1/traces", b"4", 1)) is None
    assert spool.refusal == "spool_full"


def test_room_made_by_hand_is_found(tmp_path: Path) -> None:
    spool, _ = make(tmp_path, 2 * 4096)
    names = written(spool, b"1", b"2")
    (tmp_path / names[0].complete()).unlink()
    written(spool, b"3")


def test_nothing_is_on_disk_before_the_first_write_nor_after_the_last_delete(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "spool"
    spool, _ = make(folder)
    assert spool.take_over() == []
    assert list(tmp_path.iterdir()) == []
    (name,) = written(spool, b"body")
    spool.delete(name)
    assert [file.name for file in folder.iterdir()] == ["account.lock"]


def test_only_its_user_may_look(tmp_path: Path) -> None:
    mask = os.umask(0)
    try:
        written(make(tmp_path / "spool")[0], b"body")
    finally:
        os.umask(mask)
    assert (tmp_path / "spool").stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in (tmp_path / "spool").iterdir()} == {0o600}


def test_the_key_is_not_on_disk_and_a_batch_goes_nowhere_else(tmp_path: Path) -> None:
    key = "cs_live_0123456789abcdef"
    spool, _ = make(tmp_path, api_key=key)
    written(spool, b"body")
    everything = b"\n".join(file.name.encode() + file.read_bytes() for file in tmp_path.iterdir())
    assert b"http://collector.example" in everything
    assert key.encode() not in everything
    spool.release()
    for options in ({"api_key": key, "endpoint": ENDPOINT + "/other"}, {"api_key": "another"}, {}):
        assert make(tmp_path, **options)[0].take_over() == []
    assert len(make(tmp_path, api_key=key)[0].take_over()) == 1


def test_what_nobody_fetched_for_30_days_makes_room(tmp_path: Path) -> None:
    old_ns = time.time_ns() - (_spool.OLDEST_S + 60) * 10**9
    gone = collector_key("http://gone.example", None)
    (tmp_path / SpoolName(gone, old_ns, "a" * 32, 7).complete()).write_bytes(b"x" * 9000)
    recent = tmp_path / SpoolName(gone, time.time_ns(), "b" * 32, 7).complete()
    recent.write_bytes(b"x")
    spool, dropped = make(tmp_path, 2 * 4096)
    assert spool.take_over() == []
    written(spool, b"body")
    assert dropped.all() == {"spool_expired": 7}
    assert recent.exists()
    assert sum(name.name.endswith(".v1") for name in tmp_path.iterdir()) == 2


# --- files that are not as they should be ---


@pytest.mark.parametrize("harm", ["truncate", "garbage", "empty", "gone", "folder", "link"])
def test_a_spoiled_file_is_counted_and_gone(harm: str, tmp_path: Path) -> None:
    spool, dropped = make(tmp_path / "spool")
    names = written(spool, b"first" * 100, b"second")
    file = tmp_path / "spool" / names[0].complete()
    content = file.read_bytes()
    file.unlink()
    if harm == "folder":
        file.mkdir()
    elif harm == "link":
        (tmp_path / "elsewhere").write_bytes(content)
        file.symlink_to(tmp_path / "elsewhere")
    elif harm != "gone":
        file.write_bytes({"truncate": content[:-1], "garbage": os.urandom(300), "empty": b""}[harm])
    assert spool.read(names[0]) is None
    assert dropped.all() == {"spool_unreadable": 2}
    assert file.is_dir() or not file.exists()
    assert bodies(spool, names[1:]) == [b"second"]


def test_strangers_in_the_folder_are_left_alone(tmp_path: Path) -> None:
    stranger = tmp_path / "notes.txt"
    stranger.write_text("not ours")
    newer = tmp_path / (SpoolName(collector_key(ENDPOINT, None), 1, "a" * 32, 1).complete()[:-1] + "2")
    newer.write_text("of a later version")
    spool, dropped = make(tmp_path)
    assert spool.take_over() == []
    written(spool, b"body")
    assert stranger.exists()
    assert newer.exists()
    assert dropped.all() == {}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_not_sent(tmp_path: Path) -> None:
    spool, _ = make(tmp_path)
    (name,) = written(spool, b"body")
    spool.release()
    os.chown(tmp_path / name.complete(), 12345, 12345)
    assert make(tmp_path)[0].take_over() == []
    os.chown(tmp_path / name.complete(), 0, 0)
    assert len(make(tmp_path)[0].take_over()) == 1


def test_without_file_descriptors_the_batch_is_kept(tmp_path: Path) -> None:
    spool, dropped = make(tmp_path)
    (name,) = written(spool, b"body")
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            spool.read(name)
        assert spool.write(Batch("/v1/traces", b"next", 1)) is None
        assert spool.refusal == "spool_failed"
        assert spool.take_over() == []
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert bodies(spool, [name]) == [b"body"]
    assert dropped.all() == {}


# --- disks ---


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[None]:
    folder.mkdir(exist_ok=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip("no file system can be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_refuses_and_keeps_what_it_has(tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "size=64k,mode=700"):
        spool, dropped = make(tmp_path / "disk")
        names: list[SpoolName] = []
        while (name := spool.write(Batch("/v1/traces", os.urandom(6000), 1))) is not None:
            names.append(name)
        assert spool.refusal == "spool_no_space"
        assert 3 < len(names) < 11
        assert not list((tmp_path / "disk").glob("*.tmp"))
        assert len(bodies(spool, names)) == len(names)
        spool.delete(names[0])
        assert spool.write(Batch("/v1/traces", b"small", 1)) is not None
        assert spool.refusal == ""
        assert dropped.all() == {}
        spool.release()


def test_a_limit_on_file_sizes_refuses(tmp_path: Path) -> None:
    code = """
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
    assert spool.write(Batch("/v1/traces", b"x" * 6000, 1)) is None
    print(spool.refusal)
    assert spool.write(Batch("/v1/traces", b"x", 1)) is not None
    """
    assert run(code, tmp_path) == "spool_no_space\n"


def test_a_read_only_folder_refuses(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        with mounted(tmp_path / "disk", "ro,size=64k"):
            spool, _ = make(tmp_path / "disk" / "spool")
            assert spool.write(Batch("/v1/traces", b"body", 1)) is None
    else:
        (tmp_path / "disk").mkdir(mode=0o500)
        spool, _ = make(tmp_path / "disk" / "spool")
        assert spool.write(Batch("/v1/traces", b"body", 1)) is None
    assert spool.refusal == "spool_not_writable"
    assert spool.take_over() == []


def test_a_folder_that_is_none_refuses(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    spool, _ = make(tmp_path / "file")
    assert spool.write(Batch("/v1/traces", b"body", 1)) is None
    assert spool.refusal == "spool_failed"
    assert spool.take_over() == []
    spool.release()


def test_a_folder_that_was_deleted_is_made_again(tmp_path: Path) -> None:
    spool, dropped = make(tmp_path / "spool")
    (name,) = written(spool, b"body")
    for file in (tmp_path / "spool").iterdir():
        file.unlink()
    (tmp_path / "spool").rmdir()
    assert spool.read(name) is None
    (name,) = written(spool, b"next")
    assert bodies(spool, [name]) == [b"next"]
    assert dropped.all() == {"spool_unreadable": 2}


# --- processes ---

PREPARE = """
import os, sys, time
from pathlib import Path
from costspan._export import Batch
from costspan._guard import Counters
from costspan._settings import Settings
from costspan._spool import Spool
def make(size_bytes=10**8):
    settings = Settings(endpoint="http://collector.example:4318", spool_size_bytes=size_bytes)
    return Spool(Path(os.environ["SPOOL"]), settings, Counters())
spool = make()
"""


def start(code: str, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", PREPARE + textwrap.dedent(code)],
        env={**os.environ, "SPOOL": str(folder)},
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
    )


def run(code: str, folder: Path) -> str:
    with start(code, folder) as process:
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return output


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=20)


def test_what_a_living_process_has_is_its_own_until_it_dies(tmp_path: Path) -> None:
    process = start('spool.write(Batch("/v1/traces", b"body", 1)); print("written", flush=True); time.sleep(60)', tmp_path)
    assert line(process) == "written"
    spool, dropped = make(tmp_path)
    assert spool.take_over() == []
    written(spool, b"our own")
    kill(process)
    names = spool.take_over()
    assert bodies(spool, names) == [b"body"]
    assert spool.take_over() == []
    assert dropped.all() == {}
    assert len(list(tmp_path.glob("*.lock"))) == 2


def test_a_forked_child_does_not_keep_its_parent_alive(tmp_path: Path) -> None:
    code = """
    spool.write(Batch("/v1/traces", b"body", 1))
    child = os.fork()
    if child == 0:
        time.sleep(60)
        os._exit(0)
    print(child, flush=True)
    time.sleep(60)
    """
    process = start(code, tmp_path)
    child = int(line(process))
    try:
        assert make(tmp_path)[0].take_over() == []
        process.send_signal(signal.SIGKILL)
        process.wait(20)
        spool, _ = make(tmp_path)
        assert bodies(spool, spool.take_over()) == [b"body"]
    finally:
        os.kill(child, signal.SIGKILL)
        process.communicate(timeout=20)


def test_a_kill_in_the_middle_of_writing_loses_nothing_that_was_written(tmp_path: Path) -> None:
    code = """
    said = os.open(os.environ["SPOOL"] + ".said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    number = 0
    while True:
        number += 1
        if spool.write(Batch("/v1/traces", number.to_bytes(4, "big") * 20_000, 1)):
            os.write(said, f"{number} ".encode())
    """
    folder, said = tmp_path / "spool", tmp_path / "spool.said"
    half_written = 0
    for attempt in range(12):
        process = start(code, folder)
        while not said.exists() or not said.read_text():
            time.sleep(0.001)
        time.sleep(0.007 * attempt)
        kill(process)
        half_written += len(list(folder.glob("*.tmp")))
        spool, dropped = make(folder, 10**8)
        names = spool.take_over()
        found = [int.from_bytes(batch.body[:4], "big") for name in names if (batch := spool.read(name)) is not None]
        # One more may have been written than could be said.
        written_before = len(said.read_text().split())
        assert found in ([*range(1, written_before + 1)], [*range(1, written_before + 2)])
        assert len(names) - len(found) == dropped.get("spool_unreadable") <= 1
        for name in names:
            spool.delete(name)
        assert [file.name for file in folder.iterdir()] == ["account.lock"]
        said.unlink()
    assert half_written > 0, "no kill came in the middle of a write"


def test_half_a_file_is_counted_and_a_whole_one_only_not_renamed_is_sent(tmp_path: Path) -> None:
    content = pack(Batch("/v1/traces", b"body", 3), ENDPOINT)
    key, now_ns = collector_key(ENDPOINT, None), time.time_ns()
    (tmp_path / SpoolName(key, now_ns, "a" * 32, 5).half_written()).write_bytes(content[:-2])
    (tmp_path / SpoolName(key, now_ns + 1, "a" * 32, 3).half_written()).write_bytes(content)
    spool, dropped = make(tmp_path)
    found = [spool.read(name) for name in spool.take_over()]
    assert found == [None, Batch("/v1/traces", b"body", 3)]
    assert dropped.all() == {"spool_unreadable": 5}


def test_processes_that_share_a_folder_keep_to_the_bound_and_to_their_own(tmp_path: Path) -> None:
    code = """
    spool = make(size_bytes=40 * 4096)
    sys.stdin.readline()
    mine, refused = [], 0
    for number in range(60):
        body = f"{os.getpid()} {number}".encode()
        name = spool.write(Batch("/v1/traces", body, 1))
        refused += name is None
        if name:
            mine.append((name, body))
        if len(mine) > 15:
            name, body = mine.pop(0)
            assert spool.read(name).body == body
            spool.delete(name)
    assert [spool.read(name).body for name, _ in mine] == [body for _, body in mine]
    print(len(mine), refused)
    """
    processes = [start(code, tmp_path) for _ in range(3)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    most = 0
    while any(process.poll() is None for process in processes):
        with SpoolFolder(tmp_path, 1)._lock():
            most = max(most, len({file.stem for file in tmp_path.iterdir() if parse_name(file.name)}))
        time.sleep(0.005)
    results = [[int(word) for word in process.communicate(timeout=20)[0].split()] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert 30 < most <= 40
    assert sum(refused for _, refused in results) > 0, "the bound was never met"
    spool, _ = make(tmp_path)
    assert len(spool.take_over()) == sum(left for left, _ in results)


def test_two_processes_never_take_over_the_same(tmp_path: Path) -> None:
    for _ in range(10):
        spool, _ = make(tmp_path)
        written(spool, *(str(number).encode() for number in range(20)))
        spool.release()
    code = """
    sys.stdin.readline()
    names = spool.take_over()
    print(len(names), len([name for name in names if spool.read(name)]), flush=True)
    sys.stdin.readline()
    """
    processes = [start(code, tmp_path) for _ in range(3)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    counts = [line(process).split() for process in processes]
    for process in processes:
        process.communicate("end\n", timeout=20)
    assert sum(int(taken) for taken, _ in counts) == 200
    assert all(taken == read for taken, read in counts)


def test_a_process_that_holds_on_to_the_folder_holds_nobody_up(tmp_path: Path) -> None:
    tmp_path.joinpath("account.lock").write_bytes(b"")
    code = """
    from costspan._spool_folder import SpoolFolder
    with SpoolFolder(Path(os.environ["SPOOL"]), 1)._lock():
        print("held", flush=True)
        sys.stdin.readline()
    """
    process = start(code, tmp_path)
    assert line(process) == "held"
    spool, _ = make(tmp_path)
    began = time.monotonic()
    assert spool.write(Batch("/v1/traces", b"body", 1)) is None
    assert time.monotonic() - began < _spool_folder._LOCK_TIMEOUT_S + 2
    assert spool.refusal == "spool_busy"
    process.communicate("end\n", timeout=20)
    written(spool, b"body")


def test_orphans_come_in_the_order_of_their_time_and_before_what_is_new(tmp_path: Path) -> None:
    names: list[SpoolName] = []
    one, _ = make(tmp_path)
    other, _ = make(tmp_path)
    for number in range(6):
        names += written((one, other)[number % 2], str(number).encode())
    one.release()
    other.release()
    spool, _ = make(tmp_path)
    names = [*spool.take_over(), *written(spool, b"6")]
    assert bodies(spool, sorted(names)) == [str(number).encode() for number in range(7)]


def test_orphans_of_the_same_moment_are_all_kept(tmp_path: Path) -> None:
    key, now_ns = collector_key(ENDPOINT, None), time.time_ns()
    for owner in "abc":
        content = pack(Batch("/v1/traces", owner.encode(), 1), ENDPOINT)
        (tmp_path / SpoolName(key, now_ns, owner * 32, 1).complete()).write_bytes(content)
    spool, _ = make(tmp_path)
    assert sorted(bodies(spool, spool.take_over())) == [b"a", b"b", b"c"]
