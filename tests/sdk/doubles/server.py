"""A threaded HTTP/1.1 server on loopback whose answers a handler function writes."""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Handle = Callable[[BaseHTTPRequestHandler, bytes], None]


class LocalServer:
    """Serves until ``close``, on ``port`` or on a free one. ``handle`` gets each request with its body, and answers it."""

    def __init__(self, handle: Handle, port: int = 0) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                handle(self, self.rfile.read(length))

            do_GET = do_POST

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256  # as many connections as the tests open at once, on a machine that is busy

            def handle_error(self, *_: Any) -> None:
                """Clients that leave early are part of the tests."""

        self._server = Server(("127.0.0.1", port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
