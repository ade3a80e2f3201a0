"""Every shipped problem builds, solves, saves and loads; at its full recipe it beats its golden number (slow)."""

import numpy as np
import pytest
from PIL import Image
from skimage import data

import sirenpde as sp
from sirenpde.library import definitions, shipped

#: Arguments of ``build`` that make a problem small enough for the default run.
SMALL = {
    "beyond_the_domain": {"size": 32},
    "fit_image": {"size": 32},
    "poisson_from_gradients": {"size": 32},
    "poisson_from_laplacian": {"size": 32},
}


def test_every_shipped_problem_of_this_version_is_here():
    assert set(shipped()) == {
        "activation_statistics",
        "advection_diffusion",
        "allen_cahn",
        "beyond_the_domain",
        "burgers",
        "cavity",
        "elasticity",
        "fit_audio",
        "fit_image",
        "heat",
        "heat_in_a_mesh",
        "helmholtz",
        "identify_conductivity",
        "identify_diffusion",
        "interface",
        "kdv",
        "kovasznay",
        "plate",
        "poisson",
        "poisson_5d",
        "poisson_from_gradients",
        "poisson_from_laplacian",
        "poisson_l_shape",
        "reaction_diffusion",
        "schroedinger",
        "volume_constraint",
        "wave",
    }


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_problem_solves_saves_and_loads(name, tmp_path):
    module = definitions(shipped()[name])
    problem = module["build"](**SMALL.get(name, {}))
    solution = sp.solve(problem, **(module["RECIPE"] | {"steps": 2}), device="cpu", progress=False)
    assert len(solution.history) == 2
    solution.save(tmp_path / "solution.h5")
    loaded = sp.load(tmp_path / "solution.h5")
    points = np.random.default_rng(0).uniform(-1, 1, (20, len(problem.coordinates)))
    field = next(iter(problem.layout.fields))
    np.testing.assert_array_equal(getattr(loaded, field)(points), getattr(solution, field)(points))
    assert loaded.score == solution.score


@pytest.mark.parametrize("gradient", ["sobel", "spline", "differences"])
def test_poisson_from_gradients_scores_the_classical_solution_of_the_same_data(gradient):
    module = definitions(shipped()["poisson_from_gradients"])
    solution = sp.solve(module["build"](size=64, gradient=gradient), **module["RECIPE"], steps=1, progress=False)
    found = module["scores"](solution)["classical_psnr"]
    # Differences hold all of the picture; Sobel smooths it; a spline's gradient lies between (measured 29.5 and 36 dB).
    low, high = {"sobel": (28, 31), "spline": (32, 42), "differences": (200, np.inf)}[gradient]
    assert low < found < high


def test_poisson_from_gradients_refuses_a_kind_of_gradient_that_does_not_exist():
    build = definitions(shipped()["poisson_from_gradients"])["build"]
    with pytest.raises(sp.UsageError, match=r"(?s)asked for the gradient 'sobol'; expected .*Did you mean sobel\?"):
        build(size=16, gradient="sobol")


@pytest.mark.parametrize("name", ["beyond_the_domain", "fit_image", "poisson_from_gradients", "poisson_from_laplacian"])
def test_a_colour_picture_of_the_users_own_has_three_components(name, tmp_path):
    Image.fromarray(data.astronaut()[::16, ::20]).save(tmp_path / "astronaut.png")
    module = definitions(shipped()[name])
    problem = module["build"](path=str(tmp_path / "astronaut.png"), size=24)
    solution = sp.solve(problem, **module["RECIPE"], steps=1, device="cpu", progress=False)
    assert solution.u(np.zeros((5, 2))).shape == (5, 3)


@pytest.mark.parametrize("width", [256, 1024])
def test_the_spread_of_pre_activations_is_the_fixed_points(width):
    module = definitions(shipped()["activation_statistics"])
    # numerics: v = 1 − exp(−2v) + ω²/(3n); predicted 1.469 at n = 256 and 1.097 at n = 1024.
    assert module["predicted_spread"](width) == pytest.approx({256: 1.469, 1024: 1.097}[width], abs=1e-3)


def test_a_sum_of_two_sines_repeats_only_where_their_ratio_is_rational():
    module = definitions(shipped()["beyond_the_domain"])
    x = np.linspace(-50, 50, 512)
    wave = np.sin(x[:, None]) + np.sin(x[None, :])
    noise = np.random.default_rng(0).standard_normal((512, 512))
    assert module["largest_repetition"](wave) > 0.9
    assert module["largest_repetition"](noise) < 0.1


GOLDEN = {
    "fit_image": ("u_psnr", 45.0),
    "fit_audio": ("u_snr", 30.0),
    "poisson_from_gradients": ("u_psnr", 32.8),
    "poisson_from_laplacian": ("u_psnr", 20.0),
    "beyond_the_domain": ("u_psnr", 30.0),
}


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", GOLDEN)
def test_a_shipped_problem_beats_its_golden_number(name):
    module = definitions(shipped()[name])
    solution = sp.solve(module["build"](), **module["RECIPE"], device="cpu", progress=False)
    key, bound = GOLDEN[name]
    assert solution.score[key] > bound
