"""What is known of one call."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from costspan.usage import Figures, Reading

UNFINISHED = frozenset({"queued", "in_progress"})


class Counted(NamedTuple):
    """Items that are billed one by one, by meter; ``without_usage`` those that are only where no usage is reported."""

    always: dict[str, int]
    without_usage: dict[str, int]


NOTHING_COUNTED = Counted({}, {})


@dataclass(slots=True)
class Facts:
    """What is known of one call. A figure that nobody reported is None.

    ``time_to_first_chunk_s`` is in seconds. ``is_incomplete``: the final usage figures were not seen. ``partial`` holds
    what other models consumed within the call, by model. ``conditions`` is what else the price depends on, such as an
    image's size. ``status`` is the state of a background response. ``unread``
    makes ``reading`` and ``partial`` of the ``figures``, ``entries`` and ``counted`` items that were noted.
    """

    operation: str
    provider: str
    request_model: str | None = None
    max_tokens: int | None = None
    is_stream: bool = False
    server_address: str | None = None
    server_port: int | None = None
    api_type: str = ""
    response_id: str | None = None
    response_model: str | None = None
    tier: str | None = None
    speed: str | None = None
    region: str | None = None
    conditions: dict[str, str] = field(default_factory=dict)
    finish_reasons: tuple[str, ...] = ()
    reading: Reading | None = None
    partial: tuple[tuple[str, Reading], ...] = ()
    characters: tuple[str, int] | None = None
    is_incomplete: bool = False
    is_batch: bool = False
    time_to_first_chunk_s: float | None = None
    error_type: str | None = None
    status_code: int | None = None
    status: str | None = None
    output: "Output | None" = None
    unread: "Callable[[Facts], None] | None" = None
    figures: Figures | None = None
    entries: Any = None
    counted: Counted = NOTHING_COUNTED

    def resolve(self) -> None:
        """Turn the usage that was noted into ``reading`` and ``partial``, if that has not been done."""
        unread, self.unread = self.unread, None
        if unread is not None:
            unread(self)
            self.entries = None

    @property
    def priced_tier(self) -> str | None:
        """The service tier that is billed: a batch's, a fast answer's, else the one that the response names."""
        return "batch" if self.is_batch else "fast" if self.speed == "fast" else self.tier

    @property
    def is_unfinished(self) -> bool:
        """Whether the answer is still being made in the background, and can be fetched later."""
        return self.status in UNFINISHED and self.response_id is not None


@dataclass(slots=True)
class Output:
    """What a check is to see of a call: the text so far, and the client's own object for a whole answer."""

    text: list[str] = field(default_factory=list)
    response: Any = None


def text_or_none(value: Any) -> str | None:
    """``value`` if it is a text with something in it, made fit for UTF-8, else None. An enumeration's value counts."""
    if value is None:
        return None
    if not isinstance(value, str):
        value = getattr(value, "value", None)
    if not isinstance(value, str) or not value:
        return None
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


def texts(value: Any) -> tuple[str, ...]:
    """The texts in ``value``, which is one text, a list with texts in it, or anything else."""
    if isinstance(value, (list, tuple)):
        return tuple(text for item in value if (text := text_or_none(item)) is not None)
    text = text_or_none(value)
    return () if text is None else (text,)
