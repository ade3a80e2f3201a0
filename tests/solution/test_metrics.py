"""Measures of error."""

import math

import numpy as np
import pytest

from sirenpde.solution import metrics

REFERENCE = np.array([1.0, -1.0, 2.0, 0.0])


def test_psnr_of_pictures_uses_a_range_of_two():
    # The published image fit: a mean squared error of 0.001136 is 35.47 dB; with range 1 it would be 29.45.
    values = REFERENCE + math.sqrt(0.001136)
    assert metrics.psnr(values, REFERENCE) == pytest.approx(35.47, abs=0.005)
    assert metrics.psnr(values, REFERENCE, value_range=1.0) == pytest.approx(29.45, abs=0.005)


def test_snr_is_power_over_error():
    # The published sound fit: 0.024203 over 0.000193 is 20.98 dB.
    reference = math.sqrt(0.024203) * np.array([1.0, -1.0, 1.0])
    assert metrics.snr(reference + math.sqrt(0.000193), reference) == pytest.approx(20.98, abs=0.005)


def test_relative_l2_is_the_error_in_units_of_the_reference():
    assert metrics.relative_l2(1.25 * REFERENCE, REFERENCE) == pytest.approx(0.25)
    assert metrics.relative_l2(REFERENCE + 3, REFERENCE) == pytest.approx(6 / math.sqrt(6))


def test_mean_squares_are_summed_in_float64():
    # In float32 the squares of 1e-25 vanish.
    small = np.full(8, 1e-25, dtype=np.float32)
    assert metrics.mean_squared_error(small, np.zeros(8, dtype=np.float32)) == pytest.approx(1e-50, rel=1e-6)


def test_no_error_is_infinite_decibels():
    assert metrics.psnr(REFERENCE, REFERENCE) == math.inf
    assert metrics.snr(REFERENCE, REFERENCE) == math.inf
    assert metrics.relative_l2(REFERENCE, REFERENCE) == 0.0


def test_a_reference_of_zero_has_no_relative_error():
    zero = np.zeros(3)
    assert metrics.relative_l2(zero + 1, zero) == math.inf
    assert metrics.relative_l2(zero, zero) == 0.0
    assert metrics.snr(zero + 1, zero) == -math.inf


def test_an_offset_is_taken_off_component_by_component():
    reference = np.stack([REFERENCE, 10 * REFERENCE], axis=1)
    shifted = reference + np.array([5.0, -7.0])
    np.testing.assert_allclose(metrics.without_offset(shifted, reference), reference, atol=1e-14)
    np.testing.assert_allclose(metrics.without_offset(2 * REFERENCE + 9, REFERENCE), 2 * REFERENCE - 0.5, atol=1e-14)
