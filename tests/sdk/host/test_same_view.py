"""The caller and the provider see with the SDK what they see without it: result, stream, request, arguments, warnings."""

from collections import defaultdict

import pytest

from tests.sdk.conftest import Sdk
from tests.sdk.host.making import Pair, differences, make_both, on_the_wire
from tests.sdk.host.samples import SAMPLES, WITHOUT_CALLS, Sample
from tests.traffic.drivers._plan import MODES, Mode
from tests.traffic.replay import Replay

every_sample = pytest.mark.parametrize("sample", SAMPLES, ids=str)
every_stream = pytest.mark.parametrize("sample", [sample for sample in SAMPLES if sample.is_stream], ids=str)

_PAIRS: dict[Sample, dict[Mode, Pair]] = defaultdict(dict)


def pairs_of(sample: Sample, replay: Replay, sdk: Sdk) -> dict[Mode, Pair]:
    """The call in every mode that the client has for it: the same for all tests here, and made once."""
    if sample not in _PAIRS:
        for mode in MODES:
            if mode in sample.driver.modes and mode != "hosted":
                pair = make_both(sample, mode, replay, sdk)
                if pair is not None:
                    _PAIRS[sample][mode] = pair
    assert _PAIRS[sample], "the client makes the call in no mode"
    return _PAIRS[sample]


def test_every_adapter_has_calls() -> None:
    assert set() == WITHOUT_CALLS


@every_sample
def test_the_caller_sees_the_same_objects_of_the_same_types(sample: Sample, replay: Replay, sdk: Sdk) -> None:
    for mode, pair in pairs_of(sample, replay, sdk).items():
        bare, observed = pair.bare.seen, pair.observed.seen
        if mode in ("sync", "async"):
            assert bare.error is None, mode
        assert len(bare.values) > (1 if sample.is_stream else 0), mode
        assert observed.types == bare.types, mode
        assert list(differences(bare.values, observed.values)) == [], mode
        assert observed.error == bare.error, mode


@every_sample
def test_the_request_is_the_same_byte_for_byte_but_for_the_usage_option(sample: Sample, replay: Replay, sdk: Sdk) -> None:
    for mode, pair in pairs_of(sample, replay, sdk).items():
        was_asked = [asked.body for asked in pair.bare.asked] != [asked.body for asked in pair.observed.asked]
        expected = on_the_wire(pair.bare, without_option=was_asked)
        assert on_the_wire(pair.observed, without_option=was_asked) == expected, mode
        assert expected, mode


@every_stream
def test_the_request_is_the_same_byte_for_byte_where_the_option_is_not_wanted(sample: Sample, replay: Replay, sdk: Sdk) -> None:
    mode: Mode = "sync" if "sync" in sample.driver.modes else "async"
    pair = make_both(sample, mode, replay, sdk, request_stream_usage=False)
    assert pair is not None
    expected = on_the_wire(pair.bare, without_option=False)
    assert on_the_wire(pair.observed, without_option=False) == expected
    assert pair.observed.seen.types == pair.bare.seen.types
    assert list(differences(pair.bare.seen.values, pair.observed.seen.values)) == []


@every_sample
def test_the_callers_arguments_stay_untouched(sample: Sample, replay: Replay, sdk: Sdk) -> None:
    for mode, pair in pairs_of(sample, replay, sdk).items():
        made = pair.observed
        assert made.arguments_before, mode
        assert made.arguments_before == pair.bare.arguments_before, mode
        # Some clients change their caller's arguments themselves.
        assert made.arguments_after == pair.bare.arguments_after, mode


@every_sample
def test_nothing_is_complained_of_that_the_bare_client_is_silent_about(sample: Sample, replay: Replay, sdk: Sdk) -> None:
    for mode, pair in pairs_of(sample, replay, sdk).items():
        new = pair.observed.complaints - pair.bare.complaints
        if mode in ("abandoned", "aabandoned"):
            # Whether the rest has arrived by the time a stream is dropped, and its connection is free, is chance.
            new = {complaint for complaint in new if complaint[0] != "ResourceWarning"}
        assert not new, mode


@every_sample
def test_every_way_of_making_the_call_is_one_span_without_an_error(sample: Sample, replay: Replay, sdk: Sdk) -> None:
    for mode, pair in pairs_of(sample, replay, sdk).items():
        assert len(pair.spans) == 1, mode
        assert pair.spans[0].get("error.type") is None, mode
