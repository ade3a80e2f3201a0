"""Products of regions in different coordinates, such as a disc for a while."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from sirenpde.errors import RegionError
from sirenpde.regions.boundary import Boundary
from sirenpde.regions.cells import merged
from sirenpde.regions.sample import Sample
from sirenpde.regions.shape import Shape, as_points, grouped, require_coordinates


@dataclass(frozen=True, repr=False)
class Product(Shape):
    """The pairs of a point of one region and a point of another, in the coordinates of both."""

    left: Shape
    right: Shape

    def __post_init__(self) -> None:
        """Refuse a coordinate or data that both have."""
        shared = [name for name in self.left.names if name in self.right.names]
        if shared:
            msg = (
                f"the product of {self.left!r} and {self.right!r} would have {shared[0]} twice: the factors of a "
                "product are in different coordinates.\n  In the same coordinates there are |, & and -."
            )
            raise RegionError(msg)
        first = {*self.left.names, *self.left.data_shapes}
        clash = [name for name in (*self.right.names, *self.right.data_shapes) if name in first]
        clash += [name for name in self.left.data_shapes if name in self.right.names]
        if clash:
            msg = (
                f"the product of {self.left!r} and {self.right!r} has {clash[0]} twice, as data of one factor; rename "
                "it there."
            )
            raise RegionError(msg)

    def __repr__(self) -> str:
        """Return the factors, joined by ``*``."""
        return f"{grouped(self.left)} * {grouped(self.right)}"

    @property
    def names(self) -> tuple[str, ...]:
        """The coordinates of the left factor, then those of the right one."""
        return (*self.left.names, *self.right.names)

    @property
    def bounds(self) -> dict[str, tuple[float, float]]:
        """The bounds of both factors."""
        return {**self.left.bounds, **self.right.bounds}

    @property
    def measure(self) -> float:
        """The product of the measures."""
        return self.left.measure * self.right.measure

    @property
    def measure_error(self) -> float:
        """The error of either measure times the other measure, added up."""
        return self.left.measure_error * self.right.measure + self.left.measure * self.right.measure_error

    @property
    def dimension(self) -> int:
        """The sum of the dimensions."""
        return self.left.dimension + self.right.dimension

    @property
    def size(self) -> int | None:
        """The number of pairs where both factors have finitely many points; None elsewhere."""
        if self.left.size is None or self.right.size is None:
            return None
        return self.left.size * self.right.size

    def take(self, index: Tensor) -> Sample:
        """Return the pairs with the given numbers, the left factor's points varying fastest."""
        if self.left.size is None or self.right.size is None:
            return super().take(index)
        return self._paired(self.left.take(index % self.left.size), self.right.take(index // self.left.size))

    @property
    def has_normal(self) -> bool:
        """Whether one factor is a boundary and the other solid: a corner of two boundaries has no normal."""
        return (self.left.has_normal and self.right.is_solid) or (self.left.is_solid and self.right.has_normal)

    @property
    def data_shapes(self) -> dict[str, tuple[int, ...]]:
        """The data of both factors."""
        return {**self.left.data_shapes, **self.right.data_shapes}

    @property
    def fills_bounds(self) -> bool:
        """Whether both factors do."""
        return self.left.fills_bounds and self.right.fills_bounds

    @property
    def cuts(self) -> dict[str, tuple[float, ...]] | None:
        """Those of both factors."""
        if self.left.cuts is None or self.right.cuts is None:
            return None
        return merged(self.names, (self.left.cuts, self.right.cuts))

    def shared_dimension(self, other: Shape) -> int:
        """Return the most that is shared with another region, factor by factor where the factors correspond."""
        by_bounds = super().shared_dimension(other)
        if not isinstance(other, Product) or by_bounds < 0:
            return by_bounds
        for first, second in ((other.left, other.right), (other.right, other.left)):
            if set(first.names) == set(self.left.names):
                factors = self.left.shared_dimension(first), self.right.shared_dimension(second)
                return -1 if min(factors) < 0 else min(by_bounds, sum(factors))
        return by_bounds

    def contains(self, points: np.ndarray) -> np.ndarray:
        """Tell which points have each of their two parts in its factor."""
        array = as_points(self, points)
        d = len(self.left.names)
        inside = self.left.contains(array[:, :d])
        inside[inside] = self.right.contains(array[inside, d:])
        return inside

    def covers(self, points: np.ndarray) -> np.ndarray:
        """Tell the same, where the rim does not matter."""
        d = len(self.left.names)
        inside = self.left.covers(points[:, :d])
        inside[inside] = self.right.covers(points[inside, d:])
        return inside

    def draw(self, count: int, generator: torch.Generator) -> Sample:
        """Draw points of both factors and pair them at random: two Sobol sequences side by side are not independent."""
        left, right = self.left.draw(count, generator), self.right.draw(count, generator)
        return self._paired(left, right.pick(torch.randperm(count, generator=generator)))

    def _paired(self, left: Sample, right: Sample) -> Sample:
        points = torch.cat([left.points, right.points], dim=1)
        normal = None
        if self.has_normal:
            sides = [
                sample.normal if factor.has_normal and sample.normal is not None else torch.zeros_like(sample.points)
                for factor, sample in ((self.left, left), (self.right, right))
            ]
            normal = torch.cat(sides, dim=1)
        return Sample(points, normal, {**left.data, **right.data})

    @cached_property
    def boundary(self) -> Shape:
        """The boundary of each factor times the other factor, normals zero in the columns of the latter."""
        if not self.is_solid:
            return super().boundary
        return Boundary(
            (Product(self.left.boundary.bare, self.right), Product(self.left, self.right.boundary.bare)), self
        )

    def at(self, /, **values: float) -> Shape:
        """Return the product of the slices of those factors that have the coordinates named."""
        require_coordinates(self, values)
        own: list[Mapping[str, float]] = [
            {name: value for name, value in values.items() if name in factor.names}
            for factor in (self.left, self.right)
        ]
        factors = (self.left, self.right)
        cut = [factor.at(**each).bare if each else factor for factor, each in zip(factors, own, strict=True)]
        return Product(*cut)
