"""Calls over a lasting connection: told by the messages that pass, each billed message a call of its own."""

import time
import weakref
from typing import Any
from urllib.parse import urlsplit

import wrapt

from costspan._engine import Engine
from costspan._facts import Facts, text_or_none, texts
from costspan._guard import guard
from costspan._observe import Observation
from costspan._providers import provider_of_host
from costspan.adapters._adapter import Adapter, Session, SessionCall
from costspan.usage import read_usage
from costspan.usage.paths import getter


class _State:
    """What is known of one connection: ``begun`` holds when the calls under way began, by their keys, ``booked`` the keys
    of those that have ended, and ``turn`` the call whose figures may still change."""

    __slots__ = ("begun", "booked", "host", "models", "port", "turn")

    def __init__(self, host: str | None, port: int | None) -> None:
        self.host = host
        self.port = port
        self.models: dict[str, str] = {}
        self.begun: dict[str, int] = {}
        self.booked: set[str] = set()
        self.turn: Observation | None = None


class SessionWatch:
    """Watches the connections of one client library."""

    def __init__(self, engine: Engine, adapter: Adapter, session: Session) -> None:
        self._engine = engine
        self._adapter = adapter
        self._session = session
        self._host = getter(session.host)
        self._kind = getter(session.kind) if session.kind else None
        self._ends = getter(session.ends) if session.ends else None
        self._models = tuple((name, getter(path)) for name, path in session.models.items())
        self._begins = {call.begins: getter(call.key) for call in session.calls.values() if call.begins}
        self._states: weakref.WeakKeyDictionary[Any, _State] = weakref.WeakKeyDictionary()

    def received(self, connection: Any, message: Any) -> None:
        """A message has come. Never raises."""
        with guard:
            state = self._state_of(connection)
            for name, model_of in self._models:
                if (model := text_or_none(model_of(message))) is not None:
                    state.models[name] = model
            kind = self._kind(message) if self._kind is not None else ""
            if self._ends is not None:
                state.begun.setdefault("", time.time_ns())
            elif kind in self._begins and (key := text_or_none(self._begins[kind](message))) is not None:
                state.begun[key] = time.time_ns()
            call = self._session.calls.get(kind)
            if call is not None:
                self._read(state, call, message)
            if self._ends is not None and self._ends(message):
                self._end_turn(state)

    def opened(self, connection: Any, model: str | None) -> None:
        """``connection`` was opened for ``model``."""
        with guard:
            if model is not None:
                self._state_of(connection).models["session"] = model

    def closed(self, connection: Any) -> None:
        """``connection`` is closed: a turn under way has ended early, with the figures that have come so far."""
        with guard:
            state = self._states.get(connection)
            if state is not None and state.turn is not None:
                state.turn.facts.is_incomplete = True
                self._end_turn(state)

    def _state_of(self, connection: Any) -> _State:
        state = self._states.get(connection)
        if state is None:
            host = text_or_none(self._host(connection))
            place = urlsplit(f"//{host}") if host is not None else None
            port = None if place is None else place.port or 443
            state = self._states[connection] = _State(None if place is None else place.hostname, port)
        return state

    def _end_turn(self, state: _State) -> None:
        turn, state.turn = state.turn, None
        state.begun.clear()
        if turn is not None:
            turn.end()

    def _read(self, state: _State, call: SessionCall, message: Any) -> None:
        model = state.models.get(call.model_of)
        key = text_or_none(getter(call.key)(message)) or ""
        reading = read_usage(call.usage, getter(call.fields.usage)(message), model or "")
        begun_ns = state.begun.get(key) if self._ends is not None else state.begun.pop(key, None)
        # A message may be parsed twice by its reader.
        if reading is None or key in state.booked:
            return
        observation = state.turn
        if observation is None:
            facts = Facts(
                operation=call.operation,
                provider=(provider_of_host(state.host) if state.host else None) or self._adapter.provider,
                request_model=model,
                is_stream=True,
                server_address=state.host,
                server_port=state.port,
            )
            observation = Observation.of_turn(self._engine, facts, begun_ns or time.time_ns())
        facts = observation.facts
        facts.response_id = text_or_none(getter(call.fields.response_id)(message))
        facts.finish_reasons = texts(getter(call.fields.finish_reasons)(message))
        facts.reading = reading
        if self._ends is not None:
            state.turn = observation
            return
        if facts.output is not None:
            facts.output.text.extend(texts(getter(call.fields.text)(message)))
        if key:
            state.booked.add(key)
        observation.end()


class OpenedSession(wrapt.ObjectProxy):  # type: ignore[type-arg]
    """Stands before the context manager that gives a connection, to learn which model it is for, and when it ends."""

    def __init__(self, manager: Any, watch: SessionWatch, model: str | None) -> None:
        super().__init__(manager)
        self._self_watch = watch
        self._self_model = model
        self._self_connection: weakref.ref[Any] | None = None

    async def __aenter__(self) -> Any:
        connection = await self.__wrapped__.__aenter__()
        self._self_watch.opened(connection, self._self_model)
        self._self_connection = weakref.ref(connection)
        return connection

    async def __aexit__(self, *error: object) -> Any:
        connection = None if self._self_connection is None else self._self_connection()
        if connection is not None:
            self._self_watch.closed(connection)
        return await self.__wrapped__.__aexit__(*error)
