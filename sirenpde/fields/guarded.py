"""Values at points, and all that must not be done with them: mixing points, branching on them, leaving the graph."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import NoReturn

from torch import Tensor

from sirenpde.errors import ResidualError
from sirenpde.fields.forms import Form


class Scope(abc.ABC):
    """Where quantities live during one evaluation of a residual: the points, and what can be asked there."""

    #: What the user calls the residual, for messages: ``constraint "walls" of problem "burgers"``.
    where: str
    names: tuple[str, ...]
    points: Tensor

    @property
    def count(self) -> int:
        """The number of points n."""
        return self.points.shape[0]

    @abc.abstractmethod
    def realise(self, site: int, forms: Sequence[Form]) -> list[Tensor]:
        """Return the value, ``(n,)``, of each form at the points of a site (0: the points themselves)."""

    @abc.abstractmethod
    def slope(self, values: Tensor) -> Tensor:
        """Return the gradient, ``(n, d)``, of an expression's values, ``(n,)``."""

    def refuse(self, what: str, hint: str) -> NoReturn:
        """Raise a ``ResidualError`` that names the residual."""
        msg = f"{self.where} {what}\n  {hint}"
        raise ResidualError(msg)


class PointValues(abc.ABC):
    """Values at points that refuse, by name, what would mix points or cut them off from the weights.

    Attributes:
        scope: Where they live.
        trailing: The component axes: () for ``(n,)``.
    """

    __slots__ = ("scope", "trailing")

    scope: Scope
    trailing: tuple[int, ...]

    @property
    @abc.abstractmethod
    def tensor(self) -> Tensor:
        """The values, shape ``(n, …)``."""

    def __bool__(self) -> NoReturn:
        """Refuse: a condition holds at some points and not at others."""
        self.scope.refuse(
            "uses a quantity as one truth value, in an if, and, or or not.",
            "A condition differs from point to point: write torch.where(condition, this, that).",
        )

    def __iter__(self) -> NoReturn:
        """Refuse: the first axis is that of points."""
        self.scope.refuse("iterates over points, or unpacks them.", "Components are q[:, 0], q[:, 1], ….")

    def __len__(self) -> NoReturn:
        """Refuse: the number of points is not the residual's business."""
        self.scope.refuse(
            "asks for the number of points.", "A residual sees each point alone; the loss does the averaging."
        )

    def __setitem__(self, index: object, value: object) -> NoReturn:
        """Refuse: quantities are not changed in place."""
        self.scope.refuse(
            "changes a quantity in place.",
            "Write torch.where(condition, this, that), or torch.stack([…], dim=-1) for components.",
        )

    def __matmul__(self, other: object) -> NoReturn:
        """Refuse: the first axis is that of points."""
        self.scope.refuse(
            "multiplies matrices by @, which would mix points.",
            "Write sp.dot(v, w) for a sum over components, or v * w for a product point by point.",
        )

    __rmatmul__ = __matmul__

    def __float__(self) -> NoReturn:
        """Refuse: a quantity is no number."""
        self.scope.refuse(
            "turns a quantity into a Python number.",
            "Use torch functions, such as torch.sin(a.x), not math or float().",
        )

    __int__ = __complex__ = __index__ = __float__

    def __array__(self, *_: object, **__: object) -> NoReturn:
        """Refuse: NumPy would cut the graph."""
        self.scope.refuse(
            "turns a quantity into a NumPy array, which cuts it off from the weights.",
            "Use torch functions: torch.sin(a.x) in place of numpy.sin(a.x).",
        )

    def __floordiv__(self, other: object) -> NoReturn:
        """Refuse: a step function has no slope."""
        self.scope.refuse(
            "divides a quantity by //, which rounds down.",
            "Write torch.floor(q / 2); its slope is zero, so no training sees it.",
        )

    __rfloordiv__ = __floordiv__
