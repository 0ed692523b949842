"""boto3 and aiobotocore: any operation of the service, found by its recorded method and path."""

import base64
import binascii
import json
import re
from contextlib import AsyncExitStack
from functools import lru_cache
from typing import Any

import boto3.session
import botocore
import botocore.config
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session

from tests.traffic.cases import Case
from tests.traffic.drivers._plan import TIMEOUT_S, Driver, Mode, NotDrivableError, Plan

_SERVICES = {
    "bedrock": "bedrock-runtime",
    "bedrock_agent": "bedrock-agent-runtime",
    "sagemaker": "sagemaker-runtime",
    "pydantic_gateway": "bedrock-runtime",
}
_APIS = ("converse", "invoke_model", "invoke_endpoint")
_ACCOUNT = {"region_name": "us-east-1", "aws_access_key_id": "key", "aws_secret_access_key": "secret"}
_TIMEOUTS: dict[str, Any] = {"retries": {"max_attempts": 0}, "connect_timeout": 5, "read_timeout": TIMEOUT_S}


def _handles(case: Case) -> bool:
    return case.provider in ("bedrock", "bedrock_agent", "sagemaker") or case.api in _APIS


@lru_cache(maxsize=1)
def _session() -> Any:
    return boto3.session.Session()


@lru_cache(maxsize=8)
def _operations(service: str) -> list[tuple[str, re.Pattern[str], list[str], Any]]:
    """Method, path, the path's variables and the model of every operation, those with the longest fixed path first."""
    model = _session().client(service, endpoint_url="http://127.0.0.1:9", **_ACCOUNT).meta.service_model
    operations = [model.operation_model(name) for name in model.operation_names]
    operations.sort(key=lambda operation: -len(re.sub(r"\{[^}]+\}", "", operation.http["requestUri"])))
    found = []
    for operation in operations:
        path = operation.http["requestUri"].partition("?")[0]
        pattern = re.compile(re.sub(r"\\\{[^}]+?\\\}", "(.+)", re.escape(path)))
        found.append((operation.http["method"], pattern, re.findall(r"\{([^}+]+)\+?\}", path), operation))
    return found


def _call(case: Case) -> tuple[str, str, str, dict[str, Any]]:
    """Service, what stands before its own path, the operation's Python name, and its parameters."""
    service = _SERVICES.get(case.provider, "bedrock-runtime")
    start = case.plain_path.find("/model/") if service == "bedrock-runtime" else 0
    before, path = case.plain_path[: max(start, 0)], case.plain_path[max(start, 0) :]
    for method, pattern, names, operation in _operations(service):
        found = pattern.fullmatch(path)
        if method == case.method and found:
            parameters = _parameters(case, operation.input_shape, dict(zip(names, found.groups(), strict=True)))
            return service, before, botocore.xform_name(operation.name), parameters
    raise NotDrivableError(f"{service} has no operation for {case.method} {path}")


def _parameters(case: Case, shape: Any, in_path: dict[str, str]) -> dict[str, Any]:
    parameters: dict[str, Any] = {}
    for name, member in shape.members.items():
        place = member.serialization
        if place.get("location") == "uri" and place.get("name", name) in in_path:
            parameters[name] = in_path[place.get("name", name)]
    payload = shape.serialization.get("payload")
    if payload:
        if case.request_json is None:
            raise NotDrivableError("no request body was recorded")
        is_blob = shape.members[payload].type_name == "blob"
        parameters[payload] = (
            json.dumps(case.request_json).encode() if is_blob else _python(shape.members[payload], case.request_json)
        )
        if "ContentType" in shape.members or "contentType" in shape.members:
            parameters["ContentType" if "ContentType" in shape.members else "contentType"] = "application/json"
    else:
        parameters = {**_python(shape, case.request), **parameters}
    if set(shape.required_members) - set(parameters):
        raise NotDrivableError("no request body was recorded")
    return parameters


def _python(shape: Any, value: Any) -> Any:
    """JSON as the service's REST protocol has it, as parameters of the client: base64 as bytes, members by their names."""
    kind = shape.type_name
    if kind == "structure" and isinstance(value, dict) and not getattr(shape, "is_document_type", False):
        names = {member.serialization.get("name", name): name for name, member in shape.members.items()}
        return {
            names[key]: _python(shape.members[names[key]], item)
            for key, item in value.items()
            if key in names and item is not None
        }
    if kind == "list" and isinstance(value, list):
        return [_python(shape.member, item) for item in value]
    if kind == "map" and isinstance(value, dict):
        return {key: _python(shape.value, item) for key, item in value.items()}
    if kind == "blob" and isinstance(value, str):
        try:
            return base64.b64decode(value)
        except binascii.Error:
            return value.encode()
    return value


def _plan_sync(case: Case, mode: Mode, url: str) -> Plan | None:
    service, before, name, parameters = _call(case)
    if mode == "abandoned" and not case.streaming:
        return None
    config = botocore.config.Config(**_TIMEOUTS, max_pool_connections=1)
    client = _session().client(service, endpoint_url=url + before, config=config, **_ACCOUNT)
    return Plan(getattr(client, name), parameters, "aws", keep=client)


@lru_cache(maxsize=1)
def _async_session() -> Any:
    return get_session()


def _plan_async(case: Case, mode: Mode, url: str) -> Plan | None:
    service, before, name, parameters = _call(case)
    if mode == "aabandoned" and not case.streaming:
        return None
    closing = AsyncExitStack()

    async def call(**arguments: Any) -> Any:
        config = AioConfig(**_TIMEOUTS)
        making = _async_session().create_client(service, endpoint_url=url + before, config=config, verify=False, **_ACCOUNT)
        client = await closing.enter_async_context(making)
        return await getattr(client, name)(**arguments)

    return Plan(call, parameters, "aws", keep=closing)


BOTO = Driver("botocore", _handles, _plan_sync, modes=("sync", "abandoned"))
AIOBOTO = Driver("aiobotocore", _handles, _plan_async, modes=("async", "aabandoned"))
