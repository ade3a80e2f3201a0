"""Chebyshev collocation: points, differentiation, interpolation, and Poisson's equation on a box in any dimension."""

from collections.abc import Sequence
from functools import reduce

import numpy as np


def nodes(n: int, low: float = -1.0, high: float = 1.0) -> np.ndarray:
    """The n + 1 extreme points of the Chebyshev polynomial of degree n on [low, high], ascending."""
    return low + (high - low) * (1 - np.cos(np.pi * np.arange(n + 1) / n)) / 2


def weights(n: int) -> np.ndarray:
    """The weights of the barycentric formula at these points."""
    signs = (-1.0) ** np.arange(n + 1)
    signs[[0, -1]] /= 2
    return signs


def differentiation(x: np.ndarray) -> np.ndarray:
    """The matrix that takes values at the points to those of the polynomial's derivative, ``(n + 1, n + 1)``."""
    w = weights(len(x) - 1)
    gaps = x[:, None] - x + np.eye(len(x))
    matrix = w / w[:, None] / gaps
    np.fill_diagonal(matrix, 0.0)
    return matrix - np.diag(matrix.sum(axis=1))


def interpolation(x: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The matrix that takes values at the points to those at ``at``, ``(len(at), n + 1)``."""
    gaps = at[:, None] - x
    hits = gaps == 0
    terms = weights(len(x) - 1) / np.where(hits, 1.0, gaps)
    rows = terms / terms.sum(axis=1, keepdims=True)
    return np.where(hits.any(axis=1, keepdims=True), hits, rows)


def along(matrix: np.ndarray, table: np.ndarray, axis: int) -> np.ndarray:
    """``matrix`` applied to one axis of a table."""
    return np.moveaxis(np.tensordot(matrix, table, (1, axis)), 0, axis)


def on_grid(axes: Sequence[np.ndarray], table: np.ndarray, at: Sequence[np.ndarray]) -> np.ndarray:
    """A table of values at the points, interpolated to the grid of the axes ``at``."""
    for axis, (x, places) in enumerate(zip(axes, at)):
        table = along(interpolation(x, places), table, axis)
    return table


def at_points(axes: Sequence[np.ndarray], table: np.ndarray, points: np.ndarray, chunk: int = 100) -> np.ndarray:
    """A table of values at the points, interpolated to scattered points ``(m, d)``; by ``chunk``s, for memory."""
    found = []
    for some in (points[start : start + chunk] for start in range(0, len(points), chunk)):
        rows = [interpolation(x, column) for x, column in zip(axes, some.T)]
        part = np.tensordot(rows[0], table, 1)  # (m, n₂, …, n_d), one axis less with each further row
        found.append(reduce(lambda left, row: np.einsum("mi...,mi->m...", left, row), rows[1:], part))
    return np.concatenate(found)


def poisson(axes: Sequence[np.ndarray], f: np.ndarray, edge: np.ndarray, shift: float = 0.0) -> np.ndarray:
    """Solve Δu + shift u = f on a box, u given on its boundary, by the eigenvectors of each axis.

    Args:
        axes: The points of each axis, from ``nodes``.
        f: On the whole grid; read inside.
        edge: On the whole grid; read on the boundary.
        shift: No eigenvalue of −Δ.
    """
    inner = (slice(1, -1),) * len(axes)
    seconds = [np.linalg.matrix_power(differentiation(x), 2) for x in axes]
    known = edge.copy()
    known[inner] = 0.0
    right = f[inner] - sum(along(second, known, axis)[inner] for axis, second in enumerate(seconds))
    values, bases = zip(*[np.linalg.eig(second[1:-1, 1:-1]) for second in seconds])
    for axis, basis in enumerate(bases):
        right = along(np.linalg.inv(basis), right, axis)
    right = right / (reduce(np.add.outer, values) + shift)
    for axis, basis in enumerate(bases):
        right = along(basis, right, axis)
    known[inner] = right.real  # the eigenvalues are real; rounding may say otherwise
    return known
