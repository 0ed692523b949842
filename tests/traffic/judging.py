"""The two comparisons: what the caller got, with the SDK and without; and what the SDK booked, with the truth."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any, Literal

from tests.sdk.doubles.collector import Span
from tests.traffic.calling import Seen
from tests.traffic.emitted import meters_in, models_in, reported_cost, says_incomplete, summary
from tests.traffic.replay import Asked
from tests.traffic.snapshot import difference
from tests.traffic.truth import ExpectedCall, plain_model

Kind = Literal["result", "type", "wire", "spans", "money"]

# A reported zero of these may be left out: nobody mistakes its absence for unknown. Of all others it must be said.
_MAY_OMIT_ZERO = re.compile(r"(input|output|cache_read)_(audio|image|video)|web_search|file_search|code_execution|citation|image")
_STANDARD_TIERS = {None, "standard", "default", "auto", "on_demand"}
# New with every request of the bare client as well, or a signature over such.
_VARYING_HEADERS = {
    "authorization",
    "x-amz-date",
    "amz-sdk-invocation-id",
    "idempotency-key",
    "x-amzn-trace-id",
    "x-stainless-idempotency-key",
    "content-length",
}
# litellm asks Ollama to describe a model, and keeps the answer for the next call.
_ASKED_ONCE = "/api/show"
_CACHE_WRITES = ("cache_write", "cache_write_5m", "cache_write_30m", "cache_write_1h", "cache_write_12h")


@dataclass(frozen=True)
class Problem:
    """One way in which a call was wrong."""

    kind: Kind
    text: str


def compare_host(bare: Seen, seen: Seen, asked_bare: Sequence[Asked], asked: Sequence[Asked]) -> list[Problem]:
    """Whether the caller and the provider saw the same with the SDK (``seen``) as without (``bare``)."""
    problems = []
    if bare.types != seen.types:
        problems.append(Problem("type", _types_differ(bare.types, seen.types)))
    elif bare.values != seen.values:
        place = next(i for i, pair in enumerate(zip(bare.values, seen.values, strict=True)) if pair[0] != pair[1])
        problems.append(Problem("result", f"value {place} {difference(bare.values[place], seen.values[place])}"))
    if bare.error != seen.error:
        problems.append(Problem("result", f"expected error {bare.error}, got {seen.error}"))
    return problems + _compare_wire(asked_bare, asked)


def _types_differ(bare: tuple[type, ...], seen: tuple[type, ...]) -> str:
    if len(bare) != len(seen):
        return f"expected {len(bare)} values, got {len(seen)}"
    place, pair = next((place, pair) for place, pair in enumerate(zip(bare, seen, strict=True)) if pair[0] is not pair[1])
    before, after = (f"{kind.__module__}.{kind.__qualname__}" for kind in pair)
    return f"value {place}: expected type {before}, got {after}"


def _compare_wire(bare: Sequence[Asked], asked: Sequence[Asked]) -> list[Problem]:
    bare, asked = ([one for one in all_asked if not one.path.endswith(_ASKED_ONCE)] for all_asked in (bare, asked))
    if len(bare) != len(asked):
        return [Problem("wire", f"expected {len(bare)} requests, got {len(asked)}")]
    for before, after in zip(bare, asked, strict=True):
        if (before.method, before.path) != (after.method, after.path):
            return [Problem("wire", f"expected {before.method} {before.path}, got {after.method} {after.path}")]
        if _headers(before) != _headers(after):
            difference = set(_headers(before)) ^ set(_headers(after))
            return [Problem("wire", f"headers differ: {sorted(difference)}")]
        if not _same_body(before, after):
            return [Problem("wire", f"expected body {before.body[:600]!r}, got {after.body[:600]!r}")]
    return []


def _headers(asked: Asked) -> list[tuple[str, str]]:
    hidden = [(name, re.sub(r"boundary=\S+", "boundary=", value)) for name, value in asked.headers]
    return sorted(pair for pair in hidden if pair[0] not in _VARYING_HEADERS)


def _same_body(before: Asked, after: Asked) -> bool:
    if before.body == after.body:
        return True
    if b"form-data" in before.body:  # the boundary is new each time
        return _without_boundary(before) == _without_boundary(after)
    try:
        old, new = json.loads(before.body), json.loads(after.body)
    except ValueError:
        return False
    if not isinstance(new, dict) or new.get("stream") is not True:
        return False
    # The one thing that the SDK may ask for besides: the usage of a stream.
    options = new.get("stream_options") or {}
    if options.get("include_usage") is not True:
        return False
    asked_before = old.get("stream_options") or {}
    expected = {
        **{k: v for k, v in old.items() if k != "stream_options"},
        "stream_options": {**asked_before, "include_usage": True},
    }
    return bool(expected == new)


def _without_boundary(asked: Asked) -> bytes:
    boundary = asked.body.split(b"\r\n", 1)[0].lstrip(b"-")
    return asked.body.replace(boundary, b"")


def compare_books(
    expected: Sequence[ExpectedCall], spans: Sequence[Span], *, knows_provider: bool, is_abandoned: bool
) -> list[Problem]:
    """Whether ``spans`` are the billed calls that the truth knows, each with the same figures.

    ``knows_provider``: the client or the host tells whose call it is, so the span has to say it. Of an abandoned stream
    only its own call is known, and its figures only if the span does not say that they are incomplete.
    """
    wanted = list(expected[:1] if is_abandoned else expected)
    if not spans and all(call.is_optional for call in wanted):
        return []
    if len(spans) != len(wanted):
        return [Problem("spans", f"expected {len(wanted)} spans, got {[summary(span) for span in spans]}")]
    # Several calls have no order: the pairing that fits best counts.
    pairings = [
        [
            problem
            for call, span in zip(wanted, order, strict=True)
            for problem in _compare_call(call, span, knows_provider, is_abandoned)
        ]
        for order in permutations(spans)
    ]
    return min(pairings, key=len, default=[])


def _compare_call(call: ExpectedCall, span: Span, knows_provider: bool, is_abandoned: bool) -> list[Problem]:
    found = []
    if call.is_error != bool(span.get("error.type")) and not is_abandoned and call.meters is not None:
        found.append(f"expected error={call.is_error}, got {span.get('error.type')}")
    model = models_in(span)
    is_cut_short = is_abandoned and says_incomplete(span)  # the first item may not name the model yet
    if not is_cut_short and call.models and (model is None or plain_model(model) not in call.models):
        found.append(f"expected model {' or '.join(call.models)}, got {model}")
    if knows_provider and call.provider is not None and span.get("gen_ai.provider.name") != call.provider:
        found.append(f"expected provider {call.provider}, got {span.get('gen_ai.provider.name')}")
    if not is_cut_short:
        found += _compare_figures(call, span, knows_provider, is_abandoned)
    return [Problem("money", f"{text}; span {summary(span)}") for text in found]


def _compare_figures(call: ExpectedCall, span: Span, knows_provider: bool, is_abandoned: bool) -> list[str]:
    emitted = meters_in(span)
    found = []
    if says_incomplete(span) and call.meters is not None:
        found.append("the usage is said to be incomplete")
    tier = span.get("costspan.service_tier")
    if _tier(tier) != _tier(call.tier) and not is_abandoned:
        found.append(f"expected tier {call.tier}, got {tier}")
    cost = reported_cost(span)
    # Only where the provider is known is a figure in its answer known to be its charge.
    if cost != call.cost_usd and (cost is not None or knows_provider):
        found.append(f"expected the provider's charge {call.cost_usd}, got {cost}")
    if call.meters is None:
        unexplained = {meter: value for meter, value in (emitted or {}).items() if call.may.get(meter) != value}
        return found + ([f"expected no usage, got {unexplained}"] if unexplained else [])
    if emitted is None:
        return [*found, f"expected {dict(call.meters)}, got no usage"]
    return found + _compare_meters(call, emitted)


def _tier(tier: Any) -> str | None:
    name = None if tier is None else str(tier).lower().removeprefix("on_demand_")
    return None if name in _STANDARD_TIERS else name


def _compare_meters(call: ExpectedCall, emitted: Mapping[str, int]) -> list[str]:
    assert call.meters is not None
    found, left = [], dict(emitted)
    writes = [meter for meter in _CACHE_WRITES if meter in call.meters]
    for names, value in call.meters.items():
        parts = [left.pop(name) for name in names.split("+") if name in left]
        if sum(parts) != value:
            found.append(f"{names}: expected {value}, got {sum(parts) if parts else None}")
        elif not parts and not _may_omit(call, names, writes, emitted):
            found.append(f"{names}: expected a reported 0, got nothing")
    for name, value in left.items():
        is_zero_of_its_family = value == 0 and ((name in _CACHE_WRITES and bool(writes)) or _leaves_zeros_out(call))
        if call.may.get(name) != value and not is_zero_of_its_family:
            found.append(f"{name}: expected nothing, got {value}")
    return found


def _may_omit(call: ExpectedCall, names: str, writes: list[str], emitted: Mapping[str, int]) -> bool:
    if names in writes:  # one zero for the whole family is enough
        return any(meter in emitted for meter in _CACHE_WRITES)
    return _MAY_OMIT_ZERO.fullmatch(names) is not None or _leaves_zeros_out(call)


def _leaves_zeros_out(call: ExpectedCall) -> bool:
    # Google writes no zeros on the wire, so that zero and absent are the same there.
    return (call.provider or "").startswith("gcp.")
