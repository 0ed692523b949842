"""Prices: equal to genai-prices' own calculation wherever that is defined, and honest where nothing is known."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from genai_prices.data import providers
from genai_prices.types import ModelPrice, Usage

from costspan import money
from costspan.pricing import Pricer, Rate, RateCard, rate_usage
from costspan.pricing.compiling import Terms, compile_card
from costspan.pricing.lines import Threshold
from costspan_collector.prices.genai import read_genai_prices

WHEN = datetime(2026, 11, 15, 12, tzinfo=UTC)
METER_OF_KEY = {"input_mtok": "input", "output_mtok": "output", "cache_read_mtok": "cache_read"}
IMPORTED = read_genai_prices().providers
MODELS = [(provider, model) for provider in providers for model in provider.models]


def _usage_for(price: ModelPrice, scale: int) -> tuple[dict[str, int], Usage]:
    meters = {METER_OF_KEY[key]: value for key, value in (("input_mtok", 1_000), ("output_mtok", 300), ("cache_read_mtok", 500))
              if getattr(price, key) is not None}  # fmt: skip
    scaled = {meter: value * scale + 7 for meter, value in meters.items()}
    cached = scaled.get("cache_read", 0)
    theirs = Usage(
        input_tokens=scaled.get("input", 0) + cached,
        output_tokens=scaled.get("output", 0),
        **({"cache_read_tokens": cached} if cached else {}),
    )
    return scaled, theirs


@pytest.mark.parametrize("when", [WHEN, datetime(2026, 6, 1, 3, 30, tzinfo=UTC), datetime(2025, 1, 10, 20, tzinfo=UTC)])
@pytest.mark.parametrize("scale", [1, 400])
def test_every_model_of_the_catalogue_costs_what_genai_prices_says(when: datetime, scale: int) -> None:
    compared = 0
    for provider, model in MODELS:
        price = model.get_prices(when)
        if price.input_mtok is None or price.output_mtok is None or getattr(price, "requests_kcount", None) is not None:
            continue
        lines = next(entry.lines for entry in IMPORTED[provider.id].models if entry.id == model.id)
        if any(line.week is not None for line in lines) and when < WHEN:
            continue  # their hours have no start and hold for every past day; ours begin with the newest price
        card = compile_card([Terms("catalogue", 0, lines, ())], when, {}, provider=provider.id, model=model.id, rule="test")
        assert card is not None
        ours, theirs = _usage_for(price, scale)
        expected = model.calc_price(theirs, provider, genai_request_timestamp=when).total_price
        cost = rate_usage(ours, card)
        assert cost.amount is not None, (provider.id, model.id)
        # a few of their prices carry a float's noise, which ours leave out
        assert abs(cost.amount - expected) <= Decimal("3e-18") + expected * Decimal("1e-15"), (
            provider.id,
            model.id,
            cost.amount,
            expected,
        )
        compared += 1
    assert compared > 2000


def test_tiers_come_from_the_variants_of_the_data() -> None:
    pricer = Pricer()
    usage = {"input": 1000, "output": 500}
    amounts = {
        tier: pricer.price("anthropic", "claude-sonnet-4-5-20250929", usage, WHEN, tier=tier).amount
        for tier in (None, "standard", "batch")
    }
    assert amounts == {None: Decimal("0.0105"), "standard": Decimal("0.0105"), "batch": Decimal("0.00525")}


def test_a_tier_without_rates_is_an_estimate_that_says_so() -> None:
    cost = Pricer().price("anthropic", "claude-sonnet-4-5", {"input": 1000}, WHEN, tier="flex")
    assert cost.state == "estimated"
    assert cost.reason == "anthropic claude-sonnet-4-5 has no rates for tier flex: the standard ones are taken"


@pytest.mark.parametrize(("tokens", "price"), [(200_000, "3"), (200_001, "6")])
def test_a_long_context_re_rates_the_whole_request(tokens: int, price: str) -> None:
    card = RateCard("p", "m", {"input": Rate(Decimal(3), 1_000_000, (Threshold(200_000, Decimal(6)),))}, "rule", "source")
    cost = rate_usage({"input": tokens}, card)
    assert cost.items[0].unit_price == Decimal(price)
    assert cost.amount == Decimal(tokens) * Decimal(price) / 1_000_000


def test_the_threshold_counts_cached_input_too() -> None:
    rates = {
        "input": Rate(Decimal(3), 10**6, (Threshold(200_000, Decimal(6)),)),
        "cache_read": Rate(Decimal("0.3"), 10**6, (Threshold(200_000, Decimal("0.6")),)),
    }
    cost = rate_usage({"input": 1, "cache_read": 200_000}, RateCard("p", "m", rates, "rule", "source"))
    assert [item.unit_price for item in cost.items] == [Decimal(6), Decimal("0.6")]


@pytest.mark.parametrize(
    ("provider", "model", "usage", "state", "amount"),
    [
        ("openai", "no-such-model", {"input": 5}, "unpriced", None),
        ("someone", "gpt-5-mini", {"input": 5}, "unpriced", None),
        ("openai", "gpt-5-mini", None, "unpriced", None),
        ("openai", "gpt-5-mini", {}, "unpriced", None),
        (None, None, {"input": 5}, "unpriced", None),
        ("openai", "gpt-5-mini", {"cache_write_1h": 5}, "unpriced", None),
        ("openai", "gpt-5-mini", {"input": 0, "cache_write_1h": 5}, "unpriced", None),
        ("openai", "gpt-5-mini", {"input": 4, "cache_write_1h": 5}, "partial", "0.000001"),
        ("openai", "gpt-5-mini", {"input": 4, "cache_write_1h": 0}, "priced", "0.000001"),
        ("openai", "openai/gpt-5-mini", {"input": 4}, "priced", "0.000001"),
        (None, "claude-sonnet-4-5", {"input": 1}, "priced", "0.000003"),
        ("azure.ai.openai", "gpt-5-mini-2025-08-07", {"input": 4}, "priced", "0.000001"),
    ],
)
def test_unknown_is_not_zero(provider: str | None, model: str | None, usage: Any, state: str, amount: str | None) -> None:
    cost = Pricer().price(provider, model, usage, WHEN)
    assert cost.state == state, cost
    assert cost.amount == (None if amount is None else Decimal(amount))
    assert (cost.reason is None) == (state == "priced")


@pytest.mark.parametrize("responded", [None, "my-deployment", "gpt-4.1-mini"])
def test_the_response_s_model_is_billed_and_the_request_s_where_that_has_no_price(responded: str | None) -> None:
    cost = Pricer().price("azure.ai.openai", responded, {"input": 1_000_000}, WHEN, requested_model="gpt-5-mini")
    assert cost.amount == (Decimal("0.4") if responded == "gpt-4.1-mini" else Decimal("0.25"))


def test_an_incomplete_stream_is_estimated() -> None:
    cost = Pricer().price("openai", "gpt-5-mini", {"input": 4}, WHEN, incomplete=True)
    assert (cost.state, cost.amount) == ("estimated", Decimal("0.000001"))


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="has no time zone"):
        Pricer().price("openai", "gpt-5-mini", {"input": 1}, datetime(2026, 1, 1))


def test_equal_arguments_share_one_compiled_card() -> None:
    pricer = Pricer()
    first = pricer.card("openai", "gpt-5-mini", WHEN)
    assert first is pricer.card("openai", "gpt-5-mini", WHEN.replace(hour=1))


@pytest.mark.parametrize(("seconds", "billed"), [(0, 0), (1, 10), (9, 10), (10, 10), (11, 11)])
def test_a_short_request_is_billed_for_the_minimum(seconds: int, billed: int) -> None:
    cost = Pricer().price("groq", "whisper-large-v3-turbo", {"audio_second": seconds}, WHEN)
    assert [(item.quantity, item.amount) for item in cost.items] == [(billed, money.line_amount(billed, Decimal("0.04"), 3600))]


@pytest.mark.parametrize(
    ("provider", "name", "same_as"),
    [
        ("openai", "gpt-4-1-mini", "gpt-4.1-mini"),
        ("gcp.gemini", "gemini-2-5-pro", "gemini-2.5-pro"),
        ("anthropic", "claude-sonnet-4.5", "claude-sonnet-4-5"),
        ("openai", "openai/gpt-4-1-mini", "gpt-4.1-mini"),
        ("litellm", "gemini/gemini-2.5-pro", "gemini-2.5-pro"),
        ("litellm", "gpt-4.1-mini", "gpt-4.1-mini"),
        (None, "azure/gpt-4.1-mini", "gpt-4.1-mini"),
        ("vertex_ai", "projects/p/locations/global/publishers/google/models/gemini-2.5-pro", "gemini-2.5-pro"),
        ("gcp.gemini", "models/gemini-2.5-pro", "gemini-2.5-pro"),
        (
            "AWS-Bedrock",
            "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "regional.anthropic.claude-sonnet-4-5-20250929-v1:0",
        ),
    ],
)
def test_a_name_is_read_as_the_model_that_it_means(provider: str | None, name: str, same_as: str) -> None:
    cost = Pricer().price(provider, name, {"input": 1000, "output": 100}, WHEN)
    assert cost.state == "priced", cost
    assert cost.card is not None
    assert cost.card.model == same_as
    assert f"named {name}" in cost.card.rule or "left out" in cost.card.rule


@pytest.mark.parametrize("name", ["ft:gpt-4o-mini-9999:acme::x", "ft:no-such:acme::x", "ft:o1:acme::x"])
@pytest.mark.parametrize("provider", ["openai", "azure.ai.openai", None])
def test_a_fine_tuned_model_is_never_priced_as_its_base(provider: str | None, name: str) -> None:
    cost = Pricer().price(provider, name, {"input": 1000}, WHEN)
    assert cost.card is None or cost.card.model.startswith("ft:")


def test_a_snapshot_that_nobody_knows_is_an_estimate() -> None:
    cost = Pricer().price("openai", "gpt-5-mini-2031-01-01", {"input": 4}, WHEN)
    assert (cost.state, cost.amount) == ("estimated", Decimal("0.000001"))
    assert cost.reason is not None
    assert "another snapshot may have another price" in cost.reason
