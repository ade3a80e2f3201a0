"""A periodic network repeats with all its derivatives, and every closed form goes through its embedding."""

import copy
import itertools
import math

import pytest
import torch
from binding import parameter_gradients, relative, small_siren
from zoo import points_in

from sirenpde.errors import UsageError
from sirenpde.fields.autodiff import evaluate_forms
from sirenpde.fields.embedding import Embedding
from sirenpde.fields.forms import order
from sirenpde.fields.initialisation import bias_bound, weight_bound
from sirenpde.fields.jets import Collapsed, jet_algebra
from sirenpde.fields.plan import choose
from sirenpde.fields.reverse import evaluate_gradient
from sirenpde.fields.siren import Siren, SirenNetwork
from sirenpde.fields.streams import evaluate_streams

ROUNDING = 1e-12  # two ways to one number through four layers, as in test_streams.py
BOUNDS = [(0.0, 3.0), (-2.0, -1.0), (1.0, 1.7)]
CASES = [(1, (0,)), (2, (0,)), (2, (1,)), (2, (0, 1)), (2, (1, 0)), (3, (0, 2))]


def make(dimension, periodic, outputs=1, count=4):
    network = small_siren(dimension, outputs, bounds=BOUNDS[:dimension], periodic=periodic)
    return network, points_in(dimension, count) * network.scale + network.center


def single(alpha, column=0):
    return (((column, alpha), 1.0),)


def all_indices(dimension, highest):
    return [alpha for alpha in itertools.product(range(highest + 1), repeat=dimension) if order(alpha) <= highest]


@pytest.mark.parametrize(("dimension", "periodic"), CASES)
def test_values_and_all_derivatives_agree_at_both_ends(dimension, periodic):
    network, points = make(dimension, periodic)
    forms = [single(alpha) for alpha in all_indices(dimension, 3)]
    for axis in periodic:
        ends = []
        for end in BOUNDS[axis]:
            place = points.clone()
            place[:, axis] = end
            ends.append(evaluate_forms(network, place.requires_grad_(), forms))
        for form in forms:
            # sin 2π is 2.4e-16 and not 0; three derivatives multiply that by the steepness of the network
            assert relative(ends[0][form], ends[1][form]) < 1e-13
            assert ends[0][form].abs().max() > 0


def test_a_coordinate_that_is_not_periodic_differs_at_its_ends():
    network, points = make(2, (0,))
    ends = points[:2].clone()
    ends[:, 0] = points[0, 0]
    ends[:, 1] = torch.tensor(BOUNDS[1])
    low, high = network(ends)
    assert (low - high).abs().min() > 1e-3


def test_the_first_layer_sees_the_cosine_and_the_sine_of_the_turned_angle():
    low, high = BOUNDS[1]
    network, points = make(2, (1,))
    angle = 2 * math.pi * (points[:, 1] - low) / (high - low)
    expected = torch.stack([(points[:, 0] - 1.5) / 1.5, torch.cos(angle), torch.sin(angle)], dim=1)
    torch.testing.assert_close(network.embedding(network.normalise(points)), expected, rtol=0, atol=1e-14)
    assert network.linears[0].in_features == 3
    assert (network.inputs, network.periodic) == (2, (1,))


