"""The cases of ``accuracy.py``: which problem, what is to be reached in which time, and what a method hands over.

Each case has a shipped problem, a reference in ``references/`` of the same name, and a recipe of DeepXDE in
``peers/deepxde_recipes.py`` of the same name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

#: Everything that can be measured, in the order of the runs.
METHODS = ("sirenpde", "ssbroyden", "lbfgs", "deepxde", "deepxde64", "classical")

#: Methods that differ from ``sirenpde`` in the optimizer alone, which takes the place of Gauss–Newton: its name.
OPTIMIZERS = {"ssbroyden": "SSBroyden", "lbfgs": "LBFGS"}


@dataclass(frozen=True)
class Case:
    """A row of the table.

    Attributes:
        title: What it is, in the words of the table.
        targets: Budget in seconds → the relative error to reach.
        problem: The shipped problem; the name of the case if left out.
        arguments: For its ``build``.
        counts: The field or the unknown number whose error counts; the worst field's if left out.
    """

    title: str
    targets: Mapping[int, float]
    problem: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    counts: str = ""


@dataclass(frozen=True)
class Fit:
    """What a method found.

    Attributes:
        fields: From the name of a field and points ``(n, d)`` to its values ``(n,)``.
        numbers: The unknown numbers.
        status: How the run ended.
        steps: Of all stages.
        weights: How many numbers were trained.
        settings: What was chosen, for the record.
    """

    fields: Callable[[str, np.ndarray], np.ndarray]
    numbers: Mapping[str, float]
    status: str
    steps: int
    weights: int
    settings: Mapping[str, Any]


CASES: dict[str, Case] = {
    "poisson": Case("Poisson on [-1, 1]², sin πx sin πy", {120: 1e-7, 600: 1e-8}),
    "poisson_4pi": Case(
        "Poisson on [-1, 1]², sin 4πx sin 4πy", {120: 1e-5, 600: 1e-7}, problem="poisson", arguments={"waves": 4}
    ),
    "helmholtz": Case("Helmholtz, sin πx sin 4πy, k = 1", {120: 1e-6, 600: 1e-7}),
    "burgers": Case("Burgers, ν = 0.01/π", {120: 1e-3, 600: 1e-5}),
    "allen_cahn": Case("Allen–Cahn, 1e-4, x² cos πx, periodic", {120: 1e-2, 600: 1e-4}),
    "kdv": Case("KdV, two solitons", {120: 1e-3, 600: 1e-5}),
    "wave": Case("wave, u_tt = 4 u_xx, two modes", {120: 1e-5, 600: 1e-6}),
    "kovasznay": Case("Kovasznay, Re = 40", {120: 1e-6, 600: 1e-7}),
    "cavity": Case("lid-driven cavity, Re = 100", {120: 1e-2, 600: 2e-3}),
    "poisson_5d": Case("Poisson in 5-D", {120: 1e-4, 600: 1e-5}),
    "identify_diffusion_clean": Case(
        "diffusion coefficient, clean data",
        {120: 1e-5},
        problem="identify_diffusion",
        arguments={"noise": 0.0},
        counts="nu",
    ),
    "identify_diffusion": Case("diffusion coefficient, 1 % noise", {120: 5e-3}, arguments={"noise": 0.01}, counts="nu"),
    "identify_conductivity": Case("conductivity field k(x)", {120: 1e-3, 600: 1e-4}, counts="k"),
}


def problem_of(name: str) -> str:
    """Return the shipped problem of a case."""
    return CASES[name].problem or name
