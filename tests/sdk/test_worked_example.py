"""The worked example of docs/clients.md: an adapter of twenty lines, put to work on a client that nobody knows."""

import json
import re
import sys
import types
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from costspan import _runtime
from costspan._patch import Patches
from costspan.adapters import ADAPTERS
from costspan.adapters._adapter import Adapter
from tests.sdk.conftest import Sdk
from tests.sdk.doubles.server import LocalServer

PAGE = Path(__file__).parents[2] / "docs" / "clients.md"
ANSWER = {
    "id": "a-1",
    "model": "acme-large",
    "text": "Berlin",
    "stopped_by": "end",
    "tokens": {"prompt": 120, "cached": 100, "answer": 7},
}


def code() -> str:
    (found,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return str(found)


class Client:
    """The client of the example."""

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = port

    def send(self, path: str, body: dict[str, Any]) -> Any:
        request = urllib.request.Request(f"http://{self.host}:{self.port}{path}", json.dumps(body).encode())
        with urllib.request.urlopen(request) as response:
            return json.load(response)


@pytest.fixture
def acme(monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    def handle(request: BaseHTTPRequestHandler, body: bytes) -> None:
        answer = json.dumps(ANSWER).encode()
        request.send_response(200)
        request.send_header("Content-Length", str(len(answer)))
        request.end_headers()
        request.wfile.write(answer)

    server = LocalServer(handle)
    module = types.ModuleType("acme")
    module.Client = Client  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "acme", module)
    yield Client("127.0.0.1", server.port)
    server.close()


def test_the_example_observes_its_client(acme: Client, sdk: Sdk) -> None:
    names: dict[str, Any] = {}
    exec(code(), names)
    adapter = names["ACME"]
    assert isinstance(adapter, Adapter)
    engine = _runtime.engine_or_none()
    assert engine is not None
    patches = Patches(engine, (adapter,))
    patches.apply()
    try:
        assert acme.send("/v1/generate", {"model": "acme-large"}) == ANSWER
        assert acme.send("/v1/other", {}) == ANSWER
    finally:
        patches.undo()
    span = sdk.span()
    assert span["gen_ai.provider.name"] == "acme"
    assert span["gen_ai.response.id"] == "a-1"
    assert span["gen_ai.response.finish_reasons"] == ["end"]
    assert (span["gen_ai.usage.input_tokens"], span["gen_ai.usage.output_tokens"]) == (120, 7)
    assert span["gen_ai.usage.cache_read.input_tokens"] == 100


def test_the_example_is_short() -> None:
    lines = [line for line in code().splitlines() if line.strip() and not line.startswith(("from", "import"))]
    assert len(lines) <= 22, len(lines)


def test_the_page_lists_every_client() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert [adapter.name for adapter in ADAPTERS if f"`{adapter.distribution}`" not in page] == []
