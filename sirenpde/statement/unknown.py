"""An unknown number: what is solved for together with the fields."""

from __future__ import annotations

import math
import numbers
from dataclasses import dataclass

from sirenpde.errors import ProblemError


@dataclass(frozen=True)
class Unknown:
    """Declare a number that is not known, to be found from the constraints together with the fields.

    Attributes:
        initial: Where the search starts, strictly inside the bounds.
        lower: The number stays above this; None for no bound.
        upper: The number stays below this; None for no bound.

    Raises:
        ProblemError: If a number is not finite, the bounds are reversed or equal, or ``initial`` is not inside them.

    Example:
        >>> Unknown(initial=0.1, lower=0, upper=1)
        Unknown(initial=0.1, lower=0.0, upper=1.0)
    """

    initial: float
    lower: float | None = None
    upper: float | None = None

    def __post_init__(self) -> None:
        """Check the numbers and keep them as floats."""
        for name in ("initial", "lower", "upper"):
            value = getattr(self, name)
            if value is None and name != "initial":
                continue
            real = isinstance(value, numbers.Real) and not isinstance(value, bool)
            if not real or not math.isfinite(value):
                msg = f"Unknown({name}={value!r}): expected a finite number."
                raise ProblemError(msg)
            object.__setattr__(self, name, float(value))
        low = -math.inf if self.lower is None else self.lower
        high = math.inf if self.upper is None else self.upper
        if low >= high:
            msg = f"{self}: the lower bound is not below the upper one, so nothing lies between them."
            raise ProblemError(msg)
        if not low < self.initial < high:
            msg = (
                f"{self}: the initial number does not lie strictly between the bounds.\n"
                "  The number is moved smoothly inside its bounds and never reaches them: begin inside."
            )
            raise ProblemError(msg)
