"""How a run ended, in a word and a sentence, and the record of its steps."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np


class Status(enum.StrEnum):
    """How a run ended."""

    CONVERGED = "converged"
    BUDGET_SPENT = "budget_spent"
    STALLED = "stalled"
    DIVERGED = "diverged"
    INTERRUPTED = "interrupted"

    @property
    def message(self) -> str:
        """A sentence that says what it means and what to do."""
        return _MESSAGES[self]


_MESSAGES = {
    Status.CONVERGED: "Every residual met the tolerance on points that were never trained on.",
    Status.BUDGET_SPENT: (
        "The steps or seconds were spent; the fields are as good as they got. Give more for a lower error."
    ),
    Status.STALLED: (
        "The loss stopped falling above the tolerance. Give a wider network, another omega, or weigh the constraint "
        "that holds the largest term."
    ),
    Status.DIVERGED: (
        "The loss left the finite numbers, and the last good weights were kept. Lower the learning rate, where there "
        "is one, or the weights."
    ),
    Status.INTERRUPTED: "The run was interrupted; the fields are those of the last step.",
}


@dataclass
class History:
    """What every step of a run recorded.

    Attributes:
        names: The constraints.
        loss: L before each step.
        seconds: Wall time since the start, when each step ended.
        terms: Per step, λ_m ∫ ρ(C_m) for every constraint.
    """

    names: tuple[str, ...]
    loss: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    terms: list[Sequence[float]] = field(default_factory=list)

    def __len__(self) -> int:
        """Return the number of steps."""
        return len(self.loss)

    def record(self, loss: float, terms: Sequence[float], seconds: float) -> None:
        """Add a step."""
        self.loss.append(loss)
        self.terms.append(tuple(terms))
        self.seconds.append(seconds)

    def extend(self, other: History, factor: float, seconds: float) -> None:
        """Add the steps of another record, its losses times a factor, its times later by some seconds."""
        for loss, terms, spent in zip(other.loss, other.terms, other.seconds, strict=True):
            self.record(factor * loss, [factor * term for term in terms], seconds + spent)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the record as arrays of shape ``(steps,)``: ``step``, ``seconds``, ``loss`` and one per constraint."""
        columns = np.array(self.terms, dtype=float).reshape(len(self), len(self.names)).T
        named = {f"term_{name}": column.copy() for name, column in zip(self.names, columns, strict=True)}
        steps = np.arange(1, len(self) + 1, dtype=float)
        return {"step": steps, "seconds": np.array(self.seconds), "loss": np.array(self.loss), **named}

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> History:
        """Return the record that ``arrays`` were made of."""
        names = tuple(name.removeprefix("term_") for name in arrays if name.startswith("term_"))
        terms = np.array([arrays[f"term_{name}"] for name in names]).T if names else np.empty((0, 0))
        return cls(names, arrays["loss"].tolist(), arrays["seconds"].tolist(), [tuple(row) for row in terms.tolist()])
