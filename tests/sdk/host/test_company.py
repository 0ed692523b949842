"""In company: threads, a collector that is away, an application's own OpenTelemetry, requests that are none of ours."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased

import costspan
from costspan.adapters import ADAPTERS
from costspan.adapters._adapter import Adapter
from tests.sdk.conftest import Sdk
from tests.sdk.doubles.application import Application
from tests.sdk.host.making import differences, make, make_both
from tests.sdk.host.samples import CASES, Sample, every_first, one_call
from tests.traffic.calling import call
from tests.traffic.drivers import DRIVERS
from tests.traffic.drivers._plan import NotDrivableError
from tests.traffic.replay import Replay
from tests.traffic.truth import expected

# What the clients warn of is looked at in test_same_view.
pytestmark = pytest.mark.filterwarnings("ignore")

_THREADS, _CALLS = 4, 8
# The results of batches, whose lines are booked.
_OF_BATCHES = ("batches", "files", "messages.batches")
# Adapters whose recordings hold no other request, and whose clients have no general way to make one.
_NOTHING_ELSE = {
    "google_interactions",
    "botocore",
    "aiobotocore",
    "mistralai",
    "cohere",
    "ollama",
    "huggingface_hub",
    "litellm",
}


@every_first
def test_calls_of_several_threads_are_the_same_and_each_is_booked_once(sample: Sample, replay: Replay, sdk: Sdk) -> None:
    if one_call(sample) != "sync":
        pytest.skip("the client has no calls for threads")
    costspan.uninstrument()
    bare = make(sample, "sync", replay)
    costspan.init(endpoint=sdk.collector.url)

    def one(number: int) -> Any:
        with costspan.feature(f"thread-{number}"):
            return call(sample.driver, sample.case, "sync", f"{replay.url}/case/{sample.case.id}~{number}")

    with ThreadPoolExecutor(_THREADS) as pool:
        seen = list(pool.map(one, range(_CALLS)))
    assert bare is not None
    for found in seen:
        assert found.error is None
        assert found.types == bare.seen.types
        assert list(differences(bare.seen.values, found.values)) == []
    spans = sdk.spans()
    assert sorted(span["costspan.feature"] for span in spans) == sorted(f"thread-{number}" for number in range(_CALLS))


@every_first
def test_a_dead_collector_never_reaches_the_application(sample: Sample, replay: Replay, broken_sdk: Sdk) -> None:
    mode = one_call(sample)
    costspan.uninstrument()
    bare = make(sample, mode, replay)
    costspan.init(endpoint="http://127.0.0.1:9", service="tests")
    before = costspan.stats()
    observed = make(sample, mode, replay)
    assert not costspan.flush(0.05)
    assert bare is not None
    assert observed is not None
    assert observed.seen.types == bare.seen.types
    assert list(differences(bare.seen.values, observed.seen.values)) == []
    assert observed.complaints <= bare.complaints
    after = costspan.stats()
    assert (after["calls"] - before["calls"], after["dropped"]) == (1, before["dropped"])
    costspan.init(endpoint=broken_sdk.collector.url)
    assert costspan.flush(10)


@every_first
def test_the_applications_processors_see_our_spans(
    sample: Sample, replay: Replay, sdk: Sdk, monkeypatch: pytest.MonkeyPatch
) -> None:
    application = Application(ParentBased(ALWAYS_ON), monkeypatch)
    with application.tracer.start_as_current_span("handle request") as parent:
        assert make(sample, one_call(sample), replay) is not None
        assert trace.get_current_span() is parent
    ours = sdk.span()
    theirs = next(span for span in application.spans().values() if f"{span.context.span_id:016x}" == ours.span_id)
    assert ours.trace_id == f"{parent.get_span_context().trace_id:032x}"
    assert ours.parent_span_id == f"{parent.get_span_context().span_id:016x}"
    assert theirs.attributes["costspan.cost.state"] == ours["costspan.cost.state"]
    application.provider.shutdown()


@every_first
def test_our_export_ignores_the_applications_sampler(
    sample: Sample, replay: Replay, sdk: Sdk, monkeypatch: pytest.MonkeyPatch
) -> None:
    application = Application(ParentBased(ALWAYS_OFF), monkeypatch)
    assert make(sample, one_call(sample), replay) is not None
    assert sdk.span()
    assert application.spans() == {}
    application.provider.shutdown()


@every_first
def test_no_global_provider_is_set(sample: Sample, replay: Replay, sdk: Sdk) -> None:
    assert make(sample, one_call(sample), replay) is not None
    assert sdk.span()
    assert trace._TRACER_PROVIDER is None


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: adapter.name)
def test_other_requests_of_the_client_pass_without_a_span(adapter: Adapter, replay: Replay, sdk: Sdk) -> None:
    """Recorded requests that nobody bills, such as counting tokens and listing models; where none was recorded, one is made."""
    free = [case for case in CASES if not expected(case) and case.status < 400 and case.api not in _OF_BATCHES]
    made = 0
    for driver in (driver for driver in DRIVERS if driver.adapter == adapter.name):
        for case in filter(driver.handles, free):
            sample = Sample(adapter, driver, case)
            pair = make_both(sample, one_call(sample), replay, sdk)
            if pair is not None:
                made += 1
                assert pair.observed.seen.types == pair.bare.seen.types
                assert pair.spans == ()
        made += _posted_elsewhere(driver, replay)
    assert sdk.spans() == []
    assert bool(made) == (adapter.name not in _NOTHING_ELSE)


def _posted_elsewhere(driver: Any, replay: Replay) -> bool:
    """Whether the client could be told to post to some other path, and did."""
    case = next(case for case in CASES if driver.handles(case) and expected(case))
    try:
        plan = driver.plan(case, driver.modes[0], f"{replay.url}/case/{case.id}")
    except NotDrivableError:
        return False
    client = getattr(getattr(plan, "keep", None), "_client", None)
    if not hasattr(client, "post") or not hasattr(client, "copy"):
        return False
    client.post("/somewhere/else", cast_to=object, body={"model": "m"})
    client.get("/models/m", cast_to=object)
    return True
