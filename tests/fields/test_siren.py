"""The network is the paper's: sin(ω (W h + b)) layers, a linear layer at the end, coordinates mapped to [-1, 1]."""

import copy
import math

import pytest
import torch

from sirenpde.errors import UsageError
from sirenpde.fields.siren import Siren


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"width": 0}, "Siren(width=0): expected an integer of at least 1, such as width=3."),
        ({"width": 2.0}, "Siren(width=2.0): expected an integer of at least 1, such as width=3."),
        ({"depth": True}, "Siren(depth=True): expected an integer of at least 1, such as depth=3."),
        ({"depth": -1}, "Siren(depth=-1): expected an integer of at least 1, such as depth=3."),
        ({"omega": 0}, "Siren(omega=0): expected a positive number, such as omega=30."),
        ({"omega": "30"}, "Siren(omega='30'): expected a positive number, such as omega=30."),
        ({"first_omega": math.inf}, "Siren(first_omega=inf): expected a positive number, such as first_omega=30."),
        ({"first_omega": math.nan}, "Siren(first_omega=nan): expected a positive number, such as first_omega=30."),
        ({"first_omega": True}, "Siren(first_omega=True): expected a positive number, such as first_omega=30."),
    ],
)
def test_a_number_that_declares_no_network_is_refused(arguments, message):
    with pytest.raises(UsageError) as caught:
        Siren(**arguments)
    assert str(caught.value) == message


def test_the_default_network_has_as_many_parameters_as_the_authors():
    network = Siren().build(inputs=2, outputs=1)
    assert sum(parameter.numel() for parameter in network.parameters()) == 198_401


def test_a_layer_is_the_sine_of_omega_times_weights_and_bias_together():
    network = Siren(width=20, depth=1, omega=11.0, first_omega=7.0).build(2, 1, dtype=torch.float64)
    points = torch.rand(9, 2, dtype=torch.float64)
    first, second, last = network.linears
    hidden = torch.sin(7.0 * (points @ first.weight.T + first.bias))
    deeper = torch.sin(11.0 * (hidden @ second.weight.T + second.bias))
    expected = deeper @ last.weight.T + last.bias  # linear, without ω
    # Sums of 20 terms, through a sine of arguments of some 10 units: tens of units of rounding.
    torch.testing.assert_close(network(points), expected, rtol=1e-13, atol=1e-14)


def test_the_bias_is_inside_the_multiplication_by_omega():
    network = Siren(width=20, depth=1).build(2, 1, dtype=torch.float64)
    points = torch.rand(9, 2, dtype=torch.float64)
    (before, hidden), _ = network.activations(points)
    first = network.linears[0]
    inside = torch.sin(30.0 * (points @ first.weight.T + first.bias))
    outside = torch.sin(30.0 * (points @ first.weight.T) + first.bias)
    torch.testing.assert_close(hidden, inside, rtol=0, atol=1e-13)  # arguments up to 50, rounded to 7e-15 each
    assert (hidden - outside).abs().max() > 0.5
    assert torch.equal(torch.sin(before), hidden)


def test_coordinates_are_mapped_from_their_bounds_to_plus_minus_one():
    network = Siren(width=4, depth=1).build(2, 1, bounds=[(0.0, 10.0), (-3.0, -1.0)], dtype=torch.float64)
    corners = torch.tensor([[0.0, -3.0], [10.0, -1.0], [5.0, -2.0]], dtype=torch.float64)
    expected = torch.tensor([[-1.0, -1.0], [1.0, 1.0], [0.0, 0.0]], dtype=torch.float64)
    assert torch.equal(network.normalise(corners), expected)
    plain = Siren(width=4, depth=1).build(2, 1, dtype=torch.float64)
    assert torch.equal(network(corners), plain(expected))


def test_the_same_seed_gives_the_same_weights_in_every_dtype_up_to_rounding():
    double, single = (Siren(width=5).build(2, 1, seed=3, dtype=dtype) for dtype in (torch.float64, torch.float32))
    for one, other in zip(double.parameters(), single.parameters(), strict=True):
        assert one.dtype == torch.float64
        assert torch.equal(one.float(), other)


def test_another_seed_gives_other_weights():
    one, other = (Siren(width=5).build(2, 1, seed=seed) for seed in (0, 1))
    assert not torch.equal(one.linears[0].weight, other.linears[0].weight)


def test_two_networks_of_one_declaration_share_no_weights():
    declaration = Siren(width=5)
    one, other = declaration.build(2, 1), declaration.build(2, 1)
    with torch.no_grad():
        one.linears[0].weight.zero_()
    assert other.linears[0].weight.abs().max() > 0


def test_a_network_knows_its_sizes_and_which_matrices_are_hidden():
    network = Siren(width=5, depth=3, omega=4, first_omega=9).build(inputs=2, outputs=6)
    assert (network.inputs, network.outputs) == (2, 6)
    assert [omega for _, omega in network.sine_layers] == [9, 4, 4, 4]
    assert [matrix.shape for matrix in network.hidden_matrices] == [(5, 5)] * 3
    assert all(
        ours is theirs.weight for ours, theirs in zip(network.hidden_matrices, network.linears[1:4], strict=True)
    )
    assert network.last is network.linears[4]


def test_a_copy_computes_the_same_and_is_independent():
    network = Siren(width=5).build(1, 1)
    twin = copy.deepcopy(network)
    points = torch.rand(4, 1)
    assert torch.equal(network(points), twin(points))
    assert twin.linears[0].weight is not network.linears[0].weight
