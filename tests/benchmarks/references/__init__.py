"""Converged references of our own, each with its error, and what a classical solver does for the same problem.

``CASES`` gives, for each row of the benchmark, a module with ``reference() -> Reference`` and ``classical() ->
Classical``. From tests,

    python -m benchmarks.references

prints them all.
"""

from types import ModuleType

from . import (
    allen_cahn,
    burgers,
    cavity,
    helmholtz,
    identify_conductivity,
    identify_diffusion,
    identify_diffusion_clean,
    kdv,
    kovasznay,
    poisson,
    poisson_4pi,
    poisson_5d,
    wave,
)
from .reference import Classical, Reference

CASES: dict[str, ModuleType] = {
    "poisson": poisson,
    "poisson_4pi": poisson_4pi,
    "helmholtz": helmholtz,
    "burgers": burgers,
    "allen_cahn": allen_cahn,
    "kdv": kdv,
    "wave": wave,
    "kovasznay": kovasznay,
    "cavity": cavity,
    "poisson_5d": poisson_5d,
    "identify_diffusion_clean": identify_diffusion_clean,
    "identify_diffusion": identify_diffusion,
    "identify_conductivity": identify_conductivity,
}

__all__ = ["CASES", "Classical", "Reference"]
