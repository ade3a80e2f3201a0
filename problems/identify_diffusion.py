"""Find how well a rod conducts heat, from noisy measurements of its temperature.

Find u: [0, 1]² → R and the number ν with

    u_t = ν u_xx,        u(0, t) = u(1, t) = 0,        u(x_i, t_i) = m_i + noise,

where the rod's temperature was measured at some places and times; what it was at the beginning is not known either.
The measurements were made of u = e^(−νπ²t) sin πx + ½ e^(−4νπ²t) sin 2πx with ν = 0.1.

Measured by `sirenpde run identify_diffusion --seconds 120`, seed 0, on one core of a busy machine: ν to 1.4e-4 of
itself, where the noise lets least squares reach 7.4e-4; a relative error of 2.5e-3.
"""

import numpy as np
import sympy

import sirenpde as sp

RECIPE = {}

DIFFUSION = 0.1


def build(count: int = 400, noise: float = 0.01, seed: int = 0) -> sp.Problem:
    """State the problem for ``count`` measurements with normal ``noise``."""
    x, t, nu, measured = sympy.symbols("x t nu measured")
    u = sympy.Function("u")(x, t)
    rod = sp.Box(x=(0, 1), t=(0, 1))
    return sp.Problem(
        name="identify_diffusion",
        constraints=[
            sp.Constraint("equation", on=rod, residual=u.diff(t) - nu * u.diff(x, 2)),
            # The equation is exact, the readings are not: at a low weight their noise is not worth bending u for.
            sp.Constraint(
                "measurements",
                on=measurements(count, noise, seed),
                residual=u - measured,
                weight=0.01 if noise else 1.0,
            ),
        ],
        unknowns={"nu": sp.Unknown(initial=1.0, lower=0.001, upper=10.0)},
        hard={"u": x * (1 - x) * u},
        exact={"u": temperature(x, t)},
    )


def temperature(x, t, of=sympy):
    """Return the temperature that was measured, as a formula, or ``of`` NumPy at given places and times."""
    return sum(of.exp(-((k * of.pi) ** 2) * DIFFUSION * t) * of.sin(k * of.pi * x) / k for k in (1, 2))


def measurements(count: int, noise: float, seed: int) -> sp.Points:
    """Return the temperature at random places and times, with noise."""
    generator = np.random.default_rng(seed)
    points = generator.uniform(0, 1, (count, 2))
    values = temperature(*points.T, of=np)
    return sp.Points(points, names=("x", "t"), data={"measured": values + noise * generator.standard_normal(count)})


def scores(solution: sp.Solution) -> dict[str, float]:
    """Return how far the number is from the true one."""
    return {"nu_relative_error": abs(solution.unknowns["nu"] / DIFFUSION - 1)}


if __name__ == "__main__":
    sp.solve(build(), **RECIPE).save("identify_diffusion.h5")
