"""The frozen records that flow through the collector: a model call, and a label on one."""

import hashlib
from dataclasses import dataclass, field
from decimal import Decimal

from costspan.pricing import Cost
from costspan.usage import Quantity


@dataclass(frozen=True, slots=True)
class Dimensions:
    """What a call is counted under. Absent values are None; tags are those promoted to dimensions, sorted by name."""

    environment: str | None = None
    service: str | None = None
    feature: str | None = None
    customer: str | None = None
    provider: str | None = None
    model: str | None = None
    operation: str | None = None
    tags: tuple[tuple[str, str], ...] = ()


DIMENSIONS = ("environment", "service", "feature", "customer", "provider", "model", "operation")


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a model provider, as an emitter reported it. Times are nanoseconds since the Unix epoch, UTC.

    ``usage`` holds disjoint meters (costspan/usage.py) and is None where none was reported. ``basis`` says how
    the reported totals were understood. ``reported_cost_usd`` is the emitter's own figure, kept for comparison;
    ``charged_usd`` is what the provider itself said in its answer that it charged. ``conditions`` are what else the
    price depends on, such as an image's size.
    """

    trace_id: bytes
    span_id: bytes
    start_time_ns: int
    end_time_ns: int
    dimensions: Dimensions
    parent_span_id: bytes | None = None
    response_id: str | None = None
    request_model: str | None = None
    response_model: str | None = None
    user: str | None = None
    session: str | None = None
    operation_id: str | None = None
    error_type: str | None = None
    usage: dict[str, Quantity] | None = None
    basis: str | None = None
    incomplete: bool = False
    tier: str | None = None
    region: str | None = None
    conditions: dict[str, str] = field(default_factory=dict)
    streamed: bool = False
    time_to_first_chunk_ns: int | None = None
    value_usd: Decimal | None = None
    reported_cost_usd: Decimal | None = None
    charged_usd: Decimal | None = None
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PricedCall:
    """A call with its cost; ``cost`` is None for a failed call without usage, which costs nothing and is not unpriced.

    ``price_version`` names the state of the price book that it was priced by.
    """

    call: Call
    cost: Cost | None
    price_version: int = 0


@dataclass(frozen=True, slots=True)
class Label:
    """A judgement of a call: ``value`` (1 or 0 for ``correct``, else a score) and/or a ``category``, by someone.

    The call is named by trace and span, or by the provider's response id; it may not have arrived yet.
    """

    name: str
    observed_time_ns: int
    value: Decimal | None = None
    category: str | None = None
    by: str = ""
    trace_id: bytes | None = None
    span_id: bytes | None = None
    response_id: str | None = None

    @property
    def key(self) -> bytes:
        """The 16-byte key under which the labelled call is found."""
        if self.trace_id is not None and self.span_id is not None:
            return span_key(self.trace_id, self.span_id)
        return response_key(self.response_id or "")


def span_key(trace_id: bytes, span_id: bytes) -> bytes:
    """The 16-byte identity of a call: a hash of its trace and span ids."""
    return hashlib.blake2b(trace_id + span_id, digest_size=16, person=b"span").digest()


def response_key(response_id: str) -> bytes:
    """The 16-byte key of a provider's response id."""
    return hashlib.blake2b(response_id.encode(), digest_size=16, person=b"response").digest()
