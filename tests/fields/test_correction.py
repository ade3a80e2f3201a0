"""A corrected network is the sum of its parts, derivatives included, and costs what the correction costs."""

import pytest
import torch
from binding import parameter_gradients, relative, small_siren, surroundings, traced
from zoo import points_in

import sirenpde as sp
from sirenpde.fields.ansatz import Ansatz
from sirenpde.fields.autodiff import evaluate_forms
from sirenpde.fields.correction import CorrectedEvaluation, CorrectedNetwork
from sirenpde.fields.forms import added, component, differentiated
from sirenpde.fields.layout import Layout
from sirenpde.fields.plan import ProductEvaluation, choose

ROUNDING = 1e-12  # two ways to one number through four layers, as in test_streams.py
SCALE = [0.3, 0.02]


def u(names="", column=0):
    form = component(column, 2)
    for name in names:
        form = differentiated(form, "xy".index(name))
    return form


LAPLACIAN = added(u("xx"), u("yy"))
WANTED = {
    "values": [u(), u("", 1)],
    "gradient": [u("x"), u("y"), u("", 1)],
    "Laplacian": [LAPLACIAN, u()],
    "divergence": [added(u("x"), u("y", 1))],
    "mixed": [u("xxy", 1), added(u("xx"), u("y", 1))],
    "nothing": [()],
}


def make(base=None, **options):
    base = base or small_siren(2, 2, seed=1, **options)
    return CorrectedNetwork(base, small_siren(2, 2, seed=2, **options), torch.tensor(SCALE, dtype=torch.float64))


NETWORKS = {
    "two networks": make,
    "three networks": lambda: make(make()),
    "periodic": lambda: make(periodic=(0,), bounds=[(-1.0, 2.0), (0.0, 1.0)]),
    "a module of the user's own": lambda: make(torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Tanh()).double()),
}


@pytest.mark.parametrize("wanted", WANTED)
@pytest.mark.parametrize("network", NETWORKS)
def test_derivatives_of_the_sum_are_those_of_autograd(network, wanted):
    network, points = NETWORKS[network](), points_in(2)
    way = choose(WANTED[wanted], network, 2, 2)
    theirs = evaluate_forms(network, points.clone().requires_grad_(), way.forms)
    for memo in (None, {}):
        for _ in range(2):  # the second time from memory
            ours = way(network, points, memo)
            for form in way.forms:
                assert relative(ours[form], theirs[form]) < ROUNDING
    if wanted != "nothing":
        ours, theirs = (sum(each.square().sum() for each in found.values()) for found in (ours, theirs))
        weights = network.correction
        pairs = zip(parameter_gradients(ours, weights), parameter_gradients(theirs, weights), strict=True)
        assert all(relative(one, other) < 1e-11 for one, other in pairs)


def test_the_sum_is_the_sum():
    network, points = make(), points_in(2)
    expected = network.base(points) + torch.tensor(SCALE, dtype=torch.float64) * network.correction(points)
    assert torch.equal(network(points), expected)


def test_the_first_network_is_frozen_and_evaluated_once_where_points_are_used_again(monkeypatch):
    network, points, memo = make(), points_in(2), {}
    assert not any(weight.requires_grad for weight in network.base.parameters())
    assert all(weight.requires_grad for weight in network.correction.parameters())
    way = choose([LAPLACIAN], network, 2, 2)
    assert isinstance(way, CorrectedEvaluation)
    assert way.cost == choose([LAPLACIAN], network.correction, 2, 2).cost
    calls = []
    original = type(way.base).__call__
    monkeypatch.setattr(
        type(way.base), "__call__", lambda self, of, *rest: calls.append(of) or original(self, of, *rest)
    )
    way(network, points, memo)
    way(network, points, memo)
    assert [call is network.base for call in calls] == [True, False, False]


def test_what_is_remembered_of_a_base_is_not_that_of_another_sum():
    """A correction that is taken away again leaves a base that is trained on: the next sum must look anew."""
    base, points, memo = small_siren(2, 2), points_in(2), {}
    first = make(base)
    choose([u("x")], first, 2, 2)(first, points, memo)
    with torch.no_grad():
        base.last.weight.mul_(2.0)
    second = make(base)
    way = choose([u("x")], second, 2, 2)
    assert torch.equal(way(second, points, memo)[u("x")], way(second, points)[u("x")])


@pytest.mark.parametrize("wanted", WANTED)
def test_hard_conditions_stand_on_top_of_the_sum(wanted):
    hard = {"u": lambda a, u: torch.sin(3 * a.x) + a.y * u}
    ansatz = Ansatz(make(), Layout({"u": None, "v": None}, ("x", "y")), hard, trial=points_in(2))
    points, memo = points_in(2), {}
    way = choose(WANTED[wanted], ansatz, 2, 2)
    theirs = evaluate_forms(ansatz, points.clone().requires_grad_(), way.forms)
    for _ in range(2):
        ours = way(ansatz, points, memo)
        assert all(relative(ours[form], theirs[form]) < ROUNDING for form in way.forms)
    if wanted == "Laplacian":
        assert isinstance(way, ProductEvaluation)
        assert way.cost == choose([LAPLACIAN, u()], ansatz.network, 2, 2).cost
        assert any(key[0] is ansatz.network for key in memo if isinstance(key, tuple))


RESIDUALS = {
    "an equation": lambda a, phi: sp.laplacian(phi.u) + phi.u**2,
    "an expression that is differentiated": lambda a, phi: sp.div(phi.u * sp.grad(phi.u)),
    "displaced points": lambda a, phi: phi.at(x=0.5).u - sp.partial(phi.u, "y"),
    "points displaced by the field": lambda a, phi: phi.at(x=a.x + 0.1 * phi.u).v - a.y,
}


@pytest.mark.parametrize("residual", RESIDUALS)
def test_residuals_of_the_sum_have_the_gradient_of_autograd(residual):
    network, points = make(), points_in(2)
    seen = traced(RESIDUALS[residual], small_siren(2, 2), points, surroundings(2, {"u": None, "v": None}))
    each = [network, Unknowable(network)]
    (ours,), (theirs,) = (seen.evaluate(module, points, {}, seen.plan(module)) for module in each)
    assert relative(ours, theirs) < ROUNDING
    weights = network.correction
    gradients = [parameter_gradients(each.square().sum(), weights) for each in (ours, theirs)]
    assert all(relative(one, other) < 1e-11 for one, other in zip(*gradients, strict=True))


class Unknowable(torch.nn.Module):
    """A module of which nothing but autograd can be known."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, points):
        return self.network(points)


def test_a_sum_of_derivatives_of_another_module_is_refused():
    way = choose([u("x")], make(), 2, 2)
    with pytest.raises(TypeError) as caught:
        way(small_siren(2, 2), points_in(2))
    assert str(caught.value) == "sums of derivatives are those of a CorrectedNetwork, not of a SirenNetwork"
