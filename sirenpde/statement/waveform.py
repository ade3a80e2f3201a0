"""Sounds as known functions of t, with their derivatives in domain units.

The whole sound spans t in [-1, 1], whatever it lasts; samples sit at the centres of their cells; values are divided by
the peak, which is kept together with the rate, so that the sound can be written back.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from torch import Tensor

from sirenpde.errors import DataError
from sirenpde.regions.grid import Grid
from sirenpde.statement.interpolation import CubicSpline, derivative_at_samples, require_fit
from sirenpde.statement.known import Known
from sirenpde.statement.media import read_sound
from sirenpde.statement.wav import require_rate


@dataclass(frozen=True, eq=False)
class Waveform(Known):
    """Samples of a sound, a function of t by the cubic spline through them.

    Example:
        >>> import numpy as np
        >>> tone = Waveform.from_samples(0.5 * np.sin(np.arange(8000)), rate=8000)
        >>> tone.values.shape, round(tone.peak, 6), tone.grid.bounds
        ((8000,), 0.5, {'t': (-1.0, 1.0)})

    Attributes:
        values: Shape ``(n,)``, in units of the peak; read-only.
        grid: The samples as a region over t.
        rate: Samples per second.
        peak: The largest magnitude of the sound as it was recorded.
    """

    values: np.ndarray
    grid: Grid
    rate: int
    peak: float

    def __post_init__(self) -> None:
        """Keep an own, unchangeable copy of the values; refuse what is no sound."""
        values = np.array(self.values, dtype=np.float64)
        if len(self.grid.names) != 1 or values.ndim != 1 or not np.isfinite(values).all():
            msg = f"a waveform got values of shape {values.shape}; expected finite numbers (n,) over one coordinate."
            raise DataError(msg)
        require_fit(values, self.grid)
        require_rate("the sound", self.rate)
        values.flags.writeable = False
        object.__setattr__(self, "values", values)

    @classmethod
    def from_wav(cls, path: str | os.PathLike[str]) -> Waveform:
        """Make a waveform of a WAV file; several channels are averaged, which is said.

        Args:
            path: A WAV file of 8, 16, 24 or 32 bits, or of 32 or 64-bit floats.

        Raises:
            DataError: If the file is no such sound, is damaged, or is silent throughout.
        """
        samples, rate = read_sound(path)
        return _normalised(f'sound "{path}"', samples, rate)

    @classmethod
    def from_samples(cls, samples: np.ndarray, rate: int) -> Waveform:
        """Make a waveform of samples.

        Args:
            samples: Shape ``(n,)``, real and finite, in any unit.
            rate: Samples per second, 1 to 768,000.

        Raises:
            DataError: If the samples have another shape, are not finite or all zero, or the rate is out of range.
        """
        values = np.asarray(samples)
        if values.ndim != 1 or values.size == 0 or values.dtype.kind not in "fiu":
            msg = (
                f"the samples have shape {values.shape} and type {values.dtype}; expected real numbers of shape (n,).\n"
                "  Average several channels first: samples.mean(axis=1)."
            )
            raise DataError(msg)
        values = values.astype(np.float64)
        if not np.isfinite(values).all():
            index = int(np.argmin(np.isfinite(values)))
            msg = (
                f"the samples have the value {values[index]} at sample {index}; expected finite numbers.\n"
                "  Replace such values, or cut them out."
            )
            raise DataError(msg)
        return _normalised("the sound", values, require_rate("the sound", rate))

    @property
    def names(self) -> tuple[str, ...]:
        """The coordinate, t."""
        return self.grid.names

    @property
    def trailing(self) -> tuple[int, ...]:
        """The shape of one sample, ``()``."""
        return ()

    @cached_property
    def spline(self) -> CubicSpline:
        """The cubic spline through the values."""
        return CubicSpline(self.values, self.grid)

    def __call__(self, points: Tensor) -> Tensor:
        """Evaluate the cubic spline at points of shape ``(n, 1)``; returns ``(n,)``, differentiable by autograd."""
        return self.spline(points)

    def gradient(self) -> Waveform:
        """Return the derivative by t of the cubic spline at the samples, shape ``(n,)``, in peaks per unit of t.

        The sound lasts two units of t, so one unit is n / (2 rate) seconds.
        """
        return self._derivative(1)

    def laplacian(self) -> Waveform:
        """Return the second derivative by t at the samples, shape ``(n,)``, in peaks per squared unit of t."""
        return self._derivative(2)

    def _derivative(self, order: int) -> Waveform:
        """Return a derivative as a waveform on the same grid."""
        values = derivative_at_samples(self.values, self.grid.spacing[0], 0, order)
        return Waveform(values, self.grid, self.rate, self.peak)


def _normalised(name: str, samples: np.ndarray, rate: int) -> Waveform:
    """Divide samples by their peak and lay them over [-1, 1]."""
    peak = float(np.abs(samples).max())
    if peak == 0.0:
        msg = f"{name} is zero in all of its {len(samples)} samples, so it has no peak. Choose a part with sound in it."
        raise DataError(msg)
    step = 2.0 / len(samples)
    return Waveform(samples / peak, Grid(("t",), (step / 2 - 1.0,), (step,), (len(samples),)), rate, peak)
