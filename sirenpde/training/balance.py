"""Balance between the terms of the loss: multipliers with which their gradients are of one size.

A term whose gradient is a thousand times smaller than another's is not learned. Terms of weight 1 are brought to one
size; a weight of 10 makes a term's gradient ten times that. What is reported is the loss as the user weighed it.

Measurements are left out: how much they weigh says how accurate they are, and a network that is pushed to fit noise
gives up the equation for it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence


class Balance:
    """Multipliers μ_m ∝ Σ_k ‖∇L_k‖ / ‖∇L_m‖, averaged over time.

    Attributes:
        measured: Which terms are measurements, whose multiplier is that of the term with the largest gradient.
        multipliers: One per term, scaled so that the total Σ μ_m L_m is that of the terms as they are.

    References:
        Wang, Sankaran, Wang & Perdikaris 2023, An Expert's Guide to Training Physics-informed Neural Networks, Sec. 5.
    """

    #: The least number of steps between two looks at the gradients in a stage: one is taken at its first points, and at
    #: the first new points this many steps after the last look. While points stay, so do the multipliers.
    every = 100

    def __init__(self, measured: Sequence[bool], memory: float = 0.9, most: float = 1e4) -> None:
        """Start with the weights as they are.

        Args:
            measured: Per term, whether it is held to measurements.
            memory: The part of the old multipliers that is kept at each update but the first.
            most: The largest ratio of two multipliers.
        """
        self.measured = tuple(measured)
        self.multipliers: list[float] = []
        self._memory = memory
        self._most = most
        self._shares: list[float] = []

    def update(self, norms: Sequence[float], terms: Sequence[float]) -> None:
        """Take account of the gradient norms ‖∇L_m‖ of the terms without their weights, and of the terms with them."""
        posed = [norm for norm, measured in zip(norms, self.measured, strict=True) if not measured]
        largest = max(posed, default=0.0)
        if not all(math.isfinite(norm) for norm in norms) or largest == 0.0:
            return
        least = largest / self._most
        wanted = [
            1.0 if measured else largest / max(norm, least) for norm, measured in zip(norms, self.measured, strict=True)
        ]
        if self._shares:
            pairs = zip(self._shares, wanted, strict=True)
            self._shares = [old**self._memory * new ** (1.0 - self._memory) for old, new in pairs]
        else:
            self._shares = wanted
        weighed = math.fsum(share * term for share, term in zip(self._shares, terms, strict=True))
        factor = math.fsum(terms) / weighed if weighed > 0 else 1.0
        self.multipliers = [factor * share for share in self._shares]
