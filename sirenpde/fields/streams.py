"""Derivatives of a SIREN in one forward pass: every layer maps a jet by one matrix product and one sine and cosine.

A jet is a tensor ``(S, n, width)``, one slice per stream of a ``JetAlgebra``. Each layer is one autograd function with
a backward pass written by hand; it can be differentiated once (by the weights), and says so when asked for more. Plain
autograd, in ``autodiff.py``, is the definition that these are tested against.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from sirenpde.fields.jets import Collapsed, JetAlgebra, Stream, Term, stream_order
from sirenpde.fields.once import differentiable_once
from sirenpde.fields.siren import SirenNetwork

#: The streams of a jet by number: one tensor (S, n, width), or a list of S tensors (n, width).
Slices = Tensor | Sequence[Tensor]


def evaluate_streams(network: SirenNetwork, points: Tensor, algebra: JetAlgebra) -> Tensor:
    """Return the streams of every output of a SIREN.

    Args:
        network: The SIREN.
        points: Shape ``(n, d)``, in the user's units.
        algebra: Which streams.

    Returns:
        Shape ``(S, n, o)``: derivatives by the coordinates in the user's units.
    """
    _, *hidden = network.sine_layers
    jet = _first_layer(network, network.normalise(points), algebra)
    for layer, omega in hidden:
        jet = _SineLayer.apply(jet, layer.weight, layer.bias, omega, algebra)  # type: ignore[no-untyped-call]
    out = torch.matmul(jet, network.last.weight.T)
    return torch.cat([out[:1] + network.last.bias, out[1:]])


def _first_layer(network: SirenNetwork, normalised: Tensor, algebra: JetAlgebra) -> Tensor:
    """Return the jet behind the first layer: of the embedded coordinates, or of a function affine in them."""
    layer, omega = network.sine_layers[0]
    if network.periodic:
        inputs = network.embedding.jet(normalised, network.scale, algebra)
        return _SineLayer.apply(inputs, layer.weight, layer.bias, omega, algebra)  # type: ignore[no-any-return, no-untyped-call]
    slopes = omega * layer.weight / network.scale
    before = torch.addmm(omega * layer.bias, normalised, (omega * layer.weight).T)
    return _FirstSine.apply(before, slopes, algebra)  # type: ignore[no-any-return, no-untyped-call]


def sum_of_products(out: Tensor, terms: Sequence[Term], left: Slices, right: Slices, sign: float) -> None:
    """Write Σ sign · k · left · right into ``out``, one pass over memory per term."""
    for place, term in enumerate(terms):
        a, b, factor = left[term.left], right[term.right], sign * term.factor
        if place:
            out.addcmul_(a, b, value=factor)
        else:
            torch.mul(a, b, out=out)
            if factor != 1.0:
                out.mul_(factor)


def cosine_jet(before: Slices, sine: Slices, algebra: JetAlgebra) -> list[Tensor]:
    """Return the streams of cos z, given those of z and sin z."""
    cosine = [torch.cos(before[0])]
    for index in range(1, len(algebra)):
        stream = torch.empty_like(before[0])
        sum_of_products(stream, algebra.chain[index], sine, before, -1.0)
        cosine.append(stream)
    return cosine


def sine_jet(before: Tensor, algebra: JetAlgebra) -> Tensor:
    """Return sin z as a jet, for a jet z; both ``(S, n, width)``."""
    sine = torch.empty_like(before)
    torch.sin(before[0], out=sine[0])
    which = algebra.needed_cosines
    cosine = [torch.cos(before[0])]
    for index in range(1, len(algebra)):
        sum_of_products(sine[index], algebra.chain[index], cosine, before, 1.0)
        stream = before[0].new_empty(0)
        if index in which:
            stream = torch.empty_like(before[0])
            sum_of_products(stream, algebra.chain[index], sine, before, -1.0)
        cosine.append(stream)
    return sine


class _SineLayer(torch.autograd.Function):
    """h ↦ sin(ω (W h + b)) on jets, with the backward pass by the transposed product with cos z."""

    @staticmethod
    def forward(  # noqa: PLR0917 - autograd functions take their arguments by position
        ctx: Any, jet: Tensor, weight: Tensor, bias: Tensor, omega: float, algebra: JetAlgebra
    ) -> Tensor:
        before = torch.matmul(jet, (omega * weight).T)
        before[0] += omega * bias  # a constant has no derivatives
        sine = sine_jet(before, algebra)
        ctx.save_for_backward(jet, before, sine, weight)
        ctx.omega, ctx.algebra = omega, algebra
        return sine

    @staticmethod
    @differentiable_once
    def backward(ctx: Any, adjoint: Tensor) -> tuple[Tensor | None, ...]:
        jet, before, sine, weight = ctx.saved_tensors
        omega, algebra = ctx.omega, ctx.algebra
        inner = to_before(before, sine, adjoint, algebra).mul_(omega)
        flat, width = inner.flatten(0, 1), jet.shape[-1]
        to_jet = torch.matmul(inner, weight) if ctx.needs_input_grad[0] else None
        return to_jet, flat.T @ jet.reshape(-1, width), inner[0].sum(0), None, None


class SineJet(torch.autograd.Function):
    """z ↦ sin z on jets, ``(S, n, width)``, for those who need to stop between the product with W and the sine."""

    @staticmethod
    def forward(ctx: Any, before: Tensor, algebra: JetAlgebra) -> Tensor:
        """Return the streams of sin z."""
        sine = sine_jet(before, algebra)
        ctx.save_for_backward(before, sine)
        ctx.algebra = algebra
        return sine

    @staticmethod
    @differentiable_once
    def backward(ctx: Any, adjoint: Tensor) -> tuple[Tensor, None]:
        """Return the adjoints of z."""
        before, sine = ctx.saved_tensors
        return to_before(before, sine, adjoint, ctx.algebra), None


def to_before(before: Tensor, sine: Tensor, adjoint: Tensor, algebra: JetAlgebra) -> Tensor:
    """Return the adjoints of a jet z, given those of sin z; all ``(S, n, width)``."""
    cosine = cosine_jet(before, sine, algebra)
    inner = torch.empty_like(before)
    for index, terms in enumerate(algebra.transposed):
        sum_of_products(inner[index], terms, cosine, adjoint, 1.0)
    return inner


class _FirstSine(torch.autograd.Function):
    """sin z for z affine in the coordinates: sin(z)_γ = A_γ · sin^(|γ|)(z), with A_γ one number per neuron."""

    @staticmethod
    def forward(ctx: Any, before: Tensor, slopes: Tensor, algebra: JetAlgebra) -> Tensor:
        cycle = _sine_cycle(before)
        jet = before.new_empty((len(algebra), *before.shape))
        for index, stream in enumerate(algebra.streams):
            torch.mul(cycle[stream_order(stream) % 4], _slope_product(slopes, stream), out=jet[index])
        ctx.save_for_backward(before, slopes)
        ctx.algebra = algebra
        return jet

    @staticmethod
    @differentiable_once
    def backward(ctx: Any, adjoint: Tensor) -> tuple[Tensor | None, ...]:
        before, slopes = ctx.saved_tensors
        cycle = _sine_cycle(before)
        to_before, to_slopes = torch.zeros_like(before), torch.zeros_like(slopes)
        with torch.enable_grad():
            leaf = slopes.detach().requires_grad_()
            products = [_slope_product(leaf, stream) for stream in ctx.algebra.streams]
        adjoints = []
        for index, stream in enumerate(ctx.algebra.streams):
            place = stream_order(stream)
            weighted = adjoint[index] * cycle[(place + 1) % 4]
            to_before.addcmul_(weighted, products[index].detach())
            adjoints.append((adjoint[index] * cycle[place % 4]).sum(0) if place else None)
        orders = [index for index, value in enumerate(adjoints) if value is not None]
        if orders:
            (to_slopes,) = torch.autograd.grad(
                [products[index] for index in orders], leaf, [adjoints[index] for index in orders]
            )
        return to_before, to_slopes, None


def _sine_cycle(before: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return sin and its first three derivatives."""
    sine, cosine = torch.sin(before), torch.cos(before)
    return sine, cosine, -sine, -cosine


def _slope_product(slopes: Tensor, stream: Stream) -> Tensor:
    """Return Π_i slope_i^{α_i}, or the weighted sum of such products for a collapsed stream; shape ``(width,)``."""
    if isinstance(stream, Collapsed):
        return torch.stack([weight * _slope_product(slopes, alpha) for alpha, weight in stream.weights]).sum(0)
    product = torch.ones_like(slopes[:, 0])
    for axis, power in enumerate(stream):
        for _ in range(power):
            product = product * slopes[:, axis]
    return product
