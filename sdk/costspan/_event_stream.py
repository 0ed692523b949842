"""Frames of Amazon's event stream encoding (https://docs.aws.amazon.com/transcribe/latest/dg/event-stream.html). Pure."""

import base64

_SHORTEST_FRAME = 16


def frames(data: bytes) -> tuple[list[tuple[str, bytes]], bytes]:
    """The whole frames in ``data``, each as its event's type and payload, and the bytes that begin the next one.

    Checksums are the client's business. A length that no frame can have ends the reading.
    """
    found: list[tuple[str, bytes]] = []
    at = 0
    while len(data) - at >= _SHORTEST_FRAME:
        length = int.from_bytes(data[at : at + 4], "big")
        if length < _SHORTEST_FRAME:
            return found, b""
        if len(data) - at < length:
            break
        headers_end = at + 12 + int.from_bytes(data[at + 4 : at + 8], "big")
        found.append((_event_type(data[at + 12 : headers_end]), data[headers_end : at + length - 4]))
        at += length
    return found, data[at:]


def _event_type(headers: bytes) -> str:
    _, _, rest = headers.partition(b":event-type\x07")
    return rest[2 : 2 + int.from_bytes(rest[:2], "big")].decode("ascii", "replace")


def event_text(event_type: str, payload: bytes) -> bytes | None:
    """An event as JSON text: the model's own answer that a ``chunk`` packs, else ``{event_type: payload}``."""
    if event_type != "chunk":
        return b'{"%s":%s}' % (event_type.encode(), payload) if event_type else None
    start = payload.find(b'"bytes":"') + 9
    end = payload.find(b'"', start)
    return base64.b64decode(payload[start:end]) if 9 <= start < end else None
