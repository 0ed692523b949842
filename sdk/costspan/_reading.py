"""From a request and a response body to the facts of one call. Knows no provider."""

import re
from typing import Any

from costspan._facts import NOTHING_COUNTED, Counted, Facts, text_or_none, texts
from costspan.adapters._adapter import Endpoint, Fields, PartialUsages, Request
from costspan.usage import Reading, figures_of, read_usage, reading_of
from costspan.usage.paths import Getter, getter


class FieldReader:
    """The paths of one ``Fields`` table, made ready for reading many objects."""

    __slots__ = (
        "_identity",
        "error_type",
        "finish_reasons",
        "has_items",
        "items",
        "items_without_usage",
        "response_id",
        "status",
        "text",
        "usage",
    )

    def __init__(self, fields: Fields) -> None:
        self.response_id = getter(fields.response_id)
        self.status = getter(fields.status)
        self.error_type = getter(fields.error_type)
        self.finish_reasons = getter(fields.finish_reasons)
        self.usage = getter(fields.usage)
        self.text = getter(fields.text)
        self.items = tuple((meter, getter(path)) for meter, path in fields.items.items())
        self.items_without_usage = tuple((meter, getter(path)) for meter, path in fields.items_without_usage.items())
        self.has_items = bool(self.items or self.items_without_usage)
        paths = {
            "response_id": fields.response_id,
            "response_model": fields.model,
            "tier": fields.tier,
            "speed": fields.speed,
            "region": fields.region,
            "status": fields.status,
        }
        self._identity = tuple((fact, getter(path)) for fact, path in paths.items() if path)

    def identify(self, facts: Facts, source: Any) -> None:
        """Note who answered, as far as ``source`` tells; what it leaves open stays as it was."""
        for fact, get in self._identity:
            if (text := text_or_none(get(source))) is not None:
                setattr(facts, fact, text)
        facts.error_type = facts.error_type or text_or_none(self.error_type(source))

    def count_items(self, source: Any) -> Counted:
        """How many items of ``source`` are billed one by one: with usage beside them, and without."""
        return Counted(_lengths(self.items, source), _lengths(self.items_without_usage, source))


def _lengths(lists: tuple[tuple[str, Getter], ...], source: Any) -> dict[str, int]:
    found = ((meter, items_of(source)) for meter, items_of in lists)
    return {meter: len(items) for meter, items in found if isinstance(items, (list, tuple)) and items}


