"""The anthropic client, with its variants for Bedrock, Vertex AI and Foundry."""

from costspan.adapters._adapter import Adapter, Endpoint, Fields, StreamTable, Target
from costspan.adapters._stainless import STAINLESS
from costspan.usage import ANTHROPIC_MESSAGES

# https://docs.anthropic.com/en/docs/build-with-claude/streaming: the figures of message_delta are cumulative, and it
# leaves out those that it has no news of (the cache split, the service tier).
_STREAM = StreamTable(
    {
        "message_start": Fields(
            "message.id", "message.model", "message.usage.service_tier", "message.stop_reason", "message.usage"
        ),
        "message_delta": Fields(tier="usage.service_tier", finish_reasons="delta.stop_reason", usage="usage"),
    },
    kind="type",
    usage_by_key=True,
)

ANTHROPIC = Adapter(
    name="anthropic",
    distribution="anthropic",
    targets=(
        Target("anthropic._base_client", "SyncAPIClient.request"),
        Target("anthropic._base_client", "AsyncAPIClient.request", is_async=True),
    ),
    call=STAINLESS,
    endpoints=(
        Endpoint(
            "/v1/messages",
            "chat",
            ANTHROPIC_MESSAGES,
            Fields("id", "model", "usage.service_tier", "stop_reason", "usage"),
            _STREAM,
        ),
    ),
    provider="anthropic",
    provider_of_class={
        "BaseBedrockClient": "aws.bedrock",
        "BaseVertexClient": "gcp.vertex_ai",
        "AnthropicFoundry": "azure.ai.inference",
        "AsyncAnthropicFoundry": "azure.ai.inference",
    },
)
