"""Pictures as functions: where their pixels are, and derivatives in domain units."""

import math

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import ndimage
from skimage import data

from sirenpde.errors import DataError, UsageError
from sirenpde.regions.grid import Grid
from sirenpde.statement.media import MediaWarning
from sirenpde.statement.raster import Raster

ANCHORS = {  # mean square, variance, mean square of the Sobel sums, of the five-point sums
    128: (0.316287, None, 0.987969, 0.066743),
    256: (0.324129, 0.323952, 0.749635, 0.036907),
}


@pytest.fixture(scope="module", params=[128, 256])
def camera(request):
    raster = Raster.from_image(data.camera(), size=request.param)
    if abs(np.mean(raster.values**2) - ANCHORS[request.param][0]) > 1e-5:
        pytest.skip("the camera picture of scikit-image changed: its anchors do not apply")
    return raster


def of(function, width, height):
    """A raster of a function of x and y."""
    empty = Raster.from_image(np.zeros((height, width)))
    values = function(*empty.grid.points.T)
    return Raster(values.reshape(height, width, *values.shape[1:]), empty.grid)


def plane_of(width, height):
    return of(lambda x, y: 3 * x - 2 * y + 0.5, width, height)


def test_the_longer_side_spans_two_and_pixels_are_square():
    wide = Raster.from_image(np.zeros((2, 8)))
    assert wide.grid.bounds == {"x": (-1, 1), "y": (-0.25, 0.25)}
    assert wide.grid.spacing == (0.25, -0.25)
    tall = Raster.from_image(np.zeros((8, 2)))
    assert tall.grid.bounds == {"x": (-0.25, 0.25), "y": (-1, 1)}
    assert tall.grid.measure == pytest.approx(1.0)
    assert tall.names == ("x", "y")


def test_row_zero_is_the_top_and_column_zero_the_left():
    picture = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    raster = Raster.from_image(picture)
    expected = [[-2 / 3, 1 / 3], [0, 1 / 3], [2 / 3, 1 / 3], [-2 / 3, -1 / 3], [0, -1 / 3], [2 / 3, -1 / 3]]
    np.testing.assert_allclose(raster.grid.points, expected, atol=1e-15)
    np.testing.assert_array_equal(raster.values, picture)


@pytest.mark.parametrize("shape", [(4, 6), (4, 6, 3)], ids=str)
def test_a_raster_takes_its_values_at_its_pixels(shape, rng):
    raster = Raster.from_image(rng.uniform(-1, 1, shape))
    assert raster.trailing == shape[2:]
    found = raster(torch.tensor(raster.grid.points))
    np.testing.assert_allclose(found, raster.values.reshape(-1, *shape[2:]), rtol=0, atol=1e-12)


@pytest.mark.parametrize("size", [(9, 6), (6, 9), (2, 2), (3, 4)], ids=str)
def test_the_gradient_of_a_plane_is_its_slope_in_every_pixel(size):
    found = plane_of(*size).gradient().values
    assert found.shape == (size[1], size[0], 2)
    np.testing.assert_allclose(found, np.broadcast_to([3, -2], found.shape), rtol=0, atol=1e-12)


def test_the_sobel_gradient_of_a_plane_is_its_slope_inside():
    found = plane_of(9, 6).gradient("sobel").values[1:-1, 1:-1]
    np.testing.assert_allclose(found, np.broadcast_to([3, -2], found.shape), rtol=0, atol=1e-12)


def test_the_sobel_gradient_is_the_sobel_sum_over_eight_pixels(camera):
    step = camera.grid.spacing[0]
    found = camera.gradient("sobel").values
    np.testing.assert_allclose(found[..., 0], ndimage.sobel(camera.values, axis=1) / (8 * step), rtol=0, atol=1e-11)
    np.testing.assert_allclose(found[..., 1], -ndimage.sobel(camera.values, axis=0) / (8 * step), rtol=0, atol=1e-11)


