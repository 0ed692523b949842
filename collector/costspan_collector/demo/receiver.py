"""The demo's own webhook: receives the collector's alerts on loopback and verifies their signatures.

Signatures are those of the Standard Webhooks specification, https://www.standardwebhooks.com.
"""

import base64
import json
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from standardwebhooks import Webhook, WebhookVerificationError

PATH = "/alerts"
EVENT_TYPE = "budget.threshold_crossed"

_LARGEST_BODY_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Delivery:
    """An alert as received: the ``data`` of the webhook, and when it came, by ``time.monotonic()``."""

    alert: Mapping[str, Any]
    received_s: float

    @property
    def threshold(self) -> Decimal:
        """The share of the budget whose crossing this alert tells."""
        return Decimal(str(self.alert["threshold"]))


class WebhookReceiver:
    """A web server in a thread, from entering until leaving. Refuses, and notes, whatever is not rightly signed.

    ``on_alert`` is called in a thread of the server with each alert that is new.
    """

    def __init__(self, on_alert: Callable[[Delivery], object] = lambda _: None) -> None:
        self._on_alert = on_alert
        self.secret = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
        self._verifier = Webhook(self.secret)
        self._deliveries: dict[str, Delivery] = {}
        self._refusals: list[str] = []
        self._changed = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), name="demo-webhook", daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Where alerts are to be sent."""
        return f"http://127.0.0.1:{self._server.server_address[1]}{PATH}"

    @property
    def deliveries(self) -> tuple[Delivery, ...]:
        """The alerts received so far, each message once however often it was sent, in their order."""
        with self._changed:
            return tuple(self._deliveries.values())

    @property
    def refusals(self) -> tuple[str, ...]:
        """Why requests were refused."""
        with self._changed:
            return tuple(self._refusals)

    def wait_for(self, count: int, timeout_s: float) -> bool:
        """Whether ``count`` alerts have come within ``timeout_s`` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self._deliveries) >= count, timeout_s)

    def accept(self, headers: Mapping[str, str], body: bytes) -> str | None:
        """Take a request to the webhook; the reason if it is refused."""
        received_s = time.monotonic()
        refusal = self._refusal(headers, body)
        if refusal is not None:
            with self._changed:
                self._refusals.append(refusal)
            return refusal
        identity = {name.lower(): value for name, value in headers.items()}["webhook-id"]
        delivery = Delivery(json.loads(body)["data"], received_s)
        with self._changed:
            is_new = self._deliveries.setdefault(identity, delivery) is delivery
            self._changed.notify_all()
        if is_new:
            self._on_alert(delivery)
        return None

    def _refusal(self, headers: Mapping[str, str], body: bytes) -> str | None:
        try:
            message = self._verifier.verify(body, dict(headers))
        except (WebhookVerificationError, ValueError) as error:
            return f"not rightly signed: {error}"
        if not isinstance(message, dict) or message.get("type") != EVENT_TYPE:
            return f"not a message of type {EVENT_TYPE}"
        if not isinstance(message.get("data"), dict) or "threshold" not in message["data"]:
            return "data: an alert with a threshold is missing"
        return None

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            timeout = 10

            def do_POST(self) -> None:
                length = self.headers.get("content-length", "")
                if self.path != PATH or not length.isdigit() or int(length) > _LARGEST_BODY_BYTES:
                    self._answer(400)
                    return
                refusal = receiver.accept(dict(self.headers.items()), self.rfile.read(int(length)))
                self._answer(204 if refusal is None else 401)

            def _answer(self, status: int) -> None:
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
                """Nothing: the demo prints what it receives."""

        return Handler
