"""The openai client: OpenAI itself, Azure, and everyone who speaks the same protocol."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import openai
import openai._base_client

from tests.traffic.cases import Case
from tests.traffic.drivers._http import led_to, library_of, shared
from tests.traffic.drivers._openai_rest import plan_rest
from tests.traffic.drivers._plan import (
    ASYNC_MODES,
    MODES,
    PICTURE,
    TIMEOUT_S,
    Driver,
    Mode,
    NotDrivableError,
    Plan,
    arguments_for,
    asks_stream,
    prefix,
    request_of,
    with_files,
)
from tests.traffic.drivers._stainless import client_for, plan_method

_SPOKEN_BY_OTHERS = {"mistral", "groq", "together", "huggingface", "writer", "bedrock", "cohere"}
_HTTP = library_of(openai._base_client)
_KINDS = (openai.OpenAI, openai.AsyncOpenAI)
_AZURE = (openai.AzureOpenAI, openai.AsyncAzureOpenAI)

# api as recorded -> the end of its path, and the method that asks for it.
_METHODS: dict[str, tuple[str, Callable[[Any], Any], str]] = {
    "chat.completions": ("/chat/completions", lambda client: client.chat.completions, "create"),
    "completions": ("/completions", lambda client: client.completions, "create"),
    "responses": ("/responses", lambda client: client.responses, "create"),
    "responses.compact": ("/responses/compact", lambda client: client.responses, "compact"),
    "responses.count_tokens": ("/responses/input_tokens", lambda client: client.responses.input_tokens, "count"),
    "embeddings": ("/embeddings", lambda client: client.embeddings, "create"),
    "images.generate": ("/images/generations", lambda client: client.images, "generate"),
    "images.edit": ("/images/edits", lambda client: client.images, "edit"),
    "images.variation": ("/images/variations", lambda client: client.images, "create_variation"),
    "audio.speech": ("/audio/speech", lambda client: client.audio.speech, "create"),
    "audio.transcriptions": ("/audio/transcriptions", lambda client: client.audio.transcriptions, "create"),
    "audio.translations": ("/audio/translations", lambda client: client.audio.translations, "create"),
    "moderations": ("/moderations", lambda client: client.moderations, "create"),
}


def _handles(case: Case) -> bool:
    speaks = case.api in _METHODS or case.api in ("assistants", "batches", "files", "models")
    return (
        speaks
        and case.provider not in _SPOKEN_BY_OTHERS
        and (case.provider, case.api)
        not in {
            ("anthropic", "files"),
            ("anthropic", "models"),
            ("google", "models"),
            ("google", "files"),
        }
    )


def _client(case: Case, mode: Mode, url: str) -> Any:
    if case.provider != "azure" or "/deployments/" not in case.plain_path:
        entry = _METHODS.get(case.api)
        version = re.match(r"(.*?/v\d+(?:beta\d*)?)(?=/|$)", case.plain_path)
        path = prefix(case, entry[0]) if entry else version[1] if version else ""
        return client_for(_KINDS, _HTTP, case, mode, url, path)
    is_async = mode in ASYNC_MODES
    options: dict[str, Any] = {"azure_endpoint": url, "http_client": shared(_HTTP, is_async=is_async)}
    if mode == "hosted":
        options = {"azure_endpoint": f"https://{case.host}", "http_client": led_to(_HTTP, url)}
    version_asked = dict(parse_qsl(case.query)).get("api-version", "2024-02-01")
    kind = _AZURE[is_async]
    return kind(api_key="key", api_version=version_asked, max_retries=0, timeout=TIMEOUT_S, **options)


def _plan(case: Case, mode: Mode, url: str) -> Plan | None:
    client = _client(case, mode, url)
    if case.api not in _METHODS or case.method != "POST":
        return plan_rest(case, client, mode)
    suffix, resource_of, name = _METHODS[case.api]
    if not case.plain_path.rstrip("/").endswith(suffix):
        raise NotDrivableError(f"{case.plain_path} is no path of the openai client")
    request = _request(case)
    is_stream = request.get("stream") in (True, "true")
    if "stream_body" in case.flags and not is_stream and case.status < 400:
        raise NotDrivableError("the answer is a stream that the recorded request did not ask for")
    if case.request_beta:
        request["extra_headers"] = {"OpenAI-Beta": case.request_beta}
    if mode in ("helper", "ahelper"):
        return _helper(case, resource_of(client), request, is_stream=is_stream)
    return plan_method(resource_of(client), name, request, mode, is_stream=is_stream)


def _helper(case: Case, resource: Any, request: dict[str, Any], *, is_stream: bool) -> Plan | None:
    """``.stream()`` for streams, ``.parse()`` for answers in a given form."""
    if case.api not in ("chat.completions", "responses"):
        return None
    if is_stream:
        return Plan(resource.stream, arguments_for(resource.stream, request, drop=("stream",)), "manager", keep=resource)
    return Plan(resource.parse, arguments_for(resource.parse, request, drop=("stream",)), keep=resource)


def _request(case: Case) -> dict[str, Any]:
    if case.request_json is None and "no_request" in case.flags and case.api == "chat.completions":
        question = [{"role": "user", "content": "hi"}]
        return {"model": case.model_responded or "unknown", "messages": question, "stream": case.streaming}
    request = request_of(case)
    if request.get("__multipart__"):
        request = with_files(request)
    if case.api == "images.edit" and isinstance(request.get("images"), list):
        # Recorded from a client that sends links; this one uploads.
        request["image"] = [("image.png", PICTURE)] * len(request.pop("images"))
    if case.api in ("chat.completions", "completions", "embeddings") and "model" not in request:
        request["model"] = case.model_requested or case.model_responded or "unknown"
    return request


DRIVER = Driver("openai", _handles, _plan, tells_provider=False, modes=MODES)

__all__ = ["DRIVER", "asks_stream"]
