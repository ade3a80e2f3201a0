"""The problem of one window of a coordinate: the whole problem on parts of its regions, from where the last one ended.

Conditions at the start hold in the first window alone. Each later one begins with the raw fields of the one before, and
hard conditions stay as they are: what they make of continuous raw fields is continuous.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import torch
from torch import nn

from sirenpde.errors import ProblemError
from sirenpde.fields.ansatz import Ansatz
from sirenpde.fields.siren import SirenNetwork
from sirenpde.fields.unknowns import UnknownNumbers
from sirenpde.fields.windows import Continued, Start
from sirenpde.regions.slab import Slab
from sirenpde.statement.problem import Problem

if TYPE_CHECKING:
    from sirenpde.fields.layout import Layout


@dataclass(frozen=True, kw_only=True, eq=False)
class WindowProblem(Problem):
    """A problem in one window.

    Attributes:
        whole: The problem in all windows, which was checked.
        start: What the window begins with; None in the first.
    """

    whole: Problem
    start: Start | None = None

    def __post_init__(self) -> None:
        """Check nothing: it differs from the whole in where its conditions hold, and there it lacks some."""

    def ansatz(self, network: nn.Module, unknowns: UnknownNumbers | None = None) -> Ansatz:
        """Return what is trained: a network that goes on from the window before, under the hard conditions.

        Its last layer is set to zero, so that the window begins as what is carried into it, and not as noise upon it.
        """
        if self.start is None:
            return super().ansatz(network, unknowns)
        if isinstance(network, SirenNetwork):
            with torch.no_grad():
                network.last.weight.zero_()
                network.last.bias.zero_()
        return super().ansatz(Continued(network, self.start), unknowns)

    @property
    def coordinates(self) -> tuple[str, ...]:
        """Those of the whole, in its order: the region that came first may not reach this window."""
        return self.whole.coordinates

    @property
    def layout(self) -> Layout:
        """That of the whole."""
        return self.whole.layout

    @property
    def unpinned(self) -> frozenset[str]:
        """Those of the whole."""
        return self.whole.unpinned


def window_problem(whole: Problem, slab: Slab, number: int, start: Start | None) -> WindowProblem:
    """Return a problem in one window.

    Args:
        whole: The problem.
        slab: The window.
        number: Which window it is, counted from 1.
        start: What it begins with; None for the first.

    Raises:
        ProblemError: If the equations of the problem do not reach the window.
    """
    parts = [(each, slab.of(each.on)) for each in whole.constraints]
    constraints = tuple(replace(each, on=part) for each, part in parts if part is not None)
    if all(each.on.dimension < whole.main_region.dimension for each in constraints):
        msg = (
            f"no equation of {whole.where} holds in window {number}, {slab.name} from {slab.low:g} to {slab.high:g}.\n"
            "  Choose windows that the equations reach, or fewer."
        )
        raise ProblemError(msg)
    own: Mapping[str, object] = {each.name: getattr(whole, each.name) for each in fields(whole)}
    own = {**own, "name": f"{whole.name}_window_{number}", "constraints": constraints}
    return WindowProblem(**own, whole=whole, start=start)  # type: ignore[arg-type]
