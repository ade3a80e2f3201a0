"""Measures of error: relative L2, peak signal-to-noise ratio, signal-to-noise ratio."""

from __future__ import annotations

import math

import numpy as np

#: Peak-to-peak range of a picture with values in [-1, 1].
PICTURE_RANGE = 2.0


def mean_squared_error(values: np.ndarray, reference: np.ndarray) -> float:
    """Return the mean of the squared difference of two arrays of one shape, summed in float64."""
    return float(np.mean(np.square(np.asarray(values, dtype=float) - np.asarray(reference, dtype=float))))


def relative_l2(values: np.ndarray, reference: np.ndarray) -> float:
    """Return ‖values − reference‖ / ‖reference‖; infinite where the reference vanishes and the values do not."""
    error = math.sqrt(mean_squared_error(values, reference))
    size = math.sqrt(mean_squared_error(reference, np.zeros(())))
    if size == 0.0:
        return 0.0 if error == 0.0 else math.inf
    return error / size


def psnr(values: np.ndarray, reference: np.ndarray, value_range: float = PICTURE_RANGE) -> float:
    """Return the peak signal-to-noise ratio in dB, 10 log₁₀(range² / MSE); for [-1, 1] data the range is 2."""
    error = mean_squared_error(values, reference)
    return math.inf if error == 0.0 else 10.0 * math.log10(value_range**2 / error)


def snr(values: np.ndarray, reference: np.ndarray) -> float:
    """Return the signal-to-noise ratio in dB, 10 log₁₀(mean square of the reference / MSE)."""
    error = mean_squared_error(values, reference)
    power = mean_squared_error(reference, np.zeros(()))
    if error == 0.0:
        return math.inf
    return 10.0 * math.log10(power / error) if power > 0.0 else -math.inf


def without_offset(values: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Return the values shifted, component by component, so that their mean is the reference's."""
    return np.asarray(values - (values.mean(axis=0) - reference.mean(axis=0)))
