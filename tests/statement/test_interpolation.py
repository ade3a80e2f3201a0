"""The cubic spline gives samples back, is exact for cubics, and differentiates as autograd does."""

import itertools

import numpy as np
import pytest
import torch
from scipy.interpolate import make_interp_spline

from sirenpde.errors import DataError, UsageError
from sirenpde.regions.grid import Grid
from sirenpde.statement.interpolation import CubicSpline, derivative_at_samples, spline_coefficients


def line(count):
    return Grid(("t",), (-1 + 1 / count,), (2 / count,), (count,))


def plane(width, height):
    step = 2 / max(width, height)
    return Grid(("x", "y"), (-(width - 1) * step / 2, (height - 1) * step / 2), (step, -step), (width, height))


def cubic(x, y):
    return 1 + 2 * x - y + 3 * x * y + x**3 - 2 * x**2 * y**3 + y**2


def between(grid, count, rng):
    """Points anywhere in the cells, the rims included."""
    low, high = np.array(list(grid.bounds.values())).T
    return torch.tensor(np.concatenate([rng.uniform(low, high, (count, len(low))), [low, high]]))


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 50])
@pytest.mark.parametrize("trailing", [(), (3,), (3, 2)], ids=str)
def test_a_spline_gives_the_samples_of_a_line_back(count, trailing, rng):
    grid = line(count)
    values = rng.normal(size=(count, *trailing))
    found = CubicSpline(values, grid)(torch.tensor(grid.points))
    assert found.shape == (count, *trailing)
    np.testing.assert_allclose(found.numpy(), values, rtol=0, atol=1e-12)


@pytest.mark.parametrize("shape", list(itertools.product([1, 2, 3, 4, 17], [1, 2, 5])), ids=str)
@pytest.mark.parametrize("trailing", [(), (3,)], ids=str)
def test_a_spline_gives_the_samples_of_a_picture_back_in_the_order_of_the_grid(shape, trailing, rng):
    grid = plane(*shape)
    values = rng.normal(size=(shape[1], shape[0], *trailing))
    found = CubicSpline(values, grid)(torch.tensor(grid.points))
    np.testing.assert_allclose(found.numpy(), values.reshape(-1, *trailing), rtol=0, atol=1e-12)


def test_a_spline_is_exact_for_cubics_to_the_rim_of_the_outermost_cells(rng):
    grid = plane(9, 7)
    spline = CubicSpline(cubic(*grid.points.T).reshape(7, 9), grid)
    points = between(grid, 200, rng)
    x, y = points.T
    exact = {
        (0, 0): cubic(x, y),
        (1, 0): 2 + 3 * y + 3 * x**2 - 4 * x * y**3,
        (0, 1): -1 + 3 * x - 6 * x**2 * y**2 + 2 * y,
        (1, 1): 3 - 12 * x * y**2,
        (2, 0): 6 * x - 4 * y**3,
        (0, 2): -12 * x**2 * y + 2,
    }
    for orders, values in exact.items():
        # 1e-15 of rounding in the samples, times 4 per derivative and 1/h = 4.5 for each
        np.testing.assert_allclose(spline.derivative(points, orders), values, rtol=0, atol=1e-11, err_msg=str(orders))


