"""What ``"auto"`` means: a row per kind of problem, each with the measurement that chose it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sirenpde.fields.forms import multi_indices, order
from sirenpde.fields.siren import Siren
from sirenpde.regions.grid import Grid
from sirenpde.statement.problem import Problem
from sirenpde.training.adam import Adam
from sirenpde.training.muon import Muon
from sirenpde.training.optimizer import Optimizer


@dataclass(frozen=True)
class Defaults:
    """A choice of everything that ``solve`` can be left to choose.

    Attributes:
        network: The declaration of Φ.
        stages: The optimizers.
        points: Points per step.
        dtype: The number type.
        reason: Why, in a sentence.
    """

    network: Siren
    stages: tuple[Optimizer, ...]
    points: int | Mapping[str, int]
    dtype: str
    reason: str


def choose_defaults(problem: Problem) -> Defaults:
    """Return what suits a problem, judged by its regions and by the derivatives that its residuals ask for."""
    grids = [constraint.on for constraint in problem.constraints if isinstance(constraint.on, Grid)]
    if not grids:
        return _equation(problem)
    count = max(max(grid.shape) for grid in grids)
    if len(problem.coordinates) == 1:
        return _sound(count)
    values = highest_order(problem) == 0 and not problem.unpinned
    return _picture(count) if values else _picture_from_derivatives(count)


def shared_out_steps(stages: tuple[Optimizer, ...], steps: int) -> tuple[Optimizer, ...]:
    """Return the stages with their steps scaled so that together they take ``steps``; stages left without any go."""
    total = sum(stage.steps for stage in stages)
    ends = [round(steps * sum(stage.steps for stage in stages[:place]) / total) for place in range(len(stages) + 1)]
    pairs = zip(stages, ends, ends[1:], strict=False)
    return tuple(replace(stage, steps=stop - start) for stage, start, stop in pairs if stop > start)


def highest_order(problem: Problem) -> int:
    """Return the highest order of derivative that any residual asks for."""
    forms = [form for traced in problem.traced for site in traced.sites for form in site]
    return max((order(alpha) for form in forms for alpha in multi_indices(form)), default=0)


def _picture(count: int) -> Defaults:
    # tests/benchmarks/signals.py, 256²: ω₁ = 90, a fifth of the Nyquist frequency π N / 2, carries the detail; at 30
    # the same steps give 3 dB less, at 120 no more. The first stage gives a picture in seconds, the second accuracy:
    # one cosine over all steps passes 35 dB three times later. A second stage at 1e-3 loses 7 dB to one at 6e-4.
    network = Siren(first_omega=min(max(30.0, 0.35 * count), 360.0))
    stages = (Adam(steps=160, betas=(0.9, 0.99)), Adam(steps=840, lr=6e-4, betas=(0.9, 0.99)))
    return Defaults(network, stages, 4096, "float32", "values of a picture")


def _picture_from_derivatives(count: int) -> Defaults:
    # Differences count as derivatives: they leave the field free by a constant. The same benchmark: from differences at
    # 128², Adam stands at 19 dB after 250 steps, Muon at 54, for differences weigh the coarse parts of a picture least,
    # and Muon learns all directions at one pace. From Sobel data at 256², ω₁ = 45 gains 0.9 dB over 30.
    network = Siren(first_omega=min(max(45.0, 0.18 * count), 180.0))
    return Defaults(network, (Muon(steps=250, lr=1e-3),), 3072, "float32", "derivatives of a picture")


def _sound(count: int) -> Defaults:
    # tests/benchmarks/signals.py: at ω₁ = 3000 a step of 1e-3 would move a frequency by 3 rad per unit, and the network
    # falls to zero at once; with a rate of its own for the first layer it learns. Short pieces do with half the width.
    short = count <= 200_000
    network = Siren(width=128 if short else 256, first_omega=min(3000.0, max(30.0, 0.02 * count)))
    stage = Muon(steps=600 if short else 1200, lr=3e-3, adam_lr=1e-3, first_lr=0.03 / network.first_omega)
    return Defaults(network, (stage,), 4096 if short else 8192, "float32", "samples of a sound")


def _equation(problem: Problem) -> Defaults:
    width = 64 if len(problem.coordinates) < 3 else 96
    network = Siren(width=width, depth=2, omega=4.0, first_omega=4.0)
    return Defaults(network, (Muon(steps=2000, lr=2e-3),), 2048, "float32", "an equation on a smooth region")
