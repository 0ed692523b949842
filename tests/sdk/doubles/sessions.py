"""A model provider over WebSockets: plays a script of messages to whoever connects, and remembers what it was told."""

import datetime as dt
import json
import ssl
import tempfile
import threading
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from websockets.sync.server import Server, ServerConnection, serve

# A message is sent as JSON; the text WAIT is a pause until the client has said something more.
WAIT = "wait"


def _certified() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The contexts of a server on loopback and of a client that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        Path(file.name).write_bytes(private + pem)
        serving.load_cert_chain(file.name)
    return serving, ssl.create_default_context(cadata=pem.decode())


class SessionProvider:
    """``play`` sets the script of the next connections. ``paths`` are those that clients asked for. With ``is_tls`` it
    wants TLS, and ``client_context`` trusts it."""

    def __init__(self, *, is_tls: bool = False) -> None:
        serving, self.client_context = _certified() if is_tls else (None, None)
        self.heard: list[Any] = []
        self.paths: list[str] = []
        self._script: list[Any] = []
        self._server: Server = serve(self._handle, "127.0.0.1", 0, ssl=serving)
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
