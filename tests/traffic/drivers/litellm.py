"""litellm, over whichever client or protocol it chooses for a provider. Its requests are its own: they hit the recorded
case, and need not equal the recorded request."""

import os
from typing import Any

from tests.traffic.cases import Case
from tests.traffic.drivers._plan import ASYNC_MODES, Driver, Mode, NotDrivableError, Plan, asks_stream

# Read at import: without it the price list is fetched from the network.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

# provider as recorded, api -> litellm's name of the provider, and the end of the path that it puts there itself.
_ROUTES = {
    ("openai", "chat.completions"): ("openai", "/chat/completions"),
    ("deepseek", "chat.completions"): ("deepseek", "/chat/completions"),
    ("groq", "chat.completions"): ("groq", "/chat/completions"),
    ("mistral", "chat.completions"): ("mistral", "/chat/completions"),
    ("xai", "chat.completions"): ("xai", "/chat/completions"),
    ("openrouter", "chat.completions"): ("openrouter", "/chat/completions"),
    ("anthropic", "messages"): ("anthropic", ""),
    ("google", "generateContent"): ("gemini", ":"),
    ("cohere", "chat"): ("cohere_chat", ""),
    ("bedrock", "converse"): ("bedrock", ""),
    ("ollama", "ollama.chat"): ("ollama_chat", "/api/chat"),
}
_QUESTION = [{"role": "user", "content": "hi"}]


def _handles(case: Case) -> bool:
    if case.provider == "cohere" and (case.streaming or "/v2/" not in case.path):
        return False  # this version asks and reads one form only
    is_plain = not case.request.get("tools") and "no_request" not in case.flags
    return (case.provider, case.api) in _ROUTES and is_plain and case.method == "POST" and case.status == 200


def _plan(case: Case, mode: Mode, url: str) -> Plan | None:
    import litellm

    litellm.disable_hf_tokenizer_download = True
    litellm.suppress_debug_info = True
    provider, suffix = _ROUTES[case.provider, case.api]
    is_stream = asks_stream(case) or case.streaming
    if mode in ("abandoned", "aabandoned") and not is_stream:
        return None
    if not case.model_requested:
        raise NotDrivableError("litellm: no model was recorded")
    arguments: dict[str, Any] = {
        "model": f"{provider}/{case.model_requested}",
        "messages": _QUESTION,
        "api_base": url + (case.plain_path.rpartition(suffix)[0] if suffix else case.plain_path),
        "api_key": "key",
        "stream": is_stream,
        "max_retries": 0,
        "timeout": 25,
    }
    if provider == "bedrock":
        arguments |= {
            "api_base": url,
            "aws_access_key_id": "key",
            "aws_secret_access_key": "secret",
            "aws_region_name": "us-east-1",
        }
        del arguments["api_key"]
    if (case.request.get("stream_options") or {}).get("include_usage"):
        arguments["stream_options"] = {"include_usage": True}
    function = litellm.acompletion if mode in ASYNC_MODES else litellm.completion
    return Plan(function, arguments, "stream" if is_stream else "plain")


# At a base URL of the caller the call is whosever server answers there; only the host's name would tell.
DRIVER = Driver("litellm", _handles, _plan, tells_provider=False)
