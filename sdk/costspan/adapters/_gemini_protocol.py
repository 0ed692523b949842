"""The requests of the Gemini API and of Vertex AI."""

from costspan.adapters._adapter import Endpoint, Fields, StreamTable
from costspan.usage import GEMINI, VERTEX_PREDICT

_ANSWER = Fields(
    "responseId",
    "modelVersion",
    "usageMetadata.serviceTier|usageMetadata.trafficType",
    "candidates.*.finishReason",
    "usageMetadata",
    "candidates.*.content.parts.*.text",
    items={"web_search": "candidates.*.groundingMetadata.webSearchQueries.*"},
)
GENERATE = tuple(
    Endpoint(
        f"{{model}}:{name}",
        "generate_content",
        GEMINI,
        _ANSWER,
        StreamTable({"": _ANSWER}),
        model="",
        max_tokens="generationConfig.maxOutputTokens",
        provider="gcp.gemini",
        # https://ai.google.dev/gemini-api/docs/google-search: Gemini 3 bills each query, older ones each grounded answer.
        items_count_once_for=("gemini-1", "gemini-2"),
    )
    for name in ("generateContent", "streamGenerateContent")
)
_EMBEDDINGS = Fields(usage="usageMetadata")
EMBED = tuple(
    Endpoint(f"{{model}}:{name}", "embeddings", GEMINI, _EMBEDDINGS, model="", max_tokens="", provider="gcp.gemini")
    for name in ("embedContent", "batchEmbedContents", "asyncBatchEmbedContent")
)
_PICTURES = Fields(items_without_usage={"image": "predictions.*.bytesBase64Encoded|predictions.*.gcsUri"})
# https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/imagen-api
PREDICT = (
    Endpoint("{model=imagen}:predict", "image_generation", VERTEX_PREDICT, _PICTURES, model="", max_tokens=""),
    Endpoint("{model=image}:predict", "image_generation", VERTEX_PREDICT, _PICTURES, model="", max_tokens=""),
    Endpoint("{model}:predict", "embeddings", VERTEX_PREDICT, Fields(usage="."), model="", max_tokens=""),
)
