"""Fields of a solution: values and derivatives at any real coordinates."""

import copy
import math

import numpy as np
import pytest
import torch
from small import refused, stated

import sirenpde as sp
from sirenpde.solution import evaluate

DOMAIN = sp.Box(x=(-1, 1), t=(0, 2))


@pytest.fixture(scope="module")
def solution():
    """A field of one component and one of two, in float64."""
    problem = stated(
        fields={"u": 1, "velocity": 2},
        constraints=[sp.Constraint("rule", on=DOMAIN, residual=lambda a, phi: (phi.u - a.x, phi.velocity))],
    )
    network = sp.Siren(width=12, depth=2, omega=2, first_omega=3)
    optimizer = sp.Adam(steps=2)
    return sp.solve(problem, network=network, optimizer=optimizer, points=8, dtype="float64", progress=False)


@pytest.fixture(scope="module")
def points():
    return DOMAIN.sample(9, seed=4)


def by_autograd(solution, points, column, orders):
    """The derivative of a column of the network by nested autograd: the definition."""
    at = torch.from_numpy(points).requires_grad_()
    values = solution.network(at)[:, column]
    for axis in orders:
        (slope,) = torch.autograd.grad(values.sum(), at, create_graph=True)
        values = slope[:, axis]
    return values.detach().numpy()


class TestAgainstAutograd:
    # Closed form and nested autograd agree to 1e-11: rounding of derivatives of second order, ω² ~ 40.
    def test_values(self, solution, points):
        np.testing.assert_allclose(solution.u(points), by_autograd(solution, points, 0, ()), rtol=1e-12)
        got = solution.velocity(points)
        assert got.shape == (9, 2)
        for k in range(2):
            np.testing.assert_allclose(got[:, k], by_autograd(solution, points, 1 + k, ()), rtol=1e-12)

    def test_gradients(self, solution, points):
        for axis in range(2):
            expected = by_autograd(solution, points, 0, (axis,))
            np.testing.assert_allclose(solution.u.grad(points)[:, axis], expected, rtol=1e-11, atol=1e-12)
            for k in range(2):
                expected = by_autograd(solution, points, 1 + k, (axis,))
                np.testing.assert_allclose(solution.velocity.grad(points)[:, k, axis], expected, rtol=1e-11, atol=1e-12)
        assert solution.velocity.grad(points).shape == (9, 2, 2)

    def test_hessians(self, solution, points):
        got = solution.u.hessian(points)
        assert got.shape == (9, 2, 2)
        assert solution.velocity.hessian(points).shape == (9, 2, 2, 2)
        for i in range(2):
            for j in range(2):
                expected = by_autograd(solution, points, 0, (i, j))
                np.testing.assert_allclose(got[:, i, j], expected, rtol=1e-11, atol=1e-11)
                expected = by_autograd(solution, points, 2, (i, j))
                np.testing.assert_allclose(
                    solution.velocity.hessian(points)[:, 1, i, j], expected, rtol=1e-11, atol=1e-11
                )

    def test_laplacians(self, solution, points):
        for name, column in (("u", 0), ("velocity", 1)):
            got = getattr(solution, name).laplacian(points).reshape(9, -1)[:, 0]
            expected = by_autograd(solution, points, column, (0, 0)) + by_autograd(solution, points, column, (1, 1))
            np.testing.assert_allclose(got, expected, rtol=1e-11, atol=1e-11)

    @pytest.mark.parametrize("names", [("x",), ("t",), ("x", "t"), ("t", "t"), ("x", "x", "t")], ids="-".join)
    def test_partials(self, solution, points, names):
        axes = [("x", "t").index(name) for name in names]
        got = solution.u.partial(*names)(points)
        np.testing.assert_allclose(got, by_autograd(solution, points, 0, axes), rtol=1e-10, atol=1e-10)

    def test_derivatives_of_derivatives(self, solution, points):
        np.testing.assert_allclose(
            solution.u.partial("x").grad(points)[:, 1], solution.u.partial("x", "t")(points), rtol=1e-11, atol=1e-11
        )


class TestByName:
    def test_a_number_gives_a_number(self, solution):
        value = solution.u(x=0.3, t=0.5)
        assert np.ndim(value) == 0
        assert value == solution.u(np.array([[0.3, 0.5]]))[0]
        assert isinstance(value, np.floating)

    def test_arrays_broadcast(self, solution):
        x, t = np.linspace(-1, 1, 4), np.linspace(0, 2, 3)[:, None]
        got = solution.u(x=x, t=t)
        assert got.shape == (3, 4)
        assert got[2, 1] == pytest.approx(solution.u(x=x[1], t=t[2, 0]), rel=1e-13)
        assert solution.velocity(x=x, t=t).shape == (3, 4, 2)
        assert solution.u.grad(x=x, t=0.0).shape == (4, 2)
        assert solution.u.partial("x")(x=x, t=0.0).shape == (4,)
        assert solution.velocity(x=0.0, t=0.0).shape == (2,)

    def test_the_order_of_names_does_not_matter(self, solution):
        assert solution.u(t=0.5, x=0.3) == solution.u(x=0.3, t=0.5)
        assert solution.u(t=0.5, x=0.3) != solution.u(t=0.3, x=0.5)

    def test_lists_and_integers_are_numbers(self, solution):
        np.testing.assert_array_equal(solution.u([[0, 1], [1, 1]]), solution.u(x=[0, 1], t=1))

    def test_no_points_give_no_values(self, solution):
        assert solution.u(np.empty((0, 2))).shape == (0,)
        assert solution.velocity.grad(np.empty((0, 2))).shape == (0, 2, 2)
        assert solution.u(x=[], t=0.0).shape == (0,)


