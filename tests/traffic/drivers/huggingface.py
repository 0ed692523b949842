"""The inference clients of huggingface_hub."""

import huggingface_hub

from tests.traffic.cases import Case
from tests.traffic.drivers._plan import (
    ASYNC_MODES,
    TIMEOUT_S,
    Driver,
    Mode,
    NotDrivableError,
    Plan,
    arguments_for,
    asks_stream,
    prefix,
    request_of,
)


def _plan(case: Case, mode: Mode, url: str) -> Plan | None:
    is_stream = asks_stream(case)
    if mode in ("abandoned", "aabandoned") and not is_stream:
        return None
    if case.api != "chat.completions":
        raise NotDrivableError(f"huggingface_hub: {case.api}")
    kind = huggingface_hub.AsyncInferenceClient if mode in ASYNC_MODES else huggingface_hub.InferenceClient
    client = kind(base_url=url + prefix(case, "/chat/completions"), api_key="hf_key", timeout=TIMEOUT_S)
    arguments = arguments_for(client.chat_completion, request_of(case), drop=("model",))
    return Plan(client.chat_completion, arguments, "stream" if is_stream else "plain", keep=client)


DRIVER = Driver("huggingface_hub", lambda case: case.provider == "huggingface", _plan)
