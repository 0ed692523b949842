"""The demo's product, as data: what its features, customers and users do with the rows of the trace.

Everything here but the trace's own figures is made up, and the same for the same row on every run.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal

from costspan_collector.demo.models import MODEL_BY_NAME, Model
from costspan_collector.demo.trace import Service, TraceRow

Api = Literal["chat", "responses", "messages"]
Runtime = Literal["event_loop", "threads"]


@dataclass(frozen=True, slots=True)
class Route:
    """``percent`` of a feature's calls go to ``model`` this way; ``right_percent`` of the judged ones are right.

    ``asks_usage`` is for streamed chat completions: whether the application itself asks for the usage chunk.
    """

    percent: int
    model: Model
    api: Api
    streamed: bool
    right_percent: int
    asks_usage: bool = False


@dataclass(frozen=True, slots=True)
class Feature:
    """``percent`` of a service's rows are calls of this feature; ``judged_percent`` of them get an accuracy label."""

    name: str
    service: Service
    percent: int
    runtime: Runtime
    judged_percent: int
    routes: tuple[Route, ...]
    prompts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Customer:
    """``percent`` of all calls are made by the ``users`` people of this customer."""

    name: str
    percent: int
    users: int


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """One call to make. ``correct`` is the judgement to attach to its answer, None for no judgement."""

    row: TraceRow
    feature: Feature
    route: Route
    customer: str
    user: str
    session: str
    prompt: str
    correct: bool | None


def _route(percent: int, model: str, api: Api, right: int, *, streamed: bool, asks_usage: bool = False) -> Route:
    return Route(percent, MODEL_BY_NAME[model], api, streamed, right, asks_usage)


FEATURES: tuple[Feature, ...] = (
    Feature(
        name="code-completion",
        service="code",
        percent=100,
        runtime="event_loop",
        judged_percent=30,
        routes=(
            _route(40, "gpt-5-mini", "chat", 81, streamed=True),
            _route(35, "claude-haiku-4-5", "messages", 84, streamed=True),
            _route(25, "gpt-4.1", "responses", 78, streamed=False),
        ),
        prompts=("Complete this function.", "Complete this line.", "Write the missing branch."),
    ),
    Feature(
        name="assistant",
        service="conversation",
        percent=55,
        runtime="event_loop",
        judged_percent=15,
        routes=(
            _route(30, "claude-sonnet-4-6", "messages", 93, streamed=True),
            _route(30, "gpt-5", "responses", 91, streamed=True),
            _route(40, "gpt-4o-mini", "chat", 76, streamed=True, asks_usage=True),
        ),
        prompts=("How do I change the plan?", "Why was the payment refused?", "Where do I find the report?"),
    ),
    Feature(
        name="summarize",
        service="conversation",
        percent=25,
        runtime="threads",
        judged_percent=20,
        routes=(
            _route(60, "gpt-4o-mini", "chat", 86, streamed=False),
            _route(40, "claude-haiku-4-5", "messages", 92, streamed=False),
        ),
        prompts=("Summarize this thread.", "Summarize this document in three points."),
    ),
    Feature(
        name="ticket-triage",
        service="conversation",
        percent=20,
        runtime="threads",
        judged_percent=60,
        routes=(
            _route(50, "gpt-5-mini", "responses", 95, streamed=False),
            _route(30, "gpt-4o-mini", "chat", 83, streamed=False),
            _route(20, "claude-haiku-4-5", "messages", 94, streamed=False),
        ),
        prompts=("Which team is this ticket for?", "How urgent is this ticket?"),
    ),
)
CUSTOMERS: tuple[Customer, ...] = (
    Customer("acme", 37, 60),
    Customer("northwind", 24, 35),
    Customer("globex", 17, 25),
    Customer("initech", 11, 14),
    Customer("umbrella", 7, 8),
    Customer("hooli", 4, 3),
)
BUDGETED_FEATURE = "code-completion"
# A user's calls of one feature within so many seconds of the trace are one session.
SESSION_S = 600


def plan(rows: Iterable[TraceRow]) -> tuple[PlannedCall, ...]:
    """The calls that the product makes of ``rows``, in their order. A row's call does not depend on other rows."""
    return tuple(_planned(row) for row in rows)


def _planned(row: TraceRow) -> PlannedCall:
    features = [feature for feature in FEATURES if feature.service == row.service]
    feature = features[_pick(row, "feature", [feature.percent for feature in features])]
    route = feature.routes[_pick(row, "route", [route.percent for route in feature.routes])]
    customer = CUSTOMERS[_pick(row, "customer", [customer.percent for customer in CUSTOMERS])]
    user = f"{customer.name}-{_draw(row, 'user', customer.users) + 1:02}"
    judged = _draw(row, "judged", 100) < feature.judged_percent
    return PlannedCall(
        row=row,
        feature=feature,
        route=route,
        customer=customer.name,
        user=user,
        session=f"{user}/{feature.name}/{int(row.offset_s) // SESSION_S}",
        prompt=feature.prompts[_draw(row, "prompt", len(feature.prompts))],
        correct=_draw(row, "correct", 100) < route.right_percent if judged else None,
    )


def _pick(row: TraceRow, purpose: str, percents: Sequence[int]) -> int:
    drawn = _draw(row, purpose, 100)
    for position, percent in enumerate(percents):
        drawn -= percent
        if drawn < 0:
            return position
    raise ValueError(f"{purpose}: the percents {list(percents)} sum to less than 100")


def _draw(row: TraceRow, purpose: str, below: int) -> int:
    """A number from 0 up to ``below``, spread evenly over rows and the same for the same row and purpose."""
    digest = blake2b(f"{purpose} {row.index}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) % below
