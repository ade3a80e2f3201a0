"""Unknown numbers: found together with the fields, each a smooth function of an unconstrained parameter.

An optimizer may move a parameter θ anywhere; the number ν(θ) stays between its bounds, and a step of θ changes it in
proportion to its own scale:

* two bounds: ν = l + (u − l) σ(θ), σ the logistic function;
* one bound b: ν = b ± |ν_0 − b| ln(1 + e^θ);
* none: ν = ν_0 + max(|ν_0|, 1) θ.

Where the fields are corrected by little, so are the numbers: θ is θ_0 + ε times the parameter that moves.
"""

from __future__ import annotations

import abc
import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sirenpde.errors import ProblemError

#: An initial value, the least and the greatest value; None where there is no bound.
Declared = tuple[float, float | None, float | None]


class Scale(abc.ABC):
    """A smooth map from an unconstrained parameter θ to a number."""

    @property
    @abc.abstractmethod
    def start(self) -> float:
        """The parameter that gives the initial value."""

    @abc.abstractmethod
    def __call__(self, parameter: Tensor) -> Tensor:
        """Return the number, shape ``()``."""

    @abc.abstractmethod
    def kept(self, parameter: Tensor) -> tuple[float, float]:
        """Return θ and ν_0, from which the bounds give the number again, bit for bit."""


@dataclass(frozen=True)
class FromInitial(Scale):
    """A map that is made for an initial value ν_0."""

    initial: float

    def kept(self, parameter: Tensor) -> tuple[float, float]:
        """Return θ and ν_0."""
        return float(parameter), self.initial


@dataclass(frozen=True)
class Free(FromInitial):
    """A number without bounds."""

    @property
    def start(self) -> float:
        """Zero."""
        return 0.0

    def __call__(self, parameter: Tensor) -> Tensor:
        """Return ν_0 + max(|ν_0|, 1) θ."""
        return self.initial + max(abs(self.initial), 1.0) * parameter


@dataclass(frozen=True)
class OneSided(FromInitial):
    """A number on one side of a bound: above it where ``initial`` is."""

    bound: float

    @property
    def start(self) -> float:
        """The θ at which ln(1 + e^θ) = 1."""
        return math.log(math.expm1(1.0))

    def __call__(self, parameter: Tensor) -> Tensor:
        """Return b + (ν_0 − b) ln(1 + e^θ)."""
        return self.bound + (self.initial - self.bound) * torch.logaddexp(parameter, torch.zeros_like(parameter))


@dataclass(frozen=True)
class Between(FromInitial):
    """A number between two bounds."""

    lower: float
    upper: float

    @property
    def start(self) -> float:
        """The θ at which σ(θ) = (ν_0 − l) / (u − l)."""
        return math.log(self.initial - self.lower) - math.log(self.upper - self.initial)

    def __call__(self, parameter: Tensor) -> Tensor:
        """Return l + (u − l) σ(θ)."""
        return self.lower + (self.upper - self.lower) * torch.sigmoid(parameter)


@dataclass(frozen=True)
class Nearby(Scale):
    """A number near the one that another map gives at a parameter, moved by small steps of that parameter."""

    inner: Scale
    place: float
    step: float

    @property
    def start(self) -> float:
        """Zero."""
        return 0.0

    def __call__(self, parameter: Tensor) -> Tensor:
        """Return the inner map at θ_0 + ε θ."""
        return self.inner(self.place + self.step * parameter)

    def kept(self, parameter: Tensor) -> tuple[float, float]:
        """Return those of the inner map."""
        return self.inner.kept(self.place + self.step * parameter)


class UnknownNumbers(nn.Module):
    """The unknown numbers of a problem, one parameter each.

    Attributes:
        names: Their names, in the order of the parameters.
        scales: The map of each from its parameter.
        raw: The unconstrained parameters, each of shape ``()``.

    Raises:
        ProblemError: If an initial value does not lie strictly between its bounds.
    """

    def __init__(self, declared: Mapping[str, Declared]) -> None:
        """Start every number at its initial value."""
        super().__init__()
        self.names = tuple(declared)
        self.scales = tuple(_scale(name, *declared[name]) for name in self.names)
        self.raw = nn.ParameterList(
            nn.Parameter(torch.tensor(scale.start, dtype=torch.float64)) for scale in self.scales
        )

    def nearby(self, steps: Sequence[float]) -> UnknownNumbers:
        """Return the same numbers, each with a parameter that starts at zero and moves the present one by a step.

        Where the fields are corrected by 1e-8, a step that suits a number of size 1 would undo all that was found.
        """
        found = copy.deepcopy(self)
        rows = zip(self.scales, self.raw, steps, strict=True)
        found.scales = tuple(Nearby(scale, float(raw.detach()), step) for scale, raw, step in rows)
        with torch.no_grad():
            for parameter in found.raw:
                parameter.zero_()
        return found

    def values(self) -> dict[str, Tensor]:
        """Return name → number, shape ``()``, attached to the graph of its parameter."""
        rows = zip(self.names, self.scales, self.raw, strict=True)
        return {name: scale(parameter) for name, scale, parameter in rows}

    def numbers(self) -> dict[str, float]:
        """Return name → number."""
        return {name: float(value.detach()) for name, value in self.values().items()}

    def kept(self) -> dict[str, tuple[float, float]]:
        """Return name → θ and ν_0: with the bounds, what gives the same bits again."""
        rows = zip(self.names, self.scales, self.raw, strict=True)
        return {name: scale.kept(parameter.detach()) for name, scale, parameter in rows}

    def restore(self, kept: Mapping[str, float], dtype: torch.dtype) -> None:
        """Set the parameters of some numbers, in the type in which they were trained."""
        with torch.no_grad():
            for name, parameter in zip(self.names, self.raw, strict=True):
                if name in kept:
                    parameter.data = torch.tensor(kept[name], dtype=dtype, device=parameter.device)


def _scale(name: str, initial: float, lower: float | None, upper: float | None) -> Scale:
    """Return the map for these bounds; refuse a start on a bound, from which a smooth map cannot leave."""
    low, high = -math.inf if lower is None else lower, math.inf if upper is None else upper
    if not (math.isfinite(initial) and low < initial < high):
        msg = (
            f'unknown "{name}" starts at {initial!r}; expected a finite number above {low} and below {high}.\n'
            "  A number that starts on a bound could not leave it: choose another initial value, or wider bounds."
        )
        raise ProblemError(msg)
    if lower is not None and upper is not None:
        return Between(initial, lower, upper)
    bound = lower if lower is not None else upper
    return Free(initial) if bound is None else OneSided(initial, bound)


def unknown_numbers(network: nn.Module) -> dict[str, Tensor]:
    """Return name → number, shape ``()``, of the unknown numbers that a module holds; empty where it holds none."""
    found: dict[str, Tensor] = {}
    for module in network.modules():
        if isinstance(module, UnknownNumbers):
            found.update(module.values())
    return found
