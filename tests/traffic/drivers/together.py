"""The together client."""

import together

from tests.traffic.cases import Case
from tests.traffic.drivers._http import httpx
from tests.traffic.drivers._plan import Driver, Mode, NotDrivableError, Plan, asks_stream, request_of
from tests.traffic.drivers._stainless import MODES, client_for, plan_method


def _plan(case: Case, mode: Mode, url: str) -> Plan | None:
    path = "/v1" if case.plain_path.startswith("/v1/") else ""
    client = client_for((together.Together, together.AsyncTogether), httpx, case, mode, url, path)
    resources = {"chat.completions": client.chat.completions, "completions": client.completions, "embeddings": client.embeddings}
    if case.api not in resources:
        raise NotDrivableError(f"together: {case.api}")
    return plan_method(resources[case.api], "create", request_of(case), mode, is_stream=asks_stream(case))


DRIVER = Driver("together", lambda case: case.provider == "together", _plan, modes=MODES)
