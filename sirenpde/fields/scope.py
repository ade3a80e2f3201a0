"""What a residual is called with: ``a`` and ``phi``, bound to points and to a way to evaluate derivatives there.

An ``AutogradScope`` answers any question, slowly: it serves tracing, and residuals that differentiate expressions. The
``PlannedScope`` of ``planned.py`` answers what was asked while tracing, by the evaluation that the planner chose.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from sirenpde.errors import ExpressionError, UnknownNameError, suggestion
from sirenpde.fields.autodiff import Autodiff, slope
from sirenpde.fields.forms import Form
from sirenpde.fields.guarded import Scope
from sirenpde.fields.layout import Layout
from sirenpde.fields.quantity import Quantity
from sirenpde.fields.unknowns import unknown_numbers

#: What those are told who took the two arguments of a residual the other way round.
_ORDER = "A residual is called with (a, phi), in this order."

#: What has been computed at certain points and depends on nothing else. It belongs to these points and dies with them.
Memo = dict[Hashable, Any]


@dataclass(frozen=True)
class Surroundings:
    """What a residual can read besides the fields.

    Attributes:
        where: What the user calls the residual, for messages.
        layout: Fields and coordinates.
        knowns: Name → function of points ``(n, d)`` in the problem's coordinates, giving ``(n, …)``.
        unknowns: The names of the unknown numbers, whose values are those of the network.
    """

    where: str
    layout: Layout
    knowns: Mapping[str, Callable[[Tensor], Tensor]] = field(default_factory=dict)
    unknowns: tuple[str, ...] = ()


@dataclass
class Record:
    """What a residual asked for while it was traced.

    Attributes:
        forms: Per site, the forms that were evaluated.
        differentiates: Whether an expression was differentiated, for which only autograd serves.
        fields: The fields that were read.
        knowns: The knowns that were read.
        unknowns: The unknown numbers that were read, each with its value.
    """

    forms: list[set[Form]] = field(default_factory=lambda: [set()])
    differentiates: bool = False
    fields: set[str] = field(default_factory=set)
    knowns: set[str] = field(default_factory=set)
    unknowns: dict[str, Tensor] = field(default_factory=dict)


class EvaluationScope(Scope):
    """A scope over one network: its fields at the points and at displaced points, and its unknown numbers."""

    def __init__(self, surroundings: Surroundings, network: nn.Module, points: Tensor) -> None:
        """Bind a network to points of shape ``(n, d)``."""
        self.where = surroundings.where
        self.names = surroundings.layout.coordinates
        self.network = network
        self.points = points
        self.sites = [points]
        self.memo: Memo = {}

    @cached_property
    def numbers(self) -> Mapping[str, Tensor]:
        """Name → unknown number, shape ``()``."""
        return unknown_numbers(self.network)

    @abc.abstractmethod
    def displaced(self, points: Tensor) -> int:
        """Open a site at other points, and return its number."""


class AutogradScope(EvaluationScope):
    """A scope in which every derivative is taken by nested autograd, and every question is recorded."""

    def __init__(self, surroundings: Surroundings, network: nn.Module, points: Tensor) -> None:
        """Bind a network to points of shape ``(n, d)``."""
        leaf = points if points.requires_grad else points.detach().requires_grad_()
        super().__init__(surroundings, network, leaf)
        self.answers = [Autodiff(network, self.points)]
        self.record = Record()
        self._data: dict[str, Tensor] = {}

    def realise(self, site: int, forms: Sequence[Form]) -> list[Tensor]:
        """Evaluate forms by nested autograd."""
        self.record.forms[site].update(forms)
        return [self.answers[site].form(form) for form in forms]

    def slope(self, values: Tensor) -> Tensor:
        """Differentiate an expression by autograd."""
        self.record.differentiates = True
        if not values.requires_grad:
            msg = (
                f"{self.where} differentiates a quantity that depends on no coordinate.\n  Data measured at points "
                "have no derivative: give a known as a function or a Raster, or use its .gradient()."
            )
            raise ExpressionError(msg)
        self._refuse_ambiguous(values)
        return slope(values, self.points)

    def measured(self, name: str, values: Tensor) -> Tensor:
        """Return data that came with the points, as a tensor of which it can be told whether an expression reads it."""
        if name not in self._data:
            self._data[name] = values.detach().requires_grad_()
        return self._data[name]

    def _refuse_ambiguous(self, values: Tensor) -> None:
        """Refuse to differentiate what holds data, whose slope is unknown, or fields at displaced points."""
        watched = [*self._data.values(), *self.sites[1:]]
        if not watched:
            return
        found = torch.autograd.grad(values.sum(), watched, retain_graph=True, allow_unused=True)
        read = [name for name, gradient in zip(self._data, found, strict=False) if gradient is not None]
        if read:
            msg = (
                f"{self.where} differentiates an expression that holds a.{read[0]}, data measured at points, whose "
                "slope is not known.\n  Give it as a function or a Raster in given={…}."
            )
            raise ExpressionError(msg)
        if any(gradient is not None for gradient in found[len(self._data) :]):
            msg = (
                f"{self.where} differentiates an expression that holds fields at displaced points; it is not clear "
                'where.\n  Differentiate the field itself, sp.partial(phi.at(x=1).u, "x"): that is taken at the '
                "displaced points."
            )
            raise ExpressionError(msg)

    def displaced(self, points: Tensor) -> int:
        """Open a site at other points."""
        points = points if points.requires_grad else points.requires_grad_()
        self.sites.append(points)
        self.answers.append(Autodiff(self.network, points))
        self.record.forms.append(set())
        return len(self.sites) - 1


class Phi:
    """The fields at the points, read as ``phi.NAME``; ``phi.at(x=1)`` are the fields at displaced points."""

    __slots__ = ("_layout", "_scope", "_site")

    def __init__(self, scope: EvaluationScope, layout: Layout, site: int = 0) -> None:
        """Bind the fields to a scope and a site."""
        self._scope = scope
        self._layout = layout
        self._site = site

    def __getattr__(self, name: str) -> Quantity:
        """Return the field of that name, shape ``(n,)`` or ``(n, c)``."""
        if name.startswith("__"):
            raise AttributeError(name)
        if name not in self._layout.fields:
            fields = ", ".join(self._layout.fields)
            near = suggestion(name, self._layout.fields, "phi.")
            if name in self._layout.coordinates:
                near = f"\n  {name} is a coordinate: write a.{name}. {_ORDER}"
            msg = f"{self._scope.where} reads phi.{name}; the fields are {fields}.{near}"
            raise UnknownNameError(msg)
        if isinstance(self._scope, AutogradScope):
            self._scope.record.fields.add(name)
        return Quantity(self._scope, forms=self._layout.forms(name), site=self._site)

    def __call__(self, *_: object, **__: object) -> Phi:
        """Refuse: fields are read by name."""
        self._scope.refuse(
            "calls phi as a function.",
            f"Read a field as phi.{next(iter(self._layout.fields))}; at other points as phi.at(x=…).",
        )

    def at(self, /, **coordinates: float | Tensor | Quantity) -> Phi:
        """Return the fields at the same points with some coordinates replaced by numbers or quantities ``(n,)``."""
        points = self._scope.sites[self._site]
        columns = list(points.unbind(dim=1))
        for name, value in coordinates.items():
            if name not in self._layout.coordinates:
                known = self._layout.coordinates
                near = suggestion(name, known)
                msg = f"{self._scope.where} reads phi.at({name}=…); the coordinates are {', '.join(known)}.{near}"
                raise UnknownNameError(msg)
            columns[self._layout.coordinates.index(name)] = self._column(name, value, points)
        return Phi(self._scope, self._layout, self._scope.displaced(torch.stack(columns, dim=1)))

    def _column(self, name: str, value: Any, points: Tensor) -> Tensor:
        if isinstance(value, Quantity):
            if value.trailing:
                self._scope.refuse(
                    f"displaces {name} by a quantity of shape {value.shape}.", "A coordinate is a scalar, (n,)."
                )
            return value.tensor
        if isinstance(value, Tensor) and value.ndim == 0:  # an unknown number
            return value.expand_as(points[:, 0])
        if isinstance(value, bool) or not isinstance(value, int | float):
            self._scope.refuse(f"displaces {name} to {value!r}.", "Give a number, or a quantity such as a.x + 0.1.")
        return torch.full_like(points[:, 0], float(value))


class Given:
    """What stands beside the fields, read as ``a.NAME``: coordinates, knowns, data, unknown numbers, ``a.normal``."""

    __slots__ = ("_local", "_scope", "_surroundings")

    def __init__(self, scope: EvaluationScope, surroundings: Surroundings, local: Mapping[str, Tensor]) -> None:
        """Bind knowns to a scope; ``local`` holds what comes with the points: data, and the normal."""
        self._scope = scope
        self._surroundings = surroundings
        self._local = local

    def __getattr__(self, name: str) -> Any:
        """Return what is known by that name, shape ``(n,)`` or ``(n, k)``; an unknown number, shape ``()``."""
        if name.startswith("__"):
            raise AttributeError(name)
        scope = self._scope
        if name in scope.names:
            return Quantity(scope, scope.points[:, scope.names.index(name)])
        if name in self._local:
            if isinstance(scope, AutogradScope) and name != "normal":  # a normal is constant along its side
                scope.record.knowns.add(name)
                return Quantity(scope, scope.measured(name, self._local[name]))
            return Quantity(scope, self._local[name])
        if name in self._surroundings.unknowns:
            if isinstance(scope, AutogradScope):
                scope.record.unknowns[name] = scope.numbers[name]
            return scope.numbers[name]
        if name not in self._surroundings.knowns:
            raise UnknownNameError(self._complaint(name))
        if isinstance(scope, AutogradScope):
            scope.record.knowns.add(name)
        known = self._surroundings.knowns[name]
        if known not in scope.memo:
            scope.memo[known] = known(scope.points)
        return Quantity.of_known(scope, known, scope.memo[known])

    def _complaint(self, name: str) -> str:
        layout = self._surroundings.layout
        groups = {
            "coordinates": list(layout.coordinates),
            "given": list(self._surroundings.knowns),
            "unknowns": list(self._surroundings.unknowns),
            "with the points": list(self._local),
        }
        listed = " and ".join(f"{', '.join(names)} ({group})" for group, names in groups.items() if names)
        if name == "normal":
            hint = "\n  Only boundaries have a normal: pose the condition on box.boundary or on a side, box.at(x=1)."
        elif name in layout.fields:
            hint = f"\n  {name} is a field: write phi.{name}. {_ORDER}"
        else:
            hint = suggestion(name, [each for names in groups.values() for each in names], "a.")
        return f"{self._scope.where} reads a.{name}; the names it can read are {listed}.{hint}"
