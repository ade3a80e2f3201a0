"""Simple polygons in the plane, with or without holes, and their edges."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from types import ModuleType
from typing import Any

import numpy as np
import torch

from sirenpde.errors import RegionError
from sirenpde.regions.box import low_discrepancy
from sirenpde.regions.extras import require_extra
from sirenpde.regions.region import Region, Sample, as_points, require_distinct, require_name
from sirenpde.regions.rings import require_holes, require_simple, ring_of, signed_area
from sirenpde.regions.triangles import pick, spread

#: A polygon of more corners is printed by their number.
MOST_PRINTED = 12


class Polygon(Region):
    """The inside of a closed line of edges that does not cross itself, less its holes.

    Args:
        corners: The corners in the order in which one meets them, either way round, shape ``(m, 2)``.
        names: The two coordinates, one per column.
        holes: Rings like the outer one, inside it, that do not overlap.

    Raises:
        MissingExtraError: If shapely is not installed.
        RegionError: If a ring has fewer than 3 corners, a repeated one, no area or a crossing with itself, or a hole
            is not inside.

    Example:
        >>> triangle = Polygon([(0, 0), (1, 0), (1, 1)], names=("x", "y"))
        >>> triangle.measure
        0.5
        >>> plate = Polygon([(0, 0), (2, 0), (2, 2), (0, 2)], names=("x", "y"), holes=[[(0.5, 0.5), (1, 0.5), (1, 1)]])
        >>> plate.measure
        3.875
    """

    def __init__(
        self,
        corners: np.ndarray | Sequence[Sequence[float]],
        names: Sequence[str],
        holes: Sequence[np.ndarray | Sequence[Sequence[float]]] = (),
    ) -> None:
        """Check the rings and keep copies, the outer one turned against the clock and the holes with it."""
        self._names = plane_names(names)
        shapely = _shapely()
        if not isinstance(holes, (Sequence, np.ndarray)) or isinstance(holes, str):
            msg = f"Polygon: holes is a {type(holes).__name__}; expected a list of rings, as in holes=[[(0, 0), ...]]."
            raise RegionError(msg)
        given = {"Polygon": corners} | {f"Polygon: hole {number}": hole for number, hole in enumerate(holes)}
        self._given = [ring_of(ring, what) for what, ring in given.items()]
        shell, *inner = (require_simple(shapely, ring, what) for what, ring in zip(given, self._given, strict=True))
        require_holes(shapely, shell, inner, "Polygon")
        self._rings = [shell, *(hole[::-1] for hole in inner)]

    def __hash__(self) -> int:
        """Hash the names and the rings."""
        return hash((self._names, *(ring.tobytes() for ring in self._rings)))

    def __eq__(self, other: object) -> bool:
        """Compare the names and the rings, each from its first corner on."""
        if not isinstance(other, Polygon):
            return NotImplemented
        rings = [ring.tolist() for ring in self._rings]
        return self._names == other.names and rings == [ring.tolist() for ring in other.rings]

    def __repr__(self) -> str:
        """Return the call that makes the polygon; of a ring of many corners only how many there are."""
        shell, *holes = (_written(ring) for ring in self._given)
        cut = f", holes=[{', '.join(holes)}]" if holes else ""
        return f"Polygon({shell}, names={self._names}{cut})"

    @property
    def names(self) -> tuple[str, ...]:
        """The two coordinates."""
        return self._names

    @property
    def rings(self) -> list[np.ndarray]:
        """The outer ring against the clock, then the holes with it, each of shape ``(m, 2)``."""
        return [ring.copy() for ring in self._rings]

    @property
    def bounds(self) -> dict[str, tuple[float, float]]:
        """The least and the greatest coordinates of the corners."""
        shell = self._rings[0]
        ends = zip(shell.min(axis=0), shell.max(axis=0), strict=True)
        return {name: (float(low), float(high)) for name, (low, high) in zip(self._names, ends, strict=True)}

    @cached_property
    def measure(self) -> float:
        """The area, by the formula of the surveyors; exact to rounding."""
        return math.fsum(signed_area(ring) for ring in self._rings)

    @property
    def slack(self) -> float:
        """The thickness of the rim: 1e-9 of the extent, and the rounding of points far from the origin."""
        ends = list(self.bounds.values())
        return 1e-9 * max(high - low for low, high in ends) + 1e-15 * max(abs(end) for pair in ends for end in pair)

    @cached_property
    def _shape(self) -> Any:
        shapely = _shapely()
        shape = shapely.Polygon(self._rings[0], self._rings[1:])
        shapely.prepare(shape)
        return shape

    def contains(self, points: np.ndarray) -> np.ndarray:
        """Tell which points lie in the polygon, up to 1e-9 of its extent."""
        shapely = _shapely()
        array = as_points(self, points)
        inside = np.asarray(shapely.contains_xy(self._shape, array[:, 0], array[:, 1]))
        inside[~inside] = near(self._shape, array[~inside], self.slack)
        return inside

    def covers(self, points: np.ndarray) -> np.ndarray:
        """Tell which points lie in the polygon, without a look at the rim, which takes most of the time."""
        return np.asarray(_shapely().contains_xy(self._shape, points[:, 0], points[:, 1]))

    @cached_property
    def triangles(self) -> np.ndarray:
        """Triangles that tile the polygon, shape ``(m, 3, 2)``: its Delaunay triangulation under its edges."""
        shapely = _shapely()
        parts = shapely.get_parts(shapely.constrained_delaunay_triangles(self._shape))
        return np.asarray(shapely.get_coordinates(parts).reshape(-1, 4, 2)[:, :3])

    def draw(self, count: int, generator: torch.Generator) -> Sample:
        """Draw points of a scrambled Sobol sequence: one number chooses a triangle by area, two the point in it."""
        a, b, c = np.moveaxis(self.triangles, 1, 0)
        (bx, by), (cx, cy) = (b - a).T, (c - a).T
        areas = torch.from_numpy(np.abs(bx * cy - by * cx))
        corners = torch.from_numpy(np.ascontiguousarray(self.triangles))
        _, points = spread(corners, areas, low_discrepancy(count, 3, generator))
        low, high = torch.tensor(list(self.bounds.values()), dtype=torch.float64).T
        return Sample(points.clamp(low, high))

    @property
    def boundary(self) -> PolygonBoundary:
        """The edges, those of holes included, with the outward normal and their length as measure."""
        return PolygonBoundary(self)


class PolygonBoundary(Region):
    """The edges of a polygon; made by ``Polygon.boundary``."""

    def __init__(self, polygon: Polygon) -> None:
        """Take the edges from the rings."""
        self.polygon = polygon
        rings = polygon.rings
        self._start = np.concatenate(rings)
        self._along = np.concatenate([np.roll(ring, -1, axis=0) - ring for ring in rings])
        self._length = np.hypot(*self._along.T)

    def __hash__(self) -> int:
        """Hash the polygon."""
        return hash((PolygonBoundary, self.polygon))

    def __eq__(self, other: object) -> bool:
        """Compare the polygons."""
        return self.polygon == other.polygon if isinstance(other, PolygonBoundary) else NotImplemented

    def __repr__(self) -> str:
        """Return the expression that makes the boundary."""
        return f"{self.polygon!r}.boundary"

    @property
    def names(self) -> tuple[str, ...]:
        """The coordinates of the polygon."""
        return self.polygon.names

    @property
    def bounds(self) -> dict[str, tuple[float, float]]:
        """The bounds of the polygon."""
        return self.polygon.bounds

    @property
    def measure(self) -> float:
        """The length of all edges together."""
        return math.fsum(self._length)

    @property
    def dimension(self) -> int:
        """One: a curve."""
        return 1

    @property
    def has_normal(self) -> bool:
        """Always: that of the edge."""
        return True

    @cached_property
    def _shape(self) -> Any:
        shapely = _shapely()
        shape = shapely.MultiLineString([np.concatenate([ring, ring[:1]]) for ring in self.polygon.rings])
        shapely.prepare(shape)
        return shape

    def contains(self, points: np.ndarray) -> np.ndarray:
        """Tell which points lie on an edge, up to 1e-9 of the polygon's extent."""
        return near(self._shape, as_points(self, points), self.polygon.slack)

    def draw(self, count: int, generator: torch.Generator) -> Sample:
        """Draw points of a scrambled Sobol sequence along all edges, laid end to end."""
        drawn = low_discrepancy(count, 1, generator)[:, 0]
        chosen, share = pick(torch.from_numpy(self._length), drawn)
        start, along = torch.from_numpy(self._start)[chosen], torch.from_numpy(self._along)[chosen]
        low, high = torch.tensor(list(self.bounds.values()), dtype=torch.float64).T
        # The polygon lies left of its edges, so their right is outside.
        normal = torch.stack([along[:, 1], -along[:, 0]], dim=1) / torch.from_numpy(self._length)[chosen, None]
        return Sample((start + share[:, None] * along).clamp(low, high), normal)


