"""Which columns of the network's output belong to which field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from sirenpde.fields.forms import array_of, component


@dataclass(frozen=True)
class Layout:
    """The fields of a problem, in order.

    Attributes:
        fields: Name → None for a scalar field, or the number of components c.
        coordinates: The names of the coordinates.
    """

    fields: Mapping[str, int | None]
    coordinates: tuple[str, ...]

    @property
    def outputs(self) -> int:
        """The number of columns o of the network's output."""
        return sum(count or 1 for count in self.fields.values())

    def not_finite(self, values: Tensor, points: Tensor) -> str | None:
        """Return the first of some points, ``(n, d)``, at which values, ``(n, …)``, are not finite; None if all are."""
        good = torch.isfinite(values.reshape(len(points), -1)).all(dim=1)
        if good.all():
            return None
        place = points[int((~good).nonzero()[0, 0])]
        return ", ".join(f"{name}={value:.6g}" for name, value in zip(self.coordinates, place.tolist(), strict=True))

    def columns(self, name: str) -> slice:
        """Return the columns of a field."""
        start = 0
        for field, count in self.fields.items():
            if field == name:
                return slice(start, start + (count or 1))
            start += count or 1
        raise KeyError(name)

    def trailing(self, name: str) -> tuple[int, ...]:
        """Return the component axes of a field: () for a scalar, (c,) for a vector."""
        count = self.fields[name]
        return () if count is None else (count,)

    def forms(self, name: str) -> np.ndarray:
        """Return the field itself as linear forms, an array with its component axes."""
        columns = self.columns(name)
        forms = [component(column, len(self.coordinates)) for column in range(columns.start, columns.stop)]
        return array_of(forms, self.trailing(name))
