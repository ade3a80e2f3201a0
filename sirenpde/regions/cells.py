"""Exact measures and bounds of what is made of boxes: between the ends of all boxes nothing changes.

The ends cut the space into cells, each the product of intervals and single values. A region of dimension k that is made
of boxes is a union of cells with k intervals, so that to ask for the centre of each tells it exactly.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping

import numpy as np

from sirenpde.regions.quadrature import Estimate
from sirenpde.regions.shape import Shape

#: The most cells that are gone through.
MOST_CELLS = 2**16

Cuts = dict[str, tuple[float, ...]]


def merged(names: tuple[str, ...], parts: Iterable[Mapping[str, tuple[float, ...]] | None]) -> Cuts | None:
    """Return the cuts of several shapes together, sorted; None if one of them is not made of boxes."""
    listed = list(parts)
    if any(cuts is None for cuts in listed):
        return None
    found: Cuts = {}
    for name in names:
        values = sorted({value for cuts in listed if cuts is not None for value in cuts.get(name, ())})
        # 0.1 + 0.2 is meant to be 0.3: ends within rounding of each other are one.
        least = 1e-12 * (values[-1] - values[0])
        found[name] = tuple(v for v, last in zip(values, [-math.inf, *values], strict=False) if v - last > least)
    return found


def cells_of(shape: Shape) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the cells that a shape is made of, as their lower and upper corners ``(m, d)``; None if it has none."""
    cuts = shape.cuts
    if cuts is None:
        return None
    d = len(shape.names)
    axes = [np.array(cuts[name]) for name in shape.names]
    lows: list[np.ndarray] = []
    highs: list[np.ndarray] = []
    for free in itertools.combinations(range(d), shape.dimension):
        ends = [(a[:-1], a[1:]) if i in free else (a, a) for i, a in enumerate(axes)]
        if math.prod(len(low) for low, _ in ends) > MOST_CELLS:
            return None
        low, high = (
            np.stack(np.meshgrid(*side, indexing="ij"), axis=-1).reshape(-1, d) for side in zip(*ends, strict=True)
        )
        inside = shape.covers((low + high) / 2)
        lows.append(low[inside])
        highs.append(high[inside])
    return np.concatenate(lows), np.concatenate(highs)


def exact_measure(shape: Shape) -> Estimate | None:
    """Return the measure of a shape that is made of boxes, exactly; None if it is not."""
    cells = cells_of(shape)
    if cells is None:
        return None
    lengths = cells[1] - cells[0]
    return Estimate(math.fsum(np.prod(np.where(lengths > 0, lengths, 1.0), axis=1)), 0.0)


def exact_bounds(shape: Shape) -> dict[str, tuple[float, float]] | None:
    """Return the least and greatest values of a shape that is made of boxes; None if it is not, or is empty."""
    cells = cells_of(shape)
    if cells is None or not len(cells[0]):
        return None
    ends = zip(cells[0].min(axis=0), cells[1].max(axis=0), strict=True)
    return {name: (float(low), float(high)) for name, (low, high) in zip(shape.names, ends, strict=True)}
