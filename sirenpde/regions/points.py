"""Given points, and what was measured there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from sirenpde.errors import DataError, RegionError
from sirenpde.regions.region import Region, Sample, as_points, require_distinct, require_name


class Points(Region):
    """Given points with measure 1, so that their term in the loss is a mean.

    Args:
        array: The points, shape ``(n, d)``.
        names: The coordinates, one per column.
        data: What was measured: name → shape ``(n,)`` or ``(n, k)``; residuals read it as ``a.NAME``.

    Raises:
        RegionError: If names and columns do not match, or there is no point.
        DataError: If a value is not a finite real number, or data do not have one row per point.

    Example:
        >>> seen = Points([[0.0, 0.5], [1.0, 0.5]], names=("x", "t"), data={"seen": [0.1, 0.2]})
        >>> seen.measure
        1.0
    """

    def __init__(
        self,
        array: np.ndarray | Sequence[Sequence[float]],
        names: Sequence[str],
        data: Mapping[str, object] | None = None,
    ) -> None:
        """Check the points and the data, and keep copies."""
        listed = [names] if isinstance(names, str) else names
        if not isinstance(listed, Sequence):
            msg = f'Points got names={names!r}; expected one name per column, such as ("x", "t").'
            raise RegionError(msg)
        self._names = tuple(require_name(name, "Points") for name in listed)
        require_distinct(self._names, "Points")
        self._points = finite_array(array, "Points: the array")
        if self._points.ndim != 2 or self._points.shape[1] != len(self._names) or not len(self._points):
            msg = (
                f"Points got an array of shape {self._points.shape}; expected (n, {len(self._names)}) with n of at "
                f"least 1, one column each for {', '.join(self._names)}."
            )
            raise RegionError(msg)
        self._data = {
            require_name(name, "Points", "data"): self._column(name, values) for name, values in (data or {}).items()
        }

    def _column(self, name: str, values: object) -> np.ndarray:
        array = finite_array(values, f"Points: data {name!r}")
        if name in self._names:
            msg = f"Points: data {name!r} has the name of a coordinate. Choose another name."
            raise DataError(msg)
        if array.ndim not in (1, 2) or len(array) != len(self._points):
            msg = (
                f"Points: data {name!r} has shape {array.shape}; expected ({len(self._points)},) or "
                f"({len(self._points)}, k)."
            )
            raise DataError(msg)
        return array

    def __repr__(self) -> str:
        """Return the number of points and the names."""
        return f"Points({len(self._points)} points, names={self._names})"

    @property
    def names(self) -> tuple[str, ...]:
        """The coordinates, in the order of the columns."""
        return self._names

    @property
    def points(self) -> np.ndarray:
        """The points, shape ``(n, d)``."""
        return self._points.copy()

    @property
    def bounds(self) -> dict[str, tuple[float, float]]:
        """The least and the greatest value of each coordinate."""
        lows, highs = self._points.min(axis=0), self._points.max(axis=0)
        return {name: (float(low), float(high)) for name, low, high in zip(self._names, lows, highs, strict=True)}

    @property
    def measure(self) -> float:
        """One: the integral over given points is their mean."""
        return 1.0

    def measure_of(self, count: int) -> float:
        """One: fewer of the points are given points too."""
        del count
        return 1.0

    @property
    def dimension(self) -> int:
        """Zero: they are points."""
        return 0

    @property
    def size(self) -> int:
        """The number of points."""
        return len(self._points)

    @property
    def data_shapes(self) -> dict[str, tuple[int, ...]]:
        """The data at the points: name → shape per point."""
        return {name: values.shape[1:] for name, values in self._data.items()}

    def contains(self, points: np.ndarray) -> np.ndarray:
        """Tell which of other points are among the given ones, up to 1e-9 of their extent."""
        array = as_points(self, points)
        slack = 1e-9 * max(1.0, float(np.ptp(self._points, axis=0).max()))
        return np.array([bool((np.abs(self._points - row).max(axis=1) <= slack).any()) for row in array], dtype=bool)

    def draw(self, count: int, generator: torch.Generator) -> Sample:
        """Draw given points, each equally likely."""
        return self.take(torch.randint(self.size, (count,), generator=generator))

    def take(self, index: torch.Tensor) -> Sample:
        """Return the points with the given numbers, and their data."""
        rows = index.numpy()
        data = {name: torch.from_numpy(values[rows]) for name, values in self._data.items()}
        return Sample(torch.from_numpy(self._points[rows]), None, data)


def finite_array(values: object, what: str) -> np.ndarray:
    """Return values as a float array; refuse text, complex numbers, ragged rows and what is not finite."""
    try:
        raw = np.asarray(values)
        array = np.array(raw, dtype=float) if raw.dtype.kind in "iuf" else None
    except (TypeError, ValueError):
        array = None
    if array is None:
        msg = f"{what} is not an array of real numbers; got {type(values).__name__}."
        raise DataError(msg)
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        msg = f"{what} is not finite in row {bad[0][0]}: {array[tuple(bad[0])]}. Leave such rows out."
        raise DataError(msg)
    return array
