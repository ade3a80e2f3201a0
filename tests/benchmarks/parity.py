"""Run the published recipes of Sitzmann et al. 2020 in full, and hold them to the published losses.

Network 256 × 3, ω = 30, Adam at a constant 1e-4, full batch, on the published grids (both ends included):

| recipe | input | published | bound here |
| --- | --- | --- | --- |
| image | the camera picture, 256² | 0.001136 at step 490, of another picture | 0.0013 |
| poisson | its unscaled Sobel gradient, 128² | 0.005425 at step 990, of another picture | 0.0060 |
| sound | the Bach recording, first ω 3000 | 0.000193 at step 900 | 0.0040 at 100, 0.0016 at 200, 0.0003 at 900 |

    python tests/benchmarks/parity.py image poisson sound --device auto

The recording is looked for beside the repository, in ``../shared/data``, and its row is left out where it is absent.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage

import sirenpde as sp

RECORDING = Path(__file__).parents[3] / "shared" / "data" / "gt_bach.wav"
RECIPES = {
    "image": (491, {490: 0.0013}),
    "poisson": (991, {990: 0.0060}),
    "sound": (201, {100: 0.0040, 200: 0.0016}),
}
SOUND_IN_FULL = (901, {100: 0.0040, 200: 0.0016, 900: 0.0003})


def picture(size: int) -> np.ndarray:
    """Return the camera picture, values in [-1, 1], shape ``(size, size)``."""
    from skimage import data

    return sp.Raster.from_image(data.camera(), size=size).values


def square_grid(size: int) -> np.ndarray:
    """Return the published coordinates: the row first, from -1 to 1 with both ends, shape ``(size², 2)``."""
    axis = np.linspace(-1, 1, size)
    rows, columns = np.meshgrid(axis, axis, indexing="ij")
    return np.stack([rows.reshape(-1), columns.reshape(-1)], axis=1)


def image() -> sp.Problem:
    """Return the image fit."""
    points = sp.Points(square_grid(256), ("row", "column"), {"f": picture(256).reshape(-1)})
    return _problem("image", points, lambda a, phi: phi.u - a.f)


def poisson() -> sp.Problem:
    """Return the Poisson problem with the unscaled Sobel gradient."""
    values = picture(128)
    sobel = np.stack([ndimage.sobel(values, axis=axis).reshape(-1) for axis in (0, 1)], axis=1)
    points = sp.Points(square_grid(128), ("row", "column"), {"slope": sobel})
    return _problem("poisson", points, lambda a, phi: sp.grad(phi.u) - a.slope)


def sound() -> sp.Problem:
    """Return the audio fit."""
    values = sp.Waveform.from_wav(RECORDING).values
    points = sp.Points(np.linspace(-1, 1, len(values))[:, None], ("t",), {"f": np.array(values)})
    return _problem("sound", points, lambda a, phi: phi.u - a.f)


def _problem(name: str, points: sp.Points, residual) -> sp.Problem:
    return sp.Problem(name=name, fields="u", constraints=[sp.Constraint("data", on=points, residual=residual)])


def run(name: str, device: str, seed: int, full: bool) -> dict[str, object]:
    """Run one recipe; return its losses at the published steps and whether they meet the bounds."""
    steps, bounds = SOUND_IN_FULL if name == "sound" and full else RECIPES[name]
    problem = {"image": image, "poisson": poisson, "sound": sound}[name]()
    network = sp.Siren(first_omega=3000 if name == "sound" else 30)
    count = problem.constraints[0].on.size
    start = time.perf_counter()
    optimizer = sp.Adam(steps=steps, lr=1e-4, schedule="constant")
    solution = sp.solve(
        problem, network=network, optimizer=optimizer, points=count, seed=seed, device=device, dtype="float32"
    )
    seconds = time.perf_counter() - start
    losses = {step: solution.history.loss[step] for step in [0, *bounds]}
    return {
        "recipe": name,
        "losses": losses,
        "bounds": bounds,
        "met": all(losses[step] <= bound for step, bound in bounds.items()),
        "seconds": seconds,
        "seconds_per_step": seconds / steps,
        "device": solution.provenance["device"],
        "torch": torch.__version__,
    }


def main() -> int:
    """Run the named recipes, print a row each, and return 0 if every bound is met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "recipes", nargs="*", default=["image", "poisson", "sound"], choices=["image", "poisson", "sound"]
    )
    parser.add_argument("--device", default="auto")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--full", action="store_true", help="all 900 steps of the sound: for a GPU")
    parser.add_argument("--json", type=Path, help="append a line per row to this file")
    options = parser.parse_args()
    good = True
    for name in options.recipes:
        if name == "sound" and not RECORDING.exists():
            print("sound: left out, the recording is not here")
            continue
        row = run(name, options.device, options.seed, options.full)
        good &= bool(row["met"])
        shown = ", ".join(f"step {step}: {loss:.6f}" for step, loss in row["losses"].items())
        print(
            f"{name:8} {shown}   bounds {row['bounds']} {'met' if row['met'] else 'MISSED'}   {row['seconds']:.0f} s",
            flush=True,
        )
        if options.json:
            with options.json.open("a") as file:
                file.write(json.dumps(row) + os.linesep)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
