"""Poisson's equation on [-1, 1]² with the solution sin 4πx sin 4πy."""

from . import poisson
from .reference import Classical, Reference


def reference() -> Reference:
    """u on 101 × 101 points."""
    return poisson.reference(waves=4)


def classical() -> Classical:
    """Chebyshev collocation with eigenvectors."""
    return poisson.classical(waves=4)
