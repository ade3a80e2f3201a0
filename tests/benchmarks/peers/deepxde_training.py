"""Train with DeepXDE for a given wall time: Adam, then L-BFGS, as most of its examples do.

DeepXDE asks for the time between the steps of Adam, and between calls of L-BFGS, which make 1000 iterations each unless
told otherwise: here they make 10, and go on where they stopped.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from benchmarks.accuracy_cases import Fit

from sirenpde.regions.extras import require_extra

#: The iterations of L-BFGS in one call.
LBFGS_CHUNK = 10


@dataclass(frozen=True)
class Recipe:
    """What DeepXDE is given.

    Attributes:
        data: Its data set: geometry, equation, conditions and numbers of points.
        net: Its network.
        adam: The iterations of Adam.
        lr: Adam's rate.
        decay: Its schedule.
        fields: The names of the network's components.
        weights: Of the terms of the loss.
        balance: What every weighted term shall be at the beginning, in place of weights.
        resample: Whether Adam gets new points in each step.
        numbers: The unknown numbers.
    """

    data: Any
    net: Any
    adam: int
    lr: float = 1e-3
    decay: tuple[Any, ...] | None = None
    fields: Sequence[str] = ("u",)
    weights: Sequence[float] | None = None
    balance: float | None = None
    resample: bool = False
    numbers: Mapping[str, Any] = field(default_factory=dict)


def solve(make: Callable[[Any], Recipe], *, seed: int, seconds: float, dtype: str) -> Fit:
    """Train a recipe, which is made of the module deepxde, for a wall time.

    Raises:
        MissingExtraError: If DeepXDE is not installed.
    """
    dde = require_extra("deepxde", "bench", "the comparison with DeepXDE")
    importlib.import_module("torch._dynamo")  # the first step of torch's optimizers would load it, for seconds
    dde.config.set_default_float(dtype)
    dde.config.set_random_seed(seed)
    recipe = make(dde)
    model = dde.Model(recipe.data, recipe.net)
    start = time.perf_counter()
    stages = train(dde, model, recipe, start, seconds)
    spent = time.perf_counter() - start

    def predict(component: str, points: np.ndarray) -> np.ndarray:
        column = list(recipe.fields).index(component)
        parts = np.array_split(points, 1 + len(points) // 20000)
        return np.concatenate([model.predict(part)[:, column] for part in parts]).astype(float)

    return Fit(
        fields=predict,
        numbers={key: float(each.detach()) for key, each in recipe.numbers.items()},
        status="budget_spent" if spent >= seconds else "ended",
        steps=sum(stages.values()),
        weights=recipe.net.num_trainable_parameters() + len(recipe.numbers),
        settings={"dtype": dtype, **stages, "train_seconds": spent},
    )


def train(dde: Any, model: Any, recipe: Recipe, start: float, seconds: float) -> dict[str, int]:
    """Train by Adam and by L-BFGS until the time is spent; return the steps of both."""
    shared = {"external_trainable_variables": list(recipe.numbers.values()), "verbose": 0}
    weights = recipe.weights
    if recipe.balance is not None:
        model.compile("adam", lr=recipe.lr, **shared)
        weights = recipe.balance / model.train(iterations=0, verbose=0)[0].loss_train[0]
    model.compile("adam", lr=recipe.lr, decay=recipe.decay, loss_weights=weights, **shared)
    callbacks = [deadline(dde, start + 2 / 3 * seconds)]
    callbacks += [dde.callbacks.PDEPointResampler(period=1)] * recipe.resample
    model.train(iterations=recipe.adam, callbacks=callbacks, verbose=0)
    adam = model.train_state.step
    dde.optimizers.set_LBFGS_options(maxiter=10**9)  # until the time is spent; 15000 by default
    options = dde.optimizers.config.LBFGS_options
    # It takes a call that made one iteration for convergence, so that no line search may use up the evaluations.
    options |= {"iter_per_step": LBFGS_CHUNK, "fun_per_step": 100 * LBFGS_CHUNK}
    model.compile("L-BFGS", loss_weights=weights, **shared)
    model.train(callbacks=[deadline(dde, start + seconds)], verbose=0)
    return {"adam": int(adam), "lbfgs": int(model.train_state.step - adam)}


def deadline(dde: Any, end: float) -> Any:
    """Return a callback that stops training at a time of ``time.perf_counter``, or where no step is made any more."""

    class Deadline(dde.callbacks.Callback):
        step = -1

        def on_epoch_end(self) -> None:
            before, self.step = self.step, self.model.train_state.step
            if time.perf_counter() >= end or before == self.step:
                self.model.stop_training = True

    return Deadline()
