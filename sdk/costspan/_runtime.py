"""The one engine of the process: switched on by ``init``, flushed, asked and switched off again."""

import atexit
import os
import sys
import threading
import time
from typing import Any, TypedDict

from costspan import _entry_spans, _threads
from costspan._engine import Engine
from costspan._guard import guard
from costspan._patch import Patches
from costspan._settings import Settings, load
from costspan.adapters import ADAPTERS

DEFAULT_FLUSH_TIMEOUT_S = 10.0


class Stats(TypedDict):
    """What the SDK has done in this process. ``calls`` were observed and ended; ``spans_sent`` and ``labels_sent``
    the collector has taken; ``queued`` wait; ``dropped`` were lost, by reason; ``retries`` are requests that failed
    for the moment; ``checks_failed`` are checks of yours that raised, ``checks_dropped`` answers that they did not keep
    up with; ``internal_errors`` are our own, which the application did not see."""

    calls: int
    open_streams: int
    queued: int
    spans_sent: int
    labels_sent: int
    retries: int
    dropped: dict[str, int]
    last_problem: str
    checks_failed: int
    checks_dropped: int
    internal_errors: int
    internal_errors_by_type: dict[str, int]


class _Runtime:
    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.engine: Engine | None = None
        self.patches: Patches | None = None


_runtime = _Runtime()


def engine_or_none() -> Engine | None:
    """The engine, or None before ``init()``."""
    return _runtime.engine


def init(
    endpoint: str | None = None,
    api_key: str | None = None,
    service: str | None = None,
    environment: str | None = None,
    *,
    default_feature: bool | None = None,
    request_stream_usage: bool | None = None,
    queue_size: int | None = None,
    exit_timeout_s: float | None = None,
) -> None:
    """Observe every call made through the model clients of this process, those imported later included.

    ``endpoint`` is the collector's base URL (``COSTSPAN_ENDPOINT``, else http://127.0.0.1:4318) and ``api_key`` a key
    with the scope ``ingest`` (``COSTSPAN_API_KEY``). ``service`` and ``environment`` (``COSTSPAN_ENVIRONMENT``) name
    the application; left out, its OpenTelemetry resource does, or ``OTEL_SERVICE_NAME`` and ``OTEL_RESOURCE_ATTRIBUTES``.

    Also, by the variables ``COSTSPAN_...``: ``default_feature`` (on) books calls of no feature on their route, task or
    module. ``request_stream_usage`` (on) asks for usage where a stream has it only then; the caller sees no other chunk.
    ``queue_size`` (10000) bounds the calls and labels in memory, ``exit_timeout_s`` (5) the wait at the process's end.

    May be called again: later settings replace earlier ones, and nothing is patched twice. Sets no global
    OpenTelemetry provider and no environment variable; ``OTEL_SDK_DISABLED`` does not switch the books off. Raises
    ValueError for a setting that cannot be used, an unknown ``COSTSPAN_*`` variable included.
    """
    settings = load(
        endpoint=endpoint,
        api_key=api_key,
        service=service,
        environment=environment,
        default_feature=default_feature,
        request_stream_usage=request_stream_usage,
        queue_size=queue_size,
        exit_timeout_s=exit_timeout_s,
    )
    with _runtime.lock:
        guard.raises = settings.raise_internal_errors
        _patches(settings).apply()
        _carry_attribution()


def _carry_attribution() -> None:
    """Each part on its own: the one that a future version of what it patches breaks is missing, and nothing else."""
    with guard:
        _threads.apply()
    with guard:
        _entry_spans.apply()


def _patches(settings: Settings) -> Patches:
    """The patches, made the first time and configured every time."""
    if _runtime.engine is None or _runtime.patches is None:
        _runtime.engine = Engine(settings)
        _runtime.patches = Patches(_runtime.engine, ADAPTERS)
        atexit.register(_at_exit)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=_after_fork)
    else:
        _runtime.engine.configure(settings)
    return _runtime.patches


def uninstrument() -> None:
    """Put all patched functions back. Calls and streams under way are still observed to their end."""
    with _runtime.lock:
        if _runtime.patches is not None:
            _runtime.patches.undo()
            _threads.undo()
            _entry_spans.undo()


def flush(timeout_s: float = DEFAULT_FLUSH_TIMEOUT_S) -> bool:
    """Send what has ended so far. True once the collector has taken all of it, False if ``timeout_s`` passed first."""
    engine = _runtime.engine
    if engine is None:
        return True
    deadline = time.monotonic() + timeout_s
    is_sent = engine.delivery.flush(timeout_s)
    if not engine.checks.are_any:
        return is_sent
    # A check is run once its call has left the queue, and its label is sent after it.
    is_checked = engine.checks.wait(max(deadline - time.monotonic(), 0.0))
    return engine.delivery.flush(max(deadline - time.monotonic(), 0.0)) and is_checked and is_sent


def shutdown(timeout_s: float = DEFAULT_FLUSH_TIMEOUT_S) -> bool:
    """Stop observing, end the streams that are still open as abandoned, and ``flush``. ``init()`` starts again."""
    uninstrument()
    engine = _runtime.engine
    if engine is None:
        return True
    engine.abandon_open_calls()
    return flush(timeout_s) and engine.delivery.stop(timeout_s)


def stats() -> Stats:
    """Counts since the process began or was forked."""
    engine = _runtime.engine
    sent = engine.delivery.sent if engine else None
    return Stats(
        calls=engine.counters.get("calls") if engine else 0,
        open_streams=len(engine.open_streams) if engine else 0,
        queued=engine.delivery.queued if engine else 0,
        spans_sent=sent.get("/v1/traces") if sent else 0,
        labels_sent=sent.get("/v1/logs") if sent else 0,
        retries=sent.get("retries") if sent else 0,
        dropped=engine.delivery.dropped.all() if engine else {},
        last_problem=engine.delivery.last_problem if engine else "",
        checks_failed=engine.checks.guard.count if engine else 0,
        checks_dropped=engine.checks.dropped if engine else 0,
        internal_errors=guard.count,
        internal_errors_by_type=guard.errors.all(),
    )


def _at_exit(_: Any = None) -> None:
    engine = _runtime.engine
    if engine is not None:
        with guard:
            deadline = time.monotonic() + engine.settings.exit_timeout_s
            engine.abandon_open_calls()
            # A check is run once its call has left the queue, and its label is sent after it.
            engine.delivery.flush(engine.settings.exit_timeout_s)
            engine.checks.wait(max(deadline - time.monotonic(), 0.0))
            engine.delivery.stop(max(deadline - time.monotonic(), 0.0))


def _after_fork() -> None:
    _runtime.lock = threading.RLock()
    guard.errors.reset()
    engine = _runtime.engine
    if engine is None:
        return
    engine.after_fork()
    # A child of multiprocessing ends without the interpreter's exit functions, but runs finalizers of its own, which
    # it clears once after the fork.
    multiprocessing = sys.modules.get("multiprocessing.util")
    if multiprocessing is not None:
        multiprocessing.register_after_fork(engine, lambda _: multiprocessing.Finalize(None, _at_exit, exitpriority=100))
