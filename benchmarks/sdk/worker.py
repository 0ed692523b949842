"""A process with one instrumentation in it: makes calls on command and says how long they took.

Commands come as one line of JSON each (``{"measure": "sync", "count": 300}``) and are answered by one. What libraries
print goes to standard error.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.sdk.provider import Gate, Recording, async_http_client, http_client, http_library
from benchmarks.sdk.subjects import SUBJECTS, Running

Answer = dict[str, float]

_MOST_FILES = 4096


def resident_bytes() -> int:
    """The memory that this process holds now."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    said = subprocess.run(["ps", "-o", "rss=", "-p", str(os.getpid())], check=True, capture_output=True, text=True)
    return int(said.stdout) * 1024


def _per_item_us(nanoseconds: float, items: int) -> float:
    return nanoseconds / items / 1_000


class Worker:
    """The clients under measurement. Times are in microseconds of wall clock a call, or a chunk."""

    def __init__(self, running: Running, server_url: str) -> None:
        import openai

        self._running = running
        self._recording = Recording()
        self._runner = asyncio.Runner()
        self._gate = Gate()
        self._sync = openai.OpenAI(api_key="key", max_retries=0, http_client=http_client(self._recording))
        self._async = openai.AsyncOpenAI(api_key="key", max_retries=0, http_client=async_http_client(self._recording, self._gate))
        http = http_library()
        networked = http.AsyncClient(verify=False, timeout=60, limits=http.Limits(max_connections=1_000))
        self._networked = openai.AsyncOpenAI(base_url=f"{server_url}/v1", api_key="key", max_retries=0, http_client=networked)
        self._measures: dict[str, Callable[[int], float]] = {
            "sync": self.sync_calls,
            "async": lambda count: self._runner.run(self._async_calls(count)),
            "stream": self.streams,
            "concurrent": lambda count: self._runner.run(self._together(self._async, count)),
            "loopback": lambda count: self._runner.run(self._together(self._networked, count)),
        }

    def measure(self, name: str, count: int) -> Answer:
        """``count`` calls of the kind ``name``: microseconds a call, and processor time a call, export included."""
        cpu_before_ns = time.process_time_ns()
        with self._running.scope():
            duration_us = self._measures[name](count)
        self._running.flush()
        cpu_us = _per_item_us(time.process_time_ns() - cpu_before_ns, count)
        return {"us": duration_us, "cpu_us": cpu_us, "rss_bytes": resident_bytes(), "dropped": self._running.dropped()}

    def sync_calls(self, count: int) -> float:
        """The median of ``count`` plain calls."""
        create, request, clock = self._sync.chat.completions.create, self._recording.request, time.perf_counter_ns
        durations = []
        for _ in range(count):
            before = clock()
            create(**request)
            durations.append(clock() - before)
        return _per_item_us(median(durations), 1)

    async def _async_calls(self, count: int) -> float:
        self._gate.expect(0)
        create, request, clock = self._async.chat.completions.create, self._recording.request, time.perf_counter_ns
        durations = []
        for _ in range(count):
            before = clock()
            await create(**request)
            durations.append(clock() - before)
        return _per_item_us(median(durations), 1)

    def streams(self, count: int) -> float:
        """The median time a chunk in ``count`` streams, from the first chunk to the end."""
        create, request, clock = self._sync.chat.completions.create, self._recording.request, time.perf_counter_ns
        per_chunk_us = []
        for _ in range(count):
            chunks = iter(create(**request, stream=True))
            next(chunks)
            before = clock()
            seen = sum(1 for _ in chunks)
            per_chunk_us.append(_per_item_us(clock() - before, seen))
        return median(per_chunk_us)

    async def _together(self, client: Any, count: int) -> float:
        """The time a call when ``count`` are under way at once."""
        create, request = client.chat.completions.create, self._recording.request
        self._gate.expect(count if client is self._async else 0)
        before = time.perf_counter_ns()
        calls: list[Awaitable[Any]] = [create(**request) for _ in range(count)]
        await asyncio.gather(*calls)
        return _per_item_us(time.perf_counter_ns() - before, count)


def start_cost(name: str, sink: str) -> Answer:
    """What switching the instrumentation on costs a fresh process that has the client already, and its first call."""
    import openai

    client = openai.OpenAI(api_key="key", http_client=http_client(recording := Recording()))
    before_bytes, before = resident_bytes(), time.perf_counter()
    running = SUBJECTS[name].start(sink)
    started, started_bytes = time.perf_counter(), resident_bytes()
    with running.scope():
        client.chat.completions.create(**recording.request)
    running.flush()
    return {
        "start_s": started - before,
        "start_bytes": started_bytes - before_bytes,
        "first_call_s": time.perf_counter() - started,
        "after_call_bytes": resident_bytes() - before_bytes,
    }


def allow_many_connections() -> None:
    """Let this process hold a thousand connections, which the usual limit on open files forbids."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < _MOST_FILES:
        most = _MOST_FILES if hard == resource.RLIM_INFINITY else min(_MOST_FILES, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def main(name: str, sink: str, server_url: str) -> None:
    """Serve commands until standard input ends, or say the start's cost if ``server_url`` is empty."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1) as answers:
        os.dup2(2, 1)
        if not server_url:
            print(json.dumps(start_cost(name, sink)), file=answers)
            return
        allow_many_connections()
        worker = Worker(SUBJECTS[name].start(sink), server_url)
        for line in sys.stdin:
            command = json.loads(line)
            print(json.dumps(worker.measure(command["measure"], command["count"])), file=answers)


if __name__ == "__main__":
    main(*sys.argv[1:])
