"""What the first of two services says is on the calls of the second, and nowhere else."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.sdk.doubles.collector import Collector, Span
from tests.sdk.doubles.provider import Provider, recording
from tests.sdk.services.propagation import BY_HAND, HELPERS, INSTRUMENTED, UNSAMPLED

ROOT = Path(__file__).parents[2]


@contextmanager
def service(name: str, how: str, url: str, **variables: str) -> Iterator[str]:
    """A process of its own. Gives its URL."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("COSTSPAN_", "OTEL_"))}
    with subprocess.Popen(
        [sys.executable, "-m", f"tests.sdk.services.{name}", how, url],
        cwd=ROOT,
        env={**environment, "COSTSPAN_RAISE_INTERNAL_ERRORS": "1", **variables},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            port = process.stdout.readline().strip()
            assert port, f"{name} did not start"
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


@pytest.fixture(params=[INSTRUMENTED, UNSAMPLED, BY_HAND, HELPERS], scope="module")
def services(request: pytest.FixtureRequest, _provider: Provider, _collector: Collector) -> Iterator[tuple[str, str]]:
    """How the services pass on what they know, and the URL of the first."""
    how: str = request.param
    with (
        service("answers", how, _provider.url, COSTSPAN_ENDPOINT=_collector.url) as answers,
        service("gateway", how, answers) as gateway,
    ):
        yield how, gateway


def attribution(span: Span) -> dict[str, Any]:
    names = ("costspan.feature", "costspan.customer", "costspan.value.usd", "user.id", "session.id", "costspan.tag.")
    return {name: value for name, value in span.attributes.items() if name.startswith(names)}


def test_a_feature_set_in_one_service_is_on_the_calls_of_the_next(
    services: tuple[str, str], provider: Provider, collector: Collector
) -> None:
    how, url = services
    provider.say(recording("chat_cached").answer())
    for number in (7, 8):
        assert httpx.get(f"{url}/ask/{number}", timeout=20).json()["number"] == number
    assert len(collector.spans) == 2
    for span in collector.spans:
        assert span.resource["service.name"] == "answers"
        assert attribution(span) == {
            "costspan.feature": "größe & co",
            "costspan.customer": "acme",
            "costspan.value.usd": "0.25",
            "user.id": "u1",
            "costspan.tag.plan": "pro",
        }
    # The application's own baggage goes with its own propagation, to the provider as well, but not to other threads.
    own = None if how == HELPERS else "tenant=blue"
    assert [asked.headers.get("baggage") for asked in provider.asked] == [own, None]


@pytest.mark.parametrize("number", [7, 8], ids=["here", "in another thread"])
def test_what_nobody_has_named_has_the_route_of_the_service_that_calls(
    number: int, services: tuple[str, str], provider: Provider, collector: Collector
) -> None:
    how, url = services
    provider.say(recording("chat_cached").answer())
    httpx.get(f"{url}/plain/{number}", timeout=20).raise_for_status()
    (span,) = collector.spans
    by_default = {"costspan.feature": "GET /answers/{number}", "costspan.feature.source": "route"}
    by_module = {"costspan.feature": "tests.sdk.services.answers", "costspan.feature.source": "module"}
    assert attribution(span) == (by_default if how in (INSTRUMENTED, UNSAMPLED) else by_module)
