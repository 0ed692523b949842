"""What an adapter states: data about one client library, which the engine reads.

A path is dotted, as in ``usage.service_tier``. ``*`` stands for every item of a list, ``|`` parts alternatives of
which the first that is present counts. Paths lead through mappings and attributes alike.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from costspan.usage import UsageShape

Arguments = tuple[tuple[Any, ...], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Target:
    """A function to wrap: ``name`` is a dotted attribute of ``module``, which is patched as soon as it is imported."""

    module: str
    name: str
    is_async: bool = False


@dataclass(frozen=True, slots=True)
class Fields:
    """Paths of what a response body, or one kind of stream chunk, tells. An empty path tells nothing."""

    response_id: str = ""
    model: str = ""
    tier: str = ""
    finish_reasons: str = ""
    usage: str = ""


@dataclass(frozen=True, slots=True)
class StreamTable:
    """Which chunks of a stream tell what.

    ``kind`` is the path of the field that names a chunk's kind; ``chunks`` holds the kinds that tell anything, and
    all others are passed on unread. Where ``kind`` is empty all chunks are of the kind ``""``. Usage figures replace
    earlier ones: the whole object, or with ``usage_by_key`` each figure of its own, where later objects leave some out.
    ``usage_option`` is the switch in the request body that makes the provider send usage, where it needs asking; the
    chunk it adds has an empty list at ``content``.
    """

    chunks: Mapping[str, Fields]
    kind: str = ""
    usage_by_key: bool = False
    usage_option: tuple[str, str] | None = None
    content: str = ""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A billable request: ``method`` and ``path`` as the client names them, and where its facts lie.

    ``operation`` is OpenTelemetry's ``gen_ai.operation.name``; ``api_type`` its ``openai.api.type``, if it has one.
    ``model`` and ``max_tokens`` are paths in the request's body.
    """

    path: str
    operation: str
    usage: UsageShape
    body: Fields
    stream: StreamTable | None = None
    method: str = "post"
    api_type: str = ""
    model: str = "model"
    max_tokens: str = "max_tokens"


class Request(NamedTuple):
    """A request as its caller put it. ``body`` is read only. ``is_raw``: the caller wants the bare HTTP response."""

    method: str
    path: str
    body: Mapping[str, Any]
    host: str | None
    port: int | None
    is_stream: bool
    is_raw: bool


@dataclass(frozen=True, slots=True)
class CallShape:
    """How calls of a family of clients are read; what several adapters share, so it is functions and not data.

    ``request`` reads the arguments of a wrapped call: (client, args, kwargs). ``with_body_field`` gives new arguments
    in which one field of the body is replaced, and leaves the caller's as they are. ``raw_response`` is the HTTP
    response that a result holds unparsed, or None; ``stream_response`` the one that a stream reads from, or None.
    ``forget`` makes an object look as if the provider had not sent a field that is None. ``iterator`` names the
    attribute that a stream takes its chunks from, for streams that no proxy can stand for.
    """

    request: Callable[[Any, tuple[Any, ...], dict[str, Any]], Request | None]
    with_body_field: Callable[[tuple[Any, ...], dict[str, Any], str, Any], Arguments]
    raw_response: Callable[[Any], Any]
    stream_response: Callable[[Any], Any]
    forget: Callable[[Any, str], None]
    iterator: str = ""


@dataclass(frozen=True, slots=True)
class Adapter:
    """One client library: what to wrap, which requests are billable, and whose models it reaches by default.

    ``provider_of_class`` names the provider by the name of the client's class, where the class tells it.
    """

    name: str
    distribution: str
    targets: tuple[Target, ...]
    call: CallShape
    endpoints: tuple[Endpoint, ...]
    provider: str
    provider_of_class: Mapping[str, str] = field(default_factory=dict)
