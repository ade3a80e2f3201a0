"""The part of a region where a condition on the coordinates holds."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from sirenpde.errors import RegionError, SirenPDEError, suggestion
from sirenpde.regions.shape import Shape, grouped
from sirenpde.regions.subset import Subset

#: How conditions are combined, for those who wrote `and`.
COMBINE = "Combine comparisons with & and |, each in parentheses: (a.x < 0) & (a.y > 0)."


class Coordinates:
    """What a condition reads: a tensor ``(n,)``, float64, per coordinate."""

    def __init__(self, names: tuple[str, ...], points: np.ndarray, of: str) -> None:
        """Keep a copy of each column under its name."""
        self._of = of
        self.__dict__.update({name: torch.from_numpy(points[:, i].copy()) for i, name in enumerate(names)})
        self._names = names

    def __getattr__(self, name: str) -> Tensor:
        """Refuse a name that is no coordinate."""
        if name.startswith("__"):  # copy and pickle ask for these
            raise AttributeError(name)
        known, near = ", ".join(self._names), suggestion(name, self._names, "a.")
        msg = f"{self._of} reads a.{name}; the coordinates are {known}.{near}"
        raise RegionError(msg)


@dataclass(frozen=True, repr=False)
class Part(Subset):
    """The part of a region where a condition holds; made by ``.where``."""

    whole: Shape
    condition: Callable[[Coordinates], Tensor]

    def __post_init__(self) -> None:
        """Refuse a condition that is no function, gives no boolean per point, or never holds."""
        if not callable(self.condition):
            msg = (
                f"{grouped(self.whole)}.where({self.condition!r}): expected a function of the coordinates, such as "
                ".where(lambda a: a.x < 0)."
            )
            raise RegionError(msg)
        for count in (2, 3):  # a wrong shape may look right at one count
            few = self.whole.take(torch.zeros(count, dtype=torch.int64)) if self.whole.size else None
            few = few or self.whole.draw(count, torch.Generator().manual_seed(0))
            self.keeps(few.points.numpy())
        self.require_points()

    def __repr__(self) -> str:
        """Return the region and the name of the condition."""
        return f"{grouped(self.whole)}.where({getattr(self.condition, '__name__', type(self.condition).__name__)})"

    @property
    def carrier(self) -> Shape:
        """The whole region."""
        return self.whole

    @property
    def reason_if_empty(self) -> str:
        """What the condition did."""
        return f"meet the condition. Correct the condition, or leave it out; {COMBINE}"

    def keeps(self, points: np.ndarray) -> np.ndarray:
        """Tell where the condition holds."""
        try:
            with warnings.catch_warnings():  # NumPy 2 calls old how torch wraps what np.abs makes of its tensors
                warnings.filterwarnings("ignore", message="__array_wrap__", category=DeprecationWarning)
                held = self.condition(Coordinates(self.names, points, repr(self)))
        except SirenPDEError:
            raise
        except Exception as error:
            hint = f"\n  {COMBINE}" if "oolean value" in str(error) or "ambiguous" in str(error) else ""
            msg = f"the condition of {self!r} raised {type(error).__name__}: {error}{hint}"
            raise RegionError(msg) from error
        values = held.detach().cpu().numpy() if isinstance(held, Tensor) else held
        if isinstance(values, np.ndarray) and values.dtype == np.uint8 and (values <= 1).all():
            values = values.astype(bool)  # torch's wrapping makes them of the booleans of np.logical_and
        if not isinstance(values, np.ndarray) or values.dtype != bool or values.shape != (len(points),):
            got = (
                f"shape {tuple(values.shape)} and type {values.dtype}"
                if isinstance(values, np.ndarray)
                else f"a {type(values).__name__}"
            )
            msg = (
                f"the condition of {self!r} returned {got} at {len(points)} points; expected one boolean for each, "
                f"shape ({len(points)},), as a.x < 0 gives it."
            )
            raise RegionError(msg)
        return np.array(values)

    def at(self, /, **values: float) -> Shape:
        """Return the part of the region's slice where the condition holds."""
        return Part(self.whole.at(**values).bare, self.condition)

    @property
    def boundary(self) -> Shape:
        """Refuse: where a condition ends is not known."""
        if not self.is_solid:
            return super().boundary
        msg = (
            f"{self!r}.boundary: a condition does not say where it ends, nor what is normal there.\n"
            f"  Write {grouped(self.whole)}.boundary.where(...) for that part of the boundary, or make the region of "
            "boxes, balls and polygons with &, | and -."
        )
        raise RegionError(msg)
