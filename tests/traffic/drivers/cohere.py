"""The cohere clients, of both versions of the API."""

import inspect
from functools import lru_cache
from typing import Any

import cohere
from cohere.base_client import AsyncBaseCohere, BaseCohere
from cohere.v2.client import AsyncV2Client, V2Client

from tests.traffic.cases import Case
from tests.traffic.drivers._http import httpx, led_to, shared
from tests.traffic.drivers._plan import (
    ASYNC_MODES,
    Driver,
    Mode,
    NotDrivableError,
    Plan,
    asks_stream,
    request_of,
    with_files,
)

_KINDS = {
    (False, False): cohere.Client,
    (False, True): cohere.AsyncClient,
    (True, False): cohere.ClientV2,
    (True, True): cohere.AsyncClientV2,
}
_METHODS = {name: name for name in ("chat", "embed", "rerank", "generate", "tokenize", "classify")}


@lru_cache(maxsize=64)
def _parameters(kind: type, name: str) -> frozenset[str]:
    # The methods are wrapped in (*args, **kwargs): the signature is that of the class beneath.
    is_second = kind in (cohere.ClientV2, cohere.AsyncClientV2) and name in vars(V2Client)
    bases = (V2Client, AsyncV2Client) if is_second else (*kind.__mro__, BaseCohere, AsyncBaseCohere)
    found = [vars(base)[name] for base in bases if name in vars(base)]
    return max((frozenset(inspect.signature(function).parameters) for function in found), key=len)


def _plan(case: Case, mode: Mode, url: str) -> Plan | None:
    is_async, is_stream = mode in ASYNC_MODES, asks_stream(case)
    if mode in ("abandoned", "aabandoned") and not is_stream:
        return None
    if case.api not in _METHODS:
        raise NotDrivableError(f"cohere: {case.api}")
    kind: Any = _KINDS["/v2/" in case.path, is_async]
    client = kind(
        api_key="key",
        base_url=f"https://{case.host}" if mode == "hosted" else url,
        httpx_client=led_to(httpx, url) if mode == "hosted" else shared(httpx, is_async=is_async),
        log_warning_experimental_features=False,
    )
    name = _METHODS[case.api] + ("_stream" if is_stream else "")
    request = with_files(request_of(case))
    request.pop("stream", None)
    names = _parameters(kind, name)
    arguments: dict[str, Any] = {key: value for key, value in request.items() if key in names}
    options: dict[str, Any] = {"max_retries": 0}
    if extra := {key: value for key, value in request.items() if key not in names}:
        options["additional_body_parameters"] = extra
    arguments["request_options"] = options
    if case.api == "embed" and "/v2/" not in case.path:
        arguments["batching"] = False
    if case.api == "tokenize":
        arguments["offline"] = False
    return Plan(getattr(client, name), arguments, "stream" if is_stream else "plain", keep=client)


DRIVER = Driver(
    "cohere",
    lambda case: case.provider == "cohere" and case.api in _METHODS,
    _plan,
    modes=("sync", "async", "abandoned", "aabandoned", "hosted"),
)
