"""The openai client, and through its ``base_url`` everything that speaks the same protocol."""

from costspan.adapters import _openai_protocol as protocol
from costspan.adapters._adapter import Adapter, BatchFields, LineFields, Retrieval
from costspan.adapters._stainless import STAINLESS, targets_of

OPENAI = Adapter(
    name="openai",
    distribution="openai",
    targets=targets_of("openai"),
    call=STAINLESS,
    endpoints=(
        protocol.CHAT,
        protocol.RESPONSES,
        protocol.COMPACT,
        protocol.DECISIONS,
        protocol.COMPLETIONS,
        protocol.EMBEDDINGS,
        *protocol.IMAGES,
        *protocol.TRANSCRIPTIONS,
        protocol.SPEECH,
        protocol.MODERATIONS,
    ),
    retrievals=(
        Retrieval("/responses/{id}", completes="/responses"),
        Retrieval("/responses/{id}/cancel", completes="/responses", method="post"),
        # https://platform.openai.com/docs/guides/batch: one line a request, in the files that the batch names.
        Retrieval(
            "/batches/{id}",
            batch=BatchFields("id", "output_file_id", "created_at", "endpoint", failures="error_file_id"),
        ),
        Retrieval(
            "/files/{id}/content",
            lines=LineFields("response.body", "error.code|response.body.error.code|response.body.error.type"),
        ),
    ),
    provider="openai",
    provider_of_class={"BaseAzureClient": "azure.ai.openai", "BedrockOpenAI": "aws.bedrock"},
    is_protocol=True,
    session=protocol.REALTIME,
)
