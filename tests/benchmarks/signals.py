"""Time the shipped recipes for pictures and sounds against the published one, side by side in one run on one machine.

    python tests/benchmarks/signals.py image poisson sound

``image``: the published recipe (full batch, Adam 1e-4, plain torch, pixels at linspace(-1, 1)) runs its 500 steps, then
the shipped ``fit_image`` its own; both clocks stop while the error over all pixels is measured, every ten steps. The
published side may be cut short with ``--published-steps``; its time is then extrapolated, and the row says so.

``poisson``: ``poisson_from_gradients`` at 128² and 256² from Sobel data, and at 128² from exact differences, against
the classical solution of the same data. ``sound``: the Bach recording, looked for in ``../shared/data``, and the
shipped piece.

Every row gives the error between the grid points too: a fit that is right on its data and wrong between is no good fit.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

import sirenpde as sp
from sirenpde.library import definitions, shipped
from sirenpde.solution.score import score
from sirenpde.training.collocation import Collocation, share_out
from sirenpde.training.defaults import choose_defaults
from sirenpde.training.loop import Budget, Trainer
from sirenpde.training.loss import IntegralLoss
from sirenpde.training.progress import ProgressDisplay
from sirenpde.training.reproducibility import derived_seed

RECORDING = Path(__file__).parents[3] / "shared" / "data" / "gt_bach.wav"
TARGET = 0.001136  # the published loss at step 490: 35.47 dB
TARGET_45_DB = 4.0 / 10**4.5
STEPS = 500
EVERY = 10


class PublishedSiren(nn.Module):
    """The network of the paper, 256 × 3 with ω = 30, in plain torch."""

    def __init__(self) -> None:
        super().__init__()
        self.linears = nn.ModuleList([nn.Linear(2, 256), *(nn.Linear(256, 256) for _ in range(3)), nn.Linear(256, 1)])
        for place, layer in enumerate(self.linears):
            bound = 1 / layer.in_features if place == 0 else (6 / layer.in_features) ** 0.5 / 30
            nn.init.uniform_(layer.weight, -bound, bound)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Evaluate, ``(n, 2)`` → ``(n, 1)``."""
        for layer in self.linears[:-1]:
            x = torch.sin(30 * layer(x))
        return self.linears[-1](x)


def published_image(values: np.ndarray, steps: int) -> list[tuple[float, float]]:
    """Return (seconds, mean squared error over all pixels) before each step of the published recipe."""
    torch.manual_seed(0)
    axis = torch.linspace(-1, 1, len(values))
    points = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), dim=-1).reshape(-1, 2)
    truth = torch.tensor(values, dtype=torch.float32).reshape(-1, 1)
    network = PublishedSiren()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-4)
    curve, start = [], time.perf_counter()
    for _ in range(steps):
        optimizer.zero_grad()
        loss = ((network(points) - truth) ** 2).mean()
        curve.append((time.perf_counter() - start, loss.item()))
        loss.backward()
        optimizer.step()
    return curve


class Clock(ProgressDisplay):
    """A display that draws nothing and measures the error every ten steps, its clock standing still meanwhile."""

    def __init__(self, error: Callable[[], float]) -> None:
        super().__init__("", 1, [], shown=False)
        self._error = error
        self._paused = 0.0
        self._start = time.perf_counter()
        self.curve: list[tuple[float, float]] = []

    def update(self, step: int, loss: float, terms: Sequence[float]) -> None:
        """Note the time and the error."""
        if step % EVERY == 0:
            now = time.perf_counter()
            self.curve.append((now - self._start - self._paused, self._error()))
            self._paused += time.perf_counter() - now


def shipped_curve(problem: sp.Problem, seed: int) -> tuple[list[tuple[float, float]], nn.Module]:
    """Train on the CPU with what ``solve`` chooses; return (seconds, mean squared error) and the network."""
    chosen = choose_defaults(problem)
    network = chosen.network.build(
        len(problem.coordinates), problem.layout.outputs, seed=derived_seed(seed, "weights"), bounds=problem.bounds
    )
    collocation = Collocation(problem, share_out(problem, chosen.points), seed)
    trainer = Trainer(IntegralLoss(problem, network), collocation, [], Budget())
    known = problem.references["u"].known
    points = torch.tensor(known.grid.points, dtype=torch.float32)
    truth = torch.tensor(known.values, dtype=torch.float32).reshape(len(points), -1)

    def error() -> float:
        with torch.no_grad():
            return float(((network(points) - truth) ** 2).mean())

    clock = Clock(error)
    trainer.run(chosen.stages, clock)
    return clock.curve, network


