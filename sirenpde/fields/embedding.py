"""Exact periodicity: a cosine and a sine in place of a coordinate, so that every field repeats with its interval.

A coordinate that is normalised to s in [-1, 1] enters the first layer as it is, or, where the fields are periodic over
its interval, as cos θ and sin θ with θ = π (s + 1) = 2π (x − low) / P. Every column depends on one coordinate, and its
derivatives of every order are known, so the closed forms of the network go on from here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from sirenpde.errors import UsageError
from sirenpde.fields.forms import MultiIndex, order
from sirenpde.fields.jets import Collapsed, JetAlgebra, Stream


@dataclass(frozen=True)
class Column:
    """One input of the first layer.

    Attributes:
        axis: The coordinate that it depends on.
        quarter: Which of cos θ, −sin θ, −cos θ, sin θ it is, from 0; None for the coordinate itself.
    """

    axis: int
    quarter: int | None

    def derivative(self, normalised: Tensor, times: int) -> Tensor:
        """Return its derivative of an order by the normalised coordinate, ``(n,)``, at points ``(n, d)``."""
        place = normalised[:, self.axis]
        if self.quarter is None:
            return place if times == 0 else torch.full_like(place, float(times == 1))
        turn = (self.quarter + times) % 4  # each derivative is the next of the four, times π
        angle = math.pi * (place + 1.0)
        wave = torch.cos(angle) if turn % 2 == 0 else torch.sin(angle)
        return (math.pi**times * (1.0 if turn in (0, 3) else -1.0)) * wave


@dataclass(frozen=True)
class Embedding:
    """What the first layer sees of d normalised coordinates.

    Attributes:
        dimension: The number of coordinates d.
        periodic: The coordinates over whose interval every field is periodic.

    Raises:
        UsageError: If a periodic coordinate does not exist, or is named twice.
    """

    dimension: int
    periodic: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Refuse coordinates that do not exist."""
        known = all(isinstance(axis, int) and 0 <= axis < self.dimension for axis in self.periodic)
        if not known or len(set(self.periodic)) != len(self.periodic):
            msg = (
                f"periodic={self.periodic!r}: expected the places of coordinates, each once, counted from 0 to "
                f"{self.dimension - 1}."
            )
            raise UsageError(msg)

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """The inputs of the first layer, coordinate by coordinate."""
        pairs = [(axis, quarter) for axis in range(self.dimension) for quarter in self._quarters(axis)]
        return tuple(Column(axis, quarter) for axis, quarter in pairs)

    def _quarters(self, axis: int) -> tuple[int | None, ...]:
        return (0, 3) if axis in self.periodic else (None,)

    def __call__(self, normalised: Tensor) -> Tensor:
        """Return the inputs of the first layer, ``(n, d + p)`` for p periodic coordinates."""
        if not self.periodic:
            return normalised
        return torch.stack([column.derivative(normalised, 0) for column in self.columns], dim=1)

    def jet(self, normalised: Tensor, scale: Tensor, algebra: JetAlgebra) -> Tensor:
        """Return the inputs as a jet, ``(S, n, d + p)``, by the coordinates in the user's units.

        Args:
            normalised: Shape ``(n, d)``.
            scale: Half the length of each coordinate's interval, ``(d,)``.
            algebra: Which streams.
        """
        rows = [
            torch.stack([_stream(column, normalised, scale, stream) for column in self.columns], dim=1)
            for stream in algebra.streams
        ]
        return torch.stack(rows)

    def pulled_back(self, gradient: Tensor, normalised: Tensor) -> Tensor:
        """Return gradients by the normalised coordinates, ``(n, k, d)``, for those by the inputs, ``(n, k, d + p)``."""
        if not self.periodic:
            return gradient
        parts: list[list[Tensor]] = [[] for _ in range(self.dimension)]
        for place, column in enumerate(self.columns):
            parts[column.axis].append(gradient[:, :, place] * column.derivative(normalised, 1)[:, None])
        return torch.stack([torch.stack(part).sum(0) for part in parts], dim=2)


def _stream(column: Column, normalised: Tensor, scale: Tensor, stream: Stream) -> Tensor:
    """Return one stream of one column, ``(n,)``."""
    if isinstance(stream, Collapsed):
        parts = [weight * _derivative(column, normalised, scale, alpha) for alpha, weight in stream.weights]
        return torch.stack(parts).sum(0)
    return _derivative(column, normalised, scale, stream)


def _derivative(column: Column, normalised: Tensor, scale: Tensor, alpha: MultiIndex) -> Tensor:
    """Return ∂^α of one column by the user's coordinates; zero where α reads another coordinate than the column."""
    times = alpha[column.axis]
    if times != order(alpha):
        return torch.zeros_like(normalised[:, 0])
    return column.derivative(normalised, times) / scale[column.axis] ** times
