"""The together client, from version 2."""

from costspan.adapters import _openai_protocol as protocol
from costspan.adapters._adapter import Adapter, Endpoint, Fields
from costspan.adapters._stainless import STAINLESS, targets_of
from costspan.usage import OPENAI_CHAT

TOGETHER = Adapter(
    name="together",
    distribution="together",
    targets=targets_of("together"),
    call=STAINLESS,
    endpoints=(
        protocol.CHAT,
        protocol.COMPLETIONS,
        protocol.EMBEDDINGS,
        *protocol.IMAGES,
        *protocol.TRANSCRIPTIONS,
        protocol.SPEECH,
        Endpoint("/rerank", "rerank", OPENAI_CHAT, Fields("id", "model", usage="usage"), max_tokens=""),
    ),
    provider="together",
)
