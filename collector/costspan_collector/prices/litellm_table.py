"""The second source of the catalogue: LiteLLM's published price table (MIT, data only), read into price lines.

A table in the present tense: no dates. Its numbers are dollars a single unit, some rounded, and read as decimal text here,
so that no float comes between. A tier's price that is a rounded half of the standard one is taken as that half.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from costspan.pricing.lines import PriceLine, Rate, Threshold
from costspan.pricing.units import UNIT_OF_METER
from costspan_collector.prices.genai import printed

# LiteLLM's provider -> ours, and the prefix that its names carry.
_PROVIDERS: Mapping[str, tuple[str, str]] = {
    "openai": ("openai", ""),
    "text-completion-openai": ("openai", ""),
    "azure": ("azure", "azure/"),
    "azure_ai": ("azure", "azure_ai/"),
    "anthropic": ("anthropic", ""),
    "bedrock": ("aws", ""),
    "bedrock_converse": ("aws", ""),
    "gemini": ("google", "gemini/"),
    "cohere": ("cohere", ""),
    "cohere_chat": ("cohere", ""),
    "deepseek": ("deepseek", "deepseek/"),
    "fireworks_ai": ("fireworks", "fireworks_ai/"),
    "groq": ("groq", "groq/"),
    "mistral": ("mistral", "mistral/"),
    "moonshot": ("moonshotai", "moonshot/"),
    "openrouter": ("openrouter", "openrouter/"),
    "perplexity": ("perplexity", "perplexity/"),
    "together_ai": ("together", "together_ai/"),
    "voyage": ("voyageai", "voyage/"),
    "xai": ("x-ai", "xai/"),
}
# A key of the table -> our meter, and how many of it one dollar figure is for.
_METERS: Mapping[str, tuple[str, int]] = {
    "input_cost_per_token": ("input", 1),
    "output_cost_per_token": ("output", 1),
    "cache_read_input_token_cost": ("cache_read", 1),
    "cache_creation_input_token_cost": ("cache_write", 1),
    "cache_creation_input_token_cost_above_1hr": ("cache_write_1h", 1),
    "cache_creation_input_token_cost_above_12hr": ("cache_write_12h", 1),
    "input_cost_per_audio_token": ("input_audio", 1),
    "output_cost_per_audio_token": ("output_audio", 1),
    "cache_read_input_audio_token_cost": ("cache_read_audio", 1),
    "input_cost_per_image_token": ("input_image", 1),
    "cache_read_input_image_token_cost": ("cache_read_image", 1),
    "output_cost_per_image_token": ("output_image", 1),
    "output_cost_per_reasoning_token": ("reasoning", 1),
    "input_cost_per_query": ("rerank_search", 1),
    "ocr_cost_per_page": ("page", 1),
    "annotation_cost_per_page": ("annotated_page", 1),
    "input_cost_per_character": ("character", 1),
    "output_cost_per_image": ("image", 1),
    "input_cost_per_second": ("audio_second", 1),
}
_TIERS: Mapping[str, str] = {"batches": "batch", "flex": "flex", "priority": "priority"}
_SUFFIX = re.compile(r"^(.*?)(?:_above_(\d+)k_tokens)?(?:_(batches|flex|priority))?$")
_REGION = re.compile(r"^(?:bedrock/)?([a-z]{2}(?:-gov)?-[a-z]+-\d)/(.+)$")
_HALVES = frozenset({"batch", "flex"})


@dataclass(frozen=True, slots=True)
class SecondSource:
    """Price lines by provider and model name, and the name of the table's release."""

    source: str
    models: Mapping[str, Mapping[str, tuple[PriceLine, ...]]]


def read_litellm(path: Path, source: str) -> SecondSource:
    """The table in the file ``path``. Raises ValueError if it is no such table."""
    table = json.loads(path.read_text(encoding="utf-8"), parse_float=str, parse_int=str)
    if not isinstance(table, dict) or "sample_spec" not in table:
        raise ValueError(f"{path}: is no price table of LiteLLM (it has no sample_spec)")
    models: dict[str, dict[str, tuple[PriceLine, ...]]] = {}
    for name, entry in table.items():
        known = _PROVIDERS.get(entry.get("litellm_provider", ""))
        if known is None or name == "sample_spec":
            continue
        provider, prefix = known
        model, conditions = name.lower().removeprefix(prefix), {}
        if region := _REGION.match(model):
            conditions, model = {"region": region[1]}, region[2]
        if "/" in model and provider in ("openai", "azure", "aws", "anthropic"):
            continue  # images by size and commitments by term: their names say the conditions in forms of their own
        lines = tuple(_lines(entry, source, conditions))
        if lines:
            models.setdefault(provider, {}).setdefault(model, ())
            models[provider][model] += lines
    return SecondSource(source, models)


def _lines(entry: Mapping[str, Any], source: str, conditions: Mapping[str, str]) -> Iterator[PriceLine]:
    prices: dict[str, dict[str, dict[int, Decimal]]] = {}
    for key, value in entry.items():
        found = _SUFFIX.match(key)
        if found is None or not isinstance(value, str):
            continue
        base, thousands, tier = found.groups()
        if base in _METERS:
            meter, per = _METERS[base]
            tokens = int(thousands) * 1_000 if thousands else 0
            price = printed(Decimal(value) * UNIT_OF_METER[meter] / per)
            prices.setdefault(_TIERS.get(tier or "", ""), {}).setdefault(meter, {})[tokens] = price
    if fee := entry.get("search_context_cost_per_query"):
        prices.setdefault("", {}).setdefault("web_search", {})[0] = _search_fee(fee)
    standard = prices.get("", {})
    for meters in prices.values():
        if meters.get("reasoning") == meters.get("output"):
            meters.pop("reasoning", None)  # thinking is billed as output, in every tier
        if "output_image" in meters:
            meters.pop("image", None)  # the same image by another count
    for tier, meters in prices.items():
        rates = {meter: rate for meter, by in meters.items() if (rate := _rate(meter, by, standard, tier)) is not None}
        if rates:
            yield PriceLine(rates, source, conditions={**conditions, **({"tier": tier} if tier else {})})


def _search_fee(fee: Any) -> Decimal:
    medium = fee.get("search_context_size_medium", "0") if isinstance(fee, dict) else fee
    return printed(Decimal(str(medium)) * UNIT_OF_METER["web_search"])


def _rate(meter: str, by_tokens: Mapping[int, Decimal], standard: Mapping[str, Mapping[int, Decimal]], tier: str) -> Rate | None:
    if 0 not in by_tokens:
        return None
    if tier in _HALVES:
        of = standard.get(meter, {})
        by_tokens = {tokens: _half(price, of.get(tokens)) for tokens, price in by_tokens.items()}
    over = tuple(Threshold(tokens, price) for tokens, price in sorted(by_tokens.items()) if tokens)
    return Rate(by_tokens[0], UNIT_OF_METER[meter], over)


def _half(price: Decimal, standard: Decimal | None) -> Decimal:
    """The half of ``standard`` where ``price`` is that half rounded to the digits it shows."""
    if standard is None:
        return price
    half = standard / 2
    shown = price.normalize().as_tuple().exponent
    is_rounded = isinstance(shown, int) and abs(half - price) <= Decimal(5).scaleb(shown - 1)
    return printed(half) if is_rounded else price
