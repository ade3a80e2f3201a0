"""The stationary and inverse problems say what their formulas say, and their solutions are solutions."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
import torch
from agreement import (
    assert_built_in,
    assert_exact_solves,
    assert_manufactured,
    assert_mutants_are_noticed,
    assert_same_residuals,
    random_fields,
    sampled,
)

import sirenpde as sp
from sirenpde.library import definitions, shipped

PI = math.pi
sin, cos, exp = torch.sin, torch.cos, torch.exp


def sines(a, m=1, n=1):
    return sin(m * PI * a.x) * sin(n * PI * a.y)


def slope_along_normal(a, field):
    return sp.dot(a.normal, sp.grad(field))


# The statements again, as a person writes them -----------------------------------------------------------------------


def corner(a):
    """r^(2/3) sin(2θ/3), with θ counted from 0 to 3π/2 by hand."""
    theta = torch.atan2(a.y, a.x)
    theta = torch.where(theta < -1e-9, theta + 2 * PI, theta)
    return (a.x**2 + a.y**2) ** (1 / 3) * sin(2 / 3 * theta)


def l_shape_edge(a, phi):
    return phi.u - corner(a)


def bracket_temperature(a):
    """The bracket is 2 × 2 × 1, so that X = x − 1, Y = y − 1, Z = z − ½."""
    return 1 + sin(PI * (a.x - 1)) * cos(PI * (a.y - 1)) * cos(PI * (a.z - 0.5) / 2)


def bracket_flux(a):
    """∂u/∂n of that temperature."""
    x, y, z = PI * (a.x - 1), PI * (a.y - 1), PI * (a.z - 0.5) / 2
    return (
        PI * cos(x) * cos(y) * cos(z) * a.normal[:, 0]
        - PI * sin(x) * sin(y) * cos(z) * a.normal[:, 1]
        - PI / 2 * sin(x) * cos(y) * sin(z) * a.normal[:, 2]
    )


def bracket_equation(a, phi):
    return 2 * sp.laplacian(phi.u) + 2 * PI**2 * (1 + 1 + 1 / 4) * (bracket_temperature(a) - 1)


def bracket_surface(a, phi):
    return 2 * (slope_along_normal(a, phi.u) - bracket_flux(a)) + 5 * (phi.u - bracket_temperature(a))


def sum_of_cosines(a):
    return cos(PI * a.x1) + cos(PI * a.x2) + cos(PI * a.x3) + cos(PI * a.x4) + cos(PI * a.x5)


def around_cylinder(a):
    """x − 9/11 · R² x/r²."""
    return a.x - 9 / 11 * 0.25 * a.x / (a.x**2 + a.y**2)


def biharmonic(field):
    return sp.laplacian(sp.laplacian(field))


def elastic_exact(a):
    return cos(2 * PI * a.x) * sin(PI * a.y), sin(PI * a.x) * a.y**4


def balance(a, phi):
    """Navier's form: (λ + μ) ∇(∇·u) + μ Δu + b, with b of the published solution worked out by hand."""
    spread = sp.partial(phi.u, "x") + sp.partial(phi.v, "y")
    # λ + μ = 3/2, μ = 1/2. Of the solution u = cos 2πx sin πy, v = y⁴ sin πx:
    s, c = sin(PI * a.x), cos(PI * a.x)
    bx = 1.5 * (-4 * PI**2 * elastic_exact(a)[0] + 4 * PI * a.y**3 * c) - 2.5 * PI**2 * elastic_exact(a)[0]
    by = 1.5 * (-2 * PI**2 * sin(2 * PI * a.x) * cos(PI * a.y) + 12 * a.y**2 * s)
    by = by + 0.5 * (12 * a.y**2 * s - PI**2 * a.y**4 * s)
    return (
        1.5 * sp.partial(spread, "x") + 0.5 * sp.laplacian(phi.u) - bx,
        1.5 * sp.partial(spread, "y") + 0.5 * sp.laplacian(phi.v) - by,
    )


def held(a, phi):
    u, v = elastic_exact(a)
    return phi.u - u, phi.v - v


def traction(a, ux, uy, vx, vy):
    """σ n from the four derivatives, for λ = 1 and μ = ½."""
    nx, ny = a.normal[:, 0], a.normal[:, 1]
    shear = 0.5 * (uy + vx)
    return (2 * ux + vy) * nx + shear * ny, shear * nx + (ux + 2 * vy) * ny


def pulled(a, phi):
    found = [sp.partial(field, name) for field in (phi.u, phi.v) for name in ("x", "y")]
    wanted = (
        -2 * PI * sin(2 * PI * a.x) * sin(PI * a.y),
        PI * cos(2 * PI * a.x) * cos(PI * a.y),
        PI * a.y**4 * cos(PI * a.x),
        4 * a.y**3 * sin(PI * a.x),
    )
    return tuple(each - other for each, other in zip(traction(a, *found), traction(a, *wanted)))


