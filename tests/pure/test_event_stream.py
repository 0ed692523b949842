"""Amazon's event stream encoding: the frames are the same however the bytes come, and no bytes make it fail."""

import base64
import itertools
import json
import zlib
from typing import Any

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from costspan._event_stream import event_text, frames


def frame(kind: str, payload: bytes, *, before: dict[str, str] | None = None) -> bytes:
    names = {**(before or {}), ":event-type": kind, ":message-type": "event"}
    headers = b"".join(
        bytes([len(name)]) + name.encode() + b"\x07" + len(value.encode()).to_bytes(2, "big") + value.encode()
        for name, value in names.items()
    )
    prelude = (16 + len(headers) + len(payload)).to_bytes(4, "big") + len(headers).to_bytes(4, "big")
    message = prelude + zlib.crc32(prelude).to_bytes(4, "big") + headers + payload
    return message + zlib.crc32(message).to_bytes(4, "big")


EVENTS = st.lists(st.tuples(st.text("abcXYZ", min_size=1, max_size=12), st.binary(max_size=40)), max_size=6)


def chunked(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:end] for start, end in itertools.pairwise(edges)]


def read_all(chunks: list[bytes]) -> tuple[list[tuple[str, bytes]], bytes]:
    found: list[tuple[str, bytes]] = []
    rest = b""
    for chunk in chunks:
        more, rest = frames(rest + chunk)
        found += more
    return found, rest


@given(EVENTS, st.lists(st.integers(0, 10_000), max_size=12))
def test_any_chunking_gives_the_same_frames(events: list[tuple[str, bytes]], cuts: list[int]) -> None:
    data = b"".join(frame(kind, payload) for kind, payload in events)
    assert read_all(chunked(data, cuts)) == (events, b"")
    assert read_all([data[at : at + 1] for at in range(len(data))]) == (events, b"")


@given(EVENTS)
def test_the_frames_are_those_that_botocore_reads(events: list[tuple[str, bytes]]) -> None:
    data = b"".join(frame(kind, payload, before={":content-type": "application/json"}) for kind, payload in events)
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    theirs = [(message.headers[":event-type"], message.payload) for message in buffer]
    assert frames(data)[0] == theirs == events


@given(EVENTS, st.integers(1, 15))
def test_the_beginning_of_a_frame_waits_for_its_rest(events: list[tuple[str, bytes]], kept: int) -> None:
    last = frame("last", b"{}")
    data = b"".join(frame(kind, payload) for kind, payload in events)
    assert frames(data + last[:kept]) == (events, last[:kept])


@given(st.binary(max_size=200))
def test_no_bytes_make_it_fail(data: bytes) -> None:
    found, rest = frames(data)
    assert data.endswith(rest)
    for kind, payload in found:
        text = event_text(kind, payload)
        assert text is None or isinstance(text, bytes)


def test_a_length_that_no_frame_can_have_ends_the_reading() -> None:
    good = frame("a", b"{}")
    assert frames(good + (7).to_bytes(4, "big") + b"x" * 20 + good) == ([("a", b"{}")], b"")


@pytest.mark.parametrize(
    ("kind", "payload", "text"),
    [
        ("metadata", b'{"usage":{"inputTokens":3}}', {"metadata": {"usage": {"inputTokens": 3}}}),
        ("chunk", b'{"bytes":"' + base64.b64encode(b'{"type":"ping"}') + b'","p":"abc"}', {"type": "ping"}),
        ("chunk", b'{"p":"abc"}', None),
        ("chunk", b'{"bytes":""}', None),
        ("", b"{}", None),
    ],
)
def test_an_event_as_json(kind: str, payload: bytes, text: Any) -> None:
    found = event_text(kind, payload)
    assert (None if found is None else json.loads(found)) == text
