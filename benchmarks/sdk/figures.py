"""The arithmetic of the benchmark: paired differences, their intervals, and a straight line through a series.

Nothing here knows what was measured. Intervals are percentile bootstraps of the median at 95%
(https://en.wikipedia.org/wiki/Bootstrapping_(statistics)), with a fixed seed: the same figures give the same interval.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

_RESAMPLES = 2_000
_TAIL = 0.025
_SEED = 20_240


@dataclass(frozen=True, slots=True)
class Estimate:
    """A median with its 95% interval, in the unit of what went in."""

    value: float
    low: float
    high: float

    @property
    def is_distinguishable(self) -> bool:
        """Whether the interval leaves no doubt about the sign."""
        return self.low > 0 or self.high < 0


def median_of(samples: Sequence[float]) -> Estimate:
    """The median of ``samples``. Raises ValueError if there are none."""
    if not samples:
        raise ValueError("samples: none were given; a median needs at least one")
    return _bootstrap(len(samples), lambda rows: median(samples[row] for row in rows))


def added(measured: Sequence[float], bare: Sequence[float]) -> Estimate:
    """The median of what ``measured`` has over ``bare``, round by round: both were taken in the same rounds.

    Raises ValueError if the two have not the same number of rounds.
    """
    return median_of(differences(measured, bare))


def differences(measured: Sequence[float], bare: Sequence[float]) -> list[float]:
    """``measured`` less ``bare``, round by round. Raises ValueError if they have not the same number of rounds."""
    if len(measured) != len(bare):
        raise ValueError(f"measured, bare: {len(measured)} and {len(bare)} rounds cannot be paired; give as many of each")
    return [one - other for one, other in zip(measured, bare, strict=True)]


def ratio(over: Sequence[float], under: Sequence[float]) -> Estimate:
    """The median of ``over`` through the median of ``under``, resampled together because they share their rounds.

    Raises ValueError if they have not the same number of rounds. Infinite where ``under`` has no positive median.
    """
    differences(over, under)

    def ratio_of(rows: Sequence[int]) -> float:
        divisor = median(under[row] for row in rows)
        return median(over[row] for row in rows) / divisor if divisor > 0 else float("inf")

    return _bootstrap(len(over), ratio_of)


def slope(xs: Sequence[float], ys: Sequence[float]) -> Estimate:
    """The slope of the least-squares line through (xs, ys), with twice its standard error to either side.

    Raises ValueError with fewer than three points, or if all have the same x.
    """
    count = len(xs)
    if count < 3 or len(ys) != count:
        raise ValueError(f"xs, ys: {count} and {len(ys)} points make no line; give as many of each, and at least 3")
    mean_x, mean_y = sum(xs) / count, sum(ys) / count
    spread = sum((x - mean_x) ** 2 for x in xs)
    if spread == 0:
        raise ValueError(f"xs: all {count} points are at {xs[0]}; a slope needs two different ones")
    value = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True)) / spread
    residue = sum((y - mean_y - value * (x - mean_x)) ** 2 for x, y in zip(xs, ys, strict=True))
    error = (residue / (count - 2) / spread) ** 0.5
    return Estimate(value, value - 2 * error, value + 2 * error)


def _bootstrap(count: int, statistic: Callable[[Sequence[int]], float]) -> Estimate:
    dice = random.Random(_SEED)
    rows = range(count)
    resampled = sorted(statistic(dice.choices(rows, k=count)) for _ in range(_RESAMPLES))
    low, high = int(_TAIL * _RESAMPLES), int((1 - _TAIL) * _RESAMPLES) - 1
    return Estimate(statistic(rows), resampled[low], resampled[high])
