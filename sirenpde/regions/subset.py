"""What is kept of a region by a test on its points: sampled by rejection, measured by a formula or by sampling."""

from __future__ import annotations

import abc
from collections.abc import Iterator
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from sirenpde.errors import RegionError
from sirenpde.regions.cells import exact_bounds, exact_measure
from sirenpde.regions.parts import Parts
from sirenpde.regions.quadrature import (
    LEAST_SHARE,
    Draw,
    Estimate,
    Sift,
    accepted,
    draw_within,
    rough_share,
    share,
    total,
    volume,
)
from sirenpde.regions.sample import Sample, arranged, joined
from sirenpde.regions.shape import Shape, as_points, asked, common_bounds, within

#: Points of a finite region that are tested at once.
CHUNK = 2**20


class Subset(Shape):
    """The part of a carrier that a test keeps; what the carrier knows of its points is kept with them."""

    @property
    @abc.abstractmethod
    def carrier(self) -> Shape:
        """The region whose points these are: it gives normals, data, dimension and the order of the columns."""

    @abc.abstractmethod
    def keeps(self, points: np.ndarray) -> np.ndarray:
        """Tell which points of the carrier belong here, the rim aside: ``(n, d)`` → booleans ``(n,)``."""

    @property
    @abc.abstractmethod
    def reason_if_empty(self) -> str:
        """What to say if no point is kept: the rest of a sentence that tells how many were, and what to write."""

    def sift(self, sample: Sample) -> Sample:
        """Return those of the carrier's points that belong here."""
        return sample.pick(torch.from_numpy(self.keeps(sample.points.numpy())))

    def ways(self) -> Iterator[tuple[Draw, Sift]]:
        """Yield ways to draw candidates and to sift them."""
        yield self.carrier.draw, self.sift

    @property
    def outer_bounds(self) -> dict[str, tuple[float, float]]:
        """An interval per coordinate that holds all points."""
        return self.carrier.bounds

    @property
    def formula(self) -> Estimate | None:
        """The measure where something better than a sample of all the region gives it."""
        return None

    def require_points(self) -> None:
        """Refuse a region that is empty, or so small beside what its points are drawn from that none are found."""
        if self.carrier.size is not None:
            kept, tried, of = len(self._kept), self.carrier.size, "given points"
            empty = kept == 0
        else:
            empty, (kept, tried), of = self._exact == (0.0, 0.0), self._way[2], "points tried"
            empty = empty or kept <= tried * LEAST_SHARE
        if empty:
            msg = (
                f"{self!r} is empty, or nearly so: {kept} of {tried} {of} {self.reason_if_empty}\n"
                "  A condition on an empty region would always hold."
            )
            raise RegionError(msg)

    @property
    def names(self) -> tuple[str, ...]:
        """The coordinates, in the order of the carrier."""
        return self.carrier.names

    @cached_property
    def bounds(self) -> dict[str, tuple[float, float]]:
        """An interval per coordinate that holds all points: the least one if all is made of boxes or points."""
        if self.carrier.size is not None and self.carrier.dimension == 0:
            points = self._kept.points.numpy()
            ends = zip(self.names, points.min(axis=0), points.max(axis=0), strict=True)
            return {name: (float(low), float(high)) for name, low, high in ends}
        return exact_bounds(self) or self.outer_bounds

    @property
    def measure(self) -> float:
        """The length, area or volume; of given points their measure."""
        return self._measured.value

    @property
    def measure_error(self) -> float:
        """The standard error of the measure; 0 where a formula gives it."""
        return self._measured.error

    @cached_property
    def _exact(self) -> Estimate | None:
        return exact_measure(self)

    @cached_property
    def _measured(self) -> Estimate:
        if self.carrier.size is not None:
            return Estimate(self.carrier.measure_of(len(self._kept)), 0.0)
        return self._exact or self.formula or self._sampled

    @property
    def _sampled(self) -> Estimate:
        if self.is_solid:
            found = share(draw_within(self.bounds), self._sift_box)
            return Estimate(volume(self.bounds) * found.value, volume(self.bounds) * found.error)
        return sampled_measure(*self._base)

    @property
    def _base(self) -> tuple[Shape, Sift]:
        """The carrier that is no subset itself, and how its points are sifted to end here."""
        if not isinstance(self.carrier, Subset):
            return self.carrier, self.sift
        base, first = self.carrier._base
        return base, lambda sample: self.sift(first(sample))

    def _sift_box(self, sample: Sample) -> Sample:
        return sample.pick(torch.from_numpy(self.covers(sample.points.numpy())))

    @cached_property
    def _way(self) -> tuple[Draw, Sift, tuple[int, int]]:
        """The way to draw that keeps the most, or the first that is good enough, and how many it kept of how many."""
        found = []
        for draw, sift in self.ways():
            found.append((draw, sift, rough_share(draw, sift)))
            if found[-1][2][0] >= 0.25 * found[-1][2][1]:
                return found[-1]
        return max(found, key=lambda way: way[2][0] / way[2][1])

    @cached_property
    def _kept(self) -> Sample:
        """The points that are left of a carrier of finitely many."""
        size = self.carrier.size or 0
        numbers = (torch.arange(start, min(start + CHUNK, size)) for start in range(0, size, CHUNK))
        return joined([self.sift(self.carrier.take(index)) for index in numbers])

    @property
    def size(self) -> int | None:
        """The number of points that are left of finitely many; None elsewhere."""
        return None if self.carrier.size is None else len(self._kept)

    def take(self, index: Tensor) -> Sample:
        """Return the points with the given numbers among those that are left."""
        return super().take(index) if self.size is None else self._kept.pick(index)

    def measure_of(self, count: int) -> float:
        """Return the measure of a choice of ``count`` of the points that are left."""
        return self.carrier.measure_of(count)

    @property
    def dimension(self) -> int:
        """That of the carrier."""
        return self.carrier.dimension

    @property
    def is_solid(self) -> bool:
        """Whether the carrier is solid."""
        return self.carrier.is_solid

    @property
    def has_normal(self) -> bool:
        """Whether the carrier has a normal."""
        return self.carrier.has_normal

    @property
    def data_shapes(self) -> dict[str, tuple[int, ...]]:
        """The data of the carrier."""
        return self.carrier.data_shapes

    def contains(self, points: np.ndarray) -> np.ndarray:
        """Tell which points lie in the carrier and are kept."""
        array = as_points(self, points)
        inside = self.carrier.contains(array)
        inside[inside] = self.keeps(array[inside])
        return inside

    def covers(self, points: np.ndarray) -> np.ndarray:
        """Tell the same, where the rim does not matter; the test is asked only of points in the carrier."""
        inside = self.carrier.covers(points)
        inside[inside] = self.keeps(points[inside])
        return inside

    def draw(self, count: int, generator: torch.Generator) -> Sample:
        """Draw points of the carrier until enough are kept; of finitely many, each equally likely."""
        if self.size is not None:
            return self.take(torch.randint(self.size, (count,), generator=generator))
        draw, sift, (kept, tried) = self._way
        return accepted(draw, sift, count, generator, expected=kept / tried)


