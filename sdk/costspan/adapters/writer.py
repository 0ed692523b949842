"""The writer-sdk client."""

from dataclasses import replace

from costspan.adapters import _openai_protocol as protocol
from costspan.adapters._adapter import Adapter
from costspan.adapters._stainless import STAINLESS, targets_of

WRITER = Adapter(
    name="writer",
    distribution="writer-sdk",
    targets=targets_of("writerai"),
    call=STAINLESS,
    endpoints=(replace(protocol.CHAT, path="/v1/chat", api_type=""), protocol.COMPLETIONS),
    provider="writer",
)
