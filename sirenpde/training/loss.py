"""The loss: L(Φ) = Σ_m λ_m ∫_{Ω_m} ρ(C_m(a, Φ, ∇Φ, …)) dx, each integral as |Ω_m|/N_m times a sum over N_m points."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from sirenpde.errors import ResidualError, ResourceError, SirenPDEError
from sirenpde.regions.region import Sample
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
    """

    def __init__(self, problem: Problem, network: nn.Module, chunk: int | None = None) -> None:
        """Plan the evaluation of every residual for this network, ``chunk`` points at a time."""
        self.problem = problem
        self.network = network
        self.weights = [float(constraint.weight) for constraint in problem.constraints]
        self.plans = [traced.plan(network) for traced in problem.traced]
        device = next(network.parameters()).device
        self._chunk = chunk or (CPU_CHUNK if device.type == "cpu" else DEVICE_CHUNK)

    def residuals(self, index: int, sample: Sample) -> list[Tensor]:
        """Return the parts of one constraint's residual at the points of a sample, each ``(n,)`` or ``(n, k)``."""
        with self._named(index, len(sample)):
            traced = self.problem.traced[index]
            return traced.evaluate(self.network, sample.points, sample.local, self.plans[index], sample.memo)

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
            for part in self.parts_of(index, sample):
                yield index, part

    def parts_of(self, index: int, sample: Sample) -> Iterator[Tensor]:
        """Yield the pieces of one constraint's term, a chunk of points each."""
        constraint = self.problem.constraints[index]
        factor = self.weights[index] * constraint.measure
        chunk = constraint.chunk(self._chunk, len(sample))
        for piece in sample.pieces(chunk):
            residuals = constraint.reduced(self.residuals(index, piece))
            with self._named(index, len(piece)):
                means = torch.stack([constraint.penalised(part).mean() for part in residuals])
            yield factor * len(piece) / len(sample) * means.sum()

    def terms(self, samples: Sequence[Sample]) -> list[float]:
        """Return λ_m ∫ ρ(C_m) for every constraint, without gradients."""
        terms = [0.0] * len(self.problem.constraints)
        with torch.no_grad():
            for index, part in self.parts(samples):
                terms[index] += float(part)
        return terms

    def root_mean_squares(self, samples: Sequence[Sample]) -> list[float]:
        """Return the root mean square of every constraint's residual, in the residual's own unit."""
        means = []
        with torch.no_grad():
            for index, sample in enumerate(samples):
                residuals = self.problem.constraints[index].reduced(self.residuals(index, sample))
                squares = [part.double().square().reshape(len(part), -1).sum(1).mean() for part in residuals]
                means.append(float(torch.stack(squares).sum().sqrt()))
        return means
