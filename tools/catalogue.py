"""Compile the price catalogue that costspan ships from the data of ``genai-prices``.

Run by the build hook whenever the package is built (and by ``make catalogue``). One JSON file a provider, so that a process
reads only the providers it calls. Prices are kept as printed, per stated unit, as decimal text.

The form of a file::

    {"provider": "openai", "source": "genai-prices 0.2.3", "fallback": ["..."], "models": [
      {"id": "gpt-5-mini", "match": ["or", ["equals", "gpt-5-mini"], ["starts_with", "gpt-5-mini-2"]],
       "periods": [{"from": "2025-08-07", "hours": ["16:30:00", "00:30:00"],
                    "rates": {"input": {"price": "0.25", "per": 1000000, "over": [[272000, "0.5"]]}}}],
       "variants": [{"when": {"tier": "batch"}, "from": null, "rates": {...}}]}]}

``periods`` are tried last to first, the first one if none is in force; a variant's rates replace the period's,
the first variant that fits winning for each meter. ``over`` re-prices the whole request above that many input tokens.
"""

import json
from collections.abc import Iterator
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any

# Price keys of genai-prices (its data_units.py) and the meters of costspan/usage.py.
METER_OF_PRICE_KEY = {
    "input_mtok": "input",
    "output_mtok": "output",
    "cache_read_mtok": "cache_read",
    "cache_audio_read_mtok": "cache_read_audio",
    "cache_image_read_mtok": "cache_read_image",
    "cache_write_mtok": "cache_write",
    "cache_write_5m_mtok": "cache_write_5m",
    "cache_write_1h_mtok": "cache_write_1h",
    "input_audio_mtok": "input_audio",
    "input_image_mtok": "input_image",
    "input_video_mtok": "input_video",
    "output_reasoning_mtok": "reasoning",
    "output_audio_mtok": "output_audio",
    "output_image_mtok": "output_image",
    "output_video_mtok": "output_video",
    "output_citation_mtok": "citation",
    "web_searches_kcount": "web_search",
    "storage_searches_kcount": "file_search",
    "code_executions_kcount": "code_execution",
    "requests_kcount": "request",
    "audio_hours": "audio_second",
    "input_audio_hours": "audio_second",
    "input_document_kpages": "page",
    "input_annotated_document_kpages": "annotated_page",
    "input_mchars": "character",
    "input_text_messages_kcount": "message",
}
# Conditions of genai-prices' variants and the words of costspan for them. "default" adds nothing to standard.
CONDITION = {
    ("processing", "batch"): ("tier", "batch"),
    ("service_tier", "flex"): ("tier", "flex"),
    ("service_tier", "priority"): ("tier", "priority"),
    ("service_tier", "fast"): ("tier", "fast"),
    ("speed", "fast"): ("tier", "fast"),
    ("route", "mistral/eu"): ("region", "eu"),
    ("search_type", "fast"): ("search", "fast"),
}
WITHOUT_EFFECT = {("service_tier", "default"), ("search_type", "web")}


class UnknownPriceData(ValueError):
    """genai-prices carries a price key or condition that this compiler does not know; names it."""


def write_catalogue(target: Path) -> int:
    """Write the catalogue to the folder ``target`` and return the number of models in it.

    Raises ``UnknownPriceData`` if the data holds a price key or condition without a meaning here.
    """
    from genai_prices.data import providers

    target.mkdir(parents=True, exist_ok=True)
    source = f"genai-prices {version('genai-prices')}"
    index: dict[str, Any] = {"source": source, "providers": {}}
    count = 0
    for provider in providers:
        models = [_model(model) for model in provider.models]
        count += len(models)
        body = {
            "provider": provider.id,
            "source": source,
            "fallback": list(provider.fallback_model_providers or ()),
            "models": models,
        }
        (target / f"{provider.id}.json").write_text(_json(body) + "\n", encoding="utf-8")
        index["providers"][provider.id] = {
            "api": provider.api_pattern,
            "models": _match(provider.model_match) if provider.model_match else None,
        }
    (target / "index.json").write_text(_json(index) + "\n", encoding="utf-8")
    return count


def _json(body: object) -> str:
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False)


def _model(model: Any) -> dict[str, Any]:
    prices = model.prices if isinstance(model.prices, list) else None
    periods = (
        [_period(entry.constraint, entry.prices) for entry in prices] if prices is not None else [_period(None, model.prices)]
    )
    compiled: dict[str, Any] = {"id": model.id, "match": _match(model.match), "periods": periods}
    variants = [compiled_variant for variant in model.price_variants or () for compiled_variant in _variant(variant)]
    if variants:
        compiled["variants"] = variants
    return compiled


def _period(constraint: Any, prices: Any) -> dict[str, Any]:
    return {**_validity(constraint), "rates": dict(_rates(prices))}


def _variant(variant: Any) -> Iterator[dict[str, Any]]:
    when: dict[str, str] = {}
    for condition in variant.when.items():
        if condition in WITHOUT_EFFECT:
            continue
        if condition not in CONDITION:
            raise UnknownPriceData(f"condition {condition} has no meaning here: add it to CONDITION")
        name, value = CONDITION[condition]
        when[name] = value
    if when:
        yield {"when": when, **_validity(variant.constraint), "rates": dict(_rates(variant.prices))}


def _validity(constraint: Any) -> dict[str, Any]:
    if constraint is None:
        return {}
    if hasattr(constraint, "start_date"):
        return {"from": constraint.start_date.isoformat()}
    return {"hours": [constraint.start_time.isoformat(), constraint.end_time.isoformat()]}


def _rates(prices: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    from genai_prices.data_units import unit_data

    per_of = {unit["price_key"]: unit["per"] for unit in unit_data.values()}
    # both hour keys say the same price where both are present; the general one comes last
    for key in sorted(prices.__dict__, key=lambda name: name == "input_audio_hours", reverse=True):
        price = prices.__dict__[key]
        if price is None:
            continue
        if key not in METER_OF_PRICE_KEY:
            raise UnknownPriceData(f"price key {key} has no meter here: add it to METER_OF_PRICE_KEY")
        rate: dict[str, Any] = {"per": per_of[key]}
        if isinstance(price, Decimal):
            rate["price"] = str(price)
        else:
            rate["price"] = str(price.base)
            rate["over"] = [[tier.start, str(tier.price)] for tier in price.tiers]
        yield METER_OF_PRICE_KEY[key], rate


def _match(clause: Any) -> list[Any]:
    for name, value in vars(clause).items():
        if name in ("or_", "and_"):
            return [name.rstrip("_"), *map(_match, value)]
        return [name, value]
    raise UnknownPriceData(f"empty match clause {clause!r}")


def main() -> None:
    """Compile into the source tree and say how much."""
    folder = Path(__file__).parents[1] / "sdk" / "costspan" / "pricing" / "catalogue"
    print(f"{write_catalogue(folder)} models -> {folder.relative_to(Path(__file__).parents[1])}")


if __name__ == "__main__":
    main()
