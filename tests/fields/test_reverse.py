"""The reverse pass by hand gives values, gradients, and the gradients of a loss made of both, as autograd does."""

import itertools

import pytest
import torch
from binding import parameter_gradients, relative, small_siren
from zoo import observed_order, points_in

from sirenpde.fields.reverse import evaluate_gradient
from sirenpde.fields.siren import Siren

ROUNDING = 1e-12  # two ways to one number through four layers, as in test_streams.py; observed: below 2e-14
BOUNDS = [(0.0, 3.0), (-2.0, -1.5), (1.0, 1.7), (-4.0, 1.0)]

TWICE = (
    "closed-form derivatives of a SIREN can be differentiated once, by its weights, and create_graph=True asks for "
    "more: use nested autograd on the network itself."
)


def make(dimension, outputs, seed=0):
    network = small_siren(dimension, outputs, seed=seed, bounds=BOUNDS[:dimension])
    return network, points_in(dimension, 5, seed) * network.scale + network.center


def reference(network, points, columns):
    """Values ``(n, o)`` and gradients ``(n, k, d)`` by autograd."""
    leaf = points if points.requires_grad else points.detach().requires_grad_()
    values = network(leaf)
    slopes = [torch.autograd.grad(values[:, column].sum(), leaf, create_graph=True)[0] for column in columns]
    return values, torch.stack(slopes, dim=1)


SUBSETS = [
    (outputs, columns)
    for outputs in (1, 2, 3)
    for size in range(1, outputs + 1)
    for columns in itertools.combinations(range(outputs), size)
]


@pytest.mark.parametrize(("outputs", "columns"), SUBSETS, ids=str)
@pytest.mark.parametrize("dimension", [1, 2, 3, 4])
def test_values_gradients_and_those_of_a_loss_agree_with_autograd(dimension, outputs, columns):
    network, points = make(dimension, outputs)
    ours, theirs = evaluate_gradient(network, points, columns), reference(network, points, columns)
    generator = torch.Generator().manual_seed(1)
    losses = []
    for mine, true in zip(ours, theirs, strict=True):
        assert relative(mine, true) < ROUNDING
        weights = 0.5 + torch.rand(true.shape, generator=generator, dtype=torch.float64)
        losses.append([(weights * way**2).sum() for way in (mine, true)])
    together = [losses[0][way] + losses[1][way] for way in (0, 1)]
    for mine, true in [*losses, together]:  # of values alone, of gradients alone, of both
        pairs = zip(parameter_gradients(mine, network), parameter_gradients(true, network), strict=True)
        for (name, _), (one, other) in zip(network.named_parameters(), pairs, strict=True):
            assert relative(one, other) < ROUNDING, name


def test_the_papers_network_agrees_with_autograd():
    network = Siren(width=64, depth=3).build(2, 1, dtype=torch.float64)  # ω = 30 in every layer
    points = points_in(2, 5)
    (_, mine), (_, true) = evaluate_gradient(network, points, [0]), reference(network, points, [0])
    assert relative(mine, true) < ROUNDING
    pairs = zip(*(parameter_gradients(way.square().sum(), network) for way in (mine, true)), strict=True)
    assert all(relative(one, other) < ROUNDING for one, other in pairs)


def test_points_that_depend_on_something_get_their_gradient():
    network, points = make(2, 2)
    leaf = points.detach().requires_grad_()
    gradients = [
        torch.autograd.grad(values.square().sum() + slopes.pow(3).sum(), leaf)[0]
        for values, slopes in (evaluate_gradient(network, leaf, [1]), reference(network, leaf, [1]))
    ]
    assert gradients[1].abs().max() > 0
    assert relative(*gradients) < ROUNDING


def test_central_differences_approach_the_gradient_with_order_two():
    network, points = make(3, 1)
    _, exact = evaluate_gradient(network, points, [0])
    steps = [2.0**-k for k in range(5, 10)]
    for axis in range(3):
        errors = []
        for step in steps:
            shift = torch.zeros(3, dtype=torch.float64)
            shift[axis] = step
            slope = (network(points + shift) - network(points - shift))[:, 0] / (2 * step)
            errors.append((slope - exact[:, 0, axis]).abs().max().item())
        # The order of central differences; the next term of the expansion bends the slope by less than 0.01 here.
        assert observed_order(steps, errors) == pytest.approx(2.0, abs=0.05)


@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize("power", [1, 2], ids=["linear loss", "squared loss"])
def test_a_second_differentiation_raises_in_place_of_returning_zeros(power, layer):
    network, points = make(2, 1)
    loss = evaluate_gradient(network, points, [0])[1].pow(power).sum()
    with pytest.raises(RuntimeError) as caught:
        torch.autograd.grad(loss, network.linears[layer].weight, create_graph=True)
    assert str(caught.value) == TWICE


def test_a_second_pass_backward_gives_the_same():
    network, points = make(2, 2)
    values, slopes = evaluate_gradient(network, points, [0, 1])
    loss = values.square().sum() + slopes.square().sum()
    first, second = parameter_gradients(loss, network), parameter_gradients(loss, network)
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))


def test_single_precision_agrees_with_double(device):
    network, points = make(2, 2)
    exact = evaluate_gradient(network, points, [1, 0])
    rough = evaluate_gradient(network.float().to(device), points.float().to(device), [1, 0])
    (rough[0].sum() + rough[1].square().sum()).backward()
    for ours, theirs in zip(rough, exact, strict=True):
        assert (ours.device.type, ours.dtype) == (device.type, torch.float32)
        assert relative(ours.detach().cpu().double(), theirs) < 1e-4  # a thousand units of rounding in float32
