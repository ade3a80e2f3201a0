"""Pictures as known functions of x and y, with their derivatives in domain units.

x points to the right and y upwards; the longer side spans [-1, 1]; pixels are square and a value sits at its pixel's
centre. Row 0 of an array is the top of the picture, so the grid's second spacing is negative.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from scipy import ndimage
from torch import Tensor

from sirenpde.errors import DataError, UsageError, suggestion
from sirenpde.regions.grid import Grid
from sirenpde.statement.interpolation import CubicSpline, derivative_at_samples, require_fit
from sirenpde.statement.known import Known
from sirenpde.statement.media import read_image

GradientKind = Literal["spline", "sobel"]
LaplacianKind = Literal["five_point", "spline"]


@dataclass(frozen=True, eq=False)
class Raster(Known):
    """Values at the centres of square pixels, a function of (x, y) by the cubic spline through them.

    Example:
        >>> import numpy as np
        >>> ramp = Raster.from_image(np.linspace(0, 1, 5) + np.linspace(1, 0, 4)[:, None])
        >>> ramp.values.shape, ramp.grid.bounds["y"]
        ((4, 5), (-0.8, 0.8))
        >>> ramp.gradient().values[0, 0]
        array([0.625     , 0.83333333])

    Attributes:
        values: Shape ``(h, w)``, ``(h, w, c)`` for colours, ``(h, w, *trailing)`` in general; read-only, row 0 on top.
        grid: The pixels as a region over x and y; ``grid.points`` match ``values.reshape(-1, *trailing)``.
    """

    values: np.ndarray
    grid: Grid

    def __post_init__(self) -> None:
        """Keep an own, unchangeable copy of the values; refuse what is not finite."""
        if np.asarray(self.values).dtype.kind not in "fiub" or len(self.grid.shape) != 2:
            names, kind = ", ".join(self.grid.names), np.asarray(self.values).dtype
            msg = f"a raster has values of type {kind} over {names}; expected real numbers over two coordinates."
            raise DataError(msg)
        values = np.array(self.values, dtype=np.float64)
        require_fit(values, self.grid)
        bad = ~np.isfinite(values)
        if bad.any():
            row, column, *_ = np.unravel_index(int(bad.argmax()), values.shape)
            msg = (
                f"a raster has the value {values[bad][0]} at row {row}, column {column}; expected finite numbers.\n"
                f"  Replace the {int(bad.sum())} such values, or cut them out."
            )
            raise DataError(msg)
        values.flags.writeable = False
        object.__setattr__(self, "values", values)

    @classmethod
    def from_image(cls, source: str | os.PathLike[str] | np.ndarray, size: int | None = None) -> Raster:
        """Make a raster of a picture.

        Args:
            source: The path of a PNG, JPEG or TIFF file, or an array ``(h, w)``, ``(h, w, 1)`` or ``(h, w, 3)``:
                uint8, uint16 and bool are mapped to [-1, 1], floating values are taken as they are.
            size: The number of pixels of the longer side, antialiased; as it is if left out.

        Raises:
            DataError: If there is no picture, it is damaged, too large or not finite, or ``size`` is no positive
                integer.
        """
        values = read_image(source, size)
        height, width = values.shape[:2]
        step = 2.0 / max(height, width)
        origin = (-(width - 1) * step / 2, (height - 1) * step / 2)
        return cls(values, Grid(("x", "y"), origin, (step, -step), (width, height)))

    @property
    def names(self) -> tuple[str, ...]:
        """The coordinates, x and y."""
        return self.grid.names

    @property
    def trailing(self) -> tuple[int, ...]:
        """The shape of one pixel's value: ``()`` for grey, ``(3,)`` for RGB."""
        return self.values.shape[2:]

    @cached_property
    def spline(self) -> CubicSpline:
        """The cubic spline through the values."""
        return CubicSpline(self.values, self.grid)

    def __call__(self, points: Tensor) -> Tensor:
        """Evaluate the cubic spline at points ``(n, 2)``; returns ``(n, *trailing)``, differentiable by autograd."""
        return self.spline(points)

    def gradient(self, kind: GradientKind = "spline") -> Raster:
        """Return the gradient (∂/∂x, ∂/∂y) at the pixels, in domain units.

        Args:
            kind: ``"spline"``, of the cubic spline through the values: exact for cubics, at the edges too. ``"sobel"``,
                the 3 × 3 Sobel sums with reflected edges, divided by 8 pixels: it smooths across by 1-2-1, is exact for
                planes but in the outermost pixels, and is what Sitzmann et al. 2020 used, up to the scale.

        Returns:
            A raster on the same grid, values of shape ``(h, w, *trailing, 2)``.

        Raises:
            UsageError: If there is no such kind.
        """
        require_kind("gradient", kind, ("spline", "sobel"))
        parts = []
        for step, axis in zip(self.grid.spacing, (1, 0), strict=True):
            if kind == "spline":
                parts.append(derivative_at_samples(self.values, step, axis, 1))
            else:
                across = ndimage.correlate1d(self.values, [1, 2, 1], axis=1 - axis, mode="reflect")
                parts.append(ndimage.correlate1d(across, [-1, 0, 1], axis=axis, mode="reflect") / (8 * step))
        return Raster(np.stack(parts, axis=-1), self.grid)

    def laplacian(self, kind: LaplacianKind = "five_point") -> Raster:
        """Return the Laplacian at the pixels, in domain units.

        Args:
            kind: ``"five_point"``, the differences to the four neighbours with reflected edges: the data of Sitzmann et
                al. 2020, up to the scale. ``"spline"``, of the cubic spline through the values: exact for cubics, at
                the edges too, so right for smooth data; of a photograph it is too rough. Solving Δu = data by cosines
                gives the camera picture at 128² back with 39.3 dB from the first and 3.4 dB from the second.

        Returns:
            A raster on the same grid, values of the same shape.

        Raises:
            UsageError: If there is no such kind.
        """
        require_kind("Laplacian", kind, ("five_point", "spline"))
        total = np.zeros_like(self.values)
        for step, axis in zip(self.grid.spacing, (1, 0), strict=True):
            if kind == "spline":
                total += derivative_at_samples(self.values, step, axis, 2)
            else:
                total += ndimage.correlate1d(self.values, [1, -2, 1], axis=axis, mode="reflect") / step**2
        return Raster(total, self.grid)

    def face_differences(self, name: str) -> Raster:
        """Return the differences of neighbouring pixels over their distance, at the midpoints between them.

        Together those along x and y hold all that a picture is, up to a constant: no smoothing is involved.

        Args:
            name: The coordinate along which to differ, ``"x"`` or ``"y"``.

        Returns:
            A raster on a grid of its own, the faces: values ``(h, w - 1, *trailing)`` for x and
            ``(h - 1, w, *trailing)`` for y.

        Raises:
            UsageError: If there is no such coordinate.
            DataError: If there is only one pixel along it.
        """
        require_kind("face difference", name, self.names)
        column = self.names.index(name)
        if self.grid.shape[column] < 2:
            msg = f"a raster of one pixel along {name} has no differences along it; expected at least two pixels."
            raise DataError(msg)
        origin, shape = list(self.grid.origin), list(self.grid.shape)
        origin[column] += self.grid.spacing[column] / 2
        shape[column] -= 1
        faces = Grid(self.names, tuple(origin), self.grid.spacing, tuple(shape))
        return Raster(np.diff(self.values, axis=1 - column) / self.grid.spacing[column], faces)


def require_kind(what: str, kind: str, kinds: tuple[str, ...]) -> None:
    """Refuse a kind of derivative that does not exist."""
    if kind not in kinds:
        known = " or ".join(repr(name) for name in kinds)
        hint = suggestion(kind, kinds) if isinstance(kind, str) else ""
        msg = f"a raster was asked for the {what} {kind!r}; expected {known}.{hint}"
        raise UsageError(msg)
