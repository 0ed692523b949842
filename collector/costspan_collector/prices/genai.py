"""The first source of the catalogue: the data of ``genai-prices`` (MIT), read into price lines.

Its prices carry one constraint each, a start date or an hour window, so an hour window has no start of its own: it is taken to
begin with the newest dated price. A tier's prices (batch, flex, priority, fast) are dated from the day they were entered;
they are carried back before it as the same multiple of the standard price of each earlier time.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from decimal import Decimal
from fractions import Fraction
from importlib.metadata import version
from itertools import pairwise
from typing import Any

from costspan.pricing.lines import Clause, ModelPrices, PriceLine, ProviderPrices, Rate, Threshold, Week
from costspan.pricing.units import UNIT_OF_METER

# Price keys of genai-prices (its data_units.py) and our meters.
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
# Conditions of genai-prices' variants and ours. "default" adds nothing to standard.
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

# https://openrouter.ai/docs/features/model-routing: the variant :free of a model costs nothing.
_NOTHING = {meter: Rate(Decimal(0), UNIT_OF_METER[meter]) for meter in ("input", "cache_read", "output")}

# No printed price has more digits; beyond them lies the noise of a float.
_DIGITS = 15


class UnknownPriceData(ValueError):
    """genai-prices carries a price key or condition that has no meaning here; names it."""


@dataclass(frozen=True, slots=True)
class FirstSource:
    """The providers of genai-prices; ``model_matches`` tells how each names its own models."""

    source: str
    providers: dict[str, ProviderPrices]
    model_matches: dict[str, Clause | None]


def read_genai_prices() -> FirstSource:
    """The installed genai-prices' data. Raises ``ModuleNotFoundError`` without it, ``UnknownPriceData`` for what is new in it."""
    from genai_prices.data import providers

    source = f"genai-prices {version('genai-prices')}"
    return FirstSource(
        source,
        {
            provider.id: ProviderPrices(
                provider.id,
                tuple(_model(model, source) for model in provider.models),
                fallback=tuple(provider.fallback_model_providers or ()),
            )
            for provider in providers
        },
        {provider.id: _clause(provider.model_match) if provider.model_match else None for provider in providers},
    )


def _model(model: Any, source: str) -> ModelPrices:
    standard = _standard(model.prices, source)
    tiers = _tiers(model.price_variants or (), source)
    lines = [*standard, *(line for group in tiers for line in _joined([*_carried_back(group, standard), *group]))]
    if model.id.endswith(":free"):
        return ModelPrices(model.id, _clause(model.match), (PriceLine(_NOTHING, source),))
    return ModelPrices(model.id, _clause(model.match), tuple(line for line in lines if line.rates))


def _standard(prices: Any, source: str) -> list[PriceLine]:
    if not isinstance(prices, list):
        return [PriceLine(_rates(prices), source)]
    hourly = [entry for entry in prices if hasattr(entry.constraint, "start_time")]
    dated = [(_start(entry.constraint), entry.prices) for entry in prices if entry not in hourly]
    lines = _in_turn(dated, {}, source)
    since = lines[-1].valid_from
    for entry in hourly:
        window = tuple(edge.replace(tzinfo=None) for edge in (entry.constraint.start_time, entry.constraint.end_time))
        week = Week("UTC", hours=((window[0], window[1]),))
        lines.append(PriceLine(_rates(entry.prices), source, valid_from=since, week=week))
    return lines


def _tiers(variants: Sequence[Any], source: str) -> Iterator[list[PriceLine]]:
    groups: dict[tuple[tuple[str, str], ...], list[tuple[datetime | None, Any]]] = {}
    for variant in variants:
        conditions = []
        for condition in variant.when.items():
            if condition in WITHOUT_EFFECT:
                continue
            if condition not in CONDITION:
                raise UnknownPriceData(f"condition {condition} has no meaning here: add it to CONDITION")
            conditions.append(CONDITION[condition])
        if conditions:
            groups.setdefault(tuple(conditions), []).append((_start(variant.constraint), variant.prices))
    for met, dated in groups.items():
        yield _in_turn(dated, dict(met), source)


