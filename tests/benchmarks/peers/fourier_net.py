"""The network of DeepXDE's example for the wave equation, which DeepXDE itself has for TensorFlow 1 only.

Wang, Wang & Perdikaris 2021, On the eigenvector bias of Fourier feature networks, Sec. 3.3.
"""

from collections.abc import Sequence
from typing import Any


def fourier_net(dde: Any, *, width: int, depth: int, sigmas_x: Sequence[float], sigmas_t: Sequence[float]) -> Any:
    """Return a network of products of functions of space and of time.

    Each coordinate is turned into cosines and sines of random frequencies, one set for each deviation σ; all sets go
    through the same layers, and every one of space is multiplied with every one of time.
    """
    import torch

    real = dde.config.real(torch)

    def linear(inputs: int, outputs: int) -> torch.nn.Linear:
        layer = torch.nn.Linear(inputs, outputs, dtype=real)
        torch.nn.init.xavier_uniform_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
        return layer

    class FourierNet(dde.nn.NN):
        def __init__(self) -> None:
            super().__init__()
            for axis, sigmas in enumerate((sigmas_x, sigmas_t)):
                for number, sigma in enumerate(sigmas):
                    self.register_buffer(f"frequencies_{axis}_{number}", sigma * torch.randn(1, width // 2, dtype=real))
            self.hidden = torch.nn.ModuleList(linear(width, width) for _ in range(depth - 1))
            self.last = linear(width * len(sigmas_x) * len(sigmas_t), 1)

        def branch(self, x: torch.Tensor, axis: int, number: int) -> torch.Tensor:
            phase = x[:, axis : axis + 1] @ getattr(self, f"frequencies_{axis}_{number}")
            h = torch.cat([torch.cos(phase), torch.sin(phase)], dim=1)
            for layer in self.hidden:
                h = torch.tanh(layer(h))
            return h

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            x = self._input_transform(inputs)
            space = [self.branch(x, 0, number) for number in range(len(sigmas_x))]
            times = [self.branch(x, 1, number) for number in range(len(sigmas_t))]
            return self.last(torch.cat([a * b for a in space for b in times], dim=1))

    return FourierNet()
