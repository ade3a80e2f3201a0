"""An ansatz gives the final fields, their derivatives are exact, and the planner finds the cheapest way to them."""

import copy

import pytest
import torch
from binding import WHERE, as_planned, by_autograd, parameter_gradients, relative, small_siren, traced
from torch.utils.flop_counter import FlopCounterMode
from zoo import points_in

import sirenpde as sp
from sirenpde.errors import ProblemError
from sirenpde.fields.ansatz import Ansatz
from sirenpde.fields.autodiff import evaluate_forms
from sirenpde.fields.forms import added, component, differentiated
from sirenpde.fields.layout import Layout
from sirenpde.fields.plan import AutogradEvaluation, ProductEvaluation, StreamEvaluation, choose
from sirenpde.fields.scope import Surroundings
from sirenpde.fields.siren import Siren
from sirenpde.fields.unknowns import UnknownNumbers

ROUNDING = 1e-12  # two ways to one number through four layers, as in test_streams.py
LAYOUT = Layout({"u": None, "v": 2}, ("x", "y"))
KNOWNS = {"k": lambda p: torch.cos(p[:, 0] + 2 * p[:, 1])}
AROUND = Surroundings(WHERE, LAYOUT, KNOWNS, ("nu",))


def make(hard=None, network=None, nu=0.7):
    unknowns = UnknownNumbers({"nu": (nu, 0.0, None)})
    network = network or small_siren(2, 3, bounds=[(-1.0, 2.0), (0.0, 1.0)])
    return Ansatz(network, LAYOUT, hard, unknowns, knowns=KNOWNS, trial=points_in(2), where='problem "tests"')


def u(names="", column=0):
    form = component(column, 2)
    for name in names:
        form = differentiated(form, "xy".index(name))
    return form


LAPLACIAN = added(u("xx"), u("yy"))

AFFINE = {
    "walls": {"u": lambda a, u: (1 - a.x**2) * u},
    "start": {"u": lambda a, u: torch.sin(3 * a.x) + a.y * u},
    "shift": {"u": lambda a, u: u - a.x * a.y},
    "multiple": {"u": lambda a, u: 2 * u},
    "raw": {"u": lambda a, u: u},
    "by a known": {"u": lambda a, u: a.k * u + 1.0},
    "by an unknown": {"u": lambda a, u: torch.exp(a.nu * a.x) * u + a.nu * a.y},
    "branches": {"u": lambda a, u: torch.where(a.x > 0, a.x * u, a.y * u)},
    "vector": {"v": lambda a, v: (1 - a.y) * v + torch.stack([a.y, a.x], dim=-1)},
    "components": {"v": lambda a, v: torch.stack([a.x * v[:, 0], 1 + a.y**2 * v[:, 1]], dim=-1)},
    "both fields": {"u": lambda a, u: a.x * u, "v": lambda a, v: v * a.y + a.k},
    "slope of a known": {"u": lambda a, u: u * sp.partial(a.k, "x")},
}
OTHER = {
    "square": ({"u": lambda a, u: u**2 + a.x}, 0),
    "positive": ({"u": lambda a, u: torch.exp(a.nu * u) * a.y}, 0),
    "power that starts at one": ({"u": lambda a, u: torch.sign(u) * u.abs() ** a.nu}, 0),
    "affine near zero": ({"u": lambda a, u: torch.where(u > 20, u**2, u)}, 0),
    "swapped": ({"v": lambda a, v: torch.stack([v[:, 1], v[:, 0]], dim=-1)}, 0),
    "mixed": ({"v": lambda a, v: torch.stack([v[:, 0] + a.x * v[:, 1], v[:, 1]], dim=-1)}, 0),
    "slope": ({"u": lambda a, u: a.x * sp.partial(u, "y")}, 1),
    "stream function": (
        {"v": lambda a, v: torch.stack([sp.partial(v[:, 0], "y"), -sp.partial(v[:, 0], "x")], dim=-1)},
        1,
    ),
    "slope of an expression": ({"u": lambda a, u: sp.partial(u * a.x, "x")}, 1),
}
ALL = {name: hard for name, (hard, _) in OTHER.items()} | AFFINE

