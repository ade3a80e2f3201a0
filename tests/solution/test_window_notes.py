"""The notes of a solution by windows say how each window ended, and name one that ended much worse than the best."""

import dataclasses

import pytest
import torch

import sirenpde as sp
from sirenpde.solution.window_notes import BADLY, window_notes
from sirenpde.training.status import History


@pytest.fixture(scope="module")
def plain():
    rule = sp.Constraint("rule", on=sp.Box(x=(0, 1)), residual=lambda a, phi: phi.u - torch.sin(a.x))
    small = sp.Siren(width=4, depth=1, omega=1, first_omega=1)
    problem = sp.Problem(name="fit", fields="u", constraints=[rule])
    return sp.solve(problem, network=small, points=8, optimizer=sp.Adam(steps=3), progress=False)


def notes(plain, *scores):
    found = [dataclasses.replace(plain, score=score) for score in scores]
    return window_notes([f"w{number}" for number in range(1, len(found) + 1)], found, [""] * len(found))


def test_every_window_says_its_steps_and_its_largest_residual(plain):
    scores = {"residual_a": 1e-3, "residual_b": 2e-3, "u_relative_l2": 0.5}, {"residual_a": 3e-3}
    assert notes(plain, *scores) == [
        'w1: 3 steps; its largest residual at the end is 0.002, of "b".',
        'w2: 3 steps; its largest residual at the end is 0.003, of "a".',
    ]


@pytest.mark.parametrize(("times", "named"), [(0.99, 0), (1.01, 1)])
def test_a_window_ten_times_worse_than_the_best_is_named(plain, times, named):
    found = notes(plain, {"residual_a": 1e-3}, {"residual_a": BADLY * times * 1e-3})
    assert len(found) == 2 + named
    assert (
        found[2:]
        == [
            "w2: that residual is more than 10 times the 0.001 of the best window, and all windows after this one go "
            "on from its error. Give it more steps or seconds, or shorter windows there."
        ][:named]
    )


def test_a_window_without_scores_says_its_last_loss(plain):
    assert notes(plain, {}) == [f"w1: 3 steps; its last loss is {plain.history.loss[-1]:.2g}."]
    assert notes(dataclasses.replace(plain, history=History(("rule",))), {}) == ["w1: 0 steps."]


def test_what_a_window_met_and_missed_comes_first(plain):
    met = dataclasses.replace(plain, settings={**plain.settings, "notes": ["something was met."]}, score={})
    found = window_notes(["w1"], [met], ["a target was missed."])
    assert found[:2] == ["w1: something was met.", "w1: a target was missed."]
    assert len(found) == 3
