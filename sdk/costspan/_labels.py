"""Accuracy labels: from a response, a stream, a handle or an id to a ``gen_ai.evaluation.result`` event."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from opentelemetry.trace import SpanContext

from costspan._attributes import evaluation_attributes
from costspan._checks import Check, Judgement, Output
from costspan._engine import Engine
from costspan._export import LabelEvent
from costspan._guard import guard
from costspan._index import handle_of
from costspan._runtime import engine_or_none


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a label says: ``name`` of the judgement, a score, a category, who judged. Checked."""

    name: str
    score: float | None
    category: str | None
    by: str | None


def label(
    call: Any,
    *,
    correct: bool | None = None,
    score: float | None = None,
    category: str | None = None,
    name: str | None = None,
    by: str | None = None,
) -> None:
    """Attach an accuracy label to the call that gave ``call``: a response, a stream, a response's id, what ``handle``
    gave for one of them, or the call's own OpenTelemetry span or span context.

    ``correct`` becomes the evaluation ``correct`` with score 1 or 0; ``score`` any finite number on a scale of your
    own; ``category`` a class such as ``"refused"``. ``name`` says what was judged and is by default ``correct``,
    ``score`` or ``category``, after what is given; ``by`` says who judged. The newest label of a call, name and judge
    counts. A handle and a response id work in another process and days later too.

    Raises TypeError or ValueError for an argument that cannot be used, and for nothing else. Before ``init()``
    it checks its arguments and does nothing.
    """
    said = verdict(correct, score, category, name, by)
    engine = engine_or_none()
    if engine is None:
        return
    reference = engine.index.find(call)
    with guard:
        _send(engine, said, reference.span, reference.response_id)


def handle(response: Any) -> str:
    """A name for the call that gave ``response`` (a response or a stream, or a response's id), to keep and to give to
    ``label`` later, in any process: a W3C traceparent of version 00, which is 55 ASCII characters long.

    It works for every response, while not every one has an id. Raises TypeError for what is no response of an observed
    client, and ValueError for one whose call is not known in this process: it was made elsewhere or before ``init()``, or
    is not among the latest 10,000.
    """
    engine = engine_or_none()
    if engine is None:
        raise ValueError("response: no call is known before costspan.init(); call it first")
    reference = engine.index.find(response, "response")
    if reference.span is None:
        raise ValueError(
            f"response: the call of {reference.response_id!r} is not known in this process; "
            "ask for its handle where it is made, or label it by its id"
        )
    return handle_of(reference.span)


def check(
    feature: str, function: Callable[[Output], Judgement], *, by: str | None = None, name: str | None = None
) -> Callable[[Output], Judgement]:
    """Have ``function`` judge the answers of ``feature``, whose verdict becomes the label of the call.

    It is run once for each answer, after the caller has it, in a background thread: it delays nobody, and what it raises
    is counted in ``stats()`` and otherwise ignored. It gets an ``Output`` and returns True or False (label ``correct``), a
    number (a score), a text (a category), or None for no label. ``name`` and ``by`` are those of ``label``; ``by`` is the
    function's own name if left out. Calls that it makes itself are observed and not checked. Returns ``function``.

    Raises TypeError or ValueError for an argument that cannot be used, and RuntimeError before ``init()``.
    """
    if not isinstance(feature, str) or not feature.strip():
        raise TypeError(f"feature: {feature!r} is no text; give the name of a feature")
    if not callable(function):
        raise TypeError(f"function: {function!r} cannot be called; give a function of one Output")
    engine = engine_or_none()
    if engine is None:
        raise RuntimeError("check: costspan.init() has not been called; call it first")
    judge = by or getattr(function, "__name__", None)

    def put_label(verdict_: Judgement, span: SpanContext, response_id: str | None) -> None:
        is_score = isinstance(verdict_, (int, float)) and not isinstance(verdict_, bool)
        said = verdict(
            verdict_ if isinstance(verdict_, bool) else None,
            verdict_ if is_score else None,  # type: ignore[arg-type]
            verdict_ if isinstance(verdict_, str) else None,
            name,
            judge,
        )
        _send(engine, said, span, response_id)

    engine.checks.add(feature, Check(function, put_label))
    return function


def _send(engine: Engine, said: Verdict, span: SpanContext | None, response_id: str | None) -> None:
    engine.delivery.put(
        LabelEvent(
            time_ns=time.time_ns(),
            attributes=evaluation_attributes(said.name, said.score, said.category, said.by, response_id),
            resource=engine.tracing.resource(),
            trace_id=span.trace_id if span else 0,
            span_id=span.span_id if span else 0,
        )
    )


def verdict(correct: bool | None, score: float | None, category: str | None, name: str | None, by: str | None) -> Verdict:
    """The checked verdict. Raises TypeError or ValueError that names the argument, its value and what is allowed."""
    if correct is None and score is None and category is None:
        raise ValueError("correct, score, category: all are None; give at least one of them")
    if correct is not None and not isinstance(correct, bool):
        raise TypeError(f"correct: {correct!r} is of type {type(correct).__name__}; give True or False")
    if correct is not None and score is not None:
        raise ValueError(f"score: {score!r} is given beside correct={correct}; give one of them")
    if score is not None and (isinstance(score, bool) or not isinstance(score, (int, float)) or not math.isfinite(score)):
        raise TypeError(f"score: {score!r} is no finite number; give an int or a float")
    for argument, text in (("category", category), ("name", name), ("by", by)):
        if text is not None and (not isinstance(text, str) or not text.strip()):
            raise TypeError(f"{argument}: {text!r} is no text; give a str with something in it")
    if name is None:
        name = "correct" if correct is not None else "score" if score is not None else "category"
    if name == "correct" and correct is None and score not in (0, 1):
        raise ValueError(f"name: 'correct' goes with correct= or a score of 0 or 1, not with score={score!r}")
    value = float(correct) if correct is not None else None if score is None else float(score)
    return Verdict(name, value, category, by)
