"""What a region is: a set of points with named coordinates, a measure, a way to draw points from it, and an algebra.

A region knows nothing of fields. Points are ``(n, d)`` in the order of ``names``, in the user's units, float64.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from sirenpde.errors import RegionError
from sirenpde.regions.combination import Difference, Intersection
from sirenpde.regions.product import Product
from sirenpde.regions.sample import Sample, arranged
from sirenpde.regions.shape import (
    Shape,
    as_points,
    require_count,
    require_distinct,
    require_interval,
    require_name,
)
from sirenpde.regions.union import united
from sirenpde.regions.where import Coordinates, Part

__all__ = [
    "Combination",
    "Region",
    "Sample",
    "arranged",
    "as_points",
    "combined",
    "require_count",
    "require_distinct",
    "require_interval",
    "require_name",
]


class Region(Shape):
    """A set of points in named coordinates, with its measure, that can be combined with others.

    A subclass gives ``names``, ``bounds`` and ``measure``, and draws points uniformly with respect to that measure.

    Example:
        >>> room = sp.Box(x=(-1, 1), y=(-1, 1)) - sp.Box(x=(0, 1), y=(0, 1))
        >>> room.measure, room.boundary.measure
        (3.0, 8.0)
    """

    def __or__(self, other: object) -> Region:
        """Return the union with a region in the same coordinates."""
        return combined(united(self.bare, _operand(self, "|", other)))

    def __and__(self, other: object) -> Region:
        """Return what this region has in common with another."""
        return combined(Intersection(self.bare, _operand(self, "&", other)))

    def __sub__(self, other: object) -> Region:
        """Return what is left of this region outside another."""
        return combined(Difference(self.bare, _operand(self, "-", other)))

    def __mul__(self, other: object) -> Region:
        """Return the product with a region in other coordinates."""
        return combined(Product(self.bare, _operand(self, "*", other)))

    def where(self, condition: Callable[[Coordinates], Tensor]) -> Region:
        """Return the part of the region where a condition on the coordinates holds; normals and data are kept.

        Args:
            condition: Of ``a``, which has a float64 tensor ``(n,)`` per coordinate, as in ``a.x``; returns booleans
                ``(n,)``. Comparisons are combined with ``&`` and ``|``.

        Raises:
            RegionError: If the condition is no function, raises, gives anything else, or never holds.
        """
        return combined(Part(self.bare, condition))

    @property
    def boundary(self) -> Region:
        """The boundary, with its outward normal and its surface measure.

        Raises:
            RegionError: If the region has none: a boundary, a slice, given points.
        """
        return combined(super().boundary)

    def at(self, /, **values: float) -> Region:
        """Return the slice where some coordinates have given values.

        Args:
            values: Coordinate → value. At an end of a box the slice carries the outward normal.

        Raises:
            RegionError: If a coordinate does not exist, a value lies outside, or the region has no slices of its own.
        """
        return combined(super().at(**values))

    def sample(self, count: int, seed: int = 0) -> np.ndarray:
        """Draw points, uniform with respect to the measure.

        Args:
            count: How many, at least 1.
            seed: The same seed gives the same points.

        Returns:
            Shape ``(count, d)``, columns in the order of ``names``.

        Raises:
            RegionError: If ``count`` is no positive integer, or ``seed`` none from 0 to 2⁶³ − 1.
        """
        require_count(self, count)
        if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**63:
            msg = f"{self!r} was sampled with seed={seed!r}; expected an integer from 0 to 2**63 - 1."
            raise RegionError(msg)
        return self.draw(count, torch.Generator().manual_seed(seed)).points.numpy()


@dataclass(frozen=True, repr=False)
class Combination(Region):
    """A region made of others by the algebra: it answers as the shape that it holds."""

    shape: Shape

    def __repr__(self) -> str:
        """Return the expression that makes the region."""
        return repr(self.shape)

    @property
    def bare(self) -> Shape:
        """The shape that the region holds."""
        return self.shape

    @property
    def parts(self) -> tuple[Region, ...]:
        """The regions that a union or a boundary is made of; of any other itself."""
        return tuple(combined(part) for part in getattr(self.shape, "parts", (self.shape,)))

    @property
    def names(self) -> tuple[str, ...]:
        """The coordinates, in the order of the columns of points."""
        return self.shape.names

    @property
    def bounds(self) -> dict[str, tuple[float, float]]:
        """Coordinate → an interval that holds all its values; the least one where all is made of boxes."""
        return self.shape.bounds

    @property
    def measure(self) -> float:
        """The length, area or volume; of a boundary its surface measure."""
        return self.shape.measure

    @property
    def measure_error(self) -> float:
        """The standard error of the measure; 0 where a formula gives it."""
        return self.shape.measure_error

    @property
    def dimension(self) -> int:
        """How many numbers it takes to walk in the region."""
        return self.shape.dimension

    @property
    def is_solid(self) -> bool:
        """Whether the region has as many dimensions as coordinates."""
        return self.shape.is_solid

    @property
    def size(self) -> int | None:
        """The number of points of a region made of finitely many; None elsewhere."""
        return self.shape.size

    def take(self, index: Tensor) -> Sample:
        """Return the points with the given numbers, of a region made of finitely many."""
        return self.shape.take(index)

    @property
    def has_normal(self) -> bool:
        """Whether samples carry an outward normal."""
        return self.shape.has_normal

    @property
    def data_shapes(self) -> dict[str, tuple[int, ...]]:
        """The data that samples carry: name → shape per point."""
        return self.shape.data_shapes

    def contains(self, points: np.ndarray) -> np.ndarray:
        """Tell which points lie in the region, the rim included."""
        return self.shape.contains(as_points(self, points))

    def covers(self, points: np.ndarray) -> np.ndarray:
        """Tell which points lie in the region, where the rim does not matter."""
        return self.shape.covers(points)

    def draw(self, count: int, generator: torch.Generator) -> Sample:
        """Draw points, uniform with respect to the measure."""
        return self.shape.draw(count, generator)

    @property
    def boundary(self) -> Region:
        """The boundary, with its outward normal and its surface measure."""
        return combined(self.shape.boundary)

    def at(self, /, **values: float) -> Region:
        """Return the slice where some coordinates have given values."""
        return combined(self.shape.at(**values))


def combined(shape: Shape) -> Region:
    """Return a shape as a region."""
    return shape if isinstance(shape, Region) else Combination(shape)


def _operand(left: Region, sign: str, right: object) -> Shape:
    if not isinstance(right, Region):
        msg = f"{left!r} {sign} {right!r}: the right side is a {type(right).__name__}; expected a region."
        raise RegionError(msg)
    return right.bare
