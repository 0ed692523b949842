"""The anthropic client, with its variants for Bedrock, Vertex AI and Foundry."""

from costspan.adapters._adapter import Adapter, BatchFields, LineFields, Retrieval
from costspan.adapters._anthropic_protocol import MESSAGES
from costspan.adapters._stainless import STAINLESS, targets_of

ANTHROPIC = Adapter(
    name="anthropic",
    distribution="anthropic",
    targets=targets_of("anthropic"),
    call=STAINLESS,
    endpoints=(MESSAGES,),
    retrievals=(
        # https://docs.anthropic.com/en/docs/build-with-claude/batch-processing
        Retrieval(
            "/v1/messages/batches/{id}",
            batch=BatchFields("id", "results_url", "created_at", default_endpoint="/v1/messages"),
        ),
        Retrieval("/v1/messages/batches/{id}/results", lines=LineFields("result.message", "result.error.error.type")),
    ),
    provider="anthropic",
    provider_of_class={
        "BaseBedrockClient": "aws.bedrock",
        "BaseVertexClient": "gcp.vertex_ai",
        "AnthropicFoundry": "azure.ai.inference",
        "AsyncAnthropicFoundry": "azure.ai.inference",
    },
)
