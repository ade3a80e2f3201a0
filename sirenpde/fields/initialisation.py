"""The initial weights of a SIREN: uniform, with bounds that keep every layer's pre-activation near unit spread.

The bounds are those of the authors' code. The first printing of the paper gives another bound for the first layer, and
its author says that the code is right (github.com/vsitzmann/siren, issue 4).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


def weight_bound(inputs: int, omega: float | None) -> float:
    """Return the bound of a layer's weights: 1/n for the first layer (``omega`` None), else √(6/n)/ω."""
    return 1.0 / inputs if omega is None else math.sqrt(6.0 / inputs) / omega


def bias_bound(inputs: int) -> float:
    """Return the bound of a layer's biases, 1/√n: the default of ``torch.nn.Linear``, which the authors' code keeps."""
    return 1.0 / math.sqrt(inputs)


def fill_uniform(tensor: Tensor, bound: float, generator: torch.Generator) -> None:
    """Fill a tensor with numbers uniform in ±bound, drawn in float64 so that every dtype sees the same numbers."""
    drawn = torch.rand(tensor.shape, generator=generator, dtype=torch.float64)
    with torch.no_grad():
        tensor.copy_((2.0 * drawn - 1.0) * bound)


def initialise_linear(layer: nn.Linear, omega: float | None, generator: torch.Generator) -> None:
    """Draw a layer's weights and biases; ``omega`` is None for the first layer, and the hidden one for all others."""
    fill_uniform(layer.weight, weight_bound(layer.in_features, omega), generator)
    fill_uniform(layer.bias, bias_bound(layer.in_features), generator)
