"""What an exchange shows besides its provider's figures: images made, characters spoken, searches run. Some of it is billed
by the piece, and no usage object counts it, so that an observer may count it or leave it."""

import json
import re
from collections.abc import Iterator
from typing import Any

from tests.traffic.cases import Case

_TOOL_CALLS = {"web_search_call": "web_search", "file_search_call": "file_search", "code_interpreter_call": "code_execution"}


def countable(case: Case) -> dict[str, int]:
    """Pieces by meter."""
    counts = {
        "image": _images(case),
        "character": _characters(case),
        "audio_second": int(_first_usage(case).get("prompt_audio_seconds") or 0),
    }
    if case.api == "responses":
        calls = {(str(item.get("id")), str(item.get("type"))) for item in _objects(case)}
        for kind, meter in _TOOL_CALLS.items():
            counts[meter] = sum(found == kind for _, found in calls)
    if case.api == "generateContent":
        counts["web_search"] = _grounding(case)
    return {meter: count for meter, count in counts.items() if count}


def _images(case: Case) -> int:
    return len(case.json.get("data") or ()) if case.api.startswith("images.") and isinstance(case.json, dict) else 0


def _characters(case: Case) -> int:
    if case.api == "audio.speech":
        return len(case.request.get("input") or "")
    return int((case.usage_at("metadata") or {}).get("billableCharacterCount") or 0) if case.api == "predict" else 0


def _first_usage(case: Case) -> dict[str, Any]:
    usage = case.usage_at("usage")
    return usage if isinstance(usage, dict) else {}


def _grounding(case: Case) -> int:
    # https://ai.google.dev/gemini-api/docs/pricing: Gemini 3 by the search, models before it by the grounded prompt.
    searches = {query for item in _objects(case) for query in item.get("webSearchQueries") or ()}
    is_by_search = re.match(r"gemini-(\d+)", case.model_responded or "")
    return len(searches) if is_by_search and int(is_by_search[1]) >= 3 else min(len(searches), 1)


def _objects(case: Case) -> Iterator[dict[str, Any]]:
    """Every JSON object of the answer, in a body or in the events of a stream, at any depth."""
    if case.json is not None:
        yield from _within(case.json)
        return
    for text in re.findall(r"^data:(.*)$", case.response_body, re.MULTILINE):
        try:
            yield from _within(json.loads(text))
        except ValueError:
            continue


def _within(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for item in inner:
        yield from _within(item)
