"""Attribution across threads: work given to a thread or a thread pool runs with the attribution of whoever gave it.

Only our own variables are carried, none of the application's. Neither ``Thread.run`` nor the function that is submitted
is wrapped, so that the application meets its own objects, and no frame of ours stands in its tracebacks of pool work.
"""

import threading
from collections.abc import Callable
from concurrent.futures import thread as pool
from functools import wraps
from typing import Any, NamedTuple

from costspan import _context, _entry_spans
from costspan._attribution import NOTHING, Attribution
from costspan._guard import guard
from costspan._replacement import Replacement

# These threads serve many callers: what holds where a pool grows has nothing to do with what it runs.
_POOLS = ("concurrent.futures.thread", "multiprocessing.pool")
_CARRIED = "_costspan_carried"
_ABSENT = object()


class Carried(NamedTuple):
    """What goes along with work that is given away."""

    attribution: Attribution
    entry: "_entry_spans.Entry | None"


class _Work:
    """``with`` it, work runs as if it were done where ``carried`` comes from."""

    __slots__ = ("_carried", "_entry", "_holding")

    def __init__(self, carried: Carried) -> None:
        self._carried = carried

    def __enter__(self) -> None:
        self._entry = _entry_spans.carry(self._carried.entry)
        self._holding = _context.enter(self._carried.attribution)

    def __exit__(self, *_: object) -> None:
        _context.leave(self._holding)
        _entry_spans.put_down(self._entry)


def _here() -> Carried | None:
    """What work that is given away here takes along; None if there is nothing."""
    with guard:
        said, entry = _context.current(), _entry_spans.enclosing()
        if said is not NOTHING or entry is not None:
            return Carried(said, entry)
    return None


def _around_start(start: Callable[..., Any], is_wanted: Callable[[], bool]) -> Callable[..., Any]:
    @wraps(start)
    def carrying(thread: threading.Thread) -> Any:
        carried = None if not is_wanted() or getattr(thread, "_ident", None) is not None or _serves_many(thread) else _here()
        if carried is None:
            return start(thread)
        put_back = _shadow_run(thread, carried)
        try:
            return start(thread)
        except BaseException:
            put_back()
            raise

    return carrying


def _shadow_run(thread: threading.Thread, carried: Carried) -> Callable[[], None]:
    """Have ``thread`` enter ``carried`` before it runs. Until then its ``run`` is another; the result undoes that."""
    own = thread.__dict__
    before = own.get("run", _ABSENT)

    def put_back() -> None:
        if own.get("run") is run:
            if before is _ABSENT:
                del own["run"]
            else:
                own["run"] = before

    def run() -> None:
        put_back()
        with _Work(carried):
            thread.run()

    own["run"] = run
    return put_back


def _serves_many(thread: threading.Thread) -> bool:
    module = getattr(getattr(thread, "_target", None), "__module__", None)
    return isinstance(module, str) and (module in _POOLS or module.startswith("costspan."))


def _around_item_init(init: Callable[..., None], is_wanted: Callable[[], bool]) -> Callable[..., None]:
    @wraps(init)
    def carrying(item: Any, *args: Any, **kwargs: Any) -> None:
        init(item, *args, **kwargs)
        carried = _here() if is_wanted() else None
        if carried is not None:
            item.__dict__[_CARRIED] = carried

    return carrying


def _around_item_run(run: Callable[..., None], _: Callable[[], bool]) -> Callable[..., None]:
    @wraps(run)
    def carrying(item: Any, *args: Any) -> None:
        carried = item.__dict__.pop(_CARRIED, None)
        try:
            if carried is None:
                run(item, *args)
            else:
                with _Work(carried):
                    run(item, *args)
        finally:
            # An exception's traceback leads to this frame; the item leads to the exception.
            del item, args

    return carrying


_replacements: list[Replacement] = []


def apply() -> None:
    """Carry attribution to threads from now on."""
    if not _replacements:
        _replacements[:] = (
            Replacement(threading.Thread, "start", _around_start),
            Replacement(pool._WorkItem, "__init__", _around_item_init),
            Replacement(pool._WorkItem, "run", _around_item_run),
        )
    for replacement in _replacements:
        replacement.apply()


def undo() -> None:
    """Put the very same functions back. Work that is under way keeps what it carries."""
    for replacement in _replacements:
        replacement.undo()
