"""The problems of evolution and flow say what their formulas say, their solutions are solutions, and they are found."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import sympy
import torch
from agreement import (
    assert_built_in,
    assert_exact_solves,
    assert_manufactured,
    assert_mutants_are_noticed,
    assert_periodic,
    assert_same_residuals,
    random_fields,
)
from benchmarks.references import cavity, cavity_differences, cole_hopf, etdrk4

import sirenpde as sp
from sirenpde.library import definitions, shipped

PI = math.pi
#: Ghia, Ghia & Shin 1982, J. Comput. Phys. 48, 387, tables I and II, Re = 100, without the walls.
GHIA_U = (-0.03717, -0.04192, -0.04775, -0.06434, -0.10150, -0.15662, -0.21090, -0.20581, -0.13641, 0.00332)
GHIA_U += (0.23151, 0.68717, 0.73722, 0.78871)
GHIA_V = (0.09233, 0.10091, 0.10890, 0.12317, 0.16077, 0.17507, 0.17527, 0.05454, -0.24533, -0.22445, -0.16914)
GHIA_V += (-0.10313, -0.08864, -0.07391)
NU = 0.01 / PI
sin, cos, exp, cosh = torch.sin, torch.cos, torch.exp, torch.cosh


def module(name: str) -> dict[str, Any]:
    return definitions(shipped()[name])


def built(name: str) -> sp.Problem:
    return module(name)["build"]()


# The statements again, as a person writes them -----------------------------------------------------------------------


def d(field, *names):
    return sp.partial(field, *names)


def solitons(a):
    """The two solitons by quotients: u = 2 (F F'' − F'²)/F²."""
    first, second = exp(1.4 * (a.x + 5) - 1.4**3 * a.t), exp(a.x + 1 - a.t)
    both = (0.4 / 2.4) ** 2 * first * second
    f = 1 + first + second + both
    slope = 1.4 * first + second + 2.4 * both
    bend = 1.96 * first + second + 5.76 * both
    return 2 * (f * bend - slope**2) / f**2


def soliton_slope(a):
    """The slope of the same: u_x = 2 (F'''/F − 3 F' F''/F² + 2 F'³/F³)."""
    first, second = exp(1.4 * (a.x + 5) - 1.4**3 * a.t), exp(a.x + 1 - a.t)
    both = (0.4 / 2.4) ** 2 * first * second
    f, f1, f2, f3 = (1.4**k * first + second + 2.4**k * both + (k == 0) for k in range(4))
    return 2 * (f3 / f - 3 * f1 * f2 / f**2 + 2 * f1**3 / f**3)


def breather(a):
    """Real and imaginary part of 4 e^(it/2) (cosh 3x + 3 e^(4it) cosh x) / (cosh 4x + 4 cosh 2x + 3 cos 4t)."""
    below = cosh(4 * a.x) + 4 * cosh(2 * a.x) + 3 * cos(4 * a.t)
    real, imaginary = cosh(3 * a.x) + 3 * cos(4 * a.t) * cosh(a.x), 3 * sin(4 * a.t) * cosh(a.x)
    c, s = cos(a.t / 2), sin(a.t / 2)
    return 4 * (c * real - s * imaginary) / below, 4 * (s * real + c * imaginary) / below


def schroedinger(a, phi):
    """i h_t + ½ h_xx + |h|² h: its imaginary part, and its real part."""
    size = phi.u**2 + phi.v**2
    real = -d(phi.v, "t") + 0.5 * d(phi.u, "x", "x") + size * phi.u
    imaginary = d(phi.u, "t") + 0.5 * d(phi.v, "x", "x") + size * phi.v
    return imaginary, real


def brusselator(a, phi):
    reaction = phi.u**2 * phi.v
    return (
        d(phi.u, "t") - reaction + 2 * phi.u - 0.25 * sp.laplacian(phi.u, over=("x", "y")),
        d(phi.v, "t") - phi.u + reaction - 0.25 * sp.laplacian(phi.v, over=("x", "y")),
    )


def brusselator_given(a, phi):
    return phi.u - exp(-a.x - a.y - a.t / 2), phi.v - exp(a.x + a.y + a.t / 2)


def kovasznay_given(a, phi):
    rate = 20 - math.sqrt(400 + 4 * PI**2)
    u = 1 - exp(rate * a.x) * cos(2 * PI * a.y)
    v = rate / (2 * PI) * exp(rate * a.x) * sin(2 * PI * a.y)
    return phi.u - u, phi.v - v


def navier_stokes(phi, reynolds):
    """u · ∇u + ∇p − Δu/Re, component by component."""
    return tuple(
        phi.u * d(w, "x") + phi.v * d(w, "y") + d(phi.p, name) - sp.laplacian(w) / reynolds
        for w, name in ((phi.u, "x"), (phi.v, "y"))
    )


def near_corners(a):
    """r²/(r² + 0.1²) at both upper corners."""
    left, right = a.x**2 + (1 - a.y) ** 2, (1 - a.x) ** 2 + (1 - a.y) ** 2
    return left * right / ((left + 0.01) * (right + 0.01))


def burgers(a, phi):
    return d(phi.u, "t") + phi.u * d(phi.u, "x") - NU * d(phi.u, "x", "x")


def channel(a, phi):
    return d(phi.u, "x") - 0.02 * sp.laplacian(phi.u)


def heat_start(a, phi):
    return phi.u - cos(PI * a.x) - 0.5 * cos(PI * a.x) * cos(2 * PI * a.y)


WRITTEN: dict[str, dict[str, Any]] = {
    "heat": {
        "equation": lambda a, phi: d(phi.u, "t") - 0.1 * sp.laplacian(phi.u, over=("x", "y")),
        "rim": lambda a, phi: sp.dot(a.normal, sp.grad(phi.u)),
        "start": heat_start,
    },
    "wave": {"equation": lambda a, phi: d(phi.u, "t", "t") - 4 * d(phi.u, "x", "x")},
    "burgers": {"equation": burgers, "shock": burgers},
    "allen_cahn": {
        "equation": lambda a, phi: (
            exp(-3 * a.t) * (d(phi.u, "t") - 1e-4 * d(phi.u, "x", "x") + 5 * phi.u**3 - 5 * phi.u)
        ),
    },
    "kdv": {
        "equation": lambda a, phi: d(phi.u, "t") + 6 * phi.u * d(phi.u, "x") + d(phi.u, "x", "x", "x"),
        "ends": lambda a, phi: phi.u - solitons(a),
        "slope": lambda a, phi: d(phi.u, "x") - soliton_slope(a),
    },
    "advection_diffusion": {"equation": channel, "layer": channel},
    "reaction_diffusion": {"equations": brusselator, "sides": brusselator_given, "start": brusselator_given},
    "schroedinger": {
        "equation": schroedinger,
        "ends": lambda a, phi: (phi.u - breather(a)[0], phi.v - breather(a)[1]),
    },
    "kovasznay": {
        "momentum": lambda a, phi: navier_stokes(phi, 40),
        "continuity": lambda a, phi: d(phi.u, "x") + d(phi.v, "y"),
        "sides": kovasznay_given,
    },
    "cavity": {
        "equations": lambda a, phi: tuple(
            near_corners(a) * part for part in (*navier_stokes(phi, 100), d(phi.u, "x") + d(phi.v, "y"))
        ),
        "pin": lambda a, phi: phi.p,
    },
}

#: Fields in closed form; allen_cahn and cavity have a computed reference below.
CLOSED = [name for name in WRITTEN if name not in {"allen_cahn", "cavity"}]


@pytest.mark.parametrize("name", WRITTEN)
def test_the_compiled_statement_is_the_written_one(name):
    assert_same_residuals(built(name), WRITTEN[name])


@pytest.mark.parametrize("name", [name for name in WRITTEN if name != "cavity"])
def test_no_term_of_a_statement_can_be_dropped_or_flipped_unseen(name):
    # The values on the sides are sums of many terms, some of them far below the rounding of the rest.
    problem = built(name)
    equations = [each for each in problem.constraints if each.name not in {"ends", "slope", "sides", "start"}]
    written = {each.name: WRITTEN[name][each.name] for each in equations}
    assert assert_mutants_are_noticed(replace(problem, constraints=equations), written) >= 4


@pytest.mark.parametrize("name", CLOSED)
def test_the_exact_solution_solves_what_is_stated(name):
    # Quotients of large exponentials lose some digits, and third derivatives of them more.
    assert_exact_solves(built(name), {"burgers": 1e-8, "kdv": 1e-9}.get(name, 1e-10))


@pytest.mark.parametrize("name", ["wave", "burgers", "allen_cahn", "kdv", "cavity"])
def test_manufactured_fields_solve_the_equations_that_are_made_for_them(name):
    assert_manufactured(built(name))


# What is built in -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["wave", "burgers", "kdv", "schroedinger"])
def test_the_start_is_built_in(name):
    problem = built(name)
    low = dict(zip(problem.coordinates, problem.bounds, strict=True))["t"][0]
    # At rest is a condition on the slope, which only the wave equation has.
    assert_built_in(problem, problem.domain.at(t=low), problem.layout.fields, order=1 if name == "wave" else 0)


@pytest.mark.parametrize(("name", "low", "high"), [("wave", 0, 1), ("burgers", -1, 1), ("advection_diffusion", 0, 1)])
def test_the_sides_are_built_in(name, low, high):
    problem = built(name)
    assert_built_in(problem, problem.domain.at(x=low) | problem.domain.at(x=high), "u")


def test_cold_walls_are_built_into_the_channel():
    problem = built("advection_diffusion")
    assert_built_in(problem, problem.domain.at(y=0) | problem.domain.at(y=1), "u")


def test_allen_cahn_is_periodic_and_starts_as_it_should():
    problem = built("allen_cahn")
    assert_periodic(problem)
    points = torch.tensor([[x, 0.0] for x in np.linspace(-1, 1, 9)], dtype=torch.float64)
    start = points[:, 0] ** 2 * cos(PI * points[:, 0])
    values = random_fields(problem)(points)[:, 0]
    torch.testing.assert_close(values[1:-1], start[1:-1], rtol=0, atol=1e-14)
    torch.testing.assert_close(values, start, rtol=0, atol=3e-9)  # at its ends the kink is rounded a little


def test_the_kink_of_allen_cahns_start_spreads_as_heat_would_spread_it():
    # On the whole line the heat equation turns |d| into |d| + k, the mean of |d + √(2Dt) z| over a normal z.
    d, t = np.array([0.0, 0.003, 0.01]), 0.3
    z = np.linspace(-8, 8, 40_001)
    weights = np.exp(-(z**2) / 2) * (z[1] - z[0]) / math.sqrt(2 * PI)
    means = np.abs(d[:, None] + math.sqrt(2e-4 * t) * z) @ weights
    rounded = module("allen_cahn")["rounded"]
    found = [float(rounded(sympy.Float(each), sympy.Float(t))) for each in d]
    np.testing.assert_allclose(d + found, means, rtol=0, atol=1e-9)


def test_the_water_sticks_to_all_walls_of_the_cavity():
    problem = built("cavity")
    fields, inner = random_fields(problem), torch.linspace(0.02, 0.98, 25, dtype=torch.float64)
    zero, one = torch.zeros_like(inner), torch.ones_like(inner)
    for wall in ((zero, inner), (one, inner), (inner, zero)):
        values = fields(torch.stack(wall, dim=1))
        # r² is smoothed by 1e-8, which shows as 1e-8/r² near the corners.
        assert values[:, [problem.layout.columns(each).start for each in "uv"]].abs().max() < 1e-4
    lid = fields(torch.stack((inner, one), dim=1))
    assert (lid[:, problem.layout.columns("u").start] - 1).abs().max() < 1e-4
    assert lid[:, problem.layout.columns("v").start].abs().max() < 1e-4


def test_the_flow_that_is_built_into_a_corner_solves_stokes_equations(float64):
    scraper = module("cavity")["scraper"]
    import sympy

    a, b = sympy.symbols("a b")
    u, v, p = scraper(a, b)
    down = lambda e: -e.diff(b)  # b counts downwards from the lid
    place = {a: 0.31, b: 0.47}
    values = {
        "divergence": u.diff(a) + down(v),
        "across": u.diff(a, 2) + u.diff(b, 2) - p.diff(a),
        "up": v.diff(a, 2) + v.diff(b, 2) - down(p),
    }
    for name, value in values.items():
        assert abs(float(value.subs(place))) < 1e-5, name  # r² is smoothed by 1e-8
    assert float(u.subs({a: 0.31, b: 0})) == pytest.approx(1, abs=1e-6)
    assert abs(float(v.subs({a: 0.31, b: 0}))) < 1e-6


# References, each with its own error ----------------------------------------------------------------------------------


def relative(got: np.ndarray, wanted: np.ndarray) -> float:
    return float(np.linalg.norm(got - wanted) / np.linalg.norm(wanted))


def test_exponential_time_differencing_is_of_fourth_order():
    ends = [etdrk4.burgers(256, steps, nu=0.05)[-1] for steps in (10, 20, 40, 80)]
    gaps = [relative(coarse, fine) for coarse, fine in itertools.pairwise(ends)]
    orders = np.log2(np.array(gaps[:-1]) / gaps[1:])
    np.testing.assert_allclose(orders, 4, atol=0.35)


def test_the_trapezoidal_rule_has_converged():
    x, t = np.linspace(-1, 1, 41), np.full(41, 0.7)
    np.testing.assert_allclose(cole_hopf.burgers(x, t, NU, 1000), cole_hopf.burgers(x, t, NU, 2000), rtol=0, atol=1e-13)


def test_two_references_of_burgers_equation_agree():
    x = etdrk4.circle_points(1024)
    # Measured 3.5e-7, and that is the Fourier modes, not the steps.
    assert np.abs(etdrk4.burgers(1024, 800)[-1] - cole_hopf.burgers(x, np.ones(1024), NU)).max() < 1e-6


def test_what_is_exact_for_burgers_is_the_reference():
    problem, rng = built("burgers"), np.random.default_rng(0)
    points = np.stack([rng.uniform(-1, 1, 400), rng.uniform(0, 1, 400)], axis=1)
    points[:100, 0] *= 0.02  # inside the shock
    got = problem.references["u"](torch.from_numpy(points)).numpy()
    np.testing.assert_allclose(got, cole_hopf.burgers(*points.T, NU), rtol=0, atol=1e-10)  # 100 nodes of 1e-11


def test_the_table_of_allen_cahn_is_the_reference_within_its_error():
    coarse, fine = etdrk4.allen_cahn(512, 25), etdrk4.allen_cahn(1024, 25)
    assert relative(coarse, etdrk4.allen_cahn(512, 50)) < 1e-8  # the steps are short enough
    assert relative(coarse[1:], fine[1:, ::2]) < 2e-7  # measured 7.5e-8: the kink of the start costs modes
    table = module("allen_cahn")["TABLE"]
    assert list(table) == [0.5, 1.0]
    for row, values in zip((5, 10), table.values()):
        half = np.append(fine[row, 512::16], fine[row, 0])  # x from 0 to 1; 1 is −1
        np.testing.assert_allclose(values, half, rtol=0, atol=5.1e-7)  # it has six digits


def test_the_finite_differences_of_the_cavity_converge_to_the_published_extremes():
    sizes = (24, 48, 96)
    extremes = [centre_lines(cavity_differences.cavity(n)) for n in sizes]
    # Botella & Peyret 1998, by a spectral method with the corners taken out: right to seven digits.
    published = np.array([-0.2140424, 0.1795728, -0.2538030])
    gaps = np.abs(np.array(extremes) - published)
    np.testing.assert_allclose(np.log2(gaps[:-1] / gaps[1:]), 2, atol=0.25)
    best = centre_lines(cavity_differences.extrapolated(48))
    np.testing.assert_allclose(best, published, rtol=0, atol=1e-4)


def centre_lines(flow: cavity_differences.Flow) -> np.ndarray:
    """The least u at x = ½, and the greatest and the least v at y = ½."""
    fine = np.linspace(0, 1, 4001)
    half = np.full_like(fine, 0.5)
    u = flow.at(np.stack([half, fine], axis=1))[:, 0]
    v = flow.at(np.stack([fine, half], axis=1))[:, 1]
    return np.array([u.min(), v.max(), v.min()])


def test_the_table_of_the_cavity_is_the_reference_and_ghias_is_near_it():
    names, flow, half = module("cavity"), cavity.flow(32), np.array([0.5])
    u, v = flow.at(0, 1, half, np.array(names["Y"]))[0], -flow.at(1, 0, np.array(names["X"]), half)[:, 0]
    np.testing.assert_allclose(u, names["U"], rtol=0, atol=6e-6)  # it has five digits
    np.testing.assert_allclose(v, names["V"], rtol=0, atol=6e-6)
    assert relative(np.array(GHIA_U), u) < 0.01  # measured 0.007
    assert relative(np.array(GHIA_V), v) < 0.04  # measured 0.034: the table is low throughout
