"""What the quasi-Newton methods share: how far the first trial goes, and how a stage starts anew."""

import pytest
import torch
from torch import nn

from sirenpde.training.quasi_newton import LENGTHENED, InverseHessian, QuasiNewtonStepper


class Steady(InverseHessian):
    """H is a number, whatever it is told; it counts how often it is reset."""

    def __init__(self, factor):
        self.factor, self.resets = factor, 0

    def direction(self, gradient):
        return -self.factor * gradient

    def advance(self, direction, step, before, after):
        return -self.factor * after

    def reset(self):
        self.resets += 1


class Valley:
    """L = k x²/2 from some x, with the places at which it was asked."""

    def __init__(self, curvature, place, factor):
        self.module = nn.Linear(1, 1, bias=False, dtype=torch.float64)
        self.curvature, self.factor, self.asked = curvature, factor, []
        self.put(place)
        self.model = Steady(factor)
        self.stepper = QuasiNewtonStepper(self.module, self.model)

    @property
    def place(self):
        return self.module.weight.item()

    def put(self, place):
        with torch.no_grad():
            self.module.weight.fill_(place)

    def __call__(self):
        self.asked.append(self.place)
        self.module.zero_grad()
        loss = self.curvature * self.module.weight.square().sum() / 2
        loss.backward()
        return loss.item()

    def steps(self):
        """Take one step; return the α of the first trial and that of the last one."""
        before, self.asked = self.place, []
        self.stepper.step(self)
        along = -self.factor * self.curvature * before
        tried = [(place - before) / along for place in self.asked if place != before]
        return tried[0], (self.place - before) / along


def test_the_first_trial_of_all_moves_the_weights_by_one_at_most():
    assert Valley(5.0, 4.0, 1.0).steps()[0] == pytest.approx(1 / 20)
    assert Valley(0.01, 4.0, 1.0).steps()[0] == pytest.approx(1.0)


def test_the_second_search_trusts_the_model_and_later_ones_go_little_beyond_the_last_step():
    # The minimum is at α = 1/80: a trial at 1 goes far beyond, to which a search answers with many evaluations.
    valley = Valley(40.0, 4.0, 2.0)
    valley.steps()
    first, last = valley.steps()
    assert first == pytest.approx(1.0)
    for _ in range(3):
        assert last < 0.1
        first, following = valley.steps()
        assert first == pytest.approx(LENGTHENED * last)
        last = following


def test_no_first_trial_is_beyond_one():
    valley = Valley(0.5, 4.0, 1.0)
    valley.steps()
    for _ in range(3):
        first, last = valley.steps()
        assert first == pytest.approx(1.0)
        assert last == pytest.approx(1.0)


def test_soft_is_to_forget_the_model_and_to_start_shortly_from_the_weights_as_they_are():
    valley = Valley(5.0, 4.0, 0.02)
    for _ in range(3):
        valley.steps()
    valley.stepper.stalled = True
    valley.put(6.0)
    valley.stepper.soften()
    assert valley.model.resets == 1
    assert not valley.stepper.stalled
    first, last = valley.steps()
    assert valley.asked[0] == 6.0
    assert first == pytest.approx(1 / 30)
    assert last > 0
    assert valley.steps()[0] == pytest.approx(1.0)
