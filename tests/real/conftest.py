"""One run of the scenario against a real model and the real collector; the tests look at what it left."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import costspan
from costspan_collector.store.embedded_temporary import temporary_postgres
from costspan_collector.store.migrate import migrate
from tests.real import report
from tests.real.questions import QUESTIONS
from tests.real.scenario import Seen, ask_everything
from tests.real.self_hosted import SelfHosted, arithmetic_of, one_at_a_time, self_hosted
from tests.real.server import MODEL, ModelServer, model_server
from tests.support.collector import RunningCollector, running_collector

PAGE = Path(__file__).parents[2] / "docs" / "real-model.md"
_LABELS_TIMEOUT_S = 30
_SUMMARY = pytest.StashKey[str]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--usd-per-hour", type=Decimal, default=Decimal("0.10"), help="price of the machine's hour (0.10)")
    parser.addoption("--write-page", action="store_true", help=f"write what was found into docs/{PAGE.name}")


@dataclass(frozen=True)
class Run:
    """What the application saw, what the collector booked, and where both can be asked further.

    ``load_before`` is the machine's load average over the minute before.
    """

    seen: list[Seen]
    rows: list[dict[str, Any]]
    collector: RunningCollector
    server: ModelServer
    load_before: float

    @property
    def row_of(self) -> dict[str, dict[str, Any]]:
        return {row["response_id"]: row for row in self.rows}


@pytest.fixture(scope="session")
def run() -> Iterator[Run]:
    load_before, _, _ = os.getloadavg()
    with model_server() as server, temporary_postgres() as postgres:
        migrate(postgres.url)
        with running_collector(postgres.url) as collector:
            costspan.init(endpoint=collector.url, service="quiz", environment="test")
            try:
                seen = ask_everything(server.url)
                _wait_for_labels(collector, len(seen))
                answer = collector.get("/api/v1/calls?limit=1000")
                assert answer["next"] is None
                yield Run(seen, answer["rows"], collector, server, load_before)
            finally:
                assert costspan.shutdown(10), costspan.stats()


def _wait_for_labels(collector: RunningCollector, count: int) -> None:
    # Checks run in a thread of their own, after the answer.
    deadline = time.monotonic() + _LABELS_TIMEOUT_S
    while True:
        assert costspan.flush(10), costspan.stats()
        labelled = collector.get("/api/v1/spend")["totals"]["labelled_calls"]
        if labelled >= count:
            return
        assert time.monotonic() < deadline, f"{labelled} of {count} calls are labelled: {costspan.stats()}"
        time.sleep(0.2)


@pytest.fixture(scope="session")
def price(run: Run, pytestconfig: pytest.Config) -> SelfHosted:
    return self_hosted(MODEL, one_at_a_time(run.rows), pytestconfig.getoption("--usd-per-hour"))


@pytest.fixture(scope="session", autouse=True)
def _summary(run: Run, price: SelfHosted, request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    lines = report.table(run.rows, price.card)
    arithmetic = list(price.arithmetic)
    for feature in QUESTIONS:
        own = [row for row in run.rows if row["feature"] == feature]
        arithmetic += arithmetic_of(feature, own, price.card)
    request.config.stash[_SUMMARY] = "\n".join((report.as_text(lines), "", *arithmetic))
    if request.config.getoption("--write-page") and not request.session.testsfailed:
        PAGE.write_text(report.page(lines, arithmetic, run.server, run.load_before), encoding="utf-8")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if summary := config.stash.get(_SUMMARY, None):
        terminalreporter.section("a real model")
        terminalreporter.write_line(summary)