def heat_made(a):
    """∇·(k ∇u) of the fields that are to be found."""
    gx = 1 + PI / 4 * cos(PI * a.x) * sin(PI * a.y)
    gy = 0.5 + PI / 4 * sin(PI * a.x) * cos(PI * a.y)
    e = exp(a.x - a.y) / 2
    bubble = (1 - a.x**2) * (1 - a.y**2)
    kx = (-2 * a.x * (1 - a.y**2) + bubble) * e
    ky = (-2 * a.y * (1 - a.x**2) - bubble) * e
    return (1 + bubble * e) * (-(PI**2) / 2 * sines(a)) + kx * gx + ky * gy


def conduction(a, phi):
    return sp.dot(sp.grad(phi.k), sp.grad(phi.u)) + phi.k * sp.laplacian(phi.u) - heat_made(a)


WRITTEN: dict[str, dict[str, Any]] = {
    "poisson": {
        "equation": lambda a, phi: sp.laplacian(phi.u) + 2 * PI**2 * sines(a),
        "edge": lambda a, phi: phi.u,
    },
    "helmholtz": {"equation": lambda a, phi: sp.laplacian(phi.u) + phi.u - (1 - 17 * PI**2) * sines(a, 1, 4)},
    "poisson_l_shape": {
        "equation": lambda a, phi: torch.hypot(a.x, a.y) * sp.laplacian(phi.u),
        "edge": l_shape_edge,
    },
    "heat_in_a_mesh": {"equation": bracket_equation, "surface": bracket_surface},
    "poisson_5d": {
        "equation": lambda a, phi: sp.laplacian(phi.u) + PI**2 * sum_of_cosines(a),
        "edge": lambda a, phi: phi.u - sum_of_cosines(a),
    },
    "interface": {
        "around": lambda a, phi: sp.laplacian(phi.v),
        "inside": lambda a, phi: sp.laplacian(phi.u),
        "value": lambda a, phi: phi.u - phi.v,
        "flux": lambda a, phi: 10 * slope_along_normal(a, phi.u) - slope_along_normal(a, phi.v),
        "edge": lambda a, phi: phi.v - around_cylinder(a),
    },
    "volume_constraint": {
        "equation": lambda a, phi: sp.laplacian(phi.u) + 5 * PI**2 * cos(PI * a.x) * cos(2 * PI * a.y),
        "edge": lambda a, phi: slope_along_normal(a, phi.u),
        "volume": lambda a, phi: phi.u - 1,
    },
    "plate": {
        "equation": lambda a, phi: biharmonic(phi.w) - 4 * PI**4 * sines(a),
        "moment": lambda a, phi: sp.laplacian(phi.w),
    },
    "elasticity": {"balance": balance, "held": held, "pulled": pulled},
    "identify_diffusion": {
        "equation": lambda a, phi: sp.partial(phi.u, "t") - a.nu * sp.partial(phi.u, "x", "x"),
        "measurements": lambda a, phi: phi.u - a.measured,
    },
    "identify_conductivity": {"equation": conduction, "measurements": lambda a, phi: phi.u - a.measured},
}

#: The true unknown numbers, and how far noise puts the measurements from the exact field: four deviations.
TRUE: dict[str, dict[str, Any]] = {
    "identify_diffusion": {"unknowns": {"nu": 0.1}, "loose": {"measurements": 0.05}},
}


#: Where a normal along an axis, or a zero of a sine, hides a term on the region itself, one compares on a circle.
CIRCLE = sp.Ball(x=0.5, y=0.5, radius=0.4).boundary
ELSEWHERE: dict[str, dict[str, sp.Region]] = {
    "elasticity": {"held": CIRCLE, "pulled": CIRCLE},
    "heat_in_a_mesh": {"surface": sp.Ball(x=1, y=1, z=0.5, radius=0.4).boundary},
}


@lru_cache
def stated(name: str) -> sp.Problem:
    return definitions(shipped()[name])["build"]()


each_problem = pytest.mark.parametrize("name", WRITTEN)


@each_problem
def test_the_compiled_statement_is_the_one_that_a_person_writes(name):
    assert_same_residuals(stated(name), WRITTEN[name])


@each_problem
def test_a_term_that_is_dropped_or_flipped_is_noticed(name):
    assert assert_mutants_are_noticed(stated(name), WRITTEN[name], elsewhere=ELSEWHERE.get(name)) >= 2


@each_problem
def test_the_exact_solution_solves_what_is_stated(name):
    assert_exact_solves(stated(name), **TRUE.get(name, {}))


@each_problem
def test_random_smooth_fields_solve_the_equations_made_for_them(name):
    assert_manufactured(stated(name))


