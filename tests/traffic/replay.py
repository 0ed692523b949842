"""A provider that answers as recorded: a real HTTP server on loopback, in a thread of its own.

A client whose base URL is ``<url>/case/<id>~<mode>`` followed by the recorded path's prefix gets the recorded answer to
whatever it asks there. More options may ride on the id: ``~delay20`` (ms between events), ``~cut3`` (the connection is
torn after 3 events), ``~hang2`` (silence after 2 events), ``~chunk7`` (7-byte pieces), ``~gzip`` (compressed, if no stream).
"""

import asyncio
import gzip
import re
import struct
import threading
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tests.traffic.cases import Case

_OPTION = re.compile(r"(delay|cut|hang|chunk|gzip)(\d*)")
_EVENT_ENDS = (b"\n\n", b"\r\n\r\n", b"\r\r")
_LARGEST_REQUEST_BYTES = 64 * 1024 * 1024
# Framing headers are the server's own.
_NOT_REPLAYED = {"content-length", "transfer-encoding", "content-encoding", "connection"}


@dataclass(frozen=True)
class Asked:
    """One request as it came over the wire. ``path`` is below the case's own and holds the query."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Replay:
    """Serves ``cases`` until ``close``. ``asked`` holds what was asked so far, by what followed ``/case/``."""

    def __init__(self, cases: Iterable[Case]) -> None:
        self._cases = {case.id: case for case in cases}
        self.asked: dict[str, list[Asked]] = defaultdict(list)
        self._loop = asyncio.new_event_loop()
        self._is_up = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="replay", daemon=True)
        self._thread.start()
        self._is_up.wait(10)

    def take(self) -> dict[str, list[Asked]]:
        """What was asked since the last ``take``."""
        asked, self.asked = self.asked, defaultdict(list)
        return asked

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._run())
        self._loop.run_until_complete(_end_all())
        self._loop.close()

    async def _run(self) -> None:
        self._stop = asyncio.Event()
        application = web.Application(client_max_size=_LARGEST_REQUEST_BYTES)
        application.router.add_route("*", "/case/{spec}{tail:(/.*)?}", self._answer)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, backlog=512)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        self._is_up.set()
        await self._stop.wait()
        await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        spec = request.match_info["spec"]
        case_id, *words = spec.split("~")
        case = self._cases.get(case_id)
        if case is None:
            return web.json_response({"error": {"message": f"no such case: {case_id}"}}, status=599)
        path = request.raw_path.split("/case/" + spec, 1)[-1]
        headers = tuple((name.decode().lower(), value.decode("latin-1")) for name, value in request.raw_headers)
        self.asked[spec].append(Asked(request.method, path, headers, await request.read()))
        options = {found[1]: int(found[2] or 0) for word in words if (found := _OPTION.fullmatch(word))}
        events = pieces(case, options.get("chunk"))
        if events is None and not options.keys() & {"cut", "hang"}:
            return _plain(case, is_gzip="gzip" in options)
        return await _streamed(request, case, events if events is not None else [case.body], options)


async def _end_all() -> None:
    """End the answers that hang."""
    hanging = asyncio.all_tasks() - {asyncio.current_task()}
    for task in hanging:
        task.cancel()
    await asyncio.gather(*hanging, return_exceptions=True)


def _headers(case: Case) -> dict[str, str]:
    kept = {name: value for name, value in case.response_headers.items() if name.lower() not in _NOT_REPLAYED}
    return {"Date": "Tue, 01 Sep 2026 00:00:00 GMT", **kept}


def _plain(case: Case, *, is_gzip: bool) -> web.Response:
    headers = _headers(case)
    if is_gzip:
        headers["Content-Encoding"] = "gzip"
    return web.Response(status=case.status, headers=headers, body=gzip.compress(case.body) if is_gzip else case.body)


async def _streamed(request: web.Request, case: Case, events: list[bytes], options: dict[str, int]) -> web.StreamResponse:
    response = web.StreamResponse(status=case.status, headers=_headers(case))
    response.enable_chunked_encoding()
    await response.prepare(request)
    for number, event in enumerate(events):
        if options.get("cut") == number and request.transport is not None:
            request.transport.close()
            return response
        if options.get("hang") == number:
            await asyncio.sleep(3600)
        try:
            await response.write(event)
        except ConnectionError:  # the client left early
            return response
        if delay_ms := options.get("delay"):
            await asyncio.sleep(delay_ms / 1000)
    return response


def pieces(case: Case, chunk_bytes: int | None = None) -> list[bytes] | None:
    """The body as the provider wrote it piece by piece, or None for an answer that is no stream."""
    if chunk_bytes:
        return [case.body[start : start + chunk_bytes] for start in range(0, len(case.body), chunk_bytes)]
    content_type = next((value for name, value in case.response_headers.items() if name.lower() == "content-type"), "")
    if "amazon.eventstream" in content_type:
        return list(_frames(case.body))
    if "stream_body" not in case.flags:
        return None
    if "event-stream" not in content_type:
        return case.body.splitlines(keepends=True)
    events = [event for event in re.split(rb"(?<=\r\n\r\n)|(?<=\n\n)|(?<=\r\r)", case.body) if event]
    if events and not events[-1].endswith(_EVENT_ENDS):
        events[-1] += b"\n\n"  # recorders strip the last blank line
    return events


def _frames(body: bytes) -> Any:
    start = 0
    while start < len(body):
        (length,) = struct.unpack(">I", body[start : start + 4])
        yield body[start : start + length]
        start += length
