"""What observations need: where spans come from, what they cost, where they go. One for the process."""

from datetime import UTC, datetime
from typing import Protocol

from costspan._checks import Checks
from costspan._delivery import Delivery
from costspan._facts import Facts
from costspan._guard import Counters
from costspan._index import CallIndex
from costspan._settings import Settings
from costspan._tracing import Tracing
from costspan._unfinished import Unfinished
from costspan.pricing import Cost, Pricer
from costspan.usage import Reading


class OpenStream(Protocol):
    """A stream that has not ended."""

    def dropped(self) -> None:
        """End it as abandoned."""


class Engine:
    """What observations need: where spans come from, what they cost, where they go. One for the process."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.tracing = Tracing(settings)
        self.delivery = Delivery(settings)
        self.index = CallIndex()
        self.counters = Counters()
        self.checks = Checks()
        self.unfinished = Unfinished()
        self.open_streams: set[OpenStream] = set()
        # Host and port of servers that refused a request because of the option we added.
        self.refusing_usage_option: set[tuple[str | None, int | None]] = set()
        # Observations begun before a fork belong to the parent.
        self.generation = 0
        self._pricer = Pricer()

    def configure(self, settings: Settings) -> None:
        self.settings = settings
        self.refusing_usage_option.clear()
        self.tracing.configure(settings)
        self.delivery.configure(settings)

    def after_fork(self) -> None:
        self.generation += 1
        self.open_streams = set()
        self.unfinished = Unfinished()
        self.counters.reset()
        self.checks.after_fork()
        self.index.after_fork()
        self.delivery.after_fork()

    def abandon_open_calls(self) -> None:
        """End what is still open as abandoned: the process ends, or observing does."""
        for stream in list(self.open_streams):
            stream.dropped()
        self.unfinished.give_up()

    def price(self, facts: Facts, model: str | None, reading: Reading | None, start_ns: int) -> Cost | None:
        """What ``model`` costs for what was read, as far as is known; None if the call failed before anything was used."""
        if facts.error_type is not None and reading is None:
            return None
        return self._pricer.price(
            facts.provider,
            model,
            reading.usage if reading else None,
            datetime.fromtimestamp(start_ns // 1_000_000_000, UTC),
            tier=facts.priced_tier,
            conditions={"region": facts.region, **facts.conditions} if facts.region else facts.conditions,
            incomplete=facts.is_incomplete,
            operation=facts.operation,
            charged_usd=reading.reported_cost_usd if reading else None,
        )
