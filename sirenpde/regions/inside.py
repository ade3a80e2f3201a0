"""Tell inside from outside of a closed surface, and draw points from inside.

A grid of cells is laid over the surface. Cells that no triangle comes near are wholly inside or outside, and points in
them are decided by one look. In the others a point is measured against the triangles that come near its cell: on the
surface it counts as inside; very near to it, it is decided by the winding number, exactly; else by two rays of trimesh,
which are fast but computed in float32, and by the winding number where the two disagree.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import torch
from scipy import ndimage

from sirenpde.errors import RegionError
from sirenpde.regions.extras import require_extra
from sirenpde.regions.surface import Surface
from sirenpde.regions.triangles import MOST_PAIRS, distances, split, winding

#: Points nearer to the surface than this share of the extent are decided in float64.
NEAR = 1e-5
#: The cells along the longest side of the grid, and the most of them that the bounds of a piece of a triangle may hold.
ACROSS, MOST_CELLS = 128, 64
#: The most points that are tried at a time, and the share of them that must be inside.
BATCH, LEAST_SHARE = 2**18, 1e-3
#: Two directions that no edge of a drawn part follows.
DIRECTIONS = np.array([[0.5377, 0.8339, -0.1241], [-0.7071, 0.1733, 0.6856]])
OUTSIDE, INSIDE, MIXED = 0, 1, 2


class Cells:
    """Which triangles come near which cell of a regular grid.

    Args:
        corners: The triangles, shape ``(m, 3, 3)``, in units of their extent.
    """

    def __init__(self, corners: np.ndarray) -> None:
        """Lay the grid and enter the triangles."""
        self.low = corners.min(axis=(0, 1)) - 2 * NEAR
        sides = corners.max(axis=(0, 1)) + 2 * NEAR - self.low
        self.width = float(sides.max()) / ACROSS
        self.shape = np.maximum(np.ceil(sides / self.width).astype(int), 1)
        triangles, cells = self._overlaps(*self._pieces(corners))
        cell_count = int(self.shape.prod())
        # A triangle was cut into pieces, of which several may come near the same cell.
        cells, self.triangles = np.divmod(np.unique(cells * len(corners) + triangles), len(corners))
        self.counts = np.bincount(cells, minlength=cell_count)
        self.starts = np.cumsum(self.counts) - self.counts

    def _pieces(self, corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Cut triangles until the bounds of each piece hold few cells; return the pieces and whose each is."""
        own = np.arange(len(corners))
        done, owners = [corners[:0]], [own[:0]]
        while len(corners):
            large = self._span(corners)[1].prod(axis=1) > MOST_CELLS
            done.append(corners[~large])
            owners.append(own[~large])
            corners, own = split(corners[large]), np.repeat(own[large], 4)
        return np.concatenate(done), np.concatenate(owners)

    def _span(self, corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the first cell that the bounds of each triangle come near, and how many along each axis."""
        first = self._cell(corners.min(axis=1) - NEAR)
        return first, self._cell(corners.max(axis=1) + NEAR) - first + 1

    def _cell(self, points: np.ndarray) -> np.ndarray:
        """Return the cell of points as three numbers, shape ``(n, 3)``, the nearest one for points off the grid."""
        return np.asarray(np.clip((points - self.low) // self.width, 0, self.shape - 1), dtype=int)

    def _overlaps(self, corners: np.ndarray, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return pairs of a triangle and a cell that a piece of it comes near, judged by its bounds and its plane."""
        first, spans = self._span(corners)
        sizes = spans.prod(axis=1)
        triangles = np.repeat(np.arange(len(corners)), sizes)
        place = np.arange(len(triangles)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        steps = np.empty((len(place), 3), dtype=int)
        for axis in (2, 1, 0):
            place, steps[:, axis] = np.divmod(place, spans[triangles, axis])
        cells = first[triangles] + steps
        normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        offset = np.einsum("ni,ni->n", normal, corners[:, 0] - self.low) / self.width
        height = np.einsum("ni,ni->n", normal[triangles], cells + 0.5) - offset[triangles]
        reach = 0.5 * np.abs(normal).sum(axis=1) + 2 * NEAR / self.width
        kept = np.abs(height) <= reach[triangles]
        return own[triangles[kept]], np.ravel_multi_index(tuple(cells[kept].T), tuple(self.shape))

    def find(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return which points lie in the grid, shape ``(n,)``, and the number of the cell of each of those."""
        scaled = (points - self.low) / self.width
        within = np.all((scaled >= 0) & (scaled < self.shape), axis=1)
        return within, np.ravel_multi_index(tuple(scaled[within].astype(int).T), tuple(self.shape))

    def corner(self, cells: np.ndarray) -> np.ndarray:
        """Return the least corner of cells, shape ``(n, 3)``."""
        return np.asarray(self.low + self.width * np.stack(np.unravel_index(cells, tuple(self.shape)), axis=1))


class Inside:
    """The solid in a surface, in units of the surface's extent."""

    def __init__(self, surface: Surface) -> None:
        """Prepare the rays, lay the grid and decide its cells."""
        self.surface = surface
        require_extra("embreex.rtcore_scene", "meshes", "Mesh")
        engine = require_extra("trimesh.ray.ray_pyembree", "meshes", "Mesh")
        self._rays: Any = engine.RayMeshIntersector(surface.mesh)
        self._offsets = np.einsum("ni,ni->n", surface.normals, surface.corners[:, 0])
        self.cells = Cells(surface.corners)
        self.state = self._decided()

    def _decided(self) -> np.ndarray:
        """Return the state of each cell: cells in one piece without triangles are all inside or all outside."""
        label, _ = ndimage.label((self.cells.counts == 0).reshape(self.cells.shape))
        pieces, member, label = np.unique(label.ravel(), return_index=True, return_inverse=True)
        middles = self.cells.corner(member) + 0.5 * self.cells.width
        state = np.where(pieces == 0, MIXED, np.where(self._far(middles), INSIDE, OUTSIDE)).astype(np.int8)
        return np.asarray(state[label])

    def contains(self, points: np.ndarray, slack: float) -> np.ndarray:
        """Tell which points lie inside, or within ``slack`` of the surface; ``slack`` below 1e-5."""
        inside, cells = self.cells.find(points)
        inside[inside] = self._decide(points[inside], cells, slack)
        return inside

    def touches(self, points: np.ndarray, slack: float) -> np.ndarray:
        """Tell which points lie within ``slack`` of the surface; ``slack`` below 1e-5."""
        found, cells = self.cells.find(points)
        found[found] = self._nearest(points[found], cells)[0] <= slack
        return found

    def _decide(self, points: np.ndarray, cells: np.ndarray, slack: float) -> np.ndarray:
        """Decide points in given cells."""
        inside = np.asarray(self.state[cells] == INSIDE)
        mixed = np.flatnonzero(self.state[cells] == MIXED)
        apart, side = self._nearest(points[mixed], cells[mixed])
        inside[mixed] = (apart <= slack) | (side < 0)
        far = mixed[np.isinf(apart)]
        inside[far] = self._far(points[far])
        edge = mixed[(apart > slack) & np.isfinite(apart) & (side == 0)]
        inside[edge] = self._exact(points[edge])
        return inside

    def _exact(self, points: np.ndarray) -> np.ndarray:
        """Decide points by the winding number."""
        return winding(points, self.surface.corners) > 0.5

    def _nearest(self, points: np.ndarray, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return how far the nearest triangle is, infinite beyond 1e-5, and the side as ``distances`` gives it."""
        apart, side = np.full(len(points), np.inf), np.zeros(len(points))
        totals = np.cumsum(self.cells.counts[cells])
        batches = np.split(np.arange(len(points)), np.flatnonzero(np.diff(totals // MOST_PAIRS)) + 1)
        for batch in batches:
            counts = self.cells.counts[cells[batch]]
            skipped = np.cumsum(counts) - counts - self.cells.starts[cells[batch]]
            triangles = self.cells.triangles[np.arange(counts.sum()) - np.repeat(skipped, counts)]
            own = np.repeat(batch, counts)
            height = np.einsum("ni,ni->n", points[own], self.surface.normals[triangles]) - self._offsets[triangles]
            close = np.abs(height) <= NEAR
            own, triangles = own[close], triangles[close]
            distance, above = distances(points[own], self.surface.corners[triangles])
            order = np.lexsort((distance, own))
            order = order[np.unique(own[order], return_index=True)[1]]
            order = order[distance[order] <= NEAR]
            apart[own[order]], side[own[order]] = distance[order], above[order]
        return apart, side

    def _far(self, points: np.ndarray) -> np.ndarray:
        """Decide points that are not near the surface, by the side from which two rays leave through it."""
        inside, other = (self._leaves(points, direction) for direction in DIRECTIONS)
        doubtful = np.flatnonzero(inside != other)
        inside[doubtful] = self._exact(points[doubtful])
        return inside

    def _leaves(self, points: np.ndarray, direction: np.ndarray) -> np.ndarray:
        """Tell from which points a ray first meets a triangle from behind."""
        hit = self._rays.intersects_first(points, np.tile(direction, (len(points), 1)))
        return np.asarray((hit >= 0) & (self.surface.normals[hit] @ direction > 0))

    @cached_property
    def _candidates(self) -> np.ndarray:
        """The cells that are not outside."""
        return np.flatnonzero(self.state != OUTSIDE)

    def draw(self, count: int, generator: torch.Generator) -> np.ndarray:
        """Draw points, uniform in the solid, shape ``(count, 3)``: from all its cells, what is outside thrown away."""
        share = self.surface.volume / (len(self._candidates) * self.cells.width**3)
        if share < LEAST_SHARE:
            msg = (
                f"a mesh too thin to draw points from: it fills {share:.1e} of the cells around it, of 1/"
                f"{ACROSS} of its extent; at least {LEAST_SHARE:g} is needed.\n"
                "  For a sheet, use its .boundary."
            )
            raise RegionError(msg)
        kept, have = [np.zeros((0, 3))], 0
        while have < count:
            batch = min(int(1.05 * (count - have) / share) + 32, BATCH)
            which = torch.randint(len(self._candidates), (batch,), generator=generator).numpy()
            offsets = torch.rand(batch, 3, generator=generator, dtype=torch.float64).numpy()
            cells = self._candidates[which]
            points = self.cells.corner(cells) + self.cells.width * offsets
            kept.append(points[self._decide(points, cells, 0.0)])
            have += len(kept[-1])
        return np.concatenate(kept)[:count]
