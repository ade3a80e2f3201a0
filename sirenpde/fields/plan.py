"""Choose the cheapest way to the derivatives that a residual asks for.

Costs are multiples of F, the operations of one evaluation, for one training step per point. They count matrix products;
``tests/fields/test_plan.py`` counts the same operations with torch's own counter.

| wanted | way | cost |
| --- | --- | --- |
| values | plain forward | 3 |
| first derivatives of k outputs | reverse by hand | 3 + 3 k |
| anything | forward streams, S of them | 3 S |

Of an ``Ansatz`` without hard conditions these are the ways of its network; of one whose hard conditions are affine in
the raw fields too, by the product rule, whose own work is a few functions of the coordinates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from sirenpde.fields.ansatz import Ansatz
from sirenpde.fields.autodiff import evaluate_forms
from sirenpde.fields.evaluation import ComposedNetwork, Evaluation, combine, raw_network
from sirenpde.fields.forms import Form, MultiIndex, multi_indices, order
from sirenpde.fields.jets import Collapsed, JetAlgebra, Stream, jet_algebra
from sirenpde.fields.product import Expanded, expanded
from sirenpde.fields.reverse import evaluate_gradient
from sirenpde.fields.scope import Memo
from sirenpde.fields.siren import SirenNetwork
from sirenpde.fields.streams import evaluate_streams


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

    def __call__(self, network: nn.Module, points: Tensor, memo: Memo | None = None) -> dict[Form, Tensor]:
        """Return form → shape ``(n,)``."""
        del memo
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

    def __call__(self, network: nn.Module, points: Tensor, memo: Memo | None = None) -> dict[Form, Tensor]:
        """Return form → shape ``(n,)``."""
        del memo
        values, gradients = evaluate_gradient(siren_of(network), points, self.columns)
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

    def __call__(self, network: nn.Module, points: Tensor, memo: Memo | None = None) -> dict[Form, Tensor]:
        """Return form → shape ``(n,)``."""
        del memo
        return self.read(evaluate_streams(siren_of(network), points, self.algebra), points)

    def read(self, out: Tensor, points: Tensor) -> dict[Form, Tensor]:
        """Return form → shape ``(n,)`` from the streams of every output, ``(S, n, o)``."""
        number = {stream: index for index, stream in enumerate(self.algebra.streams)}
        return {
            form: combine([(factor, out[number[stream], :, column]) for stream, column, factor in parts], points)
            for form, parts in self.recipes.items()
        }


@dataclass(frozen=True)
class AutogradEvaluation(Evaluation):
    """Any derivatives of any module, by nested autograd.

    Attributes:
        inner: The order of the derivatives that the module itself takes.
    """

    inner: int = 0

    @property
    def name(self) -> str:
        """What the way is called in tables."""
        return "autograd"

    @property
    def cost(self) -> float:
        """Each nesting doubles the work, each further direction repeats its last level: an upper estimate."""
        orders = [order(alpha) for form in self.forms for alpha in multi_indices(form)]
        highest = max(orders, default=0) + self.inner
        return 3.0 * 2.0**highest * (1 if highest < 2 else (1 + self.dimension) / 2)

    def __call__(self, network: nn.Module, points: Tensor, memo: Memo | None = None) -> dict[Form, Tensor]:
        """Return form → shape ``(n,)``."""
        del memo
        with torch.enable_grad():
            # displaced points can depend on weights: keep their graph
            leaf = points if points.requires_grad else points.detach().requires_grad_()
            found = evaluate_forms(network, leaf, self.forms)
        return found if torch.is_grad_enabled() else _detached(found)


@dataclass(frozen=True)
class ProductEvaluation(Evaluation):
    """Derivatives of hard fields that are affine in the raw ones, f + g u, by Leibniz' rule.

    Attributes:
        expansions: The forms in terms of the raw fields, in the order of ``forms``.
        inner: How the raw fields are evaluated.
    """

    expansions: tuple[Expanded, ...]
    inner: Evaluation

    @property
    def name(self) -> str:
        """What the way is called in tables."""
        return f"{self.inner.name}, product rule" if self.coefficients else self.inner.name

    @property
    def cost(self) -> float:
        """That of the raw fields: f and g are functions of the coordinates, without matrix products."""
        return self.inner.cost

    @cached_property
    def coefficients(self) -> tuple[Form, ...]:
        """The forms of (f, g) that are needed: columns of f first, then those of g."""
        offsets = {each.offset for each in self.expansions if each.offset}
        factors = {self._factor(each.column, each.alpha) for part in self.expansions for each in part.products}
        return tuple(sorted(offsets | factors))

    def __call__(self, network: nn.Module, points: Tensor, memo: Memo | None = None) -> dict[Form, Tensor]:
        """Return form → shape ``(n,)``."""
        if not isinstance(network, Ansatz):
            msg = f"the product rule is that of an Ansatz, not of a {type(network).__name__}"
            raise TypeError(msg)
        raw = self.inner(network.network, points, memo)
        known = self._known(network, points, memo)
        answers = {}
        for form, each in zip(self.forms, self.expansions, strict=True):
            terms = [raw[each.plain]] if each.plain else []
            terms += [known[each.offset]] if each.offset else []
            terms += [known[self._factor(part.column, part.alpha)] * raw[part.raw] for part in each.products]
            answers[form] = combine([(1.0, term) for term in terms], points)
        return answers

    def _known(self, ansatz: Ansatz, points: Tensor, memo: Memo | None) -> dict[Form, Tensor]:
        """Return the derivatives of f and g; cut off where nothing that is sought could be reached through them."""
        if not self.coefficients:
            return {}
        sought = points.requires_grad or bool(ansatz.unknowns.names)
        if memo is None or sought:
            return self._derived(ansatz, points, keep=sought and torch.is_grad_enabled())
        key = self.coefficients, *(field.function for field in ansatz.hard.values())  # another problem has others
        if key not in memo:
            memo[key] = self._derived(ansatz, points, keep=False)
        return memo[key]  # type: ignore[no-any-return]

    def _derived(self, ansatz: Ansatz, points: Tensor, *, keep: bool) -> dict[Form, Tensor]:
        with torch.enable_grad():
            leaf = points if points.requires_grad else points.detach().requires_grad_()
            found = evaluate_forms(ansatz.coefficients, leaf, self.coefficients)
        return found if keep else _detached(found)

    def _factor(self, column: int, alpha: MultiIndex) -> Form:
        return (((self.outputs + column, alpha), 1.0),)


def _detached(answers: dict[Form, Tensor]) -> dict[Form, Tensor]:
    return {form: values.detach() for form, values in answers.items()}


def choose(forms: Sequence[Form], network: nn.Module, dimension: int, outputs: int) -> Evaluation:
    """Return the cheapest evaluation of the forms for a network.

    Args:
        forms: What is wanted.
        network: A ``SirenNetwork``, which has closed forms; a ``ComposedNetwork``, which knows its own; an ``Ansatz``;
            or any other module, which has autograd.
        dimension: The number of coordinates d.
        outputs: The number of outputs o.
    """
    wanted = tuple(sorted(set(forms)))
    if isinstance(network, Ansatz):
        return _choose_for_ansatz(wanted, network, dimension, outputs)
    if isinstance(network, ComposedNetwork):
        return network.evaluation(wanted, dimension, outputs)
    if type(network) is not SirenNetwork:  # a subclass may compute something else
        return AutogradEvaluation(wanted, dimension, outputs)
    highest = _highest(wanted)
    ways: list[Evaluation] = [
        StreamEvaluation(wanted, dimension, outputs, collapse=True),
        StreamEvaluation(wanted, dimension, outputs, collapse=False),
    ]
    if highest == 0:
        ways.insert(0, ValueEvaluation(wanted, dimension, outputs))
    if highest == 1:
        ways.append(ReverseEvaluation(wanted, dimension, outputs))
    return min(ways, key=lambda way: way.cost)


def _choose_for_ansatz(wanted: tuple[Form, ...], ansatz: Ansatz, dimension: int, outputs: int) -> Evaluation:
    """Return the cheapest evaluation of final fields; of equal ones, the one named first."""
    if not ansatz.hard:
        return choose(wanted, ansatz.network, dimension, outputs)
    ways: list[Evaluation] = []
    if _highest(wanted) == 0 and ansatz.order == 0:
        ways.append(ValueEvaluation(wanted, dimension, outputs))
    product = by_product_rule(wanted, ansatz, dimension, outputs)
    ways += [product] if product else []
    ways.append(AutogradEvaluation(wanted, dimension, outputs, ansatz.order))
    return min(ways, key=lambda way: way.cost)


def by_product_rule(wanted: tuple[Form, ...], ansatz: Ansatz, dimension: int, outputs: int) -> ProductEvaluation | None:
    """Return the evaluation by Leibniz' rule; None where a hard condition is not affine in its raw field."""
    fields = {column: ansatz.field_of(column) for form in wanted for (column, _), _ in form}
    hard = {column: field for column, field in fields.items() if field is not None}
    if not all(field.affine for field in hard.values()):
        return None
    parts = tuple(expanded(form, hard) for form in wanted)
    raw = [form for part in parts for form in (part.plain, *(each.raw for each in part.products)) if form]
    return ProductEvaluation(wanted, dimension, outputs, parts, choose(raw, ansatz.network, dimension, outputs))


def _highest(forms: Sequence[Form]) -> int:
    """Return the highest order of derivative among forms."""
    return max((order(alpha) for form in forms for alpha in multi_indices(form)), default=0)


def siren_of(network: nn.Module) -> SirenNetwork:
    """Return the SIREN whose closed forms serve."""
    network = raw_network(network)
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
