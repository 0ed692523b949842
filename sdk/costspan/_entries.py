"""What is put into the delivery's queue, and how it becomes batches."""

import threading
from collections.abc import Sequence
from typing import Protocol

from opentelemetry.sdk.trace import ReadableSpan

from costspan._export import Batch, Item, LabelEvent, encode
from costspan._guard import Counters, guard


class LateItems(Protocol):
    """What items are made of in the delivery thread."""

    def items(self) -> Sequence[Item]: ...


class Flush:
    """A mark in the queue: ``done`` is set once everything before it has left."""

    __slots__ = ("done", "is_last")

    def __init__(self, *, is_last: bool = False) -> None:
        self.done = threading.Event()
        self.is_last = is_last


Entry = Item | LateItems | Flush


def items_of(entries: Sequence[Entry]) -> list[Item]:
    """The items among ``entries``, those included that are made only now."""
    items: list[Item] = []
    for entry in entries:
        if isinstance(entry, (ReadableSpan, LabelEvent)):
            items.append(entry)
        elif not isinstance(entry, Flush):
            with guard:
                items.extend(entry.items())
    return items


def batches_of(items: list[Item], dropped: Counters) -> list[Batch]:
    """``items`` encoded; what cannot be is counted in ``dropped`` as ``not_encodable``."""
    with guard:
        return encode(items)
    if len(items) == 1:
        dropped.add("not_encodable")
        return []
    # One item spoils the batch: each goes alone, so that only the guilty one is dropped.
    return [batch for item in items for batch in batches_of([item], dropped)]
