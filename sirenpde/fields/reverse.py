"""The gradient of a SIREN by a reverse pass written by hand, itself differentiated by hand.

Forward: z_l = ω_l (W_l h_{l−1} + b_l), h_l = sin z_l, u = W h_L + b. Reverse, for each output k that is wanted: g_L =
row k of W, p_l = g_l cos z_l, g_{l−1} = ω_l p_l W_l; then ∇u_k = g_0. Training needs the derivative of both by the
weights, which is a pass up the layers for the adjoints of p, and one down for those of z. It costs 6 F for one output,
whatever the number of coordinates (F: the operations of one evaluation).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from sirenpde.fields.once import differentiable_once
from sirenpde.fields.siren import SirenNetwork


def evaluate_gradient(network: SirenNetwork, points: Tensor, columns: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Return the values of every output of a SIREN, and the gradients of some.

    Args:
        network: The SIREN.
        points: Shape ``(n, d)``, in the user's units.
        columns: The outputs whose gradients are wanted, k of them.

    Returns:
        Values ``(n, o)`` and gradients ``(n, k, d)``, by the coordinates in the user's units.
    """
    omegas = tuple(omega for _, omega in network.sine_layers)
    weights = [layer.weight for layer, _ in network.sine_layers] + [network.last.weight]
    biases = [layer.bias for layer, _ in network.sine_layers] + [network.last.bias]
    normalised = network.normalise(points)
    inputs = network.embedding(normalised)
    value, gradient = _ValueAndGradient.apply(inputs, omegas, list(columns), *weights, *biases)  # type: ignore[no-untyped-call]
    return value, network.embedding.pulled_back(gradient, normalised) / network.scale


class _ValueAndGradient(torch.autograd.Function):
    """(x, W, b) ↦ (Φ(x), ∇Φ(x)); differentiable once."""

    @staticmethod
    def forward(
        ctx: Any, points: Tensor, omegas: tuple[float, ...], columns: list[int], *parameters: Tensor
    ) -> tuple[Tensor, Tensor]:
        layers = len(omegas)
        weights, biases = parameters[: layers + 1], parameters[layers + 1 :]
        hiddens, cosines = [points], []
        for weight, bias, omega in zip(weights, biases, omegas, strict=False):
            before = torch.addmm(omega * bias, hiddens[-1], (omega * weight).T)
            cosines.append(torch.cos(before))
            hiddens.append(before.sin_())
        value = torch.addmm(biases[-1], hiddens[-1], weights[-1].T)
        slopes = [weights[-1][columns, None, :]]  # g_L, the same at every point: (k, 1, width)
        for weight, cosine, omega in zip(reversed(weights[:-1]), reversed(cosines), reversed(omegas), strict=True):
            slopes.append(torch.matmul(slopes[-1] * cosine, omega * weight))
        ctx.save_for_backward(*hiddens, *cosines, *slopes[1:-1], *weights)
        ctx.omegas, ctx.columns = omegas, columns
        return value, slopes[-1].transpose(0, 1)

    @staticmethod
    @differentiable_once
    def backward(ctx: Any, to_value: Tensor, to_gradient: Tensor) -> tuple[Tensor | None, ...]:
        omegas, layers = ctx.omegas, len(ctx.omegas)
        saved = list(ctx.saved_tensors)
        hiddens, cosines = saved[: layers + 1], saved[layers + 1 : 2 * layers + 1]
        slopes, weights = saved[2 * layers + 1 : 3 * layers], saved[3 * layers :]
        slopes = [*reversed(slopes), weights[-1][ctx.columns, None, :]]  # g_1 … g_L
        to_weights, to_befores, to_slope = _up(to_gradient.transpose(0, 1), slopes, hiddens, cosines, weights, omegas)
        to_weights.append((to_value.T @ hiddens[-1]).index_add_(0, _places(ctx.columns, to_value), to_slope.sum(1)))
        to_biases = [to_value.sum(0)]
        to_hidden = to_value @ weights[-1]
        for index in reversed(range(layers)):
            inner = to_befores[index].addcmul_(to_hidden, cosines[index]).mul_(omegas[index])
            to_weights[index] += inner.T @ hiddens[index]
            to_biases.append(inner.sum(0))
            if index or ctx.needs_input_grad[0]:
                to_hidden = inner @ weights[index]
        to_points = to_hidden if ctx.needs_input_grad[0] else None
        return to_points, None, None, *to_weights, *reversed(to_biases)


def _places(columns: list[int], like: Tensor) -> Tensor:
    return torch.tensor(columns, device=like.device)


def _up(  # noqa: PLR0917 - all that one pass over the layers reads
    adjoint: Tensor,
    slopes: list[Tensor],
    hiddens: list[Tensor],
    cosines: list[Tensor],
    weights: list[Tensor],
    omegas: tuple[float, ...],
) -> tuple[list[Tensor], list[Tensor], Tensor]:
    """Carry the adjoint of g_0, ``(k, n, d)``, up the layers.

    Returns the adjoints of the weights of the sine layers, those of z through cos z, and that of g_L.
    """
    to_weights, to_befores = [], []
    for index, omega in enumerate(omegas):
        scaled = omega * adjoint
        product = slopes[index] * cosines[index]
        to_weights.append(product.flatten(0, 1).T @ scaled.flatten(0, 1))
        to_product = torch.matmul(scaled, weights[index].T)
        through_cosine = (
            (to_product * slopes[index]).sum(0) if len(to_product) > 1 else to_product[0] * slopes[index][0]
        )
        to_befores.append(through_cosine.mul_(hiddens[index + 1]).neg_())
        adjoint = to_product.mul_(cosines[index])
    return to_weights, to_befores, adjoint
