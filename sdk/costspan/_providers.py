"""Who bills a call, told from the host that it goes to, then from the client's class."""

from collections.abc import Mapping
from functools import lru_cache

# gen_ai.provider.name by host: a name matches itself and, where it starts with a dot, every host that ends in it.
# The names that OpenTelemetry does not define are those of the price catalogue.
PROVIDER_OF_HOST: Mapping[str, str] = {
    "api.openai.com": "openai",
    ".api.openai.com": "openai",
    "api.anthropic.com": "anthropic",
    ".openai.azure.com": "azure.ai.openai",
    ".cognitiveservices.azure.com": "azure.ai.openai",
    ".services.ai.azure.com": "azure.ai.inference",
    ".models.ai.azure.com": "azure.ai.inference",
    "generativelanguage.googleapis.com": "gcp.gemini",
    "aiplatform.googleapis.com": "gcp.vertex_ai",
    "-aiplatform.googleapis.com": "gcp.vertex_ai",
    ".rep.googleapis.com": "gcp.vertex_ai",
    "claude.googleapis.com": "gcp.vertex_ai",
    "api.deepseek.com": "deepseek",
    "api.x.ai": "x_ai",
    ".api.x.ai": "x_ai",
    "api.groq.com": "groq",
    "api.together.xyz": "together",
    "api.together.ai": "together",
    "api.fireworks.ai": "fireworks",
    "openrouter.ai": "openrouter",
    "api.mistral.ai": "mistral_ai",
    "api.perplexity.ai": "perplexity",
    "api.moonshot.ai": "moonshot_ai",
    "api.moonshot.cn": "moonshot_ai",
    "api.cohere.com": "cohere",
    "api.cohere.ai": "cohere",
    "api.cerebras.ai": "cerebras",
}
# Hosts whose first label names the service and the rest the region.
PROVIDER_OF_FIRST_LABEL: Mapping[str, str] = {
    "bedrock-runtime": "aws.bedrock",
    "bedrock-runtime-fips": "aws.bedrock",
    "bedrock-mantle": "aws.bedrock",
}

# These send the usage of a chat stream whether asked or not; asking changes nothing, or what their callers see.
SENDS_STREAM_USAGE_UNASKED = frozenset({"deepseek", "fireworks", "mistral_ai", "openrouter", "perplexity", "together", "x_ai"})


@lru_cache(maxsize=1024)
def provider_of_host(host: str) -> str | None:
    """The ``gen_ai.provider.name`` that ``host`` belongs to, or None for a host that is not known."""
    host = host.lower().rstrip(".")
    if host in PROVIDER_OF_HOST:
        return PROVIDER_OF_HOST[host]
    first, _, rest = host.partition(".")
    if first in PROVIDER_OF_FIRST_LABEL and rest.endswith((".amazonaws.com", ".amazonaws.com.cn", ".api.aws")):
        return PROVIDER_OF_FIRST_LABEL[first]
    for suffix, provider in PROVIDER_OF_HOST.items():
        if suffix[0] in ".-" and host.endswith(suffix):
            return provider
    return None


def provider_of_class(client_class: type, names: Mapping[str, str]) -> str | None:
    """The provider that ``names`` gives for the name of ``client_class`` or of a class it derives from, or None."""
    for base in client_class.__mro__:
        if base.__name__ in names:
            return names[base.__name__]
    return None


# Whose models are named so, where neither host nor client tells who bills: a proxy, a gateway.
PROVIDER_OF_MODEL: Mapping[str, str] = {
    "gpt-": "openai",
    "chatgpt-": "openai",
    "o1": "openai",
    "o3": "openai",
    "o4-": "openai",
    "text-embedding-3": "openai",
    "claude-": "anthropic",
    "gemini-": "gcp.gemini",
    "grok-": "x_ai",
    "deepseek-": "deepseek",
    "mistral-": "mistral_ai",
    "magistral-": "mistral_ai",
    "codestral-": "mistral_ai",
    "ministral-": "mistral_ai",
    "voxtral-": "mistral_ai",
    "command-": "cohere",
    "sonar": "perplexity",
    "kimi-": "moonshot_ai",
}
# These put a null usage into every chunk of a stream when asked for usage, and none when not
# (https://platform.openai.com/docs/api-reference/chat/create#chat-create-stream_options).
_ADD_NULL_USAGE = ("openai", "azure.ai.openai")
_OLLAMA_PORT = 11434
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@lru_cache(maxsize=1024)
def _provider_of_model(model: str) -> str | None:
    name = model.lower()
    return next((provider for start, provider in PROVIDER_OF_MODEL.items() if name.startswith(start)), None)


def provider_of(
    host: str | None,
    port: int | None,
    client_class: type,
    names: Mapping[str, str],
    told: str | None,
    model: str | None,
    default: str,
    *,
    is_protocol: bool,
) -> str:
    """Who bills a call: told by its host, else by the client (``told``, or its class by ``names``), else by the model.

    ``default`` is the client's own provider. ``is_protocol``: it speaks a protocol that others speak too, so that an
    unknown host says nothing and the model's name may.
    """
    found = provider_of_host(host) if host else None
    found = found or told or provider_of_class(client_class, names)
    if found is None and host in _LOOPBACK and port == _OLLAMA_PORT:
        found = "ollama"
    return found or (_provider_of_model(model) if model and is_protocol else None) or default


def adds_null_usage(host: str | None, provider: str, model: str | None) -> bool:
    """Whether being asked for the usage of a stream makes the server of ``host`` state a null one in its other chunks.

    A server that is not known may have stated it all along.
    """
    known = provider_of_host(host) if host else None
    return provider in _ADD_NULL_USAGE and (
        known is not None or provider != "openai" or _provider_of_model(model or "") == "openai"
    )
