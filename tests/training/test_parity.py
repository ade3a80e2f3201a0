"""Parity with the published recipe: equal weights, full batch, Adam at 1e-4, constant; equal losses step for step.

The reference is written from the paper's formula and shares nothing with the package but the numbers of its initial
weights: Φ(x) = W h_L + b, h_l = sin(ω_l (W_l h_{l-1} + b_l)), derivatives by autograd, torch's own Adam, and the mean
squared error times the measure of the region, which is what the integral loss is.
"""

import itertools
import math

import numpy as np
import pytest
import torch
from skimage import data
from torch import nn

import sirenpde as sp

STEPS = 20


class PaperSiren(nn.Module):
    """The network of Sitzmann et al. 2020, Sec. 3, written from the formula."""

    def __init__(self, sizes, first_omega, omega):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(before, after) for before, after in itertools.pairwise(sizes))
        self.omegas = [first_omega] + [omega] * (len(sizes) - 3)

    def forward(self, x):
        for omega, layer in zip(self.omegas, self.layers):
            x = torch.sin(omega * nn.functional.linear(x, layer.weight, layer.bias))
        return self.layers[-1](x)


def paper_losses(module, x, error, measure):
    """The losses before each step of full-batch Adam."""
    optimizer = torch.optim.Adam(module.parameters(), lr=1e-4)
    losses = []
    for _ in range(STEPS):
        loss = measure * error(module, x).square().sum(dim=1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def slope(module, x):
    x = x.clone().requires_grad_()
    return torch.autograd.grad(module(x).sum(), x, create_graph=True)[0]


def curvature(module, x):
    x = x.clone().requires_grad_()
    (first,) = torch.autograd.grad(module(x).sum(), x, create_graph=True)
    columns = [torch.autograd.grad(first[:, i].sum(), x, create_graph=True)[0][:, i] for i in range(x.shape[1])]
    return torch.stack(columns).sum(0)[:, None]


def wave(count):
    """A decaying chord."""
    time = np.arange(count) / 8000
    tones = sum(np.sin(2 * math.pi * pitch * time) for pitch in (220.0, 277.2, 329.6))
    return sp.Waveform.from_samples(np.exp(-3 * time) * tones, rate=8000)


def image(size):
    return sp.Raster.from_image(data.camera(), size=size)


# Kind -> what is known, residual, error of the reference at its points, ω of the first layer.
CASES = {
    "image": (image(32), lambda a, phi: phi.u - a.f, lambda module, x: module(x), 30.0),
    "poisson from gradients": (
        image(32).gradient("sobel"),
        lambda a, phi: sp.grad(phi.u) - a.f,
        slope,
        30.0,
    ),
    "poisson from the laplacian": (image(24).laplacian(), lambda a, phi: sp.laplacian(phi.u) - a.f, curvature, 30.0),
    "sound": (wave(800), lambda a, phi: phi.u - a.f, lambda module, x: module(x), 3000.0),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", CASES)
def test_the_first_steps_are_those_of_the_published_recipe(name, dtype):
    known, residual, evaluate, first_omega = CASES[name]
    number_type = getattr(torch, dtype)
    grid = known.grid
    network = sp.Siren(width=64, depth=3, first_omega=first_omega).build(len(grid.names), 1, seed=1, dtype=number_type)

    module = PaperSiren([len(grid.names), 64, 64, 64, 64, 1], first_omega, 30.0).to(number_type)
    with torch.no_grad():
        for theirs, ours in zip(module.layers, network.linears):
            theirs.weight.copy_(ours.weight)
            theirs.bias.copy_(ours.bias)
    x = torch.tensor(grid.points, dtype=number_type)
    target = torch.tensor(known.values.reshape(grid.size, -1), dtype=number_type)
    expected = paper_losses(module, x, lambda module, x: evaluate(module, x) - target, grid.measure)

    problem = sp.Problem(
        name="parity",
        fields="u",
        given={"f": known},
        constraints=[sp.Constraint("data", on=grid, residual=residual)],
    )
    solution = sp.solve(
        problem,
        network=network,
        optimizer=sp.Adam(steps=STEPS, lr=1e-4, schedule="constant"),
        points=grid.size,
        dtype=dtype,
        progress=False,
    )
    # Both sums run over the same points; in float64 they agree to 1e-10, in float32 20 steps of Adam, which divides by
    # the size of the gradient, leave 1e-4.
    np.testing.assert_allclose(solution.history.loss, expected, rtol=1e-4 if dtype == "float32" else 1e-9)
    assert expected[-1] < 0.999 * expected[0]
    for theirs, ours in zip(module.parameters(), solution.network.parameters()):
        scale = theirs.detach().abs().max().item()
        atol = (1e-3 if dtype == "float32" else 1e-8) * scale
        torch.testing.assert_close(ours, theirs, rtol=0, atol=atol)


@pytest.mark.parametrize("wrong", ["bias outside omega", "omega of the first layer", "weights one percent smaller"])
def test_a_wrong_recipe_is_told_apart(wrong):
    # What makes the test above able to fail: these three common ports leave the band within 20 steps.
    known, residual, _, _ = CASES["image"]
    network = sp.Siren(width=64, depth=3).build(2, 1, seed=1, dtype=torch.float64)
    module = PaperSiren([2, 64, 64, 64, 64, 1], 30.0, 30.0).double()
    with torch.no_grad():
        for number, (theirs, ours) in enumerate(zip(module.layers, network.linears)):
            theirs.weight.copy_(ours.weight)
            theirs.bias.copy_(ours.bias / (30 if wrong == "bias outside omega" and number < 4 else 1))
    if wrong == "omega of the first layer":
        module.omegas[0] = 25.0
    x = torch.tensor(known.grid.points)
    target = torch.tensor(known.values.reshape(-1, 1))

    def error(module, x):
        return module(x) - target

    expected = paper_losses(module, x, error, known.grid.measure)
    problem = sp.Problem(
        name="parity",
        fields="u",
        given={"f": known},
        constraints=[sp.Constraint("data", on=known.grid, residual=residual)],
    )
    if wrong == "weights one percent smaller":
        with torch.no_grad():
            for layer in network.linears:
                layer.weight.mul_(0.99)
    solution = sp.solve(
        problem,
        network=network,
        optimizer=sp.Adam(steps=STEPS, lr=1e-4, schedule="constant"),
        points=known.grid.size,
        dtype="float64",
        progress=False,
    )
    difference = np.abs(np.array(solution.history.loss) / expected - 1)
    assert difference.max() > 1e-3


def test_the_published_network_has_its_number_of_weights():
    network = sp.Siren().build(2, 1)
    assert sum(weight.numel() for weight in network.parameters()) == 198_401


def test_sobel_data_in_domain_units_are_the_published_sums_times_their_scale():
    # A pixel is 2/N wide here and 2/(N-1) on the published grid, whose sums are 8 pixel differences:
    # ∇I = Sobel · N/16 here, where the notebook's units would give (N-1)/16 = 7.9375 at N = 128.
    picture = image(128)
    mean_square = float(np.mean(picture.values**2))
    if abs(mean_square - 0.316287) > 1e-5:
        pytest.skip(f"the bundled picture changed: mean square {mean_square:.6f} in place of 0.316287")
    slopes = picture.gradient("sobel").values
    assert np.mean(np.sum((slopes * 16 / 128) ** 2, axis=-1)) == pytest.approx(0.987969, abs=1e-5)


def test_the_null_loss_is_the_mean_square_of_the_data():
    # Predict zero: the integral loss is the measure times the mean square, 4 · 0.324129 for the camera at 256².
    picture = image(256)
    mean_square = float(np.mean(picture.values**2))
    if abs(mean_square - 0.324129) > 1e-5:
        pytest.skip(f"the bundled picture changed: mean square {mean_square:.6f} in place of 0.324129")
    network = sp.Siren(width=8, depth=1).build(2, 1)
    with torch.no_grad():
        network.last.weight.zero_()
        network.last.bias.zero_()
    problem = sp.Problem(
        name="null",
        fields="u",
        given={"f": picture},
        constraints=[sp.Constraint("pixels", on=picture.grid, residual=lambda a, phi: phi.u - a.f)],
    )
    solution = sp.solve(
        problem, network=network, optimizer=sp.Adam(steps=1, lr=1e-9), points=picture.grid.size, progress=False
    )
    assert solution.history.loss[0] == pytest.approx(4 * 0.324129, abs=5e-5)
    assert solution.history.loss[0] == pytest.approx(4 * mean_square, rel=1e-5)
