"""What ``"auto"`` means: a row per kind of problem, each with the measurement that chose it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sirenpde.fields.forms import multi_indices, order
from sirenpde.fields.siren import Siren
from sirenpde.regions.grid import Grid
from sirenpde.statement.problem import Problem
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
    highest = max(
        order(alpha)
        for traced in problem.traced
        for forms in traced.sites
        for form in forms
        for alpha in multi_indices(form)
    )
    if grids and len(problem.coordinates) == 1:
        return _sound(grids[0])
    if grids and highest == 0:
        return _picture()
    if grids:
        return _picture_from_derivatives()
    return _equation(problem)


def _picture() -> Defaults:
    return Defaults(Siren(), (Muon(steps=600, lr=1e-3),), 8192, "float32", "pixels: mini-batches, Muon")


def _picture_from_derivatives() -> Defaults:
    return Defaults(
        Siren(), (Muon(steps=400, lr=1e-3),), 8192, "float32", "derivatives of a picture: mini-batches, Muon"
    )


def _sound(grid: Grid) -> Defaults:
    nyquist = 3.14159 * grid.size / 2.0
    network = Siren(first_omega=max(30.0, min(3000.0, nyquist / 16.0)))
    return Defaults(network, (Muon(steps=1000, lr=1e-3),), 16384, "float32", "samples of a sound: a high first omega")


def _equation(problem: Problem) -> Defaults:
    width = 64 if len(problem.coordinates) < 3 else 96
    network = Siren(width=width, depth=2, omega=4.0, first_omega=4.0)
    return Defaults(network, (Muon(steps=2000, lr=2e-3),), 2048, "float32", "an equation on a smooth region")
