"""What ``"auto"`` means: a choice that fits the problem, not its numbers, which measurements may change."""

import numpy as np
import pytest
import torch
from small import poisson, read_u, stated

import sirenpde as sp
from sirenpde.training.collocation import share_out
from sirenpde.training.defaults import choose_defaults
from sirenpde.training.reproducibility import DTYPES

PIXELS = sp.Grid(("x", "y"), (-0.9, 0.9), (0.2, -0.2), (10, 10))


def sound(count):
    tone = sp.Waveform.from_samples(np.sin(np.arange(count)), rate=8000)
    rule = sp.Constraint("values", on=tone.grid, residual=lambda a, phi: phi.u - a.f)
    return stated(given={"f": tone}, constraints=[rule])


def picture(residual):
    return stated(constraints=[sp.Constraint("pixels", on=PIXELS, residual=residual)])


PROBLEMS = {
    "picture": picture(read_u),
    "picture from its slope": picture(lambda a, phi: sp.grad(phi.u) - 1),
    "sound": sound(1000),
    "equation": poisson(2),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_every_choice_can_be_solved_with(name):
    problem = PROBLEMS[name]
    chosen = choose_defaults(problem)
    assert chosen.dtype in DTYPES
    assert all(stage.steps >= 1 for stage in chosen.stages)
    assert min(share_out(problem, chosen.points).values()) >= 1
    network = chosen.network.build(len(problem.coordinates), problem.layout.outputs)
    for stage in chosen.stages:
        stage.start(network)


def test_every_kind_of_problem_has_a_reason_of_its_own():
    assert len({choose_defaults(problem).reason for problem in PROBLEMS.values()}) == len(PROBLEMS)


def test_the_frequency_of_a_sound_follows_its_samples_between_bounds():
    # ω of the first layer: well below Nyquist, π n / 2, never above the 3000 of the published recipe.
    omegas = [choose_defaults(sound(count)).network.first_omega for count in (100, 10_000, 20_000, 300_000)]
    assert omegas == sorted(omegas)
    assert omegas[1] < omegas[2]
    assert all(omega <= 3000 for omega in omegas)
    assert all(omega < np.pi * count / 2 for omega, count in zip(omegas, (100, 10_000, 20_000, 300_000)))


def test_a_smooth_equation_gets_a_smoother_network_than_a_picture():
    smooth, sharp = choose_defaults(PROBLEMS["equation"]).network, choose_defaults(PROBLEMS["picture"]).network
    assert smooth.first_omega < sharp.first_omega
    assert smooth.width < sharp.width


def test_what_counts_is_the_derivative_and_not_how_it_is_written():
    def by_component(a, phi):
        return (sp.partial(phi.u, "x") - 1, sp.partial(phi.u, "y") - 1)

    expected = choose_defaults(PROBLEMS["picture from its slope"])
    assert choose_defaults(picture(by_component)) == expected
    assert choose_defaults(picture(lambda a, phi: torch.sin(phi.u))) == choose_defaults(PROBLEMS["picture"])