def _in_turn(dated: Sequence[tuple[datetime | None, Any]], conditions: Mapping[str, str], source: str) -> list[PriceLine]:
    """Each price from its start to the next one's."""
    # the first price of equal start wins, as theirs does
    first: dict[datetime | None, Any] = {}
    for start, prices in dated:
        first.setdefault(start, prices)
    ordered = sorted(first, key=lambda start: start or datetime.min.replace(tzinfo=UTC))
    return [
        PriceLine(_rates(first[start]), source, valid_from=start, valid_to=end, conditions=conditions)
        for start, end in pairwise([*ordered, None])
    ]


def _carried_back(tier: Sequence[PriceLine], standard: Sequence[PriceLine]) -> Iterator[PriceLine]:
    first = tier[0]
    if first.valid_from is None:
        return
    plain = [line for line in standard if line.week is None]
    now = next((line for line in plain if line.in_force(first.valid_from)), None)
    for line in plain:
        if now is None or (line.valid_from is not None and line.valid_from >= first.valid_from):
            continue
        rates = _scaled(first.rates, now.rates, line.rates)
        if rates:
            ends = [end for end in (line.valid_to, first.valid_from) if end is not None]
            yield PriceLine(
                rates,
                f"{first.source}, carried back at the same multiple of the standard price",
                valid_from=line.valid_from,
                valid_to=min(ends),
                conditions=first.conditions,
            )


def _joined(lines: Sequence[PriceLine]) -> list[PriceLine]:
    """Lines in turn, neighbours of equal rates as one."""
    result: list[PriceLine] = []
    for line in lines:
        if result and result[-1].rates == line.rates and result[-1].valid_to == line.valid_from:
            result[-1] = replace(line, valid_from=result[-1].valid_from)
        else:
            result.append(line)
    return result


def _scaled(tier: Mapping[str, Rate], now: Mapping[str, Rate], then: Mapping[str, Rate]) -> dict[str, Rate]:
    rates = {}
    for meter, rate in tier.items():
        base, earlier = now.get(meter), then.get(meter)
        if base is None or earlier is None or not base.price:
            continue
        if base == earlier:
            rates[meter] = rate
            continue
        multiple = Fraction(rate.price) / Fraction(base.price)
        price = _exact(earlier.price, multiple)
        over = [(threshold, _exact(threshold.price, multiple)) for threshold in earlier.over]
        if price is not None and all(higher is not None for _, higher in over):
            thresholds = tuple(threshold._replace(price=higher) for threshold, higher in over if higher is not None)
            rates[meter] = replace(rate, price=price, over=thresholds)
    return rates


def _exact(price: Decimal, multiple: Fraction) -> Decimal | None:
    product = Fraction(price) * multiple
    quotient = Decimal(product.numerator) / Decimal(product.denominator)
    return printed(quotient.normalize()) if Fraction(quotient) == product and len(quotient.as_tuple().digits) <= _DIGITS else None


def _start(constraint: Any) -> datetime | None:
    if constraint is None:
        return None
    return datetime.combine(constraint.start_date, time.min, UTC)


def _rates(prices: Any) -> dict[str, Rate]:
    from genai_prices.data_units import unit_data

    per_of = {unit["price_key"]: unit["per"] for unit in unit_data.values()}
    rates: dict[str, Rate] = {}
    # both hour keys say the same price where both are present; the general one comes last
    for key in sorted(prices.__dict__, key=lambda name: name == "input_audio_hours", reverse=True):
        price = prices.__dict__[key]
        if price is None:
            continue
        if key not in METER_OF_PRICE_KEY:
            raise UnknownPriceData(f"price key {key} has no meter here: add it to METER_OF_PRICE_KEY")
        meter = METER_OF_PRICE_KEY[key]
        base = price if isinstance(price, Decimal) else price.base
        tiers = () if isinstance(price, Decimal) else price.tiers
        over = tuple(sorted(Threshold(tier.start, printed(tier.price)) for tier in tiers))
        rates[meter] = Rate(printed(base), per_of[key], over)
    return {meter: rates[meter] for meter in UNIT_OF_METER if meter in rates}


def printed(price: Decimal) -> Decimal:
    """``price`` as it will have been printed: what lies beyond 15 digits is a float's noise."""
    if len(price.as_tuple().digits) > _DIGITS:
        price = Decimal(f"{price:.{_DIGITS}g}")
    return Decimal(format(price.normalize(), "f"))


def _clause(clause: Any) -> Clause:
    for name, value in vars(clause).items():
        if name in ("or_", "and_"):
            return [name.rstrip("_"), *map(_clause, value)]
        return [name, value]
    raise UnknownPriceData(f"empty match clause {clause!r}")
