"""Every shipped equation, solved for two minutes, comes near the measured error: twice of it, ten times below 1e-4."""

import pytest

import sirenpde as sp
from sirenpde.library import definitions, shipped

#: Problem → the errors that were measured with seed 0 after 120 s on one core; of ν what its noise lets least squares
#: reach (tests/benchmarks/references), for a run can be nearer by luck.
GOLDEN: dict[str, dict[str, float]] = {
    "advection_diffusion": {"u_relative_l2": 2.4e-09},
    "allen_cahn": {"u_relative_l2": 6.9e-06, "u_end_relative_l2": 8.4e-06},
    "burgers": {"u_relative_l2": 3.2e-05},
    "cavity": {"u_line_relative_l2": 7.4e-05, "v_line_relative_l2": 0.00027},
    "elasticity": {"u_relative_l2": 2.2e-09, "v_relative_l2": 4.2e-09},
    "heat": {"u_relative_l2": 3.6e-08},
    "heat_in_a_mesh": {"u_relative_l2": 4.7e-08},
    "helmholtz": {"u_relative_l2": 6.3e-09},
    "identify_conductivity": {"u_relative_l2": 1.2e-07, "k_relative_l2": 3.5e-06},
    "identify_diffusion": {"u_relative_l2": 0.0025, "nu_relative_error": 0.00074},
    "interface": {"u_relative_l2": 8.1e-08, "v_relative_l2": 2.1e-08},
    "kdv": {"u_relative_l2": 5.2e-07},
    "kovasznay": {"u_relative_l2": 6.5e-09, "v_relative_l2": 7.6e-08, "p_relative_l2": 4.1e-08},
    "plate": {"w_relative_l2": 7e-11},
    "poisson": {"u_relative_l2": 6.4e-10},
    "poisson_5d": {"u_relative_l2": 1e-06},
    "poisson_l_shape": {"u_relative_l2": 0.00024},
    "reaction_diffusion": {"u_relative_l2": 4.7e-09, "v_relative_l2": 3.4e-10},
    "schroedinger": {"u_relative_l2": 3.9e-05, "v_relative_l2": 8.4e-05},
    "volume_constraint": {"u_relative_l2": 1.1e-07},
    "wave": {"u_relative_l2": 1.2e-07},
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
        assert found[key] < (2 if error > 1e-4 else 10) * error, (key, found[key])


def test_no_measured_error_is_above_one_in_a_hundred():
    assert max(error for errors in GOLDEN.values() for error in errors.values()) < 1e-2


def test_every_equation_has_its_golden_numbers():
    signals = {"activation_statistics", "beyond_the_domain", "fit_audio", "fit_image"}
    pictures = {"poisson_from_gradients", "poisson_from_laplacian"}
    assert set(GOLDEN) == set(shipped()) - signals - pictures
