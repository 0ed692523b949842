"""The writer-sdk client."""

import writerai

from tests.traffic.cases import Case
from tests.traffic.drivers._http import httpx
from tests.traffic.drivers._plan import Driver, Mode, NotDrivableError, Plan, asks_stream, request_of
from tests.traffic.drivers._stainless import MODES, client_for, plan_method


def _plan(case: Case, mode: Mode, url: str) -> Plan | None:
    client = client_for((writerai.Writer, writerai.AsyncWriter), httpx, case, mode, url, "")
    methods = {"chat": (client.chat, "chat"), "completions": (client.completions, "create")}
    if case.api not in methods:
        raise NotDrivableError(f"writer: {case.api}")
    resource, name = methods[case.api]
    return plan_method(resource, name, request_of(case), mode, is_stream=asks_stream(case))


DRIVER = Driver("writer", lambda case: case.provider == "writer", _plan, modes=MODES)
