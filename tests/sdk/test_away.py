"""The collector is away: what ends meanwhile goes to disk and, once it is back, to the collector, in order and as it was."""

import gzip
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.resources import Resource

import costspan
from costspan import _delivery, _retry
from costspan._delivery import Delivery
from costspan._export import LabelEvent
from costspan._settings import Settings
from tests.sdk.doubles.collector import Collector, Reply, spans_in
from tests.sdk.doubles.provider import Provider, recording
from tests.sdk.test_delivery import span
from tests.sdk.test_processes import PREPARE, run

Make = Callable[..., Delivery]
DEAD = "http://127.0.0.1:9"


def until(is_so: Callable[[], object], within_s: float = 20) -> None:
    deadline = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.005)


def names(collector: Collector) -> list[str]:
    return [received.name for received in collector.spans]


@pytest.fixture
def spool_dir(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def delivery(collector: Collector, spool_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Makes deliveries with a spool, quick to try again, and ends them."""
    made: list[Delivery] = []
    monkeypatch.setattr(_retry, "_FIRST_BACKOFF_S", 0.02)
    monkeypatch.setattr(_retry, "_LONGEST_BACKOFF_S", 0.05)
    monkeypatch.setattr(_delivery, "_PUT_AWAY_AFTER_S", 0.05)

    def make(endpoint: str = collector.url, **options: Any) -> Delivery:
        made.append(Delivery(Settings(**{"endpoint": endpoint, "spool_dir": spool_dir, **options})))
        return made[-1]

    yield make
    collector.reply()
    for one in made:
        one.configure(Settings(endpoint=collector.url))
        assert one.stop(10)


@pytest.fixture
def port() -> int:
    """A port where nobody listens yet."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture
def asks(provider: Provider, spool_dir: Path) -> dict[str, str]:
    """The environment of a process that asks the test's provider and spools."""
    provider.say(recording("chat_cached").answer())
    return {"PROVIDER": provider.url, "COSTSPAN_SPOOL_DIR": str(spool_dir), "COSTSPAN_EXIT_TIMEOUT_S": "0.3"}


def test_while_the_collector_answers_nothing_touches_the_disk(delivery: Make, spool_dir: Path) -> None:
    one = delivery()
    for _ in range(3):
        one.put(span())
        assert one.flush(10)
    assert not spool_dir.exists()


def test_what_waits_is_on_disk_and_comes_in_order_when_the_collector_is_back(delivery: Make, spool_dir: Path, port: int) -> None:
    one = delivery(f"http://127.0.0.1:{port}")
    for number in range(1300):
        one.put(span(f"{number:04}"))
        if number % 100 == 0:
            time.sleep(0.02)
    until(lambda: one.spooled == 1300)
    assert one.queued == 0
    assert len(list(spool_dir.glob("*.v1"))) >= 3
    collector = Collector(port)
    for number in range(1300, 1400):
        one.put(span(f"{number:04}"))
    assert one.flush(20)
    collector.close()
    assert names(collector) == [f"{number:04}" for number in range(1400)]
    assert (one.queued, one.spooled, one.dropped.all()) == (0, 0, {})
    assert one.sent.get("/v1/traces") == 1400
    assert [file.name for file in spool_dir.iterdir()] == ["account.lock"]


def test_the_same_bytes_are_sent_again(delivery: Make, collector: Collector) -> None:
    collector.reply(*[Reply(503)] * 3)
    one = delivery()
    one.put(span())
    until(lambda: one.spooled == 1)
    assert one.flush(10)
    assert len(collector.requests) == 4
    assert len({request.body for request in collector.requests}) == 1


def test_memory_is_not_what_bounds_an_outage(delivery: Make) -> None:
    one = delivery(DEAD, queue_size=20)
    for _ in range(30):
        for _ in range(10):
            one.put(span())
        until(lambda: one.queued == 0)
    assert one.spooled == 300
    assert one.dropped.all() == {}


def test_a_steady_load_while_away_is_written_in_batches_and_tried_again(delivery: Make, spool_dir: Path) -> None:
    """Items come faster than one by one could be written; still the thread goes back to the collector in between."""
    one = delivery(DEAD, queue_size=100_000)
    deadline = time.monotonic() + 2
    count = 0
    while time.monotonic() < deadline:
        one.put(span())
        count += 1
        time.sleep(0.0005)
    until(lambda: one.spooled == count)
    assert one.sent.get("retries") > 5
    assert len(spooled_files(spool_dir)) < 60


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Another process holds the folder, so that a write to it lasts half a second."""
    code = """
    import sys
    from pathlib import Path
    from costspan._spool_folder import SpoolFolder
    with SpoolFolder(Path(sys.argv[1]), 1)._lock():
        print("held", flush=True)
        sys.stdin.readline()
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield
        holder.communicate("end\n", timeout=20)


def test_every_item_counts_once_against_memory_while_the_disk_is_slow(delivery: Make, spool_dir: Path) -> None:
    """Memory takes what it has room for, and no more: spans and the labels behind them."""
    one = delivery(DEAD, queue_size=40)
    one.put(span())
    until(lambda: one.spooled == 1)
    with held(spool_dir):
        for _ in range(10):
            one.put(span())
            one.put(LabelEvent(1, {"name": "x"}, Resource({})))
        until(lambda: one._queue.qsize() == 0)
        time.sleep(0.1)  # the spans are being written now
        for _ in range(20):
            one.put(span())
        assert (one.queued, one.dropped.all()) == (40, {})
        one.put(span())
        assert sum(one.dropped.all().values()) == 1
    until(lambda: one.spooled == 41)
    assert one.queued == 0


def test_a_full_spool_leaves_the_rest_in_memory_and_then_says_why_it_drops(delivery: Make, spool_dir: Path, port: int) -> None:
    one = delivery(f"http://127.0.0.1:{port}", queue_size=5, spool_size_bytes=3 * 4096)
    for number in range(3):
        one.put(span(str(number)))
        until(lambda expected=number + 1: one.spooled == expected)  # type: ignore[misc]
    for number in range(3, 10):
        one.put(span(str(number)))
        until(lambda: one._queue.qsize() == 0)
    assert (one.spooled, one.queued, one.dropped.all()) == (3, 5, {"spool_full": 2})
    assert one.last_problem == "spool_full"
    assert sum(file.stat().st_size for file in spool_dir.glob("*.v1")) <= 3 * 4096
    collector = Collector(port)
    assert one.flush(10)
    collector.close()
    assert names(collector) == [str(number) for number in range(8)]


@pytest.mark.parametrize("folder", ["/proc/costspan", "/dev/null"])
def test_without_a_usable_folder_the_memory_serves(folder: str, delivery: Make, port: int) -> None:
    one = delivery(f"http://127.0.0.1:{port}", spool_dir=Path(folder), queue_size=2)
    for _ in range(3):
        one.put(span())
    until(lambda: one.last_problem == "spool_failed")
    assert (one.queued, one.spooled) == (2, 0)
    one.put(span())
    assert one.dropped.all()["spool_failed"] >= 1
    collector = Collector(port)
    assert one.flush(10)
    collector.close()
    assert len(collector.spans) == 2


def test_a_spoiled_batch_is_counted_and_the_others_are_sent(delivery: Make, spool_dir: Path, port: int) -> None:
    one = delivery(f"http://127.0.0.1:{port}")
    for number in range(3):
        one.put(span(str(number)))
        until(lambda expected=number + 1: one.spooled == expected)  # type: ignore[misc]
    spoiled = sorted(spool_dir.glob("*.v1"))[1]
    os.truncate(spoiled, 100)
    collector = Collector(port)
    assert one.flush(10)
    collector.close()
    assert names(collector) == ["0", "2"]
    assert (one.spooled, one.dropped.all()) == (0, {"spool_unreadable": 1})


def test_a_refusal_for_good_is_counted_from_the_spool_too(delivery: Make, collector: Collector) -> None:
    collector.reply(Reply(503), Reply(400))
    one = delivery()
    one.put(span())
    assert one.flush(10)
    assert (one.spooled, one.dropped.all(), one.sent.get("/v1/traces")) == (0, {"http_400": 1}, 0)


def test_what_was_meant_for_one_collector_never_goes_to_another(delivery: Make, collector: Collector, port: int) -> None:
    one = delivery(f"http://127.0.0.1:{port}", api_key="first")
    one.put(span("first"))
    until(lambda: one.spooled == 1)
    one.configure(Settings(endpoint=collector.url, api_key="second", spool_dir=one._settings.spool_dir))
    one.put(span("second"))
    assert one.flush(10)
    assert (names(collector), one.spooled) == (["second"], 0)
    first = Collector(port)
    one.configure(Settings(endpoint=f"http://127.0.0.1:{port}", api_key="first", spool_dir=one._settings.spool_dir))
    one.put(span("third"))
    assert one.flush(10)
    first.close()
    assert names(first) == ["first", "third"]
    assert {request.headers["authorization"] for request in first.requests} == {"Bearer first"}


def test_a_batch_in_the_hands_of_a_hanging_collector_is_put_away_at_the_end(delivery: Make, spool_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        one = delivery(endpoint)
        one.put(span("in flight"))
        connection, _ = silent.accept()
        one.put(span("behind"))
        began = time.monotonic()
        one.close(0.3)
        assert time.monotonic() - began < 2
        assert (one.queued, one.spooled, one.dropped.all()) == (0, 2, {})
        # It answers after all: what it has taken is not sent again.
        connection.recv(1 << 20)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        connection.close()
        until(lambda: one.spooled == 1)
        second, _ = silent.accept()
        assert b"POST /v1/traces" in second.recv(1 << 20)
        second.close()


def test_without_a_spool_what_is_left_at_the_end_is_counted(delivery: Make) -> None:
    one = delivery(DEAD, spool_dir=None)
    one.put(span())
    one.put(span())
    one.close(0.1)
    assert one.dropped.all() == {"process_exit": 2}


def test_puts_go_on_while_what_was_spooled_is_replayed(delivery: Make, port: int) -> None:
    """More comes while the replay lasts than memory could hold, and nothing is dropped."""
    one = delivery(f"http://127.0.0.1:{port}", queue_size=2000)
    for _ in range(60):
        one.put(span("old"))
        time.sleep(0.06)
    until(lambda: one.spooled == 60)
    collector = Collector(port)
    for _ in range(5000):
        one.put(span("new"))
        if one.queued > 1500:
            until(lambda: one.queued < 1000)
    assert one.flush(30)
    collector.close()
    assert names(collector) == ["old"] * 60 + ["new"] * 5000
    assert one.dropped.all() == {}


# --- whole processes ---


def spooled_files(spool_dir: Path) -> list[Path]:
    return sorted(spool_dir.glob("*.v1"))


def test_the_next_process_sends_what_the_last_one_left(asks: dict[str, str], spool_dir: Path, port: int) -> None:
    code = """
import atexit
atexit.register(lambda: print(costspan.stats()["spooled"], costspan.stats()["queued"], costspan.stats()["dropped"]))
costspan.init(api_key="cs_secret_key")
with costspan.feature(os.environ["FEATURE"]):
    ask()
costspan.label("resp", correct=True)
client.close()
"""
    asks["COSTSPAN_ENDPOINT"] = f"http://127.0.0.1:{port}"
    # The second takes over what the first left, and leaves both.
    assert run(PREPARE + code, **asks, FEATURE="one") == "2 0 {}\n"
    assert run(PREPARE + code, **asks, FEATURE="two") == "4 0 {}\n"
    assert b"cs_secret_key" not in b"".join(file.read_bytes() + file.name.encode() for file in spool_dir.iterdir())
    collector = Collector(port)
    assert run(PREPARE + code, **{**asks, "COSTSPAN_EXIT_TIMEOUT_S": "10"}, FEATURE="three") == "0 0 {}\n"
    collector.close()
    assert [received["costspan.feature"] for received in collector.spans] == ["one", "two", "three"]
    assert len(collector.logs) == 3
    assert spooled_files(spool_dir) == []


def test_a_wait_of_nothing_at_exit_spools(asks: dict[str, str], spool_dir: Path) -> None:
    run(PREPARE + "costspan.init()\nask()\nclient.close()", **{**asks, "COSTSPAN_EXIT_TIMEOUT_S": "0"}, COSTSPAN_ENDPOINT=DEAD)
    assert len(spooled_files(spool_dir)) == 1


def test_the_end_of_a_process_is_bounded_by_a_collector_that_hangs(asks: dict[str, str], spool_dir: Path) -> None:
    code = """
import atexit, time
ended = []
atexit.register(lambda: print(time.monotonic() - ended[0]))
costspan.init()
ask()
client.close()
ended.append(time.monotonic())
"""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        lasted_s = float(run(PREPARE + code, **asks, COSTSPAN_ENDPOINT=f"http://127.0.0.1:{silent.getsockname()[1]}"))
    assert 0.25 < lasted_s < 2.5
    assert len(spooled_files(spool_dir)) == 1


def test_after_a_kill_the_next_process_sends_what_was_on_disk(asks: dict[str, str], spool_dir: Path, port: int) -> None:
    code = """
import time
costspan.init()
for _ in range(5):
    ask()
while costspan.stats()["spooled"] < 5:
    time.sleep(0.01)
print("spooled", flush=True)
time.sleep(60)
"""
    environment = {**os.environ, **asks, "COSTSPAN_ENDPOINT": f"http://127.0.0.1:{port}"}
    command = [sys.executable, "-c", textwrap.dedent(PREPARE + code)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "spooled\n"
        living = Delivery(Settings(endpoint=f"http://127.0.0.1:{port}", spool_dir=spool_dir))
        living.put(span("beside"))
        until(lambda: living.spooled == 1)
        process.send_signal(signal.SIGKILL)
    collector = Collector(port)
    assert living.flush(10)
    assert living.stop(10)
    collector.close()
    # Who had met the outage itself looks for what others left as soon as it is over.
    assert sorted(names(collector)) == ["beside", *["chat gpt-4.1-nano"] * 5]
    assert len({received.span_id for received in collector.spans}) == 6
    assert spooled_files(spool_dir) == []


FORKED = """
import time
costspan.init()
ask()
while costspan.stats()["spooled"] < 1:
    time.sleep(0.01)
child = os.fork()
if child == 0:
    assert costspan.stats()["spooled"] == 0
    ask()
    while costspan.stats()["spooled"] < 1:
        time.sleep(0.01)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
assert costspan.stats()["spooled"] == 1
client.close()
"""


def test_a_forked_child_spools_beside_its_parent(asks: dict[str, str], spool_dir: Path, port: int) -> None:
    asks["COSTSPAN_ENDPOINT"] = f"http://127.0.0.1:{port}"
    run(PREPARE + FORKED, "-W", "ignore:This process:DeprecationWarning", **asks)
    assert len(spooled_files(spool_dir)) == 2
    assert len({file.name.split("-")[2] for file in spooled_files(spool_dir)}) == 2
    collector = Collector(port)
    run(PREPARE + "costspan.init()\nask()\nassert costspan.flush(10)\nclient.close()", **asks)
    collector.close()
    assert len({received.span_id for received in collector.spans}) == len(collector.spans) == 3


@pytest.mark.parametrize(
    ("module", "left", "internal_errors"),
    [
        ("urllib3", {"queued": 0, "spooled": 1, "dropped": {}, "last_problem": "internal_error"}, {"ModuleNotFoundError"}),
        ("fcntl", {"queued": 1, "spooled": 0, "dropped": {}, "last_problem": "spool_failed"}, set()),
    ],
)
def test_a_missing_dependency_is_told_to_stats_only(
    module: str, left: dict[str, Any], internal_errors: set[str], asks: dict[str, str]
) -> None:
    code = f"""
import json
sys.modules[{module!r}] = None
costspan.init()
assert ask().choices
costspan.flush(0.5)
stats = costspan.stats()
print(json.dumps(stats))
client.close()
"""
    asks |= {"COSTSPAN_ENDPOINT": DEAD, "COSTSPAN_RAISE_INTERNAL_ERRORS": "0"}
    stats = json.loads(run(PREPARE + code, **asks))
    assert {name: stats[name] for name in left} == left
    assert set(stats["internal_errors_by_type"]) == internal_errors


def test_many_threads_and_a_collector_that_comes_and_goes(delivery: Make, collector: Collector, spool_dir: Path) -> None:
    """Every second request fails, in one way or another, and every item arrives exactly once."""
    failures = [Reply(503), Reply(429), Reply(502), Reply(504), Reply(503, (("Retry-After", "0"),))]
    collector.reply(*[reply for failure in failures * 12 for reply in (failure, Reply())])
    one = delivery(queue_size=100_000)

    def put() -> None:
        for number in range(1000):
            one.put(span())
            if number % 50 == 0:
                time.sleep(0.02)

    threads = [threading.Thread(target=put) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert one.flush(30)
    assert len({received.span_id for received in collector.spans}) == len(collector.spans) == 4000
    assert one.sent.get("/v1/traces") == 4000
    assert one.sent.get("retries") > 0
    assert spooled_files(spool_dir) == []
    assert max(len(spans_in(gzip.decompress(request.body))) for request in collector.requests) <= 500


def test_stats_tell_what_lies_on_disk(asks: dict[str, str]) -> None:
    code = """
import time
costspan.init()
assert costspan.stats()["spooled"] == 0
ask()
costspan.label("resp", correct=True)
assert not costspan.flush(0.5)
print(costspan.stats()["queued"], costspan.stats()["spooled"])
client.close()
"""
    with suppress(KeyError):
        del asks["COSTSPAN_EXIT_TIMEOUT_S"]
    assert run(PREPARE + code, **asks, COSTSPAN_ENDPOINT=DEAD, COSTSPAN_EXIT_TIMEOUT_S="0.1") == "0 2\n"
    assert costspan.stats()["spooled"] == 0
