"""The golden test: real clients, recorded answers, and for every call the caller's view and the books compared.

One test for each client and mode; the clients are those that the SDK has an adapter for.
"""

from collections.abc import Iterator

import pytest

from costspan.adapters import ADAPTERS
from tests.sdk.doubles.collector import Collector
from tests.traffic.cases import RECORDINGS, Case, read
from tests.traffic.drivers import DRIVERS
from tests.traffic.drivers._plan import Driver, Mode
from tests.traffic.replay import Replay
from tests.traffic.running import grade, supported

# The clients warn of their own deprecated methods and leave connections open when a stream is dropped: not ours to judge.
pytestmark = pytest.mark.filterwarnings("ignore")

_CASES = list(read(RECORDINGS))


def _has_recordings(driver: Driver, mode: Mode) -> bool:
    """Of streams, for the modes that are for streams alone."""
    of_streams = mode in ("abandoned", "aabandoned")
    return any(driver.handles(case) and (case.streaming or not of_streams) for case in _cases_of(mode))


def _cases_of(mode: Mode) -> list[Case]:
    """All for the plain ways to call, each third for the others, which differ in the way and not in what is read."""
    return _CASES if mode in ("sync", "async") else _CASES[::3]


_RUNS = [(driver, mode) for driver in supported() for mode in driver.modes if _has_recordings(driver, mode)]


@pytest.fixture(scope="module")
def replay() -> Iterator[Replay]:
    server = Replay(_CASES)
    yield server
    server.close()


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    server = Collector()
    yield server
    server.close()


@pytest.mark.parametrize(("driver", "mode"), _RUNS, ids=[f"{driver.adapter}-{mode}" for driver, mode in _RUNS])
def test_every_call_is_money_right_and_looks_like_the_bare_one(
    driver: Driver, mode: Mode, replay: Replay, collector: Collector
) -> None:
    graded = grade(driver, _cases_of(mode), [mode], replay, collector)
    assert graded, f"no recording was driven through {driver.adapter} in mode {mode}"
    wrong = [str(call) for call in graded if call.problems]
    assert not wrong, f"{len(wrong)} of {len(graded)} calls are wrong:\n" + "\n".join(wrong)


def test_every_adapter_has_a_driver() -> None:
    driven = {name for driver in DRIVERS for name in (driver.adapter, *driver.more_adapters)}
    assert {adapter.name for adapter in ADAPTERS} <= driven
