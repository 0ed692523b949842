"""One name for a model, whether a call or a bill names it."""

from datetime import UTC, datetime

import pytest

from costspan.pricing import PriceBook
from costspan_collector.invoices.models import Models


@pytest.fixture(scope="module")
def models() -> Models:
    return Models(PriceBook.of_catalogue(), datetime(2026, 11, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("provider", "called", "billed"),
    [
        ("openai", "gpt-5-mini-2025-08-07", "gpt-5-mini-2025-08-07, input"),
        ("openai", "gpt-5-mini", "gpt-5-mini-2025-08-07, cached input"),
        ("openai", "gpt-4o-2024-08-06", "gpt-4o-2024-08-06, output"),
        ("openai", "text-embedding-3-small", "text-embedding-3-small"),
        ("anthropic", "claude-haiku-4-5-20251001", "Claude Haiku 4.5"),
        ("anthropic", "claude-haiku-4-5", "Claude Haiku 4.5, message, ≤ 200k, input_no_cache, token"),
        (
            "aws",
            "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "Claude Sonnet 4.5 (Amazon Bedrock Edition), USE1_InputTokenCount",
        ),
        ("aws", "anthropic.claude-3-sonnet-20240229-v1:0", "USE1-Claude3Sonnet-input-tokens"),
        ("aws", "amazon.nova-lite-v1:0", "Amazon Bedrock, USE1-NovaLite-input-tokens"),
        ("aws", "us.amazon.nova-2-lite-v1:0", "Amazon Bedrock, USW2-Nova2Lite-output-tokens-global-standard"),
        ("google", "gemini-2.5-flash", "Generate content output token count gemini 2.5 flash short input text"),
        ("google", "gemini-2.5-flash-lite", "Generate content input token count gemini 2.5 flash lite text"),
        ("openai", "gpt-5-mini", "gpt-5-mini cached input, batch"),
        ("anthropic", "claude-sonnet-4-5-20250929", "Claude Sonnet 4.5 Usage - Input Tokens, Cache Read"),
        ("google", "gemini-2.5-pro", "Gemini 2.5 Pro Input Text - Predictions"),
        ("aws", "us.amazon.nova-pro-v1:0", "USE1-amazon.nova-pro-v1:0-input-tokens"),
        ("google", "gemini-2.0-flash-001", "Gemini 2.0 Flash GA Text Input - Predictions"),
    ],
)
def test_a_bill_and_a_call_name_the_same_model(models: Models, provider: str, called: str, billed: str) -> None:
    found = models.named_in(provider, billed)
    assert found is not None
    assert found == models.called(provider, called)


@pytest.mark.parametrize(
    ("provider", "text"),
    [
        ("openai", ""),
        ("openai", "web search"),
        ("openai", "Storage of vector stores"),
        ("anthropic", "web_search"),
        ("aws", "Amazon Bedrock, USE1-Guardrail-Units"),
    ],
)
def test_what_names_no_model_has_none(models: Models, provider: str, text: str) -> None:
    assert models.named_in(provider, text) is None


def test_a_call_of_an_unknown_model_keeps_its_name(models: Models) -> None:
    assert models.called("openai", "our-own-model") == "our-own-model"


def test_one_model_is_not_taken_for_another(models: Models) -> None:
    found = [
        models.named_in("google", f"Generate content output token count gemini 2.5 {name} text") for name in ("pro", "flash")
    ]
    assert found == ["gemini-2.5-pro", "gemini-2.5-flash"]
    assert models.named_in("openai", "gpt-5-nano-2025-08-07, output") == "gpt-5-nano"
