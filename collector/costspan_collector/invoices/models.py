"""From a provider's words for what it bills, and from the names that calls carry, to one name of a model, by pricing's rules.

Sources for the wording: Amazon Bedrock's usage types (``USE1-NovaLite-input-tokens``) and marketplace products (``Claude Sonnet
4.5 (Amazon Bedrock Edition)``); OpenAI's line items (``gpt-5-mini-2025-08-07, input``); Google's SKUs (``Generate content output
token count gemini 2.5 flash short input text``).
"""

import re
from collections.abc import Iterator
from datetime import datetime

from costspan.pricing.book import Name, PriceBook
from costspan.pricing.lines import ProviderPrices

# Words that say how something is billed, never what its model is called.
_NOISE = frozenset(
    [
        "input",
        "output",
        "cached",
        "cache",
        "read",
        "write",
        "token",
        "tokens",
        "count",
        "text",
        "batch",
        "flex",
        "priority",
        "standard",
        "global",
        "regional",
        "content",
        "generate",
        "prediction",
        "predictions",
        "units",
        "request",
        "requests",
        "usage",
        "on",
        "demand",
        "for",
        "of",
    ]
)
_WORD = re.compile(r"\d+(?:\.\d+)*[a-z]*|[a-z]+(?:\d+[a-z]+\d*)?|[^\W\d_]+", re.IGNORECASE)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[a-z]{3})(?=\d)|(?<=\d)(?=[A-Z][a-z])")
_PARTS = re.compile(r"[,;:/()\[\]|]+|\s-\s")
_LONGEST = 10
# Bedrock's ids: a scope and a maker before the model's name, a date and a version after it.
_BEDROCK = re.compile(
    r"^(?:(?:regional|global|us|eu|apac|au|jp|ca|us-gov)\.)?(?:[a-z0-9]+\.)?(?P<name>.+?)(?:-\d{8})?(?:-v\d+)?(?::\d+)?(?:-instruct)?$"
)
_ONE_PROVIDER = ProviderPrices("")


class Models:
    """Names models by a price book as of a time; what was found once is remembered."""

    def __init__(self, book: PriceBook, at: datetime) -> None:
        self._book = book
        self._at = at
        self._known: dict[tuple[str, str, bool], str | None] = {}
        listed = book.layers.get("catalogue", {}).get("aws", _ONE_PROVIDER).models
        self._bedrock = {_plain(_bedrock_name(model.id)): _bedrock_name(model.id) for model in listed}

    def called(self, provider: str, name: str) -> str:
        """The model that a call of ``provider`` names; the name itself where the book does not know it."""
        return self._remembered(provider, name, is_text=False) or name

    def named_in(self, provider: str, text: str) -> str | None:
        """The model that a bill's ``text`` names, or None where it names none that the book knows."""
        return self._remembered(provider, text, is_text=True)

    def _remembered(self, provider: str, text: str, *, is_text: bool) -> str | None:
        key = (provider, text, is_text)
        if key not in self._known:
            candidates = self._candidates(text) if is_text else iter((text,))
            found = (self._find(provider, candidate) for candidate in candidates)
            self._known[key] = next((model for model in found if model), None)
        return self._known[key]

    def _candidates(self, text: str) -> Iterator[str]:
        yield text
        parts = [part.strip() for part in _PARTS.split(text) if part.strip()]
        yield from parts
        for part in parts:
            for words in _runs(part):
                for length in range(min(len(words), _LONGEST), 0, -1):
                    for start in range(len(words) - length + 1):
                        run = words[start : start + length]
                        if any(any(sign.isdigit() for sign in word) for word in run) or length > 1:
                            yield "-".join(run)

    def _find(self, provider: str, name: str) -> str | None:
        if provider == "aws" and (bedrock := self._bedrock.get(_plain(name))) is not None:
            return bedrock
        found = Name(self._book, provider, name).at(self._at) if name else None
        if found is None:
            return None
        return _bedrock_name(found.model) if found.provider == "aws" else found.model


def _runs(part: str) -> Iterator[list[str]]:
    """The words of ``part`` in runs between words of billing."""
    run: list[str] = []
    for word in _WORD.findall(_CAMEL.sub(" ", part)):
        if word.lower() in _NOISE:
            if run:
                yield run
            run = []
        else:
            run.append(word.lower())
    if run:
        yield run


def _bedrock_name(model: str) -> str:
    match = _BEDROCK.match(model.lower())
    return match["name"] if match else model


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
