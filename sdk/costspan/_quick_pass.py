"""Most chunks of a stream tell nothing of a call. These are let pass at the least cost, since it is paid for each."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from costspan.usage.paths import is_only_a_value, step

# True if a chunk was let pass: it tells nothing. False if it has to be read to know.
QuickPass = Callable[[Any], bool]

_NOT_THERE = object()


def not_yet(_: Any) -> bool:
    """Lets no chunk pass as long as none has come to tell what they are like."""
    return False


def never(_: Any) -> bool:
    """Lets no chunk pass."""
    return False


def quick_pass(chunk: Any, usage: str, finish_reasons: str, *, forgets: bool) -> QuickPass:
    """A quick pass for those chunks like ``chunk`` that have nothing at the paths ``usage`` and ``finish_reasons``.

    There is one for pydantic 2 models with usage as one of their values, and a finish reason in each item of a list. With
    ``forgets`` the model is made to look as if nobody had given it a usage.
    """
    list_name, is_list, reason = finish_reasons.partition(".*.")
    items = step(chunk, list_name) if is_list else None
    if items == []:
        return not_yet
    if not isinstance(items, list) or not all(name.isidentifier() for name in (usage, list_name, reason)):
        return never
    kind: type = type(chunk)
    item_kind: type = type(items[0])
    return _quick_pass(kind, usage, list_name, item_kind, reason, forgets)


@lru_cache(256)
def _quick_pass(kind: type, usage: str, list_name: str, item_kind: type, reason: str, forgets: bool) -> QuickPass:
    if not is_only_a_value(kind, usage) or not is_only_a_value(kind, list_name) or not is_only_a_value(item_kind, reason):
        return never

    def passes(chunk: Any) -> bool:
        its_kind: type = type(chunk)
        if its_kind is not kind:
            return False
        values = chunk.__dict__
        # What the model does not declare may be kept elsewhere.
        if values.get(usage, _NOT_THERE) is not None or type(items := values.get(list_name)) is not list:
            return False
        for item in items:
            if type(item) is not item_kind or item.__dict__.get(reason, _NOT_THERE) is not None:
                return False
        if forgets:
            chunk.__pydantic_fields_set__.discard(usage)
        return True

    return passes
