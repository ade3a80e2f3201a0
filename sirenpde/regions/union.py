"""Unions of regions in the same coordinates, exact where no two share more than a rim."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from sirenpde.errors import RegionError
from sirenpde.regions.boundary import boundary_of
from sirenpde.regions.cells import exact_measure
from sirenpde.regions.operands import refuse_dimensions, require_same_coordinates
from sirenpde.regions.parts import Parts
from sirenpde.regions.quadrature import Estimate, Sift, accepted, rough_share, total
from sirenpde.regions.sample import Sample
from sirenpde.regions.shape import Shape, asked
from sirenpde.regions.subset import common_measure, sampled_measure


@dataclass(frozen=True, repr=False)
class Disjoint(Parts):
    """The union of regions that share no more than a rim, such as the sides of a box."""

    def __repr__(self) -> str:
        """Return the parts, joined by ``|``."""
        return " | ".join(map(repr, self.parts))

    @cached_property
    def boundary(self) -> Shape:
        """What is left of the boundaries of the parts where they do not touch."""
        return boundary_of(self) if self.is_solid else super().boundary

    def at(self, /, **values: float) -> Shape:
        """Return the union of the slices of the parts that have one."""
        return united(*_slices(self.parts, values))


@dataclass(frozen=True, repr=False)
class Overlapping(Parts):
    """The union of regions that overlap: a point of k parts is kept once in k times that it is drawn."""

    def __repr__(self) -> str:
        """Return the parts, joined by ``|``."""
        return " | ".join(map(repr, self.parts))

    @property
    def measure(self) -> float:
        """The measure of all, what the parts have in common counted once."""
        return self._measured.value

    @property
    def measure_error(self) -> float:
        """The standard error of the measure; 0 where all is made of boxes, or formulas give the overlap."""
        return self._measured.error

    @cached_property
    def _measured(self) -> Estimate:
        exact = exact_measure(self)
        if exact is not None:
            return exact
        added = [Estimate(self.parts[0].measure, self.parts[0].measure_error)]
        for place, part in enumerate(self.parts[1:], start=1):
            before: Shape = Disjoint(self.parts[:place]) if place > 1 else self.parts[0]
            shared = common_measure(before, part) if part.is_solid else sampled_measure(part, _inside(before, part))
            added.append(Estimate(part.measure - shared.value, part.measure_error + shared.error))
        return total(added)

    def draw(self, count: int, generator: torch.Generator) -> Sample:
        """Draw points of the parts, each kept with a chance of one over the number of parts that cover it."""
        return accepted(Disjoint(self.parts).draw, self._sift(generator), count, generator, expected=self._share)

    def _sift(self, generator: torch.Generator) -> Sift:
        def sift(sample: Sample) -> Sample:
            points = sample.points.numpy()
            parts = np.sum([asked(part, points, self.names) for part in self.parts], axis=0)
            chance = torch.rand(len(sample), generator=generator, dtype=torch.float64)
            return sample.pick(chance * torch.from_numpy(parts) <= 1.0)

        return sift

    @cached_property
    def _share(self) -> float:
        kept, tried = rough_share(Disjoint(self.parts).draw, self._sift(torch.Generator().manual_seed(2)))
        return kept / tried

    @cached_property
    def boundary(self) -> Shape:
        """The boundaries of the parts where no other part covers them."""
        return boundary_of(self) if self.is_solid else super().boundary

    def at(self, /, **values: float) -> Shape:
        """Return the union of the slices of the parts that have one."""
        return united(*_slices(self.parts, values))


def united(*regions: Shape) -> Shape:
    """Return the union of regions, exact where no two share more than a rim; one that is named twice counts once.

    Raises:
        RegionError: If they have different coordinates or dimensions, or are given points.
    """
    parts: list[Shape] = []
    overlap = any(isinstance(region, Overlapping) for region in regions)
    for region in regions:
        before = tuple(parts)
        for part in region.parts if isinstance(region, (Disjoint, Overlapping)) else (region,):
            for other in before or parts[:1]:
                _require_alike(other, part)
            if part not in parts:
                overlap = overlap or any(_overlap(other, part) for other in before)
                parts.append(part)
    if len(parts) == 1:
        return parts[0]
    return Overlapping(tuple(parts)) if overlap else Disjoint(tuple(parts))


def _require_alike(left: Shape, right: Shape) -> None:
    require_same_coordinates(left, right, "union")
    if any(part.data_shapes or (part.size is not None and part.size > 1) for part in (left, right)):
        msg = f"the union of {left!r} and {right!r} holds given points; give each of the two a constraint of its own."
        raise RegionError(msg)
    if left.dimension != right.dimension:
        refuse_dimensions(left, right, "union")


def _overlap(left: Shape, right: Shape) -> bool:
    """Tell whether two regions may share more than a rim: by their bounds, exactly where both are made of boxes."""
    if left.shared_dimension(right) < left.dimension:
        return False
    both = exact_measure(Disjoint((left, right)))
    return both is None or both.value < (left.measure + right.measure) * (1 - 1e-12)


def _inside(region: Shape, carrier: Shape) -> Sift:
    """Return how the points of a surface are sifted for those that lie in another region as well."""

    def sift(sample: Sample) -> Sample:
        return sample.pick(torch.from_numpy(asked(region, sample.points.numpy(), carrier.names)))

    return sift


@dataclass(frozen=True, repr=False)
class WithoutNormal(Shape):
    """A surface with a part of the region on either side, so that neither side is the outer one."""

    surface: Shape

    def __repr__(self) -> str:
        """Return the surface."""
        return repr(self.surface)

    @property
    def names(self) -> tuple[str, ...]:
        """Those of the surface."""
        return self.surface.names

    @property
    def bounds(self) -> dict[str, tuple[float, float]]:
        """Those of the surface."""
        return self.surface.bounds

    @property
    def measure(self) -> float:
        """That of the surface."""
        return self.surface.measure

    @property
    def measure_error(self) -> float:
        """That of the surface."""
        return self.surface.measure_error

    @property
    def dimension(self) -> int:
        """That of the surface."""
        return self.surface.dimension

    def contains(self, points: np.ndarray) -> np.ndarray:
        """Tell which points lie in the surface."""
        return self.surface.contains(points)

    def draw(self, count: int, generator: torch.Generator) -> Sample:
        """Draw points of the surface."""
        return Sample(self.surface.draw(count, generator).points)


def _slices(parts: tuple[Shape, ...], values: Mapping[str, float]) -> list[Shape]:
    """Return the slices of the parts that have one, without normals where parts meet; if none has, what the first says.

    At x = 1 the boxes from 0 to 1 and from 1 to 2 have opposite normals, and their union has none.
    """
    found: list[Shape] = []
    refusals: list[RegionError] = []
    for part in parts:
        try:
            found.append(part.at(**values).bare)
        except RegionError as refusal:
            refusals.append(refusal)
    if not found:
        raise refusals[0]
    meet = any(
        one.has_normal and other.has_normal and _overlap(one, other) for one, other in itertools.combinations(found, 2)
    )
    return [WithoutNormal(each) for each in found] if meet else found
