"""A solution on a regular grid, with its reference, its error and its residuals: what files keep and pictures show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn

from sirenpde.fields.layout import Layout
from sirenpde.regions.grid import Grid
from sirenpde.regions.region import Region
from sirenpde.solution.archive import file_order
from sirenpde.solution.evaluate import FieldFunction
from sirenpde.solution.metrics import without_offset
from sirenpde.statement.given import Arranged
from sirenpde.statement.problem import Problem

#: Points per coordinate of the grid of a region that has none of its own, by the number of coordinates.
RESOLUTION = {1: 1001, 2: 201, 3: 49}


@dataclass(frozen=True)
class Gridded:
    """Values on a grid, in the order of the axes of a file.

    Attributes:
        axes: Coordinate → ascending values; empty where a problem has too many coordinates for a grid.
        values: Name → values with one axis per coordinate, in file order, components last.
        inside: Which points lie in the region; None where all do.
    """

    axes: dict[str, np.ndarray] = field(default_factory=dict)
    values: dict[str, np.ndarray] = field(default_factory=dict)
    inside: np.ndarray | None = None


def grid_axes(regions: Sequence[Region], coordinates: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Return the axes of the first region's own grid, or evenly spaced ones over the bounds of all of them.

    There are none beyond three coordinates.
    """
    first = regions[0]
    if isinstance(first, Grid):
        return {name: np.sort(first.axis(name)) for name in coordinates}
    count = RESOLUTION.get(len(coordinates))
    if count is None:
        return {}
    ends = {name: np.array([region.bounds[name] for region in regions]) for name in coordinates}
    return {name: np.unique(np.linspace(ends[name].min(), ends[name].max(), count)) for name in coordinates}


def grid_points(axes: dict[str, np.ndarray], coordinates: tuple[str, ...]) -> tuple[tuple[int, ...], np.ndarray]:
    """Return the shape in file order, and the points ``(n, d)`` in the order of the coordinates."""
    order = file_order(coordinates)
    mesh = dict(zip(order, np.meshgrid(*(axes[name] for name in order), indexing="ij"), strict=True))
    shape = mesh[order[0]].shape
    return shape, np.stack([mesh[name].reshape(-1) for name in coordinates], axis=1)


def evaluate_on_grid(problem: Problem, network: nn.Module, *, derivatives: bool) -> Gridded:
    """Evaluate every field of a problem on its grid, with references and errors where there are any.

    Args:
        problem: Whose domain gives the grid.
        network: Φ.
        derivatives: Whether to add the norm of each field's gradient, and its Laplacian.
    """
    domains = {name: problem.domain_of(name) for name in problem.layout.fields}
    axes = grid_axes(list(domains.values()), problem.coordinates)
    if not axes:
        return Gridded()
    shape, points = grid_points(axes, problem.coordinates)
    inside = {name: _inside(region, problem.coordinates, points) for name, region in domains.items()}
    anywhere = np.any(list(inside.values()), axis=0)
    values: dict[str, np.ndarray] = {}
    for name in problem.layout.fields:
        flat = _field_values(problem, network, name, points, derivatives=derivatives)
        taken = {*problem.layout.fields, *problem.coordinates} - {name}  # a field may be called u_error
        for key, array in flat.items():
            if key not in taken:
                array[anywhere & ~inside[name]] = np.nan  # another field's place
                values[key] = array.reshape(*shape, *array.shape[1:])
    return Gridded(axes, values, None if anywhere.all() else anywhere.reshape(shape))


def _field_values(
    problem: Problem, network: nn.Module, name: str, points: np.ndarray, *, derivatives: bool
) -> dict[str, np.ndarray]:
    function = field_function(network, problem.layout, name)
    found = {name: np.asarray(function(points))}
    if name in problem.references:
        reference = reference_values(problem.references[name], points)
        aligned = without_offset(found[name], reference) if name in problem.unpinned else found[name]
        found |= {f"{name}_reference": reference, f"{name}_error": aligned - reference}
    if derivatives:
        slopes = np.asarray(function.grad(points))
        found[f"{name}_gradient_norm"] = np.linalg.norm(slopes.reshape(len(points), -1), axis=1)
        found[f"{name}_laplacian"] = np.asarray(function.laplacian(points))
    return found


def reference_values(known: Arranged, points: np.ndarray) -> np.ndarray:
    """Return a known at points ``(n, d)``, in float64."""
    with torch.no_grad():
        return known(torch.from_numpy(points)).numpy()


def _inside(region: Region, coordinates: tuple[str, ...], points: np.ndarray) -> np.ndarray:
    """Return which points lie in a region, ``(n,)``; all of them where it is made of given points."""
    if region.size is not None:
        return np.ones(len(points), dtype=bool)
    return region.contains(points[:, [coordinates.index(name) for name in region.names]])


def field_function(network: nn.Module, layout: Layout, name: str) -> FieldFunction:
    """Return a field as a function of points."""
    return FieldFunction(network, layout, name, layout.forms(name))
