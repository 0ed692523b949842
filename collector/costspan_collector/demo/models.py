"""The models that the demo's product uses, with the prices that their providers print.

This table is the demo's own, so that its check of the collector's sums does not lean on the catalogue that it checks.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

Provider = Literal["openai", "anthropic"]

OPENAI_PRICES = "https://platform.openai.com/docs/pricing"
ANTHROPIC_PRICES = "https://docs.anthropic.com/en/docs/about-claude/pricing"


@dataclass(frozen=True, slots=True)
class Model:
    """A model: the ``name`` asked for, the ``snapshot`` that answers, list prices in USD per million tokens."""

    provider: Provider
    name: str
    snapshot: str
    input_usd_per_million: Decimal
    output_usd_per_million: Decimal
    price_page: str


def _openai(name: str, date: str, input_usd: str, output_usd: str) -> Model:
    return Model("openai", name, f"{name}-{date}", Decimal(input_usd), Decimal(output_usd), OPENAI_PRICES)


def _anthropic(name: str, snapshot: str, input_usd: str, output_usd: str) -> Model:
    return Model("anthropic", name, snapshot, Decimal(input_usd), Decimal(output_usd), ANTHROPIC_PRICES)


MODELS: tuple[Model, ...] = (
    _openai("gpt-5", "2025-08-07", "1.25", "10.00"),
    _openai("gpt-5-mini", "2025-08-07", "0.25", "2.00"),
    _openai("gpt-4.1", "2025-04-14", "2.00", "8.00"),
    _openai("gpt-4o-mini", "2024-07-18", "0.15", "0.60"),
    _anthropic("claude-sonnet-4-6", "claude-sonnet-4-6", "3.00", "15.00"),
    _anthropic("claude-haiku-4-5", "claude-haiku-4-5-20251001", "1.00", "5.00"),
)
MODEL_BY_NAME = {model.name: model for model in MODELS}
