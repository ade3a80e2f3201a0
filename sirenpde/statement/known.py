"""What is known at a point, a(x): everything that ``given`` and ``exact`` accept, turned into one type."""

from __future__ import annotations

import abc

from torch import Tensor


class Known(abc.ABC):
    """A function of the coordinates that is given, not sought.

    Attributes:
        names: The coordinates that it is a function of, in the order of the columns it expects; None if it takes
            the coordinates of whatever region it is read on.
        trailing: The shape of its value at one point: ``()`` for a scalar, values ``(n,)``; ``(k,)`` for k components,
            values ``(n, k)``; ``(c, d)`` for the gradient of c components, values ``(n, c, d)``.
    """

    @property
    @abc.abstractmethod
    def names(self) -> tuple[str, ...] | None:
        """The coordinates that it is a function of."""

    @property
    @abc.abstractmethod
    def trailing(self) -> tuple[int, ...]:
        """The shape of its value at one point, ``()`` for a scalar."""

    @abc.abstractmethod
    def __call__(self, points: Tensor) -> Tensor:
        """Evaluate at points of shape ``(n, d)``; returns ``(n, *trailing)`` in the dtype and device of ``points``."""
