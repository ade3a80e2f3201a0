"""An unknown number: what is solved for together with the fields."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sirenpde.errors import ProblemError, finite_number, shown


@dataclass(frozen=True)
class Unknown:
    """Declare a number that is not known, to be found from the constraints together with the fields.

    Attributes:
        initial: Where the search starts, strictly inside the bounds.
        lower: The number stays above this; None for no bound.
        upper: The number stays below this; None for no bound.

    Raises:
        ProblemError: If a number or the distance between two is not finite, the bounds are reversed or equal, or
            ``initial`` is not inside them.

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
            number = finite_number(value)
            if number is None:
                msg = f"Unknown({name}={shown(value)}): expected a finite number."
                raise ProblemError(msg)
            object.__setattr__(self, name, number)
        low = -math.inf if self.lower is None else self.lower
        high = math.inf if self.upper is None else self.upper
        if low >= high:
            msg = f"{self}: the lower bound is not below the upper one, so nothing lies between them."
            raise ProblemError(msg)
        ends = [end for end in (self.lower, self.initial, self.upper) if end is not None]
        if not math.isfinite(max(ends) - min(ends)):
            msg = (
                f"{self}: the numbers lie further apart than float64 can say. Leave a bound out that is never reached."
            )
            raise ProblemError(msg)
        if not low < self.initial < high:
            msg = (
                f"{self}: the initial number does not lie strictly between the bounds.\n"
                "  The number is moved smoothly inside its bounds and never reaches them: begin inside."
            )
            raise ProblemError(msg)
