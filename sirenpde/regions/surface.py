"""Make a closed, outward turned surface of the triangles in a file, or say why they enclose nothing."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from sirenpde.errors import DataError, SirenPDEWarning
from sirenpde.regions.extras import require_extra
from sirenpde.regions.triangles import winding

#: Vertices are the same if they agree to this many digits of the extent; float32 rounds six times as coarsely.
MERGED_DIGITS = 8
#: Triangles lower than this share of the extent have no normal, solids thinner no inside.
FLAT = 1e-9
#: How many pairs of a point and a triangle are spent on looking for surfaces that cross themselves.
CHECKED_PAIRS = 2**21


@dataclass(frozen=True, eq=False)
class Surface:
    """A closed surface.

    Attributes:
        mesh: The ``trimesh.Trimesh``, turned outwards, in units of its extent, about the middle of its bounds.
        low: The least of each coordinate in the units of the file, shape ``(3,)``.
        high: The greatest.
    """

    mesh: Any
    low: np.ndarray
    high: np.ndarray

    @property
    def middle(self) -> np.ndarray:
        """The middle of the bounds, shape ``(3,)``."""
        return np.asarray(self.low + 0.5 * (self.high - self.low))

    @property
    def extent(self) -> float:
        """The longest side of the bounds, in the units of the file."""
        return float((self.high - self.low).max())

    @cached_property
    def corners(self) -> np.ndarray:
        """The triangles, against the clock seen from outside, shape ``(m, 3, 3)``."""
        return np.array(self.mesh.triangles)

    @cached_property
    def areas(self) -> np.ndarray:
        """Shape ``(m,)``."""
        return np.array(self.mesh.area_faces)

    @cached_property
    def normals(self) -> np.ndarray:
        """Outward unit normals, shape ``(m, 3)``; ``mesh.face_normals`` are 0 for areas below 1e-13."""
        return np.asarray(self.mesh.triangles_cross / (2 * self.areas[:, None]))

    @property
    def volume(self) -> float:
        """The volume inside, in units of the extent."""
        return float(self.mesh.volume)

    def place(self, point: np.ndarray) -> str:
        """Return how messages write a point that is given in units of the extent."""
        return f"({', '.join(f'{value:g}' for value in self.middle + self.extent * point)})"


def close_surface(name: str, vertices: np.ndarray, faces: np.ndarray) -> Surface:
    """Merge vertices, turn all triangles outwards, drop those without area, and check the whole.

    Args:
        name: How messages call the mesh.
        vertices: Shape ``(v, 3)``, finite.
        faces: Three vertices per triangle, shape ``(m, 3)``.

    Raises:
        MissingExtraError: If trimesh is not installed.
        DataError: If the triangles are not closed, have no common orientation, cross each other or enclose no volume.
    """
    trimesh = require_extra("trimesh", "meshes", "Mesh")
    used, numbered = np.unique(faces, return_inverse=True)
    vertices = vertices[used]
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    with np.errstate(over="ignore"):
        extent = float((high - low).max())
    if not 1e-100 < extent < 1e100:
        msg = f"{name} has the extent {extent:g}, from which a float64 makes no volume. Choose other units of length."
        raise DataError(msg)
    scaled = (vertices - (low + 0.5 * (high - low))) / extent
    mesh = trimesh.Trimesh(scaled, numbered.reshape(-1, 3), process=False)
    mesh.merge_vertices(digits_vertex=MERGED_DIGITS)
    mesh.update_faces((mesh.faces != np.roll(mesh.faces, 1, axis=1)).all(axis=1))
    if len(mesh.faces) == 0:
        msg = f"{name} holds no triangle with three different corners. Export the file again."
        raise DataError(msg)
    surface = Surface(mesh, low, high)
    _require_closed(name, surface)
    _turn(name, surface, trimesh.repair.fix_winding)
    body = trimesh.graph.connected_component_labels(mesh.face_adjacency, node_count=len(mesh.faces))
    high_enough = mesh.nondegenerate_faces(height=FLAT)  # those without height too were needed to close the surface
    mesh.update_faces(high_enough)
    if len(mesh.faces) < len(faces):
        dropped = len(faces) - len(mesh.faces)
        _warn(f"{name} holds {dropped} triangles without area, of {len(faces)}; they were dropped.")
    _require_simple(name, surface, body[high_enough])
    return surface


def _warn(message: str) -> None:
    warnings.warn(message, SirenPDEWarning, stacklevel=5)


def _require_closed(name: str, surface: Surface) -> None:
    """Refuse edges on which an odd number of triangles meet."""
    mesh = surface.mesh
    open_edges = np.flatnonzero(np.bincount(mesh.edges_unique_inverse) % 2)
    if len(open_edges):
        start, stop = (surface.place(mesh.vertices[end]) for end in mesh.edges_unique[open_edges[0]])
        msg = (
            f"{name} is not closed: {len(open_edges)} of {len(mesh.edges_unique)} edges are open, the first from "
            f"{start} to {stop}.\n"
            "  Usual cause: a missing triangle. Fill the holes in the program that made the mesh."
        )
        raise DataError(msg)


def _against(mesh: Any) -> np.ndarray:
    """Return the edges that not as many triangles run along as against."""
    along = np.where(mesh.edges[:, 0] == mesh.edges_sorted[:, 0], 1, -1)
    return np.flatnonzero(np.bincount(mesh.edges_unique_inverse, weights=along))


def _turn(name: str, surface: Surface, fix_winding: Any) -> None:
    """Turn all triangles outwards; refuse those that have no common orientation or enclose no volume."""
    mesh = surface.mesh
    if len(_against(mesh)):
        before = mesh.faces.copy()
        fix_winding(mesh)
        if len(against := _against(mesh)):
            start, stop = (surface.place(mesh.vertices[end]) for end in mesh.edges_unique[against[0]])
            msg = (
                f"{name} has no inside: its triangles cannot all be turned outwards, for one at the edge from {start} "
                f"to {stop}.\n  Let the program that made the mesh make one solid of it."
            )
            raise DataError(msg)
        turned = (mesh.faces != before).any(axis=1).sum()
        _warn(f"{name}: triangles turned opposite ways; {turned} of {len(before)} were turned.")
    with np.errstate(invalid="ignore", divide="ignore"):  # trimesh divides by it for the centre of mass
        volume = mesh.volume
    if abs(volume) <= FLAT:
        msg = f"{name} encloses no volume: its triangles lie on each other or in a plane. Give a mesh of a solid."
        raise DataError(msg)
    if volume < 0:
        mesh.invert()
        _warn(f"{name} is inside out: its triangles are turned inwards; all {len(mesh.faces)} were turned outwards.")


def _require_simple(name: str, surface: Surface, body: np.ndarray) -> None:
    """Look beside some triangles, of each body at least the largest: inside must be inside, and outside out."""
    bodies = len(np.unique(body))
    if bodies > 1:
        _warn(f"{name} consists of {bodies} separate surfaces; they are taken together as one solid.")
    by_area = np.argsort(-surface.areas, kind="stable")
    largest = by_area[np.unique(body[by_area], return_index=True)[1]]
    step = max(1, len(by_area) * len(by_area) * 2 // CHECKED_PAIRS)
    looked = np.unique(np.concatenate([largest[: CHECKED_PAIRS // len(by_area) + 1], by_area[::step]]))
    # Near the middle of a triangle, nearer than its neighbours can be unless they are needles or fold back on it.
    sides = np.roll(surface.corners[looked], -1, axis=1) - surface.corners[looked]
    depth = np.minimum(1e-7, 1e-3 * surface.areas[looked] / np.linalg.norm(sides, axis=2).max(axis=1))[:, None]
    middle = surface.corners[looked].mean(axis=1)
    beside = [middle + sign * depth * surface.normals[looked] for sign in (-1, 1)]
    found = np.stack([winding(points, surface.corners) for points in beside], axis=1)
    wrong = np.flatnonzero((np.abs(found - [1.0, 0.0]) > 1e-3).any(axis=1))
    if len(wrong):
        inside, outside = (round(float(value)) for value in found[wrong[0]])
        msg = (
            f"{name} is no simple solid: at the triangle around {surface.place(middle[wrong[0]])} the surface winds "
            f"{inside} times around the points beneath and {outside} times around those above; expected 1 and 0.\n"
            "  Usual cause: bodies that overlap, or one that is inside out. Join them in the program that made them."
        )
        raise DataError(msg)