class EndpointReader:
    """One ``Endpoint`` made ready for reading many calls."""

    __slots__ = (
        "_resolve",
        "body",
        "characters",
        "chunk_kind",
        "chunks",
        "conditions",
        "content",
        "endpoint",
        "max_tokens",
        "model",
        "pattern",
    )

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        # One for all calls, since each keeps it for a while.
        self._resolve = self._resolve_usage
        self.pattern = path_pattern(endpoint.path)
        self.model = getter(endpoint.model)
        self.max_tokens = getter(endpoint.max_tokens)
        self.characters = getter(endpoint.request_characters)
        self.conditions = tuple((name, getter(path)) for name, path in endpoint.conditions.items())
        self.body = FieldReader(endpoint.body)
        stream = endpoint.stream
        self.chunks = {kind: FieldReader(fields) for kind, fields in stream.chunks.items()} if stream else {}
        self.chunk_kind = getter(stream.kind) if stream and stream.kind else None
        self.content = getter(stream.content) if stream and stream.content else None

    def read_request(self, request: Request, provider: str, path_model: str | None) -> Facts:
        """The facts that are known before the call. ``path_model`` is the model that the request's path names."""
        endpoint = self.endpoint
        max_tokens = self.max_tokens(request.body)
        facts = Facts(
            operation=endpoint.operation,
            provider=provider,
            request_model=text_or_none(self.model(request.body)) or text_or_none(path_model),
            max_tokens=max_tokens if type(max_tokens) is int else None,
            is_stream=request.is_stream,
            server_address=request.host,
            server_port=request.port,
            api_type=endpoint.api_type,
            region=request.region,
        )
        if endpoint.request_characters and (facts.request_model or "").startswith(endpoint.request_characters_of):
            written = self.characters(request.body)
            facts.characters = ("character", len(written)) if isinstance(written, str) else None
        self._read_conditions(facts, request.body)
        return facts

    def _read_conditions(self, facts: Facts, source: Any) -> None:
        for name, get in self.conditions:
            if (text := text_or_none(get(source))) is not None:
                facts.conditions[name] = text

    def read_body(self, facts: Facts, body: Any) -> None:
        """Add what a whole response ``body`` (parsed JSON, or the client's object for it) tells."""
        self.body.identify(facts, body)
        self._read_conditions(facts, body)
        facts.finish_reasons = texts(self.body.finish_reasons(body))
        self.read_usage(facts, self.body.usage(body), self.body, body)
        if facts.output is not None:
            facts.output.text.extend(texts(self.body.text(body)))

    def read_usage(self, facts: Facts, usage: Any, fields: FieldReader, source: Any) -> None:
        """Note what a usage object tells, and the items of ``source`` that are billed one by one.

        The arithmetic is left to ``facts.resolve()``, which need not happen while the caller waits. Until then figures
        are kept, and nothing of the answer but a list of ``PartialUsages``: what is kept of every call for a while is
        work for the garbage collector.
        """
        facts.unread = self._resolve
        facts.figures = figures_of(self.endpoint.usage, usage)
        facts.counted = fields.count_items(source) if fields.has_items and source is not None else NOTHING_COUNTED
        table = self.endpoint.partial_usages
        facts.entries = (
            getter(table.path)(source if table.is_beside else usage) if table is not None and usage is not None else None
        )

    def _resolve_usage(self, facts: Facts) -> None:
        model = facts.response_model or facts.request_model or ""
        reading = reading_of(self.endpoint.usage, facts.figures, model)
        entries, table, counted = facts.entries, self.endpoint.partial_usages, facts.counted
        if entries is not None and table is not None:
            reading = _with_partial_usages(table, self.endpoint, facts, entries, reading)
        counts = counted.always if reading is not None else {**counted.always, **counted.without_usage}
        if model.startswith(self.endpoint.items_count_once_for or ("\0",)):
            counts = dict.fromkeys(counts, 1)
        facts.reading = _with_counts(reading, counts)


def _with_partial_usages(
    table: PartialUsages, endpoint: Endpoint, facts: Facts, entries: Any, reading: Reading | None
) -> Reading | None:
    kind_of, model_of, usage_of = getter(table.kind), getter(table.model), getter(table.usage)
    others: list[tuple[str, Reading]] = []
    for entry in entries if isinstance(entries, (list, tuple)) else (entries,):
        kind, model = text_or_none(kind_of(entry)), text_or_none(model_of(entry))
        if kind in table.renaming and model is not None:
            facts.response_model = model
        if kind not in table.added and not table.are_all:
            continue
        part = read_usage(endpoint.usage, usage_of(entry) if table.usage else entry, model or "")
        if part is None:
            continue
        if model is not None and (table.are_all or model != facts.response_model):
            others.append((model, part))
        else:
            reading = part if reading is None else reading.plus(part)
    if table.are_all and others:
        (facts.response_model, reading), *others = others
    facts.partial = tuple(others)
    return reading


def _with_counts(reading: Reading | None, counts: dict[str, int]) -> Reading | None:
    if reading is None:
        return Reading(dict(counts), "inclusive") if counts else None
    new = {meter: count for meter, count in counts.items() if meter not in reading.usage}
    return reading.plus(Reading(dict(new), "inclusive")) if new else reading


def path_pattern(path: str) -> re.Pattern[str]:
    """An expression that matches request paths which end in ``path`` (see ``Endpoint``), query left out."""
    parts = re.split(r"(\{[^}]+\})", path.strip("/"))
    escaped = (_name_pattern(part[1:-1]) if part.startswith("{") else re.escape(part) for part in parts)
    return re.compile(rf"(?:^|/){''.join(escaped)}/?$")


def _name_pattern(name: str) -> str:
    name, _, word = name.partition("=")
    return f"(?P<{name}>[^/]*{re.escape(word)}[^/]*)"
