"""Make a closed, outward turned surface of the triangles in a file, or say why they enclose nothing."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order, connected_components

from sirenpde.errors import DataError, SirenPDEWarning
from sirenpde.regions.triangles import winding

#: Vertices nearer to each other than this share of the extent are one; the rounding of float32 is six times as large.
MERGED = 1e-8
#: Triangles lower than this share of the extent have no normal, solids thinner no inside.
FLAT = 1e-9
#: How many pairs of a point and a triangle are spent on looking for surfaces that cross themselves.
CHECKED_PAIRS = 2**21


@dataclass(frozen=True, eq=False)
class Surface:
    """A closed surface in units of its extent, about the middle of its bounds.

    Attributes:
        corners: The triangles, against the clock seen from outside, shape ``(m, 3, 3)``.
        normals: Outward unit normals, shape ``(m, 3)``.
        areas: Shape ``(m,)``.
        volume: Of the solid inside.
        low: The least of each coordinate in the units of the file, shape ``(3,)``.
        high: The greatest.
    """

    corners: np.ndarray
    normals: np.ndarray
    areas: np.ndarray
    volume: float
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


def close_surface(name: str, vertices: np.ndarray, faces: np.ndarray) -> Surface:
    """Merge vertices, turn all triangles outwards, drop those without area, and check the whole.

    Args:
        name: How messages call the mesh.
        vertices: Shape ``(v, 3)``, finite.
        faces: Three vertices per triangle, shape ``(m, 3)``.

    Raises:
        DataError: If the triangles are not closed, have no common orientation, cross each other or enclose no volume.
    """
    used, faces = np.unique(faces, return_inverse=True)
    vertices, faces = vertices[used], faces.reshape(-1, 3)
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    with np.errstate(over="ignore"):
        extent = float((high - low).max())
    if not 1e-100 < extent < 1e100:
        msg = f"{name} has the extent {extent:g}, from which a float64 makes no volume. Choose other units of length."
        raise DataError(msg)
    points = (vertices - (low + 0.5 * (high - low))) / extent
    merged = _merge(points)[faces]
    merged = merged[(merged != np.roll(merged, 1, axis=1)).all(axis=1)]
    if len(merged) == 0:
        msg = f"{name} holds no triangle with three different corners. Export the file again."
        raise DataError(msg)
    merged = _outward(name, points, _turned(name, vertices, merged))
    surface, flat = _measured(points[merged], low, high)
    dropped = len(faces) - len(merged) + int(flat.sum())
    if dropped:
        _warn(f"{name} holds {dropped} triangles without area, of {len(faces)}; they were dropped.")
    _require_simple(name, surface, _bodies(merged)[~flat])
    return surface


def _measured(corners: np.ndarray, low: np.ndarray, high: np.ndarray) -> tuple[Surface, np.ndarray]:
    """Return the surface of the triangles that have an area, and which have none."""
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    doubled = np.linalg.norm(across, axis=1)
    longest = np.linalg.norm(np.roll(corners, -1, axis=1) - corners, axis=2).max(axis=1)
    flat = doubled <= FLAT * longest
    corners, across, doubled = corners[~flat], across[~flat], doubled[~flat]
    normals = across / doubled[:, None]
    return Surface(corners, normals, 0.5 * doubled, _volume(corners), low, high), flat


def _warn(message: str) -> None:
    warnings.warn(message, SirenPDEWarning, stacklevel=5)


def _volume(corners: np.ndarray) -> float:
    """Return ∮ x·n dS / 3, which is the volume: a sixth of the sum of a·(b × c)."""
    a, b, c = np.moveaxis(corners, 1, 0)
    return math.fsum(np.einsum("ni,ni->n", a, np.cross(b, c))) / 6.0


def _merge(points: np.ndarray) -> np.ndarray:
    """Return for each point the number of the first that is the same up to rounding, shape ``(v,)``."""
    rounded = np.round(points / MERGED).astype(np.int64)
    order = np.lexsort(rounded.T)
    ordered = rounded[order]
    fresh = np.concatenate([[True], (ordered[1:] != ordered[:-1]).any(axis=1)])
    representative = np.empty(len(points), dtype=np.int64)
    representative[order] = order[fresh][np.cumsum(fresh) - 1]
    return representative


@dataclass(frozen=True, eq=False)
class _Edges:
    """The sides of triangles, three per triangle in turn: which edge each lies on, and whether it runs along it."""

    ends: np.ndarray
    number: np.ndarray
    sense: np.ndarray

    @property
    def uses(self) -> np.ndarray:
        return np.bincount(self.number)

    @property
    def balance(self) -> np.ndarray:
        """By edge, how many more sides run along it than against it."""
        return np.bincount(self.number, weights=self.sense).astype(int)


def _edges(faces: np.ndarray) -> _Edges:
    sides = np.stack([faces, np.roll(faces, -1, axis=1)], axis=2).reshape(-1, 2)
    low, high = sides.min(axis=1), sides.max(axis=1)
    codes, number = np.unique(low * (faces.max() + 1) + high, return_inverse=True)
    ends = np.stack(np.divmod(codes, faces.max() + 1), axis=1)
    return _Edges(ends, number, np.where(sides[:, 0] == low, 1, -1))


def _turned(name: str, points: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Return triangles that all turn the same way; refuse those that are not closed or cannot be turned so."""
    edges = _edges(faces)
    open_edges = np.flatnonzero(edges.uses % 2)
    if len(open_edges):
        start, stop = (_point(points[end]) for end in edges.ends[open_edges[0]])
        msg = (
            f"{name} is not closed: {len(open_edges)} of {len(edges.ends)} edges are open, the first from {start} to "
            f"{stop}.\n  Usual cause: a missing triangle. Fill the holes in the program that made the mesh."
        )
        raise DataError(msg)
    if not edges.balance.any():
        return faces
    turned = _agreeing(faces, edges)
    against = np.flatnonzero(_edges(turned).balance)
    if len(against):
        start, stop = (_point(points[end]) for end in edges.ends[against[0]])
        msg = (
            f"{name} has no inside: its triangles cannot all be turned outwards, for one at the edge from {start} to "
            f"{stop}.\n  Let the program that made the mesh make one solid of it."
        )
        raise DataError(msg)
    _warn(f"{name}: triangles turned opposite ways; {(turned != faces).any(axis=1).sum()} of {len(faces)} were turned.")
    return turned


