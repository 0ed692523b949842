"""What is acknowledged survives SIGKILL, once."""

import os
import threading
import time
from decimal import Decimal

import psycopg
import pytest
import urllib3
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from costspan_collector.store.embedded import EmbeddedPostgres
from tests.support.collector import RunningCollector, assert_books_balance
from tests.support.otlp import CHAT, CHAT_COST, add_span
from tests.support.process import CollectorProcess, data_folder

_REQUESTS, _SPANS, _CLIENTS = 160, 25, 4


class _Replay:
    """Clients that send each request until it is acknowledged, whatever happens to the collector."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.acknowledged: set[tuple[bytes, bytes]] = set()
        self.resent = 0
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._send, args=(number,), daemon=True) for number in range(_CLIENTS)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def join(self, within_s: float) -> None:
        deadline = time.monotonic() + within_s
        for thread in self._threads:
            thread.join(max(0.1, deadline - time.monotonic()))
            assert not thread.is_alive(), "the replay did not end"

    def _send(self, client: int) -> None:
        pool = urllib3.PoolManager(retries=False, timeout=5)
        for _ in range(client, _REQUESTS, _CLIENTS):
            request = ExportTraceServiceRequest()
            ids = {(os.urandom(16), os.urandom(8)) for _ in range(_SPANS)}
            for trace_id, span_id in ids:
                add_span(request, {**CHAT, "costspan.feature": f"f{client}"}, trace_id=trace_id, span_id=span_id)
            body = request.SerializeToString()
            while not self._accepted(pool, body):
                with self._lock:
                    self.resent += 1
                time.sleep(0.1)
            with self._lock:
                self.acknowledged |= ids

    def _accepted(self, pool: urllib3.PoolManager, body: bytes) -> bool:
        headers = {"content-type": "application/x-protobuf"}
        try:
            return pool.request("POST", f"{self.url}/v1/traces", body=body, headers=headers).status == 200
        except urllib3.exceptions.HTTPError:
            return False


@pytest.mark.slow
def test_every_acknowledged_call_is_booked_once_over_a_sigkill() -> None:
    with data_folder() as folder:
        first = CollectorProcess(folder)
        port = int(first.url.rpartition(":")[2])
        replay = _Replay(first.url)
        replay.start()
        while len(replay.acknowledged) < _REQUESTS * _SPANS // 4:
            time.sleep(0.01)
        first.kill()
        at_kill = len(replay.acknowledged)
        assert at_kill < _REQUESTS * _SPANS, "the kill came too late to test anything"
        second = CollectorProcess(folder, port)
        replay.join(90)
        assert replay.resent > 0
        assert second.stop() == 0
        assert "stopping: booking what was accepted" in "".join(second.lines)
        with EmbeddedPostgres(folder) as postgres:
            assert assert_books_balance(postgres.url) == _REQUESTS * _SPANS
            with psycopg.connect(postgres.url) as connection:
                booked = {(bytes(t), bytes(s)) for t, s in connection.execute("SELECT trace_id, span_id FROM call").fetchall()}
                total = connection.execute("SELECT sum(cost_usd) FROM rollup_minute").fetchone()
        assert booked == replay.acknowledged
        assert total == (Decimal(CHAT_COST) * _REQUESTS * _SPANS,)


def test_a_lost_database_connection_is_503_and_heals_without_a_restart(collector: RunningCollector) -> None:
    request = ExportTraceServiceRequest()
    add_span(request, CHAT)
    assert collector.post_protobuf("/v1/traces", request).status == 200
    add_span(request, CHAT)
    with psycopg.connect(collector.database_url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    answer = collector.post_protobuf("/v1/traces", request)
    assert answer.status == 503
    assert int(answer.headers["retry-after"]) >= 1
    assert Status.FromString(answer.body).message == "the database cannot be written at the moment"
    assert collector.post_protobuf("/v1/traces", request).status == 200
    assert collector.get("/readyz") == {"status": "ready"}
    assert assert_books_balance(collector.database_url) == 2
