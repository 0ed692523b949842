"""When a delivery is tried again, and when it is given up. Pure."""

from datetime import timedelta
from random import Random

# First attempts follow quickly; the last is about a day after the first.
_DELAYS_S = (1, 2, 5, 15, 60, 300, 900, 3600, 3 * 3600, 6 * 3600, 12 * 3600)


def next_attempt(attempts: int, random: Random) -> timedelta | None:
    """How long to wait after the ``attempts``-th failed attempt (at least 1), with up to 20% jitter; None to give up."""
    if attempts > len(_DELAYS_S):
        return None
    return timedelta(seconds=_DELAYS_S[attempts - 1] * (1 + 0.2 * random.random()))
