"""When the collector may be asked again after it has failed: exponential backoff with jitter, or when it says itself."""

import random
import time

from costspan._export import Outcome

_FIRST_BACKOFF_S = 0.5
_LONGEST_BACKOFF_S = 30.0


class Retry:
    """Failures in a row, and the time that they impose. On the monotonic clock."""

    def __init__(self) -> None:
        self._failures = 0
        self._not_before_s = 0.0
        self._was_told = False

    @property
    def is_away(self) -> bool:
        """Whether the last attempt failed."""
        return self._failures > 0

    @property
    def wait_s(self) -> float:
        """Seconds until the next attempt may be made; 0 if it may be made now."""
        return max(self._not_before_s - time.monotonic(), 0.0)

    def failed(self, outcome: Outcome) -> None:
        """Wait as long as the collector asked for, else longer with every failure."""
        jitter = random.uniform(0.5, 1.0)  # noqa: S311 - spreads retries, guards nothing
        backoff_s = min(_FIRST_BACKOFF_S * 2**self._failures, _LONGEST_BACKOFF_S) * jitter
        self._failures = min(self._failures + 1, 10)
        self._was_told = outcome.retry_after_s is not None
        self._not_before_s = time.monotonic() + (backoff_s if outcome.retry_after_s is None else outcome.retry_after_s)

    def succeeded(self) -> None:
        """Nothing is imposed any more."""
        self._failures, self._not_before_s, self._was_told = 0, 0.0, False

    def hurry(self) -> None:
        """Somebody waits: try at once, unless the collector itself asked for the delay."""
        if not self._was_told:
            self._not_before_s = 0.0