def first_below(curve: list[tuple[float, float]], target: float) -> float | None:
    """Return the time at which an error first falls to a target; None where it never does."""
    return next((seconds for seconds, error in curve if error <= target), None)


def image(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Compare the image fits."""
    module = definitions(shipped()["fit_image"])
    problem = module["build"](size=256)
    curve, network = shipped_curve(problem, options.seed)
    published = published_image(problem.references["u"].known.values, options.published_steps)
    per_step = published[-1][0] / (len(published) - 1)
    reached = first_below(published, TARGET)
    whole = reached if reached is not None else per_step * 490
    ours, ours_45 = first_below(curve, TARGET), first_below(curve, TARGET_45_DB)
    fresh = Collocation(problem, share_out(problem, 16384), options.seed + 1).draw()
    quality = score(problem, network, [sample.to(torch.device("cpu"), torch.float32) for sample in fresh])
    row = {
        "row": "fit_image 256²",
        "published_seconds_per_step": per_step,
        "published_seconds_to_0.001136": whole,
        "published_extrapolated": reached is None,
        "shipped_seconds_to_0.001136": ours,
        "times_sooner": whole / ours if ours else None,
        "shipped_seconds_to_45_dB": ours_45,
        "share_of_published_500_steps": ours_45 / (per_step * STEPS) if ours_45 else None,
        "shipped_seconds": curve[-1][0],
        **quality,
    }
    row["met"] = bool(ours and whole / ours >= 30 and ours_45 and ours_45 <= per_step * STEPS / 4)
    yield row


def poisson(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Compare the Poisson solutions with the classical one of the same data."""
    module = definitions(shipped()["poisson_from_gradients"])
    for size, gradient in ((128, "sobel"), (256, "sobel"), (128, "differences")):
        problem = module["build"](size=size, gradient=gradient)
        start = time.perf_counter()
        solution = sp.solve(problem, **module["RECIPE"], seed=options.seed, device="cpu", progress=False)
        seconds = time.perf_counter() - start
        classical = module["scores"](solution)["classical_psnr"]
        found = solution.score["u_psnr"]
        met = found >= classical - 0.5 if gradient == "sobel" else found > 40
        label = f"poisson {gradient} {size}²"
        yield {"row": label, "classical_psnr": classical, "seconds": seconds, **solution.score, "met": met}


def sound(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Fit the recording, where it is here, and the shipped piece."""
    module = definitions(shipped()["fit_audio"])
    for label, path in (("Bach", str(RECORDING)), ("shipped piece", "")):
        if path and not RECORDING.exists():
            print("Bach: left out, the recording is not here")
            continue
        start = time.perf_counter()
        solution = sp.solve(module["build"](path), **module["RECIPE"], seed=options.seed, device="cpu", progress=False)
        seconds = time.perf_counter() - start
        met = solution.score["u_snr"] > 30
        yield {"row": f"fit_audio {label}", "seconds": seconds, **solution.score, "met": met}


def main() -> int:
    """Run the named comparisons, print a table each, and return 0 if every target is met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "which", nargs="*", default=["image", "poisson", "sound"], choices=["image", "poisson", "sound"]
    )
    parser.add_argument("--published-steps", type=int, default=STEPS, help="stop the published recipe earlier")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="append a line per row to this file")
    options = parser.parse_args()
    good = True
    for name in options.which:
        for row in {"image": image, "poisson": poisson, "sound": sound}[name](options):
            good &= bool(row["met"])
            show(row)
            if options.json:
                with options.json.open("a") as file:
                    file.write(json.dumps({**row, "threads": torch.get_num_threads()}) + os.linesep)
    return 0 if good else 1


def show(row: dict[str, Any]) -> None:
    """Print one comparison."""
    print(f"\n{row['row']}: {'met' if row['met'] else 'MISSED'}")
    for name, value in row.items():
        if name not in {"row", "met"}:
            print(f"  {name:40} {value:.6g}" if isinstance(value, float) else f"  {name:40} {value}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
