"""The google-genai client, for Gemini and for Vertex AI."""

import copy
import re
import ssl
from functools import lru_cache
from typing import Any

import google.oauth2.credentials
import pydantic
from google import genai
from google.genai import types

from tests.traffic.cases import Case
from tests.traffic.drivers._plan import ASYNC_MODES, TIMEOUT_S, Driver, Mode, NotDrivableError, Plan

_APIS = {"generateContent", "embedContent", "countTokens", "cachedContents", "interactions", "predict"}
_CONFIG_FIELDS = (
    "systemInstruction",
    "tools",
    "toolConfig",
    "safetySettings",
    "cachedContent",
    "labels",
    "system_instruction",
    "tool_config",
    "safety_settings",
    "serviceTier",
    "modelArmorConfig",
)
_MOST_UNKNOWN_FIELDS = 40


def _handles(case: Case) -> bool:
    return case.api in _APIS or (case.provider in ("google", "vertexai") and case.api == "models")


@lru_cache(maxsize=1)
def _credentials() -> Any:
    return google.oauth2.credentials.Credentials(token="token")  # type: ignore[no-untyped-call]


@lru_cache(maxsize=1)
def _no_certificates() -> dict[str, dict[str, Any]]:
    # Loading certificates, three times a client, would take most of the run.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return {"client_args": {"verify": context}, "async_client_args": {"verify": context, "ssl": context}}


def _client(case: Case, url: str) -> Any:
    found = re.match(r"(.*?)/(v1beta1|v1beta|v1alpha|v1)(?=/)", case.plain_path)
    if not found:
        raise NotDrivableError(f"google-genai: {case.plain_path}")
    options = types.HttpOptions(
        base_url=url + found[1], api_version=found[2], timeout=int(TIMEOUT_S * 1000), **_no_certificates()
    )
    if "/projects/" not in case.plain_path and "/publishers/" not in case.plain_path:
        return genai.Client(api_key="key", http_options=options)
    place = re.search(r"/locations/([^/]+)/", case.plain_path)
    return genai.Client(
        vertexai=True,
        project="PROJECT",
        location=place[1] if place else "global",
        credentials=_credentials(),
        http_options=options,
    )


def _plan(case: Case, mode: Mode, url: str) -> Plan | None:
    is_stream = "streamGenerateContent" in case.plain_path or (case.api == "interactions" and bool(case.request.get("stream")))
    if mode in ("abandoned", "aabandoned") and not is_stream:
        return None
    client = _client(case, url)
    makers = {
        "generateContent": _generate,
        "countTokens": _count,
        "embedContent": _embed,
        "predict": _predict,
        "cachedContents": _cache,
        "interactions": lambda case, api: (api.interactions.create, copy.deepcopy(case.request)),
        "models": lambda case, api: (api.models.list, {}),
    }
    api = client.aio if mode in ASYNC_MODES else client
    function, arguments = makers[case.api](case, api)
    return Plan(function, arguments, "stream" if is_stream else "plain", keep=client)


def _generate(case: Case, api: Any) -> tuple[Any, dict[str, Any]]:
    request = case.request
    config = dict(request.get("generationConfig") or request.get("generation_config") or {})
    config |= {name: request[name] for name in _CONFIG_FIELDS if name in request}
    instruction = config.get("systemInstruction")
    if isinstance(instruction, dict) and isinstance(instruction.get("parts"), dict):
        config["systemInstruction"] = {**instruction, "parts": [instruction["parts"]]}
    if isinstance(config.get("tools"), dict):
        config["tools"] = [config["tools"]]
    if not (contents := _contents(case)):
        raise NotDrivableError("google-genai: no contents were recorded")
    is_stream = "streamGenerateContent" in case.plain_path
    if is_stream and "stream_body" not in case.flags and case.status < 400:
        raise NotDrivableError("google-genai: it asks for server-sent events, and the answer is one JSON array")
    if re.search(r'"(?:role|finishReason|category|probability|modality|trafficType)"\s*:\s*\d', case.response_body):
        raise NotDrivableError("google-genai: it reads no enumerations written as numbers")
    function = api.models.generate_content_stream if is_stream else api.models.generate_content
    return function, {
        "model": case.model_requested,
        "contents": contents,
        "config": _accepted(types.GenerateContentConfig, config),
    }


def _count(case: Case, api: Any) -> tuple[Any, dict[str, Any]]:
    if "generateContentRequest" in case.request:
        raise NotDrivableError("google-genai: it does not send generateContentRequest")
    return api.models.count_tokens, {"model": case.model_requested, "contents": _contents(case)}


def _contents(case: Case) -> list[Any]:
    contents = case.request.get("contents") or []
    contents = [contents] if isinstance(contents, dict) else contents
    return [_content(content) for content in contents]


def _content(content: dict[str, Any]) -> Any:
    parts = content.get("parts")
    return _accepted(types.Content, {**content, "parts": [parts]} if isinstance(parts, dict) else content)


def _embed(case: Case, api: Any) -> tuple[Any, dict[str, Any]]:
    requests = case.request.get("requests") or [case.request]
    config = {
        name: requests[0][name] for name in ("taskType", "outputDimensionality", "title") if requests[0].get(name) is not None
    }
    contents = [_content(request["content"]) for request in requests]
    return api.models.embed_content, {
        "model": case.model_requested,
        "contents": contents,
        "config": _accepted(types.EmbedContentConfig, config),
    }


def _predict(case: Case, api: Any) -> tuple[Any, dict[str, Any]]:
    instances = case.request.get("instances") or [{}]
    if "content" not in instances[0]:
        raise NotDrivableError("google-genai: predict of something else than embeddings")
    size = (case.request.get("parameters") or {}).get("outputDimensionality")
    config = _accepted(types.EmbedContentConfig, {"outputDimensionality": size} if size else {})
    contents = [instance["content"] for instance in instances]
    return api.models.embed_content, {"model": case.model_requested, "contents": contents, "config": config}


def _cache(case: Case, api: Any) -> tuple[Any, dict[str, Any]]:
    if case.method == "POST":
        config = {name: value for name, value in case.request.items() if name != "model"}
        return api.caches.create, {"model": case.request["model"], "config": _accepted(types.CreateCachedContentConfig, config)}
    name = "cachedContents/" + case.plain_path.rpartition("/")[-1]
    return (api.caches.get if case.method == "GET" else api.caches.delete), {"name": name}


def _accepted(kind: Any, data: dict[str, Any]) -> Any:
    """``data`` as an instance of ``kind``, without the fields that this version of the client does not know."""
    data = copy.deepcopy(data)
    for _ in range(_MOST_UNKNOWN_FIELDS):
        try:
            return kind.model_validate(data)
        except pydantic.ValidationError as error:
            unknown = [entry["loc"] for entry in error.errors() if entry["type"] == "extra_forbidden"]
            dropped = [_drop(data, place) for place in unknown]
            if not any(dropped):
                raise
    raise NotDrivableError(f"google-genai: {kind.__name__} accepts the request in no form")


def _drop(data: Any, place: tuple[int | str, ...]) -> bool:
    for step in place[:-1]:
        if isinstance(data, dict) and isinstance(step, str) and step not in data:
            continue  # the name of a union's member
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return False
    return isinstance(data, dict) and data.pop(place[-1], None) is not None


DRIVER = Driver("google_genai", _handles, _plan, more_adapters=("google_interactions",))
