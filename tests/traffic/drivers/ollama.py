"""The ollama client."""

from functools import lru_cache
from typing import Any

import ollama

from tests.traffic.cases import Case
from tests.traffic.drivers._plan import ASYNC_MODES, TIMEOUT_S, Driver, Mode, NotDrivableError, Plan, named_arguments, request_of


@lru_cache(maxsize=64)
def _client(url: str, *, is_async: bool) -> Any:
    return (ollama.AsyncClient if is_async else ollama.Client)(host=url, timeout=TIMEOUT_S, verify=False)


def _plan(case: Case, mode: Mode, url: str) -> Plan | None:
    client = _client(url, is_async=mode in ASYNC_MODES)
    name = case.api.removeprefix("ollama.")
    function = getattr(client, name, None)
    if function is None:
        raise NotDrivableError(f"ollama: {case.api}")
    request = request_of(case)
    is_stream = False
    if name in ("chat", "generate"):
        is_stream = request.setdefault("stream", "stream_body" in case.flags)
    if mode in ("abandoned", "aabandoned") and not is_stream:
        return None
    return Plan(function, named_arguments(function, request), "stream" if is_stream else "plain", keep=client)


DRIVER = Driver("ollama", lambda case: case.api.startswith("ollama."), _plan)
