"""What every driver has in common: a plan of one call, and how a recorded request becomes a method's arguments."""

import base64
import copy
import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from tests.traffic.cases import Case

TIMEOUT_S = 25.0
PICTURE = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==")

# sync, async: the plain method. helper, ahelper: the context manager or parser around it. raw, streamed: the bare HTTP
# response, whole or opened. abandoned, aabandoned: a stream that is dropped after its first item. hosted: as sync, under
# the provider's real host name, which tells whose call it is.
Mode = Literal["sync", "async", "helper", "ahelper", "raw", "streamed", "abandoned", "aabandoned", "hosted"]
MODES: tuple[Mode, ...] = ("sync", "async", "helper", "ahelper", "raw", "streamed", "abandoned", "aabandoned", "hosted")
ASYNC_MODES = ("async", "ahelper", "aabandoned")

Consume = Literal["plain", "stream", "manager", "raw", "streamed", "aws"]


class NotDrivableError(Exception):
    """The client has no method for this recording; the message says which."""


@dataclass(frozen=True)
class Plan:
    """One call: ``function(**arguments)``, and how its result is to be consumed. ``keep`` lives as long as the call."""

    function: Callable[..., Any]
    arguments: dict[str, Any]
    consume: Consume = "plain"
    keep: Any = None


@dataclass(frozen=True)
class Driver:
    """One client library. ``adapter`` is the name of the SDK's adapter for it, ``more_adapters`` those that it meets besides.

    ``plan(case, mode, url)`` gives the call, or None where the mode does not apply; it raises NotDrivableError where the
    client cannot make such a call. ``tells_provider``: the client itself tells the provider, whatever the host.
    """

    adapter: str
    handles: Callable[[Case], bool]
    plan: Callable[[Case, Mode, str], Plan | None]
    tells_provider: bool = True
    modes: tuple[Mode, ...] = ("sync", "async", "abandoned", "aabandoned")
    more_adapters: tuple[str, ...] = ()


def prefix(case: Case, suffix: str) -> str:
    """The recorded path up to ``suffix``, which the client puts there itself."""
    head, found, _ = case.plain_path.rpartition(suffix)
    return head if found else case.plain_path


def request_of(case: Case) -> dict[str, Any]:
    """A copy of the recorded request body. Raises NotDrivableError if none was recorded."""
    if not isinstance(case.request_json, dict):
        raise NotDrivableError("no request body was recorded")
    return copy.deepcopy(case.request_json)


def asks_stream(case: Case) -> bool:
    return case.request.get("stream") in (True, "true")


@lru_cache(maxsize=1024)
def _parameters(function: Callable[..., Any]) -> frozenset[str]:
    return frozenset(inspect.signature(function).parameters) - {"self", "timeout"}


def arguments_for(function: Callable[..., Any], request: Mapping[str, Any], *, drop: tuple[str, ...] = ()) -> dict[str, Any]:
    """``request`` as arguments: what the signature names, and the rest as ``extra_body``."""
    names = _parameters(getattr(function, "__func__", function))
    known = {name: value for name, value in request.items() if name in names and name not in drop}
    extra = {name: value for name, value in request.items() if name not in names and name not in drop}
    return {**known, "extra_body": extra} if extra else known


def named_arguments(function: Callable[..., Any], request: Mapping[str, Any]) -> dict[str, Any]:
    """As ``arguments_for``, for clients without ``extra_body``."""
    arguments = arguments_for(function, request)
    if extra := arguments.get("extra_body"):
        raise NotDrivableError(f"{function.__qualname__} has no parameter {', '.join(sorted(extra))}")
    return arguments


def with_files(request: Mapping[str, Any]) -> dict[str, Any]:
    """A recorded multipart form as arguments: a small picture in place of each file, text as what it spells."""
    arguments: dict[str, Any] = {}
    for name, value in request.items():
        if name not in ("__multipart__", "__form__"):
            arguments[re.sub(r"\[.*", "", name)] = _form_value(value)
    return arguments


def _form_value(value: Any) -> Any:
    if isinstance(value, dict) and "__file__" in value:
        return (value["__file__"] or "file.png", PICTURE)
    if isinstance(value, list) and value and isinstance(value[0], dict) and "__file__" in value[0]:
        return [_form_value(item) for item in value]
    if isinstance(value, str) and value.isdigit():
        return int(value)
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value
