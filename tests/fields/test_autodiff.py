"""The definition: nested autograd gives the closed forms of the zoo, of any module."""

import pytest
import torch
from binding import relative
from torch import nn
from zoo import ALL_FIELDS, points_in

from sirenpde.fields.autodiff import Autodiff, evaluate_forms, slope
from sirenpde.fields.forms import added, component, differentiated, scaled

ROUNDING = 1e-12  # a few operations per derivative; observed: below 1e-15


def second(form, i, j):
    return differentiated(differentiated(form, i), j)


@pytest.mark.parametrize("field", ALL_FIELDS)
def test_derivatives_are_those_of_the_closed_forms(field):
    d = field.dimension
    points = points_in(d).requires_grad_()
    u = component(0, d)
    total = ()
    for axis in range(d):
        total = added(total, second(u, axis, axis))
    wanted = [
        u,
        total,
        *(differentiated(u, i) for i in range(d)),
        *(second(u, i, j) for i in range(d) for j in range(d)),
    ]
    found = evaluate_forms(field.module, points, wanted)
    assert torch.equal(found[u], field.value(points))
    assert (found[total] - field.laplacian(points)).abs().max() < 1e-13  # harmonic: the Laplacian itself is zero
    for i in range(d):
        assert relative(found[differentiated(u, i)], field.gradient(points)[:, i]) < ROUNDING
        for j in range(d):
            assert (found[second(u, i, j)] - field.hessian(points)[:, i, j]).abs().max() < 1e-13


def test_factors_and_columns_count():
    points = points_in(2).requires_grad_()
    module = nn.Linear(2, 2, dtype=torch.float64)
    form = added(scaled(differentiated(component(1, 2), 0), -2.5), component(0, 2))
    (found,) = evaluate_forms(module, points, [form]).values()
    expected = module(points)[:, 0] - 2.5 * module.weight[1, 0]
    assert relative(found, expected) < ROUNDING


def test_an_empty_form_is_zero_and_a_vanishing_derivative_too():
    points = points_in(2).requires_grad_()
    module = nn.Linear(2, 1, dtype=torch.float64)
    curvature = second(component(0, 2), 0, 1)
    found = evaluate_forms(module, points, [(), curvature])
    assert torch.equal(found[()], torch.zeros(7, dtype=torch.float64))
    assert torch.equal(found[curvature], torch.zeros(7, dtype=torch.float64))


def test_the_module_runs_once_however_much_is_asked():
    class Counting(nn.Module):
        calls = 0

        def forward(self, points):
            self.calls += 1
            return points.prod(dim=1, keepdim=True)

    module = Counting()
    derivatives = Autodiff(module, points_in(2).requires_grad_())
    u = component(0, 2)
    for form in (u, differentiated(u, 0), differentiated(u, 1), second(u, 0, 1), second(u, 1, 0)):
        derivatives.form(form)
    assert module.calls == 1


def test_the_slope_of_what_does_not_depend_on_the_points_is_zero():
    points = points_in(2).requires_grad_()
    constant = torch.ones(7, dtype=torch.float64)
    assert torch.equal(slope(constant, points), torch.zeros(7, 2, dtype=torch.float64))
    weight = torch.ones(7, dtype=torch.float64, requires_grad=True)
    assert torch.equal(slope(2 * weight, points), torch.zeros(7, 2, dtype=torch.float64))


def test_results_can_be_differentiated_by_weights_and_points():
    points = points_in(1).requires_grad_()
    module = nn.Sequential(nn.Linear(1, 3, dtype=torch.float64), nn.Tanh(), nn.Linear(3, 1, dtype=torch.float64))
    u_x = differentiated(component(0, 1), 0)
    found = evaluate_forms(module, points, [u_x, differentiated(u_x, 0)])
    (again,) = torch.autograd.grad(found[u_x].sum(), points, retain_graph=True)
    assert relative(again[:, 0], found[differentiated(u_x, 0)]) < ROUNDING
    (by_weight,) = torch.autograd.grad(found[u_x].sum(), module[0].weight)
    assert by_weight.abs().max() > 0
