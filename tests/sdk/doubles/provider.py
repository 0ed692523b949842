"""A model provider: answers with recorded bodies, plain or event by event, and remembers what it was asked."""

import gzip
import json
import re
import threading
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from tests.sdk.doubles.server import LocalServer

DATA = Path(__file__).parent.parent / "data"


@dataclass(frozen=True)
class Recording:
    """One recorded exchange (see ``data/NOTICE``)."""

    path: str
    request: dict[str, Any]
    status: int
    content_type: str
    body: str
    usage: list[dict[str, Any]]

    @property
    def is_stream(self) -> bool:
        return "event-stream" in self.content_type

    def answer(self, **options: Any) -> "Answer":
        return Answer(self.body.encode(), status=self.status, content_type=self.content_type, **options)

    def json(self) -> Any:
        return json.loads(self.body)

    def events(self) -> list[Any]:
        """The data of the recorded events, parsed; what is not JSON is left out."""
        data = re.findall(r"^data:(.*)$", self.body, re.MULTILINE)
        return [json.loads(text) for text in data if text.strip().startswith("{")]


def recording(name: str) -> Recording:
    case = json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))
    return Recording(
        path=case["path"],
        request=case["request_json"],
        status=case["status"],
        content_type=case["response_headers"]["content-type"],
        body=case["response_body"],
        usage=[entry["usage"] for entry in case["usage_raw"]],
    )


@dataclass(frozen=True)
class Answer:
    """What to say next. ``cut_after`` tears the connection down after that many events; ``hold`` waits before the
    event of that number until ``Provider.release`` is called."""

    body: bytes
    status: int = 200
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    hold: int | None = None
    is_gzip: bool = False

    @property
    def events(self) -> list[bytes]:
        events = [event for event in re.split(rb"(?<=\r\n\r\n)|(?<=\n\n)", self.body) if event]
        if events and not events[-1].endswith(b"\n\n"):
            events[-1] += b"\n\n"
        return events


def answer_json(body: Any, status: int = 200, **options: Any) -> Answer:
    return Answer(json.dumps(body).encode(), status=status, **options)


def answer_events(events: list[Any], *, done: bool = True, named: bool = False, **options: Any) -> Answer:
    """Server-sent events of these data; ``named`` ones carry their type as event name, as Anthropic's do."""
    lines = [(f"event: {event['type']}\n" if named else "") + f"data: {json.dumps(event)}\n\n" for event in events]
    body = "".join(lines) + ("data: [DONE]\n\n" if done else "")
    return Answer(body.encode(), content_type="text/event-stream", **options)


@dataclass(frozen=True)
class Asked:
    """One request as it came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Provider:
    """``say`` queues answers; the last one is repeated."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self._answers: deque[Answer] = deque()
        self._lock = threading.Lock()
        self._released = threading.Event()
        self._server = LocalServer(self._handle)
        self.url = self._server.url

    def say(self, *answers: Answer) -> None:
        self._answers = deque(answers)

    def release(self) -> None:
        self._released.set()

    def forget(self) -> None:
        self.asked = []
        self._answers = deque()
        self._released.set()
        self._released = threading.Event()

    def close(self) -> None:
        self._released.set()
        self._server.close()

    def _handle(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        headers = {name.lower(): value for name, value in request.headers.items()}
        with self._lock:
            self.asked.append(Asked(request.command, request.path, headers, body))
            answer = self._answers.popleft() if len(self._answers) > 1 else self._answers[0]
        request.send_response(answer.status)
        request.send_header("Content-Type", answer.content_type)
        for name, value in answer.headers.items():
            request.send_header(name, value)
        if "event-stream" in answer.content_type:
            self._stream(request, answer)
            return
        payload = gzip.compress(answer.body) if answer.is_gzip else answer.body
        if answer.is_gzip:
            request.send_header("Content-Encoding", "gzip")
        request.send_header("Content-Length", str(len(payload)))
        request.end_headers()
        request.wfile.write(payload)

    def _stream(self, request: BaseHTTPRequestHandler, answer: Answer) -> None:
        released = self._released
        request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()
        for number, event in enumerate(answer.events):
            if answer.cut_after == number:
                request.close_connection = True
                return
            if answer.hold == number:
                released.wait(10)
            request.wfile.write(f"{len(event):x}\r\n".encode() + event + b"\r\n")
            request.wfile.flush()
        request.wfile.write(b"0\r\n\r\n")
