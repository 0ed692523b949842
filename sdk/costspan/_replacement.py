"""One function of another library, replaced and put back."""

from collections.abc import Callable
from typing import Any


class Replacement:
    """The attribute ``name`` of ``owner`` or of the class that it inherits it from, replaced by what ``around`` makes of it.

    ``around`` is also given a question that tells whether the replacement is wanted: one that somebody else has wrapped
    cannot be taken out, and has to do nothing instead.
    """

    def __init__(self, owner: type, name: str, around: Callable[[Any, Callable[[], bool]], Any]) -> None:
        self._owner = next(kind for kind in owner.__mro__ if name in kind.__dict__)
        self._name = name
        self._around = around
        self._is_wanted = False
        self._original: Any = None
        self._replacement: Any = None

    def apply(self) -> None:
        """Replace the function, if it is not replaced already."""
        self._is_wanted = True
        if self._replacement is None:
            self._original = self._owner.__dict__[self._name]
            self._replacement = self._around(self._original, lambda: self._is_wanted)
            setattr(self._owner, self._name, self._replacement)

    def undo(self) -> None:
        """Put the very same function back, unless somebody else has wrapped ours since."""
        self._is_wanted = False
        if self._replacement is not None and self._owner.__dict__.get(self._name) is self._replacement:
            setattr(self._owner, self._name, self._original)
            self._original = self._replacement = None
