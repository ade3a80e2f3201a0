"""Check the corners of a polygon: rings that are simple, and holes that lie inside without touching each other.

What passes is turned: the outer ring against the clock, holes with it, so that the polygon lies left of every edge.
"""

from __future__ import annotations

import math
import re
from types import ModuleType
from typing import Any

import numpy as np

from sirenpde.errors import RegionError


def ring_of(corners: object, what: str) -> np.ndarray:
    """Return a ring as floats of shape ``(m, 2)``, m of at least 3, without the first corner again at the end."""
    try:
        raw = np.asarray(corners)
        ring = np.array(raw, dtype=float) if raw.dtype.kind in "iuf" else None
    except (TypeError, ValueError, RuntimeError):  # ragged rows, objects, tensors that require a gradient
        ring = None
    if ring is None or ring.ndim != 2 or ring.shape[1] != 2:
        got = f"an array of shape {ring.shape}" if ring is not None else f"a {type(corners).__name__} of something else"
        msg = f"{what} is {got}; expected (m, 2), one corner per row, as in [(0, 0), (1, 0), (1, 1)]."
        raise RegionError(msg)
    if not np.isfinite(ring).all():
        row = int(np.flatnonzero(~np.isfinite(ring).all(axis=1))[0])
        msg = f"{what}: corner {row} is {_pair(ring[row])}; expected finite numbers."
        raise RegionError(msg)
    ring = ring[:-1] if len(ring) > 1 and (ring[0] == ring[-1]).all() else ring
    if len(ring) < 3:
        msg = f"{what} has {len(ring)} different corners; expected at least 3."
        raise RegionError(msg)
    _refuse_repeated(ring, what)
    return ring


def _refuse_repeated(ring: np.ndarray, what: str) -> None:
    """Refuse a corner that is given twice; the ring would touch itself there."""
    order = np.lexsort(ring.T)
    twins = np.flatnonzero((ring[order][1:] == ring[order][:-1]).all(axis=1))
    if len(twins):
        first, second = sorted(int(place) for place in order[twins[0] : twins[0] + 2])
        msg = f"{what}: corners {first} and {second} are the same point {_pair(ring[first])}. Give each corner once."
        raise RegionError(msg)


def require_simple(shapely: ModuleType, ring: np.ndarray, what: str) -> np.ndarray:
    """Return a ring turned against the clock; refuse one that has no area, or crosses or touches itself."""
    reach, extent = float(np.abs(ring).max()), float(np.ptp(ring / 2, axis=0).max())
    if reach > 1e100 or extent < 1e-100:
        msg = f"{what} reaches to {reach:g} and is {2 * extent:g} wide, too far for a float64. Choose other units."
        raise RegionError(msg)
    area = signed_area(ring)
    shape = shapely.Polygon(ring)
    none = abs(area) <= 1e-14 * np.prod(np.ptp(ring, axis=0)) or area == 0.0
    if none and (shape.is_valid or _on_a_line(ring)):  # the area of a ring that crosses itself may be zero too
        msg = f"{what} has no area: its {len(ring)} corners lie on a line. Give corners that go around something."
        raise RegionError(msg)
    if not shape.is_valid:
        msg = (
            f"{what} crosses or touches itself at {_place(shapely, shape)}; expected a simple ring.\n"
            "  Usual cause: two corners in the wrong order. List the corners in the order in which you meet them "
            "when you walk around."
        )
        raise RegionError(msg)
    return ring if area > 0 else ring[::-1]


def require_holes(shapely: ModuleType, shell: np.ndarray, holes: list[np.ndarray], of: str) -> None:
    """Refuse holes that are not inside the outer ring, or that overlap each other."""
    outer = shapely.Polygon(shell)
    for number, hole in enumerate(holes):
        if not outer.contains(shapely.Polygon(hole)):
            lost = next((point for point in hole if not outer.covers(shapely.Point(point))), None)
            where = "" if lost is None else f": its corner {_pair(lost)} is outside"
            msg = f"{of}: hole {number} does not lie inside the outer ring{where}. Cut the outer ring itself instead."
            raise RegionError(msg)
    whole = shapely.Polygon(shell, holes)
    if not whole.is_valid:
        reason = shapely.is_valid_reason(whole).partition("[")[0].lower()
        msg = (
            f"{of}: the holes do not leave one piece ({reason}, near {_place(shapely, whole)}).\n"
            "  Holes may not overlap, lie in each other, run along the outer ring, or cut the polygon in two."
        )
        raise RegionError(msg)


def signed_area(ring: np.ndarray) -> float:
    """Return the area of a ring, positive if it runs against the clock: ½ Σ (x_i y_(i+1) − x_(i+1) y_i)."""
    x, y = (ring - ring[0]).T  # about a corner: far from the origin the products would cancel
    return 0.5 * math.fsum(x * np.roll(y, -1) - np.roll(x, -1) * y)


def _on_a_line(ring: np.ndarray) -> bool:
    """Tell whether all corners lie on one line, up to rounding."""
    extent = np.ptp(ring, axis=0)
    if not extent.all():
        return True
    offsets = (ring - ring[0]) / extent
    far = offsets[np.hypot(*offsets.T).argmax()]
    return bool(np.abs(offsets @ (-far[1], far[0])).max() <= 1e-14)


def _place(shapely: ModuleType, shape: Any) -> str:
    """Return where a shape is not valid."""
    found = re.search(r"\[(\S+) (\S+)\]", shapely.is_valid_reason(shape))
    return f"({float(found[1]):g}, {float(found[2]):g})" if found else "some point"


def _pair(point: np.ndarray) -> str:
    return f"({point[0]:g}, {point[1]:g})"