def test_what_is_said_to_be_built_in_is_built_in():
    assert_built_in(stated("helmholtz"), sp.Box(x=(-1, 1), y=(-1, 1)).boundary, ["u"])
    assert_built_in(stated("plate"), sp.Box(x=(0, 1), y=(0, 1)).boundary, ["w"])
    rod = sp.Box(x=(0, 1), t=(0, 1))
    assert_built_in(stated("identify_diffusion"), rod.at(x=0) | rod.at(x=1), ["u"])
    assert_built_in(stated("identify_conductivity"), sp.Box(x=(-1, 1), y=(-1, 1)).boundary, ["k"])


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("helmholtz", {"k": 3.0, "waves": 2}),
        ("poisson_5d", {"dimension": 3}),
        ("elasticity", {"lame": 2.0, "shear": 0.7, "q": 1.0}),
        ("volume_constraint", {"c": -2.0}),
        ("heat_in_a_mesh", {"k": 0.3, "h": 2.0}),
        ("interface", {"kappa": 0.2}),
    ],
)
def test_the_exact_solution_follows_what_is_set(name, values):
    assert_exact_solves(definitions(shipped()[name])["build"](**values))


def test_the_singular_function_at_the_corner_is_part_of_the_field_where_one_asks_for_it():
    problem = definitions(shipped()["poisson_l_shape"])["build"](singular=True)
    ansatz = random_fields(problem)
    points = sampled(problem, problem.main_region).points
    added = ansatz(points) - ansatz.network(points)
    expected = ansatz.unknowns.numbers()["c"] * problem.references["u"](points)
    torch.testing.assert_close(added[:, 0], expected, rtol=1e-12, atol=1e-12)
    assert_same_residuals(problem, WRITTEN["poisson_l_shape"])


def test_the_solid_can_come_from_a_file(tmp_path):
    corners = np.array([(0, 0, 0), (3, 0, 0), (0, 2, 0), (0, 0, 1)], dtype=float)
    faces = [(0, 2, 1), (0, 1, 3), (1, 2, 3), (0, 3, 2)]
    path = tmp_path / "tetrahedron.stl"
    path.write_text(_stl(corners, faces))
    problem = definitions(shipped()["heat_in_a_mesh"])["build"](path=str(path))
    assert problem.main_region.measure == pytest.approx(1.0)
    assert_exact_solves(problem)


def _stl(corners: np.ndarray, faces: list[tuple[int, int, int]]) -> str:
    lines = ["solid tetrahedron"]
    for face in faces:
        lines += ["facet normal 0 0 0", "outer loop"]
        lines += [f"vertex {x} {y} {z}" for x, y, z in corners[list(face)]]
        lines += ["endloop", "endfacet"]
    return "\n".join([*lines, "endsolid tetrahedron", ""])


def test_measurements_are_the_same_for_the_same_seed_and_differ_for_another():
    build = definitions(shipped()["identify_diffusion"])["build"]

    def measured(seed):
        return build(seed=seed).constraints[1].on.take(torch.arange(400)).data["measured"].numpy()

    np.testing.assert_array_equal(measured(0), measured(0))
    assert np.abs(measured(0) - measured(1)).max() > 0.1


def test_the_noise_of_the_measurements_has_the_size_that_is_stated():
    problem = stated("identify_diffusion")
    seen = problem.constraints[1].on.take(torch.arange(400))
    noise = (seen.data["measured"] - problem.references["u"](seen.points)).numpy()
    # The standard deviation of 400 normal numbers scatters by 3.5 %: 0.0015 is four deviations.
    assert noise.std() == pytest.approx(0.01, abs=0.0015)
    assert abs(noise.mean()) < 0.002


def test_a_few_steps_find_the_constant_that_only_the_integral_knows():
    counts = {"equation": 300, "edge": 100, "volume": 300}
    solution = sp.solve(stated("volume_constraint"), points=counts, steps=70, device="cpu", progress=False)
    # Measured with 100 steps: 0.9995, and a relative error of 0.003. The field that is zero everywhere is off by 1.
    assert solution.u(sp.Box(x=(0, 1), y=(0, 1)).sample(4096)).mean() == pytest.approx(1.0, abs=0.05)
    assert solution.score["u_relative_l2"] < 0.2


def test_a_few_steps_find_the_number_that_only_the_measurements_know():
    counts = {"equation": 300, "measurements": 300}
    solution = sp.solve(stated("identify_diffusion"), points=counts, steps=200, device="cpu", progress=False)
    # Measured: 0.0996 and 0.0999 for 0.1 with two seeds, from 1. The noise alone is good for a scatter of some 0.3 %.
    assert solution.unknowns["nu"] == pytest.approx(0.1, rel=0.02)
