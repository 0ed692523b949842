"""From a provider's words for what was bought to the model that was booked: the same names as pricing, found within the words."""

import re
from datetime import UTC, date, datetime, time

from costspan.pricing.book import Name, PriceBook

_SEPARATORS = re.compile(r"[^a-z0-9.@:]+")
_LONGEST = 12


class Models:
    """Finds models in texts by a price book; what was found for a text is remembered."""

    def __init__(self, book: PriceBook) -> None:
        self._book = book
        self._known: dict[tuple[str, str, date], str | None] = {}

    def find(self, provider: str, text: str, day: date) -> str | None:
        """The id of the model that ``text`` names, or None if it names none that the book knows."""
        key = (provider, text, day)
        if key not in self._known:
            self._known[key] = self._find(provider, text, datetime.combine(day, time(12), UTC))
        return self._known[key]

    def _find(self, provider: str, text: str, at: datetime) -> str | None:
        if (whole := self._named(provider, text.strip(), at)) is not None:
            return whole
        words = [word.strip(".") for word in _SEPARATORS.split(text.lower()) if word.strip(".")][:_LONGEST]
        for length in range(len(words), 0, -1):
            for start in range(len(words) - length + 1):
                candidate = "-".join(words[start : start + length])
                if any(character.isdigit() for character in candidate) and (found := self._named(provider, candidate, at)):
                    return found
        return None

    def _named(self, provider: str, name: str, at: datetime) -> str | None:
        found = Name(self._book, provider, name).at(at) if name else None
        return None if found is None or found.is_guess else found.model
