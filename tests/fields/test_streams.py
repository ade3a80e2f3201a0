"""Streams give every derivative of a SIREN, and the gradients of a loss made of them, as nested autograd does."""

import itertools

import pytest
import torch
from binding import relative, small_siren
from zoo import observed_order, points_in

from sirenpde.fields.autodiff import evaluate_forms
from sirenpde.fields.forms import order
from sirenpde.fields.jets import Collapsed, jet_algebra
from sirenpde.fields.siren import Siren
from sirenpde.fields.streams import evaluate_streams

# Two ways to the same number through four layers, sums of a few hundred terms each: some 4500 units of rounding at the
# very most. Observed: below 3e-14.
ROUNDING = 1e-12
BOUNDS = [(0.0, 3.0), (-2.0, -1.5), (1.0, 1.7), (-4.0, 1.0)]

TWICE = (
    "closed-form derivatives of a SIREN can be differentiated once, by its weights, and create_graph=True asks for "
    "more: use nested autograd on the network itself."
)


def make(dimension, outputs, seed=0):
    """A random network with bounds that are not ±1, and points inside them."""
    network = small_siren(dimension, outputs, seed=seed, bounds=BOUNDS[:dimension])
    points = points_in(dimension, 3, seed) * network.scale + network.center
    return network, points


def all_indices(dimension, highest):
    return [alpha for alpha in itertools.product(range(highest + 1), repeat=dimension) if order(alpha) <= highest]


def reference(network, points, streams, outputs):
    """The streams by nested autograd, ``(S, n, o)``."""

    def form(stream, column):
        pairs = stream.weights if isinstance(stream, Collapsed) else ((stream, 1.0),)
        return tuple(((column, alpha), weight) for alpha, weight in pairs)

    wanted = [form(stream, column) for stream in streams for column in range(outputs)]
    answers = evaluate_forms(network, points.detach().requires_grad_(), wanted)
    rows = [[answers[form(stream, column)] for column in range(outputs)] for stream in streams]
    return torch.stack([torch.stack(row, dim=1) for row in rows])


