"""The strong Wolfe line search, on functions of one variable whose minima are known."""

import math

import pytest
import torch

from sirenpde.training.line_search import CURVATURE, DECREASE, EVALUATIONS, ROUNDING, LineTrial, accepted, strong_wolfe

FUNCTIONS = {
    "parabola": (lambda t: (t - 1.0) ** 2, lambda t: 2.0 * (t - 1.0)),
    "far": (lambda t: (t - 300.0) ** 2, lambda t: 2.0 * (t - 300.0)),
    "near": (lambda t: (t - 1e-4) ** 2, lambda t: 2.0 * (t - 1e-4)),
    "quartic": (lambda t: t**4 - 3.0 * t**2 - t, lambda t: 4.0 * t**3 - 6.0 * t - 1.0),
    "flat": (lambda t: -t / (t**2 + 2.0), lambda t: (t**2 - 2.0) / (t**2 + 2.0) ** 2),
    "many minima": (lambda t: math.cos(5.0 * t + 1.0) - t, lambda t: -5.0 * math.sin(5.0 * t + 1.0) - 1.0),
}


class Line:
    """A function of one variable, that counts how often it is asked."""

    def __init__(self, value, slope):
        self.value, self.slope, self.asked = value, slope, 0

    def __call__(self, step):
        self.asked += 1
        return LineTrial(
            step, self.value(step), self.slope(step), torch.tensor([self.slope(step)], dtype=torch.float64)
        )


def searched(value, slope, first=1.0):
    line = Line(value, slope)
    start = line(0.0)
    line.asked = 0
    return strong_wolfe(line, start, first), start, line


@pytest.mark.parametrize("first", [1.0, 1e-3, 100.0])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_end_meets_the_strong_wolfe_conditions(name, first):
    value, slope = FUNCTIONS[name]
    end, start, line = searched(value, slope, first)
    assert end.loss <= start.loss + DECREASE * end.step * start.slope
    assert abs(end.slope) <= CURVATURE * abs(start.slope)
    assert line.asked <= EVALUATIONS
    assert end.gradient.item() == end.slope


def test_a_first_step_that_is_good_costs_one_evaluation():
    assert searched(*FUNCTIONS["parabola"], first=0.9)[2].asked == 1


def test_the_cubic_finds_the_minimum_of_a_parabola_at_once():
    # A step of 2.5 goes beyond, to a higher loss; the cubic through both ends is the parabola itself.
    end, _, line = searched(*FUNCTIONS["parabola"], first=2.5)
    assert line.asked == 2
    assert end.step == pytest.approx(1.0, rel=1e-12)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_is_a_step_too_far(bad):
    def value(t):
        return (t - 1.0) ** 2 if t < 1.5 else bad

    end, start, line = searched(value, FUNCTIONS["parabola"][1], first=64.0)
    assert math.isfinite(end.loss)
    assert end.loss < start.loss
    assert line.asked <= EVALUATIONS


def test_where_nothing_is_lower_the_start_comes_back():
    # The slope lies: it says downhill where it is uphill.
    end, start, line = searched(lambda t: t, lambda t: -1.0)
    assert end is start
    assert line.asked <= EVALUATIONS


def test_where_the_conditions_cannot_be_met_the_lowest_trial_comes_back():
    # It falls for ever at the same slope.
    end, start, line = searched(lambda t: -t, lambda t: -1.0)
    assert line.asked == EVALUATIONS
    assert end.step == 4.0 ** (EVALUATIONS - 1)
    assert end.loss < start.loss


def test_at_rounding_the_slopes_decide():
    # A fall of 1e-12 on top of 1: its differences are rounded away, its slopes are not.
    def value(t):
        return 1.0 + math.copysign(1e-14, t - 0.5)

    end, start, line = searched(value, lambda t: 2e-12 * (t - 1.0), first=0.9)
    assert end is not start
    assert abs(end.slope) <= CURVATURE * abs(start.slope)
    assert line.asked == 1


def trial(step, loss, slope):
    return LineTrial(step, loss, slope, torch.tensor([slope], dtype=torch.float64))


@pytest.mark.parametrize("loss", [1.0, 1.0 + 0.5 * ROUNDING, 1.0 - 0.5 * ROUNDING])
@pytest.mark.parametrize("side", [1.0, -1.0])
def test_at_rounding_the_slope_must_have_flattened_on_either_side(loss, side):
    start = trial(0.0, 1.0, -1.0)
    assert accepted(trial(1.0, loss, 0.99 * side * CURVATURE), start)
    assert not accepted(trial(1.0, loss, 1.01 * side * CURVATURE), start)


def test_what_flattens_enough_meets_the_condition_on_slopes():
    # (2 c₁ − 1) L'(0) ≥ L'(α), which takes the place of the fall at rounding, is not tested by itself.
    assert CURVATURE <= 1.0 - 2.0 * DECREASE


def test_beyond_rounding_a_fall_by_less_than_is_asked_for_is_not_accepted():
    start = trial(0.0, 1.0, -1.0)
    assert accepted(trial(1.0, 1.0 - 1.01 * DECREASE, 0.0), start)
    assert not accepted(trial(1.0, 1.0 - 0.99 * DECREASE, 0.0), start)
    assert not accepted(trial(1.0, 1.0 + 2.0 * ROUNDING, 0.0), start)
