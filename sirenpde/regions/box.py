"""Boxes in any number of named coordinates, and their slices: the sides, the start, a cut through the middle."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np
import torch

from sirenpde.errors import RegionError, SirenPDEWarning, finite_number, shown
from sirenpde.regions.operands import gap, require_same_coordinates
from sirenpde.regions.quadrature import low_discrepancy
from sirenpde.regions.region import Region, Sample, as_points, combined, require_interval, require_name
from sirenpde.regions.shape import common_bounds, require_coordinates
from sirenpde.regions.union import Disjoint

__all__ = ["MOST_COORDINATES", "Box", "Slice", "low_discrepancy"]

#: The most coordinates for which there are Sobol points.
MOST_COORDINATES = torch.quasirandom.SobolEngine.MAXDIM
#: Lengths beyond these are warned of.
LEAST_LENGTH, MOST_LENGTH = 1e-9, 1e9


@dataclass(frozen=True, init=False, repr=False, eq=False)
class Box(Region):
    """A box: the product of intervals.

    Args:
        intervals: Coordinate → (low, high), in the order of the columns of points.

    Raises:
        RegionError: If there is no coordinate, a name is no identifier, or an interval is empty or not finite.

    Example:
        >>> domain = Box(x=(-1, 1), t=(0, 2))
        >>> domain.measure
        4.0
        >>> domain.at(t=0).measure
        2.0
    """

    intervals: dict[str, tuple[float, float]]

    def __init__(self, /, **intervals: tuple[float, float]) -> None:
        """Check the intervals and keep them as floats."""
        if not intervals:
            msg = "Box() has no coordinates. Write for example Box(x=(-1, 1), t=(0, 1))."
            raise RegionError(msg)
        if len(intervals) > MOST_COORDINATES:
            msg = f"a box of {len(intervals)} coordinates; points are drawn in {MOST_COORDINATES} of them at most."
            raise RegionError(msg)
        of = f"Box({', '.join(f'{name}={interval}' for name, interval in intervals.items())})"
        checked = {require_name(name, of): require_interval(name, interval, of) for name, interval in intervals.items()}
        object.__setattr__(self, "intervals", checked)
        if not 0.0 < self.measure < math.inf:
            msg = f"{of} has the measure {self.measure:g}, beyond what a float64 holds; choose other units of length."
            raise RegionError(msg)
        for name, (low, high) in checked.items():
            if not LEAST_LENGTH < high - low < MOST_LENGTH:
                msg = (
                    f"{of}: {name} has the length {high - low:g}; choose a unit in which it is nearer 1, or "
                    "derivatives are lost in rounding."
                )
                warnings.warn(msg, SirenPDEWarning, stacklevel=2)

    def __hash__(self) -> int:
        """Hash the intervals."""
        return hash(tuple(self.intervals.items()))

    def __eq__(self, other: object) -> bool:
        """Compare the intervals and their order, which is that of the columns of points."""
        return isinstance(other, Box) and list(self.intervals.items()) == list(other.intervals.items())

    def __repr__(self) -> str:
        """Return the call that makes the box."""
        return f"Box({', '.join(f'{name}=({low:g}, {high:g})' for name, (low, high) in self.intervals.items())})"

    @property
    def names(self) -> tuple[str, ...]:
        """The coordinates, in the order given."""
        return tuple(self.intervals)

    @property
    def bounds(self) -> dict[str, tuple[float, float]]:
        """The intervals."""
        return dict(self.intervals)

    @property
    def measure(self) -> float:
        """The product of the lengths."""
        return math.prod(high - low for low, high in self.intervals.values())

    @property
    def fills_bounds(self) -> bool:
        """Always."""
        return True

    @property
    def cuts(self) -> dict[str, tuple[float, ...]]:
        """The ends of the intervals."""
        return {name: (low, high) for name, (low, high) in self.intervals.items()}

    def contains(self, points: np.ndarray) -> np.ndarray:
        """Tell which points lie in the box, up to 1e-9 of its extent."""
        array = as_points(self, points)
        inside = np.ones(len(array), dtype=bool)
        for column, (low, high) in zip(array.T, self.intervals.values(), strict=True):
            slack = 1e-9 * (high - low)
            inside &= (column >= low - slack) & (column <= high + slack)
        return inside

    def draw(self, count: int, generator: torch.Generator) -> Sample:
        """Draw points of a scrambled Sobol sequence: each uniform in the box, together more even than random ones."""
        low, high = torch.tensor(list(self.intervals.values()), dtype=torch.float64).T
        return Sample(low + (high - low) * low_discrepancy(count, len(low), generator))

    def at(self, /, **values: float) -> Slice:
        """Return the slice where some coordinates have given values.

        Args:
            values: Coordinate → value. At one end of one coordinate the slice is a side and has the outward normal.

        Raises:
            RegionError: If a coordinate does not exist, or a value lies outside its interval.
        """
        require_coordinates(self, values)
        return Slice(self, {name: self._value(name, value) for name, value in values.items()})

    def _value(self, name: str, value: float) -> float:
        low, high = self.intervals[name]
        given = finite_number(value)
        number = math.nan if given is None else given
        # 0.1 + 0.2 is meant to be 0.3: a value within rounding of an end is that end.
        number = next((end for end in (low, high) if abs(number - end) <= 1e-12 * (high - low)), number)
        if not low <= number <= high:
            msg = (
                f"{self!r}.at({name}={shown(value)}) has no points: {name} runs from {low:g} to {high:g}.\n"
                "  A condition on an empty region would always hold. "
                f"Write .at({name}={low:g}) or .at({name}={high:g}), or make the box longer."
            )
            raise RegionError(msg)
        return number

    @property
    def boundary(self) -> Region:
        """All sides together, with the outward normal and the surface measure; the ends of time included."""
        sides = (self.at(**{name: end}) for name, interval in self.intervals.items() for end in interval)
        return combined(Disjoint(tuple(sides)))

    def __and__(self, other: object) -> Region:
        """Return what this region has in common with another; of two boxes it is a box."""
        if not isinstance(other, Box):
            return super().__and__(other)
        require_same_coordinates(self, other, "intersection")
        shared = common_bounds(self.bounds, other.bounds)
        if any(low > high for low, high in shared.values()):
            msg = (
                f"{self!r} & {other!r} is empty: {gap(self, other)}.\n"
                "  A condition on an empty region would always hold."
            )
            raise RegionError(msg)
        for name, (low, high) in shared.items():
            if low == high:
                msg = (
                    f"{self!r} & {other!r} is no more than a side: they share only {name}={low:g}.\n"
                    f"  If that side is meant, write .at({name}={low:g})."
                )
                raise RegionError(msg)
        return Box(**shared)

    def __mul__(self, other: object) -> Region:
        """Return the product with a region in other coordinates; of boxes and slices it is one of the same kind."""
        if isinstance(other, Box) and not set(self.names) & set(other.names):
            return Box(**self.intervals, **other.intervals)
        if isinstance(other, Slice) and not set(self.names) & set(other.names):
            return Slice(Box(**self.intervals, **other.box.intervals), other.values)
        return super().__mul__(other)


@dataclass(frozen=True, repr=False)
class Slice(Region):
    """The part of a box where some coordinates have given values; made by ``Box.at``.

    Its points keep every coordinate of the box. Its measure is that of the coordinates that are left free, 1 for a
    single point.
    """

    box: Box
    values: dict[str, float]

    def __hash__(self) -> int:
        """Hash the box and the values."""
        return hash((self.box, frozenset(self.values.items())))

    def __repr__(self) -> str:
        """Return the call that makes the slice."""
        return f"{self.box!r}.at({', '.join(f'{name}={value:g}' for name, value in self.values.items())})"

    @property
    def names(self) -> tuple[str, ...]:
        """The coordinates of the box."""
        return self.box.names

    @property
    def free(self) -> tuple[str, ...]:
        """The coordinates that are not fixed."""
        return tuple(name for name in self.names if name not in self.values)

    @property
    def bounds(self) -> dict[str, tuple[float, float]]:
        """The intervals of the box; a fixed coordinate has its value at both ends."""
        return {
            name: (self.values[name],) * 2 if name in self.values else ends for name, ends in self.box.bounds.items()
        }

    @property
    def measure(self) -> float:
        """The product of the lengths of the free coordinates."""
        return math.prod(self.box.bounds[name][1] - self.box.bounds[name][0] for name in self.free)

    @property
    def cuts(self) -> dict[str, tuple[float, ...]]:
        """The ends of the intervals that are left free, and the values of the others."""
        return {name: (self.values[name],) if name in self.values else ends for name, ends in self.box.bounds.items()}

    def __mul__(self, other: object) -> Region:
        """Return the product with a region in other coordinates; of boxes and slices it is a slice."""
        if isinstance(other, (Box, Slice)) and not set(self.names) & set(other.names):
            box, values = (other.box, other.values) if isinstance(other, Slice) else (other, {})
            return Slice(Box(**self.box.intervals, **box.intervals), {**self.values, **values})
        return super().__mul__(other)

    @property
    def size(self) -> int | None:
        """One for a single point, where no coordinate is left free; None elsewhere."""
        return None if self.free else 1

    def take(self, index: torch.Tensor) -> Sample:
        """Return the point, as often as it is asked for; a slice with free coordinates has infinitely many."""
        return super().take(index) if self.free else self.draw(len(index), torch.Generator())

    @property
    def has_normal(self) -> bool:
        """Whether the slice is a side: one coordinate fixed, at an end."""
        return len(self.values) == 1 and all(value in self.box.bounds[name] for name, value in self.values.items())

    def contains(self, points: np.ndarray) -> np.ndarray:
        """Tell which points lie in the slice, up to 1e-9 of the box's extent."""
        array = as_points(self, points)
        inside = self.box.contains(array)
        for name, value in self.values.items():
            low, high = self.box.bounds[name]
            inside &= np.abs(array[:, self.names.index(name)] - value) <= 1e-9 * (high - low)
        return inside

    def draw(self, count: int, generator: torch.Generator) -> Sample:
        """Draw points of a scrambled Sobol sequence in the free coordinates."""
        drawn = low_discrepancy(count, len(self.free), generator)
        points = torch.empty(count, len(self.names), dtype=torch.float64)
        for column, name in enumerate(self.names):
            low, high = self.box.bounds[name]
            points[:, column] = (
                self.values[name] if name in self.values else low + (high - low) * drawn[:, self.free.index(name)]
            )
        return Sample(points, self._normal(count) if self.has_normal else None)

    def _normal(self, count: int) -> torch.Tensor:
        normal = torch.zeros(count, len(self.names), dtype=torch.float64)
        for name, value in self.values.items():
            normal[:, self.names.index(name)] = 1.0 if value == self.box.bounds[name][1] else -1.0
        return normal
