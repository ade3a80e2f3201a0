"""Scores, of networks whose error is known in closed form."""

import math

import numpy as np
import pytest
import torch
from small import read_u, stated
from torch import nn

import sirenpde as sp
from sirenpde.solution.score import score
from sirenpde.training.collocation import Collocation

LINE = sp.Box(x=(0, 1))


class Phi(nn.Module):
    """A field that is written down."""

    def __init__(self, function):
        super().__init__()
        self.zero = nn.Parameter(torch.zeros((), dtype=torch.float64))
        self.function = function

    def forward(self, points):
        values = self.function(*points.T)
        return values.reshape(len(points), -1) + self.zero


def scored(problem, function, count=64):
    held_out = Collocation(problem, {each.name: count for each in problem.constraints}, seed=3).draw()
    return score(problem, Phi(function), held_out)


def on_line(exact, residual=read_u):
    return stated(constraints=[sp.Constraint("rule", on=LINE, residual=residual)], exact=exact)


def test_a_field_ten_percent_too_large_is_off_by_a_tenth_in_value_and_slope():
    found = scored(on_line({"u": lambda a: torch.sin(3 * a.x)}), lambda x: 1.1 * torch.sin(3 * x))
    assert found["u_relative_l2"] == pytest.approx(0.1, rel=1e-9)
    assert found["u_gradient_relative_l2"] == pytest.approx(0.1, rel=1e-9)
    assert found["u_max_error"] == pytest.approx(0.1, rel=1e-5)  # sin 3x reaches 1 at x = π/6
    assert set(found) == {"residual_rule", "u_relative_l2", "u_max_error", "u_gradient_relative_l2"}


def test_the_root_mean_square_of_every_residual_is_scored():
    found = scored(on_line({}, lambda a, phi: sp.partial(phi.u, "x") - 1), lambda x: 3 * x)
    assert found == {"residual_rule": pytest.approx(2.0)}


def test_a_residual_that_differentiates_an_expression_is_scored_too():
    # d/dx (x du/dx) of u = x² is 4x, whose mean square over [0, 1] is 16/3.
    found = scored(on_line({}, lambda a, phi: sp.div(a.x * sp.grad(phi.u))), lambda x: x**2, count=1024)
    assert found["residual_rule"] == pytest.approx(4 / math.sqrt(3), rel=1e-3)


def test_a_field_known_up_to_a_constant_is_scored_without_it():
    problem = on_line({"u": lambda a: a.x**2}, lambda a, phi: sp.grad(phi.u) - 2 * a.x)
    found = scored(problem, lambda x: x**2 + 100)
    assert found["u_relative_l2"] < 1e-12
    assert found["u_max_error"] < 1e-12
    pinned = scored(on_line({"u": lambda a: a.x**2}), lambda x: x**2 + 100)
    assert pinned["u_max_error"] == pytest.approx(100)


def test_what_is_not_finite_is_left_out():
    # A constant reference has no slope to be relative to; a reference of zero no size.
    assert set(scored(on_line({"u": 2.0}), lambda x: x)) == {"residual_rule", "u_relative_l2", "u_max_error"}
    assert set(scored(on_line({"u": 0.0}), lambda x: x)) == {"residual_rule", "u_max_error"}
    assert set(scored(on_line({"u": lambda a: a.x * 0 + 2}), lambda x: x)) == {
        "residual_rule",
        "u_relative_l2",
        "u_max_error",
    }


def test_components_are_scored_together():
    problem = stated(
        fields={"w": 2},
        constraints=[sp.Constraint("rule", on=sp.Box(x=(0, 1), y=(0, 1)), residual=lambda a, phi: phi.w)],
        exact={"w": lambda a: sp.grad(a.x**2 + a.y**2)},
    )
    found = scored(problem, lambda x, y: torch.stack([2 * x, 2 * y * 1.5], dim=1))
    # Errors (0, y) against (2x, 2y): √(1/3) / √(8/3); slopes (2, 0; 0, 3) against (2, 0; 0, 2).
    assert found["w_relative_l2"] == pytest.approx(math.sqrt(1 / 8), rel=1e-3)
    assert found["w_gradient_relative_l2"] == pytest.approx(1 / math.sqrt(8), rel=1e-9)


class TestPictures:
    @pytest.fixture
    def picture(self):
        count = 24
        middle = (np.arange(count) + 0.5) / count * 2 - 1
        return sp.Raster.from_image(np.sin(2 * middle) + np.cos(2 * middle)[::-1, None])

    def problem(self, picture, residual=read_u):
        return stated(constraints=[sp.Constraint("pixels", on=picture.grid, residual=residual)], exact={"u": picture})

    def test_decibels_are_scored_on_the_pixels_and_between_them(self, picture):
        found = scored(self.problem(picture), lambda x, y: torch.sin(2 * x) + torch.cos(2 * y) + 0.1)
        # 10 log10(4 / 0.01); between the pixels the spline is off by 1e-4 or so.
        assert found["u_psnr"] == pytest.approx(26.0206, abs=1e-3)
        assert found["u_between_psnr"] == pytest.approx(26.0206, abs=0.02)
        assert found["u_between_gradient_relative_l2"] < 1e-3

    def test_a_field_that_is_right_on_the_pixels_and_wrong_between_is_found_out(self, picture):
        def ripple(x, y):
            return torch.sin(2 * x) + torch.cos(2 * y) + 0.5 * torch.cos(math.pi * 12 * (x + 1))

        # cos(12 π (x + 1)) is zero at the 24 centres of pixels, and ±1 halfway between them.
        found = scored(self.problem(picture), ripple)
        assert found["u_max_error"] < 1e-9
        assert found["u_between_max_error"] == pytest.approx(0.5, abs=0.01)
        assert found["u_between_relative_l2"] > 0.3

    def test_a_sound_is_scored_by_signal_to_noise(self):
        time = (np.arange(200) + 0.5) / 100 - 1
        tone = sp.Waveform.from_samples(np.sin(9 * time), rate=8000)
        problem = stated(constraints=[sp.Constraint("samples", on=tone.grid, residual=read_u)], exact={"u": tone})
        found = scored(problem, lambda t: 0.9 * torch.sin(9 * t) / tone.peak)
        assert found["u_snr"] == pytest.approx(20.0, abs=1e-6)
        assert found["u_between_snr"] == pytest.approx(20.0, abs=0.01)
        assert "u_psnr" not in found

    def test_a_single_row_of_pixels_has_nothing_between(self):
        picture = sp.Raster.from_image(np.linspace(0, 1, 5)[None])
        found = scored(self.problem(picture), lambda x, y: (x + 1) / 2)
        assert not [name for name in found if "between" in name]
        assert "u_psnr" in found


def test_scoring_draws_the_same_points_each_time_and_touches_no_global_generator():
    before = torch.random.get_rng_state()
    problem = on_line({"u": lambda a: torch.sin(a.x)})
    assert scored(problem, torch.cos) == scored(problem, torch.cos)
    assert torch.equal(before, torch.random.get_rng_state())