class TestRefusals:
    def test_an_unknown_field_is_an_attribute_error(self, solution):
        message = "solution.velocty: the fields are u, velocity.\n  Did you mean solution.velocity?"
        with refused(sp.UnknownNameError, message):
            _ = solution.velocty
        assert issubclass(sp.UnknownNameError, AttributeError)
        assert not hasattr(solution, "w")
        assert copy.copy(solution).u(x=0.0, t=0.0) == solution.u(x=0.0, t=0.0)

    @pytest.mark.parametrize("shape", [(3,), (3, 1), (3, 3), (2, 3, 2), ()])
    def test_points_of_another_shape_are_refused(self, solution, shape):
        message = f"u got points of shape {shape}; expected (n, 2), one column each for x, t."
        with refused(sp.UsageError, message):
            solution.u(np.zeros(shape))
        message = f"u.laplacian got points of shape {shape}; expected (n, 2), one column each for x, t."
        with refused(sp.UsageError, message):
            solution.u.laplacian(np.zeros(shape))

    def test_points_and_names_together_or_neither_are_refused(self, solution):
        message = "u(x, t) is called with points of shape (n, 2), or by name: u(x=…, t=…)."
        with refused(sp.UsageError, message):
            solution.u()
        with refused(sp.UsageError, message):
            solution.u(np.zeros((1, 2)), x=0.0)

    @pytest.mark.parametrize(
        ("values", "named"),
        [((0.5, 0.25), "x=0.5, t=0.25"), ((0.5, [1, 2]), "x=…, t=…"), ((1, 2, 3), "x=…, t=…")],
    )
    def test_coordinates_one_after_the_other_are_refused_with_their_names(self, solution, values, named):
        told = f"is called with {len(values)} values, one after the other; expected coordinates by name,"
        with refused(sp.UsageError, f"u(x, t) {told} u({named}), or points of shape (n, 2)."):
            solution.u(*values)
        with refused(sp.UsageError, f"u.grad(x, t) {told} u.grad({named}), or points of shape (n, 2)."):
            solution.u.grad(*values)

    def test_a_missing_coordinate_is_named(self, solution):
        with refused(sp.UsageError, "u is called without t; expected every coordinate: x, t."):
            solution.u(x=0.0)

    def test_an_unknown_coordinate_is_named(self, solution):
        with refused(sp.UnknownNameError, "u(y=…): the coordinates are x, t."):
            solution.u(x=0.0, t=0.0, y=0.0)
        with refused(sp.UnknownNameError, "u.partial('y'): the coordinates are x, t."):
            solution.u.partial("x", "y")

    def test_coordinates_that_do_not_broadcast_are_refused(self, solution):
        with refused(sp.UsageError, "u got coordinates that do not broadcast: x (2,), t (3,)."):
            solution.u(x=[0, 1], t=[0, 1, 2])

    @pytest.mark.parametrize(
        ("value", "kind"),
        [
            ("0.5", "str"),
            ([["0", "1"]], "list"),
            ([[0.0], [0.0, 1.0]], "list"),
            (np.zeros((1, 2)) * 1j, "ndarray"),
            (torch.zeros(1, 2, requires_grad=True), "Tensor"),
            ([[{}, {}]], "list"),
        ],
        ids=["text", "texts", "ragged", "complex", "graph", "objects"],
    )
    def test_what_is_no_number_is_refused(self, solution, value, kind):
        with refused(sp.UsageError, f"u got a {kind}; expected real numbers."):
            solution.u(value)

    @pytest.mark.parametrize("value", [math.nan, math.inf])
    def test_a_coordinate_that_is_not_finite_is_refused(self, solution, value):
        with refused(sp.UsageError, "u got a coordinate that is not finite."):
            solution.u([[0.0, value]])
        with refused(sp.UsageError, "u(t=…) got a coordinate that is not finite."):
            solution.u(x=0.0, t=value)


def test_chunks_give_the_same_values(solution, points, monkeypatch):
    whole = solution.u.laplacian(points)
    monkeypatch.setattr(evaluate, "CHUNK", 4)
    np.testing.assert_allclose(solution.u.laplacian(points), whole, rtol=1e-13)


def test_evaluating_leaves_the_network_as_it_was(solution, points):
    solution.u.hessian(points)
    assert all(weight.requires_grad for weight in solution.network.parameters())
    assert not torch.is_inference_mode_enabled()


def test_a_field_says_what_it_is_a_function_of(solution):
    assert repr(solution.u) == "u(x, t)"
    assert repr(solution.u.partial("x", "t")) == "u.partial('x', 't')(x, t)"
