"""Every shipped equation, solved for two minutes, comes near the measured error: twice of it, ten times below 1e-5."""

import pytest

import sirenpde as sp
from sirenpde.library import definitions, shipped

#: Problem → the errors that were measured with seed 0 after 120 s on one core.
GOLDEN: dict[str, dict[str, float]] = {
    "advection_diffusion": {"u_relative_l2": 2.5e-07},
    "allen_cahn": {"u_relative_l2": 0.0017, "u_end_relative_l2": 0.0021},
    "burgers": {"u_relative_l2": 0.00058},
    "cavity": {"u_line_relative_l2": 0.0003, "v_line_relative_l2": 0.00059},
    "elasticity": {"u_relative_l2": 3.2e-07, "v_relative_l2": 6.3e-07},
    "heat": {"u_relative_l2": 3.2e-06},
    "heat_in_a_mesh": {"u_relative_l2": 3.7e-06},
    "helmholtz": {"u_relative_l2": 1.8e-07},
    "identify_conductivity": {"u_relative_l2": 4.4e-06, "k_relative_l2": 7.2e-05},
    "identify_diffusion": {"u_relative_l2": 0.00063, "nu_relative_error": 0.00078},
    "interface": {"u_relative_l2": 2.8e-06, "v_relative_l2": 7.5e-07},
    "kdv": {"u_relative_l2": 8.4e-06},
    "kovasznay": {"u_relative_l2": 2e-06, "v_relative_l2": 1.6e-05, "p_relative_l2": 6.9e-06},
    "plate": {"w_relative_l2": 3.2e-09},
    "poisson": {"u_relative_l2": 2.8e-08},
    "poisson_5d": {"u_relative_l2": 3e-05},
    "poisson_l_shape": {"u_relative_l2": 0.0014},
    "reaction_diffusion": {"u_relative_l2": 4.5e-08, "v_relative_l2": 1.7e-09},
    "schroedinger": {"u_relative_l2": 0.0003, "v_relative_l2": 0.00054},
    "volume_constraint": {"u_relative_l2": 3.4e-07},
    "wave": {"u_relative_l2": 7e-05},
}


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", GOLDEN)
def test_a_problem_solved_for_two_minutes_comes_near_its_measured_error(name):
    names = definitions(shipped()[name])
    solution = sp.solve(names["build"](), **names["RECIPE"], max_seconds=120, device="cpu", progress=False)
    found = solution.score | (names["scores"](solution) if "scores" in names else {})
    for key, error in GOLDEN[name].items():
        # Small errors follow rounding and the last steps: another machine ends within ten times of them.
        assert found[key] < (2 if error > 1e-5 else 10) * error, (key, found[key])


def test_no_measured_error_is_above_one_in_a_hundred():
    assert max(error for errors in GOLDEN.values() for error in errors.values()) < 1e-2


def test_every_equation_has_its_golden_numbers():
    signals = {"activation_statistics", "beyond_the_domain", "fit_audio", "fit_image"}
    pictures = {"poisson_from_gradients", "poisson_from_laplacian"}
    assert set(GOLDEN) == set(shipped()) - signals - pictures
