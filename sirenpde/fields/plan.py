"""Choose the cheapest way to the derivatives that a residual asks for.

Costs are multiples of F, the operations of one evaluation, for one training step per point. They count matrix products;
``tests/fields/test_plan.py`` counts the same operations with torch's own counter.

| wanted | way | cost |
| --- | --- | --- |
| values | plain forward | 3 |
| first derivatives of k outputs | reverse by hand | 3 + 3 k |
| anything | forward streams, S of them | 3 S |
"""

from __future__ import annotations

import abc
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from sirenpde.fields.autodiff import evaluate_forms
from sirenpde.fields.forms import Form, MultiIndex, multi_indices, order
from sirenpde.fields.jets import Collapsed, JetAlgebra, Stream, jet_algebra
from sirenpde.fields.reverse import evaluate_gradient
from sirenpde.fields.siren import SirenNetwork
from sirenpde.fields.streams import evaluate_streams


@dataclass(frozen=True)
class Evaluation(abc.ABC):
    """A way to evaluate some forms at points.

    Attributes:
        forms: What it delivers.
        dimension: The number of coordinates d.
        outputs: The number of outputs o of the network.
    """

    forms: tuple[Form, ...]
    dimension: int
    outputs: int

    @property
    @abc.abstractmethod
    def name(self) -> str:
        """What the way is called in tables."""

    @property
    @abc.abstractmethod
    def cost(self) -> float:
        """Operations of one training step per point, in multiples of F."""

    @abc.abstractmethod
    def __call__(self, network: nn.Module, points: Tensor) -> dict[Form, Tensor]:
        """Return form → shape ``(n,)`` at points of shape ``(n, d)``."""


class ValueEvaluation(Evaluation):
    """No derivative: the network as it is."""

    @property
    def name(self) -> str:
        """What the way is called in tables."""
        return "values"

    @property
    def cost(self) -> float:
        """Forward, and twice that backward."""
        return 3.0

    def __call__(self, network: nn.Module, points: Tensor) -> dict[Form, Tensor]:
        """Return form → shape ``(n,)``."""
        values = network(points)
        return {
            form: combine([(factor, values[:, column]) for (column, _), factor in form], points) for form in self.forms
        }


class ReverseEvaluation(Evaluation):
    """First derivatives, by the reverse pass written by hand."""

    @property
    def name(self) -> str:
        """What the way is called in tables."""
        return "reverse"

    @property
    def cost(self) -> float:
        """One forward pass, one reverse pass per output that is differentiated, and twice that backward."""
        return 3.0 + 3.0 * len(self.columns)

    @cached_property
    def columns(self) -> tuple[int, ...]:
        """The outputs that are differentiated."""
        return tuple(sorted({column for form in self.forms for (column, alpha), _ in form if order(alpha)}))

    def __call__(self, network: nn.Module, points: Tensor) -> dict[Form, Tensor]:
        """Return form → shape ``(n,)``."""
        values, gradients = evaluate_gradient(_siren(network), points, self.columns)
        place = {column: index for index, column in enumerate(self.columns)}

        def read(column: int, alpha: MultiIndex) -> Tensor:
            return values[:, column] if order(alpha) == 0 else gradients[:, place[column], alpha.index(1)]

        return {form: combine([(factor, read(*key)) for key, factor in form], points) for form in self.forms}


