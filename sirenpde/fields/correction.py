"""The sum Φ₁ + ε Φ₂ of a network that is finished and a small correction, which is all that is trained.

Derivatives are linear, so those of the sum are the sums of those of its parts. Φ₁ stays as it is: its part depends on
the points alone, and is evaluated once for points that are used again. Φ₁ can be such a sum itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import torch
from torch import Tensor, nn

from sirenpde.fields.evaluation import ComposedNetwork, Evaluation, combine, raw_network
from sirenpde.fields.forms import Form
from sirenpde.fields.plan import choose
from sirenpde.fields.scope import Memo

#: The most networks that one sum has.
MOST_PARTS = 16


class CorrectedNetwork(ComposedNetwork):
    """The module Φ₁ + ε Φ₂: coordinates ``(n, d)`` → raw fields ``(n, o)``.

    Attributes:
        base: Φ₁, whose weights are frozen from now on.
        correction: Φ₂, whose weights are trained.
        scale: ε, one positive number per field component, shape ``(o,)``.

    Example:
        >>> from sirenpde.fields.siren import Siren
        >>> parts = [Siren(width=8, depth=1).build(inputs=1, outputs=1, seed=seed) for seed in (0, 1)]
        >>> network = CorrectedNetwork(*parts, scale=torch.tensor([1e-6]))
        >>> sum(weight.numel() for weight in network.parameters() if weight.requires_grad)
        97

    References:
        Wang & Lai 2024, Multi-stage neural networks: Function approximator of machine precision, J. Comput. Phys. 504,
        112865.
    """

    scale: Tensor

    def __init__(self, base: nn.Module, correction: nn.Module, scale: Tensor | Sequence[float]) -> None:
        """Freeze Φ₁ and add the correction to it."""
        super().__init__()
        self.base = base.requires_grad_(False)
        self.correction = correction
        self.register_buffer("scale", torch.as_tensor(scale).clone())

    def forward(self, points: Tensor) -> Tensor:
        """Evaluate the sum: ``(n, d)`` → ``(n, o)``."""
        return cast(Tensor, self.base(points) + self.scale * self.correction(points))

    def evaluation(self, forms: tuple[Form, ...], dimension: int, outputs: int) -> Evaluation:
        """Return the cheapest evaluation of the forms."""
        parts = [part for form in forms for _, part in by_column(form)]
        return CorrectedEvaluation(
            forms,
            dimension,
            outputs,
            choose(forms, self.base, dimension, outputs),
            choose(parts, self.correction, dimension, outputs),
        )


@dataclass(frozen=True)
class CorrectedEvaluation(Evaluation):
    """Derivatives of Φ₁ + ε Φ₂, by linearity.

    Attributes:
        base: How Φ₁ is evaluated.
        correction: How Φ₂ is evaluated: its forms are those parts of the forms that are of one component each.
    """

    base: Evaluation
    correction: Evaluation

    @property
    def name(self) -> str:
        """What the way is called in tables."""
        return f"{self.correction.name} of a correction"

    @property
    def cost(self) -> float:
        """That of Φ₂: at points that are used again, Φ₁ is known."""
        return self.correction.cost

    @cached_property
    def parts(self) -> dict[Form, list[tuple[int, Form]]]:
        """Per form, its columns and its part of each."""
        return {form: by_column(form) for form in self.forms}

    def __call__(self, network: nn.Module, points: Tensor, memo: Memo | None = None) -> dict[Form, Tensor]:
        """Return form → shape ``(n,)``."""
        whole = raw_network(network)
        if not isinstance(whole, CorrectedNetwork):
            msg = f"sums of derivatives are those of a CorrectedNetwork, not of a {type(whole).__name__}"
            raise TypeError(msg)
        known = self._known(whole, points, memo)
        found = self.correction(whole.correction, points, memo)
        scale = whole.scale.unbind()
        return {
            form: combine([(1.0, known[form]), *((1.0, scale[column] * found[part]) for column, part in parts)], points)
            for form, parts in self.parts.items()
        }

    def _known(self, network: CorrectedNetwork, points: Tensor, memo: Memo | None) -> dict[Form, Tensor]:
        """Return the part of Φ₁, from memory where the points are known, in the graph of points that can move."""
        if points.requires_grad:
            return self.base(network.base, points)
        with torch.no_grad():
            if memo is None:
                return self.base(network.base, points)
            key = network, self.base.forms  # this sum's base is frozen; the same module in another sum may have moved
            if key not in memo:
                memo[key] = self.base(network.base, points, memo)
        return memo[key]  # type: ignore[no-any-return]


def number_of_parts(network: object) -> int:
    """Return how many networks a module is the sum of; 1 for what is no sum."""
    return 1 + number_of_parts(network.base) if isinstance(network, CorrectedNetwork) else 1


def by_column(form: Form) -> list[tuple[int, Form]]:
    """Return the columns that a form is of, each with the form's part of it."""
    columns = sorted({column for (column, _), _ in form})
    return [(each, tuple((key, factor) for key, factor in form if key[0] == each)) for each in columns]