@pytest.mark.parametrize("count", [1, 2, 3], ids="{} samples".format)
def test_few_samples_give_the_polynomial_through_them(count, rng):
    grid = line(count)
    coefficients = rng.normal(size=count)
    values = np.polyval(coefficients, grid.axis("t"))
    t = torch.linspace(-1, 1, 11, dtype=torch.float64)
    expected = np.polyval(coefficients, t.numpy())
    np.testing.assert_allclose(CubicSpline(values, grid)(t[:, None]), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("orders", [(0, 0), (1, 0), (0, 1), (1, 1)], ids=str)
@pytest.mark.parametrize("column", [0, 1])
def test_autograd_of_a_derivative_is_the_next_derivative(orders, column, rng):
    grid = plane(8, 6)
    spline = CubicSpline(rng.normal(size=(6, 8, 2)), grid)
    points = between(grid, 100, rng).requires_grad_()
    component = spline.derivative(points, orders)[:, 1]
    (gradient,) = torch.autograd.grad(component.sum(), points)
    raised = tuple(order + (index == column) for index, order in enumerate(orders))
    expected = spline.derivative(points, raised)[:, 1]
    torch.testing.assert_close(gradient[:, column], expected, rtol=1e-11, atol=1e-10)


def test_the_error_of_a_spline_falls_with_the_fourth_power_of_the_spacing():
    errors = []
    counts = (640, 1280, 2560)
    for count in counts:
        grid = line(count)
        t = torch.linspace(-1, 1, 2001, dtype=torch.float64)
        error = CubicSpline(np.sin(3 * grid.axis("t")), grid)(t[:, None]) - torch.sin(3 * t)
        errors.append(float(error.abs().max()))
    orders = np.log2(np.divide(errors[:-1], errors[1:]))
    # The largest error is at the rim, half a cell past the samples: the end pieces are as accurate as the rest.
    np.testing.assert_allclose(orders, 4, atol=0.1)


def test_points_outside_the_cells_get_the_value_at_the_limit_and_no_slope():
    grid = line(10)
    spline = CubicSpline(grid.axis("t"), grid)
    far = torch.tensor([[1.5], [9.0]], dtype=torch.float64, requires_grad=True)
    values = spline(far)
    np.testing.assert_allclose(values.detach(), 1.02, rtol=1e-12)  # the rim, and a tenth of a cell of 0.2
    assert torch.autograd.grad(values.sum(), far)[0].abs().max() == 0


def test_points_on_the_rim_keep_their_slope_in_either_precision():
    grid = line(7)
    spline = CubicSpline(3 * grid.axis("t"), grid)
    for dtype in (torch.float32, torch.float64):
        rim = torch.tensor([[-1.0], [1.0]], dtype=dtype, requires_grad=True)
        slope = torch.autograd.grad(spline(rim).sum(), rim)[0]
        torch.testing.assert_close(slope, torch.full_like(slope, 3.0))


def test_single_precision_is_kept_and_as_accurate_as_the_positions_are(rng):
    grid = line(1000)
    spline = CubicSpline(np.sin(40 * grid.axis("t")), grid)
    points = torch.tensor(rng.uniform(-1, 1, (500, 1)))
    single = spline(points.float())
    assert single.dtype == torch.float32
    # A slope of 40 times three roundings of the position by up to 1.2e-7, and some of the value.
    torch.testing.assert_close(single.double(), spline(points), rtol=0, atol=1.5e-5)


def test_no_points_give_no_values():
    assert CubicSpline(np.zeros((4, 5, 3)), plane(5, 4))(torch.zeros(0, 2)).shape == (0, 3)


@pytest.mark.parametrize("order", [0, 1, 2])
@pytest.mark.parametrize("axis", [0, 1])
def test_derivatives_at_the_samples_are_those_of_the_spline(order, axis, rng):
    grid = plane(6, 5)
    values = rng.normal(size=(5, 6, 3))
    column = 1 - axis
    orders = tuple(order if index == column else 0 for index in range(2))
    found = derivative_at_samples(values, grid.spacing[column], axis, order)
    expected = CubicSpline(values, grid).derivative(torch.tensor(grid.points), orders)
    np.testing.assert_allclose(found.reshape(-1, 3), expected, rtol=0, atol=1e-10)


def test_coefficients_solve_the_equations_that_they_are_defined_by(rng):
    values = rng.normal(size=12)
    c = spline_coefficients(values, 0)
    np.testing.assert_allclose((c[:-2] + 4 * c[1:-1] + c[2:]) / 6, values, atol=1e-13)
    fourth = np.diff(c, 4)
    np.testing.assert_allclose(fourth[[0, -1]], 0, atol=1e-12)
    assert np.abs(fourth[1:-1]).min() > 0.01  # only at the ends


def test_a_spline_is_that_of_scipy_without_knots_at_the_second_samples(rng):
    grid = line(15)
    values = rng.normal(size=15)
    points = between(grid, 200, rng)
    expected = make_interp_spline(grid.axis("t"), values, k=3)(points.numpy()[:, 0])
    np.testing.assert_allclose(CubicSpline(values, grid)(points), expected, rtol=0, atol=1e-11)


def test_samples_of_another_shape_are_refused():
    with pytest.raises(DataError) as refusal:
        CubicSpline(np.zeros((5, 4)), plane(5, 4))
    assert str(refusal.value) == (
        "the samples have shape (5, 4); expected (4, 5) for the grid over x, y.\n"
        "  The first coordinate varies fastest, so it stands last: (rows, columns) for x and y."
    )


def test_points_with_other_columns_are_refused():
    with pytest.raises(
        DataError, match=r"data on the grid over x, y got points of shape \(7, 3\); expected \(n, 2\)\."
    ):
        CubicSpline(np.zeros((4, 5)), plane(5, 4))(torch.zeros(7, 3))


def test_a_third_derivative_is_refused():
    with pytest.raises(UsageError, match=r"a cubic spline was asked for derivative 3; expected 0, 1 or 2\."):
        CubicSpline(np.zeros(4), line(4)).derivative(torch.zeros(2, 1), (3,))
