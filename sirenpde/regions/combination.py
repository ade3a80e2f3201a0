"""Intersections and differences of regions in the same coordinates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sirenpde.errors import RegionError
from sirenpde.regions.boundary import boundary_of, steps_around
from sirenpde.regions.cells import merged
from sirenpde.regions.operands import gap, refuse_dimensions, require_same_coordinates
from sirenpde.regions.quadrature import Draw, Estimate, Sift, draw_within
from sirenpde.regions.shape import Shape, apart, as_points, asked, common_bounds, grouped
from sirenpde.regions.subset import Subset, common_measure, in_order


@dataclass(frozen=True, repr=False)
class OfTwo(Subset):
    """The points of one of two regions that the other decides about."""

    left: Shape
    right: Shape

    @property
    def leaves(self) -> tuple[Shape, ...]:
        """Those of both operands."""
        return tuple(dict.fromkeys((*self.left.leaves, *self.right.leaves)))

    @property
    def cuts(self) -> dict[str, tuple[float, ...]] | None:
        """Those of both operands."""
        return merged(self.names, (self.left.cuts, self.right.cuts))


@dataclass(frozen=True, repr=False)
class Intersection(OfTwo):
    """What two regions have in common; of a surface and a solid, the part of the surface that lies in the solid."""

    def __post_init__(self) -> None:
        """Refuse operands that do not go together, and an intersection that is empty."""
        require_same_coordinates(self.left, self.right, "intersection")
        thin = [part for part in (self.left, self.right) if part.dimension < len(part.names)]
        if len(thin) == 2 and self.left.dimension != self.right.dimension:
            refuse_dimensions(self.left, self.right, "intersection")
        if apart(self.left.bounds, self.right.bounds):
            msg = (
                f"{self!r} is empty: {gap(self.left, self.right)}.\n  A condition on an empty region would always hold."
            )
            raise RegionError(msg)
        self.require_points()

    def __repr__(self) -> str:
        """Return the operands, joined by ``&``."""
        return f"{grouped(self.left)} & {grouped(self.right)}"

    @property
    def carrier(self) -> Shape:
        """The operand of finitely many points or of the lower dimension; the left one if they are alike."""
        rank = [(part.size is None, part.dimension) for part in (self.left, self.right)]
        return self.right if rank[1] < rank[0] else self.left

    @property
    def other(self) -> Shape:
        """The operand that is not the carrier."""
        return self.left if self.carrier is self.right else self.right

    @property
    def reason_if_empty(self) -> str:
        """Which points were tried."""
        return "lie in both. Move or enlarge one of the two, or leave the condition out."

    def ways(self) -> Iterator[tuple[Draw, Sift]]:
        """Draw from the box that the bounds of two solids have in common, or from either of the two."""
        if self.is_solid and self.other.is_solid:
            yield draw_within(self.bounds), self._sift_box
            yield in_order(self.other, self.names), self._sift_box
        yield self.carrier.draw, self.sift

    @property
    def outer_bounds(self) -> dict[str, tuple[float, float]]:
        """What the bounds of the two have in common."""
        return common_bounds(self.carrier.bounds, self.other.bounds)

    @property
    def formula(self) -> Estimate | None:
        """What two solids have in common, exact where one is a box around the other."""
        return common_measure(self.left, self.right) if self.is_solid and self.other.is_solid else None

    def keeps(self, points: np.ndarray) -> np.ndarray:
        """Tell which points of the carrier the other operand covers."""
        return asked(self.other, points, self.names)

    def contains(self, points: np.ndarray) -> np.ndarray:
        """Tell which points lie in both."""
        array = as_points(self, points)
        inside = self.carrier.contains(array)
        inside[inside] = asked(self.other, array[inside], self.names, closed=True)
        return inside

    @cached_property
    def boundary(self) -> Shape:
        """The boundary of each operand where it lies in the other."""
        return boundary_of(self) if self.is_solid else super().boundary

    def at(self, /, **values: float) -> Shape:
        """Return what the slice of the carrier has in common with the other operand, or the other way round."""
        first, second = self.carrier, self.other
        try:
            return Intersection(first.at(**values).bare, second)
        except RegionError:
            return Intersection(second.at(**values).bare, first)


@dataclass(frozen=True, repr=False)
class Difference(OfTwo):
    """What is left of one region outside another."""

    def __post_init__(self) -> None:
        """Refuse operands that do not go together, and a difference that is empty."""
        require_same_coordinates(self.left, self.right, "difference")
        if self.right.dimension < self.left.dimension:
            refuse_dimensions(self.left, self.right, "difference")
        self.require_points()

    def __repr__(self) -> str:
        """Return the operands, with a minus in between."""
        return f"{grouped(self.left)} - {grouped(self.right)}"

    @property
    def carrier(self) -> Shape:
        """The left operand."""
        return self.left

    @property
    def reason_if_empty(self) -> str:
        """Which points were tried."""
        return f"lie outside {grouped(self.right)}. Make what is taken away smaller, or leave the condition out."

    @property
    def formula(self) -> Estimate | None:
        """The left operand less what the two have in common, where the left one is known exactly."""
        if not (self.left.is_solid and self.right.is_solid and self.left.measure_error == 0.0):
            return None
        shared = common_measure(self.left, self.right)
        return Estimate(self.left.measure - shared.value, shared.error)

    def keeps(self, points: np.ndarray) -> np.ndarray:
        """Tell which points of the left operand the right one does not cover."""
        return ~asked(self.right, points, self.names)

    def contains(self, points: np.ndarray) -> np.ndarray:
        """Tell which points lie in the left operand and not inside the right one: its rim is kept."""
        array = as_points(self, points)
        inside = self.left.contains(array)
        hidden = inside.copy()
        hidden[inside] = asked(self.right, array[inside], self.names, closed=True)
        if self.is_solid and hidden.any():
            hidden[hidden] = ~self._on_rim(array[hidden])
        inside[hidden] = False
        return inside

    def _on_rim(self, points: np.ndarray) -> np.ndarray:
        """Tell which points that the right operand contains lie on the rim of what is left."""
        try:
            rim = self.right.boundary
        except RegionError:  # the part where a condition holds does not know it
            return np.zeros(len(points), dtype=bool)
        found = asked(rim, points, self.names, closed=True)
        reach = 1e-6 * np.array([high - low for low, high in (self.left.bounds[name] for name in self.names)])
        near = points[found]
        found[found] = np.any([self.covers(near + step) for step in steps_around(reach)], axis=0)
        return found

    @cached_property
    def boundary(self) -> Shape:
        """The boundary of the left operand outside the right one, and that of the right one inside the left."""
        return boundary_of(self) if self.is_solid else super().boundary

    def at(self, /, **values: float) -> Shape:
        """Return the left operand's slice outside the right one."""
        return Difference(self.left.at(**values).bare, self.right)
