"""Burgers' equation with −sin πx at the start, by Cole and Hopf and the trapezoidal rule: slow and obvious.

u(x, t) = −∫ sin(πs) f(s) e^(−η²) dη / ∫ f(s) e^(−η²) dη, f(s) = e^(−cos(πs)/(2πν)), s = x − η √(4νt). The rule
converges faster than any power of its step, for the integrands are analytic and vanish at both ends to all orders.
"""

import numpy as np


def burgers(x: np.ndarray, t: np.ndarray, nu: float, nodes: int = 2000) -> np.ndarray:
    """u at places and times of one shape ``(n,)``, by ``nodes`` trapezoids over |η| ≤ 10."""
    eta = np.linspace(-10, 10, nodes + 1)
    s = x[:, None] - eta * np.sqrt(4 * nu * t)[:, None]
    exponent = -np.cos(np.pi * s) / (2 * np.pi * nu) - eta**2
    f = np.exp(exponent - exponent.max(axis=1, keepdims=True))
    return -(f * np.sin(np.pi * s)).sum(axis=1) / f.sum(axis=1)
