"""The requests of Ollama's own protocol."""

from costspan.adapters._adapter import Endpoint, Fields, StreamTable
from costspan.usage import OLLAMA


def _endpoint(path: str, operation: str) -> Endpoint:
    fields = Fields(model="model", finish_reasons="done_reason", usage=".", text="message.content|response")
    # https://github.com/ollama/ollama/blob/main/docs/api.md: the last object of a stream, which is done, has the figures.
    chunks = {True: fields, False: Fields(model="model", text="message.content|response")}
    return Endpoint(
        path,
        operation,
        OLLAMA,
        fields,
        StreamTable(chunks, kind="done"),
        max_tokens="options.num_predict",
        provider="ollama",
    )


ENDPOINTS = (
    _endpoint("/api/chat", "chat"),
    _endpoint("/api/generate", "text_completion"),
    _endpoint("/api/embed", "embeddings"),
    _endpoint("/api/embeddings", "embeddings"),
)
