"""Fixtures of the contract: a provider that answers as recorded, and errors of our own that are let happen."""

import gc
from collections.abc import Iterator

import pytest

from costspan._guard import guard
from tests.sdk.conftest import Sdk
from tests.sdk.host.samples import ANSWERS, CASES
from tests.traffic.replay import Replay


@pytest.fixture(scope="session")
def _replay() -> Iterator[Replay]:
    server = Replay([*CASES, *ANSWERS])
    yield server
    server.close()
    gc.unfreeze()


@pytest.fixture
def replay(_replay: Replay) -> Replay:
    _replay.take()
    return _replay


@pytest.fixture
def broken_sdk(sdk: Sdk, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sdk]:
    """The SDK as an application has it: errors of its own are swallowed and counted. Some are expected."""
    before = guard.errors.all()
    monkeypatch.setenv("COSTSPAN_RAISE_INTERNAL_ERRORS", "")
    monkeypatch.setattr(guard, "raises", False)
    yield sdk
    after = guard.errors.all()
    for name, count in after.items():
        guard.errors.add(name, before.get(name, 0) - count)
    assert set(after) - set(before) <= {"ZeroDivisionError"}
