"""Self-hosted cards and the bills of their hours in Postgres: superseded, never updated."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import orjson

from costspan.pricing.lines import within
from costspan.pricing.naming import provider_id
from costspan.pricing.self_hosted import Figure, SelfHostedCard, overlap
from costspan_collector.book.dated import intersect, remainders
from costspan_collector.store.budgets import move_price_version
from costspan_collector.store.database import Connection, database_now

_COLUMNS = (
    "provider, model, gpu, gpus, usd_per_gpu_hour, tokens_per_s, tokens_per_s_measured, counted, utilisation, "
    "utilisation_measured, weights, note, valid_from, valid_to"
)


class Deployment(NamedTuple):
    """What one bill is for: the machines behind a provider's models of one pattern."""

    provider: str
    model: str

    def __str__(self) -> str:
        return f"{self.provider} {self.model}"


@dataclass(frozen=True, slots=True)
class StoredCard:
    """A card on record."""

    card_id: UUID
    card: SelfHostedCard
    recorded_at: datetime

    @property
    def deployment(self) -> Deployment:
        """What its machines serve."""
        return Deployment(self.card.provider, self.card.model)


class Bill(NamedTuple):
    """What a deployment's machines cost in the hour from ``hour``."""

    bill_id: UUID
    hour: datetime
    usd: Decimal


def load_cards(connection: Connection, project_id: int) -> list[StoredCard]:
    """The cards that hold, by deployment and time."""
    rows: Sequence[Any] = connection.execute(
        f"SELECT card_id, recorded_at, {_COLUMNS} FROM self_hosted_card WHERE project_id = %s AND superseded_at IS NULL "
        "ORDER BY provider, model, valid_from NULLS FIRST",
        (project_id,),
    ).fetchall()
    return [_stored(*row) for row in rows]


def add_card(connection: Connection, project_id: int, card: SelfHostedCard) -> UUID:
    """Record a card, under the writer lock. Older cards of the same models keep what time it leaves them.

    Raises ValueError where another pattern already names some of its models at some of its time.
    """
    card = replace(card, provider=card.catalogue_provider, model=card.model.lower())
    now = database_now(connection)
    span = (card.valid_from, card.valid_to)
    for known in load_cards(connection, project_id):
        old = (known.card.valid_from, known.card.valid_to)
        if known.card.provider != card.provider or not intersect(old, span):
            continue
        if known.card.model == card.model:
            _supersede(connection, project_id, known.card_id, now)
            for start, end in remainders(old, span):
                _insert(connection, project_id, replace(known.card, valid_from=start, valid_to=end), now)
        elif overlap(known.card.model, card.model):
            raise ValueError(f"model: {card.model!r} and {known.card.model!r} of {card.provider} would both price the same calls")
    card_id = _insert(connection, project_id, card, now)
    move_price_version(connection, project_id)
    return card_id


def card_at(cards: Sequence[StoredCard], deployment: Deployment, hour: datetime) -> StoredCard:
    """The card in force in ``hour``. Raises ValueError if there is none."""
    own = [known for known in cards if known.deployment == deployment]
    for known in own:
        if within(known.card.valid_from, known.card.valid_to, hour):
            return known
    there = "has no card" if not own else f"has no card for {hour.isoformat()}"
    raise ValueError(f"hour: {deployment} {there}; add one that holds then")


def deployment_of(cards: Sequence[StoredCard], provider: str | None, model: str | None) -> Deployment:
    """The deployment that is meant; without names the only one. Raises ValueError if that is none or not clear."""
    known = list(dict.fromkeys(card.deployment for card in cards))
    meant = [
        one
        for one in known
        if (provider is None or one.provider == provider_id(provider)) and (model is None or one.model == model.lower())
    ]
    if len(meant) != 1:
        named = ", ".join(map(str, known)) or "none yet"
        raise ValueError(f"provider, model: {provider!r}, {model!r} name {len(meant)} deployments; there are: {named}")
    return meant[0]


def record_bill(
    connection: Connection, project_id: int, deployment: Deployment, hour: datetime, usd: Decimal, source: str
) -> Bill:
    """The bill of an hour, under the writer lock; a different older one is superseded. Safe to repeat."""
    known = bill_of(connection, project_id, deployment, hour)
    if known is not None and known.usd == usd:
        return known
    if known is not None:
        supersede_bill(connection, project_id, known)
    row: Any = connection.execute(
        "INSERT INTO gpu_bill (project_id, bill_id, provider, model, hour, usd, source, recorded_at) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s, now()) RETURNING bill_id, hour, usd",
        (project_id, uuid4(), *deployment, hour, usd, source),
    ).fetchone()
    return Bill(*row)


def supersede_bill(connection: Connection, project_id: int, bill: Bill) -> None:
    """Take a bill back, under the writer lock. Safe to repeat."""
    connection.execute(
        "UPDATE gpu_bill SET superseded_at = now() WHERE project_id = %s AND bill_id = %s AND superseded_at IS NULL",
        (project_id, bill.bill_id),
    )


def bill_of(connection: Connection, project_id: int, deployment: Deployment, hour: datetime) -> Bill | None:
    """The bill that holds for an hour."""
    row: Any = connection.execute(
        "SELECT bill_id, hour, usd FROM gpu_bill "
        "WHERE project_id = %s AND provider = %s AND model = %s AND hour = %s AND superseded_at IS NULL",
        (project_id, *deployment, hour),
    ).fetchone()
    return Bill(*row) if row else None


def _supersede(connection: Connection, project_id: int, card_id: UUID, now: datetime) -> None:
    connection.execute(
        "UPDATE self_hosted_card SET superseded_at = %s WHERE project_id = %s AND card_id = %s", (now, project_id, card_id)
    )


def _insert(connection: Connection, project_id: int, card: SelfHostedCard, now: datetime) -> UUID:
    card_id = uuid4()
    weights = orjson.dumps({name: str(weight) for name, weight in card.weights.items()}).decode()
    connection.execute(
        f"INSERT INTO self_hosted_card (project_id, card_id, recorded_at, {_COLUMNS}) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (project_id, card_id, now, card.provider, card.model, card.gpu, card.gpus, card.usd_per_gpu_hour, *card.tokens_per_s,
         card.counted, *card.utilisation, weights, card.note, card.valid_from, card.valid_to),
    )  # fmt: skip
    return card_id


def _stored(card_id: UUID, recorded_at: datetime, *columns: Any) -> StoredCard:
    values: Mapping[str, Any] = dict(zip(_COLUMNS.split(", "), columns, strict=True))
    plain = {name: values[name] for name in ("provider", "model", "gpu", "gpus", "usd_per_gpu_hour", "counted", "note")}
    card = SelfHostedCard(
        **plain,
        tokens_per_s=Figure(values["tokens_per_s"], values["tokens_per_s_measured"]),
        utilisation=Figure(values["utilisation"], values["utilisation_measured"]),
        weights={name: Decimal(weight) for name, weight in values["weights"].items()},
        valid_from=values["valid_from"],
        valid_to=values["valid_to"],
    )
    return StoredCard(card_id, card, recorded_at)
