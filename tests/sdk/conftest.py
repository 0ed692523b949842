"""Fixtures of the SDK's tests: a provider, a collector, and the SDK between them."""

from collections.abc import Iterator

import pytest

import costspan
from tests.sdk.doubles.collector import Collector, Span
from tests.sdk.doubles.provider import Provider


@pytest.fixture(scope="session")
def _provider() -> Iterator[Provider]:
    server = Provider()
    yield server
    server.close()


@pytest.fixture(scope="session")
def _collector() -> Iterator[Collector]:
    server = Collector()
    yield server
    server.close()


@pytest.fixture
def provider(_provider: Provider) -> Provider:
    _provider.forget()
    return _provider


@pytest.fixture
def collector(_collector: Collector) -> Collector:
    _collector.forget()
    return _collector


class Sdk:
    """The SDK under test, sending to the test's collector."""

    def __init__(self, collector: Collector) -> None:
        self.collector = collector

    def spans(self) -> list[Span]:
        """All spans that have ended so far, in the order of their ends."""
        assert costspan.flush(10), costspan.stats()
        return self.collector.spans

    def span(self) -> Span:
        """The one span that there is."""
        spans = self.spans()
        assert len(spans) == 1, [(span.name, span.attributes) for span in spans]
        return spans[0]


@pytest.fixture
def sdk(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sdk]:
    monkeypatch.setenv("COSTSPAN_RAISE_INTERNAL_ERRORS", "1")
    before = costspan.stats()["internal_errors"]
    costspan.init(endpoint=collector.url, service="tests")
    yield Sdk(collector)
    monkeypatch.setenv("COSTSPAN_RAISE_INTERNAL_ERRORS", "")
    assert costspan.shutdown(10), costspan.stats()
    assert costspan.stats()["internal_errors"] == before, costspan.stats()