WANTED = {
    "values": [u(), u("", 2)],
    "gradient": [u("x"), u("y"), u()],
    "Laplacian": [LAPLACIAN, u()],
    "mixed": [u("xy"), u("xxy"), u("y", 1)],
    "divergence": [added(u("x", 1), u("y", 2))],
    "fields together": [added(u("xx"), u("y", 2)), u("x", 1)],
}


@pytest.mark.parametrize("forms", WANTED.values(), ids=WANTED)
@pytest.mark.parametrize("hard", ALL.values(), ids=ALL)
def test_the_planned_way_agrees_with_nested_autograd_in_values_and_gradients(hard, forms):
    ansatz, points = make(hard), points_in(2, 5)
    theirs = evaluate_forms(ansatz, points.clone().requires_grad_(), forms)
    ours = choose(forms, ansatz, 2, 3)(ansatz, points)
    assert ours.keys() == theirs.keys()
    for form in forms:
        assert relative(ours[form], theirs[form]) < ROUNDING
    weights = [1 / max(theirs[form].detach().abs().max().item(), 1e-3) for form in forms]
    losses = [
        sum(weight * answers[form].square().sum() for weight, form in zip(weights, forms)) for answers in (ours, theirs)
    ]
    for mine, true in zip(*(parameter_gradients(loss, ansatz) for loss in losses), strict=True):
        assert (mine - true).abs().max() <= ROUNDING * max(true.abs().max().item(), 1.0)


@pytest.mark.parametrize("hard", AFFINE.values(), ids=AFFINE)
def test_affine_conditions_are_found_and_cost_what_the_network_costs(hard):
    ansatz = make(hard)
    assert all(field.affine and field.order == 0 for field in ansatz.hard.values())
    (name,) = list(hard)[:1]
    column = LAYOUT.columns(name).start
    for names, way in [([""], "values"), (["x", "y"], "reverse, product rule"), (["xxy"], "forward streams")]:
        forms = [u(each, column) for each in names]
        found, raw = choose(forms, ansatz, 2, 3), choose(forms, ansatz.network, 2, 3)
        assert found.name.startswith(way)
        assert found.cost == raw.cost
    laplacian = added(u("xx", column), u("yy", column))
    found = choose([laplacian], ansatz, 2, 3)
    assert (type(found), found.name, found.cost) == (ProductEvaluation, "collapsed streams, product rule", 12)


@pytest.mark.parametrize(("hard", "order"), OTHER.values(), ids=OTHER)
def test_other_conditions_are_found_and_have_autograd(hard, order):
    ansatz = make(hard, nu=1.0)
    (field,) = ansatz.hard.values()
    assert (field.affine, field.order) == (False, order)
    column = LAYOUT.columns(field.name).start
    way = choose([added(u("xx", column), u("yy", column))], ansatz, 2, 3)
    assert (type(way), way.name) == (AutogradEvaluation, "autograd")
    assert way.cost == (36 if order else 18)
    values = choose([u("", column)], ansatz, 2, 3)
    assert (values.name, values.cost) == (("autograd", 6) if order else ("values", 3))


def test_a_field_that_is_not_hard_keeps_its_closed_form_beside_one_that_is():
    ansatz = make({"u": lambda a, u: u**2})
    way = choose([u("x", 1), u("y", 1)], ansatz, 2, 3)
    assert (way.name, way.cost) == ("reverse", 6)
    points = points_in(2)
    theirs = evaluate_forms(ansatz.network, points.clone().requires_grad_(), [u("x", 1)])
    assert relative(way(ansatz, points)[u("x", 1)], theirs[u("x", 1)]) < ROUNDING


