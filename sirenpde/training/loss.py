"""The loss: L(Φ) = Σ_m λ_m ∫_{Ω_m} ρ(C_m(a, Φ, ∇Φ, …)) dx, each integral as |Ω_m|/N_m times a sum over N_m points."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from sirenpde.errors import ResidualError, ResourceError, SirenPDEError
from sirenpde.fields.evaluation import Evaluation
from sirenpde.regions.region import Sample
from sirenpde.statement.constraint import Constraint, IntegralConstraint
from sirenpde.statement.problem import Problem

#: Points that travel through the network together on a CPU. ``tests/benchmarks/derivatives.py``: a Laplacian step takes
#: the same time from 1,024 to 16,384 points, and a seventh of the memory at 2,048.
CPU_CHUNK = 2048

#: On other devices, where short rows leave most of the processor idle. Not measured.
DEVICE_CHUNK = 131072


class IntegralLoss:
    """The measure-weighted loss of a problem for a network.

    Attributes:
        problem: Whose constraints are summed.
        network: Φ.
        weights: λ_m, one per constraint.
        chunk: How many points travel through the network together.
    """

    def __init__(self, problem: Problem, network: nn.Module, chunk: int | None = None) -> None:
        """Plan the evaluation of every residual for this network, ``chunk`` points at a time."""
        self.problem = problem
        self.network = network
        self.weights = [float(constraint.weight) for constraint in problem.constraints]
        self.plans = [traced.plan(network) for traced in problem.traced]
        device = next(network.parameters()).device
        self.chunk = chunk or (CPU_CHUNK if device.type == "cpu" else DEVICE_CHUNK)

    def residuals(self, index: int, sample: Sample, plan: Sequence[Evaluation] | None = None) -> list[Tensor]:
        """Return the parts of one constraint's residual at the points of a sample, each ``(n,)`` or ``(n, k)``.

        Args:
            index: The number of the constraint.
            sample: The points.
            plan: Other evaluations than the planned ones, which deliver the same.
        """
        with self._named(index, len(sample)):
            traced, ways = self.problem.traced[index], self.plans[index] if plan is None else plan
            return traced.evaluate(self.network, sample.points, sample.local, ways, sample.memo)

    @contextmanager
    def _named(self, index: int, count: int) -> Iterator[None]:
        """Turn whatever a user's residual or penalty raises into an error that names the constraint."""
        where = self.problem.traced[index].surroundings.where
        try:
            yield
        except SirenPDEError:
            raise
        except torch.OutOfMemoryError as error:
            msg = f"{where} ran out of memory on {count} points: {error}"
            raise ResourceError(msg) from error
        except Exception as error:
            msg = f"{where} failed on {count} points: {type(error).__name__}: {error}"
            raise ResidualError(msg) from error

    def parts(self, samples: Sequence[Sample]) -> Iterator[tuple[int, Tensor]]:
        """Yield the loss in pieces: (number of the constraint, its share from one chunk of points).

        The pieces add up to L. Points do not mix, so the gradient of the sum is the sum of the gradients, and only one
        chunk's intermediate values are in memory at a time.
        """
        for index, sample in enumerate(samples):
            for _, part in self.trained_and_stated(index, sample):
                yield index, part

    def parts_of(self, index: int, sample: Sample) -> Iterator[Tensor]:
        """Yield the pieces of what is trained on of one constraint's term, a chunk of points each."""
        for part, _ in self.trained_and_stated(index, sample):
            yield part

    def trained_and_stated(self, index: int, sample: Sample) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield one constraint's term, a chunk of points each: what is trained on, and what the user stated.

        The second is the piece of λ_m ∫ ρ(C_m), and the only one that is reported. The first differs from it where
        points are emphasised: it is the piece of λ_m ∫ emphasis · ρ(C_m).
        """
        constraint = self.problem.constraints[index]
        factor = self.weights[index] * constraint.measure
        chunk = constraint.chunk(self.chunk, len(sample))
        for piece in sample.pieces(chunk):
            residuals = self.residuals(index, piece)
            with self._named(index, len(piece)):
                densities = _densities(constraint, residuals, piece.shares)
            scale = factor * len(piece) / len(sample)
            stated = scale * torch.stack([each.mean() for each in densities]).sum()
            if piece.emphasis is None:
                yield stated, stated
            else:
                emphasised = [weighed(each, piece.emphasis).mean() for each in densities]
                yield scale * torch.stack(emphasised).sum(), stated.detach()

    def terms(self, samples: Sequence[Sample]) -> list[float]:
        """Return λ_m ∫ ρ(C_m) for every constraint, without gradients."""
        terms = [0.0] * len(self.problem.constraints)
        with torch.no_grad():
            for index, part in self.parts(samples):
                terms[index] += float(part)
        return terms

    def densities(self, index: int, sample: Sample) -> Tensor:
        """Return λ_m ρ(C_m) by share at every point, over all components and parts: shape ``(n,)``, float64."""
        constraint = self.problem.constraints[index]
        found = []
        with torch.no_grad():
            for piece in sample.pieces(constraint.chunk(self.chunk, len(sample))):
                residuals = self.residuals(index, piece)
                with self._named(index, len(piece)):
                    found.append(torch.stack(_densities(constraint, residuals, piece.shares)).double().sum(0))
        return self.weights[index] * torch.cat(found)

    def magnitudes(self, index: int, sample: Sample) -> Tensor:
        """Return |C_m| at every point, over all components of its parts: shape ``(n,)``, float64, on the CPU."""
        weight = next(self.network.parameters())
        placed = sample.to(weight.device, weight.dtype)
        with torch.no_grad():
            norms = [_squares(self.residuals(index, piece)).sqrt().cpu() for piece in placed.pieces(self.chunk)]
        return torch.cat(norms)

    def root_mean_squares(self, samples: Sequence[Sample]) -> list[float]:
        """Return the root mean square of every constraint's residual, in the residual's own unit."""
        means = []
        with torch.no_grad():
            for index, sample in enumerate(samples):
                constraint, residuals = self.problem.constraints[index], self.residuals(index, sample)
                if isinstance(constraint, IntegralConstraint):
                    squares = _squares(constraint.reduced([weighed(part, sample.shares) for part in residuals]))
                else:
                    squares = weighed(_squares(residuals), sample.shares)
                means.append(float(squares.mean().sqrt()))
        return means


def weighed(values: Tensor, factors: Tensor | None) -> Tensor:
    """Return values at points, ``(n,)`` or ``(n, k)``, times a factor per point, ``(n,)`` or None."""
    return values if factors is None else values * factors.to(values.dtype).reshape(-1, *[1] * (values.ndim - 1))


def _densities(constraint: Constraint, residuals: list[Tensor], shares: Tensor | None) -> list[Tensor]:
    """Return what the term is the mean of: ρ of the residual at every point, by its share; or ρ of the one mean."""
    if isinstance(constraint, IntegralConstraint):  # the shares belong to the mean, which is inside of ρ
        return [
            constraint.penalised(mean) for mean in constraint.reduced([weighed(part, shares) for part in residuals])
        ]
    return [weighed(constraint.penalised(part), shares) for part in constraint.reduced(residuals)]


def _squares(residuals: list[Tensor]) -> Tensor:
    """Return the square of a residual, summed over the components of all its parts: shape ``(n,)``, float64."""
    return torch.stack([part.double().square().reshape(len(part), -1).sum(1) for part in residuals]).sum(0)
