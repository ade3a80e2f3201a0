"""The SIREN: Φ(x) = W h_L + b with h_l = sin(ω_l (W_l h_{l−1} + b_l)), the bias inside the multiplication by ω.

``Siren`` declares the network; ``SirenNetwork`` is the module that is built from it once the coordinates and the number
of fields are known. A declaration is frozen, so two solves that share one never share weights.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from sirenpde.errors import UsageError, finite_number, shown
from sirenpde.fields.embedding import Embedding
from sirenpde.fields.initialisation import initialise_linear


@dataclass(frozen=True)
class Siren:
    """Declare a sinusoidal network.

    Attributes:
        width: Neurons per layer.
        depth: Hidden sine layers after the first, at least 1.
        omega: ω of the hidden layers.
        first_omega: ω of the first layer; with coordinates in [-1, 1] the largest frequency of a first-layer neuron,
            in radians per unit, before the deeper layers add their harmonics.

    Raises:
        UsageError: If a number is not positive, or a count is no integer.

    Example:
        >>> network = Siren(width=64, depth=2).build(inputs=2, outputs=1, seed=0)
        >>> network(torch.zeros(5, 2)).shape
        torch.Size([5, 1])

    References:
        Sitzmann et al. 2020, Implicit Neural Representations with Periodic Activation Functions, Sec. 3.2.
    """

    width: int = 256
    depth: int = 3
    omega: float = 30.0
    first_omega: float = 30.0

    def __post_init__(self) -> None:
        """Refuse numbers that declare no network."""
        for name in ("width", "depth"):
            count = getattr(self, name)
            if isinstance(count, bool) or not isinstance(count, int) or count < 1:
                msg = f"Siren({name}={count!r}): expected an integer of at least 1, such as {name}=3."
                raise UsageError(msg)
        for name in ("omega", "first_omega"):
            number = getattr(self, name)
            if (finite_number(number) or 0.0) <= 0:
                msg = f"Siren({name}={shown(number)}): expected a positive number, such as {name}=30."
                raise UsageError(msg)

    def build(
        self,
        inputs: int,
        outputs: int,
        *,
        seed: int = 0,
        bounds: Sequence[tuple[float, float]] | None = None,
        periodic: Sequence[int] = (),
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> SirenNetwork:
        """Build the module, with the paper's initial weights.

        Args:
            inputs: The number of coordinates d.
            outputs: The number of field components o.
            seed: The same seed gives the same weights, in every dtype up to rounding.
            bounds: Least and greatest value of each coordinate, mapped to [-1, 1]; left as they are if None.
            periodic: The places of the coordinates over whose bounds every field is periodic, exactly.
            dtype: float32 or float64.
            device: Where the weights live.
        """
        network = SirenNetwork(self, inputs, outputs, bounds=bounds, periodic=periodic)
        network.initialise(torch.Generator().manual_seed(seed))
        return network.to(device=device, dtype=dtype)


class SirenNetwork(nn.Module):
    """The module Φ: coordinates ``(n, d)`` in the user's units → raw fields ``(n, o)``.

    Attributes:
        declaration: The ``Siren`` that it was built from.
        embedding: What the first layer sees of the coordinates.
        linears: First layer, hidden layers, last layer; weights as in the paper, not multiplied by ω.
        center: Midpoint of each coordinate's interval, shape ``(d,)``.
        scale: Half length of each coordinate's interval, shape ``(d,)``.
    """

    center: Tensor
    scale: Tensor

    def __init__(
        self,
        declaration: Siren,
        inputs: int,
        outputs: int,
        *,
        bounds: Sequence[tuple[float, float]] | None = None,
        periodic: Sequence[int] = (),
    ) -> None:
        """Make the layers, without initial weights."""
        super().__init__()
        self.declaration = declaration
        self.embedding = Embedding(inputs, tuple(periodic))
        sizes = [len(self.embedding.columns)] + [declaration.width] * (declaration.depth + 1) + [outputs]
        self.linears = nn.ModuleList(
            cast(nn.Linear, nn.utils.skip_init(nn.Linear, before, after, dtype=torch.float64))
            for before, after in itertools.pairwise(sizes)
        )
        ends = torch.tensor(bounds if bounds is not None else [(-1.0, 1.0)] * inputs, dtype=torch.float64)
        self.register_buffer("center", (ends[:, 0] + ends[:, 1]) / 2)
        self.register_buffer("scale", (ends[:, 1] - ends[:, 0]) / 2)

    @property
    def inputs(self) -> int:
        """The number of coordinates."""
        return self.embedding.dimension

    @property
    def periodic(self) -> tuple[int, ...]:
        """The places of the coordinates over whose interval every field is periodic."""
        return self.embedding.periodic

    @property
    def outputs(self) -> int:
        """The number of field components."""
        return cast(nn.Linear, self.linears[-1]).out_features

    @property
    def sine_layers(self) -> list[tuple[nn.Linear, float]]:
        """The first and the hidden layers, each with its ω."""
        omegas = [self.declaration.first_omega] + [self.declaration.omega] * self.declaration.depth
        return [(cast(nn.Linear, layer), omega) for layer, omega in zip(self.linears, omegas, strict=False)]

    @property
    def last(self) -> nn.Linear:
        """The linear layer that ends the network."""
        return cast(nn.Linear, self.linears[-1])

    @property
    def hidden_matrices(self) -> list[nn.Parameter]:
        """The weight matrices between sine layers."""
        return [cast(nn.Parameter, layer.weight) for layer, _ in self.sine_layers[1:]]

    def initialise(self, generator: torch.Generator) -> None:
        """Draw fresh weights, first layer first, weights before biases."""
        for index, layer in enumerate(self.linears):
            omega = None if index == 0 else self.declaration.omega
            initialise_linear(cast(nn.Linear, layer), omega, generator)

    def normalise(self, points: Tensor) -> Tensor:
        """Return the coordinates mapped to [-1, 1], shape ``(n, d)``."""
        return (points - self.center) / self.scale

    def activations(self, points: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the pre-activation z and the activation sin z of each sine layer, both ``(n, width)``.

        Args:
            points: Shape ``(n, d)``, in the user's units.
        """
        hidden = self.embedding(self.normalise(points))
        for layer, omega in self.sine_layers:
            before = omega * layer(hidden)
            hidden = torch.sin(before)
            yield before, hidden

    def forward(self, points: Tensor) -> Tensor:
        """Evaluate Φ: ``(n, d)`` → ``(n, o)``."""
        *_, (_, hidden) = self.activations(points)
        return cast(Tensor, self.last(hidden))
