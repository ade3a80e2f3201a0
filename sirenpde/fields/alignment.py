"""How values at points line up with each other: from the points axis on, a scalar joining every component."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import sympy
from torch import Tensor

from sirenpde.fields.guarded import PointValues, Scope

#: What to write where data of the user's own meet a quantity.
DATA_HINT = "Give data through given={…} or Points(…, data={…}), and read it as a.NAME."


def shape_text(trailing: tuple[int, ...]) -> str:
    """Return a shape as messages give it: (n,) or (n, 2)."""
    return f"({', '.join(['n', *map(str, trailing)])}{'' if trailing else ','})"


def component_shapes(values: Sequence[object]) -> Iterator[tuple[int, ...]]:
    """Yield the component axes of the quantities and tensors among some values."""
    for value in values:
        if isinstance(value, PointValues):
            yield value.trailing
        elif isinstance(value, Tensor) and value.ndim:
            yield tuple(value.shape[1:])


def component_axes(value: object, scope: Scope, function: Callable[..., Any]) -> int:
    """Return how many component axes an argument has; refuse a plain tensor that does not follow the points."""
    if isinstance(value, PointValues):
        return len(value.trailing)
    if isinstance(value, np.ndarray):
        scope.refuse("combines a quantity with a NumPy array.", DATA_HINT)
    if isinstance(value, sympy.Basic):
        instead = f"a.{value}" if isinstance(value, sympy.Symbol) else "a.x, phi.u, torch.sin(a.x) and math.pi"
        scope.refuse(f"combines a quantity with SymPy's {value}.", f"In a function write {instead}.")
    if isinstance(value, Tensor) and value.ndim:
        if value.shape[0] != scope.count:
            scope.refuse(
                f"combines a quantity of {scope.count} points with a plain tensor of shape {tuple(value.shape)} in "
                f"{function.__name__}.",
                "Points change from step to step: give data through given={…} or Points(…, data={…}); write numbers as "
                "numbers.",
            )
        return value.ndim - 1
    return 0


def aligned(value: object, depth: int) -> Any:
    """Return an argument as torch takes it, with component axes of length 1 added up to ``depth``."""
    tensor = value.tensor if isinstance(value, PointValues) else value
    if isinstance(tensor, Tensor) and 0 < tensor.ndim <= depth:
        return tensor.reshape(*tensor.shape, *(1,) * (depth + 1 - tensor.ndim))
    return tensor
