"""Accuracy labels: from a response, a stream or a response id to a ``gen_ai.evaluation.result`` event."""

import math
import time
from dataclasses import dataclass
from typing import Any

from costspan._attributes import evaluation_attributes
from costspan._export import LabelEvent
from costspan._guard import guard
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
    """Attach an accuracy label to the call that gave ``call``: a response, a stream, or a response's id.

    ``correct`` becomes the evaluation ``correct`` with score 1 or 0; ``score`` any finite number on a scale of your
    own; ``category`` a class such as ``"refused"``. ``name`` says what was judged and is by default ``correct``,
    ``score`` or ``category``, after what is given; ``by`` says who judged. The newest label of a call, name and judge
    counts. A response id works in another process and days later too.

    Raises TypeError or ValueError for an argument that cannot be used, and for nothing else. Before ``init()``
    it checks its arguments and does nothing.
    """
    said = verdict(correct, score, category, name, by)
    engine = engine_or_none()
    if engine is None:
        return
    reference = engine.index.find(call)
    with guard:
        span = reference.span
        engine.delivery.put(
            LabelEvent(
                time_ns=time.time_ns(),
                attributes=evaluation_attributes(said.name, said.score, said.category, said.by, reference.response_id),
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
