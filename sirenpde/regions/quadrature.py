"""Points and measures by sampling: low-discrepancy points, rejection, shares with their standard error.

Random numbers come from the generator that is passed in. Measures are taken with a generator of a fixed seed, so that
the same region always has the same measure.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch

from sirenpde.errors import RegionError
from sirenpde.regions.sample import Sample, joined

#: Independent scramblings whose scatter is the error of a measure: of 32 the scatter is known to an eighth.
REPLICATES = 32
#: Points per scrambling, tried in this order until the relative error is below AIM.
SIZES = (2**9, 2**12, 2**15)
AIM = 1e-4
#: Points by which a share is judged before any are drawn; the second number where none of the first was kept.
TRIALS = (2**12, 2**18)
#: Fewer, where what is missed does not matter: a face of which less is kept is no part of a boundary.
FEWER_TRIALS = (2**12, 2**15)
#: The least share of points kept with which rejection is tried: below, a million points would take minutes.
LEAST_SHARE = 2.0**-15
#: The most points drawn at once, to bound the memory.
BATCH = 2**19

Draw = Callable[[int, torch.Generator], Sample]
Sift = Callable[[Sample], Sample]


class Estimate(NamedTuple):
    """A measure, and its standard error: 0 where the measure is exact."""

    value: float
    error: float


def total(estimates: list[Estimate]) -> Estimate:
    """Return the sum; the errors add up in full, since estimates with one seed are not independent."""
    return Estimate(math.fsum(each.value for each in estimates), math.fsum(each.error for each in estimates))


def low_discrepancy(count: int, dimension: int, generator: torch.Generator) -> torch.Tensor:
    """Return ``count`` points of a freshly scrambled Sobol sequence in the unit cube, shape ``(count, dimension)``.

    Scrambling makes each point uniform and each draw independent of the last; without it the first point would be the
    corner itself.
    """
    if dimension == 0:
        return torch.empty(count, 0, dtype=torch.float64)
    seed = int(torch.randint(2**31, (), generator=generator))
    return torch.quasirandom.SobolEngine(dimension, scramble=True, seed=seed).draw(count, dtype=torch.float64)


def draw_within(bounds: dict[str, tuple[float, float]]) -> Draw:
    """Return a way to draw points of a scrambled Sobol sequence in the box of some bounds."""
    low, high = torch.tensor(list(bounds.values()), dtype=torch.float64).T

    def draw(count: int, generator: torch.Generator) -> Sample:
        return Sample(low + (high - low) * low_discrepancy(count, len(low), generator))

    return draw


def volume(bounds: dict[str, tuple[float, float]]) -> float:
    """Return the measure of the box of some bounds."""
    return math.prod(high - low for low, high in bounds.values())


def rough_share(draw: Draw, sift: Sift, trials: tuple[int, ...] = TRIALS) -> tuple[int, int]:
    """Return how many of a few points are kept, and of how many; more are tried where none is."""
    kept = tried = 0
    for tried in trials:
        kept = len(sift(draw(tried, torch.Generator().manual_seed(0))))
        if kept > tried * LEAST_SHARE:
            break
    return kept, tried


def share(draw: Draw, sift: Sift) -> Estimate:
    """Return the share of points that is kept, from independent scramblings, with the standard error of their mean."""
    generator = torch.Generator().manual_seed(1)
    value = error = 0.0
    for size in SIZES:
        kept = np.array([len(sift(draw(size, generator))) for _ in range(REPLICATES)]) / size
        value = float(kept.mean())
        # Where all agree, a share of about one point in all of them may still have been missed.
        error = max(float(kept.std(ddof=1)) / math.sqrt(REPLICATES), 1 / (REPLICATES * size))
        if error <= AIM * value:
            break
    return Estimate(value, error)


def accepted(draw: Draw, sift: Sift, count: int, generator: torch.Generator, expected: float) -> Sample:
    """Draw points until ``count`` of them are kept.

    Args:
        draw: Draws candidates.
        sift: Keeps some of them.
        count: How many to return.
        generator: Where every random number comes from.
        expected: About the share that is kept.

    Raises:
        RegionError: If a hundred times as many candidates as expected were not enough.
    """
    kept: list[Sample] = []
    have = tried = 0
    while have < count or not kept:
        batch = min(BATCH, math.ceil((count - have) / expected * 1.02) + 16)
        kept.append(sift(draw(batch, generator)))
        have, tried = have + len(kept[-1]), tried + batch
        if have < count and tried > 100 * (count / expected + 1000):
            msg = (
                f"of {tried} points drawn only {have} were kept, where a share of {expected:.2g} was expected: a "
                "condition on the region does not always give the same answer."
            )
            raise RegionError(msg)
    return joined(kept).part(0, count)
