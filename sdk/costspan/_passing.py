"""Requests of a model client that bill nothing: they pass, and the provider is not told for whom they are."""

from typing import Any

from costspan import _context


class Passing:
    """One call that is passed on as it was given. Between its making and its end our baggage is hidden."""

    __slots__ = ("_hidden", "args", "kwargs")

    def __init__(self, args: tuple[Any, ...], kwargs: dict[str, Any], hidden: _context.Holding | None) -> None:
        self.args = args
        self.kwargs = kwargs
        self._hidden = hidden

    def repeats_after(self, *_: Any) -> bool:
        """Never: nothing was added to the request."""
        _context.show(self._hidden)
        return False

    def answered(self, result: Any) -> Any:
        """Returns ``result``."""
        _context.show(self._hidden)
        return result
