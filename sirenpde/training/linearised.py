"""The loss as a sum of squares, L = ‖r‖², with the Jacobian of r: what Gauss–Newton needs of it.

r holds every component of every residual at every point, times √(λ_m |Ω_m| / N_m), so ‖r‖² is the loss and 2 Jᵀr its
gradient. In place of an absolute penalty |C| stands the parabola C²/(2|C₀|) + |C₀|/2, which touches it at the present
residual C₀ and lies above it elsewhere: 2 Jᵀr is the gradient again, and what lowers ‖r‖² lowers the loss.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from sirenpde.errors import UsageError
from sirenpde.fields.rows import DenseRows, Factors, Metric, Rows
from sirenpde.fields.tangent import Record, Weights, factors_of, recorded
from sirenpde.regions.region import Sample
from sirenpde.statement.constraint import Constraint, IntegralConstraint
from sirenpde.statement.problem import Problem
from sirenpde.training.loss import IntegralLoss

#: A residual below this part of the root mean square of its constraint weighs no more: 1/|C| has no bound.
SMALLEST = 1e-6


@dataclass(frozen=True)
class LinearSystem:
    """Residuals and their Jacobian J at the present weights.

    Attributes:
        residuals: r, shape ``(N,)``.
        blocks: The rows of J, one block below the other.
        rest: What the loss is more than ‖r‖²: the constants of the parabolas.
        stated: The terms λ_m ∫ ρ(C_m), as the user stated them, without multipliers and emphasis.
        again: Returns the same residuals, ``(N,)``, at the weights of the time when it is called.
    """

    residuals: Tensor
    blocks: tuple[Rows, ...]
    rest: float
    stated: tuple[float, ...]
    again: Callable[[], Tensor]

    @property
    def multiplications(self) -> float:
        """What J D Jᵀ takes by factors; by J itself it takes N² P."""
        factors = [block for block in self.blocks if isinstance(block, Factors)]
        layers = [(h.shape, g.shape[2]) for block in factors for h, g in block.layers]
        total = sum(streams * count * (inputs + outputs) for (streams, count, inputs), outputs in layers)
        stacked = sum(streams * count for (streams, count, _), _ in layers)
        depth = max((len(block.layers) for block in factors), default=1)
        dense = sum(block.matrix.numel() for block in self.blocks if isinstance(block, DenseRows))
        return total * stacked / depth + dense * len(self.residuals)

    @cached_property
    def loss(self) -> float:
        """L."""
        return self.loss_of(self.residuals)

    def loss_of(self, residuals: Tensor) -> float:
        """Return what the loss is, at most, where the residuals are others, ``(N,)``."""
        return float(residuals @ residuals) + self.rest

    def rows(self) -> Tensor:
        """Return J, ``(N, P)``, which is in memory once."""
        first = self.blocks[0].rows()
        whole = first.new_empty(len(self.residuals), first.shape[1])
        bands = whole.split([len(block) for block in self.blocks])
        bands[0].copy_(first)
        for block, band in zip(self.blocks[1:], bands[1:], strict=True):
            band.copy_(block.rows())
        return whole

    def times(self, vector: Tensor) -> Tensor:
        """Return J p, ``(N,)``."""
        return torch.cat([block.times(vector) for block in self.blocks])

    def transposed(self, vector: Tensor) -> Tensor:
        """Return Jᵀ w, ``(P,)``."""
        parts = vector.split([len(block) for block in self.blocks])
        return torch.stack([block.transposed(part) for block, part in zip(self.blocks, parts, strict=True)]).sum(0)

    def mean_squares(self, sizes: Sequence[int]) -> Tensor:
        """Return the mean of the diagonal of JᵀJ over each layer, and over the unknown numbers: shape ``(L + 1,)``."""
        total = torch.stack([block.squares(sizes) for block in self.blocks]).sum(0)
        return total / torch.tensor([max(size, 1) for size in sizes], device=total.device)

    def kernel(self, metric: Metric) -> Tensor:
        """Return J D Jᵀ, ``(N, N)``, without J."""
        sizes = [len(block) for block in self.blocks]
        kernel = self.residuals.new_empty(sum(sizes), sum(sizes))
        bands = [band.split(sizes, dim=1) for band in kernel.split(sizes)]
        for place, left in enumerate(self.blocks):
            for other, right in enumerate(self.blocks[: place + 1]):
                part = left.kernel(right, metric)
                bands[place][other].copy_(part)
                bands[other][place].copy_(part.T)
        return kernel


class LinearisedLoss:
    """A loss whose residuals can be differentiated one by one.

    Raises:
        UsageError: If a residual has no closed form, or a penalty is a function.
    """

    def __init__(self, loss: IntegralLoss) -> None:
        """Check that every residual has a Jacobian in closed form."""
        self._loss = loss
        for index, constraint in enumerate(loss.problem.constraints):
            where = loss.problem.traced[index].surroundings.where
            if not isinstance(constraint.penalty, str):
                msg = (
                    f'{where} has a function for a penalty; GaussNewton needs "squared" or "absolute". Write '
                    "sp.SSBroyden(…) or sp.LBFGS(…) in its place."
                )
                raise UsageError(msg)
            if not loss.plans[index] or any(recorded(way, loss.network) is None for way in loss.plans[index]):
                msg = (
                    f"{where} is evaluated by autograd, and GaussNewton needs derivatives in closed form.\n  Usual "
                    "cause: an expression that is differentiated, a hard condition that is not affine in its field, or "
                    "a network that is no sp.Siren. Write sp.SSBroyden(…) or sp.LBFGS(…) in its place."
                )
                raise UsageError(msg)

    def system(self, samples: Sequence[Sample], multipliers: Sequence[float], weights: Weights) -> LinearSystem:
        """Return residuals and Jacobian at the present weights.

        Args:
            samples: The points, one sample per constraint.
            multipliers: By which the terms are multiplied.
            weights: Those of the network that is trained.
        """
        rows = enumerate(zip(samples, multipliers, strict=True))
        pieces = [list(self._pieces(index, sample, factor, weights)) for index, (sample, factor) in rows]
        flat = [piece for own in pieces for piece in own]
        scales = [[piece.scale for piece in own] for own in pieces]
        return LinearSystem(
            torch.cat([piece.scale * piece.values for piece in flat]),
            tuple(piece.rows for piece in flat),
            math.fsum(piece.rest for piece in flat),
            tuple(math.fsum(piece.stated for piece in own) for own in pieces),
            lambda: self._residuals(samples, scales),
        )

    def _pieces(self, index: int, sample: Sample, multiplier: float, weights: Weights) -> Iterator[_Piece]:
        """Yield the components of one constraint, a chunk of points each."""
        constraint = self._loss.problem.constraints[index]
        for chunk in self._chunks(index, sample):
            parts, records = self._recorded(index, chunk)
            for column in _columns(parts):
                rows = factors_of(column, records, weights)
                values, reduced = _reduced(constraint, column.detach(), rows, chunk)
                stated = len(chunk) / len(sample) / len(values) * self._factors(index, chunk, values)
                factors = multiplier * _emphasised(constraint, stated, chunk)
                squares = factors * _parabola(values) if constraint.penalty == "absolute" else factors
                penalised = constraint.penalised(values)
                rest = float(factors @ penalised - squares @ values.square())
                scale = squares.sqrt()
                yield _Piece(values, scale, reduced.scaled(scale), rest, float(stated @ penalised))

    def _recorded(self, index: int, chunk: Sample) -> tuple[list[Tensor], list[Record]]:
        """Return the parts of a residual, and the records of what they were made from."""
        found = [recorded(way, self._loss.network) for way in self._loss.plans[index]]
        pairs = [pair for pair in found if pair is not None]
        with torch.enable_grad():
            parts = self._loss.residuals(index, chunk, [way for way, _ in pairs])
        return parts, [record for _, record in pairs]

    def _factors(self, index: int, chunk: Sample, values: Tensor) -> Tensor:
        """Return λ_m |Ω_m| by share, ``(n,)``."""
        constraint = self._loss.problem.constraints[index]
        factors = torch.full_like(values, self._loss.weights[index] * constraint.measure)
        if chunk.shares is None or isinstance(constraint, IntegralConstraint):  # there they are in the mean
            return factors
        return factors * chunk.shares

    def _residuals(self, samples: Sequence[Sample], scales: Sequence[Sequence[Tensor]]) -> Tensor:
        """Return the residuals at the present weights, in the scale that they had."""
        found: list[Tensor] = []
        for index, sample in enumerate(samples):
            ready = iter(scales[index])
            constraint = self._loss.problem.constraints[index]
            for chunk in self._chunks(index, sample):
                with torch.no_grad():
                    parts = self._loss.residuals(index, chunk)
                found.extend(next(ready) * _mean_or_values(constraint, column, chunk) for column in _columns(parts))
        return torch.cat(found)

    def _chunks(self, index: int, sample: Sample) -> tuple[Sample, ...]:
        constraint = self._loss.problem.constraints[index]
        return sample.pieces(constraint.chunk(self._loss.chunk, len(sample)))


@dataclass(frozen=True)
class _Piece:
    """One component of a residual C at some points: s and the rows of s C; what ρ(C) is beyond (s C)², and its sum."""

    values: Tensor
    scale: Tensor
    rows: Rows
    rest: float
    stated: float


def _emphasised(constraint: Constraint, factors: Tensor, chunk: Sample) -> Tensor:
    """Return factors by emphasis: that of each point, or of a mean over them, ``(1,)``, the mean of it."""
    if chunk.emphasis is None:
        return factors
    return factors * (chunk.emphasis.mean() if isinstance(constraint, IntegralConstraint) else chunk.emphasis)


def _parabola(values: Tensor) -> Tensor:
    """Return 1/(2|C|), ``(n,)``, with a bound where C is nearly zero."""
    size = values.abs()
    least = max(SMALLEST * float(size.square().mean().sqrt()), sys.float_info.min)
    return 0.5 / size.clamp(min=least)


def _columns(parts: Sequence[Tensor]) -> list[Tensor]:
    """Return the components of all parts of a residual, each ``(n,)``."""
    return [column for part in parts for column in part.reshape(part.shape[0], -1).unbind(1)]


def _mean_or_values(constraint: Constraint, column: Tensor, chunk: Sample) -> Tensor:
    """Return what is penalised of a component: the values at the points, or their mean, ``(1,)``."""
    if not isinstance(constraint, IntegralConstraint):
        return column
    weighed = column if chunk.shares is None else column * chunk.shares
    return weighed.mean(0, keepdim=True)


def _reduced(constraint: Constraint, column: Tensor, rows: Rows, chunk: Sample) -> tuple[Tensor, Rows]:
    """Return what is penalised of a component, and its rows."""
    values = _mean_or_values(constraint, column, chunk)
    if not isinstance(constraint, IntegralConstraint):
        return values, rows
    shares = torch.ones_like(column) if chunk.shares is None else chunk.shares
    return values, DenseRows(rows.transposed(shares / len(column))[None])


def number_of_residuals(problem: Problem, counts: Mapping[str, int]) -> int:
    """Return the number of squares that the loss is a sum of: components times points, of an integral its components.

    Args:
        problem: Whose constraints count.
        counts: Points per step, by constraint.
    """
    pairs = zip(problem.constraints, problem.traced, strict=True)
    return sum(
        sum(math.prod(shape) for shape in traced.shapes)
        * (1 if isinstance(constraint, IntegralConstraint) else counts[constraint.name])
        for constraint, traced in pairs
    )
