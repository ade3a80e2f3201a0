"""What it is to evaluate forms at points, for one network and for networks that are composed of others."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sirenpde.fields.ansatz import Ansatz
from sirenpde.fields.forms import Form
from sirenpde.fields.scope import Memo


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
    def __call__(self, network: nn.Module, points: Tensor, memo: Memo | None = None) -> dict[Form, Tensor]:
        """Return form → shape ``(n,)`` at points of shape ``(n, d)``.

        What depends on the points alone is kept in ``memo``, which belongs to these points.
        """


class ComposedNetwork(nn.Module, abc.ABC):
    """A module made of networks, which knows how its derivatives follow from theirs."""

    @abc.abstractmethod
    def evaluation(self, forms: tuple[Form, ...], dimension: int, outputs: int) -> Evaluation:
        """Return the cheapest evaluation of the forms; it is called with this module, or an ``Ansatz`` around it."""


def raw_network(module: nn.Module) -> nn.Module:
    """Return the network whose outputs are those of a module: that of an ``Ansatz`` without hard conditions."""
    return module.network if isinstance(module, Ansatz) and not module.hard else module


def combine(terms: Sequence[tuple[float, Tensor]], points: Tensor) -> Tensor:
    """Return Σ factor · values, shape ``(n,)``; zero for an empty sum."""
    total: Tensor | None = None
    for factor, values in terms:
        part = values if factor == 1.0 else factor * values
        total = part if total is None else total + part
    return torch.zeros_like(points[:, 0]) if total is None else total
