"""Solutions on a grid: axes, orientation, references, errors."""

import numpy as np
import pytest
import torch
from small import read_u, stated
from torch import nn

import sirenpde as sp
from sirenpde.solution.gridded import RESOLUTION, evaluate_on_grid, grid_axes, grid_points


class Phi(nn.Module):
    """A field that is written down."""

    def __init__(self, function):
        super().__init__()
        self.zero = nn.Parameter(torch.zeros((), dtype=torch.float64))
        self.function = function

    def forward(self, points):
        return self.function(*points.T).reshape(len(points), -1) + self.zero


def problem(region, residual=read_u, **changes):
    return stated(constraints=[sp.Constraint("rule", on=region, residual=residual)], **changes)


@pytest.fixture
def coarse(monkeypatch):
    monkeypatch.setattr("sirenpde.solution.gridded.RESOLUTION", {1: 11, 2: 6, 3: 4})


def test_a_region_without_a_grid_gets_even_axes_over_its_bounds():
    axes = grid_axes([sp.Box(x=(-1, 1), t=(0, 2))], ("x", "t"))
    assert list(axes) == ["x", "t"]
    np.testing.assert_allclose(axes["x"], np.linspace(-1, 1, RESOLUTION[2]))
    np.testing.assert_allclose(axes["t"], np.linspace(0, 2, RESOLUTION[2]))


def test_a_grid_keeps_its_own_points_ascending():
    grid = sp.Grid(("x", "y"), (-0.75, 0.5), (0.5, -1.0), (4, 2))
    axes = grid_axes([grid], ("x", "y"))
    assert axes["x"].tolist() == [-0.75, -0.25, 0.25, 0.75]
    assert axes["y"].tolist() == [-0.5, 0.5]


def test_beyond_three_coordinates_there_is_no_grid():
    box = sp.Box(x=(0, 1), y=(0, 1), z=(0, 1), t=(0, 1))
    assert grid_axes([box], box.names) == {}
    gridded = evaluate_on_grid(problem(box), Phi(lambda x, y, z, t: x), derivatives=False)
    assert (gridded.axes, gridded.values, gridded.inside) == ({}, {}, None)


def test_a_fixed_coordinate_has_one_value():
    region = sp.Box(x=(0, 1), t=(0, 1)).at(t=0)
    assert grid_axes([region], ("x", "t"))["t"].tolist() == [0]


def test_points_are_in_the_order_of_the_coordinates_and_values_in_that_of_the_file():
    axes = {"x": np.array([0.0, 1.0]), "t": np.array([10.0, 20.0, 30.0])}
    shape, points = grid_points(axes, ("x", "t"))
    assert shape == (3, 2)
    assert points.tolist() == [[0, 10], [1, 10], [0, 20], [1, 20], [0, 30], [1, 30]]


def test_values_stand_where_their_axes_say(coarse):
    box = sp.Box(x=(0, 1), y=(0, 2), t=(0, 3))
    gridded = evaluate_on_grid(problem(box), Phi(lambda x, y, t: x + 10 * y + 100 * t), derivatives=False)
    t, y, x = np.meshgrid(gridded.axes["t"], gridded.axes["y"], gridded.axes["x"], indexing="ij")
    np.testing.assert_allclose(gridded.values["u"], x + 10 * y + 100 * t, rtol=1e-13)


def test_coordinates_in_another_order_than_the_grid_stand_right_too():
    picture = sp.Raster.from_image(np.arange(6.0).reshape(2, 3))
    both = stated(
        constraints=[
            sp.Constraint("pixels", on=picture.grid, residual=read_u),
            sp.Constraint("more", on=sp.Box(y=(-1, 1), x=(-1, 1)), residual=read_u),
        ],
        exact={"u": picture},
    )
    gridded = evaluate_on_grid(both, Phi(lambda x, y: x + 10 * y), derivatives=False)
    np.testing.assert_allclose(gridded.values["u_reference"], [[3, 4, 5], [0, 1, 2]], atol=1e-12)  # upwards
    np.testing.assert_allclose(gridded.values["u"][1] - gridded.values["u"][0], 10 * 2 / 3, rtol=1e-12)


def test_the_error_is_the_field_minus_its_reference(coarse):
    gridded = evaluate_on_grid(
        problem(sp.Box(x=(0, 1)), exact={"u": lambda a: a.x}), Phi(lambda x: 3 * x + 1), derivatives=False
    )
    x = gridded.axes["x"]
    np.testing.assert_allclose(gridded.values["u_reference"], x)
    np.testing.assert_allclose(gridded.values["u_error"], 2 * x + 1)


