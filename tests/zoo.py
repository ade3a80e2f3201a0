"""Analytic fields with their derivatives in closed form, and the order at which an error falls.

``FIELDS`` is what operators are parametrised over: each Φ is a torch module from ``(n, d)`` to ``(n, 1)``, usable in
place of a network, and gives ∇Φ, ΔΦ and HΦ as formulas of their own, none of them taken from another by a program.

``REGIONS`` is what every region is held to: each with its measure, and that of its boundary, by a formula of its own.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sirenpde.regions.ball import Ball
from sirenpde.regions.box import Box
from sirenpde.regions.mesh import Mesh
from sirenpde.regions.polygon import Polygon
from sirenpde.regions.region import Region

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


@dataclass(frozen=True)
class Measured:
    """A region, made when it is asked for, with its exact measure and that of its boundary; None where it has none."""

    make: Callable[[], Region]
    measure: float
    surface: float | None = None


def _square(side: float = 1.0, **more: tuple[float, float]) -> Box:
    return Box(x=(-side, side), y=(-side, side), **more)


def _disc(x: float = 0.0, y: float = 0.0, radius: float = 1.0) -> Ball:
    return Ball(x=x, y=y, radius=radius)


def _triangle() -> Polygon:
    return Polygon([(0, 0), (3, 0), (0, 4)], names=("x", "y"))


def _pyramid() -> Mesh:
    """The corner of the unit cube that a plane cuts off: three right triangles and one equilateral."""
    corners = np.array([(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)])
    sides = np.array([(0, 2, 1), (0, 1, 3), (1, 2, 3), (2, 0, 3)])
    return Mesh.from_arrays(corners, sides, names=("x", "y", "z"))


def _l_shape() -> Region:
    return _square() - Box(x=(0, 1), y=(0, 1))


# Two unit discs whose centres are 1 apart have 2π/3 - √3/2 in common, within arcs of 2π/3 each.
_LENS = 2 * math.pi / 3 - math.sqrt(3) / 2

REGIONS = {
    "line": Measured(lambda: Box(x=(-1, 3)), 4, 2),
    "square": Measured(lambda: Box(x=(-1, 1), t=(0, 2)), 4, 8),
    "cube": Measured(lambda: Box(x=(-1, 1), y=(0, 3), z=(2, 4)), 12, 32),
    "tesseract": Measured(lambda: Box(x=(0, 1), y=(0, 2), z=(0, 3), t=(0, 4)), 24, 100),
    "side": Measured(lambda: _square().at(x=1), 2),
    "disc": Measured(lambda: _disc(1, -2, 0.5), math.pi / 4, math.pi),
    "ball": Measured(lambda: Ball(x=0, y=1, z=0, radius=2), 32 * math.pi / 3, 16 * math.pi),
    "triangle": Measured(_triangle, 6, 12),
    "pyramid": Measured(_pyramid, 1 / 6, 1.5 + math.sqrt(3) / 2),
    "cube less a pyramid": Measured(
        lambda: Box(x=(0, 1), y=(0, 1), z=(0, 1)) - _pyramid(), 5 / 6, 4.5 + math.sqrt(3) / 2
    ),
    "L": Measured(_l_shape, 3, 8),
    "square less a disc inside": Measured(lambda: _square() - _disc(radius=0.5), 4 - math.pi / 4, 8 + math.pi),
    "square less a quarter disc": Measured(lambda: _square() - _disc(1, 1), 4 - math.pi / 4, 6 + math.pi / 2),
    "cube less an eighth of a ball": Measured(
        lambda: _square(z=(-1, 1)) - Ball(x=1, y=1, z=1, radius=1), 8 - math.pi / 6, 24 - math.pi / 4
    ),
    "two discs": Measured(lambda: _disc() | _disc(1), 2 * math.pi - _LENS, 8 * math.pi / 3),
    "lens": Measured(lambda: _disc() & _disc(1), _LENS, 4 * math.pi / 3),
    "moon": Measured(lambda: _disc() - _disc(1), math.pi - _LENS, 2 * math.pi),
    "cross": Measured(lambda: Box(x=(-2, 2), y=(-1, 1)) | Box(y=(-2, 2), x=(-1, 1)), 12, 16),
    "side by side": Measured(lambda: _square() | Box(x=(1, 2), y=(-1, 1)), 6, 10),
    "far apart": Measured(lambda: _disc() | _disc(5), 2 * math.pi, 4 * math.pi),
    "intervals": Measured(lambda: Box(x=(0, 1)) | Box(x=(0.5, 2)) | Box(x=(3, 4)), 3, 4),
    "triangle in a box": Measured(lambda: _triangle() & Box(x=(0, 3), y=(0, 2)), 4.5, 3 + 1.5 + 2 + 2.5),
    "frame": Measured(lambda: (_square(2) - _square()) & Box(x=(-2, 0), y=(-2, 2)), 6, 2 * 2 + 4 + 2 + 2 * 1 + 2),
    "four deep": Measured(
        lambda: (((_square() - _disc(radius=0.5)) & _disc()) | Box(x=(0, 2), y=(0, 1))) - Box(x=(1, 2), y=(0, 0.5)),
        # Three quarters of a ring, the box less its corner; arcs of three quarters, and of the quarter in between none.
        math.pi * 9 / 16 + 1.5,
        0.75 * 2 * math.pi + 0.75 * math.pi + (1 - 0.5 + 0.5) + 0.5 + 1 + 0.5 + 2,
    ),
    "cylinder": Measured(lambda: _disc() * Box(t=(0, 2)), 2 * math.pi, 4 * math.pi + 2 * math.pi),
    "L for a while": Measured(lambda: _l_shape() * Box(t=(0, 2)), 6, 16 + 6),
    "lens for a while": Measured(lambda: (_disc() & _disc(1)) * Box(t=(0, 2)), 2 * _LENS, 8 * math.pi / 3 + 2 * _LENS),
    "start of a cylinder": Measured(lambda: (_disc() * Box(t=(0, 2))).at(t=0), math.pi),
    "start of a square less a disc": Measured(lambda: (_square(t=(0, 1)) - _tube()).at(t=0), 4 - math.pi / 4),
    "half a disc": Measured(lambda: _disc().where(lambda a: a.x < 0), math.pi / 2),
    "half a circle": Measured(lambda: _disc().boundary.where(lambda a: a.y > 0), math.pi),
    "circle in a box": Measured(lambda: _disc().boundary & Box(x=(0, 2), y=(0, 2)), math.pi / 2),
    "walls but one": Measured(lambda: _square().boundary - _square().at(y=1), 6),
    "cut through a disc": Measured(lambda: _square().at(x=0) & _disc(radius=0.5), 1),
}


def _tube() -> Region:
    return _disc(radius=0.5) * Box(t=(-1, 2))
