"""One-shot iterators that a caller passes belong to the client: it finds in them what it would find without us."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

import costspan
from tests.sdk.conftest import Sdk
from tests.sdk.host.making import Made, differences, make, on_the_wire
from tests.sdk.host.samples import Sample, every_first, one_call
from tests.traffic.cases import Case
from tests.traffic.drivers._plan import Mode, Plan
from tests.traffic.replay import Replay

# What the clients warn of is looked at in test_same_view.
pytestmark = pytest.mark.filterwarnings("ignore")

_LISTS = ("messages", "contents", "input", "inputs", "texts", "documents", "tools", "stop")


@dataclass
class Once:
    """An iterator that can be read once, and remembers how far it was read."""

    items: list[Any]
    count: int = 0

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        if self.count == len(self.items):
            raise StopIteration
        self.count += 1
        return self.items[self.count - 1]


def _made_with_iterators(sample: Sample, mode: Mode, replay: Replay) -> tuple[Made, dict[str, int]]:
    given: dict[str, Once] = {}

    def plan(case: Case, mode: Mode, url: str) -> Plan | None:
        made = sample.driver.plan(case, mode, url)
        assert made is not None
        for name in _LISTS:
            if isinstance(items := made.arguments.get(name), list):
                made.arguments[name] = given[name] = Once(items)
        return made

    made = make(sample, mode, replay, driver=replace(sample.driver, plan=plan))
    assert made is not None
    return made, {name: once.count for name, once in given.items()}


@every_first
def test_an_iterator_is_read_as_far_as_the_bare_client_reads_it(sample: Sample, replay: Replay, sdk: Sdk) -> None:
    mode = one_call(sample)
    costspan.uninstrument()
    bare, bare_counts = _made_with_iterators(sample, mode, replay)
    costspan.init(endpoint=sdk.collector.url, request_stream_usage=False)
    observed, counts = _made_with_iterators(sample, mode, replay)
    assert counts == bare_counts
    assert on_the_wire(observed) == on_the_wire(bare)
    assert observed.seen.types == bare.seen.types
    assert list(differences(bare.seen.values, observed.seen.values)) == []
    # Some clients refuse an iterator; then they say the same.
    assert observed.seen.error == bare.seen.error