@dataclass(frozen=True)
class StreamEvaluation(Evaluation):
    """Any derivatives, by forward streams.

    Attributes:
        collapse: Whether sums of second derivatives travel as one stream.
    """

    collapse: bool = True

    @property
    def name(self) -> str:
        """What the way is called in tables."""
        collapsed = any(isinstance(stream, Collapsed) for stream in self.algebra.streams)
        return f"{'collapsed' if collapsed else 'forward'} streams"

    @property
    def cost(self) -> float:
        """Every stream passes every matrix once forward and twice backward."""
        return 3.0 * len(self.algebra)

    @cached_property
    def recipes(self) -> dict[Form, tuple[tuple[Stream, int, float], ...]]:
        """Per form, the streams, columns and factors that it is made of."""
        return {form: tuple(_parts(form, self.collapse)) for form in self.forms}

    @cached_property
    def algebra(self) -> JetAlgebra:
        """The streams of all forms together."""
        return jet_algebra((stream for parts in self.recipes.values() for stream, _, _ in parts), self.dimension)

    def __call__(self, network: nn.Module, points: Tensor) -> dict[Form, Tensor]:
        """Return form → shape ``(n,)``."""
        number = {stream: index for index, stream in enumerate(self.algebra.streams)}
        out = evaluate_streams(_siren(network), points, self.algebra)
        return {
            form: combine([(factor, out[number[stream], :, column]) for stream, column, factor in parts], points)
            for form, parts in self.recipes.items()
        }


class AutogradEvaluation(Evaluation):
    """Any derivatives of any module, by nested autograd."""

    @property
    def name(self) -> str:
        """What the way is called in tables."""
        return "autograd"

    @property
    def cost(self) -> float:
        """Each nesting doubles the work, each further direction repeats its last level: an upper estimate."""
        orders = [order(alpha) for form in self.forms for alpha in multi_indices(form)]
        highest = max(orders, default=0)
        return 3.0 * 2.0**highest * (1 if highest < 2 else (1 + self.dimension) / 2)

    def __call__(self, network: nn.Module, points: Tensor) -> dict[Form, Tensor]:
        """Return form → shape ``(n,)``."""
        with torch.enable_grad():
            # displaced points can depend on weights: keep their graph
            leaf = points if points.requires_grad else points.detach().requires_grad_()
            return evaluate_forms(network, leaf, self.forms)


def combine(terms: Sequence[tuple[float, Tensor]], points: Tensor) -> Tensor:
    """Return Σ factor · values, shape ``(n,)``; zero for an empty sum."""
    total: Tensor | None = None
    for factor, values in terms:
        part = values if factor == 1.0 else factor * values
        total = part if total is None else total + part
    return torch.zeros_like(points[:, 0]) if total is None else total


def choose(forms: Sequence[Form], network: nn.Module, dimension: int, outputs: int) -> Evaluation:
    """Return the cheapest evaluation of the forms for a network.

    Args:
        forms: What is wanted.
        network: A ``SirenNetwork``, which has closed forms, or any other module, which has autograd.
        dimension: The number of coordinates d.
        outputs: The number of outputs o.
    """
    wanted = tuple(sorted(set(forms)))
    if type(network) is not SirenNetwork:  # a subclass may compute something else
        return AutogradEvaluation(wanted, dimension, outputs)
    highest = max((order(alpha) for form in wanted for alpha in multi_indices(form)), default=0)
    ways: list[Evaluation] = [
        StreamEvaluation(wanted, dimension, outputs, collapse=True),
        StreamEvaluation(wanted, dimension, outputs, collapse=False),
    ]
    if highest == 0:
        ways.insert(0, ValueEvaluation(wanted, dimension, outputs))
    if highest == 1:
        ways.append(ReverseEvaluation(wanted, dimension, outputs))
    return min(ways, key=lambda way: way.cost)


def _siren(network: nn.Module) -> SirenNetwork:
    if not isinstance(network, SirenNetwork):
        msg = f"closed-form derivatives are those of a SirenNetwork, not of a {type(network).__name__}"
        raise TypeError(msg)
    return network


def _parts(form: Form, collapse: bool) -> list[tuple[Stream, int, float]]:
    """Split a form into streams; where two or more second derivatives of one column occur, they may travel as one."""
    parts: list[tuple[Stream, int, float]] = []
    for column in sorted({key[0] for key, _ in form}):
        own = [(alpha, factor) for (place, alpha), factor in form if place == column]
        seconds = [(alpha, factor) for alpha, factor in own if order(alpha) == 2]
        if collapse and len(seconds) > 1:
            parts.append((Collapsed(tuple(seconds)), column, 1.0))
            own = [pair for pair in own if pair not in seconds]
        parts.extend((alpha, column, factor) for alpha, factor in own)
    return parts
