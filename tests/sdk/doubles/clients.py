"""Clients of the test's provider. Their HTTP clients load no certificates, which takes most of the time otherwise."""

import importlib
from typing import Any

import anthropic
import openai
import openai._base_client

from tests.sdk.doubles.provider import Provider

TIMEOUT_S = 20

# The HTTP library of the installed clients: httpx2 since openai 3 and anthropic 2, httpx before.
http: Any = importlib.import_module("httpx2" if hasattr(openai._base_client, "httpx2") else "httpx")


def options_for(*, is_async: bool, **options: Any) -> dict[str, Any]:
    """Options of any client of the two libraries."""
    kind = http.AsyncClient if is_async else http.Client
    return {
        "api_key": "key",
        "max_retries": 0,
        "http_client": kind(verify=False, timeout=TIMEOUT_S),
        **options,
    }


def openai_client(provider: Provider, **options: Any) -> openai.OpenAI:
    return openai.OpenAI(base_url=provider.url + "/v1", **options_for(is_async=False, **options))


def async_openai_client(provider: Provider, **options: Any) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=provider.url + "/v1", **options_for(is_async=True, **options))


def anthropic_client(provider: Provider, **options: Any) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=provider.url, **options_for(is_async=False, **options))


def async_anthropic_client(provider: Provider, **options: Any) -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(base_url=provider.url, **options_for(is_async=True, **options))