def test_the_gradient_is_what_autograd_finds_at_the_pixels(rng):
    raster = Raster.from_image(rng.normal(size=(5, 7)))
    points = torch.tensor(raster.grid.points, requires_grad=True)
    (expected,) = torch.autograd.grad(raster(points).sum(), points)
    np.testing.assert_allclose(raster.gradient().values.reshape(-1, 2), expected, rtol=0, atol=1e-11)


def test_gradients_of_colours_stand_channel_by_channel(rng):
    colour = Raster.from_image(rng.normal(size=(5, 7, 3)))
    for kind in ("spline", "sobel"):
        found = colour.gradient(kind)
        assert found.trailing == (3, 2)
        assert found(torch.zeros(4, 2)).shape == (4, 3, 2)
        for channel in range(3):
            alone = Raster.from_image(colour.values[:, :, channel]).gradient(kind)
            np.testing.assert_allclose(found.values[:, :, channel], alone.values, rtol=0, atol=1e-12)


def test_the_laplacian_of_a_quadratic_is_exact_inside_for_either_kind():
    raster = of(lambda x, y: x**2 - 3 * y**2 + x * y + x, 9, 6)
    for kind, part in (("five_point", np.s_[1:-1, 1:-1]), ("spline", np.s_[:, :])):
        np.testing.assert_allclose(raster.laplacian(kind).values[part], -4, rtol=0, atol=1e-10, err_msg=kind)


def test_the_default_laplacian_is_the_five_point_sum_with_reflected_edges(camera):
    expected = ndimage.laplace(camera.values, mode="reflect") / camera.grid.spacing[0] ** 2
    np.testing.assert_allclose(camera.laplacian().values, expected, rtol=1e-12, atol=1e-9)


def test_the_laplacian_of_colours_keeps_their_layout(rng):
    assert Raster.from_image(rng.normal(size=(5, 7, 3))).laplacian().values.shape == (5, 7, 3)


def test_differences_of_a_plane_over_the_faces_are_its_slope():
    raster = plane_of(9, 6)
    for name, slope, shape in (("x", 3, (6, 8)), ("y", -2, (5, 9))):
        faces = raster.face_differences(name)
        assert faces.values.shape == shape
        np.testing.assert_allclose(faces.values, slope, rtol=0, atol=1e-12)


def test_faces_lie_in_the_middle_between_pixels():
    # Differences of a quadratic are its exact derivative there, and nowhere else.
    raster = of(lambda x, y: x**2 + 5 * y**2, 6, 4)
    for name, factor, column in (("x", 2, 0), ("y", 10, 1)):
        faces = raster.face_differences(name)
        np.testing.assert_allclose(faces.values.reshape(-1), factor * faces.grid.points[:, column], rtol=0, atol=1e-12)


def test_the_camera_picture_has_the_published_figures(camera):
    size = len(camera.values)
    square, variance, sobel, laplace = ANCHORS[size]
    step = camera.grid.spacing[0]
    assert np.mean(camera.values**2) == pytest.approx(square, abs=1e-5)
    assert variance is None or camera.values.var() == pytest.approx(variance, abs=1e-5)
    assert np.mean(np.sum((camera.gradient("sobel").values * 8 * step) ** 2, axis=-1)) == pytest.approx(sobel, abs=1e-5)
    assert np.mean((camera.laplacian().values * step**2) ** 2) == pytest.approx(laplace, abs=1e-5)


@pytest.mark.parametrize("shape", [(30, 20), (20, 30), (30, 20, 3)], ids=str)
def test_a_resize_sets_the_longer_side_and_keeps_the_aspect(shape, rng):
    small = Raster.from_image(rng.uniform(-1, 1, shape), size=15)
    assert sorted(small.values.shape[:2]) == [10, 15]
    assert small.values.shape[2:] == shape[2:]
    assert small.values.argmax() >= 0
    assert (small.values.shape[0] > small.values.shape[1]) == (shape[0] > shape[1])


