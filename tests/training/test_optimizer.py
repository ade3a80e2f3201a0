"""What all optimizers share: budgets, rates, schedules."""

import math

import pytest
import torch
from small import refused
from torch import nn

import sirenpde as sp

FIRST_ORDER = [sp.Adam, sp.Muon]


@pytest.mark.parametrize("kind", FIRST_ORDER)
class TestEveryFirstOrderOptimizer:
    @pytest.mark.parametrize("steps", [0, -1, 2.0, True, 10**15, "9", None])
    def test_a_budget_that_is_no_positive_integer_is_refused(self, kind, steps):
        message = f"{kind.__name__}(steps={steps!r}): expected a positive integer, such as steps=1000."
        with refused(sp.UsageError, message):
            kind(steps=steps)

    @pytest.mark.parametrize("lr", [0, -1e-3, math.nan, math.inf, "1", True, None])
    def test_a_rate_that_is_not_positive_is_refused(self, kind, lr):
        message = f"{kind.__name__}(lr={lr!r}): expected a positive learning rate, such as lr=1e-3."
        with refused(sp.UsageError, message):
            kind(lr=lr)

    @pytest.mark.parametrize("schedule", ["linear", None, 3])
    def test_an_unknown_schedule_is_refused(self, kind, schedule):
        message = f'{kind.__name__}(schedule={schedule!r}): expected "cosine" or "constant".'
        with refused(sp.UsageError, message):
            kind(schedule=schedule)

    @pytest.mark.parametrize("rate", [0, -1.0, math.nan, "1", True])
    def test_a_rate_of_the_first_layer_that_is_not_positive_is_refused(self, kind, rate):
        message = f"{kind.__name__}(first_lr={rate!r}): expected a positive learning rate, such as first_lr=1e-3."
        with refused(sp.UsageError, message):
            kind(first_lr=rate)

    def test_the_first_layer_has_a_rate_of_its_own(self, kind):
        # The first step of Adam moves a weight by its rate.
        network = sp.Siren(width=4, depth=1).build(1, 1)
        before = {name: weight.detach().clone() for name, weight in network.named_parameters()}

        def uphill():
            for weight in network.parameters():
                weight.grad = torch.ones_like(weight)
            return 1.0

        kind(lr=1e-2, first_lr=1e-4, schedule="constant").start(network).step(uphill)
        moved = {name: (before[name] - weight).abs().max().item() for name, weight in network.named_parameters()}
        for name in ("linears.0.weight", "linears.0.bias"):
            assert moved[name] == pytest.approx(1e-4, rel=1e-2)
        for name in ("linears.1.bias", "linears.2.weight", "linears.2.bias"):
            assert moved[name] == pytest.approx(1e-2, rel=1e-2)

    def test_a_rate_of_the_first_layer_needs_a_siren(self, kind):
        with pytest.raises(sp.UsageError, match=r"needs an sp\.Siren"):
            kind(first_lr=1e-4).start(nn.Linear(1, 1))

    def test_arguments_are_named(self, kind):
        with pytest.raises(TypeError, match="positional"):
            kind(1000)

    def test_a_cosine_falls_from_one_to_zero_over_the_stage(self, kind):
        declared = kind(steps=10)
        factors = [declared.factor(step) for step in range(11)]
        assert factors[0] == 1.0
        assert factors[5] == pytest.approx(0.5)
        assert factors[10] == pytest.approx(0.0, abs=1e-15)
        assert factors == sorted(factors, reverse=True)
        assert declared.factor(12) == declared.factor(10)

    def test_a_constant_schedule_stays(self, kind):
        assert {kind(steps=10, schedule="constant").factor(step) for step in range(20)} == {1.0}


def objective_of(weight, target=3.0):
    def objective():
        weight.grad = 2 * (weight.detach() - target)
        return float((weight.detach() - target).square().sum())

    return objective


def test_the_loss_is_that_before_the_step():
    layer = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(layer.weight)
    stepper = sp.Adam(steps=5, lr=0.1, schedule="constant").start(layer)
    assert stepper.step(objective_of(layer.weight)) == 9.0
    assert layer.weight.item() == pytest.approx(0.1, rel=1e-6)
    assert stepper.step(objective_of(layer.weight)) == pytest.approx(2.9**2, rel=1e-6)


def test_a_loss_that_is_not_finite_is_never_stepped_on():
    layer = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(layer.weight)
    stepper = sp.Adam(steps=5, lr=0.1).start(layer)
    for loss in (math.nan, math.inf):
        layer.weight.grad = torch.ones(1, 1)
        stepper.step(lambda loss=loss: loss)
        assert layer.weight.item() == 0.0


def test_the_schedule_sets_the_length_of_a_step():
    # A gradient of constant sign and size: Adam moves by its rate.
    layer = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(layer.weight)
    declared = sp.Adam(steps=4, lr=0.1)
    stepper = declared.start(layer)

    def uphill():
        layer.weight.grad = torch.full((1, 1), -1.0)
        return 1.0

    moves = []
    for _ in range(4):
        before = layer.weight.item()
        stepper.step(uphill)
        moves.append(layer.weight.item() - before)
    assert moves == pytest.approx([0.1 * declared.factor(step) for step in range(4)], rel=1e-4)
