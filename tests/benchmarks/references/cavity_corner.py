"""The flow at an upper corner of the cavity, where the speed of the wall jumps: ψ = r f(θ) + Re r² g(θ) + ….

a is the distance from the wall, d that from the lid, which moves away from the corner: a = r cos θ, d = r sin θ. The
first term is Taylor's scraper (1962), where friction alone rules; the second is what inertia adds to it (Botella &
Peyret 1998). Where the lid moves towards the corner the first is the same, and the second has the other sign.

Functions here return derivatives, of order i in a and j in d.
"""

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np

Function = Callable[[int, int, np.ndarray, np.ndarray], np.ndarray]

C = 4 / (np.pi**2 - 4)


def polynomial(coefficients: dict[tuple[int, int], float]) -> Function:
    """Σ c_pq a^p d^q."""

    def value(i: int, j: int, a: np.ndarray, d: np.ndarray) -> np.ndarray:
        terms = [
            c * math.perm(p, i) * math.perm(q, j) * a ** (p - i) * d ** (q - j)
            for (p, q), c in coefficients.items()
            if p >= i and q >= j
        ]
        return sum(terms, start=np.zeros(np.broadcast_shapes(a.shape, d.shape)))

    return value


def angle(i: int, j: int, a: np.ndarray, d: np.ndarray) -> np.ndarray:
    """θ, the imaginary part of log(a + i d)."""
    z, order = a + 1j * d, i + j
    if order == 0:
        return np.angle(z)
    return (1j**j * (-1) ** (order - 1) * math.factorial(order - 1) / z**order).imag


def product(*factors: Function) -> Function:
    """The product of functions, by Leibniz' rule."""
    first, *others = factors
    if not others:
        return first
    second = product(*others)

    def value(i: int, j: int, a: np.ndarray, d: np.ndarray) -> np.ndarray:
        return sum(
            math.comb(i, p) * math.comb(j, q) * first(p, q, a, d) * second(i - p, j - q, a, d)
            for p in range(i + 1)
            for q in range(j + 1)
        )

    return value


def scraper(i: int, j: int, a: np.ndarray, d: np.ndarray) -> np.ndarray:
    """r f(θ) = c ((a + π d/2) θ − π² d/4)."""
    turning = product(polynomial({(1, 0): 1.0, (0, 1): np.pi / 2}), angle)
    return C * (turning(i, j, a, d) - polynomial({(0, 1): np.pi**2 / 4})(i, j, a, d))


def inertia(i: int, j: int, a: np.ndarray, d: np.ndarray) -> np.ndarray:
    """r² g(θ) = Re (p(θ) z²) + q(θ) r², p a complex and q a real polynomial."""
    p, q = inertia_coefficients()
    cosine, sine = {(2, 0): 1.0, (0, 2): -1.0}, {(1, 1): 2.0}  # r² cos 2θ and r² sin 2θ
    total = np.zeros(np.broadcast_shapes(a.shape, d.shape))
    for power in range(3):
        quadratic = {key: p[power].real * value for key, value in cosine.items()}
        quadratic |= {key: -p[power].imag * value for key, value in sine.items()}
        quadratic = {key: quadratic.get(key, 0.0) + (q[power] if 2 in key else 0.0) for key in [(2, 0), (1, 1), (0, 2)]}
        total = total + product(polynomial(quadratic), *[angle] * power)(i, j, a, d)
    return total


@lru_cache(maxsize=1)
def inertia_coefficients() -> tuple[np.ndarray, np.ndarray]:
    """p and q, three coefficients each, from θ⁰ upwards.

    With ω = Δψ = h(θ)/r, h = f + f'', the inertia of the first term is (f h)'/r², and g'''' + 4 g'' = (f h)' with
    g = g' = 0 at θ = 0 and π/2. Here f h = c² (θ (π cos 2θ + s sin 2θ) − π²/4 cos 2θ − π³/8 sin 2θ) + constant,
    s = π²/4 − 1; the equation takes Re (p e^(2iθ)) to Re ((−20 p'' − 16 i p') e^(2iθ)).
    """
    pi, s = np.pi, np.pi**2 / 4 - 1
    alpha = (2 * s + 2j * pi) / -32j
    beta = (pi - pi**3 / 4 - 1j * s - 1j * pi**2 / 2 + 40 * alpha) / -16j
    # The rest, Re γ cos 2θ − Im γ sin 2θ + q₀ + q₁ θ, meets the conditions at 0 and π/2, where e^(2iθ) is 1 and −1.
    end = pi / 2
    value, slope = (alpha * end + beta) * end, 2 * alpha * end + beta
    turn = lambda number, by: (number * by).real
    conditions = np.array([[1, 0, 1, 0], [0, -2, 0, 1], [-1, 0, 1, end], [0, 2, 0, 1]])
    right = -np.array([0.0, beta.real, turn(value, -1), turn(slope + 2j * value, -1)])
    real, imaginary, q0, q1 = np.linalg.solve(conditions, right)
    return C**2 * np.array([real + 1j * imaginary, beta, alpha]), C**2 * np.array([q0, q1, 0.0])