def test_a_resize_is_antialiased_alike_for_bytes_words_and_floats(rng):
    levels = rng.integers(0, 256, (64, 48), dtype=np.uint8)
    fine = Raster.from_image(levels / 127.5 - 1, size=16).values
    # Bytes are rounded after each of the two passes: half a level twice.
    np.testing.assert_allclose(Raster.from_image(levels, size=16).values, fine, rtol=0, atol=1.01 / 127.5)
    words = levels.astype(np.uint16) * 257
    np.testing.assert_allclose(Raster.from_image(words, size=16).values, fine, rtol=0, atol=1e-12)
    checks = np.indices((64, 64)).sum(axis=0) % 2 * 2.0 - 1
    assert np.abs(Raster.from_image(checks, size=16).values[1:-1, 1:-1]).max() < 1e-12  # at the rim triangles are cut


def test_a_resize_agrees_with_that_of_pillow(rng):
    values = rng.uniform(-1, 1, (37, 23))
    single = Image.fromarray(values.astype(np.float32)).resize((9, 14), Image.Resampling.BILINEAR)
    np.testing.assert_allclose(Raster.from_image(values, size=14).values, np.asarray(single), rtol=0, atol=1e-6)


def test_enlarging_is_said():
    with pytest.warns(MediaWarning, match=r"has 4 x 3 pixels, fewer than size=8: enlarged") as caught:
        assert Raster.from_image(np.zeros((3, 4)), size=8).values.shape == (6, 8)
    assert caught[0].filename == __file__


@pytest.mark.parametrize("size", [0, -3, 2.5, "64", math.nan, True], ids=str)
def test_a_size_that_is_no_positive_integer_is_refused(size):
    with pytest.raises(DataError) as refusal:
        Raster.from_image(np.zeros((3, 4)), size=size)
    assert str(refusal.value) == (
        f"the image array: size={size!r}; expected a positive integer, the pixels of the longer side, such as size=256."
    )


def test_values_cannot_be_changed_from_either_side():
    source = np.zeros((3, 4))
    raster = Raster.from_image(source)
    source[0, 0] = 5
    assert raster.values[0, 0] == 0
    with pytest.raises(ValueError, match="read-only"):
        raster.values[0, 0] = 1


def test_values_that_are_not_finite_are_refused_with_the_first_pixel():
    values = np.zeros((3, 4, 2))
    values[1, 2, 1] = values[2, 0, 0] = np.nan
    with pytest.raises(DataError) as refusal:
        Raster(values, Raster.from_image(np.zeros((3, 4))).grid)
    assert str(refusal.value) == (
        "a raster has the value nan at row 1, column 2; expected finite numbers.\n"
        "  Replace the 2 such values, or cut them out."
    )


def test_values_of_other_types_and_grids_are_refused():
    grid = Raster.from_image(np.zeros((3, 4))).grid
    with pytest.raises(DataError, match=r"values of type complex128 over x, y; expected real numbers over two coord"):
        Raster(np.zeros((3, 4), dtype=complex), grid)
    with pytest.raises(DataError, match=r"values of type float64 over t; expected real numbers over two coordinates"):
        Raster(np.zeros(4), Grid(("t",), (0.0,), (1.0,), (4,)))
    with pytest.raises(DataError, match=r"the samples have shape \(4, 3\); expected \(3, 4\)"):
        Raster(np.zeros((4, 3)), grid)


def test_a_kind_that_does_not_exist_is_refused():
    raster = Raster.from_image(np.zeros((3, 4)))
    with pytest.raises(UsageError) as refusal:
        raster.gradient("sobl")
    assert str(refusal.value) == (
        "a raster was asked for the gradient 'sobl'; expected 'spline' or 'sobel'.\n  Did you mean sobel?"
    )
    with pytest.raises(UsageError, match="the Laplacian 'sobel'; expected 'five_point' or 'spline'"):
        raster.laplacian("sobel")
    with pytest.raises(UsageError, match="the face difference 'z'; expected 'x' or 'y'"):
        raster.face_differences("z")


def test_one_pixel_is_a_constant_without_differences():
    raster = Raster.from_image(np.full((1, 1), 0.25))
    assert raster(torch.tensor([[0.3, -0.9]], dtype=torch.float64)).item() == pytest.approx(0.25, abs=1e-15)
    assert np.abs(raster.gradient().values).max() < 1e-15
    with pytest.raises(DataError, match="a raster of one pixel along x has no differences along it"):
        raster.face_differences("x")
