"""Analytic fields with their derivatives in closed form, and the order at which an error falls.

``FIELDS`` is what operators are parametrised over: each Φ is a torch module from ``(n, d)`` to ``(n, 1)``, usable in
place of a network, and gives ∇Φ, ΔΦ and HΦ as formulas of their own, none of them taken from another by a program.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

Formula = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Field:
    """A scalar field of d coordinates; every formula takes points ``(n, d)``.

    Attributes:
        value: Φ, shape ``(n,)``.
        gradient: ∇Φ, shape ``(n, d)``.
        laplacian: ΔΦ, shape ``(n,)``.
        hessian: HΦ, shape ``(n, d, d)``.
    """

    name: str
    dimension: int
    value: Formula
    gradient: Formula
    laplacian: Formula
    hessian: Formula

    @property
    def module(self) -> nn.Module:
        """Φ as a module, ``(n, d)`` → ``(n, 1)``."""
        return vector_module([self])

    @property
    def names(self) -> tuple[str, ...]:
        """Names for the coordinates."""
        return ("x", "y", "z", "t")[: self.dimension]


class _Stacked(nn.Module):
    def __init__(self, fields: Sequence[Field]) -> None:
        super().__init__()
        self.fields = fields

    def forward(self, points: Tensor) -> Tensor:
        return torch.stack([field.value(points) for field in self.fields], dim=1)


def vector_module(fields: Sequence[Field]) -> nn.Module:
    """Several fields of the same coordinates as one module, ``(n, d)`` → ``(n, c)``."""
    return _Stacked(fields)


def points_in(dimension: int, count: int = 7, seed: int = 0) -> Tensor:
    """Random points of (-1, 1)^d in float64, shape ``(count, d)``."""
    generator = torch.Generator().manual_seed(seed)
    return 2.0 * torch.rand(count, dimension, generator=generator, dtype=torch.float64) - 1.0


def _wave(*numbers: float, phase: float = 0.3) -> Field:
    """sin(k·x + φ)."""
    k = torch.tensor(numbers, dtype=torch.float64)
    return Field(
        f"wave {len(numbers)}-D",
        len(numbers),
        lambda p: torch.sin(p @ k + phase),
        lambda p: torch.cos(p @ k + phase)[:, None] * k,
        lambda p: -sum(number**2 for number in numbers) * torch.sin(p @ k + phase),
        lambda p: -torch.sin(p @ k + phase)[:, None, None] * (k[:, None] * k[None, :]),
    )


def _bump(*center: float) -> Field:
    """exp(−|x − c|²/2)."""
    c = torch.tensor(center, dtype=torch.float64)
    d = len(center)

    def value(p: Tensor) -> Tensor:
        return torch.exp(-(p - c).square().sum(1) / 2)

    return Field(
        f"bump {d}-D",
        d,
        value,
        lambda p: -(p - c) * value(p)[:, None],
        lambda p: ((p - c).square().sum(1) - d) * value(p),
        lambda p: ((p - c)[:, :, None] * (p - c)[:, None, :] - torch.eye(d, dtype=p.dtype)) * value(p)[:, None, None],
    )


def _matrix(rows: Sequence[Sequence[Tensor]]) -> Tensor:
    return torch.stack([torch.stack(list(row), dim=1) for row in rows], dim=1)


def _harmonic() -> Field:
    """e^x sin y, whose Laplacian is zero."""

    def s(p: Tensor) -> Tensor:
        return torch.exp(p[:, 0]) * torch.sin(p[:, 1])

    def c(p: Tensor) -> Tensor:
        return torch.exp(p[:, 0]) * torch.cos(p[:, 1])

    return Field(
        "harmonic",
        2,
        s,
        lambda p: torch.stack([s(p), c(p)], dim=1),
        lambda p: torch.zeros_like(p[:, 0]),
        lambda p: _matrix([[s(p), c(p)], [c(p), -s(p)]]),
    )


def _cubic() -> Field:
    """x²y + y³ − 2x: a polynomial without symmetry between its coordinates."""
    return Field(
        "cubic",
        2,
        lambda p: p[:, 0] ** 2 * p[:, 1] + p[:, 1] ** 3 - 2 * p[:, 0],
        lambda p: torch.stack([2 * p[:, 0] * p[:, 1] - 2, p[:, 0] ** 2 + 3 * p[:, 1] ** 2], dim=1),
        lambda p: 8 * p[:, 1],
        lambda p: _matrix([[2 * p[:, 1], 2 * p[:, 0]], [2 * p[:, 0], 6 * p[:, 1]]]),
    )


FIELDS = [
    _wave(2.5),
    _bump(0.2),
    _wave(1.5, -0.7),
    _bump(0.4, -0.3),
    _harmonic(),
    _cubic(),
    _wave(1.0, 0.5, -2.0),
    _bump(-0.1, 0.5, 0.2),
]

#: The same as parameters of a test, each with its name as id.
ALL_FIELDS = [pytest.param(field, id=field.name) for field in FIELDS]


def fields_of(dimension: int) -> list[Field]:
    """The fields of that many coordinates."""
    return [field for field in FIELDS if field.dimension == dimension]


def observed_order(steps: Sequence[float], errors: Sequence[float]) -> float:
    """The order p of errors ~ step^p, as the mean slope over neighbouring steps."""
    pairs = itertools.pairwise(zip(steps, errors))
    slopes = [math.log(e / f) / math.log(h / g) for (h, e), (g, f) in pairs]
    return sum(slopes) / len(slopes)
