"""How a SIREN continues outside the region it was fitted on (Sitzmann et al. 2020, supplement 1.3).

A SIREN is made of sines, and yet it does not repeat. A sum of sines has a period only where the ratios of its
frequencies are rational, and then it may be far longer than the domain: sin x + sin 2x repeats after 2π, sin x + sin
πx never does. A fitted network holds hundreds of frequencies. The problem fits a photograph on [-1, 1]²; the pictures
show the fit on [-50, 50]², its autocorrelation, and the two sums.

Measured on two CPU cores by `sirenpde run beyond_the_domain`, seed 0, in 28 s: 51.6 dB inside (34.3 dB between the
pixels), and no shift within [-50, 50]² under which the fit resembles itself with a correlation above 0.09.
"""

from functools import lru_cache

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from scipy import signal
from skimage import data

import sirenpde as sp

RECIPE = {
    "network": sp.Siren(first_omega=30),
    "optimizer": sp.Adam(steps=150, betas=(0.9, 0.99)),
    "points": 4096,
}

EXTENT = 50.0


def build(path: str = "", size: int = 128) -> sp.Problem:
    """State the fit of a picture of the user's, or a photograph, with ``size`` pixels on its longer side."""
    picture = sp.Raster.from_image(path or data.camera(), size=size)

    def matches(a, phi):
        return phi.u - a.f

    return sp.Problem(
        name="beyond_the_domain",
        fields={"u": picture.values[0, 0].size},
        given={"f": picture},
        constraints=[sp.Constraint("pixels", on=picture.grid, residual=matches)],
        exact={"u": picture},
    )


@lru_cache(maxsize=1)
def far_view(solution: sp.Solution, count: int = 1024) -> np.ndarray:
    """Return the first component of the fit on [-50, 50]², shape ``(count, count)``, y upwards."""
    axis = np.linspace(-EXTENT, EXTENT, count)
    values = np.asarray(solution.u(x=axis[None, :], y=axis[:, None]))
    return values.reshape(count, count, -1)[..., 0]


def largest_repetition(values: np.ndarray) -> float:
    """Return the largest correlation of a picture with itself shifted, over shifts beyond the domain's own size.

    Args:
        values: Shape ``(count, count)``, over [-50, 50]².
    """
    centred = values - values.mean()
    overlap = signal.fftconvolve(np.ones_like(centred), np.ones_like(centred))
    products = signal.fftconvolve(centred, centred[::-1, ::-1])
    correlation = products / np.maximum(overlap, 1.0) / centred.var()
    middle, reach = len(values) - 1, int(np.ceil(2.0 / (2.0 * EXTENT) * len(values)))
    correlation[middle - reach : middle + reach + 1, middle - reach : middle + reach + 1] = 0.0
    correlation[overlap < 0.25 * overlap.max()] = 0.0  # few pixels overlap there, and noise looks like repetition
    return float(correlation.max())


def scores(solution: sp.Solution) -> dict[str, float]:
    """Return how nearly the fit repeats within [-50, 50]², and how far the two sums are from repeating after 2π."""
    x = np.linspace(-EXTENT, EXTENT, 20001)

    def gap(second: float) -> float:
        return float(
            np.abs(np.sin(x + 2 * np.pi) + np.sin(second * (x + 2 * np.pi)) - np.sin(x) - np.sin(second * x)).max()
        )

    return {
        "largest_repetition": largest_repetition(far_view(solution)),
        "gap_sin_2x": gap(2.0),
        "gap_sin_pi_x": gap(np.pi),
    }


def figures(solution: sp.Solution) -> dict[str, Figure]:
    """Return the picture of the fit far outside its domain, and of the two sums."""
    figure = Figure(figsize=(10, 4.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.imshow(far_view(solution), origin="lower", extent=[-EXTENT, EXTENT] * 2, cmap="gray", vmin=-2, vmax=2)
    left.set(title="the fit on [-50, 50]²", xlabel="x", ylabel="y")
    left.add_patch(Rectangle((-1, -1), 2, 2, fill=False, color="tab:red"))
    x = np.linspace(-EXTENT, EXTENT, 4001)
    right.plot(x, np.sin(x) + np.sin(2 * x) + 2.5, lw=0.8, label="sin x + sin 2x, period 2π")
    right.plot(x, np.sin(x) + np.sin(np.pi * x) - 2.5, lw=0.8, label="sin x + sin πx, no period")
    right.set(title="sums of two sines", xlabel="x", yticks=[])
    right.legend(loc="upper right", frameon=False)
    return {"beyond": figure}


if __name__ == "__main__":
    sp.solve(build(), **RECIPE).save("beyond_the_domain.h5")
