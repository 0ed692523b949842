"""What began and has no end yet: calls answered in the background, and batches."""

from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple, Protocol

from costspan._facts import Facts

_MOST_REMEMBERED = 10_000


class UnfinishedCall(Protocol):
    """A call whose answer has not come."""

    facts: Facts

    def end(self, settle: Callable[[], None] | None = None) -> None:
        """Book it, after ``settle`` has completed its facts."""


class Batch(NamedTuple):
    """A batch whose results may be fetched: when it was begun, in ns since the epoch, and which endpoint answers."""

    batch_id: str
    created_ns: int
    endpoint: str


class Unfinished:
    """Calls whose answer is made in the background, by response id, and batches, by where their results lie."""

    def __init__(self) -> None:
        self.calls: OrderedDict[str, UnfinishedCall] = OrderedDict()
        self.batches: OrderedDict[str, Batch] = OrderedDict()

    def add(self, call: UnfinishedCall) -> None:
        """Keep ``call`` until its answer is fetched. Of too many, the oldest is booked without one."""
        self.calls[call.facts.response_id or ""] = call
        if len(self.calls) > _MOST_REMEMBERED:
            self._give_up_oldest()

    def remember(self, results: str, batch: Batch) -> None:
        """``batch`` will have its results at ``results``."""
        self.batches[results] = batch
        if len(self.batches) > _MOST_REMEMBERED:
            self.batches.popitem(last=False)

    def give_up(self) -> None:
        """Book what is unfinished as it is: the process ends, and nobody will fetch the answers here."""
        while self.calls:
            self._give_up_oldest()

    def _give_up_oldest(self) -> None:
        call = self.calls.popitem(last=False)[1]
        call.facts.status = None
        call.end()
