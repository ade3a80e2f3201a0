"""The cosine transform solves the picture Poisson problem exactly for its own stencils, Sobel up to a known ceiling."""

import numpy as np
import pytest
from scipy import ndimage
from skimage import data

from sirenpde.errors import DataError
from sirenpde.solution.classical import poisson_dct, poisson_dct_gradient, poisson_dct_laplacian
from sirenpde.statement.raster import Raster

CEILINGS = {128: 30.88, 256: 33.33}


def signal_to_noise(found, exact):
    """Peak signal over noise in dB for values in [-1, 1], a range of 2, after removing the difference of the means."""
    error = found - exact
    return 10 * np.log10(2.0**2 / np.mean((error - error.mean()) ** 2))


def centred(values):
    return values - values.mean(axis=(0, 1))


@pytest.fixture(params=[(6, 9), (9, 6), (1, 5), (5, 1), (5, 8, 3)], ids=str)
def picture(request, rng):
    return Raster.from_image(rng.uniform(-1, 1, request.param[:2] + request.param[2:]))


def differences(raster):
    """Differences over the faces by plain slicing, y upwards; empty where there is one pixel."""
    step = raster.grid.spacing[0]
    v = raster.values
    return (v[:, 1:] - v[:, :-1]) / step, (v[:-1] - v[1:]) / step


def test_differences_over_the_faces_give_the_picture_back(picture):
    found = poisson_dct(*differences(picture), picture.grid.spacing[0])
    np.testing.assert_allclose(found, centred(picture.values), rtol=0, atol=1e-10)


@pytest.mark.parametrize("size", CEILINGS)
def test_differences_of_the_camera_picture_give_it_back(size):
    raster = Raster.from_image(data.camera(), size=size)
    gx, gy = raster.face_differences("x").values, raster.face_differences("y").values
    found = poisson_dct(gx, gy, raster.grid.spacing[0])
    np.testing.assert_allclose(found, centred(raster.values), rtol=0, atol=1e-10)
    assert signal_to_noise(found, raster.values) > 260


def test_the_five_point_laplacian_gives_the_picture_back(picture):
    found = poisson_dct_laplacian(picture.laplacian("five_point").values, picture.grid.spacing[0])
    np.testing.assert_allclose(found, centred(picture.values), rtol=0, atol=1e-10)


@pytest.mark.parametrize("size", CEILINGS)
def test_the_sobel_gradient_of_the_camera_picture_gives_the_published_ceiling(size):
    raster = Raster.from_image(data.camera(), size=size)
    found = poisson_dct_gradient(raster.gradient("sobel").values, raster.grid.spacing[0])
    assert signal_to_noise(found, raster.values) == pytest.approx(CEILINGS[size], abs=0.02)


def test_that_ceiling_is_the_smoothing_by_one_two_one_in_both_directions(picture):
    found = poisson_dct_gradient(picture.gradient("sobel").values, picture.grid.spacing[0])
    smooth = picture.values
    for axis in (0, 1):
        smooth = ndimage.correlate1d(smooth, [0.25, 0.5, 0.25], axis=axis, mode="reflect")
    np.testing.assert_allclose(found, centred(smooth), rtol=0, atol=1e-10)


def test_a_gradient_that_is_none_is_answered_by_the_nearest_picture(rng):
    # Least squares: the error of the differences is orthogonal to the differences of every picture.
    gx, gy, step = rng.normal(size=(6, 7)), rng.normal(size=(5, 8)), 0.25
    u = poisson_dct(gx, gy, step)
    ex, ey = np.diff(u, axis=1) / step - gx, -np.diff(u, axis=0) / step - gy
    for _ in range(5):
        other = rng.normal(size=(6, 8))
        product = np.sum(ex * np.diff(other, axis=1)) - np.sum(ey * np.diff(other, axis=0))
        assert product == pytest.approx(0, abs=1e-11)


def test_a_mean_that_no_laplacian_has_is_left_out(picture):
    laplacian = picture.laplacian("five_point").values
    found = poisson_dct_laplacian(laplacian + 3.0, picture.grid.spacing[0])
    np.testing.assert_allclose(found, centred(picture.values), rtol=0, atol=1e-10)


def test_signal_to_noise_takes_a_range_of_two():
    error = np.sqrt(0.001136) * np.array([1.0, -1.0])
    assert signal_to_noise(error, np.zeros(2)) == pytest.approx(35.47, abs=0.005)


@pytest.mark.parametrize(
    ("solve", "said"),
    [
        (lambda: poisson_dct(np.zeros((6, 8)), np.zeros((5, 8)), 1.0), r"have shapes \(6, 8\) and \(5, 8\); expected"),
        (lambda: poisson_dct(np.zeros((6, 7, 3)), np.zeros((5, 8)), 1.0), r"have shapes \(6, 7, 3\) and \(5, 8\)"),
        (
            lambda: poisson_dct_gradient(np.zeros((6, 8, 3)), 1.0),
            r"the gradient has shape \(6, 8, 3\); expected \(h, w, 2",
        ),
        (lambda: poisson_dct_gradient(np.zeros((6, 2)), 1.0), r"the gradient has shape \(6, 2\)"),
        (lambda: poisson_dct_laplacian(np.full((3, 3), np.nan), 1.0), r"shape \(3, 3\); expected finite numbers"),
        (lambda: poisson_dct_laplacian(np.zeros(3), 1.0), r"got ndarray of shape \(3,\)"),
    ],
    ids=["faces", "components", "three components", "no components", "not a number", "one axis"],
)
def test_data_that_belong_to_no_picture_are_refused(solve, said):
    with pytest.raises(DataError, match=said):
        solve()