def sampled_measure(carrier: Shape, sift: Sift) -> Estimate:
    """Return the measure of what is kept of a region, judged by points of each of its parts."""
    parts = carrier.parts if isinstance(carrier, Parts) else (carrier,)
    found = []
    for part in parts:
        kept = share(in_order(part, carrier.names), sift)
        error = part.measure * kept.error + kept.value * part.measure_error
        found.append(Estimate(part.measure * kept.value, error))
    return total(found)


def in_order(shape: Shape, names: tuple[str, ...]) -> Draw:
    """Return a shape's way to draw, with the columns in the order of ``names``."""

    def draw(count: int, generator: torch.Generator) -> Sample:
        return arranged(shape.draw(count, generator), shape.names, names)

    return draw


def common_measure(left: Shape, right: Shape) -> Estimate:
    """Return the measure that two solid regions have in common; it may be 0."""
    if left.shared_dimension(right) < left.dimension:
        return Estimate(0.0, 0.0)
    for outer, inner in ((left, right), (right, left)):
        if outer.fills_bounds and within(inner.bounds, outer.bounds):
            return Estimate(inner.measure, inner.measure_error)
    bounds = common_bounds(left.bounds, right.bounds)

    def sift(sample: Sample) -> Sample:
        points = sample.points.numpy()
        return sample.pick(torch.from_numpy(left.covers(points) & asked(right, points, left.names)))

    found = share(draw_within(bounds), sift)
    return Estimate(volume(bounds) * found.value, volume(bounds) * found.error)
