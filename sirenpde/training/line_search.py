"""The strong Wolfe line search: how far to go along a direction, so that the loss falls and its slope flattens.

A step α is accepted where L(α) ≤ L(0) + c₁ α L'(0) and |L'(α)| ≤ c₂ |L'(0)|. Where L is so small that its differences
are rounding, the first test is replaced by one on slopes, (2 c₁ − 1) L'(0) ≥ L'(α) (Hager & Zhang 2005), which the
second implies, as c₂ ≤ 1 − 2 c₁. A loss that is not finite counts as one that is too high.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

#: The fall of the loss that is asked for, as a part of what the slope promises.
DECREASE = 1e-4

#: The part of the first slope that may be left.
CURVATURE = 0.9

#: A change of the loss by less than this part of it is rounding.
ROUNDING = 1e-9

#: Trials of one search.
EVALUATIONS = 25

#: By how much a step that is still too short grows from trial to trial.
GROWTH = 4.0

#: An interval of steps that is shorter than this part of them is empty.
EMPTY = 1e-14


@dataclass(frozen=True)
class LineTrial:
    """The loss at one step along a direction.

    Attributes:
        step: α.
        loss: L(α).
        slope: L'(α), the gradient along the direction.
        gradient: ∇L, of shape ``(P,)``.
    """

    step: float
    loss: float
    slope: float
    gradient: Tensor

    @property
    def finite(self) -> bool:
        """Whether loss and slope are numbers."""
        return math.isfinite(self.loss) and math.isfinite(self.slope)


def strong_wolfe(evaluate: Callable[[float], LineTrial], start: LineTrial, first: float) -> LineTrial:
    """Return a trial that meets the strong Wolfe conditions, else the lowest that was seen, else the start.

    Args:
        evaluate: From a step α > 0 to the trial there.
        start: The trial at α = 0; its slope must be negative.
        first: The first step to try.

    Returns:
        A trial with its gradient, so that nothing has to be evaluated twice. ``start`` itself where no trial was lower.

    References:
        Nocedal & Wright 2006, Numerical Optimization, Algorithms 3.5 and 3.6; Hager & Zhang 2005, SIAM J. Optim. 16.
    """
    low, high, best, step = start, None, start, first
    for _ in range(EVALUATIONS):
        trial = evaluate(step)
        if trial.finite and accepted(trial, start):
            return trial
        if trial.finite and trial.loss < best.loss:
            best = trial
        if not trial.finite or _too_high(trial, start, low):
            high = trial
        else:
            if trial.slope * (trial.step - low.step) >= 0:
                high = low
            low = trial
        step = GROWTH * low.step if high is None else _between(low, high)
        if high is not None and abs(high.step - low.step) <= EMPTY * max(high.step, low.step):
            break
    return best


def accepted(trial: LineTrial, start: LineTrial) -> bool:
    """Tell whether a trial meets the strong Wolfe conditions, or those on slopes where the loss is at rounding."""
    decreased = trial.loss <= start.loss + DECREASE * trial.step * start.slope
    at_rounding = abs(trial.loss - start.loss) <= ROUNDING * abs(start.loss)
    return (decreased or at_rounding) and abs(trial.slope) <= CURVATURE * abs(start.slope)


def _too_high(trial: LineTrial, start: LineTrial, low: LineTrial) -> bool:
    """Tell whether a minimum was stepped over, judged by the loss."""
    return trial.loss > start.loss + DECREASE * trial.step * start.slope or trial.loss >= low.loss


def _between(low: LineTrial, high: LineTrial) -> float:
    """Return the minimum of the cubic through two trials, kept away from both; the middle where there is none."""
    width = high.step - low.step
    if not high.finite:
        return low.step + 0.1 * width
    step = _cubic_minimum(low, high)
    margin = 0.1 * abs(width)
    left, right = min(low.step, high.step) + margin, max(low.step, high.step) - margin
    return min(max(step, left), right) if math.isfinite(step) else low.step + 0.5 * width


def _cubic_minimum(one: LineTrial, other: LineTrial) -> float:
    """Return where the cubic with the losses and slopes of two trials is least; NaN where it has no minimum."""
    width = other.step - one.step
    bend = one.slope + other.slope - 3.0 * (one.loss - other.loss) / (one.step - other.step)
    inside = bend**2 - one.slope * other.slope
    if inside < 0:
        return math.nan
    root = math.copysign(math.sqrt(inside), width)
    below = other.slope - one.slope + 2.0 * root
    return math.nan if below == 0 else other.step - width * (other.slope + root - bend) / below
