"""When something of ours is broken, the application never learns of it, and the call is booked if it can be."""

from typing import Any

import pytest

import costspan
from costspan import _call
from costspan._call import Call
from costspan._chunks import ChunkReader, EncodedChunks
from costspan._delivery import Delivery
from costspan._index import CallIndex
from costspan._matching import Matcher
from costspan._observe import Observation
from costspan._reading import EndpointReader
from costspan._stream import StreamWatch
from tests.sdk.conftest import Sdk
from tests.sdk.doubles.collector import Span
from tests.sdk.host.making import differences, make, on_the_wire, settle
from tests.sdk.host.samples import Sample, every_first, one_call
from tests.traffic.replay import Replay

# What the clients warn of is looked at in test_same_view.
pytestmark = pytest.mark.filterwarnings("ignore")

_READING = (
    (EndpointReader, "read_body"),
    (EndpointReader, "read_usage"),
    (ChunkReader, "read"),
    (ChunkReader, "settle"),
    (EncodedChunks, "feed"),
    (EncodedChunks, "finish"),
)
# Ways to break, of which the call is booked all the same, without figures.
_BOOKED: dict[str, tuple[tuple[Any, str], ...]] = {
    "reading": _READING,
    "looking at the answer": ((Call, "_look"),),
    "watching": ((_call, "observed_stream"), (_call, "tap"), *_READING),
    "beginning to watch": ((StreamWatch, "__init__"), *_READING),
    "remembering": ((CallIndex, "remember_object"), (CallIndex, "remember_id"), *_READING),
}
# And of which it is not.
_NOT_BOOKED: dict[str, tuple[tuple[Any, str], ...]] = {
    "the request": ((EndpointReader, "read_request"),),
    "matching": ((Matcher, "match"),),
    "entering": ((Observation, "enter"),),
    "the end": ((Observation, "claim_end"),),
    "the queue": ((Delivery, "put"),),
}


def _broken(*_: Any, **__: Any) -> Any:
    raise ZeroDivisionError("in the SDK")


def _made_broken(
    sample: Sample, places: tuple[tuple[Any, str], ...], replay: Replay, sdk: Sdk, monkeypatch: pytest.MonkeyPatch
) -> list[Span]:
    """The spans of a call made with ``places`` broken, of which its caller saw nothing."""
    mode = one_call(sample)
    costspan.uninstrument()
    bare = make(sample, mode, replay)
    costspan.init(endpoint=sdk.collector.url, request_stream_usage=False)
    with monkeypatch.context() as breaking:
        for owner, name in places:
            breaking.setattr(owner, name, _broken)
        observed = make(sample, mode, replay)
        assert bare is not None
        assert observed is not None
        assert bare.seen.error is None
        assert observed.seen.error is None
        assert observed.seen.types == bare.seen.types
        assert list(differences(bare.seen.values, observed.seen.values)) == []
        assert on_the_wire(observed) == on_the_wire(bare)
        settle()
        costspan.flush()
        if sample.adapter.name == "litellm":  # which holds on to what it has read
            costspan.shutdown()
    return sdk.spans()


@pytest.mark.parametrize("what", _BOOKED)
@every_first
def test_what_breaks_never_reaches_the_application_and_the_call_is_booked(
    sample: Sample, what: str, replay: Replay, broken_sdk: Sdk, monkeypatch: pytest.MonkeyPatch
) -> None:
    (span,) = _made_broken(sample, _BOOKED[what], replay, broken_sdk, monkeypatch)
    assert span["costspan.cost.state"] == "unpriced"
    assert "gen_ai.usage.input_tokens" not in span.attributes
    assert span.get("error.type") is None


@pytest.mark.parametrize("what", _NOT_BOOKED)
@every_first
def test_what_breaks_at_the_root_never_reaches_the_application(
    sample: Sample, what: str, replay: Replay, broken_sdk: Sdk, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = costspan.stats()["internal_errors_by_type"].get("ZeroDivisionError", 0)
    assert _made_broken(sample, _NOT_BOOKED[what], replay, broken_sdk, monkeypatch) == []
    assert costspan.stats()["internal_errors_by_type"]["ZeroDivisionError"] > before
