"""The mistralai client."""

import re
from operator import attrgetter
from typing import Any

try:
    from mistralai.client import Mistral
except ImportError:  # before version 2
    from mistralai import Mistral

from tests.traffic.cases import Case
from tests.traffic.drivers._http import httpx, led_to, shared
from tests.traffic.drivers._plan import (
    ASYNC_MODES,
    TIMEOUT_S,
    Driver,
    Mode,
    NotDrivableError,
    Plan,
    asks_stream,
    named_arguments,
    request_of,
    with_files,
)


def _client(case: Case, mode: Mode, url: str) -> Any:
    is_hosted = mode == "hosted"
    return Mistral(
        api_key="key",
        server_url=f"https://{case.host}" if is_hosted else url,
        timeout_ms=int(TIMEOUT_S * 1000),
        client=led_to(httpx, url) if is_hosted else shared(httpx, is_async=False),
        async_client=shared(httpx, is_async=True),
    )


def _plan(case: Case, mode: Mode, url: str) -> Plan | None:
    client = _client(case, mode, url)
    is_stream = asks_stream(case) or (case.api == "audio.transcriptions" and case.streaming)
    if mode in ("abandoned", "aabandoned") and not is_stream:
        return None
    request = request_of(case)
    request.pop("stream", None)
    complete = "stream" if is_stream else "complete"
    methods = {
        "chat.completions": ("chat", complete),
        "fim": ("fim", complete),
        "agents.completions": ("agents", complete),
        "embeddings": ("embeddings", "create"),
        "ocr": ("ocr", "process"),
        "audio.transcriptions": ("audio.transcriptions", complete),
        "audio.speech": ("audio.speech", "complete"),
        "moderations": ("classifiers", "moderate"),
    }
    if case.api not in methods:
        raise NotDrivableError(f"mistralai: {case.api}")
    if case.api == "embeddings" and "input" in request:
        request["inputs"] = request.pop("input")
    if request.get("__multipart__"):
        request = with_files(request)
        if isinstance(file := request.get("file"), tuple):
            request["file"] = {"file_name": file[0], "content": file[1]}
    resource, name = methods[case.api]
    function = getattr(attrgetter(resource)(client), name + ("_async" if mode in ASYNC_MODES else ""))
    return Plan(function, named_arguments(function, request), "stream" if is_stream else "plain", keep=client)


def _handles(case: Case) -> bool:
    return case.provider == "mistral" and not re.search(r"/(files|batch|models)(/|$)", case.plain_path)


DRIVER = Driver("mistralai", _handles, _plan, modes=("sync", "async", "abandoned", "aabandoned", "hosted"))
