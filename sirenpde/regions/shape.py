"""What every region can be asked, and the checks of what it is asked with.

``Region`` is a shape with an algebra, ``A | B`` and so on. The combinations that the algebra makes are shapes too: they
stand between the two in the order of imports, so that no file needs one above it.
"""

from __future__ import annotations

import abc
import keyword
import math
import re
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from sirenpde.errors import RegionError, is_count, shown, suggestion
from sirenpde.regions.sample import Sample


class Shape(abc.ABC):
    """A set of points in named coordinates, with its measure.

    A subclass gives ``names``, ``bounds`` and ``measure``, and draws points uniformly with respect to that measure.
    """

    @property
    @abc.abstractmethod
    def names(self) -> tuple[str, ...]:
        """The coordinates, in the order of the columns of points."""

    @property
    @abc.abstractmethod
    def bounds(self) -> dict[str, tuple[float, float]]:
        """Coordinate → an interval that holds all its values: of a single shape the least one."""

    @property
    @abc.abstractmethod
    def measure(self) -> float:
        """Length, area or volume; of a boundary its surface measure; 1 for given points."""

    @property
    def measure_error(self) -> float:
        """The standard error of the measure, in its unit: 0 where a formula gives it, and so by default."""
        return 0.0

    @abc.abstractmethod
    def contains(self, points: np.ndarray) -> np.ndarray:
        """Tell which points lie in the region.

        Args:
            points: Shape ``(n, d)``, columns in the order of ``names``.

        Returns:
            Booleans of shape ``(n,)``. A point on the rim counts as inside, up to 1e-9 of the region's extent.
        """

    def covers(self, points: np.ndarray) -> np.ndarray:
        """Tell which points lie in the region, where the rim does not matter, as cheaply as can be."""
        return self.contains(points)

    @abc.abstractmethod
    def draw(self, count: int, generator: torch.Generator) -> Sample:
        """Draw ``count`` points, uniform with respect to the measure, with normals and data where there are any."""

    @property
    def size(self) -> int | None:
        """The number of points of a region made of finitely many; None where there are infinitely many."""
        return None

    def take(self, index: Tensor) -> Sample:
        """Return the points with the given numbers, of a region made of finitely many."""
        del index
        msg = f"{self!r} has infinitely many points; draw some with .sample(count)."
        raise RegionError(msg)

    def measure_of(self, count: int) -> float:
        """Return the measure of a choice of ``count`` points, of a region made of finitely many."""
        return self.measure * count / (self.size or math.inf)

    @property
    def dimension(self) -> int:
        """How many numbers it takes to walk in the region: 0 for points, 1 for a curve; by default from its bounds."""
        return sum(low < high for low, high in self.bounds.values())

    @property
    def is_solid(self) -> bool:
        """Whether the region has as many dimensions as coordinates, so that it can have a boundary."""
        return self.size is None and self.dimension == len(self.names)

    @property
    def has_normal(self) -> bool:
        """Whether samples carry an outward normal."""
        return False

    @property
    def data_shapes(self) -> dict[str, tuple[int, ...]]:
        """The data that samples carry: name → shape per point."""
        return {}

    @property
    def bare(self) -> Shape:
        """The shape without the algebra of regions around it."""
        return self

    @property
    def leaves(self) -> tuple[Shape, ...]:
        """The regions of whose insides this one is made by unions, intersections and differences."""
        return (self,)

    @property
    def fills_bounds(self) -> bool:
        """Whether the region is known to be all of the box of its bounds."""
        return False

    @property
    def cuts(self) -> dict[str, tuple[float, ...]] | None:
        """Of a region made of boxes: coordinate → values between which nothing changes; None of any other."""
        return None

    @property
    def boundary(self) -> Shape:
        """The boundary, with its outward normal and its surface measure.

        Raises:
            RegionError: If the region has none: a boundary, a slice, given points.
        """
        if self.size is not None:
            msg = f"{self!r}.boundary: given points have no boundary. Take that of the region around them."
        elif not self.is_solid:
            msg = (
                f"{self!r}.boundary: a boundary has no boundary, nor has a slice. Take the boundary of the solid "
                "region, and of that the part you mean with .where(...) or &."
            )
        else:
            msg = f"{self!r} does not say what its boundary is; its class needs a property `boundary`."
        raise RegionError(msg)

    def at(self, /, **values: float) -> Shape:
        """Return the slice where some coordinates have given values.

        Args:
            values: Coordinate → value. At an end of a box the slice carries the outward normal.

        Raises:
            RegionError: If a coordinate does not exist, a value lies outside, or the shape has no slices of its own.
        """
        require_coordinates(self, values)
        if not self.is_solid:
            msg = f"{call_at(self, values)}: only a solid region has slices; take the part you mean with .where(...)."
            raise RegionError(msg)
        box = f"Box({', '.join(f'{name}=({low:g}, {high:g})' for name, (low, high) in self.bounds.items())})"
        msg = (
            f"{call_at(self, values)}: only a box is cut along its coordinates.\n"
            f"  Write {call_at(box, values)} & region for the part of that slice in the region, or name the region in "
            "the other coordinates only."
        )
        raise RegionError(msg)

    def shared_dimension(self, other: Shape) -> int:
        """Return the most dimensions that the common part with another region can have, judged by bounds; -1: none."""
        if not apart(self.bounds, other.bounds):
            shared = common_bounds(self.bounds, other.bounds)
            return min(self.dimension, other.dimension, sum(low < high for low, high in shared.values()))
        return -1


