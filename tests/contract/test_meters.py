"""The wire between SDK and collector keeps every meter: what is laid out in attributes comes back as it was."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common._internal import _encode_attributes

from costspan._attributes import add_usage
from costspan.usage import METERS
from costspan_collector.dialects.basis import disjoint
from costspan_collector.dialects.dialect import SEMCONV
from costspan_collector.dialects.facts import counts, gather

# A total is always reported beside its portions.
USAGES = st.fixed_dictionaries(
    {"input": st.integers(0, 10**9), "output": st.integers(0, 10**9)},
    optional={meter: st.integers(0, 10**9) for meter in METERS if meter not in ("input", "output")},
)


@given(USAGES)
def test_every_meter_survives_the_wire(usage: dict[str, int]) -> None:
    attributes: dict[str, Any] = {}
    add_usage(attributes, usage)
    facts = gather(SEMCONV, _encode_attributes(attributes))
    found, basis = disjoint(counts(facts.stated), counts(facts.meters))
    assert found is not None
    # A portion that is nothing is not told apart from none where its whole, or its other portions, are reported.
    assert {meter: count for meter, count in found.items() if count} == {meter: count for meter, count in usage.items() if count}
    assert {"input", "output"} <= set(found)
    assert basis == "inclusive"
