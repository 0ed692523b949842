"""The openai client, and through its ``base_url`` everything that speaks the same protocol."""

from costspan.adapters._adapter import Adapter, Endpoint, Fields, StreamTable, Target
from costspan.adapters._stainless import STAINLESS
from costspan.usage import OPENAI_CHAT, OPENAI_EMBEDDINGS, OPENAI_RESPONSES

_CHAT = Fields("id", "model", "service_tier", "choices.*.finish_reason", "usage")
_RESPONSE = Fields("id", "model", "service_tier", "incomplete_details.reason|status", "usage")
_STARTED = Fields("response.id", "response.model", "response.service_tier")
_ENDED = Fields(
    "response.id",
    "response.model",
    "response.service_tier",
    "response.incomplete_details.reason|response.status",
    "response.usage",
)
# https://platform.openai.com/docs/api-reference/chat/create#chat-create-stream_options: usage comes only when asked
# for, in an additional last chunk whose choices are empty.
_CHAT_STREAM = StreamTable({"": _CHAT}, usage_option=("stream_options", "include_usage"), content="choices")
# https://platform.openai.com/docs/api-reference/responses-streaming: usage comes with the event that ends the response.
_RESPONSE_STREAM = StreamTable(
    {
        "response.created": _STARTED,
        "response.completed": _ENDED,
        "response.incomplete": _ENDED,
        "response.failed": _ENDED,
    },
    kind="type",
)
_MAX_CHAT_TOKENS = "max_completion_tokens|max_tokens"

OPENAI = Adapter(
    name="openai",
    distribution="openai",
    targets=(
        Target("openai._base_client", "SyncAPIClient.request"),
        Target("openai._base_client", "AsyncAPIClient.request", is_async=True),
    ),
    call=STAINLESS,
    endpoints=(
        Endpoint(
            "/chat/completions",
            "chat",
            OPENAI_CHAT,
            _CHAT,
            _CHAT_STREAM,
            api_type="chat_completions",
            max_tokens=_MAX_CHAT_TOKENS,
        ),
        Endpoint(
            "/responses",
            "chat",
            OPENAI_RESPONSES,
            _RESPONSE,
            _RESPONSE_STREAM,
            api_type="responses",
            max_tokens="max_output_tokens",
        ),
        Endpoint("/completions", "text_completion", OPENAI_CHAT, _CHAT, _CHAT_STREAM),
        Endpoint("/embeddings", "embeddings", OPENAI_EMBEDDINGS, Fields(model="model", usage="usage"), max_tokens=""),
    ),
    provider="openai",
    provider_of_class={"BaseAzureClient": "azure.ai.openai", "BedrockOpenAI": "aws.bedrock"},
)
