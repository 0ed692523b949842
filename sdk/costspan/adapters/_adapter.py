"""What an adapter states: data about one client library, which the engine reads. Paths are those of ``usage.paths``."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from costspan.usage import UsageShape

Arguments = tuple[tuple[Any, ...], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Target:
    """A function to wrap: ``name`` is a dotted attribute of ``module``, which is patched as soon as it is imported.

    ``is_async``: it is a coroutine function. A target that an old or new version of the client lacks is passed over.
    """

    module: str
    name: str
    is_async: bool = False


@dataclass(frozen=True, slots=True)
class Fields:
    """Paths of what a response body, or one kind of stream chunk, tells. An empty path tells nothing.

    ``text`` is what the model wrote. ``items`` are lists whose items are billed one by one, by their meter;
    ``items_without_usage`` those of which the same holds where the provider reports no usage.
    ``status`` is the state of a response that is made in the background, ``error_type`` what went wrong with one that came.
    """

    response_id: str = ""
    model: str = ""
    tier: str = ""
    finish_reasons: str = ""
    usage: str = ""
    text: str = ""
    speed: str = ""
    region: str = ""
    status: str = ""
    error_type: str = ""
    items: Mapping[str, str] = field(default_factory=dict)
    items_without_usage: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StreamTable:
    """Which chunks of a stream tell what.

    ``kind`` is the path of the field that names a chunk's kind; ``chunks`` holds the kinds that tell anything, and all
    others are passed on unread. Where ``kind`` is empty all chunks are of the kind ``""``. Usage figures replace earlier
    ones: the whole object, or with ``usage_by_key`` each figure of its own, where later objects leave some out.
    ``usage_option`` is the switch in the request body that makes the provider send usage, where it needs asking; the
    chunk it adds has an empty list at ``content``.
    """

    chunks: Mapping[Any, Fields]
    kind: str = ""
    usage_by_key: bool = False
    usage_option: tuple[str, str] | None = None
    content: str = ""


@dataclass(frozen=True, slots=True)
class PartialUsages:
    """A usage or a list of them: what one call consumed on several models.

    ``path`` is in the usage object, or with ``is_beside`` in the answer, beside it.

    ``kind``, ``model`` and ``usage`` are paths in an entry (an empty ``usage``: the entry itself). Entries of the kinds
    ``added`` (None: of no kind) lie outside of the call's own figures; what another model consumed is a call of its own.
    Entries of the kinds ``renaming`` name the model that answered. ``are_all``: together they are the call's figures.
    """

    path: str
    kind: str = "type"
    model: str = "model"
    usage: str = ""
    added: frozenset[str | None] = frozenset()
    renaming: frozenset[str] = frozenset()
    are_all: bool = False
    is_beside: bool = False


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A billable request: ``method`` and ``path`` as the client names them, and where its facts lie.

    ``path`` is the end of the request's path; ``{name}`` stands for anything within one segment, ``{model}`` for the
    model and ``{model=word}`` for one with that word in it. ``operation`` is OpenTelemetry's ``gen_ai.operation.name``;
    ``api_type`` its ``openai.api.type``, if it has one. ``model`` and ``max_tokens`` are paths in the request's body, and
    so are ``request_characters``: a text whose characters are billed, for the models whose name begins with one of
    ``request_characters_of``. Items of answers by models whose name begins with one of ``items_count_once_for`` are
    billed as one. ``provider`` is whose protocol it is, for clients
    that speak several. ``conditions`` are paths, in the request's body and in the answer, of what else the price depends
    on.
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
    partial_usages: PartialUsages | None = None
    provider: str = ""
    request_characters: str = ""
    request_characters_of: tuple[str, ...] = ()
    items_count_once_for: tuple[str, ...] = ()
    conditions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Retrieval:
    """A request for what was made before: ``method`` and the end of the ``path``.

    It bills nothing itself; it tells what became of a call that began earlier (``completes`` is the endpoint whose
    ``status`` was unfinished), or it brings the answers of a batch. ``batch`` holds the paths of a batch object; ``lines``
    of one line of a batch's results, a path each: the answer's body, its id in the batch.
    """

    path: str
    completes: str = ""
    batch: "BatchFields | None" = None
    lines: "LineFields | None" = None
    method: str = "get"


@dataclass(frozen=True, slots=True)
class BatchFields:
    """Paths in a batch object: its id, where its results lie, when it was begun, for which endpoint, and where the lines
    that failed lie if not among the results."""

    batch_id: str
    results: str
    created_at: str
    endpoint: str = ""
    default_endpoint: str = ""
    failures: str = ""


@dataclass(frozen=True, slots=True)
class LineFields:
    """Paths in one line of a batch's results: the answer's body, what went wrong instead, and the request's own id."""

    body: str
    error_type: str = ""
    custom_id: str = "custom_id"


