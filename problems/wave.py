"""Let a string swing in two of its modes (Wang, Yu & Perdikaris 2022, When and why PINNs fail to train).

Find u: [0, 1] × [0, 1] → R such that

    u_tt = 4 u_xx,   u = 0 at x = 0 and x = 1,   u = sin πx + ½ sin 4πx and u_t = 0 at t = 0.

Both modes keep their shape and swing at a frequency of their own: u = cos 2πt sin πx + ½ cos 8πt sin 4πx.

The ends and the start are built into the field, u = sin πx + ½ sin 4πx + t² x (1 − x) Φ, so the equation is all that is
left to learn.

Measured by `sirenpde run wave --seconds 120`, seed 0, on one core of a busy machine: a relative error of 1.2e-7.
"""

import sympy

import sirenpde as sp

RECIPE = {}


def build() -> sp.Problem:
    """State the problem."""
    x, t = sympy.symbols("x t")
    u = sympy.Function("u")(x, t)
    pi, sin, cos = sympy.pi, sympy.sin, sympy.cos
    start = sin(pi * x) + sin(4 * pi * x) / 2
    return sp.Problem(
        name="wave",
        constraints=[
            sp.Constraint("equation", on=sp.Box(x=(0, 1), t=(0, 1)), residual=sympy.Eq(u.diff(t, 2), 4 * u.diff(x, 2)))
        ],
        hard={"u": start + t**2 * x * (1 - x) * u},
        exact={"u": cos(2 * pi * t) * sin(pi * x) + cos(8 * pi * t) * sin(4 * pi * x) / 2},
    )


if __name__ == "__main__":
    sp.solve(build(), **RECIPE).save("wave.h5")
