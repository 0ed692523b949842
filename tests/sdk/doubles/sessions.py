"""A model provider over WebSockets: plays a script of messages to whoever connects, and remembers what it was told."""

import json
import threading
from typing import Any

from websockets.sync.server import Server, ServerConnection, serve

# A message is sent as JSON; the text WAIT is a pause until the client has said something more.
WAIT = "wait"


class SessionProvider:
    """``play`` sets the script of the next connections. ``paths`` are those that clients asked for."""

    def __init__(self) -> None:
        self.heard: list[Any] = []
        self.paths: list[str] = []
        self._script: list[Any] = []
        self._server: Server = serve(self._handle, "127.0.0.1", 0)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.address = f"127.0.0.1:{self._server.socket.getsockname()[1]}"

    def play(self, *script: Any) -> None:
        self._script = list(script)
        self.heard, self.paths = [], []

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join(5)

    def _handle(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        self.paths.append(connection.request.path)
        for message in self._script:
            if message == WAIT:
                self.heard.append(json.loads(connection.recv(timeout=10)))
            else:
                connection.send(json.dumps(message))
