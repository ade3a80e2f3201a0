"""What a region is: a set of points with named coordinates, a measure, and a way to draw points from it.

A region knows nothing of fields. Points are ``(n, d)`` in the order of ``names``, in the user's units, float64.
"""

from __future__ import annotations

import abc
import keyword
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from sirenpde.errors import RegionError


@dataclass(frozen=True)
class Sample:
    """Points drawn from a region, and what the region knows there.

    Attributes:
        points: Shape ``(n, d)``, float64.
        normal: The outward unit normal, shape ``(n, d)``, on a boundary; None elsewhere.
        data: What was measured at the points: name → shape ``(n,)`` or ``(n, k)``.
    """

    points: Tensor
    normal: Tensor | None = None
    data: Mapping[str, Tensor] = field(default_factory=dict)

    def __len__(self) -> int:
        """Return the number of points."""
        return self.points.shape[0]

    @property
    def local(self) -> dict[str, Tensor]:
        """What comes with the points, by the name that residuals read: data, and ``normal`` on a boundary."""
        return dict(self.data) if self.normal is None else {**self.data, "normal": self.normal}

    def part(self, start: int, stop: int) -> Sample:
        """Return the points from ``start`` to ``stop``, with all that is known there."""
        cut = slice(start, stop)
        normal = None if self.normal is None else self.normal[cut]
        return Sample(self.points[cut], normal, {name: values[cut] for name, values in self.data.items()})

    def to(self, device: torch.device, dtype: torch.dtype) -> Sample:
        """Return the sample on a device, in a floating-point type."""
        normal = None if self.normal is None else self.normal.to(device, dtype)
        data = {name: values.to(device, dtype) for name, values in self.data.items()}
        return Sample(self.points.to(device, dtype), normal, data)


class Region(abc.ABC):
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
        """The least and the greatest value of each coordinate."""

    @property
    @abc.abstractmethod
    def measure(self) -> float:
        """Length, area or volume; of a boundary its surface measure; 1 for given points."""

    @abc.abstractmethod
    def contains(self, points: np.ndarray) -> np.ndarray:
        """Tell which points lie in the region.

        Args:
            points: Shape ``(n, d)``, columns in the order of ``names``.

        Returns:
            Booleans of shape ``(n,)``. A point on the rim counts as inside, up to 1e-9 of the region's extent.
        """

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

    def __or__(self, other: object) -> Region:
        """Return the union of two regions that share no more than a rim."""
        return unite(self, other)

    @property
    def dimension(self) -> int:
        """How many numbers it takes to walk in the region: 0 for points, 1 for a curve; by default from its bounds."""
        return sum(low < high for low, high in self.bounds.values())

    @property
    def has_normal(self) -> bool:
        """Whether samples carry an outward normal."""
        return False

    @property
    def data_shapes(self) -> dict[str, tuple[int, ...]]:
        """The data that samples carry: name → shape per point."""
        return {}

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


def require_count(region: Region, count: int) -> None:
    """Refuse a number of points that is no positive integer."""
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= 10**9:
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
        low, high = (float(end) for end in interval)  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        msg = f"{of}: {name}={interval!r} is no interval; expected two numbers, as in {name}=(-1, 1)."
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


def as_points(region: Region, points: np.ndarray) -> np.ndarray:
    """Return points as a float array of shape ``(n, d)``; refuse any other shape."""
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


def unite(left: Region, right: object) -> Region:
    """Return ``left | right``; refuse what is no region, has other coordinates, or overlaps."""
    if not isinstance(right, Region):
        msg = f"{left!r} | {right!r}: the right side is a {type(right).__name__}; expected a region."
        raise RegionError(msg)
    parts = [part for region in (left, right) for part in (region.parts if isinstance(region, Union) else (region,))]
    return Union(tuple(parts))


