"""The planner chooses the cheapest way, every way gives the same numbers, and its costs are counted operations."""

import pytest
import torch
from binding import relative, small_siren
from torch.utils.flop_counter import FlopCounterMode
from zoo import FIELDS, points_in

from sirenpde.fields.autodiff import evaluate_forms
from sirenpde.fields.forms import added, component, differentiated, scaled
from sirenpde.fields.plan import AutogradEvaluation, ReverseEvaluation, StreamEvaluation, ValueEvaluation, choose
from sirenpde.fields.siren import Siren, SirenNetwork

ROUNDING = 1e-12  # two ways to one number through four layers, as in test_streams.py


def u(names="", dimension=2, column=0):
    """The form of a partial derivative: u("xy")."""
    form = component(column, dimension)
    for name in names:
        form = differentiated(form, "xyzt".index(name))
    return form


def total(*parts):
    form = ()
    for part in parts:
        form = added(form, part)
    return form


def laplacian(dimension, column=0):
    return total(*(u(name * 2, dimension, column) for name in "xyzt"[:dimension]))


def hessian(dimension):
    names = "xyzt"[:dimension]
    return [u(one + other, dimension) for one in names for other in names]


def gradient(dimension, column=0):
    return [u(name, dimension, column) for name in "xyzt"[:dimension]]


# forms, coordinates, outputs, the way, its cost in multiples of F (design, section 4)
CHOICES = [
    pytest.param([u()], 2, 1, "values", 3, id="values"),
    pytest.param([u("", 2, 0), u("", 2, 2)], 2, 3, "values", 3, id="values of two outputs"),
    pytest.param([u("", 1), *gradient(1)], 1, 1, "forward streams", 6, id="gradient in 1-D"),
    pytest.param(gradient(1) + gradient(1, 1), 1, 2, "forward streams", 6, id="two gradients in 1-D"),
    pytest.param(gradient(2), 2, 1, "reverse", 6, id="gradient in 2-D"),
    pytest.param([u(), *gradient(2)], 2, 1, "reverse", 6, id="value and gradient in 2-D"),
    pytest.param(gradient(4), 4, 1, "reverse", 6, id="gradient in 4-D"),
    pytest.param(gradient(3) + gradient(3, 2), 3, 3, "reverse", 9, id="two gradients in 3-D"),
    pytest.param(
        gradient(2) + gradient(2, 1) + gradient(2, 2), 2, 3, "forward streams", 9, id="three gradients in 2-D"
    ),
    pytest.param([laplacian(1)], 1, 1, "forward streams", 9, id="Laplacian in 1-D"),
    pytest.param([laplacian(2)], 2, 1, "collapsed streams", 12, id="Laplacian in 2-D"),
    pytest.param([laplacian(3)], 3, 1, "collapsed streams", 15, id="Laplacian in 3-D"),
    pytest.param([laplacian(2), u(), *gradient(2)], 2, 1, "collapsed streams", 12, id="Laplacian, value and gradient"),
    pytest.param([laplacian(2), laplacian(2, 1)], 2, 2, "collapsed streams", 12, id="Laplacian of two outputs"),
    pytest.param([total(u("y"), scaled(u("xx"), -0.1))], 2, 1, "forward streams", 12, id="u_t - u_xx"),
    pytest.param([total(u("xx"), scaled(u("yy"), -3.0))], 2, 1, "collapsed streams", 12, id="u_xx - 3 u_yy"),
    pytest.param([u("xxx", 1)], 1, 1, "forward streams", 12, id="u_xxx"),
    pytest.param([u("xxx"), u("y")], 2, 1, "forward streams", 15, id="u_t and u_xxx"),
    pytest.param([u("xxxx"), u("xx"), u("y")], 2, 1, "forward streams", 18, id="u_t, u_xx and u_xxxx"),
    pytest.param([u("xx"), u("yy")], 2, 1, "forward streams", 15, id="separate u_xx and u_yy"),
    pytest.param(hessian(2), 2, 1, "forward streams", 18, id="Hessian in 2-D"),
    pytest.param([laplacian(2), *hessian(2)], 2, 1, "forward streams", 18, id="Hessian and Laplacian"),
]


@pytest.mark.parametrize(("forms", "dimension", "outputs", "name", "cost"), CHOICES)
def test_the_cheapest_way_is_chosen_and_agrees_with_nested_autograd(forms, dimension, outputs, name, cost):
    network = small_siren(dimension, outputs, bounds=[(-1.0, 2.0)] * dimension)
    way = choose(forms, network, dimension, outputs)
    assert (way.name, way.cost) == (name, cost)
    assert way.forms == tuple(sorted(set(forms)))
    points = points_in(dimension)
    theirs = evaluate_forms(network, points.clone().requires_grad_(), forms)
    ours = way(network, points)
    assert ours.keys() == theirs.keys()
    for form in forms:
        assert relative(ours[form], theirs[form]) < ROUNDING


@pytest.mark.parametrize(("forms", "dimension", "outputs", "name", "cost"), CHOICES)
def test_the_cost_is_the_counted_number_of_operations(forms, dimension, outputs, name, cost):
    del name
    width, depth, count = 256, 3, 32
    network = Siren(width=width, depth=depth).build(dimension, outputs)
    points = torch.rand(count, dimension)
    way = choose(forms, network, dimension, outputs)
    with FlopCounterMode(display=False) as counter:
        answers = way(network, points)
        torch.stack([*answers.values()]).square().sum().backward()
    one_evaluation = 2 * (dimension * width + depth * width**2 + width * outputs)
    # The first layer has no streams to pass on, and the last one no reverse pass: together 2 % in four coordinates.
    assert counter.get_total_flops() / (count * one_evaluation) == pytest.approx(cost, rel=0.03)


