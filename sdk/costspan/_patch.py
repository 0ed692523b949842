"""Adapter targets into wrappers and back: what is patched."""

import sys
from collections.abc import Callable
from typing import Any

import wrapt

from costspan._call import Call
from costspan._context import hide
from costspan._engine import Engine
from costspan._guard import guard
from costspan._matching import Matcher
from costspan._operation import Operation
from costspan._passing import Passing
from costspan._retrieve import RetrievalCall
from costspan._sessions import OpenedSession, SessionWatch
from costspan.adapters._adapter import Adapter, Target

Begin = Callable[[Any, tuple[Any, ...], dict[str, Any]], Call | Passing | None]


def targets_of(adapter: Adapter) -> tuple[Target, ...]:
    """All functions that are wrapped for ``adapter``."""
    session = adapter.session
    own = () if session is None else (*session.targets, *((session.opening,) if session.opening else ()))
    return (*adapter.targets, *adapter.operations, *own)


class Patches:
    """Everything that is patched in this process. ``apply`` and ``undo`` may be called any number of times."""

    def __init__(self, engine: Engine, adapters: tuple[Adapter, ...]) -> None:
        self._engine = engine
        self._adapters = adapters
        self._is_applied = False
        self._hooked: set[str] = set()
        self._sessions: dict[str, SessionWatch] = {}
        self._installed: dict[Target, tuple[Any, str, Any, Any]] = {}

    def apply(self) -> None:
        """Patch every client that is imported, and the others as soon as they are."""
        self._is_applied = True
        for adapter in self._adapters:
            for target in targets_of(adapter):
                if sys.modules.get(target.module) is not None:
                    with guard:
                        self._patch(adapter, target)
                elif target.module not in self._hooked:
                    self._hooked.add(target.module)
                    wrapt.register_post_import_hook(self._imported, target.module)

    def undo(self) -> None:
        """Put the original functions back. One that somebody else has wrapped since stays, and does nothing."""
        self._is_applied = False
        for target, (owner, name, original, wrapper) in list(self._installed.items()):
            if owner.__dict__.get(name) is wrapper:
                setattr(owner, name, original)
                del self._installed[target]

    def _imported(self, module: Any) -> None:
        if not self._is_applied:
            return
        for adapter in self._adapters:
            for target in targets_of(adapter):
                if target.module == module.__name__:
                    with guard:
                        self._patch(adapter, target)

    def _patch(self, adapter: Adapter, target: Target) -> None:
        if target in self._installed:
            return
        owner: Any = sys.modules[target.module]
        *path, name = target.name.split(".")
        for part in path:
            owner = getattr(owner, part, None)
        original = getattr(owner, "__dict__", {}).get(name)
        if original is None:
            return
        wrapper = wrapt.FunctionWrapper(original, self._wrapper(adapter, target))
        setattr(owner, name, wrapper)
        self._installed[target] = (owner, name, original, wrapper)

    def _wrapper(self, adapter: Adapter, target: Target) -> Callable[..., Any]:
        if target in adapter.operations:
            return self._joining_wrapper(target)
        session = adapter.session
        if session is not None and target in (*session.targets, session.opening):
            watch = self._sessions.setdefault(adapter.name, SessionWatch(self._engine, adapter, session))
            return self._session_wrapper(watch, target, is_opening=target == session.opening)
        begin = self._beginning(adapter)
        return _async_wrapper(begin) if target.is_async else _sync_wrapper(begin)

    def _session_wrapper(self, watch: SessionWatch, target: Target, *, is_opening: bool) -> Callable[..., Any]:
        def opened(wrapped: Any, _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            manager = wrapped(*args, **kwargs)
            model = kwargs.get("model")
            return OpenedSession(manager, watch, model if isinstance(model, str) else None) if self._is_applied else manager

        def received(wrapped: Any, connection: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            message = wrapped(*args, **kwargs)
            if self._is_applied:
                watch.received(connection, message)
            return message

        async def received_async(wrapped: Any, connection: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            message = await wrapped(*args, **kwargs)
            if self._is_applied:
                watch.received(connection, message)
            return message

        return opened if is_opening else received_async if target.is_async else received

    def _joining_wrapper(self, target: Target) -> Callable[..., Any]:
        def answered(operation: Operation, result: Any) -> Any:
            with guard:
                if self._is_applied and operation.answered is not None:
                    self._engine.index.remember_object(result, operation.answered)
            return result

        def joined(wrapped: Any, _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            with Operation() as operation:
                return answered(operation, wrapped(*args, **kwargs))

        async def joined_async(wrapped: Any, _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            with Operation() as operation:
                return answered(operation, await wrapped(*args, **kwargs))

        return joined_async if target.is_async else joined

    def _beginning(self, adapter: Adapter) -> Begin:
        matcher = Matcher(adapter)

        def begin(client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call | Passing | None:
            if not self._is_applied:
                return None
            with guard:
                request = adapter.call.request(client, args, kwargs)
                if request is None:
                    return None
                match = matcher.match(request)
                if match is not None and match.reader is not None:
                    return Call(self._engine, adapter, match.reader, request, client, args, kwargs, match.names.get("model"))
                hidden = hide()
                if match is not None and match.retrieval is not None:
                    return RetrievalCall(self._engine, adapter, matcher, match.retrieval, request, args, kwargs, hidden)
                # Nothing to do but where there is something that the provider is not to hear of.
                return None if hidden is None else Passing(args, kwargs, hidden)
            return None

        return begin


def _sync_wrapper(begin: Begin) -> Callable[..., Any]:
    def observed(wrapped: Any, client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        call = begin(client, args, kwargs)
        if call is None:
            return wrapped(*args, **kwargs)
        while True:
            try:
                result = wrapped(*call.args, **call.kwargs)
            except BaseException as error:
                if not call.repeats_after(error, args, kwargs):
                    raise
            else:
                return call.answered(result)

    return observed


def _async_wrapper(begin: Begin) -> Callable[..., Any]:
    async def observed(wrapped: Any, client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        call = begin(client, args, kwargs)
        if call is None:
            return await wrapped(*args, **kwargs)
        while True:
            try:
                result = await wrapped(*call.args, **call.kwargs)
            except BaseException as error:
                if not call.repeats_after(error, args, kwargs):
                    raise
            else:
                return call.answered(result)

    return observed
