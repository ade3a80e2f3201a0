"""Muon on the hidden matrices, Adam on the rest."""

import copy
import math

import pytest
import torch
from small import refused
from torch import nn

import sirenpde as sp

NETWORK = sp.Siren(width=8, depth=2).build(2, 1, seed=0)
POINTS = torch.rand(20, 2, generator=torch.Generator().manual_seed(1))
HIDDEN = {"linears.1.weight", "linears.2.weight"}


def objective(network):
    def evaluate():
        network.zero_grad()
        loss = (network(POINTS)[:, 0] - POINTS.prod(1)).square().mean()
        loss.backward()
        return loss.item()

    return evaluate


def test_hidden_matrices_are_moved_by_muon_and_all_else_by_adam_step_for_step():
    ours, theirs = copy.deepcopy(NETWORK), copy.deepcopy(NETWORK)
    named = dict(theirs.named_parameters())
    muon = torch.optim.Muon(
        [named[name] for name in sorted(HIDDEN)], lr=2e-3, momentum=0.95, nesterov=True, weight_decay=0
    )
    adam = torch.optim.Adam([weight for name, weight in named.items() if name not in HIDDEN], lr=5e-4)
    stepper = sp.Muon(steps=6, lr=2e-3, adam_lr=5e-4, schedule="constant").start(ours)
    for _ in range(6):
        stepper.step(objective(ours))
        objective(theirs)()
        muon.step()
        adam.step()
        for name, weight in ours.named_parameters():
            assert torch.equal(weight, named[name]), name


def test_adam_alone_or_muon_alone_is_told_apart():
    # What the test above relies on: the other optimizer would have moved each weight elsewhere.
    ours, all_adam = copy.deepcopy(NETWORK), copy.deepcopy(NETWORK)
    sp.Muon(steps=2, lr=2e-3, schedule="constant").start(ours).step(objective(ours))
    sp.Adam(steps=2, lr=2e-3, schedule="constant").start(all_adam).step(objective(all_adam))
    same = {
        name for (name, one), other in zip(ours.named_parameters(), all_adam.parameters()) if torch.equal(one, other)
    }
    assert same == {name for name, _ in ours.named_parameters()} - HIDDEN


def test_weights_do_not_decay():
    # With a gradient of zero nothing moves; torch's own default would shrink the matrices by lr / 10.
    network = copy.deepcopy(NETWORK)

    def flat():
        for weight in network.parameters():
            weight.grad = torch.zeros_like(weight)
        return 0.0

    sp.Muon(steps=2, lr=0.5, schedule="constant").start(network).step(flat)
    for one, other in zip(network.parameters(), NETWORK.parameters()):
        assert torch.equal(one, other)


def test_the_rest_learns_at_the_rate_of_the_hidden_matrices_unless_told():
    ours, theirs = copy.deepcopy(NETWORK), copy.deepcopy(NETWORK)
    sp.Muon(steps=2, lr=2e-3).start(ours).step(objective(ours))
    sp.Muon(steps=2, lr=2e-3, adam_lr=2e-3).start(theirs).step(objective(theirs))
    assert all(torch.equal(one, other) for one, other in zip(ours.parameters(), theirs.parameters()))


def test_both_rates_follow_the_cosine_to_zero():
    network = copy.deepcopy(NETWORK)
    stepper = sp.Muon(steps=3, lr=2e-3).start(network)
    moves = []
    for _ in range(4):
        before = [weight.detach().clone() for weight in network.parameters()]
        stepper.step(objective(network))
        moves.append(max((one - other).abs().max().item() for one, other in zip(network.parameters(), before)))
    assert moves[0] > moves[2] > 0
    assert moves[3] == 0.0  # past the end of the stage


def test_a_module_whose_hidden_matrices_are_not_known_is_refused():
    message = "Muon needs an sp.Siren, whose hidden matrices it knows; got a Linear. Use sp.Adam."
    with refused(sp.UsageError, message):
        sp.Muon().start(nn.Linear(2, 1))


@pytest.mark.parametrize("rate", [0, -1.0, math.nan, "1", True])
def test_a_rate_for_adam_that_is_not_positive_is_refused(rate):
    message = f"Muon(adam_lr={rate!r}): expected a positive learning rate, such as adam_lr=1e-3."
    with refused(sp.UsageError, message):
        sp.Muon(adam_lr=rate)
