"""Small problems and networks that train in a second, and the check of a whole message."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch

import sirenpde as sp

#: A network that a smooth target needs no more than.
NETWORK = sp.Siren(width=32, depth=1, omega=2, first_omega=2)
SQUARE = sp.Box(x=(-1, 1), y=(-1, 1))


@contextmanager
def refused(error: type[Exception], message: str) -> Iterator[pytest.ExceptionInfo[Exception]]:
    """Expect exactly this error with exactly this message."""
    with pytest.raises(error) as caught:
        yield caught
    assert type(caught.value) is error
    assert str(caught.value) == message


def read_u(a, phi):
    """The shortest residual: the field itself."""
    return phi.u


def stated(**changes) -> sp.Problem:
    """A problem in x that is right, but for what is changed; what it leaves open, or calls exact, is not looked at."""
    right = {
        "name": "trial",
        "fields": "u",
        "constraints": [sp.Constraint("rule", on=sp.Box(x=(0, 1)), residual=read_u)],
    }
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "every residual of|the exact solution of", sp.SirenPDEWarning)
        return sp.Problem(**(right | changes))


def poisson(dimension: int = 2) -> sp.Problem:
    """Δu = -d π²/4 u with u = Π cos(π x_i / 2), which vanishes on the boundary of [-1, 1]^d."""
    names = ("x", "y", "z")[:dimension]
    box = sp.Box(**dict.fromkeys(names, (-1, 1)))

    def exact(a):
        product = 1.0
        for name in names:
            product = product * torch.cos(math.pi / 2 * getattr(a, name))
        return product

    return sp.Problem(
        name=f"poisson_{dimension}",
        fields="u",
        given={"f": lambda a: -dimension * math.pi**2 / 4 * exact(a)},
        constraints=[
            sp.Constraint("equation", on=box, residual=lambda a, phi: sp.laplacian(phi.u) - a.f),
            sp.Constraint("walls", on=box.boundary, residual=read_u, weight=10),
        ],
        exact={"u": exact},
    )


def fit(**changes) -> sp.Problem:
    """u = sin 2x on [-1, 1], as values: the cheapest problem that a network can learn."""
    line = sp.Box(x=(-1, 1))
    right = {
        "name": "fit",
        "fields": "u",
        "constraints": [sp.Constraint("values", on=line, residual=lambda a, phi: phi.u - torch.sin(2 * a.x))],
        "exact": {"u": lambda a: torch.sin(2 * a.x)},
    }
    return sp.Problem(**(right | changes))