def _agreeing(faces: np.ndarray, edges: _Edges) -> np.ndarray:
    """Walk from triangle to triangle over edges that two share, and turn those that disagree with the last."""
    inner = np.flatnonzero(edges.uses[edges.number] == 2)
    shared = inner[np.argsort(edges.number[inner], kind="stable")].reshape(-1, 2)
    left, right = (shared // 3).T
    # Neighbours agree if their sides run against each other. 0 would be no neighbour: 1 agrees, 2 does not.
    weight = np.where(edges.sense[shared].prod(axis=1) < 0, 1, 2)
    graph = coo_array((weight, (left, right)), shape=(len(faces), len(faces))).tocsr()
    graph = (graph + graph.T).tocsr()
    _, label = connected_components(graph, directed=False)
    turn = np.zeros(len(faces), dtype=bool)
    for start in np.unique(label, return_index=True)[1]:
        order, before = breadth_first_order(graph, start, directed=False)
        differs = np.asarray(graph[before[order[1:]], order[1:]]).ravel() == 2
        for face, differ in zip(order[1:], differs, strict=True):
            turn[face] = turn[before[face]] ^ differ
    return np.where(turn[:, None], faces[:, ::-1], faces)


def _outward(name: str, points: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Return triangles that are turned outwards; refuse those that enclose no volume."""
    volume = _volume(points[faces])
    if abs(volume) <= FLAT:
        msg = f"{name} encloses no volume: its triangles lie on each other or in a plane. Give a mesh of a solid."
        raise DataError(msg)
    if volume < 0:
        _warn(f"{name} is inside out: its triangles are turned inwards; all {len(faces)} were turned outwards.")
        return faces[:, ::-1]
    return faces


def _bodies(faces: np.ndarray) -> np.ndarray:
    """Return the number of the separate surface that each triangle belongs to."""
    vertices, numbered = np.unique(faces, return_inverse=True)
    numbered = numbered.reshape(faces.shape)
    sides = np.concatenate([numbered[:, :2], numbered[:, 1:]])
    graph = coo_array((np.ones(len(sides), dtype=np.int8), tuple(sides.T)), shape=(len(vertices),) * 2)
    label: np.ndarray = connected_components(graph, directed=False)[1]
    return label[numbered[:, 0]]


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
        place = _point(surface.middle + surface.extent * middle[wrong[0]])
        inside, outside = (round(float(value)) for value in found[wrong[0]])
        msg = (
            f"{name} is no simple solid: at the triangle around {place} the surface winds {inside} times around the "
            f"points beneath and {outside} times around those above; expected 1 and 0.\n"
            "  Usual cause: bodies that overlap, or one that is inside out. Join them in the program that made them."
        )
        raise DataError(msg)


def _point(point: np.ndarray) -> str:
    return f"({', '.join(f'{value:g}' for value in point)})"
