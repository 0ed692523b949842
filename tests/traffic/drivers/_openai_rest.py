"""What the openai client does besides calling models: files, batches, assistants, stored responses. Nothing of it is billed
as a call."""

import re
from collections.abc import Callable
from typing import Any

from tests.traffic.cases import Case
from tests.traffic.drivers._plan import Mode, NotDrivableError, Plan, arguments_for, asks_stream, with_files

Pick = Callable[[Any], Any]
# HTTP method, end of the path, the method of the client, the names of the path's variables.
_ROUTES: tuple[tuple[str, str, Pick, tuple[str, ...]], ...] = (
    ("GET", r"/responses/([^/]+)", lambda c: c.responses.retrieve, ("response_id",)),
    ("GET", r"/models/([^/:]+)", lambda c: c.models.retrieve, ("model",)),
    ("DELETE", r"/models/([^/:]+)", lambda c: c.models.delete, ("model",)),
    ("GET", r"/models", lambda c: c.models.list, ()),
    ("POST", r"/conversations", lambda c: c.conversations.create, ()),
    ("GET", r"/conversations/([^/]+)", lambda c: c.conversations.retrieve, ("conversation_id",)),
    ("DELETE", r"/conversations/([^/]+)", lambda c: c.conversations.delete, ("conversation_id",)),
    ("POST", r"/batches/([^/]+)/cancel", lambda c: c.batches.cancel, ("batch_id",)),
    ("GET", r"/batches/([^/]+)", lambda c: c.batches.retrieve, ("batch_id",)),
    ("POST", r"/batches", lambda c: c.batches.create, ()),
    ("GET", r"/batches", lambda c: c.batches.list, ()),
    ("GET", r"/files/([^/]+)/content", lambda c: c.files.content, ("file_id",)),
    ("GET", r"/files/([^/]+)", lambda c: c.files.retrieve, ("file_id",)),
    ("DELETE", r"/files/([^/]+)", lambda c: c.files.delete, ("file_id",)),
    ("GET", r"/files", lambda c: c.files.list, ()),
    ("POST", r"/files", lambda c: c.files.create, ()),
    ("POST", r"/containers/([^/]+)/files", lambda c: c.containers.files.create, ("container_id",)),
    ("POST", r"/vector_stores/([^/]+)/files", lambda c: c.vector_stores.files.create, ("vector_store_id",)),
    ("POST", r"/vector_stores/([^/]+)/search", lambda c: c.vector_stores.search, ("vector_store_id",)),
    ("GET", r"/vector_stores/([^/]+)", lambda c: c.vector_stores.retrieve, ("vector_store_id",)),
    ("DELETE", r"/vector_stores/([^/]+)", lambda c: c.vector_stores.delete, ("vector_store_id",)),
    ("POST", r"/vector_stores", lambda c: c.vector_stores.create, ()),
    ("POST", r"/assistants", lambda c: c.beta.assistants.create, ()),
    ("GET", r"/assistants/([^/]+)", lambda c: c.beta.assistants.retrieve, ("assistant_id",)),
    ("POST", r"/threads", lambda c: c.beta.threads.create, ()),
    ("POST", r"/threads/([^/]+)/messages", lambda c: c.beta.threads.messages.create, ("thread_id",)),
    ("GET", r"/threads/([^/]+)/messages", lambda c: c.beta.threads.messages.list, ("thread_id",)),
    ("POST", r"/threads/([^/]+)/runs", lambda c: c.beta.threads.runs.create, ("thread_id",)),
    ("GET", r"/threads/([^/]+)/runs", lambda c: c.beta.threads.runs.list, ("thread_id",)),
    ("GET", r"/threads/([^/]+)/runs/([^/]+)", lambda c: c.beta.threads.runs.retrieve, ("thread_id", "run_id")),
    ("GET", r"/threads/([^/]+)/runs/([^/]+)/steps", lambda c: c.beta.threads.runs.steps.list, ("thread_id", "run_id")),
    ("POST", r"/videos", lambda c: c.videos.create, ()),
)


def plan_rest(case: Case, client: Any, mode: Mode) -> Plan | None:
    """The call of the first route that the recorded path ends in. Raises NotDrivableError if there is none."""
    if mode not in ("sync", "async", "hosted"):
        return None
    for http_method, pattern, pick, names in _ROUTES:
        found = re.search(pattern + "$", case.plain_path)
        if http_method != case.method or not found:
            continue
        request = with_files(case.request) if case.request.get("__multipart__") else dict(case.request)
        function = pick(client)
        if pattern == r"/files" and http_method == "POST":
            request = {name: value for name, value in request.items() if name in ("file", "purpose")}
        is_stream = asks_stream(case)
        if pattern == r"/responses/([^/]+)" and case.streaming:
            request["stream"] = is_stream = True
        arguments = {**arguments_for(function, request), **dict(zip(names, found.groups(), strict=True))}
        return Plan(function, arguments, "stream" if is_stream else "plain", keep=client)
    raise NotDrivableError(f"the openai client has no method for {case.method} {case.plain_path}")
