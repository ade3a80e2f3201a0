"""Points drawn from a region, with what the region knows there."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Sample:
    """Points drawn from a region, and what the region knows there.

    Attributes:
        points: Shape ``(n, d)``, float64.
        normal: The outward unit normal, shape ``(n, d)``, on a boundary; None elsewhere.
        data: What was measured at the points: name → shape ``(n,)`` or ``(n, k)``.
        shares: What each point stands for, shape ``(n,)``, with a mean near 1: |Ω|/n Σ_i shares_i f(x_i) is an estimate
            of ∫_Ω f. None where all stand for the same.
        emphasis: How much more a point counts in training than in the integral, shape ``(n,)``; None for no more.
        memo: What others have computed at these points and depends on nothing else; it dies with the sample.
    """

    points: Tensor
    normal: Tensor | None = None
    data: Mapping[str, Tensor] = field(default_factory=dict)
    shares: Tensor | None = None
    emphasis: Tensor | None = None
    memo: dict[Hashable, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __len__(self) -> int:
        """Return the number of points."""
        return self.points.shape[0]

    @property
    def local(self) -> dict[str, Tensor]:
        """What comes with the points, by the name that residuals read: data, and ``normal`` on a boundary."""
        return dict(self.data) if self.normal is None else {**self.data, "normal": self.normal}

    @property
    def weights(self) -> Tensor:
        """What each point counts in training, its share times its emphasis: shape ``(n,)``."""
        weights = self.points.new_ones(len(self))
        for factor in (self.shares, self.emphasis):
            weights = weights if factor is None else weights * factor
        return weights

    def pieces(self, size: int) -> tuple[Sample, ...]:
        """Return the points in pieces of at most ``size``; the same pieces at every call, with what they remember."""
        if len(self) <= size:
            return (self,)  # not kept: a sample that held itself would outlive its use
        key = "pieces", size
        if key not in self.memo:
            self.memo[key] = tuple(self.part(start, start + size) for start in range(0, len(self), size))
        return self.memo[key]  # type: ignore[no-any-return]

    def part(self, start: int, stop: int) -> Sample:
        """Return the points from ``start`` to ``stop``, with all that is known there."""
        return self._cut(slice(start, stop))

    def pick(self, index: Tensor) -> Sample:
        """Return the points with the given numbers, or those where a boolean ``(n,)`` holds, with all known there."""
        return self._cut(index)

    def _cut(self, cut: slice | Tensor) -> Sample:
        return self._mapped(lambda values: values[cut])

    def to(self, device: torch.device, dtype: torch.dtype) -> Sample:
        """Return the sample on a device, in a floating-point type."""
        return self._mapped(lambda values: values.to(device, dtype))

    def _mapped(self, change: Callable[[Tensor], Tensor]) -> Sample:
        """Return the sample with a change made to everything that it holds per point."""
        normal, shares, emphasis = (
            None if each is None else change(each) for each in (self.normal, self.shares, self.emphasis)
        )
        data = {name: change(values) for name, values in self.data.items()}
        return Sample(change(self.points), normal, data, shares, emphasis)


def joined(samples: Sequence[Sample]) -> Sample:
    """Return one sample of several, one after the other; a normal only where all have one.

    Where some points have a share or an emphasis, those of the samples that have none is 1.
    """
    if len(samples) == 1:
        return samples[0]
    normals = [sample.normal for sample in samples if sample.normal is not None]
    return Sample(
        torch.cat([sample.points for sample in samples]),
        torch.cat(normals) if len(normals) == len(samples) else None,
        {name: torch.cat([sample.data[name] for sample in samples]) for name in samples[0].data},
        _joined_factors(samples, [sample.shares for sample in samples]),
        _joined_factors(samples, [sample.emphasis for sample in samples]),
    )


def _joined_factors(samples: Sequence[Sample], factors: Sequence[Tensor | None]) -> Tensor | None:
    if all(factor is None for factor in factors):
        return None
    pairs = zip(samples, factors, strict=True)
    return torch.cat([sample.points.new_ones(len(sample)) if each is None else each for sample, each in pairs])


def arranged(sample: Sample, names: tuple[str, ...], wanted: tuple[str, ...]) -> Sample:
    """Return a sample with its columns, which stand in the order of ``names``, in the order of ``wanted``."""
    if names == wanted:
        return sample
    columns = [names.index(name) for name in wanted]
    normal = None if sample.normal is None else sample.normal[:, columns]
    return Sample(sample.points[:, columns], normal, sample.data, sample.shares, sample.emphasis)
