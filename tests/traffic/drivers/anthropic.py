"""The anthropic client."""

import re
from collections.abc import Callable
from typing import Any

import anthropic
import anthropic._base_client

from tests.traffic.cases import Case
from tests.traffic.drivers._http import library_of
from tests.traffic.drivers._plan import MODES, TIMEOUT_S, Driver, Mode, NotDrivableError, Plan, arguments_for, request_of
from tests.traffic.drivers._stainless import client_for, plan_method

_HTTP = library_of(anthropic._base_client)
_KINDS = (anthropic.Anthropic, anthropic.AsyncAnthropic)
_ROUTES: tuple[tuple[str, str, Callable[[Any, Any], Any], str], ...] = (
    ("POST", r"/messages/batches/([^/]+)/cancel", lambda _, messages: messages.batches.cancel, "message_batch_id"),
    ("GET", r"/messages/batches/([^/]+)", lambda _, messages: messages.batches.retrieve, "message_batch_id"),
    ("POST", r"/messages/batches", lambda _, messages: messages.batches.create, ""),
    ("GET", r"/messages/batches", lambda _, messages: messages.batches.list, ""),
    ("GET", r"/models", lambda client, _: client.models.list, ""),
    ("GET", r"/files/([^/]+)/content", lambda client, _: client.beta.files.download, "file_id"),
    ("GET", r"/files/([^/]+)", lambda client, _: client.beta.files.retrieve_metadata, "file_id"),
    ("DELETE", r"/files/([^/]+)", lambda client, _: client.beta.files.delete, "file_id"),
    ("GET", r"/files", lambda client, _: client.beta.files.list, ""),
    ("POST", r"/files", lambda client, _: client.beta.files.upload, ""),
)


def _handles(case: Case) -> bool:
    return case.api in ("messages", "messages.count_tokens", "messages.batches") or (
        case.provider == "anthropic" and case.api in ("files", "models")
    )


def _plan(case: Case, mode: Mode, url: str) -> Plan | None:
    client = client_for(_KINDS, _HTTP, case, mode, url, case.plain_path.partition("/v1/")[0])
    messages = client.beta.messages if "beta=true" in case.query else client.messages
    if case.api == "messages" and case.method == "POST":
        return _message(case, messages, mode)
    if mode not in ("sync", "async", "hosted"):
        return None
    if case.api == "messages.count_tokens":
        return Plan(messages.count_tokens, arguments_for(messages.count_tokens, request_of(case)), keep=client)
    for http_method, pattern, pick, name in _ROUTES:
        found = re.search(pattern + "$", case.plain_path)
        if http_method == case.method and found:
            arguments: dict[str, Any] = {name: found[1]} if name else dict(case.request)
            if http_method == "POST" and pattern == r"/files":
                arguments = {"file": ("file.txt", b"text")}
            return Plan(pick(client, messages), arguments, keep=client)
    raise NotDrivableError(f"the anthropic client has no method for {case.method} {case.plain_path}")


def _message(case: Case, messages: Any, mode: Mode) -> Plan | None:
    if case.request_json is None and "no_request" in case.flags:
        question = [{"role": "user", "content": "hi"}]
        request = {"model": case.model_responded or "unknown", "messages": question, "stream": case.streaming}
    else:
        request = request_of(case)
    request.setdefault("max_tokens", 1024)
    # Without a timeout of its own the client refuses long answers that are not streamed.
    more: dict[str, Any] = {"timeout": TIMEOUT_S}
    if case.request_beta:
        more["extra_headers"] = {"anthropic-beta": case.request_beta}
    is_stream = bool(request.get("stream"))
    if mode in ("helper", "ahelper"):
        if not is_stream:
            return None
        arguments = arguments_for(messages.stream, request, drop=("stream",))
        return Plan(messages.stream, {**arguments, **more}, "manager", keep=messages)
    return plan_method(messages, "create", request, mode, is_stream=is_stream, **more)


DRIVER = Driver("anthropic", _handles, _plan, modes=MODES)