def test_the_cost_of_the_product_rule_is_counted():
    raw = Siren(width=256, depth=3).build(2, 3)
    ansatz = make(AFFINE["start"], raw).float()
    way = choose([LAPLACIAN, u("x")], ansatz, 2, 3)
    with FlopCounterMode(display=False) as counter:
        answers = way(ansatz, torch.rand(32, 2))
        torch.stack([*answers.values()]).square().sum().backward()
    one_evaluation = 2 * (2 * 256 + 3 * 256**2 + 256 * 3)
    assert counter.get_total_flops() / (32 * one_evaluation) == pytest.approx(way.cost, rel=0.03)


# Without hard conditions --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("forms", WANTED.values(), ids=WANTED)
def test_without_hard_conditions_an_ansatz_is_its_network(forms):
    ansatz, points = make(), points_in(2)
    assert torch.equal(ansatz(points), ansatz.network(points))
    way, raw = choose(forms, ansatz, 2, 3), choose(forms, ansatz.network, 2, 3)
    assert (type(way), way.name, way.cost) == (type(raw), raw.name, raw.cost)
    ours, theirs = way(ansatz, points), raw(ansatz.network, points)
    assert all(torch.equal(ours[form], theirs[form]) for form in forms)


def test_a_module_of_the_users_own_has_autograd_with_and_without_hard_conditions():
    module = torch.nn.Sequential(torch.nn.Linear(2, 5), torch.nn.Tanh(), torch.nn.Linear(5, 3)).double()
    points = points_in(2)
    for hard in (None, AFFINE["start"], OTHER["square"][0]):
        ansatz = make(hard, module)
        way = choose([LAPLACIAN], ansatz, 2, 3)
        assert way.name.startswith("autograd")
        theirs = evaluate_forms(ansatz, points.clone().requires_grad_(), [LAPLACIAN])
        assert relative(way(ansatz, points)[LAPLACIAN], theirs[LAPLACIAN]) < ROUNDING


def test_a_closed_form_of_the_raw_fields_is_not_handed_out_for_final_ones():
    with pytest.raises(TypeError, match="those of a SirenNetwork, not of a Ansatz"):
        StreamEvaluation((LAPLACIAN,), 2, 3)(make(AFFINE["walls"]), points_in(2))
    way = choose([LAPLACIAN], make(AFFINE["walls"]), 2, 3)
    with pytest.raises(TypeError, match="the product rule is that of an Ansatz, not of a SirenNetwork"):
        way(small_siren(2, 3), points_in(2))


# As a module --------------------------------------------------------------------------------------------------------


def test_conditions_hold_exactly_where_they_are_built_in():
    ansatz = make({"u": lambda a, u: torch.sin(3 * a.x) + a.y * u})
    points = torch.tensor([[0.3, 0.0], [-0.7, 0.0]], dtype=torch.float64)
    assert torch.equal(ansatz(points)[:, 0], torch.sin(3 * points[:, 0]))


def test_final_fields_are_those_of_the_function_of_the_raw_ones():
    ansatz, points = make(AFFINE["both fields"]), points_in(2)
    raw, final = ansatz.network(points), ansatz(points)
    k = KNOWNS["k"](points)
    assert torch.equal(final[:, 0], points[:, 0] * raw[:, 0])
    assert torch.equal(final[:, 1:], raw[:, 1:] * points[:, 1:] + k[:, None])


@pytest.mark.parametrize("name", ["walls", "slope"])
def test_without_gradients_nothing_is_attached(name):
    ansatz, points = make(ALL[name]), points_in(2)
    expected = ansatz(points)
    with torch.no_grad():
        for answer in (ansatz(points), *choose([LAPLACIAN, u("x")], ansatz, 2, 3)(ansatz, points).values()):
            assert not answer.requires_grad
        assert torch.equal(ansatz(points), expected)
    assert not points.requires_grad
    assert expected.requires_grad


