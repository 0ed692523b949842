"""The calls that the contract is tried with: for every adapter the first recorded plain and streamed call of each operation.

An adapter without a driver, or whose driver has nothing recorded, is in ``WITHOUT_CALLS``, which a test wants empty: adding
an adapter to ``ADAPTERS`` is enough to put it under the contract.
"""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass

import pytest

from costspan._matching import Matcher
from costspan.adapters import ADAPTERS
from costspan.adapters._adapter import Adapter
from tests.traffic.cases import RECORDINGS, Case, read
from tests.traffic.drivers import DRIVERS
from tests.traffic.drivers._plan import Driver, Mode
from tests.traffic.truth import expected

_REFUSAL = '{"type": "error", "message": "no", "error": {"type": "invalid_request_error", "message": "no", "code": 400}}'
_TOO_SHORT_TO_BE_A_STREAM = 3


@dataclass(frozen=True, eq=False)
class Sample:
    """One recorded call of one client."""

    adapter: Adapter
    driver: Driver
    case: Case

    @property
    def is_stream(self) -> bool:
        return self.case.streaming

    @property
    def refused(self) -> Case:
        """The same request, which the provider answers with status 400."""
        return dataclasses.replace(
            self.case,
            id=self.case.id + "-refused",
            status=400,
            response_headers={"Content-Type": "application/json"},
            response_body=_REFUSAL,
            body_encoding="utf-8",
            streaming=False,
            flags=[],
        )

    def __str__(self) -> str:
        return f"{self.adapter.name}-{self.case.api}-{'stream' if self.is_stream else 'plain'}"


def _samples(cases: list[Case]) -> Iterable[Sample]:
    for adapter in ADAPTERS:
        for driver in (driver for driver in DRIVERS if adapter.name in (driver.adapter, *driver.more_adapters)):
            seen = set()
            for case in filter(driver.handles, cases):
                kind = case.api, case.streaming
                if kind not in seen and _is_billed(case) and _meets(adapter, driver, case):
                    seen.add(kind)
                    yield Sample(adapter, driver, case)


def _meets(adapter: Adapter, driver: Driver, case: Case) -> bool:
    """Whether the call passes through ``adapter``, where one library has several."""
    return not driver.more_adapters or Matcher(adapter).reader_of_path(case.plain_path) is not None


def _is_billed(case: Case) -> bool:
    calls = expected(case)
    is_whole = not case.streaming or case.response_body.count("\n") > _TOO_SHORT_TO_BE_A_STREAM or case.body_encoding != "utf-8"
    # What is answered in the background is booked when its answer is fetched.
    is_now = "background" not in case.flags
    return bool(calls) and not any(call.is_error or call.is_optional for call in calls) and is_whole and is_now


CASES = list(read(RECORDINGS))
SAMPLES = tuple(_samples(CASES))
WITHOUT_CALLS = {adapter.name for adapter in ADAPTERS} - {sample.adapter.name for sample in SAMPLES}
# What the providers of the contract answer: the recorded calls, and each refused.
ANSWERS = [sample.case for sample in SAMPLES] + [sample.refused for sample in SAMPLES]


def one_call(sample: Sample) -> Mode:
    """The plainest mode that the client has."""
    return "sync" if "sync" in sample.driver.modes else "async"


# The first plain and the first streamed call of each client, in its plainest mode.
FIRSTS = [
    next(sample for sample in SAMPLES if sample.adapter is adapter and sample.is_stream is is_stream)
    for adapter in ADAPTERS
    for is_stream in (False, True)
    if any(sample.adapter is adapter and sample.is_stream is is_stream for sample in SAMPLES)
]
every_first = pytest.mark.parametrize("sample", FIRSTS, ids=str)


def calls(*modes: Mode, streams: bool | None = None, first_only: bool = False, but: tuple[str, ...] = ()) -> pytest.MarkDecorator:
    """Parametrises by ``sample`` and ``mode``: every sample in those of ``modes`` that its client has.

    ``streams``: only streams, or only plain calls. ``first_only``: one of either form for each client. ``but``: adapters
    that are left out.
    """
    found = []
    seen = set()
    for sample in SAMPLES:
        for mode in modes:
            kind = sample.adapter.name, mode, sample.is_stream
            if sample.adapter.name in but:
                continue
            if mode in sample.driver.modes and streams in (None, sample.is_stream) and not (first_only and kind in seen):
                seen.add(kind)
                found.append(pytest.param(sample, mode, id=f"{sample}-{mode}"))
    return pytest.mark.parametrize(("sample", "mode"), found)
