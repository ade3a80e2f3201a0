"""Solids inside closed triangle meshes, and their surfaces."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import torch

from sirenpde.errors import DataError, RegionError
from sirenpde.regions.box import low_discrepancy
from sirenpde.regions.inside import Inside
from sirenpde.regions.mesh_file import called, read_triangles, require_arrays
from sirenpde.regions.region import Region, Sample, as_points, require_distinct, require_name
from sirenpde.regions.surface import Surface, close_surface
from sirenpde.regions.triangles import spread


class Mesh(Region):
    """The solid inside a closed triangle mesh.

    Lengths are those of the file, whose formats know no unit. Vertices at the same place are merged. Triangles without
    area are dropped and triangles that are turned inwards are turned outwards, each with a warning. Several surfaces
    make one solid; one inside another, turned the other way, is a cavity.

    Args:
        path: An STL (text or binary), OBJ or PLY file. No other file is read, whatever it names. In a binary PLY all
            polygons must have the same number of corners.
        names: The three coordinates.

    Raises:
        MissingExtraError: If trimesh or embreex is not installed.
        DataError: If the file cannot be read, is damaged, or its triangles are not closed, cross each other or enclose
            no volume.
        RegionError: If ``names`` are not three different identifiers.

    Example:
        >>> corners = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)]
        >>> sides = [(0, 2, 1), (0, 1, 3), (1, 2, 3), (2, 0, 3)]
        >>> solid = Mesh.from_arrays(corners, sides, names=("x", "y", "z"))
        >>> round(6 * solid.measure, 12)
        1.0
    """

    def __init__(self, path: str | os.PathLike[str], names: Sequence[str]) -> None:
        """Read the file and close the surface."""
        self._names = _space_names(names)
        surface = close_surface(called(path), *read_triangles(path))
        self._keep(surface, f'"{os.fsdecode(path)}"')

    @classmethod
    def from_arrays(cls, vertices: np.ndarray, faces: np.ndarray, names: Sequence[str]) -> Mesh:
        """Return the solid inside triangles that are given as arrays.

        Args:
            vertices: Shape ``(v, 3)``.
            faces: The numbers of the three vertices of each triangle, against the clock seen from outside, ``(m, 3)``.
            names: The three coordinates.

        Raises:
            MissingExtraError: As for a file.
            DataError: As for a file.
            RegionError: As for a file.
        """
        mesh = cls.__new__(cls)
        mesh._names = _space_names(names)
        try:
            arrays = np.asarray(vertices), np.asarray(faces)
        except (TypeError, ValueError, RuntimeError) as error:  # ragged rows, tensors that require a gradient
            msg = f"Mesh.from_arrays got what is no array: {error}. Expected vertices (v, 3) and triangles (m, 3)."
            raise DataError(msg) from error
        surface = close_surface("Mesh.from_arrays", *require_arrays("Mesh.from_arrays", *arrays))
        mesh._keep(surface, f"{len(arrays[0])} vertices, {len(arrays[1])} triangles")
        return mesh

    def _keep(self, surface: Surface, source: str) -> None:
        self.surface = surface
        self._source = source
        self._inside = Inside(surface)

    def __hash__(self) -> int:
        """Hash the names and the bounds."""
        return hash((self._names, *self.bounds.values(), self.measure))

    def __eq__(self, other: object) -> bool:
        """Compare the names and the triangles."""
        if not isinstance(other, Mesh):
            return NotImplemented
        return (
            self._names == other.names
            and self.bounds == other.bounds
            and np.array_equal(self.surface.corners, other.surface.corners)
        )

    def __repr__(self) -> str:
        """Return the call that makes the solid; of arrays only their sizes."""
        made = "Mesh" if self._source.startswith('"') else "Mesh.from_arrays"
        return f"{made}({self._source}, names={self._names})"

    @property
    def names(self) -> tuple[str, ...]:
        """The three coordinates."""
        return self._names

    @property
    def bounds(self) -> dict[str, tuple[float, float]]:
        """The least and the greatest coordinates of the vertices."""
        ends = zip(self._names, self.surface.low, self.surface.high, strict=True)
        return {name: (float(low), float(high)) for name, low, high in ends}

    @property
    def measure(self) -> float:
        """The volume, by the divergence theorem; exact to rounding."""
        return self.surface.volume * self.surface.extent**3

    @cached_property
    def slack(self) -> float:
        """The thickness of the rim in extents: 1e-9, and the rounding of points far from the origin."""
        farthest = max(np.abs(self.surface.low).max(), np.abs(self.surface.high).max())
        return float(min(1e-9 + 1e-15 * farthest / self.surface.extent, 1e-6))

    def scaled(self, points: np.ndarray) -> np.ndarray:
        """Return points in units of the extent, about the middle of the bounds."""
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is outside
            return np.asarray((as_points(self, points) - self.surface.middle) / self.surface.extent)

    def placed(self, points: np.ndarray) -> torch.Tensor:
        """Return points given in units of the extent in those of the file, float64."""
        placed = self.surface.middle + self.surface.extent * points
        return torch.from_numpy(np.clip(placed, self.surface.low, self.surface.high))

    def contains(self, points: np.ndarray) -> np.ndarray:
        """Tell which points lie in the solid, up to 1e-9 of its extent."""
        return self._inside.contains(self.scaled(points), self.slack)

    def draw(self, count: int, generator: torch.Generator) -> Sample:
        """Draw independent points, uniform in the solid.

        Raises:
            RegionError: If the solid is too thin beside its extent.
        """
        return Sample(self.placed(self._inside.draw(count, generator)))

    @property
    def boundary(self) -> MeshBoundary:
        """The triangles, with the outward normal and their area as measure."""
        return MeshBoundary(self)

    def touches(self, points: np.ndarray) -> np.ndarray:
        """Tell which points lie on a triangle, up to 1e-9 of the extent."""
        return self._inside.touches(self.scaled(points), self.slack)


class MeshBoundary(Region):
    """The surface of a solid; made by ``Mesh.boundary``."""

    def __init__(self, mesh: Mesh) -> None:
        """Keep the solid."""
        self.mesh = mesh

    def __hash__(self) -> int:
        """Hash the solid."""
        return hash((MeshBoundary, self.mesh))

    def __eq__(self, other: object) -> bool:
        """Compare the solids."""
        return self.mesh == other.mesh if isinstance(other, MeshBoundary) else NotImplemented

    def __repr__(self) -> str:
        """Return the expression that makes the boundary."""
        return f"{self.mesh!r}.boundary"

    @property
    def names(self) -> tuple[str, ...]:
        """The coordinates of the solid."""
        return self.mesh.names

    @property
    def bounds(self) -> dict[str, tuple[float, float]]:
        """The bounds of the solid."""
        return self.mesh.bounds

    @cached_property
    def measure(self) -> float:
        """The area of all triangles together."""
        return float(self.mesh.surface.areas.sum()) * self.mesh.surface.extent**2

    @property
    def dimension(self) -> int:
        """Two: a surface."""
        return 2

    @property
    def has_normal(self) -> bool:
        """Always: that of the triangle."""
        return True

    def contains(self, points: np.ndarray) -> np.ndarray:
        """Tell which points lie on the surface, up to 1e-9 of its extent."""
        return self.mesh.touches(points)

    def draw(self, count: int, generator: torch.Generator) -> Sample:
        """Draw points of a scrambled Sobol sequence: one number chooses a triangle by area, two the point in it."""
        surface = self.mesh.surface
        corners, areas = torch.from_numpy(surface.corners), torch.from_numpy(surface.areas)
        chosen, points = spread(corners, areas, low_discrepancy(count, 3, generator))
        return Sample(self.mesh.placed(points.numpy()), torch.from_numpy(surface.normals)[chosen])


def _space_names(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of three coordinates; refuse any other number of them."""
    listed = tuple(names) if isinstance(names, Sequence) and not isinstance(names, str) else ()
    if len(listed) != 3:
        msg = f'Mesh got names={names!r}; expected the names of three coordinates, as in names=("x", "y", "z").'
        raise RegionError(msg)
    require_distinct([require_name(name, "Mesh") for name in listed], "Mesh")
    return listed
