"""The limits of a run of several solutions, shared out over them."""

from __future__ import annotations

from typing import Any

from sirenpde.errors import UsageError
from sirenpde.training.arguments import budget_of
from sirenpde.training.status import History


class Share:
    """What is left of the limits, shared out evenly over the windows that are left.

    Raises:
        UsageError: If a limit is no positive number, or there are fewer steps than windows.
    """

    def __init__(self, steps: int | None, max_seconds: float | None, windows: int) -> None:
        """Start with all that there is."""
        budget = budget_of(steps, max_seconds, None)
        if budget.steps is not None and budget.steps < windows:
            msg = f"steps={steps} for {windows} windows: every window needs some, so give at least steps={windows}."
            raise UsageError(msg)
        self._steps, self._seconds = budget.steps, budget.seconds

    def of(self, left: int) -> dict[str, Any]:
        """Return the limits of a window, where ``left`` more are to be solved, this one counted."""
        return {
            "steps": None if self._steps is None else max(self._steps // left, 1),
            "max_seconds": None if self._seconds is None else max(self._seconds / left, 1e-3),
        }

    def spend(self, history: History) -> None:
        """Take note of the steps and seconds of a window."""
        if self._steps is not None:
            self._steps -= len(history)
        if self._seconds is not None and len(history):
            self._seconds -= history.seconds[-1]
