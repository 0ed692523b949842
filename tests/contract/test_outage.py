"""The collector is killed under load and comes back: every call is booked exactly once.

``make test-outage`` keeps it away for a minute; OUTAGE_S seconds otherwise.
"""

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

import costspan
from costspan import _retry
from costspan_collector.store.embedded import EmbeddedPostgres
from tests.sdk.doubles.clients import openai_client
from tests.sdk.doubles.provider import Answer, Provider, recording
from tests.support.collector import assert_books_balance
from tests.support.process import CollectorProcess, data_folder

OUTAGE_S = float(os.environ.get("OUTAGE_S", "8"))
_THREADS, _CALLS_PER_THREAD_AND_S, _BEFORE_AND_AFTER_S = 4, 15, 3
_QUEUE_SIZE = 100  # fewer than the calls of the outage, more than those of a second in which the disk stalls


class _Load:
    """Threads that make calls through the patched client until they are told to end."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._end = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(number,), daemon=True) for number in range(_THREADS)]
        self.answered: list[str] = []
        self.slowest_s = 0.0

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join(20)
            assert not thread.is_alive()

    def _ask(self, number: int) -> None:
        with openai_client(self._provider) as client, costspan.feature(f"feature-{number}"):
            while not self._end.wait(1 / _CALLS_PER_THREAD_AND_S):
                began = time.monotonic()
                answer = client.chat.completions.create(model="gpt-4.1-nano", messages=[{"role": "user", "content": "hi"}])
                self.slowest_s = max(self.slowest_s, time.monotonic() - began)
                self.answered.append(answer.id)


@pytest.fixture
def provider() -> Iterator[Provider]:
    server = Provider()
    body = recording("chat_cached").json()
    most = int((OUTAGE_S + 120) * _THREADS * _CALLS_PER_THREAD_AND_S)
    server.say(*(Answer(json.dumps({**body, "id": f"chatcmpl-{number}"}).encode()) for number in range(most)))
    yield server
    server.close()


@pytest.mark.slow
@pytest.mark.timeout(int(OUTAGE_S) + 180)
def test_every_call_is_booked_once_after_an_outage_under_load(
    provider: Provider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if OUTAGE_S < 30:
        monkeypatch.setattr(_retry, "_LONGEST_BACKOFF_S", 2.0)
    before = costspan.stats()
    with data_folder() as folder, ExitStack() as at_end:
        first = CollectorProcess(folder)
        port = int(first.url.rpartition(":")[2])
        costspan.init(endpoint=first.url, queue_size=_QUEUE_SIZE, spool_dir=tmp_path)
        at_end.callback(costspan.shutdown)
        load = _Load(provider)
        load.start()
        time.sleep(_BEFORE_AND_AFTER_S)
        first.kill()
        at_kill = len(load.answered)
        time.sleep(OUTAGE_S)
        away, asked_meanwhile = costspan.stats(), len(load.answered) - at_kill
        second = CollectorProcess(folder, port)
        back_at = time.monotonic()
        time.sleep(_BEFORE_AND_AFTER_S)
        load.end()
        assert costspan.flush(90), costspan.stats()
        caught_up_s = time.monotonic() - back_at
        after = costspan.stats()
        assert after["dropped"] == before["dropped"]
        assert second.stop() == 0
        with EmbeddedPostgres(folder) as postgres:
            assert assert_books_balance(postgres.url) == len(load.answered)
            with psycopg.connect(postgres.url) as connection:
                booked = [row[0] for row in connection.execute("SELECT response_id FROM call").fetchall()]
    assert sorted(booked) == sorted(load.answered)
    assert len(set(booked)) == len(booked)
    assert asked_meanwhile > 2 * _QUEUE_SIZE
    assert away["spooled"] > 2 * _QUEUE_SIZE
    assert (after["queued"], after["spooled"]) == (0, 0)
    assert not list(tmp_path.glob("*.v1"))
    print(
        f"\n{len(booked)} calls, {asked_meanwhile} of them in {OUTAGE_S:.0f} s without a collector; {away['spooled']} spooled; "
        f"caught up {caught_up_s:.1f} s after it was back; {after['retries'] - before['retries']} retries; "
        f"slowest call {load.slowest_s * 1000:.0f} ms"
    )
