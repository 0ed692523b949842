"""The one engine of the process: switched on by ``init``, flushed, asked and switched off again."""

import atexit
import os
import sys
import threading
import time
from typing import Any, TypedDict

from costspan import _span_starts, _threads
from costspan._engine import Engine
from costspan._guard import guard
from costspan._patch import Patches
from costspan._settings import Settings, load
from costspan.adapters import ADAPTERS

DEFAULT_FLUSH_TIMEOUT_S = 10.0


class Stats(TypedDict):
    """What the SDK has done in this process. ``calls`` were observed and ended; ``spans_sent`` and ``labels_sent``
    the collector has taken; ``queued`` wait in memory; ``spooled`` spans and labels wait on disk, for the collector that
    this process sends to, written by this process or taken over from one that has gone; ``retries`` are requests that
    failed for the moment; ``last_problem`` is the newest reason why something was not sent or not put on disk;
    ``checks_failed`` are checks of yours that raised, ``checks_dropped`` answers that they did not keep up with;
    ``internal_errors`` are our own, which the application did not see.

    ``dropped`` spans and labels were lost, by reason: ``queue_full`` (memory was full, and the collector too slow or
    away), ``spool_full``, ``spool_no_space``, ``spool_not_writable``, ``spool_busy``, ``spool_failed`` (memory was full
    because the disk did not take them), ``process_exit`` (no time and no spool at the end), ``spool_unreadable``,
    ``spool_expired`` (30 days old), ``partial_success`` and ``http_<status>`` (refused by the collector for good),
    ``not_encodable``.
    """

    calls: int
    open_streams: int
    queued: int
    spooled: int
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
    spool_dir: str | os.PathLike[str] | None = None,
    spool_size_bytes: int | None = None,
) -> None:
    """Observe every call made through the model clients of this process, those imported later included.

    ``endpoint`` is the collector's base URL (http://127.0.0.1:4318), ``api_key`` a key with the scope ``ingest``.
    ``service`` and ``environment`` name the application; left out, its OpenTelemetry resource does. ``default_feature``
    (on) books calls of no feature on their route, task or module. ``request_stream_usage`` (on) asks for the usage of a
    stream where it comes only then; the caller does not see the additional chunk. ``queue_size`` (10000) bounds the calls
    and labels in memory, ``exit_timeout_s`` (5) the wait for the collector at the process's end. ``spool_dir``
    (``costspan/spool`` in ``$XDG_STATE_HOME`` or ``~/.local/state``) keeps what the collector did not take until it is back,
    for the next process if need be; ``spool_size_bytes`` (64 MiB) bounds it, 0 means none. No key is ever written to it.

    What is left out, but ``service``, is read from ``COSTSPAN_<NAME>``. May be called again: later settings replace
    earlier ones, nothing is patched twice. Sets no global OpenTelemetry provider and no environment variable. Raises
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
        spool_dir=spool_dir,
        spool_size_bytes=spool_size_bytes,
    )
    _apply(settings)


def _apply(settings: Settings) -> None:
    with _runtime.lock:
        guard.raises = settings.raise_internal_errors
        _patches(settings).apply()
        _carry_attribution()


def _carry_attribution() -> None:
    """Each part on its own: the one that a future version of what it patches breaks is missing, and nothing else."""
    with guard:
        _threads.apply()
    with guard:
        _span_starts.apply()


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
            _span_starts.undo()


def flush(timeout_s: float = DEFAULT_FLUSH_TIMEOUT_S) -> bool:
    """Send what has ended so far, and what is spooled. True once the collector has taken all of it, False if
    ``timeout_s`` passed first."""
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
    """Stop observing, end the streams that are still open as abandoned, ``flush``, and forget the checks. ``init()``
    starts again.

    What the collector has not taken in time is put on disk, and is still sent from there.
    """
    uninstrument()
    engine = _runtime.engine
    if engine is None:
        return True
    engine.abandon_open_calls()
    is_sent = flush(timeout_s)
    engine.checks.clear()
    return engine.delivery.stop(timeout_s) and is_sent


def stats() -> Stats:
    """Counts since the process began or was forked."""
    engine = _runtime.engine
    sent = engine.delivery.sent if engine else None
    return Stats(
        calls=engine.counters.get("calls") if engine else 0,
        open_streams=len(engine.open_streams) if engine else 0,
        queued=engine.delivery.queued if engine else 0,
        spooled=engine.delivery.spooled if engine else 0,
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
            if engine.checks.are_any:
                engine.delivery.flush(engine.settings.exit_timeout_s / 2)
                engine.checks.wait(max(deadline - time.monotonic(), 0.0))
            engine.delivery.close(max(deadline - time.monotonic(), 0.0))


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
