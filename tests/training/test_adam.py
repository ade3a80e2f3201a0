"""Adam."""

import copy
import math

import pytest
import torch
from small import refused
from torch import nn

import sirenpde as sp

NETWORK = sp.Siren(width=8, depth=2).build(2, 1, seed=0, dtype=torch.float64)
POINTS = torch.rand(20, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def objective(network):
    def evaluate():
        network.zero_grad()
        loss = (network(POINTS)[:, 0] - POINTS.prod(1)).square().mean()
        loss.backward()
        return loss.item()

    return evaluate


@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.5, 0.8)])
def test_a_constant_rate_is_torchs_own_adam_step_for_step(betas):
    ours, theirs = copy.deepcopy(NETWORK), copy.deepcopy(NETWORK)
    stepper = sp.Adam(steps=10, lr=1e-3, schedule="constant", betas=betas).start(ours)
    reference = torch.optim.Adam(theirs.parameters(), lr=1e-3, betas=betas)
    for _ in range(10):
        stepper.step(objective(ours))
        objective(theirs)()
        reference.step()
        for one, other in zip(ours.parameters(), theirs.parameters()):
            assert torch.equal(one, other)


def test_a_cosine_is_adam_with_the_rate_written_out():
    ours, theirs = copy.deepcopy(NETWORK), copy.deepcopy(NETWORK)
    stepper = sp.Adam(steps=5, lr=1e-3).start(ours)
    reference = torch.optim.Adam(theirs.parameters())
    for step in range(5):
        reference.param_groups[0]["lr"] = 1e-3 * 0.5 * (1 + math.cos(math.pi * step / 5))
        stepper.step(objective(ours))
        objective(theirs)()
        reference.step()
    for one, other in zip(ours.parameters(), theirs.parameters()):
        torch.testing.assert_close(one, other, rtol=1e-13, atol=1e-15)


def test_every_weight_moves():
    network = copy.deepcopy(NETWORK)
    sp.Adam(steps=1).start(network).step(objective(network))
    for (name, weight), before in zip(network.named_parameters(), NETWORK.parameters()):
        assert not torch.equal(weight, before), name


def test_any_module_is_trained():
    module = nn.Linear(2, 1).double()
    before = module.weight.detach().clone()
    sp.Adam(steps=1).start(module).step(objective(module))
    assert not torch.equal(module.weight, before)


@pytest.mark.parametrize("betas", [0.9, (0.9,), (0.9, 1.0), (-0.1, 0.9), ("a", "b"), None, (0.9, 0.9, 0.9)])
def test_moments_outside_zero_to_one_are_refused(betas):
    message = f"Adam(betas={betas!r}): expected two numbers from 0 to below 1, such as betas=(0.9, 0.999)."
    with refused(sp.UsageError, message):
        sp.Adam(betas=betas)
