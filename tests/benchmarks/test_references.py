"""Every reference is confirmed by another method, and every solver notices a wrong coefficient."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from benchmarks.references import (
    CASES,
    Reference,
    allen_cahn,
    burgers,
    cavity,
    cavity_corner,
    cavity_differences,
    chebyshev,
    helmholtz,
    identify_conductivity,
    identify_diffusion,
    kdv,
    kovasznay,
    poisson,
    poisson_5d,
    stream,
    wave,
)
from benchmarks.references import __main__ as command
from benchmarks.references.reference import compare, grid, relative, timed
from scipy.integrate import solve_ivp

from sirenpde.library import definitions, shipped

PROBLEMS = {"poisson_4pi": ("poisson", {"waves": 4}), "identify_diffusion_clean": ("identify_diffusion", {"noise": 0})}
#: Those that take a second or more: their solvers are tested at lower resolution.
SLOW = {"allen_cahn", "cavity", "burgers", "identify_conductivity"}
#: The classical solver's error, ten times what was measured, or rounding.
BOUNDS = {
    "poisson": 1e-13,
    "poisson_4pi": 1e-13,
    "helmholtz": 2e-13,
    "kdv": 2e-7,
    "wave": 1e-13,
    "kovasznay": 1e-7,
    "poisson_5d": 3e-10,
    "identify_diffusion_clean": 1e-13,
    "identify_diffusion": 5e-3,
}


@cache
def reference(case: str) -> Reference:
    return CASES[case].reference()


@cache
def problem(case: str):
    name, arguments = PROBLEMS.get(case, (case, {}))
    return definitions(shipped()[name])["build"](**arguments)


# All of them ----------------------------------------------------------------------------------------------------------


def test_each_case_is_in_one_table_or_the_other():
    assert {*BOUNDS} | SLOW == {*CASES}


@pytest.mark.parametrize("case", [case for case in CASES if case not in {"allen_cahn", "cavity"}])
def test_a_reference_is_what_the_shipped_problem_calls_exact(case):
    known, stated = reference(case), problem(case)
    assert known.points.shape[1] == len(stated.coordinates)
    assert np.isfinite(known.points).all()
    points = torch.from_numpy(known.points[::97])
    assert set(known.values) == set(stated.references)
    for field, values in known.values.items():
        assert relative(stated.references[field](points).numpy(), values[::97]) < 1e-11, field  # 100 nodes in Burgers'


@pytest.mark.parametrize("case", [case for case in CASES if case not in {"allen_cahn", "cavity", "poisson_5d"}])
def test_a_reference_is_a_dense_grid_of_the_shipped_problems_domain(case):
    known, stated = reference(case), problem(case)
    np.testing.assert_allclose([known.points.min(axis=0), known.points.max(axis=0)], np.transpose(stated.bounds))
    assert len(known.points) >= 10_000


@pytest.mark.parametrize("case", BOUNDS)
def test_a_classical_solver_confirms_the_reference(case):
    found = CASES[case].classical()
    assert found.error < BOUNDS[case]
    assert found.cpu > 0
    assert 0 < found.seconds < 60


def test_distances_are_by_field_and_blind_to_a_constant_where_one_is_free():
    points = np.zeros((3, 1))
    values = {"u": np.array([1.0, 2.0, 2.0]), "p": np.array([0.0, 1.0, -1.0])}
    known = Reference(points, values, 0.0, "", up_to_constant=("p",))
    found = known.distances({"u": np.array([1.0, 2.0, 2.3]), "p": values["p"] + 5})
    assert found["u"] == pytest.approx(0.1)
    assert found["p"] == pytest.approx(0, abs=1e-15)
    with pytest.raises(
        ValueError, match=r"^u has shape \(3, 1\); the reference has \(3,\): one value per point, flat$"
    ):
        known.distances({"u": np.zeros((3, 1))})


def test_the_worst_field_is_what_a_classical_solver_is_judged_by():
    known = Reference(np.zeros((2, 1)), {"u": np.array([1.0, 0.0]), "v": np.array([2.0, 0.0])}, 0.0, "")
    found = compare("guess", lambda: {"u": np.array([1.0, 0.5]), "v": np.array([2.0, 0.2])}, known)
    assert (found.method, found.error) == ("guess", 0.5)


def test_a_quick_solver_is_timed_five_times_and_the_least_counts():
    calls = []
    result, seconds, cpu = timed(lambda: calls.append(0) or len(calls))
    assert (result, len(calls)) == (5, 5)
    assert 0 <= seconds < 0.2
    assert cpu >= 0


def test_the_command_prints_a_row_and_refuses_what_it_does_not_know(capsys):
    command.main(["wave"])
    assert [line.split(" | ")[0] for line in capsys.readouterr().out.splitlines()] == ["| case", "| ---", "| wave"]
    with pytest.raises(SystemExit, match=r"^2$"):
        command.main(["wav"])
    assert "there is no reference of wav; there are poisson, " in capsys.readouterr().err


# A wrong coefficient is noticed ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "right", "wrong"),
    [
        ("helmholtz", lambda: helmholtz.spectral(24, 46), lambda: helmholtz.spectral(24, 46, k=1.1)),
        ("wave", lambda: wave.spectral(31), lambda: wave.spectral(31, speed=2.001)),
        ("kdv", lambda: kdv.spectral(384, 4), lambda: kdv.spectral(384, 4, factor=6.01)),
        ("kovasznay", lambda: kovasznay.spectral(22)["u"], lambda: kovasznay.spectral(22, reynolds=41.0)["u"]),
        ("burgers", lambda: burgers.spectral(1024, 8), lambda: burgers.spectral(1024, 8, nu=0.0101 / np.pi)),
    ],
)
def test_the_equation_with_another_coefficient_has_another_solution(case, right, wrong):
    known = reference(case).values["u"]
    assert relative(right(), known) < 3e-6
    assert relative(wrong(), known) > 3e-4


def test_poissons_equation_with_other_waves_has_another_solution():
    assert relative(poisson.spectral(46, waves=3), poisson.reference(waves=4).values["u"]) > 1


def test_the_five_dimensional_solver_reads_the_source_and_the_edge():
    x, points = chebyshev.nodes(4, 0.0, 1.0), poisson_5d.reference().points[:50]
    squares = sum(np.meshgrid(*[x**2] * 5, indexing="ij", sparse=True))
    found = chebyshev.poisson([x] * 5, np.full_like(squares, 10.0), squares)  # Δ Σ x² = 10
    np.testing.assert_allclose(chebyshev.at_points([x] * 5, found, points), (points**2).sum(axis=1), atol=1e-12)


# Chebyshev's tools ----------------------------------------------------------------------------------------------------


def test_polynomials_are_differentiated_and_interpolated_exactly():
    x, at = chebyshev.nodes(6, -0.5, 1.5), np.array([-0.5, 0.1, 1.5])
    np.testing.assert_allclose(chebyshev.differentiation(x) @ x**6, 6 * x**5, atol=1e-12)
    np.testing.assert_allclose(chebyshev.interpolation(x, at) @ x**6, at**6, atol=1e-13)


def test_a_grid_and_its_points_are_interpolated_alike():
    x, y = chebyshev.nodes(5), chebyshev.nodes(7, 0.0, 1.0)
    table, at = np.outer(x**2, y**3), (np.array([0.2, 0.3]), np.array([0.4, 0.5, 0.6]))
    on_grid = chebyshev.on_grid([x, y], table, at).reshape(-1)
    np.testing.assert_allclose(on_grid, grid(*at)[:, 0] ** 2 * grid(*at)[:, 1] ** 3, atol=1e-14)
    np.testing.assert_allclose(chebyshev.at_points([x, y], table, grid(*at), chunk=4), on_grid, atol=1e-14)


# Those without a closed form ------------------------------------------------------------------------------------------


def test_burgers_integrals_have_converged_and_agree_with_time_steps():
    known = reference("burgers")
    assert known.error < 1e-11
    assert relative(burgers.spectral(1024, 8), known.values["u"]) < 3e-6  # measured 1.4e-6: the modes
    assert np.abs(known.values["u"] - burgers.quadrature(300)).max() < 1e-11


def test_allen_cahns_stated_error_is_that_of_half_the_modes():
    fine = allen_cahn.spectral(2048, 2)
    # Measured 3.1e-6 and 9e-8, and 7e-12 from 2048 to 4096.
    assert relative(allen_cahn.spectral(512, 2), fine) < 6e-6
    assert relative(allen_cahn.spectral(1024, 2), fine) < 2e-7
    assert relative(allen_cahn.spectral(512, 2, rate=5.01), fine) > 1e-3


def test_allen_cahn_agrees_with_collocation_and_an_implicit_solver():
    # On [0, 1] with even reflection at both ends: other points, another basis, other steps.
    x = chebyshev.nodes(80, 0.0, 1.0)
    slope = chebyshev.differentiation(x)
    flux = slope.copy()
    flux[[0, -1]] = 0.0
    diffuse = 1e-4 * slope @ flux
    speed = lambda t, u: diffuse @ u - 5 * u**3 + 5 * u
    jacobian = lambda t, u: diffuse + np.diag(5 - 15 * u**2)
    start = x**2 * np.cos(np.pi * x)
    end = solve_ivp(speed, (0, 0.3), start, "BDF", rtol=1e-8, atol=1e-10, jac=jacobian).y[:, -1]
    known = allen_cahn.spectral(1024, 2).reshape(257, 101)[128:, 30]
    got = chebyshev.interpolation(x, allen_cahn.X[128:]) @ end
    assert relative(got, known) < 1e-5


def test_the_flow_at_a_corner_of_the_cavity_solves_the_equations_and_sticks_to_the_walls():
    a, d, none = np.array([0.3, 0.2, 0.5]), np.array([0.2, 0.4, 0.1]), np.zeros(3)
    first = lambda i, j: cavity_corner.scraper(i, j, a, d)
    second = lambda i, j: cavity_corner.inertia(i, j, a, d)
    friction = lambda psi: psi(4, 0) + 2 * psi(2, 2) + psi(0, 4)
    np.testing.assert_allclose(friction(first), 0, atol=1e-10)
    # ψ_a Δψ_d − ψ_d Δψ_a
    carried = first(1, 0) * (first(2, 1) + first(0, 3)) - first(0, 1) * (first(3, 0) + first(1, 2))
    np.testing.assert_allclose(friction(second), carried, rtol=1e-10)
    for part, lid in ((cavity_corner.scraper, -1.0), (cavity_corner.inertia, 0.0)):
        np.testing.assert_allclose(part(0, 1, a, none), lid, atol=1e-14)
        for i, j, where in ((0, 0, (a, none)), (0, 0, (none, d)), (1, 0, (none, d))):
            np.testing.assert_allclose(part(i, j, *where), 0, atol=1e-14)


def test_derivatives_at_the_corner_are_those_of_differences():
    step, a, d = 1e-5, np.array([0.3]), np.array([0.2])
    for part in (cavity_corner.scraper, cavity_corner.inertia):
        for i, j in ((0, 0), (1, 0), (1, 1), (0, 2), (2, 1)):
            by_a = (part(i, j, a + step, d) - part(i, j, a - step, d)) / (2 * step)
            by_d = (part(i, j, a, d + step) - part(i, j, a, d - step)) / (2 * step)
            np.testing.assert_allclose(part(i + 1, j, a, d), by_a, rtol=1e-6)
            np.testing.assert_allclose(part(i, j + 1, a, d), by_d, rtol=1e-6)


def test_the_cavitys_centre_lines_have_the_published_extremes():
    flow, fine, half = cavity.flow(32), np.linspace(0, 1, 2001)[1:-1], np.array([0.5])
    u, v = flow.at(0, 1, half, fine), -flow.at(1, 0, fine, half)
    # Botella & Peyret 1998, to seven digits; measured 1e-7.
    np.testing.assert_allclose([u.min(), v.max(), v.min()], [-0.2140424, 0.1795728, -0.2538030], rtol=0, atol=5e-7)


def test_the_cavity_away_from_the_lid_agrees_with_finite_differences():
    points = grid(np.linspace(0.1, 0.9, 9), np.linspace(0.1, 0.7, 7))
    u, v = cavity_differences.extrapolated(24).at(points).T
    flow = cavity.flow(24)
    axes = np.linspace(0.1, 0.9, 9), np.linspace(0.1, 0.7, 7)
    assert np.abs(flow.at(0, 1, *axes).reshape(-1) - u).max() < 1e-3
    assert np.abs(-flow.at(1, 0, *axes).reshape(-1) - v).max() < 1e-3
    other = cavity.flow(24, reynolds=110.0)
    assert np.abs(other.at(0, 1, *axes).reshape(-1) - u).max() > 3e-3


def test_the_cavitys_velocity_converges_everywhere():
    coarse, middle, fine = (cavity.velocity(n) for n in (16, 22, 30))
    for name in "uv":
        gaps = relative(coarse[name], fine[name]), relative(middle[name], fine[name])
        assert gaps[0] < 1e-2
        assert gaps[1] < 2e-3
        assert gaps[1] < gaps[0] / 3


def test_the_cavity_is_at_rest_on_the_walls_but_for_the_lid():
    flow, ends, inner = cavity.flow(16), np.array([0.0, 1.0]), np.linspace(0.05, 0.95, 10)
    np.testing.assert_allclose(flow.at(0, 1, inner, ends), np.tile([0.0, 1.0], (10, 1)), atol=1e-8)
    np.testing.assert_allclose(flow.at(1, 0, inner, ends), 0, atol=1e-8)
    np.testing.assert_allclose(flow.at(0, 1, ends, inner), 0, atol=1e-8)
    np.testing.assert_allclose(flow.at(1, 0, ends, inner), 0, atol=1e-8)


def test_a_flow_that_newtons_method_does_not_find_is_refused():
    with pytest.raises(ArithmeticError, match=r"^Newton's method has not converged in 30 steps: the last was "):
        cavity.flow(8, reynolds=1e6)


def test_a_stream_function_without_walls_in_motion_is_nothing():
    axes = (stream.axis(8, 0.0, 1.0),) * 2
    assert np.abs(stream.flow(axes, stream.nothing, 100.0).data).max() == 0


# Those that seek what is unknown --------------------------------------------------------------------------------------


@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_the_measurements_of_the_rod_are_those_of_the_shipped_problem(noise):
    theirs = definitions(shipped()["identify_diffusion"])["measurements"](400, noise, 0)
    points, measured = identify_diffusion.measurements(noise)
    np.testing.assert_array_equal(theirs.points, points)
    np.testing.assert_allclose(
        theirs.take(torch.arange(len(points))).data["measured"].numpy(), measured, rtol=0, atol=1e-15
    )


def test_another_rod_is_found_to_conduct_otherwise():
    points, measured = identify_diffusion.measurements(0.0)
    points[:, 1] /= 1.01  # the same in shorter time
    assert identify_diffusion.identify(points, measured, 4) == pytest.approx(0.101, rel=1e-9)


def test_the_measurements_of_the_plate_are_those_of_the_shipped_problem():
    theirs = definitions(shipped()["identify_conductivity"])["measurements"](1000, 0.0, 0)
    points, measured = identify_conductivity.measurements()
    np.testing.assert_array_equal(theirs.points, points)
    np.testing.assert_allclose(
        theirs.take(torch.arange(len(points))).data["measured"].numpy(), measured, rtol=0, atol=1e-15
    )


def test_the_plates_source_is_that_of_the_shipped_problem():
    points = np.random.default_rng(0).uniform(-1, 1, (50, 2))
    theirs = problem("identify_conductivity").knowns["f"](torch.from_numpy(points)).numpy()
    np.testing.assert_allclose(identify_conductivity.source(*points.T), theirs, atol=1e-13)


def test_the_plates_conductivity_is_found_the_better_the_longer_the_series():
    known = reference("identify_conductivity")
    short, long = (known.distances(identify_conductivity.spectral(*size)) for size in ((8, 5, 12), (11, 7, 15)))
    assert long["k"] < 1e-3
    assert long["k"] < short["k"] / 5
    assert long["u"] < 1e-4


def test_the_series_of_a_plate_are_differentiated_as_differences_say():
    points, step = np.random.default_rng(0).uniform(-0.9, 0.9, (5, 2)), 1e-4
    for fade in (False, True):
        value, by_x, by_y, bend = identify_conductivity.basis(3, points, fade)
        aside = [identify_conductivity.basis(3, points + move, fade)[0] for move in step * np.array([[1, 0], [-1, 0]])]
        above = [identify_conductivity.basis(3, points + move, fade)[0] for move in step * np.array([[0, 1], [0, -1]])]
        np.testing.assert_allclose(by_x, (aside[0] - aside[1]) / (2 * step), atol=1e-5)
        np.testing.assert_allclose(by_y, (above[0] - above[1]) / (2 * step), atol=1e-5)
        np.testing.assert_allclose(bend, (sum(aside) + sum(above) - 4 * value) / step**2, atol=1e-4)