def test_the_error_of_a_field_known_up_to_a_constant_has_mean_zero(coarse):
    gridded = evaluate_on_grid(
        problem(sp.Box(x=(0, 1)), lambda a, phi: sp.grad(phi.u) - 1, exact={"u": lambda a: a.x}),
        Phi(lambda x: 3 * x + 50),
        derivatives=False,
    )
    np.testing.assert_allclose(gridded.values["u_error"], 2 * gridded.axes["x"] - 1, atol=1e-12)
    np.testing.assert_allclose(gridded.values["u"], 3 * gridded.axes["x"] + 50)  # the field itself is not shifted


def test_derivatives_of_a_picture_are_kept(coarse):
    gridded = evaluate_on_grid(
        problem(sp.Box(x=(0, 1), y=(0, 1))), Phi(lambda x, y: 3 * x + 2 * y**2), derivatives=True
    )
    y = gridded.axes["y"][:, None] + 0 * gridded.axes["x"]
    np.testing.assert_allclose(gridded.values["u_gradient_norm"], np.hypot(3, 4 * y), rtol=1e-12)
    np.testing.assert_allclose(gridded.values["u_laplacian"], 4 + 0 * y, rtol=1e-12)


def test_components_come_last(coarse):
    region = sp.Box(x=(0, 1), t=(0, 1))
    vector = problem(region, lambda a, phi: phi.w, fields={"w": 2}, exact={"w": lambda a: sp.grad(a.x * a.t)})
    gridded = evaluate_on_grid(vector, Phi(lambda x, t: torch.stack([t, x], dim=1)), derivatives=False)
    assert gridded.values["w"].shape == (6, 6, 2)
    np.testing.assert_allclose(gridded.values["w_error"], 0, atol=1e-14)


def test_points_outside_the_region_are_marked(coarse):
    # An L: [0, 1] x [0, 1] and [1, 2] x [0, 2], on a grid of 6 x 6 over [0, 2]².
    corner = sp.Box(x=(0, 1), y=(0, 1)) | sp.Box(x=(1, 2), y=(0, 2))
    gridded = evaluate_on_grid(problem(corner), Phi(lambda x, y: x), derivatives=False)
    x, y = np.meshgrid(gridded.axes["x"], gridded.axes["y"])
    np.testing.assert_array_equal(gridded.inside, (x >= 1) | (y <= 1))
    assert evaluate_on_grid(problem(sp.Box(x=(0, 1))), Phi(lambda x: x), derivatives=False).inside is None


def test_a_field_may_have_the_name_of_a_derived_value(coarse):
    both = problem(
        sp.Box(x=(0, 1)), lambda a, phi: (phi.u, phi.u_error), fields=("u_error", "u"), exact={"u": lambda a: a.x}
    )
    gridded = evaluate_on_grid(both, Phi(lambda x: torch.stack([x + 7, x], dim=1)), derivatives=False)
    np.testing.assert_allclose(gridded.values["u_error"], gridded.axes["x"] + 7)
    assert "u_reference" in gridded.values


def test_a_field_is_on_the_grid_where_it_lives_and_nowhere_else(coarse):
    left, right = sp.Box(x=(0, 1), y=(0, 1)), sp.Box(x=(1, 2), y=(0, 1))
    problem = stated(
        fields=("u", "v"),
        constraints=[
            sp.Constraint("left", on=left, residual=lambda a, phi: phi.u),
            sp.Constraint("right", on=right, residual=lambda a, phi: phi.v),
            sp.Constraint("between", on=left.at(x=1), residual=lambda a, phi: phi.u - phi.v),
        ],
        exact={"u": 0.0, "v": 0.0},
    )
    assert (problem.domain_of("u"), problem.domain_of("v")) == (left, right)
    network = sp.Siren(width=4, depth=1).build(2, 2)
    gridded = evaluate_on_grid(problem, network, derivatives=False)
    assert gridded.axes["x"][[0, -1]].tolist() == [0, 2]
    assert gridded.inside is None
    place = np.broadcast_to(gridded.axes["x"], gridded.values["u"].shape)
    np.testing.assert_array_equal(np.isfinite(gridded.values["u"]), place <= 1)
    np.testing.assert_array_equal(np.isfinite(gridded.values["v_error"]), place >= 1)
