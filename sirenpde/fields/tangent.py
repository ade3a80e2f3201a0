"""How a residual depends on the weights, point by point: the Jacobian in factors, from the streams of every layer.

A layer maps its input streams h_s to z_s = ω (W h_s + b δ_s0). Points do not mix, so one backward pass of Σ_i r_i gives
the adjoints g_s = ω ∂r_i/∂z_s of all points i at once, and the row of point i is

    ∂r_i/∂W = Σ_s g_s ⊗ h_s,        ∂r_i/∂b = g_0.

With 1 appended to h_0 and 0 to the other streams, the bias is one more column of W. The factors (h, g) of a point are
S (v + w) numbers per layer where its row has v w.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from sirenpde.fields.ansatz import Ansatz
from sirenpde.fields.correction import CorrectedEvaluation
from sirenpde.fields.evaluation import Evaluation
from sirenpde.fields.forms import Form
from sirenpde.fields.jets import JetAlgebra
from sirenpde.fields.plan import (
    ProductEvaluation,
    ReverseEvaluation,
    StreamEvaluation,
    ValueEvaluation,
    by_product_rule,
    siren_of,
)
from sirenpde.fields.rows import Factors
from sirenpde.fields.scope import Memo
from sirenpde.fields.siren import SirenNetwork
from sirenpde.fields.streams import SineJet
from sirenpde.fields.windows import ContinuedEvaluation


@dataclass(frozen=True)
class Tape:
    """One linear layer at work on a jet.

    Attributes:
        inputs: h with 1 or 0 appended, shape ``(S, n, v + 1)``.
        outputs: z, shape ``(S, n, w)``, in the graph of all that comes after.
        omega: ω, by which W h + b was multiplied.
    """

    inputs: Tensor
    outputs: Tensor
    omega: float


@dataclass(frozen=True)
class Record:
    """What the evaluation at one set of points writes down.

    Attributes:
        tapes: One per linear layer, the first layer first; none where the fields were not read.
        cuts: Points that depend on weights, and the same as a leaf, where the fields were read.
    """

    tapes: list[Tape] = field(default_factory=list)
    cuts: list[tuple[Tensor, Tensor]] = field(default_factory=list)


@dataclass(frozen=True)
class RecordedEvaluation(StreamEvaluation):
    """Forward streams that keep what every layer saw, for one call.

    Attributes:
        record: Where to.
    """

    record: Record = field(default_factory=Record, compare=False)

    def __call__(self, network: nn.Module, points: Tensor, memo: Memo | None = None) -> dict[Form, Tensor]:
        """Return form → shape ``(n,)``, in the graph of the tapes and not of the weights."""
        del memo
        out = _recorded_streams(siren_of(network), points, self.algebra, self.record.tapes)
        return self.read(out, points)


@dataclass(frozen=True)
class CutEvaluation(Evaluation):
    """A way at points that may depend on weights, cut off from them: unknown numbers ask for a second differentiation.

    Attributes:
        inner: The way.
        record: Where the cut is written down.
    """

    inner: Evaluation
    record: Record = field(compare=False)

    @property
    def name(self) -> str:
        """That of the way."""
        return self.inner.name

    @property
    def cost(self) -> float:
        """That of the way."""
        return self.inner.cost

    def __call__(self, network: nn.Module, points: Tensor, memo: Memo | None = None) -> dict[Form, Tensor]:
        """Return form → shape ``(n,)``."""
        if not points.requires_grad:
            return self.inner(network, points, memo)
        leaf = points.detach().requires_grad_()
        self.record.cuts.append((points, leaf))
        return self.inner(network, leaf, memo)


class Weights:
    """The trained weights of an ansatz as one vector, in the order of the columns of a Jacobian."""

    def __init__(self, network: SirenNetwork, numbers: Sequence[nn.Parameter]) -> None:
        """Bind a SIREN and unknown numbers."""
        self._layers = [layer for layer, _ in network.sine_layers] + [network.last]
        self._numbers = list(numbers)

    @property
    def numbers(self) -> tuple[nn.Parameter, ...]:
        """The parameters of the unknown numbers, each ``()``."""
        return tuple(self._numbers)

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """Per layer, the widths v + 1 of h and w of g."""
        return tuple((layer.in_features + 1, layer.out_features) for layer in self._layers)

    @property
    def sizes(self) -> tuple[int, ...]:
        """The number of weights of each layer, and of unknown numbers."""
        return (*(v * w for v, w in self.shapes), len(self._numbers))

    def read(self) -> Tensor:
        """Return the weights, ``(P,)``, in float64."""
        blocks = [torch.cat([layer.weight, layer.bias[:, None]], dim=1).flatten() for layer in self._layers]
        return torch.cat([*blocks, *(number.reshape(1) for number in self._numbers)]).detach().double()

    def write(self, place: Tensor) -> None:
        """Set the weights."""
        *blocks, numbers = place.split(list(self.sizes))
        with torch.no_grad():
            for layer, block in zip(self._layers, blocks, strict=True):
                matrix = block.reshape(layer.out_features, layer.in_features + 1)
                layer.weight.copy_(matrix[:, :-1])
                layer.bias.copy_(matrix[:, -1])
            for number, value in zip(self._numbers, numbers, strict=True):
                number.copy_(value)


def recorded(way: Evaluation, network: nn.Module) -> tuple[Evaluation, Record] | None:
    """Return a way that writes down what it does, with the record; None where there is no closed form."""
    record = Record()
    taped = _taped(way, network, record)
    return None if taped is None else (CutEvaluation(way.forms, way.dimension, way.outputs, taped, record), record)


def _taped(way: Evaluation, network: nn.Module, record: Record) -> Evaluation | None:
    if isinstance(way, ValueEvaluation) and isinstance(network, Ansatz) and network.hard:  # read off the whole
        product = by_product_rule(way.forms, network, way.dimension, way.outputs)
        return None if product is None else _taped(product, network, record)
    raw = network.network if isinstance(network, Ansatz) else network
    if isinstance(way, ProductEvaluation | ContinuedEvaluation):
        inner = _taped(way.inner, raw, record)
        return None if inner is None else replace(way, inner=inner)
    if isinstance(way, CorrectedEvaluation):
        correction = _taped(way.correction, raw, record)
        return None if correction is None else replace(way, correction=correction)
    if isinstance(way, StreamEvaluation | ReverseEvaluation | ValueEvaluation):
        return RecordedEvaluation(way.forms, way.dimension, way.outputs, record=record)
    return None


def _recorded_streams(network: SirenNetwork, points: Tensor, algebra: JetAlgebra, tapes: list[Tape]) -> Tensor:
    """Return the streams of every output, ``(S, n, o)``, and fill in the tapes."""
    jet = network.embedding.jet(network.normalise(points), network.scale, algebra)
    for layer, omega in network.sine_layers:
        jet = SineJet.apply(_linear(jet, layer, omega, tapes), algebra)  # type: ignore[no-untyped-call]
    return _linear(jet, network.last, 1.0, tapes)


def _linear(jet: Tensor, layer: nn.Linear, omega: float, tapes: list[Tape]) -> Tensor:
    """Return ω (W h + b δ_s0) on a jet, and write it down."""
    ones = torch.zeros_like(jet[:, :, :1])
    ones[0] = 1.0
    inputs = torch.cat([jet, ones], dim=2)
    weight = torch.cat([layer.weight, layer.bias[:, None]], dim=1).detach()
    outputs = torch.matmul(inputs, (omega * weight).T)
    if not outputs.requires_grad:
        outputs.requires_grad_()
    tapes.append(Tape(inputs.detach(), outputs, omega))
    return outputs


def factors_of(values: Tensor, records: Sequence[Record], weights: Weights) -> Factors:
    """Return how values at points depend on the weights.

    Args:
        values: Shape ``(n,)``, in the graph of the tapes; each reads its own point alone.
        records: What every set of points that the values read has written down, in their order.
        weights: By which the values are differentiated.
    """
    whole = _joined(values, [cut for record in records for cut in record.cuts])
    tapes = [record.tapes for record in records if record.tapes]
    found = iter(_adjoints(whole, [tape.outputs for site in tapes for tape in site]))
    per_site = [[(tape.inputs, tape.omega * next(found)) for tape in site] for site in tapes]
    unread = [(values.new_zeros(0, len(values), v), values.new_zeros(0, len(values), w)) for v, w in weights.shapes]
    layers = tuple(_stacked(parts) for parts in zip(*per_site or [unread], strict=True))
    return Factors(layers, _by_numbers(whole, weights.numbers))


def _joined(values: Tensor, cuts: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """Return values, ``(n,)``, with the slopes that they have through points that depend on weights."""
    for points, leaf in reversed(cuts):
        (adjoint,) = _adjoints(values, [leaf])
        values = values + (points * adjoint).sum(1)
    return values


def _adjoints(values: Tensor, places: Sequence[Tensor]) -> Sequence[Tensor]:
    """Return ∂(Σ values) by each of some places; zero where it is not read."""
    if not places or not values.requires_grad:
        return [torch.zeros_like(place) for place in places]
    return torch.autograd.grad(values.sum(), places, retain_graph=True, allow_unused=True, materialize_grads=True)


def _stacked(parts: Sequence[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Return the streams of one layer at all sites; those of a single one are not copied."""
    if len(parts) == 1:
        return parts[0]
    return torch.cat([h for h, _ in parts]), torch.cat([g for _, g in parts])


def _by_numbers(values: Tensor, numbers: Sequence[Tensor]) -> Tensor:
    """Return the derivatives of values ``(n,)`` by unknown numbers, ``(n, q)``.

    The slope of Σ v_i r_i by a number is linear in v, so its own slope by v is what is wanted, point by point.
    """
    dummy = torch.ones_like(values).requires_grad_()
    columns = []
    for number in numbers:
        (slope,) = torch.autograd.grad((dummy * values).sum(), number, create_graph=True, allow_unused=True)
        if slope is None:
            columns.append(torch.zeros_like(values))
        else:
            columns.append(torch.autograd.grad(slope, dummy, retain_graph=True)[0])
    return torch.stack(columns, dim=1).detach() if columns else values.new_zeros(len(values), 0)
