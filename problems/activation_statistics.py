"""The activations of a deep SIREN at initialisation, layer by layer (Sitzmann et al. 2020, Sec. 3.2 and supplement 1).

With weights uniform in ±√(6/n)/ω, pre-activations z stay near a normal distribution and activations sin z near an
arcsine one, however deep the network is. The default biases add ω²/(3n) to the variance of z, which settles at the
fixed point

    v = 1 − exp(−2v) + ω²/(3n),      E[sin² z] = (1 − exp(−2v))/2.

The pictures show the histograms and spectra of every layer for inputs in [-1, 1] and for the same inputs shifted by
1000, and the table compares the spread of z with the fixed point. As in the paper, a network with such statistics
trains whatever its depth: the problem fits a wave with all ten layers.
"""

import math

import numpy as np
import torch
from matplotlib.figure import Figure
from scipy import stats

import sirenpde as sp

WIDTH = 512
RECIPE = {"network": sp.Siren(width=WIDTH, depth=9), "optimizer": sp.Adam(steps=150, lr=1e-4), "points": 1024}

INPUTS = 16384


def build() -> sp.Problem:
    """State the fit of a wave packet by a network of ten sine layers."""

    def matches(a, phi):
        return phi.u - torch.exp(-8 * a.x**2) * torch.sin(40 * a.x)

    return sp.Problem(
        name="activation_statistics",
        fields="u",
        constraints=[sp.Constraint("wave", on=sp.Box(x=(-1, 1)), residual=matches)],
        exact={"u": lambda a: torch.exp(-8 * a.x**2) * torch.sin(40 * a.x)},
    )


def predicted_spread(width: int, omega: float) -> float:
    """Return √v at the fixed point v = 1 − exp(−2v) + ω²/(3n)."""
    v = 1.0
    for _ in range(200):
        v = 1.0 - math.exp(-2.0 * v) + omega**2 / (3.0 * width)
    return math.sqrt(v)


def layers(width: int = WIDTH, shift: float = 0.0, seed: int = 0) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return z and sin z of each of ten layers at initialisation, both ``(16384, width)``, in float64."""
    network = sp.Siren(width=width, depth=9).build(1, 1, seed=seed, dtype=torch.float64)
    inputs = torch.linspace(-1, 1, INPUTS, dtype=torch.float64)[:, None] + shift
    with torch.no_grad():
        return [(z.numpy(), h.numpy()) for z, h in network.activations(inputs)]


def scores(solution: sp.Solution) -> dict[str, float]:
    """Return the predicted spread of z, the measured ones per hidden layer, and the largest deviation."""
    width = solution.settings["network"]["width"]
    predicted = predicted_spread(width, 30.0)
    measured = [float(z.std()) for z, _ in layers(width)[1:]]
    shifted = [float(z.std()) for z, _ in layers(width, shift=1000.0)[1:]]
    found = {f"spread_layer_{number}": spread for number, spread in enumerate(measured, start=2)}
    worst = max(abs(spread / predicted - 1) for spread in measured[1:])
    moved = max(abs(after / before - 1) for before, after in zip(measured, shifted, strict=True))
    return {"spread_predicted": predicted, **found, "spread_worst_deviation": worst, "spread_change_shifted": moved}


def figures(solution: sp.Solution) -> dict[str, Figure]:
    """Return the histograms and spectra of every layer, for inputs in [-1, 1] and shifted by 1000."""
    width = solution.settings["network"]["width"]
    return {"statistics": _sheet(width, 0.0), "statistics_shifted": _sheet(width, 1000.0)}


def _sheet(width: int, shift: float) -> Figure:
    figure = Figure(figsize=(16, 6), layout="constrained")
    axes = figure.subplots(3, 10)
    spread = predicted_spread(width, 30.0)
    for column, (z, h) in enumerate(layers(width, shift)):
        expected = spread if column else float(z.std())
        _histogram(axes[0, column], z, stats.norm(scale=expected).pdf if column else None, "z", column)
        _histogram(axes[1, column], h, stats.arcsine(loc=-1, scale=2).pdf, "sin z", column)
        _spectrum(axes[2, column], z, column)
    figure.suptitle(
        f"ten layers of width {width} at initialisation, inputs in [-1, 1]" + (f" + {shift:g}" if shift else "")
    )
    return figure


def _histogram(axis, values, density, name, column) -> None:
    flat = values.reshape(-1)[:: max(1, values.size // 400_000)]
    edges = np.linspace(*np.quantile(flat, [0.0005, 0.9995]), 80)
    axis.hist(flat, bins=edges, density=True, color="0.7")
    if density is not None:
        inner = edges[1:-1]
        axis.plot(inner, density(inner), color="tab:red", lw=1)
    axis.set(yticks=[], title=f"{name}, layer {column + 1}")


def _spectrum(axis, z, column) -> None:
    power = np.abs(np.fft.rfft(z[:, :32], axis=0)) ** 2
    frequency = np.pi * np.arange(len(power))  # rad per unit: the window is two units long
    mean = power.mean(axis=1)
    axis.loglog(frequency[1:], mean[1:] / mean[1:].max(), color="tab:blue", lw=0.8)
    axis.set(ylim=(1e-10, 2), title="spectrum of z", xlabel="rad per unit")
    axis.tick_params(labelleft=column == 0)


if __name__ == "__main__":
    sp.solve(build(), **RECIPE).save("activation_statistics.h5")