@pytest.mark.parametrize("name", ["walls", "by an unknown", "slope"])
def test_points_that_depend_on_something_get_their_gradient(name):
    ansatz = make(ALL[name])
    forms, leaf = [LAPLACIAN, u("x")], points_in(2).requires_grad_()
    gradients = [
        torch.autograd.grad(torch.stack([*answers.values()]).square().sum(), leaf)[0]
        for answers in (choose(forms, ansatz, 2, 3)(ansatz, leaf), evaluate_forms(ansatz, leaf, forms))
    ]
    assert relative(*gradients) < ROUNDING


def test_a_copy_is_independent_and_a_state_is_restored():
    ansatz, points = make(AFFINE["by an unknown"]), points_in(2)
    twin = copy.deepcopy(ansatz)
    before = ansatz(points)
    with torch.no_grad():
        for weight in ansatz.parameters():
            weight.add_(0.1)
    assert torch.equal(twin(points), before)
    assert not torch.equal(ansatz(points), before)
    twin.load_state_dict(ansatz.state_dict())
    assert torch.equal(twin(points), ansatz(points))


def test_single_precision_agrees_with_double(device):
    ansatz, points = make(AFFINE["by an unknown"]), points_in(2)
    way = choose([LAPLACIAN, u("x")], ansatz, 2, 3)
    exact = way(ansatz, points)
    rough = way(ansatz.float().to(device), points.float().to(device))
    for form in exact:
        assert (rough[form].device.type, rough[form].dtype) == (device.type, torch.float32)
        assert relative(rough[form].cpu().double(), exact[form]) < 1e-4  # a thousand units of rounding in float32


RESIDUALS = {
    "heat": lambda a, phi: sp.partial(phi.u, "y") - a.nu * sp.laplacian(phi.u, over=("x",)),
    "product": lambda a, phi: phi.u * sp.partial(phi.u, "x") + a.k,
    "divergence": lambda a, phi: sp.div(phi.v) + phi.u,
    "expression": lambda a, phi: sp.div(a.nu * sp.grad(phi.u**2)),
    "displaced": lambda a, phi: phi.at(x=1).u - sp.partial(phi.at(y=a.nu).u, "y"),
}


@pytest.mark.parametrize("residual", RESIDUALS.values(), ids=RESIDUALS)
@pytest.mark.parametrize("hard", ALL.values(), ids=ALL)
def test_residuals_of_final_fields_agree_with_nested_autograd(hard, residual):
    ansatz, points = make(hard), points_in(2)
    (ours,), (theirs,) = (way(residual, ansatz, points, AROUND) for way in (as_planned, by_autograd))
    assert relative(ours, theirs) < ROUNDING
    assert traced(residual, ansatz, points, AROUND).trainable
    pairs = zip(*(parameter_gradients(way.square().sum(), ansatz) for way in (ours, theirs)), strict=True)
    assert all((mine - true).abs().max() <= ROUNDING * max(true.abs().max().item(), 1.0) for mine, true in pairs)


def test_what_hard_conditions_read_a_residual_of_their_fields_reads_too():
    ansatz = make({"u": lambda a, u: a.nu * u, "v": lambda a, v: a.k * v})
    points = points_in(2)
    assert traced(lambda a, phi: phi.u, ansatz, points, AROUND).unknowns == {"nu"}
    found = traced(lambda a, phi: phi.v, ansatz, points, AROUND)
    assert (found.unknowns, found.knowns) == (frozenset(), {"k"})


# What is refused ----------------------------------------------------------------------------------------------------


def test_a_hard_field_that_does_not_exist_is_refused():
    with pytest.raises(ProblemError) as caught:
        make({"w": lambda a, u: u})
    assert str(caught.value) == 'problem "tests" gives hard "w", but its fields are u, v.'


def test_hard_conditions_need_points_to_be_tried_on():
    with pytest.raises(ProblemError) as caught:
        Ansatz(small_siren(2, 3), LAYOUT, AFFINE["walls"], where='problem "tests"')
    assert str(caught.value) == (
        'problem "tests" has hard conditions, which need at least three trial points of the domain.'
    )
