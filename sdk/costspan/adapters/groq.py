"""The groq client."""

from dataclasses import replace

from costspan.adapters import _openai_protocol as protocol
from costspan.adapters._adapter import Adapter, PartialUsages
from costspan.adapters._stainless import STAINLESS, targets_of

# https://console.groq.com/docs/compound: a compound system answers with several models, each at its own price. A stream
# brings its usage unasked.
_CHAT = replace(
    protocol.CHAT,
    stream=protocol.GROQ_CHUNKS,
    partial_usages=PartialUsages("usage_breakdown.models", usage="usage", are_all=True, is_beside=True),
)

GROQ = Adapter(
    name="groq",
    distribution="groq",
    targets=targets_of("groq"),
    call=STAINLESS,
    endpoints=(_CHAT, protocol.EMBEDDINGS, *protocol.TRANSCRIPTIONS, protocol.SPEECH),
    provider="groq",
)
