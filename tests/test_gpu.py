"""The same problems on a CUDA device: run with ``pytest -m gpu`` where there is one."""

import math

import numpy as np
import pytest
import torch

import sirenpde as sp

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device here"),
]


def poisson() -> sp.Problem:
    domain = sp.Box(x=(-1, 1), y=(-1, 1))
    return sp.Problem(
        name="poisson",
        fields="u",
        given={"f": lambda a: -2 * math.pi**2 * torch.sin(math.pi * a.x) * torch.sin(math.pi * a.y)},
        constraints=[
            sp.Constraint("equation", on=domain, residual=lambda a, phi: sp.laplacian(phi.u) - a.f),
            sp.Constraint("walls", on=domain.boundary, residual=lambda a, phi: phi.u, weight=100),
        ],
        exact={"u": lambda a: torch.sin(math.pi * a.x) * torch.sin(math.pi * a.y)},
    )


def picture() -> sp.Problem:
    axis = np.linspace(-1, 1, 32)
    raster = sp.Raster.from_image(np.cos(3 * axis[:, None]) * np.sin(2 * axis))
    return sp.Problem(
        name="picture",
        fields="u",
        given={"slope": raster.gradient()},
        constraints=[sp.Constraint("gradient", on=raster.grid, residual=lambda a, phi: sp.grad(phi.u) - a.slope)],
        exact={"u": raster},
    )


SMALL = sp.Siren(width=32, depth=1, omega=4, first_omega=4)


@pytest.mark.parametrize("problem", [poisson(), picture()], ids=lambda problem: problem.name)
@pytest.mark.parametrize("optimizer", [sp.Adam(steps=20), sp.Muon(steps=20)], ids=lambda each: type(each).__name__)
def test_a_gpu_takes_the_same_first_steps_as_the_cpu(problem, optimizer):
    # Muon orthogonalises in bfloat16, whose rounding differs from device to device: 8 bits.
    rtol = 1e-8 if isinstance(optimizer, sp.Adam) else 5e-2
    runs = [
        sp.solve(
            problem, network=SMALL, optimizer=optimizer, points=512, dtype="float64", device=device, progress=False
        )
        for device in ("cpu", "cuda")
    ]
    np.testing.assert_allclose(runs[1].history.loss, runs[0].history.loss, rtol=rtol)
    assert next(runs[1].network.parameters()).device.type == "cuda"


def test_a_solution_from_a_gpu_evaluates_in_numpy_and_loads_on_the_cpu(tmp_path):
    solution = sp.solve(
        poisson(), network=SMALL, optimizer=sp.Adam(steps=20), points=512, device="cuda", progress=False
    )
    points = np.random.default_rng(0).uniform(-1, 1, (100, 2))
    solution.save(tmp_path / "solution.h5")
    loaded = sp.load(tmp_path / "solution.h5")
    np.testing.assert_allclose(loaded.u(points), solution.u(points), rtol=1e-4, atol=1e-5)
    assert solution.provenance["device_kind"].startswith("cuda")


def test_two_runs_on_a_gpu_give_the_same_bits():
    runs = [
        sp.solve(poisson(), network=SMALL, optimizer=sp.Adam(steps=20), points=512, device="cuda", progress=False)
        for _ in range(2)
    ]
    assert runs[0].history.loss == runs[1].history.loss


@pytest.mark.parametrize("points", [512, 100], ids=["in the space of weights", "of residuals"])
def test_gauss_newton_takes_the_same_steps_on_a_gpu_as_on_the_cpu(points):
    network = sp.Siren(width=12, depth=1, omega=1, first_omega=3)
    runs = [
        sp.solve(
            poisson(),
            network=network,
            optimizer=sp.GaussNewton(steps=12),
            points=points,
            dtype="float64",
            device=device,
            progress=False,
        )
        for device in ("cpu", "cuda")
    ]
    # The condition of the normal equations, up to 1e8 at the first damping, times rounding; it grows along the steps.
    np.testing.assert_allclose(runs[1].history.loss[:5], runs[0].history.loss[:5], rtol=1e-6)
    assert runs[1].history.loss[-1] < 1e-2 * runs[1].history.loss[0]
    assert next(runs[1].network.parameters()).device.type == "cuda"