def apart(left: Mapping[str, tuple[float, float]], right: Mapping[str, tuple[float, float]]) -> bool:
    """Tell whether two bounds have no point in common."""
    return any(low > high for low, high in common_bounds(left, right).values())


def common_bounds(
    left: Mapping[str, tuple[float, float]], right: Mapping[str, tuple[float, float]]
) -> dict[str, tuple[float, float]]:
    """Return the box that two bounds have in common, in the order of the first; low above high where there is none."""
    return {name: (max(low, right[name][0]), min(high, right[name][1])) for name, (low, high) in left.items()}


def within(inner: Mapping[str, tuple[float, float]], outer: Mapping[str, tuple[float, float]]) -> bool:
    """Tell whether one bounds lie in another, ends included."""
    return all(outer[name][0] <= low and high <= outer[name][1] for name, (low, high) in inner.items())


def asked(shape: Shape, points: np.ndarray, names: tuple[str, ...], *, closed: bool = False) -> np.ndarray:
    """Ask a shape which points, with columns in the order of ``names``, it covers; or contains, rim and all."""
    own = points if shape.names == names else points[:, [names.index(name) for name in shape.names]]
    return shape.contains(own) if closed else shape.covers(own)


def grouped(shape: Shape) -> str:
    """Return how a shape is written as an operand: in parentheses if it is itself made by an operator."""
    text = repr(shape)
    depth = 0
    for before, sign, after in zip(text, text[1:], text[2:], strict=False):
        depth += (before in "([{") - (before in ")]}")
        if depth == 0 and before == after == " " and sign in "|&-*":
            return f"({text})"
    return text


def call_at(of: object, values: Mapping[str, object]) -> str:
    """Return how a slice is written."""
    text = of if isinstance(of, str) else grouped(of) if isinstance(of, Shape) else repr(of)
    return f"{text}.at({', '.join(f'{name}={value!r}' for name, value in values.items())})"


def require_coordinates(shape: Shape, values: Mapping[str, object]) -> None:
    """Refuse a slice that names no coordinate, or one that the shape does not have."""
    if not values:
        name = shape.names[0]
        msg = f"{shape!r}.at() names no coordinate. Write for example .at({name}={shape.bounds[name][0]:g})."
        raise RegionError(msg)
    for name, value in values.items():
        if name not in shape.names:
            known = ", ".join(shape.names)
            near = suggestion(name, shape.names)
            msg = f"{call_at(shape, {name: value})}: the coordinates are {known}.{near}"
            raise RegionError(msg)


def require_count(region: Shape, count: int) -> None:
    """Refuse a number of points that is no positive integer."""
    if not is_count(count):
        msg = f"{region!r} was asked for {count!r} points; expected an integer from 1 to 10**9, such as 1000."
        raise RegionError(msg)


def require_name(name: str, of: str, what: str = "a coordinate") -> str:
    """Refuse a name that could not be written as ``a.NAME``."""
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,63}", name) or keyword.iskeyword(name):
        msg = (
            f"{of} has {what} named {name!r}; expected a plain identifier such as x, at most 64 characters and no "
            "Python keyword, so that residuals can read a.x."
        )
        raise RegionError(msg)
    if name.startswith("__") or name == "normal":
        msg = f"{of} has {what} named {name!r}, which is reserved. Choose another name."
        raise RegionError(msg)
    return name


def require_distinct(names: Sequence[str], of: str) -> None:
    """Refuse a coordinate that is named twice."""
    for name in names:
        if names.count(name) > 1:
            msg = f"{of} names the coordinate {name!r} twice. Give each column a name of its own."
            raise RegionError(msg)


def require_interval(name: str, interval: object, of: str) -> tuple[float, float]:
    """Return a coordinate's interval as two floats; refuse one that is empty, reversed or not finite."""
    try:
        ends = () if isinstance(interval, str) else interval  # float would read the digits of "01" one by one
        low, high = (float(end) for end in ends)  # type: ignore[attr-defined]
    except (OverflowError, TypeError, ValueError):
        msg = f"{of}: {name}={shown(interval)} is no interval; expected two numbers, as in {name}=(-1, 1)."
        raise RegionError(msg) from None
    if not (math.isfinite(low) and math.isfinite(high)):
        msg = f"{of}: {name} runs from {low:g} to {high:g}; both ends must be finite numbers."
        raise RegionError(msg)
    if low >= high:
        hint = (
            f"write {name}=({high:g}, {low:g})" if low > high else "a box needs a positive length in every coordinate"
        )
        msg = f"{of}: {name} runs from {low:g} to {high:g}, which holds no points; {hint}."
        raise RegionError(msg)
    return low, high


def as_points(region: Shape, points: np.ndarray) -> np.ndarray:
    """Return points as a float array of shape ``(n, d)``; refuse any other shape."""
    if isinstance(points, np.ndarray) and points.dtype == np.float64:
        array: np.ndarray | None = points
    else:
        try:
            raw = np.asarray(points)
            array = np.array(raw, dtype=float) if raw.dtype.kind in "iuf" or raw.size == 0 else None
        except (TypeError, ValueError, RuntimeError):  # ragged rows, objects, tensors that require a gradient
            array = None
    if array is None:
        msg = f"{region!r} got a {type(points).__name__} that is no array of real numbers, one row per point."
        raise RegionError(msg)
    if array.ndim != 2 or array.shape[1] != len(region.names):
        msg = (
            f"{region!r} got points of shape {array.shape}; expected (n, {len(region.names)}), "
            f"one column each for {', '.join(region.names)}."
        )
        raise RegionError(msg)
    return array
