"""Which contract a call falls under: dated, with a provider, for the calls that its filter lets through."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from costspan.pricing.lines import within
from costspan.pricing.naming import provider_id
from costspan_collector.call import Dimensions
from costspan_collector.filters import Filter

CONDITION = "contract"


@dataclass(frozen=True, slots=True)
class Contract:
    """A contract with a provider (the catalogue's name). Its prices carry its id as the condition ``contract``."""

    contract_id: UUID
    name: str
    provider: str
    filter: Filter
    filter_text: str
    source: str
    valid_from: datetime | None = None
    valid_to: datetime | None = None


class Contracts:
    """The contracts of a project; ``of`` remembers which of them may concern a set of dimension values."""

    _LARGEST_CACHE = 100_000

    def __init__(self, contracts: Iterable[Contract]) -> None:
        # the newest first, which wins
        self._contracts = tuple(contracts)
        self._concerned: dict[Dimensions, tuple[Contract, ...]] = {}

    def of(self, dimensions: Dimensions, at: datetime) -> str | None:
        """The id of the contract in force at the aware ``at`` for calls of these dimensions, or None."""
        if not self._contracts:
            return None
        concerned = self._concerned.get(dimensions)
        if concerned is None:
            if len(self._concerned) >= self._LARGEST_CACHE:
                self._concerned.clear()
            provider = provider_id(dimensions.provider or "")
            concerned = self._concerned[dimensions] = tuple(
                contract for contract in self._contracts if contract.provider == provider and contract.filter.matches(dimensions)
            )
        return next((str(c.contract_id) for c in concerned if within(c.valid_from, c.valid_to, at)), None)
