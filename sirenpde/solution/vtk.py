"""The group ``/VTKHDF``: the view of a solution's grid that ParaView opens, made of hard links.

Nothing is stored twice but a byte per point for regions that are no box. The subtle contract: an image has as many
axes as the problem, so a plane has no z, and a coordinate ``t`` is time, unless it is the only one: a sound is drawn
along x.
"""

from __future__ import annotations

import h5py
import numpy as np

from sirenpde.solution.archive import Archive
from sirenpde.solution.encode import put_array
from sirenpde.solution.schema import dataset_name

_HIDDEN = 2

# Steps of a grid that was computed in float64 differ by rounding; this is far above that and far below a pixel.
_UNIFORM = 1e-6


def attach(root: h5py.Group, archive: Archive) -> None:
    """Add ``/VTKHDF``, if the grid is an image: one to three space coordinates in equal steps.

    Args:
        root: The root group, which holds the values already.
        archive: What was written.
    """
    if not _is_image(archive):
        return
    group = root.create_group("VTKHDF", track_order=True)
    _describe(group, [archive.axes[name] for name in _space(archive)])
    data = group.create_group("PointData", track_order=True)
    for name in archive.values:
        data[dataset_name(name)] = root[dataset_name(name)]
    # The array shown first. Of several components too: VTK takes as "Vectors" nothing but three.
    data[dataset_name(next(iter(archive.values)))].attrs["Attribute"] = np.bytes_("Scalars")
    steps = len(archive.axes["t"]) if _is_temporal(archive) else 0
    fixed = archive.inside is not None and _hide_outside(data, archive.inside, steps)
    if steps:
        _add_steps(group, root["t"], still=("vtkGhostType",) if fixed else ())


def _is_image(archive: Archive) -> bool:
    """Tell whether VTK can show the grid. It drops axes of one point, and cannot read arrays that still have them."""
    space = _space(archive)
    if not archive.values or not 1 <= len(space) <= 3 or min(archive.grid_shape) < 2:
        return False
    return all(_is_uniform(archive.axes[name]) for name in space)


def _is_temporal(archive: Archive) -> bool:
    return "t" in archive.coordinates and len(archive.coordinates) > 1


def _space(archive: Archive) -> tuple[str, ...]:
    """Return what VTK calls x, y, z."""
    return tuple(name for name in archive.coordinates if name != "t" or not _is_temporal(archive))


def _is_uniform(axis: np.ndarray) -> bool:
    steps = np.diff(axis)
    return bool(np.ptp(steps) <= _UNIFORM * np.mean(steps))


def _describe(group: h5py.Group, axes: list[np.ndarray]) -> None:
    """Write the geometry; missing axes have extent 0, origin 0 and spacing 1."""
    extent, origin, spacing = np.zeros(6, dtype="<i8"), np.zeros(3), np.ones(3)
    for index, axis in enumerate(axes):
        extent[2 * index + 1] = len(axis) - 1
        origin[index] = axis[0]
        spacing[index] = (axis[-1] - axis[0]) / (len(axis) - 1)
    group.attrs["Version"] = np.array([2, 2], dtype="<i8")
    group.attrs["Type"] = np.bytes_("ImageData")
    group.attrs["WholeExtent"] = extent
    group.attrs["Origin"] = origin
    group.attrs["Spacing"] = spacing
    group.attrs["Direction"] = np.eye(3).reshape(-1)  # Without it nothing is read.


def _hide_outside(data: h5py.Group, inside: np.ndarray, steps: int) -> bool:
    """Hide the points outside the region, and tell whether one mask serves several steps."""
    ghosts = np.where(inside, 0, _HIDDEN).astype("u1")
    fixed = bool(steps and (ghosts == ghosts[:1]).all())
    put_array(data, "vtkGhostType", ghosts[:1] if fixed else ghosts, slices=int(steps > 0))
    return fixed


def _add_steps(group: h5py.Group, times: h5py.Dataset, still: tuple[str, ...]) -> None:
    """Write at which index of its first axis each array keeps a step: always the first for those that stand still."""
    count = len(times)
    steps = group.create_group("Steps", track_order=True)
    steps.attrs["NSteps"] = np.int64(count)
    steps["Values"] = times
    offsets = steps.create_group("PointDataOffsets", track_order=True)
    for name in group["PointData"]:
        put_array(offsets, name, np.arange(count, dtype="<i8") * (name not in still))
