"""A scope in which derivatives come from the evaluations that the planner chose, once per place."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from sirenpde.fields.evaluation import Evaluation
from sirenpde.fields.forms import Form
from sirenpde.fields.plan import choose
from sirenpde.fields.scope import EvaluationScope, Memo, Surroundings


class PlannedScope(EvaluationScope):
    """A scope in which derivatives come from the evaluations that were planned, one per site."""

    def __init__(
        self,
        surroundings: Surroundings,
        network: nn.Module,
        points: Tensor,
        plan: Sequence[Evaluation],
        memo: Memo | None = None,
    ) -> None:
        """Bind a network and its plan to points of shape ``(n, d)``, and to what is known of these points already."""
        super().__init__(surroundings, network, points)
        self.memo = {} if memo is None else memo
        self.plan = plan
        self.outputs = surroundings.layout.outputs
        self.answers: dict[int, dict[Form, Tensor]] = {}

    def realise(self, site: int, forms: Sequence[Form]) -> list[Tensor]:
        """Look forms up, after one evaluation of all that the site needs."""
        if site not in self.answers:
            memo = self.memo if site == 0 else None  # displaced points may move with an unknown number
            way = self.plan[site] if site < len(self.plan) else None
            self.answers[site] = {} if way is None else way(self.network, self.sites[site], memo)
        answers = self.answers[site]
        missing = [form for form in forms if form not in answers]
        if missing:
            # A factor in front of a derivative is not what it was when the residual was traced: it costs one more pass.
            way = choose(missing, self.network, len(self.names), self.outputs)
            answers.update(way(self.network, self.sites[site]))
        return [answers[form] for form in forms]

    def slope(self, values: Tensor) -> Tensor:
        """Refuse: expressions are differentiated in an ``AutogradScope``, which tracing would have chosen."""
        del values
        self.refuse(
            "differentiates an expression that it did not differentiate when it was checked.",
            "A residual must take the same path at every call: use torch.where in place of Python's if.",
        )

    def displaced(self, points: Tensor) -> int:
        """Open the next site."""
        self.sites.append(points)
        return len(self.sites) - 1
