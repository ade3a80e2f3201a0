"""Run a residual once on a few points, before any training, to see what it asks for and whether it makes sense.

The residual meets a small random network, by autograd, at two numbers of points: a shape that follows the count is told
from one that happens to equal it, and points in another order must give the same values in that order.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sirenpde.errors import ResidualError, SirenPDEError, kind_of
from sirenpde.fields.ansatz import Ansatz
from sirenpde.fields.evaluation import Evaluation
from sirenpde.fields.forms import Form
from sirenpde.fields.hard import HardField
from sirenpde.fields.plan import choose
from sirenpde.fields.planned import PlannedScope
from sirenpde.fields.quantity import Quantity
from sirenpde.fields.scope import AutogradScope, EvaluationScope, Given, Memo, Phi, Record, Surroundings

Residual = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class Traced:
    """A residual and what it was seen to ask for.

    Attributes:
        residual: The function of ``(a, phi)``.
        surroundings: The names that it can read.
        sites: Per site, the forms that it needs; the first site is the points themselves.
        differentiates: Whether it differentiates an expression, for which only autograd serves.
        shapes: Per part of what it returns, the component axes: () or (k,).
        fields: The fields that it reads.
        knowns: The knowns that it reads, itself or through hard conditions of its fields.
        unknowns: The unknown numbers that it reads, likewise.
        trainable: Whether its values carry a gradient to the weights.
    """

    residual: Residual
    surroundings: Surroundings
    sites: tuple[tuple[Form, ...], ...]
    differentiates: bool
    shapes: tuple[tuple[int, ...], ...]
    fields: frozenset[str]
    knowns: frozenset[str]
    unknowns: frozenset[str]
    trainable: bool

    def plan(self, network: nn.Module) -> list[Evaluation]:
        """Return the cheapest evaluation per site; empty where the residual needs autograd throughout."""
        layout = self.surroundings.layout
        if self.differentiates:
            return []
        return [choose(forms, network, len(layout.coordinates), layout.outputs) for forms in self.sites]

    def evaluate(
        self,
        network: nn.Module,
        points: Tensor,
        local: Mapping[str, Tensor],
        plan: Sequence[Evaluation],
        memo: Memo | None = None,
    ) -> list[Tensor]:
        """Return the parts of the residual at points of shape ``(n, d)``, each ``(n,)`` or ``(n, k)``.

        What depends on the points alone is kept in ``memo``: give the same one where the points are the same, and only
        there.
        """
        if plan:
            scope = PlannedScope(self.surroundings, network, points, plan, memo)
            return run(self.residual, scope, self.surroundings, local)
        with torch.enable_grad():  # derivatives need the graph, even where the caller wants none
            parts = run(self.residual, AutogradScope(self.surroundings, network, points), self.surroundings, local)
        return parts if torch.is_grad_enabled() else [part.detach() for part in parts]


def run(
    residual: Residual, scope: EvaluationScope, surroundings: Surroundings, local: Mapping[str, Tensor]
) -> list[Tensor]:
    """Call a residual and return its parts as tensors; refuse what is no ``(n,)``, ``(n, k)`` or tuple of such."""
    answer = residual(Given(scope, surroundings, local), Phi(scope, surroundings.layout))
    parts = answer if isinstance(answer, tuple) else (answer,)
    if not parts:
        scope.refuse("returned an empty tuple.", "Return at least one quantity that must vanish.")
    return [_part(part, scope) for part in parts]


def _part(part: object, scope: EvaluationScope) -> Tensor:
    if not isinstance(part, Quantity):
        hints = {
            "NoneType": "The function has no return statement, or one without a value.",
            "list": "Return a tuple of quantities, or one quantity.",
            "Tensor": "Return a quantity: an expression made of phi and a, which carries the weights.",
        }
        hint = hints.get(type(part).__name__, "Return an expression made of phi and a.")
        what = f"returned {kind_of(part)}; expected a quantity of shape (n,) or (n, k), or a tuple of such."
        scope.refuse(what, hint)
    tensor = part.tensor
    if tensor.dtype == torch.bool or not tensor.is_floating_point():
        scope.refuse(
            f"returned values of type {tensor.dtype}; expected real numbers.",
            "Return the difference of the two sides, not a comparison.",
        )
    # A matrix-valued residual, such as the gradient of a vector, is a list of k numbers per point.
    return tensor if tensor.ndim <= 2 else tensor.flatten(1)


def trace(
    residual: Residual,
    surroundings: Surroundings,
    network: nn.Module,
    samples: tuple[tuple[Tensor, Mapping[str, Tensor]], tuple[Tensor, Mapping[str, Tensor]]],
) -> Traced:
    """Run a residual on two small samples and return what it asks for.

    Args:
        residual: The function of ``(a, phi)``.
        surroundings: The names that it can read.
        network: A small random network in float64; an ``Ansatz`` where there are unknown numbers or hard fields.
        samples: Points ``(n, d)`` and what comes with them, for n = 2 and n = 3.

    Raises:
        ResidualError: If the residual fails, or returns a wrong shape, or mixes points, or is not finite.
    """
    scopes = []
    answers = []
    for points, local in samples:
        scope = AutogradScope(surroundings, network, points)
        answers.append(_guarded(residual, scope, surroundings, local))
        scopes.append(scope)
    _check_shapes(answers, samples, surroundings.where)
    _check_finite(answers[1], samples[1][0], surroundings)
    _check_order(residual, surroundings, network, samples[1], answers[1])
    record = scopes[1].record
    hard = _hard_of(network, record.fields)
    _check_attached(answers[1], record, surroundings.where)
    return Traced(
        residual,
        surroundings,
        tuple(tuple(sorted(forms)) for forms in record.forms),
        record.differentiates,
        tuple(tuple(part.shape[1:]) for part in answers[1]),
        frozenset(record.fields),
        frozenset(record.knowns).union(*(each.knowns for each in hard)),
        frozenset(record.unknowns).union(*(each.unknowns for each in hard)),
        _reaches_weights(answers[1], network),
    )


def _hard_of(network: nn.Module, names: Collection[str]) -> list[HardField]:
    """Return the hard conditions of some fields: what those read, a residual reads through them."""
    return [field for name, field in network.hard.items() if name in names] if isinstance(network, Ansatz) else []


def _check_attached(parts: list[Tensor], record: Record, where: str) -> None:
    """Refuse an unknown number that was read and cut off, such as by ``float``: nothing could determine it."""
    attached = [part.sum() for part in parts if part.requires_grad]
    for name, value in record.unknowns.items():
        slopes = torch.autograd.grad(attached, value, retain_graph=True, allow_unused=True) if attached else (None,)
        if slopes[0] is None:
            msg = (
                f"{where} reads a.{name}, but its values do not depend on it, so it would keep its initial value.\n"
                "  Usual cause: float(), .item(), .detach() or a function of Python's math. Use torch functions, such "
                f"as torch.exp(a.{name}), or do not read it."
            )
            raise ResidualError(msg)


def _reaches_weights(parts: list[Tensor], network: nn.Module) -> bool:
    """Tell whether a change of the weights can change the parts; a slope that happens to be zero counts as one."""
    attached = [part.sum() for part in parts if part.requires_grad]
    weights = list(network.parameters())
    if not attached or not weights:
        return False
    slopes = torch.autograd.grad(torch.stack(attached).sum(), weights, allow_unused=True)
    return any(slope is not None for slope in slopes)


def _guarded(
    residual: Residual, scope: AutogradScope, surroundings: Surroundings, local: Mapping[str, Tensor]
) -> list[Tensor]:
    """Run a residual; turn whatever it raises into a ``ResidualError`` that names it."""
    try:
        return run(residual, scope, surroundings, local)
    except SirenPDEError as error:
        place = _place(error, residual)
        if place:
            error.add_note(f"at {place}")
        raise
    except Exception as error:
        place = _place(error, residual)
        msg = (
            f"{surroundings.where} failed when it was tried on {scope.count} points: {type(error).__name__}: {error}"
            f"{f' (at {place})' if place else ''}\n"
            "  A residual is a function of (a, phi) that returns what must vanish, such as sp.laplacian(phi.u) - a.f."
        )
        raise ResidualError(msg) from error


def _place(error: Exception, residual: Residual) -> str:
    """Return the user's file and line where a residual raised; empty where it has no source."""
    code = getattr(residual, "__code__", None)
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if code is not None and frame.filename == code.co_filename]
    return f"{Path(code.co_filename).name}:{lines[-1]}" if code is not None and lines else ""


