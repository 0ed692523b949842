"""HTTP clients for the drivers: shared, without certificates, and able to lead a real host's name to the replay."""

from functools import lru_cache
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.traffic.drivers._plan import TIMEOUT_S


def library_of(module: ModuleType) -> ModuleType:
    """The HTTP library that a client's ``module`` uses: the newest clients have moved from httpx to httpx2."""
    return getattr(module, "httpx2", httpx)


@lru_cache(maxsize=16)
def shared(library: ModuleType, *, is_async: bool) -> Any:
    """One pooled client of ``httpx`` or ``httpx2`` for the whole run."""
    kind = library.AsyncClient if is_async else library.Client
    return kind(verify=False, timeout=TIMEOUT_S, follow_redirects=True, trust_env=False)


def led_to(library: ModuleType, url: str) -> Any:
    """A client whose every request goes to ``url``, whatever host it names; the path is put behind."""
    target = urlsplit(url)

    class Lead(library.HTTPTransport):  # type: ignore[misc, name-defined]
        def handle_request(self, request: Any) -> Any:
            request.url = request.url.copy_with(
                scheme=target.scheme,
                host=target.hostname,
                port=target.port,
                raw_path=target.path.encode() + request.url.raw_path,
            )
            return super().handle_request(request)

    return library.Client(transport=Lead(verify=False), timeout=TIMEOUT_S, trust_env=False)


__all__ = ["httpx", "led_to", "library_of", "shared"]