def test_a_cosine_over_the_interval_has_the_derivatives_of_a_cosine():
    """Of a first layer set to cos θ alone: the wave number 2π / P in the user's units."""
    embedding = Embedding(1, (0,))
    points = torch.tensor([[0.3], [0.9], [2.2]], dtype=torch.float64)
    scale, algebra = torch.tensor([1.5], dtype=torch.float64), jet_algebra([(4,)], 1)
    jet = embedding.jet((points - 1.5) / 1.5, scale, algebra)
    k, x = 2 * math.pi / 3, points[:, 0]
    for times in range(5):
        quarter = times * math.pi / 2
        torch.testing.assert_close(jet[times, :, 0], k**times * torch.cos(k * x + quarter), rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(jet[times, :, 1], k**times * torch.sin(k * x + quarter), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize(("dimension", "periodic"), CASES)
def test_streams_and_their_gradients_agree_with_nested_autograd(dimension, periodic, outputs):
    network, points = make(dimension, periodic, outputs)
    seconds = [alpha for alpha in all_indices(dimension, 2) if order(alpha) == 2]
    summed = Collapsed(tuple((alpha, 1.0 + 0.3 * place) for place, alpha in enumerate(seconds)))
    algebra = jet_algebra([*all_indices(dimension, 3), summed], dimension)
    ours = evaluate_streams(network, points, algebra)

    def form(stream, column):
        pairs = stream.weights if isinstance(stream, Collapsed) else ((stream, 1.0),)
        return tuple(((column, alpha), weight) for alpha, weight in pairs)

    wanted = [form(stream, column) for stream in algebra.streams for column in range(outputs)]
    answers = evaluate_forms(network, points.clone().requires_grad_(), wanted)
    theirs = torch.stack([answers[each] for each in wanted]).reshape(len(algebra), outputs, -1).transpose(1, 2)
    for index in range(len(algebra)):
        assert relative(ours[index], theirs[index]) < ROUNDING
    weights = 1 / theirs.detach().abs().amax(dim=(1, 2), keepdim=True)
    pairs = zip(*(parameter_gradients((weights * way**2).sum(), network) for way in (ours, theirs)), strict=True)
    assert all(relative(mine, true) < ROUNDING for mine, true in pairs)


@pytest.mark.parametrize(("dimension", "periodic"), CASES)
def test_the_reverse_pass_agrees_with_autograd(dimension, periodic):
    network, points = make(dimension, periodic, 2)
    leaf = points.clone().requires_grad_()
    values = network(leaf)
    slopes = [torch.autograd.grad(values[:, column].sum(), leaf, create_graph=True)[0] for column in (0, 1)]
    theirs = values, torch.stack(slopes, dim=1)
    ours = evaluate_gradient(network, points, [0, 1])
    losses = []
    for mine, true in zip(ours, theirs, strict=True):
        assert relative(mine, true) < ROUNDING
        losses.append([way.pow(3).sum() + way.square().sum() for way in (mine, true)])
    for pair in losses:
        gradients = zip(*(parameter_gradients(loss, network) for loss in pair), strict=True)
        assert all(relative(mine, true) < ROUNDING for mine, true in gradients)


@pytest.mark.parametrize("forms", [[single((1, 0)), single((0, 1))], [(((0, (0, 2)), 1.0), ((0, (2, 0)), 1.0))]])
def test_points_that_depend_on_something_get_their_gradient(forms):
    network, points = make(2, (1,))
    leaf = points.clone().requires_grad_()
    way = choose(forms, network, 2, 1)
    assert way.name != "autograd"
    gradients = []
    for answers in (way(network, leaf), evaluate_forms(network, leaf, forms)):
        loss = torch.stack([*answers.values()]).square().sum()
        gradients.append(torch.autograd.grad(loss, leaf)[0])
    assert relative(*gradients) < ROUNDING


def test_the_plan_of_a_periodic_network_costs_what_that_of_any_other_does():
    laplacian = (((0, (0, 2)), 1.0), ((0, (2, 0)), 1.0))
    for forms in ([laplacian], [single((1, 0)), single((0, 1))], [single((0, 0))], [single((3, 0)), single((0, 1))]):
        plain, periodic = (choose(forms, small_siren(2, periodic=which), 2, 1) for which in ((), (0,)))
        assert (plain.name, plain.cost) == (periodic.name, periodic.cost)


def test_the_first_layers_bounds_follow_its_number_of_inputs():
    network = Siren(width=256, depth=1).build(2, 1, periodic=(0, 1), dtype=torch.float64)
    layer = network.linears[0]
    for tensor, bound in ((layer.weight, weight_bound(4, None)), (layer.bias, bias_bound(4))):
        assert 0.95 * bound < tensor.abs().max() <= bound


def test_a_network_is_built_again_from_its_declaration_bounds_and_periodic_coordinates():
    network, points = make(3, (0, 2))
    twin = SirenNetwork(network.declaration, network.inputs, 1, bounds=BOUNDS, periodic=network.periodic)
    twin.load_state_dict(network.state_dict())
    assert torch.equal(twin(points), network(points))
    assert torch.equal(copy.deepcopy(network)(points), network(points))


def test_without_periodic_coordinates_nothing_changes():
    points = points_in(2)
    assert Embedding(2)(points) is points
    assert Embedding(2).pulled_back(points, points) is points


@pytest.mark.parametrize("periodic", [(2,), (-1,), (0, 0), ("x",)])
def test_a_periodic_coordinate_that_does_not_exist_is_refused(periodic):
    with pytest.raises(UsageError) as caught:
        Siren(width=4).build(2, 1, periodic=periodic)
    assert str(caught.value) == (
        f"periodic={periodic!r}: expected the places of coordinates, each once, counted from 0 to 1."
    )
