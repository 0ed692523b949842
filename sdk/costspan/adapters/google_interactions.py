"""The interactions of google-genai, which are a client of their own inside it."""

from costspan.adapters._adapter import Adapter, Endpoint, Fields, Retrieval, StreamTable
from costspan.adapters._speakeasy import SPEAKEASY, targets_of
from costspan.usage import GEMINI_INTERACTIONS

_ENDED = Fields(
    "interaction.id",
    "interaction.model",
    "interaction.service_tier",
    "interaction.status",
    "interaction.usage|metadata.usage|usage",
)
# https://ai.google.dev/api/interactions-api
_INTERACTIONS = Endpoint(
    "/interactions",
    "generate_content",
    GEMINI_INTERACTIONS,
    Fields("id", "model", "service_tier", "status", "usage", "outputs.*.text", status="status"),
    StreamTable(
        {
            "interaction.start": Fields("interaction.id", "interaction.model"),
            "interaction.created": Fields("interaction.id", "interaction.model"),
            "interaction.complete": _ENDED,
            "interaction.completed": _ENDED,
            "content.delta": Fields(text="delta.text"),
        },
        kind="event_type",
    ),
    max_tokens="generation_config.max_output_tokens",
    provider="gcp.gemini",
)

GOOGLE_INTERACTIONS = Adapter(
    name="google_interactions",
    distribution="google-genai",
    targets=targets_of("google.genai._gaos.basesdk"),
    call=SPEAKEASY,
    endpoints=(_INTERACTIONS,),
    retrievals=(Retrieval("/interactions/{id}", completes="/interactions"),),
    provider="gcp.gemini",
)