NESTED = [
    pytest.param([u()], 3, id="values"),
    pytest.param(gradient(2), 6, id="gradient"),
    pytest.param([laplacian(2)], 18, id="Laplacian"),
]


@pytest.mark.parametrize(("forms", "cost"), NESTED)
def test_the_cost_of_nested_autograd_is_counted_too(forms, cost):
    network = Siren(width=256, depth=3).build(2, 1)
    way = AutogradEvaluation(tuple(forms), 2, 1)
    with FlopCounterMode(display=False) as counter:
        points = 1.0 * torch.rand(32, 2).requires_grad_()  # the counter cannot stand slopes by a leaf
        answers = way(network, points)
        torch.stack([*answers.values()]).square().sum().backward()
    assert way.cost == cost
    one_evaluation = 2 * (2 * 256 + 3 * 256**2 + 256)
    # The first layer and, for the Laplacian, terms that vanish at the last one: 5 % of the whole.
    assert counter.get_total_flops() / (32 * one_evaluation) == pytest.approx(cost, rel=0.06)


def test_a_module_that_is_no_siren_has_autograd():
    field = FIELDS[2]
    way = choose([laplacian(2), u()], field.module, 2, 1)
    assert (way.name, type(way)) == ("autograd", AutogradEvaluation)
    points = points_in(2)
    with torch.no_grad():  # the way makes the graph that it needs
        found = way(field.module, points)
    assert relative(found[laplacian(2)], field.laplacian(points)) < ROUNDING
    assert not points.requires_grad


@pytest.mark.parametrize("way", [ValueEvaluation, ReverseEvaluation, StreamEvaluation, AutogradEvaluation])
def test_every_way_keeps_the_graph_of_points_that_depend_on_something(way):
    """A displacement can depend on the fields, and so on the weights."""
    network = small_siren(2, 2)
    forms = (u("", 2, 1),) if way is ValueEvaluation else (u("x", 2, 1), u("", 2, 0))
    shift = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    answers = way(forms, 2, 2)(network, points_in(2) + shift)
    (ours,) = torch.autograd.grad(sum(answer.square().sum() for answer in answers.values()), shift)

    def loss(number):
        found = evaluate_forms(network, (points_in(2) + number).requires_grad_(), forms)
        return sum(answer.square().sum() for answer in found.values()).item()

    # Central differences at 1e-5 err by 1e-10 from the third derivative and by 1e-11 from rounding.
    assert ours.item() == pytest.approx((loss(0.3 + 1e-5) - loss(0.3 - 1e-5)) / 2e-5, rel=1e-7)


@pytest.mark.parametrize("way", [ReverseEvaluation, StreamEvaluation])
def test_a_closed_form_of_another_module_is_refused(way):
    with pytest.raises(TypeError) as caught:
        way((u("x"),), 2, 1)(torch.nn.Linear(2, 1), torch.rand(3, 2))
    assert str(caught.value) == "closed-form derivatives are those of a SirenNetwork, not of a Linear"


def test_where_nothing_is_asked_the_values_are_enough():
    way = choose([], small_siren(2), 2, 1)
    assert (way.name, way(small_siren(2), points_in(2))) == ("values", {})


def test_a_form_that_repeats_is_wanted_once():
    assert choose([u("x"), u("x")], small_siren(2), 2, 1).forms == (u("x"),)


def test_sums_over_several_outputs_are_put_together_from_each():
    network = small_siren(2, 3)
    form = total(scaled(laplacian(2, 1), 2.0), u("xy", 2, 1), scaled(u("xx", 2, 2), -0.5), u("y", 2, 0), u("", 2, 2))
    way = choose([form], network, 2, 3)
    points = points_in(2)
    (theirs,) = evaluate_forms(network, points.clone().requires_grad_(), [form]).values()
    assert relative(way(network, points)[form], theirs) < ROUNDING


@pytest.mark.parametrize("dimension", [1, 2])
def test_an_empty_form_is_zero_in_every_way(dimension):
    network = small_siren(dimension)
    for forms in ([()], [(), u("x", dimension)], [(), laplacian(dimension)]):
        way = choose(forms, network, dimension, 1)
        assert torch.equal(way(network, points_in(dimension))[()], torch.zeros(7, dtype=torch.float64))


def test_separate_streams_are_kept_where_collapsing_saves_nothing():
    whole, parts = [laplacian(2), *hessian(2)], StreamEvaluation(tuple(hessian(2)), 2, 1, collapse=False)
    way = choose(whole, small_siren(2), 2, 1)
    assert isinstance(way, StreamEvaluation)
    assert not way.collapse
    assert way.algebra.streams == parts.algebra.streams


def test_a_subclass_of_the_network_is_differentiated_as_it_computes():
    class Vanishing(SirenNetwork):
        def forward(self, points):
            return points[:, :1] * super().forward(points)

    network = Vanishing(Siren(width=8, depth=1, omega=1, first_omega=1), 2, 1)
    network.initialise(torch.Generator().manual_seed(0))
    way = choose([u("x")], network, 2, 1)
    assert isinstance(way, AutogradEvaluation)
    place = torch.tensor([[0.0, 0.5]], dtype=torch.float64)
    expected = SirenNetwork.forward(network, place)[:, 0]
    assert relative(way(network, place)[u("x")], expected) < ROUNDING
