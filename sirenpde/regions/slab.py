"""The part of a region between two values of a coordinate, such as a while of the time over which an equation holds.

Boxes, their sides, and products and unions of such are cut exactly and keep their normals; anything else is sifted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from sirenpde.errors import RegionError
from sirenpde.regions.boundary import Boundary
from sirenpde.regions.box import Box, Slice
from sirenpde.regions.combination import Difference, Intersection
from sirenpde.regions.parts import Parts
from sirenpde.regions.product import Product
from sirenpde.regions.region import Region, combined
from sirenpde.regions.shape import Shape
from sirenpde.regions.union import Disjoint, WithoutNormal
from sirenpde.regions.where import Coordinates, Part


@dataclass(frozen=True)
class Slab:
    """The points where a coordinate lies above ``low`` and not above ``high``; half open, so that slabs do not overlap.

    Attributes:
        name: The coordinate.
        low: The lower end.
        high: The upper end.
        closed: Whether the lower end belongs to it, as it does to the first of a row of slabs.

    Example:
        >>> domain = Box(x=(-1, 1), t=(0, 1))
        >>> late = Slab("t", 0.75, 1.0)
        >>> late.of(domain)
        Box(x=(-1, 1), t=(0.75, 1))
        >>> late.of(domain.at(x=1))
        Box(x=(-1, 1), t=(0.75, 1)).at(x=1)
        >>> late.of(domain.at(t=0)) is None
        True
    """

    name: str
    low: float
    high: float
    closed: bool = False

    def of(self, region: Region) -> Region | None:
        """Return the part of a region in the slab; None where there is none."""
        part = self._cut(region.bare)
        return None if part is None else combined(part)

    def holds(self, value: float) -> bool:
        """Tell whether the slab holds a value of its coordinate."""
        return self.low < value <= self.high or (self.closed and value == self.low)

    def _cut(self, shape: Shape) -> Shape | None:
        low, high = shape.bounds[self.name]
        if self.holds(low) and self.holds(high):
            return shape
        if high < self.low or low > self.high or (low == high and not self.holds(low)):
            return None
        for kind, cut in _CUTS.items():
            if isinstance(shape, kind):
                return cut(self, shape)
        return _unless_empty(lambda: Part(shape, self._inside))

    def _inside(self, a: Coordinates) -> Tensor:
        value: Tensor = getattr(a, self.name)
        above = value >= self.low if self.closed else value > self.low
        return above & (value <= self.high)

    def _box(self, box: Box) -> Box | None:
        low, high = box.intervals[self.name]
        low, high = max(low, self.low), min(high, self.high)
        return Box(**{**box.intervals, self.name: (low, high)}) if low < high else None

    def _slice(self, side: Slice) -> Slice | None:
        box = self._box(side.box)  # one whose coordinate is fixed is in the slab as a whole or not at all
        return None if box is None else Slice(box, side.values)

    def _product(self, product: Product) -> Product | None:
        factors = [
            self._cut(factor) if self.name in factor.names else factor for factor in (product.left, product.right)
        ]
        left, right = factors
        return None if left is None or right is None else Product(left, right)

    def _parts(self, whole: Parts) -> Shape | None:
        parts = [part for part in map(self._cut, whole.parts) if part is not None]
        kind = Disjoint if isinstance(whole, Boundary) else type(whole)
        return kind(tuple(parts)) if len(parts) > 1 else next(iter(parts), None)

    def _without_normal(self, surface: WithoutNormal) -> WithoutNormal | None:
        part = self._cut(surface.surface)
        return None if part is None else WithoutNormal(part)

    def _sifted(self, part: Part) -> Shape | None:
        whole = self._cut(part.whole)
        return None if whole is None else _unless_empty(lambda: Part(whole, part.condition))

    def _of_two(self, pair: Intersection | Difference) -> Shape | None:
        left = self._cut(pair.left)
        return None if left is None else _unless_empty(lambda: type(pair)(left, pair.right))


def _unless_empty(make: Callable[[], Shape]) -> Shape | None:
    """Return a part of what was no empty region; None where the part is."""
    try:
        return make()
    except RegionError:
        return None


#: How each kind of region is cut.
_CUTS: dict[type, Callable[..., Shape | None]] = {
    Box: Slab._box,
    Slice: Slab._slice,
    Product: Slab._product,
    Parts: Slab._parts,
    WithoutNormal: Slab._without_normal,
    Part: Slab._sifted,
    Intersection: Slab._of_two,
    Difference: Slab._of_two,
}


def standing_at(shape: Shape, name: str) -> set[float]:
    """Return the single values of a coordinate at which parts of a region stand, such as the start; data aside."""
    if isinstance(shape, Parts):
        return set().union(*(standing_at(part, name) for part in shape.parts))
    if isinstance(shape, Product):
        return standing_at(shape.left if name in shape.left.names else shape.right, name)
    low, high = shape.bounds[name]
    return {low} if low == high and not shape.data_shapes else set()