def check_values_and_gradients(network, points, wanted):
    """Streams agree with the definition, each by itself, and so does the gradient of a loss that reads them all."""
    algebra = jet_algebra(wanted, network.inputs)
    ours = evaluate_streams(network, points, algebra)
    theirs = reference(network, points, algebra.streams, network.outputs)
    for index, stream in enumerate(algebra.streams):
        assert relative(ours[index], theirs[index]) < ROUNDING, stream
    # Each stream weighs the same in the loss, and each entry differently, so that no wrong one hides.
    weights = torch.rand(ours.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    weights = (0.5 + weights) / theirs.detach().abs().amax(dim=(1, 2), keepdim=True)
    for (name, parameter), mine in zip(
        network.named_parameters(), torch.autograd.grad((weights * ours**2).sum(), [*network.parameters()]), strict=True
    ):
        (true,) = torch.autograd.grad((weights * theirs**2).sum(), parameter, retain_graph=True)
        assert relative(mine, true) < ROUNDING, name


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("outputs", [1, 2, 3])
@pytest.mark.parametrize("dimension", [1, 2, 3, 4])
def test_gradient_and_hessian_agree_with_nested_autograd(dimension, outputs, seed):
    check_values_and_gradients(*make(dimension, outputs, seed), all_indices(dimension, 2))


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_all_partials_up_to_order_four_agree_with_nested_autograd(dimension):
    check_values_and_gradients(*make(dimension, 2), all_indices(dimension, 4))


@pytest.mark.parametrize("alpha", [(1, 1, 1, 1), (2, 0, 1, 1), (0, 2, 0, 2), (0, 3, 1, 0)], ids=str)
def test_mixed_fourth_partials_in_four_coordinates_agree_with_nested_autograd(alpha):
    check_values_and_gradients(*make(4, 1), [alpha])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("dimension", [1, 2, 3, 4])
def test_collapsed_sums_with_mixed_terms_and_unequal_weights_agree_with_nested_autograd(dimension, seed):
    generator = torch.Generator().manual_seed(seed)
    seconds = [alpha for alpha in all_indices(dimension, 2) if order(alpha) == 2]
    weights = torch.randn(len(seconds), generator=generator, dtype=torch.float64).tolist()
    unequal = Collapsed(tuple(zip(seconds, weights, strict=True)))
    laplacian = Collapsed(tuple((alpha, 1.0) for alpha in seconds if 2 in alpha))
    check_values_and_gradients(*make(dimension, 2, seed), [unequal])
    check_values_and_gradients(*make(dimension, 2, seed), [laplacian, unequal, (3, *[0] * (dimension - 1))])


@pytest.mark.parametrize("alpha", [(2, 0), (0, 2), (1, 1)], ids=str)
def test_a_collapsed_sum_of_one_term_is_that_derivative(alpha):
    network, points = make(2, 2)
    algebra = jet_algebra([Collapsed(((alpha, 2.5),)), alpha], 2)
    streams = dict(zip(algebra.streams, evaluate_streams(network, points, algebra), strict=True))
    assert relative(streams[Collapsed(((alpha, 2.5),))], 2.5 * streams[alpha]) < ROUNDING


def test_the_papers_network_agrees_with_nested_autograd():
    network = Siren(width=64, depth=3).build(2, 1, dtype=torch.float64)  # ω = 30 in every layer
    laplacian = Collapsed((((2, 0), 1.0), ((0, 2), 1.0)))
    check_values_and_gradients(network, points_in(2, 5), [laplacian])


def test_the_values_are_those_of_the_network():
    network, points = make(2, 3)
    (values,) = evaluate_streams(network, points, jet_algebra([], 2))
    assert relative(values, network(points)) < ROUNDING


def test_a_loss_that_reads_one_stream_alone_has_the_same_gradient():
    network, points = make(2, 1)
    algebra = jet_algebra([Collapsed((((2, 0), 1.0), ((0, 2), 1.0)))], 2)
    ours = evaluate_streams(network, points, algebra)
    theirs = reference(network, points, algebra.streams, 1)
    for index in range(len(algebra)):
        pairs = zip(
            *(
                torch.autograd.grad(
                    way[index].square().sum(), [*network.parameters()], retain_graph=True, allow_unused=True
                )
                for way in (ours, theirs)
            ),
            strict=True,
        )
        for mine, true in pairs:
            # The last bias enters no derivative: one way gives zeros, the other nothing.
            assert relative(mine, torch.zeros_like(mine) if true is None else true) < ROUNDING


def test_streams_can_be_differentiated_by_points_that_depend_on_something():
    network, points = make(2, 1)
    leaf = points.detach().requires_grad_()
    algebra = jet_algebra([(1, 0), (0, 2)], 2)
    (ours,) = torch.autograd.grad(evaluate_streams(network, leaf, algebra).square().sum(), leaf)
    values = evaluate_forms(network, leaf, [(((0, alpha), 1.0),) for alpha in algebra.streams])
    (theirs,) = torch.autograd.grad(torch.stack([*values.values()]).square().sum(), leaf)
    assert relative(ours, theirs) < ROUNDING


def test_central_differences_of_a_derivative_approach_the_next_one_with_order_two():
    network, points = make(2, 1)
    algebra = jet_algebra([(1, 1), (2, 0)], 2)
    number = {stream: index for index, stream in enumerate(algebra.streams)}
    exact = evaluate_streams(network, points, algebra)
    steps = [2.0**-k for k in range(5, 10)]
    for axis, of, to in [(0, (0, 0), (1, 0)), (0, (1, 0), (2, 0)), (1, (1, 0), (1, 1)), (1, (0, 0), (0, 1))]:
        errors = []
        for step in steps:
            shift = torch.zeros(2, dtype=torch.float64)
            shift[axis] = step
            plus, minus = (evaluate_streams(network, points + sign * shift, algebra)[number[of]] for sign in (1, -1))
            errors.append(((plus - minus) / (2 * step) - exact[number[to]]).abs().max().item())
        # The order of central differences; the next term of the expansion bends the slope by less than 0.01 here.
        assert observed_order(steps, errors) == pytest.approx(2.0, abs=0.05)


@pytest.mark.parametrize("alpha", [(1, 0), (0, 2)], ids=str)
@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize("power", [1, 2], ids=["linear loss", "squared loss"])
def test_a_second_differentiation_raises_in_place_of_returning_zeros(alpha, power, layer):
    network, points = make(2, 1)
    loss = evaluate_streams(network, points, jet_algebra([alpha], 2))[-1].pow(power).sum()
    with pytest.raises(RuntimeError) as caught:
        torch.autograd.grad(loss, network.linears[layer].weight, create_graph=True)
    assert str(caught.value) == TWICE


def test_single_precision_agrees_with_double(device):
    network, points = make(2, 2)
    algebra = jet_algebra([Collapsed((((2, 0), 1.0), ((0, 2), 1.0))), (3, 0)], 2)
    exact = evaluate_streams(network, points, algebra)
    rough = evaluate_streams(network.float().to(device), points.float().to(device), algebra)
    assert (rough.device.type, rough.dtype) == (device.type, torch.float32)
    for ours, theirs in zip(rough, exact, strict=True):
        assert relative(ours.cpu().double(), theirs) < 1e-4  # a thousand units of rounding in float32


def test_the_inputs_are_left_as_they_were():
    network, points = make(2, 1)
    before = [points.clone(), *(parameter.detach().clone() for parameter in network.parameters())]
    evaluate_streams(network, points, jet_algebra([(2, 1)], 2)).square().sum().backward()
    assert all(torch.equal(old, new) for old, new in zip(before, [points, *network.parameters()], strict=True))


def test_a_loss_can_be_driven_backward_twice_with_the_same_result():
    network, points = make(2, 1)
    loss = evaluate_streams(network, points, jet_algebra([(2, 1)], 2)).square().sum()
    first, second = (torch.autograd.grad(loss, [*network.parameters()], retain_graph=True) for _ in range(2))
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))