def _check_shapes(answers: list[list[Tensor]], samples: Any, where: str) -> None:
    counts = [points.shape[0] for points, _ in samples]
    _check_parts(answers[0], answers[1], where)
    for first, second in zip(answers[0], answers[1], strict=True):
        wrong = second.shape[0] != counts[1] or first.shape[1:] != second.shape[1:]
        if wrong:
            msg = (
                f"{where} returned shape {tuple(second.shape)} at {counts[1]} points and {tuple(first.shape)} at "
                f"{counts[0]}; expected (n,) or (n, k).\n  Usual cause: components stand as if they were points, or "
                "points as components."
            )
            raise ResidualError(msg)


def _check_parts(before: list[Tensor], after: list[Tensor], where: str) -> None:
    if len(before) != len(after):
        msg = (
            f"{where} returned {len(before)} parts, and {len(after)} when it was called again.\n"
            "  A residual must return as many quantities at every call: use torch.where in place of Python's if."
        )
        raise ResidualError(msg)


def _check_finite(parts: list[Tensor], points: Tensor, surroundings: Surroundings) -> None:
    for part in parts:
        at = surroundings.layout.not_finite(part, points)
        if at is not None:
            msg = (
                f"{surroundings.where} is not finite at {at}.\n  Usual cause: a root or logarithm of a negative "
                "number, or a division by zero there. Change the formula, or leave the place out with .where(…)."
            )
            raise ResidualError(msg)


def _check_order(
    residual: Residual,
    surroundings: Surroundings,
    network: nn.Module,
    sample: tuple[Tensor, Mapping[str, Tensor]],
    answer: list[Tensor],
) -> None:
    """Refuse a residual whose values at a point change when the others come in another order, or stay away."""
    points, local = sample
    turned = torch.arange(len(points)).roll(1)[:-1]  # one is missing: a mean does not see the order
    scope = AutogradScope(surroundings, network, points[turned])
    again = _guarded(residual, scope, surroundings, {name: values[turned] for name, values in local.items()})
    _check_parts(answer, again, surroundings.where)
    for before, after in zip(answer, again, strict=True):
        if not torch.allclose(before[turned], after, rtol=1e-9, atol=1e-9 * (1.0 + before.abs().max().item())):
            msg = (
                f"{surroundings.where} mixes points, or is random: a point's values change with the others, or with "
                "their order.\n  A residual sees each point alone. Integrals over a region are the loss's own work; "
                "data come through given={…}."
            )
            raise ResidualError(msg)
