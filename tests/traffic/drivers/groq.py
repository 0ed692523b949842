"""The groq client."""

import groq

from tests.traffic.cases import Case
from tests.traffic.drivers._http import httpx
from tests.traffic.drivers._plan import Driver, Mode, NotDrivableError, Plan, asks_stream, prefix, request_of
from tests.traffic.drivers._stainless import MODES, client_for, plan_method


def _plan(case: Case, mode: Mode, url: str) -> Plan | None:
    client = client_for((groq.Groq, groq.AsyncGroq), httpx, case, mode, url, prefix(case, "/openai/v1/"))
    resource = {"chat.completions": client.chat.completions, "embeddings": client.embeddings}.get(case.api)
    if resource is None:
        raise NotDrivableError(f"groq: {case.api}")
    return plan_method(resource, "create", request_of(case), mode, is_stream=asks_stream(case))


DRIVER = Driver("groq", lambda case: case.provider == "groq", _plan, modes=MODES)
