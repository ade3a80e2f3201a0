"""Rows of a Jacobian, as they are or in factors, and the products with them that Gauss–Newton needs.

The row of a point is, per layer, the sum over its streams of g_s ⊗ h_s (``tangent.py``). Products with such rows, and
the kernel J D Jᵀ, follow from the factors without the rows.
"""

from __future__ import annotations

import abc
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor


@dataclass(frozen=True)
class Metric:
    """A diagonal D of the weights that is constant on every layer.

    Attributes:
        factors: One positive number per linear layer, and one for the unknown numbers, shape ``(L + 1,)``.
        sizes: The number of weights of each layer, and of unknown numbers.
    """

    factors: Tensor
    sizes: tuple[int, ...]

    @property
    def inverse(self) -> Metric:
        """D⁻¹."""
        return Metric(1.0 / self.factors, self.sizes)

    @cached_property
    def diagonal(self) -> Tensor:
        """D, shape ``(P,)``."""
        return self.factors.repeat_interleave(torch.tensor(self.sizes, device=self.factors.device))


class Rows(abc.ABC):
    """Some rows of a Jacobian J, ``(n, P)``: layer by layer [W b], row by row of it, then the unknown numbers."""

    @abc.abstractmethod
    def __len__(self) -> int:
        """Return the number of rows n."""

    @abc.abstractmethod
    def rows(self) -> Tensor:
        """Return the rows, ``(n, P)``."""

    @abc.abstractmethod
    def times(self, vector: Tensor) -> Tensor:
        """Return J p, ``(n,)``, for p of shape ``(P,)``."""

    @abc.abstractmethod
    def transposed(self, vector: Tensor) -> Tensor:
        """Return Jᵀ w, ``(P,)``, for w of shape ``(n,)``."""

    @abc.abstractmethod
    def scaled(self, factors: Tensor) -> Rows:
        """Return the rows times factors ``(n,)``."""

    @abc.abstractmethod
    def squares(self, sizes: Sequence[int]) -> Tensor:
        """Return ΣJ² over the columns of every layer, and of the unknown numbers: shape ``(L + 1,)``."""

    @abc.abstractmethod
    def kernel(self, other: Rows, metric: Metric) -> Tensor:
        """Return J D J'ᵀ, ``(n, n')``."""


@dataclass(frozen=True)
class DenseRows(Rows):
    """Rows as they are: those of a mean over points, which has no factors.

    Attributes:
        matrix: Shape ``(n, P)``.
    """

    matrix: Tensor

    def __len__(self) -> int:
        """Return n."""
        return self.matrix.shape[0]

    def rows(self) -> Tensor:
        """Return the rows, ``(n, P)``."""
        return self.matrix

    def times(self, vector: Tensor) -> Tensor:
        """Return J p, ``(n,)``."""
        return self.matrix @ vector

    def transposed(self, vector: Tensor) -> Tensor:
        """Return Jᵀ w, ``(P,)``."""
        return self.matrix.T @ vector

    def scaled(self, factors: Tensor) -> Rows:
        """Return the rows times factors ``(n,)``."""
        return DenseRows(self.matrix * factors[:, None])

    def squares(self, sizes: Sequence[int]) -> Tensor:
        """Return ΣJ² by layer, ``(L + 1,)``."""
        return torch.stack([part.square().sum() for part in self.matrix.split(list(sizes), dim=1)])

    def kernel(self, other: Rows, metric: Metric) -> Tensor:
        """Return J D J'ᵀ, ``(n, n')``."""
        return torch.stack([other.times(metric.diagonal * row) for row in self.matrix])


@dataclass(frozen=True)
class Factors(Rows):
    """Rows of points, one each, in factors.

    Attributes:
        layers: Per linear layer h, ``(S, n, v + 1)``, and g, ``(S, n, w)``, the first layer first.
        more: The columns of the unknown numbers, ``(n, q)``.
    """

    layers: tuple[tuple[Tensor, Tensor], ...]
    more: Tensor

    def __len__(self) -> int:
        """Return n."""
        return self.more.shape[0]

    def rows(self) -> Tensor:
        """Return the rows, ``(n, P)``."""
        blocks = [torch.einsum("snw,snv->nwv", g, h).flatten(1) for h, g in self.layers]
        return torch.cat([*blocks, self.more], dim=1)

    def times(self, vector: Tensor) -> Tensor:
        """Return J p, ``(n,)``, without the rows."""
        sizes = [g.shape[2] * h.shape[2] for h, g in self.layers]
        *parts, last = vector.split([*sizes, self.more.shape[1]])
        total: Tensor = self.more @ last
        for (h, g), part in zip(self.layers, parts, strict=True):
            total = total + ((h @ part.reshape(g.shape[2], h.shape[2]).T) * g).sum((0, 2))
        return total

    def transposed(self, vector: Tensor) -> Tensor:
        """Return Jᵀ w, ``(P,)``, without the rows."""
        blocks = [((vector[:, None] * g).flatten(0, 1).T @ h.flatten(0, 1)).flatten() for h, g in self.layers]
        return torch.cat([*blocks, self.more.T @ vector])

    def scaled(self, factors: Tensor) -> Rows:
        """Return the rows times factors ``(n,)``."""
        return Factors(tuple((h, g * factors[:, None]) for h, g in self.layers), self.more * factors[:, None])

    def squares(self, sizes: Sequence[int]) -> Tensor:
        """Return ΣJ² by layer, ``(L + 1,)``, from the inner products of streams."""
        del sizes
        sums = [(_inner(h) * _inner(g)).sum() for h, g in self.layers]
        return torch.stack([*sums, self.more.square().sum()])

    def kernel(self, other: Rows, metric: Metric) -> Tensor:
        """Return J D J'ᵀ, from inner products of streams: Σ_layers D Σ_s,s' (h_s · h'_s') (g_s · g'_s')."""
        if not isinstance(other, Factors):
            return other.kernel(self, metric).T
        *factors, last = metric.factors.unbind()
        total = last * (self.more @ other.more.T)
        for factor, (h, g), (h2, g2) in zip(factors, self.layers, other.layers, strict=True):
            for left, left_g in zip(h, factor * g, strict=True):
                for right, right_g in zip(h2, g2, strict=True):
                    total.addcmul_(left @ right.T, left_g @ right_g.T)
        return total


def _inner(streams: Tensor) -> Tensor:
    """Return the inner products of the streams of each point, ``(S, n, w)`` → ``(n, S, S)``."""
    return torch.einsum("snw,tnw->nst", streams, streams)
