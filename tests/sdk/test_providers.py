"""Who bills a call: its host, then its client, then its model. And the names under which Bedrock's models are asked for."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from costspan._providers import adds_null_usage, provider_of
from costspan.pricing import Pricer
from tests.sdk.conftest import Sdk
from tests.sdk.doubles.bodies import frames
from tests.sdk.doubles.clients import TIMEOUT_S, http, openai_client, options_for
from tests.sdk.doubles.provider import Answer, Provider, answer_json, recording

openai = pytest.importorskip("openai")

NAMES = {"BaseAzureClient": "azure.ai.openai"}
CHAT: Any = {"model": "gpt-4.1-nano", "messages": [{"role": "user", "content": "hi"}]}


class BaseAzureClient:
    """Named in the table above."""


class AzureOpenAI(BaseAzureClient):
    """Derives from it."""


class OpenAI:
    """Named nowhere."""


@pytest.mark.parametrize(
    ("host", "port", "client", "told", "model", "is_protocol", "provider"),
    [
        # The host outranks all.
        ("api.deepseek.com", 443, OpenAI, None, "gpt-5", True, "deepseek"),
        ("api.groq.com", 443, AzureOpenAI, "x_ai", "claude-haiku-5-5", True, "groq"),
        ("API.Groq.com.", 443, OpenAI, None, None, True, "groq"),
        # A host that is not known leaves it to the client.
        ("gateway.example", 443, OpenAI, "gcp.vertex_ai", "gpt-5", True, "gcp.vertex_ai"),
        ("gateway.example", 443, AzureOpenAI, None, "claude-haiku-5-5", True, "azure.ai.openai"),
        (None, None, AzureOpenAI, None, None, True, "azure.ai.openai"),
        # Then to the model, of a client whose protocol others speak too.
        ("gateway.example", 443, OpenAI, None, "claude-haiku-5-5", True, "anthropic"),
        ("gateway.example", 443, OpenAI, None, "Gemini-2.5-flash", True, "gcp.gemini"),
        ("gateway.example", 443, OpenAI, None, "claude-haiku-5-5", False, "openai"),
        ("gateway.example", 443, OpenAI, None, "my-own-model", True, "openai"),
        ("gateway.example", 443, OpenAI, None, None, True, "openai"),
        # Ollama answers at a port of its own, on this machine.
        ("127.0.0.1", 11434, OpenAI, None, "gpt-oss:20b", True, "ollama"),
        ("localhost", 11434, OpenAI, None, None, True, "ollama"),
        ("::1", 11434, OpenAI, None, None, True, "ollama"),
        ("127.0.0.1", 11435, OpenAI, None, None, True, "openai"),
        ("ollama.example", 11434, OpenAI, None, None, True, "openai"),
        ("127.0.0.1", 11434, AzureOpenAI, None, None, True, "azure.ai.openai"),
    ],
)
def test_host_then_client_then_model(
    host: str | None,
    port: int | None,
    client: type,
    told: str | None,
    model: str | None,
    is_protocol: bool,
    provider: str,
) -> None:
    assert provider_of(host, port, client, NAMES, told, model, "openai", is_protocol=is_protocol) == provider


@pytest.mark.parametrize(
    ("host", "provider", "model", "adds"),
    [
        ("api.openai.com", "openai", "ft:mine", True),
        ("my.openai.azure.com", "azure.ai.openai", None, True),
        ("gateway.example", "azure.ai.openai", None, True),
        ("gateway.example", "openai", "gpt-5", True),
        ("gateway.example", "openai", "my-own-model", False),
        ("gateway.example", "openai", None, False),
        ("api.groq.com", "groq", "llama", False),
    ],
)
def test_who_states_a_null_usage_when_asked_for_usage(host: str, provider: str, model: str | None, adds: bool) -> None:
    assert adds_null_usage(host, provider, model) is adds


def test_an_unknown_gateway_is_told_by_the_model(provider: Provider, sdk: Sdk) -> None:
    provider.say(recording("chat_cached").answer())
    with openai_client(provider) as client:
        for model in ("gemini-2.5-flash", "grok-4", "something-else"):
            client.chat.completions.create(**{**CHAT, "model": model})
    assert [span["gen_ai.provider.name"] for span in sdk.spans()] == ["gcp.gemini", "x_ai", "openai"]


def test_azure_is_told_by_its_client(provider: Provider, sdk: Sdk) -> None:
    provider.say(recording("chat_cached").answer())
    with openai.AzureOpenAI(
        azure_endpoint=provider.url, api_version="2024-10-21", azure_deployment="my-deployment", **options_for(is_async=False)
    ) as client:
        client.chat.completions.create(**CHAT)
    span = sdk.span()
    assert span["gen_ai.provider.name"] == "azure.ai.openai"
    assert span["costspan.cost.state"] == "priced"
    assert provider.asked[0].path.startswith("/openai/deployments/my-deployment/chat/completions")


def test_azure_s_host_tells_it_to_the_plain_client_too(provider: Provider, sdk: Sdk) -> None:
    provider.say(recording("chat_cached").answer())

    class Lead(http.HTTPTransport):  # type: ignore[misc, name-defined]
        def handle_request(self, request: Any) -> Any:
            request.url = request.url.copy_with(scheme="http", host="127.0.0.1", port=int(provider.url.rpartition(":")[2]))
            return super().handle_request(request)

    led = http.Client(transport=Lead(verify=False), timeout=TIMEOUT_S)
    with openai.OpenAI(base_url="https://mine.openai.azure.com/openai/v1", api_key="key", http_client=led) as client:
        client.chat.completions.create(**CHAT)
    span = sdk.span()
    assert span["gen_ai.provider.name"] == "azure.ai.openai"
    assert (span["server.address"], span["server.port"]) == ("mine.openai.azure.com", 443)


SONNET = "anthropic.claude-sonnet-4-5-20250929-v1:0"
ACCOUNT = "arn:aws:bedrock:us-east-1:123456789012"
# Dollars per million input tokens, as https://aws.amazon.com/bedrock/pricing/ prints them.
BEDROCK_MODELS = [
    (SONNET, "3.3"),
    (f"us.{SONNET}", "3.3"),
    (f"eu.{SONNET}", "3.3"),
    (f"apac.{SONNET}", "3.3"),
    (f"us-gov.{SONNET}", "3.3"),
    (f"global.{SONNET}", "3"),
    (f"arn:aws:bedrock:us-east-1::foundation-model/{SONNET}", "3.3"),
    (f"{ACCOUNT}:inference-profile/us.{SONNET}", "3.3"),
    (f"{ACCOUNT}:inference-profile/global.{SONNET}", "3"),
    ("amazon.nova-pro-v1:0", "0.8"),
    ("us.amazon.nova-pro-v1:0", "0.8"),
    ("apac.amazon.nova-pro-v1:0", "0.8"),
    ("us.meta.llama3-3-70b-instruct-v1:0", "0.72"),
    # What is behind it only the account knows.
    (f"{ACCOUNT}:application-inference-profile/a1b2c3d4", None),
]


@pytest.mark.parametrize(("model", "price"), BEDROCK_MODELS)
def test_profiles_and_arns_are_priced_as_the_model_behind_them(model: str, price: str | None) -> None:
    cost = Pricer().price("aws.bedrock", model, {"input": 100_000}, datetime(2026, 11, 15, tzinfo=UTC))
    assert cost.amount == (None if price is None else Decimal(price) / 10)
    assert cost.state == ("unpriced" if price is None else "priced")


CONVERSE = {
    "output": {"message": {"role": "assistant", "content": [{"text": "Hi"}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 100_000, "outputTokens": 0, "totalTokens": 100_000},
    "metrics": {"latencyMs": 1},
}
CONVERSE_EVENTS = frames(
    ("messageStop", {"stopReason": "end_turn"}), ("metadata", {"usage": CONVERSE["usage"], "metrics": {"latencyMs": 1}})
)


def bedrock(provider: Provider) -> Any:
    boto3 = pytest.importorskip("boto3.session")
    account = {"region_name": "us-east-1", "aws_access_key_id": "key", "aws_secret_access_key": "secret"}
    return boto3.Session().client("bedrock-runtime", endpoint_url=provider.url, **account)


@pytest.mark.parametrize("answer", [answer_json(CONVERSE), CONVERSE_EVENTS], ids=["plain", "stream"])
@pytest.mark.parametrize(("model", "price"), [(f"us.{SONNET}", "3.3"), (f"{ACCOUNT}:inference-profile/global.{SONNET}", "3")])
def test_a_profile_s_name_is_the_model_that_was_asked_for(
    model: str, price: str, answer: Answer, provider: Provider, sdk: Sdk
) -> None:
    provider.say(answer)
    client = bedrock(provider)
    messages = [{"role": "user", "content": [{"text": "hi"}]}]
    if answer is CONVERSE_EVENTS:
        assert list(client.converse_stream(modelId=model, messages=messages)["stream"])
    else:
        client.converse(modelId=model, messages=messages)
    client.close()
    span = sdk.span()
    assert span["gen_ai.request.model"] == model
    assert span["costspan.region"] == "us-east-1"
    assert Decimal(span["costspan.cost.usd"]) == Decimal(price) / 10
