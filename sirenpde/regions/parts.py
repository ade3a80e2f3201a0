"""What several shapes that share no more than a rim have in common: sums of measures, points from each by its share."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from sirenpde.regions.cells import merged
from sirenpde.regions.sample import Sample, arranged, joined
from sirenpde.regions.shape import Shape, as_points, asked


@dataclass(frozen=True, repr=False)
class Parts(Shape):
    """Several shapes of one dimension in the same coordinates, taken as if they shared no more than a rim."""

    parts: tuple[Shape, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The coordinates, in the order of the first part."""
        return self.parts[0].names

    @cached_property
    def bounds(self) -> dict[str, tuple[float, float]]:
        """The least and the greatest value of each coordinate over all parts."""
        ends = {name: [part.bounds[name] for part in self.parts] for name in self.names}
        return {name: (min(low for low, _ in pairs), max(high for _, high in pairs)) for name, pairs in ends.items()}

    @property
    def measure(self) -> float:
        """The sum of the measures of the parts."""
        return math.fsum(part.measure for part in self.parts)

    @property
    def measure_error(self) -> float:
        """The sum of the errors of the parts, which need not be independent."""
        return math.fsum(part.measure_error for part in self.parts)

    @property
    def dimension(self) -> int:
        """The dimension of every part."""
        return self.parts[0].dimension

    @property
    def size(self) -> int | None:
        """The number of points, where every part is made of finitely many; None elsewhere."""
        sizes = [part.size for part in self.parts]
        return sum(size or 0 for size in sizes) if all(sizes) else None

    def take(self, index: Tensor) -> Sample:
        """Return the points with the given numbers, of a union of finite parts."""
        return super().take(index) if self.size is None else self._listed.pick(index)

    @cached_property
    def _listed(self) -> Sample:
        taken = [arranged(part.take(torch.arange(part.size or 0)), part.names, self.names) for part in self.parts]
        return joined(taken)

    @property
    def has_normal(self) -> bool:
        """Whether every part has a normal."""
        return all(part.has_normal for part in self.parts)

    @property
    def leaves(self) -> tuple[Shape, ...]:
        """Those of all parts."""
        return tuple(dict.fromkeys(leaf for part in self.parts for leaf in part.leaves))

    @property
    def cuts(self) -> dict[str, tuple[float, ...]] | None:
        """Those of all parts."""
        return merged(self.names, (part.cuts for part in self.parts))

    def shared_dimension(self, other: Shape) -> int:
        """Return the most that one of the parts has in common with another region."""
        return max(part.shared_dimension(other) for part in self.parts)

    def contains(self, points: np.ndarray) -> np.ndarray:
        """Tell which points lie in one of the parts."""
        array = as_points(self, points)
        return np.asarray(np.any([asked(part, array, self.names, closed=True) for part in self.parts], axis=0))

    def covers(self, points: np.ndarray) -> np.ndarray:
        """Tell which points lie in one of the parts, where the rim does not matter."""
        return np.asarray(np.any([asked(part, points, self.names) for part in self.parts], axis=0))

    def draw(self, count: int, generator: torch.Generator) -> Sample:
        """Draw points, each part as likely as its share of the measure."""
        shares = torch.tensor([part.measure for part in self.parts], dtype=torch.float64)
        which = torch.multinomial(shares, count, replacement=True, generator=generator)
        points = torch.empty(count, len(self.names), dtype=torch.float64)
        normal = torch.zeros_like(points) if self.has_normal else None
        for index, part in enumerate(self.parts):
            places = (which == index).nonzero()[:, 0]
            if len(places) == 0:
                continue
            sample = arranged(part.draw(len(places), generator), part.names, self.names)
            points[places] = sample.points
            if normal is not None and sample.normal is not None:
                normal[places] = sample.normal
        return Sample(points, normal)
