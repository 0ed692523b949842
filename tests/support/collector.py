"""The collector under test: its real parts, served over HTTP on loopback by a thread."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import psycopg
import urllib3
import uvicorn

from costspan_collector.api.web import application
from costspan_collector.book.measures import MEASURES
from costspan_collector.main import services
from costspan_collector.services import Services
from costspan_collector.settings import Settings


@dataclass(frozen=True)
class Answer:
    """An HTTP answer."""

    status: int
    body: bytes
    headers: dict[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class RunningCollector:
    """A served collector and the URL of its database."""

    url: str
    database_url: str
    services: Services

    def request(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        with urllib3.PoolManager(retries=False) as pool:
            answer = pool.request(method, self.url + path, body=body, headers=named, timeout=30)
            return Answer(answer.status, answer.data, dict(answer.headers))

    def get(self, path: str) -> Any:
        answer = self.request("GET", path)
        assert answer.status == 200, (path, answer.status, answer.body)
        return answer.json

    def post_json(self, path: str, body: Any) -> Answer:
        return self.request("POST", path, json.dumps(body).encode(), content_type="application/json")

    def post_protobuf(self, path: str, message: Any, **headers: str) -> Answer:
        return self.request("POST", path, message.SerializeToString(), content_type="application/x-protobuf", **headers)

    def sql(self, query: str, *parameters: Any) -> list[Any]:
        with psycopg.connect(self.database_url) as connection:
            return connection.execute(query, parameters).fetchall()


@contextmanager
def running_collector(database_url: str, **options: Any) -> Iterator[RunningCollector]:
    """Serve a collector on ``database_url``; stopped gracefully afterwards."""
    listener = socket.create_server(("127.0.0.1", 0))
    with services(Settings(**options), database_url) as running:
        config = uvicorn.Config(application(running), log_config=None, access_log=False, lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        deadline = time.monotonic() + 20
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.01)
        assert server.started, "the collector did not start"
        try:
            yield RunningCollector(f"http://127.0.0.1:{listener.getsockname()[1]}", database_url, running)
        finally:
            server.should_exit = True
            thread.join(20)
            listener.close()
    assert not thread.is_alive(), "the collector did not stop"


_RECOUNT = """
SELECT date_bin(%s::interval, start_time, timestamptz 'epoch') AS bucket, series_id,
    count(*), count(error_type),
    sum(coalesce(usage_input, 0) + coalesce(usage_cache_read, 0) + coalesce(usage_cache_write, 0)
        + coalesce(usage_cache_write_5m, 0) + coalesce(usage_cache_write_1h, 0) + {other_input}),
    sum(coalesce(usage_output, 0) + coalesce(usage_reasoning, 0) + {other_output}),
    sum(coalesce(usage_cache_read, 0) + {other_cache_read}),
    sum(coalesce(usage_cache_write, 0) + coalesce(usage_cache_write_5m, 0) + coalesce(usage_cache_write_1h, 0)
        + {other_cache_write}),
    sum(coalesce(usage_reasoning, 0)),
    sum(coalesce(cost_usd, 0)),
    {states},
    count(correct), count(*) FILTER (WHERE correct),
    sum(duration_us)
FROM call WHERE project_id = 1 GROUP BY 1, 2 ORDER BY 1, 2
"""
_STATES = ("priced", "partial", "unpriced", "estimated", "reported", "free")


def _other(*meters: str) -> str:
    return " + ".join(f"coalesce((usage_other->>'{meter}')::bigint, 0)" for meter in meters)


def recount(connection: psycopg.Connection[Any], grain: str) -> list[Any]:
    """The rollup rows as counted from the raw calls, without any of the collector's own code."""
    query = _RECOUNT.format(
        states=", ".join(f"count(*) FILTER (WHERE cost_state = '{state}')" for state in _STATES),
        other_input=_other(
            "cache_write_30m", "cache_write_12h", "cache_read_audio", "cache_read_image",
            "input_audio", "input_image", "input_video",
        ),
        other_output=_other("output_audio", "output_image", "output_video"),
        other_cache_read=_other("cache_read_audio", "cache_read_image"),
        other_cache_write=_other("cache_write_30m", "cache_write_12h"),
    )  # fmt: skip
    return connection.execute(query, (grain,)).fetchall()


def rollup(connection: psycopg.Connection[Any], table: str) -> list[Any]:
    """The rows of a rollup table in the order of ``recount``; rows that hold nothing are left out."""
    columns = ", ".join(MEASURES)
    return connection.execute(f"SELECT bucket, series_id, {columns} FROM {table} WHERE project_id = 1 ORDER BY 1, 2").fetchall()


def assert_books_balance(database_url: str) -> int:
    """Rollups of both grains equal a recount from raw calls, to the last digit; returns the number of calls."""
    with psycopg.connect(database_url, options="-c timezone=UTC") as connection:
        for table, grain in (("rollup_minute", "1 minute"), ("rollup_quarter_hour", "15 minutes")):
            expected = [tuple(row) for row in recount(connection, grain)]
            found = [tuple(row) for row in rollup(connection, table)]
            assert found == expected, table
        total = connection.execute("SELECT coalesce(sum(cost_usd), 0) FROM call").fetchone()
        rolled = connection.execute("SELECT coalesce(sum(cost_usd), 0) FROM rollup_quarter_hour").fetchone()
        assert total == rolled
        assert isinstance(total[0], Decimal)
        row = connection.execute("SELECT count(*) FROM call").fetchone()
        return int(row[0])
