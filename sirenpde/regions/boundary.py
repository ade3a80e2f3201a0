"""The boundary of a combination, from the boundaries of the regions that it is made of.

A point p of the boundary of a part, with normal n, belongs to the boundary of the whole if the whole covers one of
p ± εn and not the other; the one that is not covered tells which way is out. So faces that vanish inside, or that two
parts have in common, need no rule of their own.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from sirenpde.errors import RegionError
from sirenpde.regions.cells import exact_measure, merged
from sirenpde.regions.parts import Parts
from sirenpde.regions.quadrature import FEWER_TRIALS, LEAST_SHARE, Estimate, rough_share
from sirenpde.regions.sample import Sample
from sirenpde.regions.shape import Shape, apart, as_points, asked, common_bounds, grouped, within
from sirenpde.regions.subset import Subset

#: How far from a face one looks to either side, in extents: far above what counts as the rim, far below any feature.
STEP = 1e-6


@dataclass(frozen=True, repr=False)
class Boundary(Parts):
    """The boundary of a region: pieces of surface with outward normals."""

    solid: Shape

    def __repr__(self) -> str:
        """Return the expression that makes the boundary."""
        return f"{grouped(self.solid)}.boundary"


@dataclass(frozen=True, repr=False)
class Piece(Subset):
    """What a face of a leaf contributes to the boundary of the whole.

    Attributes:
        face: A part of the boundary of the leaf.
        leaf: One of the regions that the whole is made of.
        solid: The whole.
    """

    face: Shape
    leaf: Shape
    solid: Shape

    def __repr__(self) -> str:
        """Return what it is a piece of."""
        return f"{grouped(self.solid)}.boundary on {self.face!r}"

    @property
    def carrier(self) -> Shape:
        """The face."""
        return self.face

    @property
    def reason_if_empty(self) -> str:
        """What is left out and never refused needs no reason."""
        return "bound it."

    @property
    def outer_bounds(self) -> dict[str, tuple[float, float]]:
        """What the bounds of the face and of the whole have in common."""
        return common_bounds(self.face.bounds, self.solid.bounds)

    @property
    def cuts(self) -> dict[str, tuple[float, ...]] | None:
        """Those of the face and of all leaves."""
        return merged(self.names, (shape.cuts for shape in (self.face, *self.solid.leaves)))

    @property
    def formula(self) -> Estimate | None:
        """All of the face, where no other leaf begins or ends on it: then it bounds the whole everywhere or nowhere."""
        return Estimate(self.face.measure, self.face.measure_error) if self._is_whole else None

    @cached_property
    def _is_whole(self) -> bool:
        """Whether all of the face is known to bound the whole, if some of it does."""
        return all(_is_constant(leaf, self.face) for leaf in self.solid.leaves if leaf is not self.leaf)

    @property
    def counted(self) -> tuple[Shape, ...]:
        """The leaves whose faces come first: a point that is on one of those as well is theirs."""
        leaves = self.solid.leaves
        return leaves[: leaves.index(self.leaf)]

    @cached_property
    def reach(self) -> np.ndarray:
        """How far one looks to either side in each coordinate, shape ``(d,)``."""
        bounds = self.solid.bounds
        return STEP * np.array([bounds[name][1] - bounds[name][0] for name in self.names])

    def sift(self, sample: Sample) -> Sample:
        """Return the points that bound the whole, their normals turned outwards."""
        if sample.normal is None:
            msg = f"{self.face!r} has no normals, so that no boundary can be made of it; its draw must give them."
            raise RegionError(msg)
        if self._turn:
            return Sample(sample.points, self._turn * sample.normal)
        kept, turn = self._look(sample.points.numpy(), sample.normal.numpy())
        chosen = torch.from_numpy(kept)
        return Sample(sample.points[chosen], torch.from_numpy(turn)[chosen, None] * sample.normal[chosen])

    def _look(self, points: np.ndarray, normal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Tell which points bound the whole, and where its outside is: 1 ahead along the normal, -1 behind."""
        step = self.reach * normal
        behind = asked(self.solid, points - step, self.names)
        kept = behind != asked(self.solid, points + step, self.names)
        for leaf in self.counted:
            near, far = points[kept] - step[kept], points[kept] + step[kept]
            kept[kept] = asked(leaf, near, self.names) == asked(leaf, far, self.names)
        return kept, np.where(behind, 1.0, -1.0)

    @cached_property
    def _turn(self) -> float:
        """How the normals of a face turn that bounds the whole everywhere, 1 or -1; 0 where one has to look."""
        few = self.face.draw(16, torch.Generator().manual_seed(0))
        if not self._is_whole or few.normal is None:
            return 0.0
        kept, turn = self._look(few.points.numpy(), few.normal.numpy())
        return float(np.sign(turn[kept].sum()))

    def keeps(self, points: np.ndarray) -> np.ndarray:
        """Tell which points of the face bound the whole, where normals are not known: by a look all around."""
        kept = self._is_rim(self.solid, points)
        for leaf in self.counted:
            kept &= ~self._is_rim(leaf, points)
        return kept

    def contains(self, points: np.ndarray) -> np.ndarray:
        """Tell which points lie on the face and bound the whole, those on other faces too."""
        array = as_points(self, points)
        inside = self.face.contains(array)
        inside[inside] = self._is_rim(self.solid, array[inside])
        return inside

    def _is_rim(self, region: Shape, points: np.ndarray) -> np.ndarray:
        seen = [asked(region, points + step, self.names) for step in steps_around(self.reach)]
        return np.asarray(np.any(seen, axis=0) & ~np.all(seen, axis=0))


def _is_constant(leaf: Shape, face: Shape) -> bool:
    """Tell whether a leaf is known to cover all of a face and its surroundings, or nothing of them."""
    margin = {name: 10 * STEP * (high - low) for name, (low, high) in leaf.bounds.items()}
    wide = {name: (low - margin[name], high + margin[name]) for name, (low, high) in face.bounds.items()}
    return apart(wide, leaf.bounds) or (leaf.fills_bounds and within(wide, leaf.bounds))


def steps_around(reach: np.ndarray) -> np.ndarray:
    """Return steps from a point to its surroundings, shape ``(m, d)``: along each axis, and up to 3-D each diagonal."""
    d = len(reach)
    axes = np.concatenate([np.eye(d), -np.eye(d)])
    if 1 < d <= 3:
        axes = np.concatenate([axes, np.array(list(itertools.product((-0.7, 0.7), repeat=d)))])
    return np.asarray(axes * reach)


def boundary_of(solid: Shape) -> Boundary:
    """Return the boundary of a solid region that is made of leaves.

    Raises:
        RegionError: If a leaf does not know its boundary.
    """
    pieces: list[Shape] = []
    for leaf in solid.leaves:
        whole = leaf.boundary.bare
        for face in whole.parts if isinstance(whole, Parts) else (whole,):
            piece = Piece(face, leaf, solid)
            if _has_points(piece):
                pieces.append(piece)
    return Boundary(tuple(pieces), solid)


def _has_points(piece: Piece) -> bool:
    """Tell whether a face contributes anything, by an exact count of cells if there is one."""
    if piece.carrier.size is not None:
        return bool(piece.size)
    exact = exact_measure(piece)
    if exact is not None:
        return exact.value > 0.0
    kept, tried = rough_share(piece.carrier.draw, piece.sift, FEWER_TRIALS)
    return kept > tried * LEAST_SHARE