@dataclass(frozen=True, slots=True)
class SessionCall:
    """A message of a session that tells of one whole call: where its facts lie, and which of the session's models
    answered (``model_of``, a key of ``Session.models``). ``begins`` is the kind of the message with which such a call
    begins, and ``key`` the path of what names the call in both."""

    operation: str
    usage: UsageShape
    fields: Fields
    model_of: str
    begins: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Session:
    """A lasting connection over which calls are made, such as a WebSocket.

    ``targets`` are functions of the connection that return a message. ``kind`` is the path of a message's kind, and
    ``calls`` holds the kinds that bill; an empty ``kind`` takes every message for the kind ``""``. ``models`` are paths,
    in any message, of the models in use. ``ends`` is the path of what is true in the message that ends a turn: figures
    before it replace each other. ``opening`` is a function whose result gives the connection when it is entered, and
    which is told the model by the argument ``model``. ``host`` is the path, in a connection, of the host that it leads to.
    """

    targets: tuple[Target, ...]
    calls: Mapping[str, SessionCall]
    kind: str = ""
    models: Mapping[str, str] = field(default_factory=dict)
    ends: str = ""
    host: str = ""
    opening: Target | None = None


class Request(NamedTuple):
    """A request as its caller put it. ``body`` is read only. ``is_raw``: the caller wants the bare HTTP response.

    ``provider`` is OpenTelemetry's name where the client itself tells it; ``region`` where the model runs, if it tells.
    """

    method: str
    path: str
    body: Mapping[str, Any]
    host: str | None
    port: int | None
    is_stream: bool = False
    is_raw: bool = False
    provider: str | None = None
    region: str | None = None


class Parsed(NamedTuple):
    """A whole answer that is parsed: mappings or objects with attributes."""

    body: Any


class Encoded(NamedTuple):
    """A whole answer as JSON text, with those response headers that tell figures."""

    data: bytes | str
    figures: Mapping[str, int] | None = None


class Chunks(NamedTuple):
    """A stream of chunks: a generator, or an object that takes its chunks from the attribute ``iterator``.

    ``decode`` takes the JSON text out of a chunk, None where there is none, for chunks that are not parsed.
    """

    stream: Any
    iterator: str = ""
    decode: Callable[[Any], bytes | str | None] | None = None


class Http(NamedTuple):
    """A bare HTTP response, read or unread (httpx and what is like it)."""

    response: Any


class Opening(NamedTuple):
    """A context manager that gives a bare HTTP response when it is entered."""

    manager: Any


class ByteBody(NamedTuple):
    """An object that reads an unread body from its attribute ``source``, and the headers that tell figures."""

    body: Any
    source: str
    figures: Mapping[str, int] | None = None


Answer = Parsed | Encoded | Chunks | Http | Opening | ByteBody


@dataclass(frozen=True, slots=True)
class CallShape:
    """How calls of a family of clients are read; what several adapters share, so it is functions and not data.

    ``request`` reads the arguments of a wrapped call: (client, args, kwargs), None if it is none. ``answer`` says what a
    result is; None if there is nothing in it to look at. ``with_body_field`` gives new arguments in which one field of
    the body is replaced, and leaves the caller's as they are. ``stream_response`` is the HTTP response that a stream
    reads from, or None. ``forget`` makes an object look as if the provider had not sent a field that is None.
    """

    request: Callable[[Any, tuple[Any, ...], dict[str, Any]], Request | None]
    answer: Callable[[Any, Request], Answer | None]
    with_body_field: Callable[[tuple[Any, ...], dict[str, Any], str, Any], Arguments] | None = None
    stream_response: Callable[[Any], Any] | None = None
    forget: Callable[[Any, str], None] | None = None


@dataclass(frozen=True, slots=True)
class Adapter:
    """One client library: what to wrap, which requests are billable, and whose models it reaches by default.

    ``provider_of_class`` names the provider by the name of the client's class, where the class tells it. ``is_protocol``:
    others than ``provider`` speak what it speaks, so that an unknown host may be any of them. ``session`` describes its
    lasting connections. ``operations`` are functions within which several calls are attempts at one thing (retries,
    fallbacks).
    """

    name: str
    distribution: str
    targets: tuple[Target, ...]
    call: CallShape
    endpoints: tuple[Endpoint, ...]
    provider: str
    provider_of_class: Mapping[str, str] = field(default_factory=dict)
    retrievals: tuple[Retrieval, ...] = ()
    operations: tuple[Target, ...] = ()
    is_protocol: bool = False
    session: Session | None = None
