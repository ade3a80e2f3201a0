"""The regular grid of a picture or a sound: the centres of equal cells that tile a box."""

from __future__ import annotations

import math
import numbers
from dataclasses import dataclass

import numpy as np
import torch

from sirenpde.errors import RegionError
from sirenpde.regions.region import Region, Sample, as_points, require_distinct, require_name

#: The most points of a grid: their numbers alone take a gigabyte.
MOST_POINTS = 2**27


@dataclass(frozen=True)
class Grid(Region):
    """The centres of equal cells, each standing for its cell: a sum over them is the midpoint rule.

    Points are listed with the first coordinate fastest, so that for ``names=("x", "y")`` the list matches
    ``values.reshape(-1)`` of an array ``values[row, column]``.

    Attributes:
        coordinates: The names, first the one that varies fastest.
        origin: The first point, one number per coordinate.
        spacing: The signed step per coordinate; negative where the list runs downwards, as the rows of an image do.
        shape: The number of points per coordinate, in the order of ``coordinates``.
    """

    coordinates: tuple[str, ...]
    origin: tuple[float, ...]
    spacing: tuple[float, ...]
    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        """Refuse an empty grid, and numbers that place no points."""
        for name in self.coordinates:
            require_name(name, "Grid")
        require_distinct(self.coordinates, "Grid")
        lengths = {len(self.coordinates), len(self.origin), len(self.spacing), len(self.shape)}
        if lengths != {len(self.coordinates)} or not self.coordinates:
            msg = (
                f"Grid over {self.coordinates} needs one origin, spacing and count for each of one or more coordinates."
            )
            raise RegionError(msg)
        places = all(_is_finite(number) for number in (*self.origin, *self.spacing)) and 0.0 not in self.spacing
        counts = all(isinstance(count, int) and not isinstance(count, bool) and count > 0 for count in self.shape)
        if not places or not counts:
            msg = (
                f"Grid has origin {self.origin}, spacing {self.spacing} and shape {self.shape}; expected finite "
                "numbers, steps other than 0, and whole numbers of points of at least 1."
            )
            raise RegionError(msg)
        if math.prod(self.shape) > MOST_POINTS:
            msg = f"Grid has shape {self.shape}, {math.prod(self.shape)} points; at most {MOST_POINTS} are handled."
            raise RegionError(msg)

    @property
    def names(self) -> tuple[str, ...]:
        """The coordinates, in the order of the columns of points."""
        return self.coordinates

    @property
    def bounds(self) -> dict[str, tuple[float, float]]:
        """The outer edges of the cells."""
        edges = {}
        for name, first, step, count in zip(self.coordinates, self.origin, self.spacing, self.shape, strict=True):
            start, stop = first - step / 2, first + step * (count - 0.5)
            edges[name] = (min(start, stop), max(start, stop))
        return edges

    @property
    def measure(self) -> float:
        """The length, area or volume of all cells together."""
        return float(np.prod([abs(step) * count for step, count in zip(self.spacing, self.shape, strict=True)]))

    @property
    def size(self) -> int:
        """The number of points."""
        return int(np.prod(self.shape))

    def axis(self, name: str) -> np.ndarray:
        """Return the values of one coordinate along the grid, shape ``(count,)``."""
        index = self.coordinates.index(name)
        return self.origin[index] + self.spacing[index] * np.arange(self.shape[index])

    @property
    def points(self) -> np.ndarray:
        """All points, shape ``(n, d)``, the first coordinate fastest."""
        return self.locate(torch.arange(self.size)).numpy()

    def locate(self, index: torch.Tensor) -> torch.Tensor:
        """Return the points with the given numbers in the list, shape ``(n, d)``."""
        columns = []
        for first, step, count in zip(self.origin, self.spacing, self.shape, strict=True):
            columns.append(first + step * (index % count).double())
            index = index // count
        return torch.stack(columns, dim=1)

    def contains(self, points: np.ndarray) -> np.ndarray:
        """Tell which points lie in one of the cells."""
        array = as_points(self, points)
        inside = np.ones(len(array), dtype=bool)
        for column, (low, high) in zip(array.T, self.bounds.values(), strict=True):
            slack = 1e-9 * (high - low)
            inside &= (column >= low - slack) & (column <= high + slack)
        return inside

    def draw(self, count: int, generator: torch.Generator) -> Sample:
        """Draw grid points, each equally likely."""
        return Sample(self.locate(torch.randint(self.size, (count,), generator=generator)))

    def take(self, index: torch.Tensor) -> Sample:
        """Return the grid points with the given numbers in the list."""
        return Sample(self.locate(index))


def _is_finite(number: object) -> bool:
    return isinstance(number, numbers.Real) and not isinstance(number, bool) and math.isfinite(number)