def plane_names(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of two coordinates; refuse any other number of them."""
    listed = tuple(names) if isinstance(names, Sequence) and not isinstance(names, str) else ()
    if len(listed) != 2:
        msg = f'Polygon got names={names!r}; expected the names of two coordinates, as in names=("x", "y").'
        raise RegionError(msg)
    require_distinct([require_name(name, "Polygon") for name in listed], "Polygon")
    return listed


def near(shape: Any, points: np.ndarray, distance: float) -> np.ndarray:
    """Tell which points lie within a distance of a shape, shape ``(n,)``."""
    shapely = _shapely()
    found = np.zeros(len(points), dtype=bool)
    low, high = np.reshape(shape.bounds, (2, 2))
    asked = np.flatnonzero(np.all((points >= low - distance) & (points <= high + distance), axis=1))  # no NaN, too
    found[asked] = shapely.dwithin(shape, shapely.points(points[asked]), distance)
    return found


def _written(ring: np.ndarray) -> str:
    """Return a ring as it is written in a call; a long one as its number of corners."""
    if len(ring) > MOST_PRINTED:
        return f"[{len(ring)} corners]"
    return (
        f"[{', '.join('(' + ', '.join(repr(float(value)).removesuffix('.0') for value in row) + ')' for row in ring)}]"
    )


def _shapely() -> ModuleType:
    return require_extra("shapely", "polygons", "Polygon")
