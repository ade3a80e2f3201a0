"""One network per window: closed forms against autograd, no jump where windows meet, and what is frozen."""

import copy
import itertools

import pytest
import torch

from sirenpde.fields.ansatz import Ansatz
from sirenpde.fields.autodiff import evaluate_forms
from sirenpde.fields.forms import component, differentiated
from sirenpde.fields.layout import Layout
from sirenpde.fields.plan import choose
from sirenpde.fields.siren import Siren
from sirenpde.fields.windows import Continued, Start, WindowedNetwork

EDGES = (0.0, 0.3, 0.5, 1.0)
ORDERS = [(1, 1), (2, 0), (0, 3)]
ALPHAS = [(0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2), (1, 2), (0, 3)]
WAVE = ((((0, (0, 2)), 1.0), ((0, (2, 0)), -4.0)),)
FORMS = tuple((((column, alpha), 1.0),) for column in (0, 1) for alpha in ALPHAS) + WAVE


def siren(ends, seed, periodic=()):
    declaration = Siren(width=8, depth=1, omega=1, first_omega=2)
    bounds = ((-1, 1), ends)
    return declaration.build(2, 2, seed=seed, bounds=bounds, periodic=periodic, dtype=torch.float64)


def windowed(orders, periodic=()):
    networks = [siren(ends, seed, periodic) for seed, ends in enumerate(itertools.pairwise(EDGES))]
    return WindowedNetwork(networks, 1, EDGES, orders)


@pytest.fixture
def points(generator):
    """A hundred points of all windows and of a little before and after them."""
    rows = torch.rand(100, 2, generator=generator, dtype=torch.float64)
    return rows * torch.tensor([2.0, 1.2]) - torch.tensor([1.0, 0.1])


def gap(found, wanted):
    return max(
        float(((found[form] - wanted[form]).abs().max() / (1 + wanted[form].abs().max())).detach()) for form in wanted
    )


def at(time, count=9):
    x = torch.linspace(-1, 1, count, dtype=torch.float64)
    return torch.stack([x, torch.full_like(x, time)], dim=1)


@pytest.mark.parametrize("orders", ORDERS)
def test_closed_forms_agree_with_nested_autograd(orders, points):
    network = windowed(orders)
    way = choose(FORMS, network, 2, 2)
    assert way.name == "forward streams, by windows"
    assert gap(way(network, points), evaluate_forms(network, points.clone().requires_grad_(), FORMS)) < 1e-13


def test_hard_conditions_stand_on_top(points):
    ansatz = Ansatz(
        windowed((1, 1)),
        Layout({"u": None, "v": None}, ("x", "t")),
        {"u": lambda a, u: torch.sin(a.x) + a.t * (1 - a.x**2) * u},
        trial=points,
    )
    way = choose(FORMS, ansatz, 2, 2)
    assert gap(way(ansatz, points), evaluate_forms(ansatz, points.clone().requires_grad_(), FORMS)) < 1e-13


@pytest.mark.parametrize("orders", ORDERS)
@pytest.mark.parametrize("edge", EDGES[1:-1])
def test_fields_and_their_lower_derivatives_go_through_an_edge(orders, edge):
    network, forms = windowed(orders), {}
    for column, order in enumerate(orders):
        form = component(column, 2)
        for power in range(order + 1):
            forms[column, power] = form
            form = differentiated(form, 1)
    place = EDGES.index(edge)
    before, after = network.windows[place - 1], network.windows[place]
    for (column, power), form in forms.items():
        left, right = (choose([form], each, 2, 2)(each, at(edge))[form] for each in (before, after))
        if power < orders[column]:
            assert torch.equal(left, right)
        else:
            assert (left - right).abs().max() > 1e-3


def test_a_point_where_windows_meet_belongs_to_the_earlier_one():
    network = windowed((0, 0))
    assert torch.equal(network(at(0.3)), network.windows[0](at(0.3)))
    assert not torch.equal(network(at(0.3)), network.windows[1](at(0.3)))


def test_points_beyond_the_ends_belong_to_the_outer_windows():
    network = windowed((1, 1))
    assert torch.equal(network(at(-0.2)), network.windows[0](at(-0.2)))
    assert torch.equal(network(at(1.5)), network.windows[2](at(1.5)))
    assert network(at(0.5)[:0]).shape == (0, 2)


def test_a_periodic_coordinate_stays_periodic_in_all_windows():
    network = windowed((2, 1), periodic=(0,))
    ends = [torch.tensor([[x, t] for t in (0.1, 0.4, 0.9)], dtype=torch.float64) for x in (-1.0, 1.0)]
    way = choose(FORMS, network, 2, 2)
    assert gap(way(network, ends[0]), way(network, ends[1])) < 1e-12


def continued(order=2):
    start = Start(siren((0, 0.5), 0).requires_grad_(False), 1, 0.5, 0.5, (order, order))
    return Continued(siren((0.5, 1), 1), start)


def test_what_a_window_begins_with_is_no_weight_of_it_and_does_not_move(points):
    module = continued()
    before = copy.deepcopy(module.start.previous.state_dict())
    assert len(list(module.parameters())) == 6
    way = choose(FORMS, module, 2, 2)
    torch.stack([*way(module, points).values()]).square().sum().backward()
    assert all(weight.grad is None for weight in module.start.previous.parameters())
    assert all(weight.grad is not None for weight in module.parameters())
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.start.previous.state_dict().items())


def test_the_gradient_by_the_weights_is_that_of_autograd(points):
    module = continued()
    ways = choose(FORMS, module, 2, 2)(module, points), evaluate_forms(module, points.requires_grad_(), FORMS)
    found, wanted = (
        torch.autograd.grad(sum(values.square().sum() for values in way.values()), list(module.parameters()))
        for way in ways
    )
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12 * float(other.abs().max()))


def test_the_window_before_is_evaluated_once_for_points_that_are_used_again(points):
    module, memo = continued(), {}
    first = choose(FORMS, module, 2, 2)(module, points, memo)
    with torch.no_grad():
        for weight in module.start.previous.parameters():
            weight.add_(1.0)
    assert gap(choose(FORMS, module, 2, 2)(module, points, memo), first) == 0.0
    assert gap(choose(FORMS, module, 2, 2)(module, points, {}), first) > 1e-3


def test_windows_that_are_trained_together_send_gradients_to_all(points):
    network = windowed((1, 2))
    late = points[points[:, 1] > 0.5]
    found = choose(FORMS, network, 2, 2)(network, late, {})
    wanted = evaluate_forms(network, late.clone().requires_grad_(), FORMS)
    weights = list(network.windows[0].parameters())
    slopes = [torch.autograd.grad(sum(v.square().sum() for v in way.values()), weights) for way in (found, wanted)]
    for one, other in zip(*slopes, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12 * float(other.abs().max()))
    assert slopes[0][0].abs().max() > 0


def test_a_window_in_float32_takes_points_in_float64(points):
    start = Start(siren((0, 0.5), 0).float().requires_grad_(False), 1, 0.5, 0.5, (1, 1))
    module = Continued(siren((0.5, 1), 1), start)
    assert module(points).dtype == torch.float64
    torch.testing.assert_close(module(at(0.5)).float(), start.previous(at(0.5).float()))
