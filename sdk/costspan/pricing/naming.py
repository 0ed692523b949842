"""The ways to read a model's name: each spelling to try, in order, with the rule that it came by.

Sources: Amazon Bedrock "Supported inference profiles" and its ARN formats; Anthropic "Claude on Vertex AI"
(``model@date``); OpenAI "Fine-tuning" (``ft:base:organisation:suffix:id``); LiteLLM "Providers" (``provider/model``);
OpenRouter "Model routing" (``:variant``).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

# OpenTelemetry's gen_ai.provider.name, and other names in use for the same thing -> the catalogue's provider.
PROVIDERS: Mapping[str, str] = {
    "amazon_bedrock": "aws",
    "anthropic": "anthropic",
    "aws.bedrock": "aws",
    "aws_bedrock": "aws",
    "azure": "azure",
    "azure.ai.inference": "azure",
    "azure.ai.openai": "azure",
    "azure_ai": "azure",
    "azure_openai": "azure",
    "bedrock": "aws",
    "bedrock_converse": "aws",
    "cohere": "cohere",
    "deepseek": "deepseek",
    "fireworks": "fireworks",
    "fireworks_ai": "fireworks",
    "gcp.gemini": "google",
    "gcp.gen_ai": "google",
    "gcp.vertex_ai": "google",
    "gemini": "google",
    "google": "google",
    "google_ai_studio": "google",
    "google_gemini": "google",
    "google_vertex": "google",
    "google_genai": "google",
    "groq": "groq",
    "huggingface": "huggingface",
    "mistral": "mistral",
    "mistral_ai": "mistral",
    "mistralai": "mistral",
    "moonshot": "moonshotai",
    "moonshot_ai": "moonshotai",
    "openai": "openai",
    "openrouter": "openrouter",
    "perplexity": "perplexity",
    "together": "together",
    "together_ai": "together",
    "vertex_ai": "google",
    "voyage": "voyageai",
    "x_ai": "x-ai",
    "x.ai": "x-ai",
    "xai": "x-ai",
}
# Names of routers, which are nobody's prices: the model's own name tells whose it is.
ROUTERS = frozenset({"litellm", "litellm_proxy"})
# Vertex AI serves Claude and others at prices of its own makers, and only Google's at Google's.
VERTEX = frozenset({"gcp.vertex_ai", "google-vertex", "google_vertex", "vertex_ai", "vertex-ai"})

_ARN = re.compile(r"^arn:[^:]*:(?:bedrock|sagemaker):([^:]*):[^:]*:([a-z-]+)/(.+)$")
_RESOURCE = re.compile(r"^(?:projects/[^/]+/)?(?:locations/([^/]+)/)?(?:publishers/[^/]+/)?models/(.+)$")
_DATED = re.compile(r"^(.+?)[-@](?:\d{8}|\d{4}-\d{2}-\d{2}|\d{4}|\d{2}-\d{4}|\d{3}|latest|default)$")
_DOT = re.compile(r"(?<=\d)\.(?=\d)")
_HYPHEN = re.compile(r"(?<=\b\d)-(?=\d\b)")
# What is named :free is another model, at no price.
_ROUTER_VARIANT = re.compile(r"^(.+):(nitro|floor|online|thinking|extended|exacto|beta)$")


@dataclass(frozen=True, slots=True)
class Spelling:
    """A name to look up, the rule that made it, the provider that the name itself tells, and conditions that it implies.

    ``is_guess``: another snapshot of the model may have another price.
    """

    name: str
    rule: str
    provider: str | None = None
    conditions: Mapping[str, str] = field(default_factory=dict)
    is_guess: bool = False


def provider_id(name: str) -> str | None:
    """The catalogue's provider for a provider's ``name``, the name itself where the catalogue has none, None for a router's."""
    lowered = name.lower()
    if lowered in ROUTERS:
        return None
    return PROVIDERS.get(lowered) or PROVIDERS.get(lowered.replace("-", "_")) or lowered


def spellings(name: str) -> Iterator[Spelling]:
    """How ``name`` may be read, the most literal first. A fine-tuned model is never read as its base: that costs less."""
    name = name.strip()
    yield Spelling(name, f"named {name}")
    if arn := _ARN.match(name):
        _region, kind, resource = arn.groups()
        # Profiles and deployments of one's own have opaque ids: only the project's own mapping can tell their model.
        if kind in ("inference-profile", "foundation-model"):
            yield Spelling(resource, f"named {name}, the {kind} of its ARN", "aws")
        return
    if resource_name := _RESOURCE.match(name):
        location, rest = resource_name.groups()
        conditions = {} if location in (None, "global") else {"region": location}
        yield from _again(rest, "resource path left out", conditions=conditions)
        return
    if is_fine_tuned(name):
        yield from _fine_tuned(name)
        return
    if variant := _ROUTER_VARIANT.match(name):
        yield from _again(variant[1], f"router variant :{variant[2]} left out")
    if "@" in name:
        base, _, version = name.partition("@")
        if version not in ("default", "latest"):
            yield Spelling(f"{base}-{version}", f"named {name}, @ read as -")
    yield from _punctuated(name)
    if "/" in name:
        prefix, _, rest = name.partition("/")
        yield from _again(rest, f"prefix {prefix}/ left out", _known_provider(prefix))
        return
    if dated := _DATED.match(name):
        yield Spelling(dated[1], f"named {name}, snapshot left out", is_guess=True)


def _punctuated(name: str) -> Iterator[Spelling]:
    """Versions are written with a dot or a hyphen: ``claude-sonnet-4.5``, ``claude-sonnet-4-5``."""
    for other, how in ((_DOT.sub("-", name), "its dot read as -"), (_HYPHEN.sub(".", name), "its - read as a dot")):
        if other != name:
            yield Spelling(other, f"named {name}, {how}")


def _known_provider(prefix: str) -> str | None:
    known = provider_id(prefix)
    return known if known in PROVIDERS.values() else None


def is_fine_tuned(name: str) -> bool:
    """Whether ``name`` is a fine-tuned model's: ``ft:gpt-4o-2024-08-06:acme::id``, or ``davinci:ft-acme-...`` of old."""
    return name.lower().startswith("ft:") or ":ft-" in name.lower()


def _fine_tuned(name: str) -> Iterator[Spelling]:
    lowered = name.lower()
    base = lowered.split(":")[1] if lowered.startswith("ft:") else lowered.split(":ft-")[0]
    rule = f"named {name}, fine-tuned {base}"
    yield Spelling(f"ft:{base}", rule)
    if dated := _DATED.match(base):
        yield Spelling(f"ft:{dated[1]}", f"{rule}, snapshot left out", is_guess=True)


def _again(name: str, rule: str, provider: str | None = None, conditions: Mapping[str, str] | None = None) -> Iterator[Spelling]:
    for spelling in spellings(name):
        yield Spelling(
            spelling.name,
            f"{rule}; {spelling.rule}",
            spelling.provider or provider,
            {**(conditions or {}), **spelling.conditions},
            spelling.is_guess,
        )