@dataclass(frozen=True)
class Union(Region):
    """Several regions in the same coordinates that share no more than a rim, such as the sides of a box."""

    parts: tuple[Region, ...]

    def __post_init__(self) -> None:
        """Refuse parts of other coordinates or dimensions, and parts that overlap."""
        first = self.parts[0]
        for place, part in enumerate(self.parts):
            if set(part.names) != set(first.names):
                msg = (
                    f"the union of {first!r} and {part!r} is no region: one has coordinates {first.names}, the "
                    f"other {part.names}."
                )
                raise RegionError(msg)
            for other in self.parts[:place]:
                _refuse_overlap(other, part)

    def __repr__(self) -> str:
        """Return the parts, joined by ``|``."""
        return " | ".join(map(repr, self.parts))

    @property
    def names(self) -> tuple[str, ...]:
        """The coordinates, in the order of the first part."""
        return self.parts[0].names

    @property
    def bounds(self) -> dict[str, tuple[float, float]]:
        """The least and the greatest value of each coordinate over all parts."""
        ends = {name: [part.bounds[name] for part in self.parts] for name in self.names}
        return {name: (min(low for low, _ in pairs), max(high for _, high in pairs)) for name, pairs in ends.items()}

    @property
    def measure(self) -> float:
        """The sum of the measures of the parts."""
        return math.fsum(part.measure for part in self.parts)

    @property
    def dimension(self) -> int:
        """The dimension of every part."""
        return self.parts[0].dimension

    @property
    def size(self) -> int | None:
        """The number of points, where every part is a single one; None elsewhere."""
        sizes = [part.size for part in self.parts]
        return sum(size or 0 for size in sizes) if all(sizes) else None

    def take(self, index: Tensor) -> Sample:
        """Return the points with the given numbers, of a union of single points."""
        if self.size is None:
            return super().take(index)
        listed = [arranged(part.take(torch.zeros(1, dtype=torch.int64)), part.names, self.names) for part in self.parts]
        points = torch.cat([sample.points for sample in listed])
        normals = [sample.normal for sample in listed if sample.normal is not None]
        return Sample(points[index], torch.cat(normals)[index] if self.has_normal else None)

    @property
    def has_normal(self) -> bool:
        """Whether every part has a normal."""
        return all(part.has_normal for part in self.parts)

    def contains(self, points: np.ndarray) -> np.ndarray:
        """Tell which points lie in one of the parts."""
        array = as_points(self, points)
        columns = [[self.names.index(name) for name in part.names] for part in self.parts]
        inside = [part.contains(array[:, own]) for part, own in zip(self.parts, columns, strict=True)]
        return np.asarray(np.any(inside, axis=0))

    def draw(self, count: int, generator: torch.Generator) -> Sample:
        """Draw points, each part as likely as its share of the measure."""
        shares = torch.tensor([part.measure for part in self.parts], dtype=torch.float64)
        which = torch.multinomial(shares, count, replacement=True, generator=generator)
        points = torch.empty(count, len(self.names), dtype=torch.float64)
        normal = torch.zeros_like(points) if self.has_normal else None
        for index, part in enumerate(self.parts):
            places = (which == index).nonzero()[:, 0]
            if len(places) == 0:
                continue
            sample = arranged(part.draw(len(places), generator), part.names, self.names)
            points[places] = sample.points
            if normal is not None and sample.normal is not None:
                normal[places] = sample.normal
        return Sample(points, normal)


def _refuse_overlap(left: Region, right: Region) -> None:
    """Refuse two parts whose bounding boxes share a piece with as many lengths as the parts themselves have."""
    shared = 0
    if any(part.data_shapes or (part.size is not None and part.size > 1) for part in (left, right)):
        msg = f"the union of {left!r} and {right!r} holds given points; give each of the two a constraint of its own."
        raise RegionError(msg)
    if left.dimension != right.dimension:
        msg = (
            f"the union of {left!r} and {right!r} mixes regions of different dimension; give each a constraint "
            "of its own."
        )
        raise RegionError(msg)
    for name, ends in left.bounds.items():
        low, high = max(ends[0], right.bounds[name][0]), min(ends[1], right.bounds[name][1])
        if low > high:
            return
        shared += low < high
    if shared >= left.dimension:
        msg = (
            f"{left!r} and {right!r} overlap, judged by their bounds; a union here is made of parts that share no more "
            "than a rim.\n  Give one region that covers both, or each a constraint of its own."
        )
        raise RegionError(msg)


def arranged(sample: Sample, names: tuple[str, ...], wanted: tuple[str, ...]) -> Sample:
    """Return a sample with its columns, which stand in the order of ``names``, in the order of ``wanted``."""
    if names == wanted:
        return sample
    columns = [names.index(name) for name in wanted]
    normal = None if sample.normal is None else sample.normal[:, columns]
    return Sample(sample.points[:, columns], normal, sample.data)
