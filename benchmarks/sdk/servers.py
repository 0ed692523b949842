"""The two servers of the benchmark, in a process of their own: a sink for OTLP, and a provider over real HTTP.

``POST /v1/chat/completions`` is answered with the recorded completion; every other POST is export, taken and thrown
away, of which the first bodies of each subject (the first part of the path) are kept so that ``GET /<subject>`` can tell
how many spans were in them: an instrumentation that exports nothing has not been measured.
"""

import asyncio
import gzip
import json
import sys
import zlib
from collections import defaultdict

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from benchmarks.sdk.provider import Recording
from benchmarks.sdk.worker import allow_many_connections

_KEPT_BODIES = 20
_BACKLOG = 2_048


class Servers:
    """Answers every request of every connection."""

    def __init__(self) -> None:
        self._recording = Recording()
        self._kept: dict[str, list[bytes]] = defaultdict(list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until its client closes it."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                request_line, *lines = head.split("\r\n")
                headers = {key.lower(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                method, path, _ = request_line.split(" ", 2)
                kind, answer = self._answer(method, path, headers, body)
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: %s\r\ncontent-length: %d\r\n\r\n%s" % (kind, len(answer), answer))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def _answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[bytes, bytes]:
        subject = path.split("/")[1]
        if method == "GET":
            return b"application/json", json.dumps({"spans": sum(map(_spans_in, self._kept[subject]))}).encode()
        if path == "/v1/chat/completions":
            return b"application/json", self._recording.body()
        if path.endswith("/traces") and len(self._kept[subject]) < _KEPT_BODIES:
            self._kept[subject].append(_decoded(body, headers.get("content-encoding", "")))
        return b"application/x-protobuf", b""


def _decoded(body: bytes, encoding: str) -> bytes:
    if encoding == "gzip":
        return gzip.decompress(body)
    return zlib.decompress(body) if encoding == "deflate" else body


def _spans_in(body: bytes) -> int:
    request = ExportTraceServiceRequest.FromString(body)
    return sum(len(scope.spans) for resource in request.resource_spans for scope in resource.scope_spans)


async def main() -> None:
    """Serve on a free port of loopback, which is printed, until standard input ends."""
    servers = Servers()
    server = await asyncio.start_server(servers.serve, "127.0.0.1", 0, backlog=_BACKLOG)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    allow_many_connections()
    asyncio.run(main())
