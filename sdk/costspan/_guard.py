"""The only place in the SDK that swallows exceptions, so that telemetry never breaks its host."""

import logging
import threading
from collections.abc import Callable
from types import TracebackType
from typing import TypeVar

Argument = TypeVar("Argument")
Result = TypeVar("Result")

_logger = logging.getLogger("costspan")


class Counters:
    """Counts by name. Safe between threads, and to use from a destructor that interrupts another count."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._counts: dict[str, int] = {}

    def add(self, name: str, count: int = 1) -> None:
        with self._lock:
            self._counts[name] = self._counts.get(name, 0) + count

    def get(self, name: str) -> int:
        return self._counts.get(name, 0)

    def all(self) -> dict[str, int]:
        with self._lock:
            return dict(self._counts)

    def reset(self) -> None:
        """Start from nothing, whoever held the lock: for a process that has just been forked."""
        self.__init__()  # type: ignore[misc]


class Guard:
    """``with guard:`` swallows whatever goes wrong inside and counts it; ``raises`` lets it through instead.

    Only ``Exception`` is swallowed: an interrupt, a cancellation and an exit are the application's. ``swallowed`` is wider
    in a thread of our own, where an exit would end nothing else.
    """

    def __init__(self, swallowed: type[BaseException] = Exception) -> None:
        self.raises = False
        self._swallowed = swallowed
        self.errors = Counters()

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> bool:
        return error is not None and isinstance(error, self._swallowed) and self._swallow(error)

    def ask(self, question: Callable[[Argument], Result], argument: Argument, otherwise: Result) -> Result:
        """``question(argument)``, or ``otherwise`` if that goes wrong. Costs less than ``with``: for every chunk of a stream."""
        try:
            return question(argument)
        except self._swallowed as error:
            if not self._swallow(error):
                raise
        return otherwise

    def _swallow(self, error: BaseException) -> bool:
        self.errors.add(type(error).__name__)
        _logger.debug("costspan: internal error, the application is not affected", exc_info=error)
        return not self.raises

    @property
    def count(self) -> int:
        """How many exceptions went through the guard."""
        return sum(self.errors.all().values())


guard = Guard()
