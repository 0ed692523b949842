"""Bodies: content encodings, with a cap before and after decompression."""

import zlib

from costspan_collector.errors import Permanent, TooLarge

# wbits of zlib: 31 reads gzip, 15 reads zlib's own format, which HTTP calls deflate (RFC 9110, section 8.4.1)
_WINDOW = {"gzip": 31, "deflate": 15}
_PIECE = 1 << 20


def decompress(body: bytes, encoding: str, limit_bytes: int) -> bytes:
    """``body`` without its content encoding (``""``, ``identity``, ``gzip`` or ``deflate``).

    Raises ``TooLarge`` as soon as the result would exceed ``limit_bytes``, without building it, and
    ``Permanent`` for an unknown encoding or damaged data.
    """
    if len(body) > limit_bytes:
        raise TooLarge(f"body of {len(body)} bytes; at most {limit_bytes} are accepted")
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return body
    if name not in _WINDOW:
        raise Permanent(f"Content-Encoding {encoding!r} is not supported; allowed: gzip, deflate, identity")
    return _inflate(body, name, limit_bytes)


def _inflate(body: bytes, name: str, limit_bytes: int) -> bytes:
    inflater = zlib.decompressobj(wbits=_WINDOW[name])
    pieces: list[bytes] = []
    size = 0
    rest = body
    try:
        while rest and not inflater.eof:
            piece = inflater.decompress(rest, _PIECE)
            size += len(piece)
            if size > limit_bytes:
                raise TooLarge(f"body inflates to more than {limit_bytes} bytes, the most that is accepted")
            pieces.append(piece)
            rest = inflater.unconsumed_tail
    except zlib.error as error:
        raise Permanent(f"body is not valid {name}: {error}") from None
    if not inflater.eof:
        raise Permanent(f"body is not valid {name}: it ends early")
    return b"".join(pieces)
