"""Arithmetic on many triangles at once: points in them, distances to them, and how often they wind around a point."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

#: The most pairs of a point and a triangle that are handled at a time, at a few hundred bytes each.
MOST_PAIRS = 2**18


def pick(sizes: Tensor, drawn: Tensor) -> tuple[Tensor, Tensor]:
    """Choose parts by their share of the whole.

    Args:
        sizes: The size of each part, shape ``(m,)``.
        drawn: Numbers from 0 to 1, shape ``(n,)``.

    Returns:
        The number of the part in which each lies, if the parts are laid end to end, and how far along it, 0 to 1.
    """
    ends = sizes.cumsum(0)
    place = drawn * ends[-1]
    chosen = torch.searchsorted(ends, place, right=True).clamp(max=len(sizes) - 1)
    return chosen, ((place - ends[chosen] + sizes[chosen]) / sizes[chosen]).clamp(0.0, 1.0)


def spread(corners: Tensor, areas: Tensor, drawn: Tensor) -> tuple[Tensor, Tensor]:
    """Carry the unit cube onto triangles, preserving area.

    Args:
        corners: Shape ``(m, 3, d)``.
        areas: Shape ``(m,)``, up to a common factor.
        drawn: Uniform numbers, shape ``(n, 3)``: one chooses the triangle, two the point in it.

    Returns:
        The number of the triangle of each point, shape ``(n,)``, and the points, shape ``(n, d)``.
    """
    chosen, _ = pick(areas, drawn[:, 0])
    a, b, c = corners[chosen].unbind(1)
    # The share u of a triangle lies within √u of its height from the corner a; v runs across.
    far, across = drawn[:, 1:2].sqrt(), drawn[:, 2:3]
    return chosen, (1 - far) * a + far * ((1 - across) * b + across * c)


def split(corners: np.ndarray) -> np.ndarray:
    """Cut each triangle into four at the middles of its sides, shape ``(m, 3, 3)`` to ``(4 m, 3, 3)``, in turn."""
    middles = 0.5 * (corners + np.roll(corners, -1, axis=1))  # of ab, bc, ca
    (a, b, c), (ab, bc, ca) = np.moveaxis(corners, 1, 0), np.moveaxis(middles, 1, 0)
    parts = [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
    return np.stack([np.stack(part, axis=1) for part in parts], axis=1).reshape(-1, 3, 3)


def distances(points: np.ndarray, corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Measure each point against its own triangle.

    The closest point that trimesh finds has an absolute tolerance: of triangles smaller than 1e-3 it is a wrong one.

    Args:
        points: Shape ``(n, 3)``.
        corners: Shape ``(n, 3, 3)``.

    Returns:
        The distance, shape ``(n,)``; and where the nearest point is not on a side of the triangle, 1 if the normal
        points towards the point and -1 if away, else 0.
    """
    sides = np.roll(corners, -1, axis=1) - corners
    towards = points[:, None] - corners
    squared = np.einsum("nij,nij->ni", sides, sides)
    along = np.einsum("nij,nij->ni", sides, towards) / np.where(squared > 0, squared, 1.0)
    apart = towards - along.clip(0.0, 1.0)[..., None] * sides
    to_sides = np.sqrt(np.einsum("nij,nij->ni", apart, apart).min(axis=1))
    normal = np.cross(sides[:, 0], sides[:, 1])
    above = (np.einsum("nij,nj->ni", np.cross(sides, towards), normal) > 0).all(axis=1)
    height = np.einsum("ni,ni->n", towards[:, 0], normal) / np.linalg.norm(normal, axis=1)
    return np.where(above, np.abs(height), to_sides), np.where(above, np.sign(height), 0.0)


def winding(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Return how often closed, outward turned triangles wind around points: 1 inside, 0 outside.

    It is the sum of their solid angles over 4π, each by the formula of van Oosterom and Strackee (1983).

    Args:
        points: Shape ``(n, 3)``, none on a triangle.
        corners: Shape ``(m, 3, 3)``.

    Returns:
        Shape ``(n,)``.
    """
    batch = max(1, MOST_PAIRS // len(corners))
    found = [_winding(points[first : first + batch], corners) for first in range(0, len(points), batch)]
    return np.concatenate([*found, np.zeros(0)])


def _winding(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    a, b, c = (corners[None, :, corner] - points[:, None] for corner in range(3))
    p, q, r = (np.sqrt(np.einsum("nmi,nmi->nm", side, side)) for side in (a, b, c))
    volume = np.einsum("nmi,nmi->nm", a, np.cross(b, c))
    dots = [np.einsum("nmi,nmi->nm", *pair) for pair in ((a, b), (b, c), (c, a))]
    angle = np.arctan2(volume, p * q * r + dots[0] * r + dots[1] * p + dots[2] * q)
    return np.asarray(angle.sum(axis=1) / (2 * math.pi))
