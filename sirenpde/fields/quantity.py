"""Quantities: values at points that know how to be differentiated, and cannot be mixed between points.

A quantity has a value per point: shape ``(n,)``, or ``(n, …)`` with component axes. Shapes align from the points axis
on, so a scalar ``(n,)`` joins every component of ``(n, d)``, and the silent ``(n, n)`` of row against column cannot
arise. A quantity made of fields by derivatives, sums and constant factors alone keeps its linear *forms* and is
evaluated only when a value is needed, so that a sum of derivatives can be delivered as one; every other carries a
tensor. A known is remembered as a function of the points, so that its derivatives need not pass through the fields.
"""

from __future__ import annotations

import numbers
from collections.abc import Callable, Mapping, Sequence
from types import EllipsisType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sirenpde.fields.alignment import DATA_HINT, aligned, component_axes, component_shapes, shape_text
from sirenpde.fields.forms import added, mapped, scaled, selected
from sirenpde.fields.guarded import PointValues, Scope
from sirenpde.fields.pointwise import NUMPY_OPERATORS, POINTWISE

#: A function of the points alone: ``(n, d)`` → ``(n, …)``.
KnownFunction = Callable[[Tensor], Tensor]


class Quantity(PointValues):
    """Values at points: shape ``(n,)`` or ``(n, …)``. Arithmetic and point-by-point torch functions give quantities."""

    __slots__ = ("_tensor", "forms", "known", "site")
    __hash__ = None  # type: ignore[assignment]

    def __init__(
        self, scope: Scope, tensor: Tensor | None = None, forms: np.ndarray | None = None, site: int = 0
    ) -> None:
        """Wrap a tensor ``(n, …)``, or an array of linear forms with the component axes alone."""
        self.scope = scope
        self._tensor = tensor
        self.forms = forms
        self.known: KnownFunction | None = None
        self.site = site
        if tensor is not None:
            self.trailing = tuple(tensor.shape[1:])
        elif forms is not None:
            self.trailing = forms.shape

    @classmethod
    def of_known(cls, scope: Scope, known: KnownFunction, values: Tensor | None = None) -> Quantity:
        """Return the values of a function of the points, which may have been computed before."""
        quantity = cls(scope, known(scope.points) if values is None else values)
        quantity.known = known
        return quantity

    @property
    def tensor(self) -> Tensor:
        """The values, shape ``(n, …)``; evaluated on first use where the quantity is a linear form."""
        if self._tensor is None:
            forms: np.ndarray = self.forms  # type: ignore[assignment]
            values = self.scope.realise(self.site, list(forms.reshape(-1)))
            stacked = values[0] if forms.ndim == 0 else torch.stack(values, dim=-1)
            self._tensor = stacked.reshape(self.scope.count, *self.trailing)
        return self._tensor

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape, points first."""
        return (self.scope.count, *self.trailing)

    @property
    def ndim(self) -> int:
        """The number of axes, points included."""
        return len(self.shape)

    def __repr__(self) -> str:
        """Return the shape; values are for the residual, not for reading."""
        return f"Quantity{self.shape}"

    # Components ------------------------------------------------------------------------------------------------

    def __getitem__(self, index: object) -> Quantity:
        """Select components: ``q[:, 0]`` or ``q[..., 0]``. Points cannot be selected."""
        places = index if isinstance(index, tuple) else (index,)
        whole = bool(places) and (places[0] is Ellipsis or (isinstance(places[0], slice) and places[0] == slice(None)))
        plain = all(isinstance(place, int | slice | EllipsisType) and not isinstance(place, bool) for place in places)
        if not whole or not plain:
            self.scope.refuse(
                f"selects points by q[{index!r}]; a residual sees each point alone.",
                "Components stand on the last axis: write q[:, 0] for the first one.",
            )
        rest: tuple[Any, ...] = places if places[0] is Ellipsis else places[1:]
        try:
            if self.forms is not None:
                return Quantity(self.scope, forms=selected(self.forms, rest), site=self.site)
            return Quantity(self.scope, self.tensor[(slice(None), *rest)])  # never q[..., 0] of (n,), a point
        except IndexError:
            self.scope.refuse(
                f"asks for component {index!r} of a quantity of shape {shape_text(self.trailing)}.",
                "Components are counted from 0.",
            )

    def sum(self, dim: int | None = None, **options: object) -> Quantity:
        """Sum over the last, component axis: ``q.sum(-1)``."""
        return self._reduced(torch.sum, dim, options)

    def mean(self, dim: int | None = None, **options: object) -> Quantity:
        """Average over the last, component axis: ``q.mean(-1)``."""
        return self._reduced(torch.mean, dim, options)

    def _reduced(self, function: Callable[..., Tensor], dim: object, options: Mapping[str, object]) -> Quantity:
        self._refuse_options(function, options)
        over_points = not isinstance(dim, int) or dim % self.ndim == 0
        if over_points or not -self.ndim <= dim < self.ndim:  # type: ignore[operator]
            self.scope.refuse(
                f"takes a {function.__name__} over points; the integral over points is the loss's own.",
                f"Write q.{function.__name__}(-1) for a {function.__name__} over components.",
            )
        return Quantity(self.scope, function(self.tensor, dim=dim))

    def _refuse_options(self, function: Callable[..., Any], options: Mapping[str, object]) -> None:
        if options:
            self.scope.refuse(
                f"calls torch.{getattr(function, '__name__', function)} with {', '.join(options)}=…, which quantities "
                "do not take.",
                "Shapes align by themselves, a scalar (n,) with every component; write factors out, as in q + 2 * p.",
            )

    # Arithmetic ------------------------------------------------------------------------------------------------

    def __neg__(self) -> Quantity:
        """Return −q."""
        return self * -1.0

    def __pos__(self) -> Quantity:
        """Return q."""
        return self

    def __abs__(self) -> Quantity:
        """Return |q|."""
        return pointwise(torch.abs, self)

    def abs(self) -> Quantity:
        """Return |q|."""
        return pointwise(torch.abs, self)

    def __add__(self, other: object) -> Quantity:
        """Return q + other."""
        return _linear(self, other, 1.0)

    def __radd__(self, other: object) -> Quantity:
        """Return other + q."""
        return pointwise(torch.add, other, self)

    def __sub__(self, other: object) -> Quantity:
        """Return q − other."""
        return _linear(self, other, -1.0)

    def __rsub__(self, other: object) -> Quantity:
        """Return other − q."""
        return pointwise(torch.sub, other, self)

    def __mul__(self, other: object) -> Quantity:
        """Return q · other."""
        return _multiple(self, other)

    __rmul__ = __mul__

    def __truediv__(self, other: object) -> Quantity:
        """Return q / other."""
        if self.forms is not None and isinstance(other, numbers.Real) and not isinstance(other, bool) and other != 0:
            return self * (1.0 / float(other))
        return pointwise(torch.div, self, other)

    def __rtruediv__(self, other: object) -> Quantity:
        """Return other / q."""
        return pointwise(torch.div, other, self)

    def __pow__(self, other: object) -> Quantity:
        """Return q to a power."""
        return pointwise(torch.pow, self, other)

    def __rpow__(self, other: object) -> Quantity:
        """Return a number to the power q."""
        return pointwise(torch.pow, other, self)

    def __mod__(self, other: object) -> Quantity:
        """Return the remainder, with the sign of the divisor."""
        return pointwise(torch.remainder, self, other)

    def __rmod__(self, other: object) -> Quantity:
        """Return the remainder of other by q."""
        return pointwise(torch.remainder, other, self)

    def __lt__(self, other: object) -> Quantity:
        """Compare, for ``torch.where``."""
        return pointwise(torch.lt, self, other)

    def __le__(self, other: object) -> Quantity:
        """Compare, for ``torch.where``."""
        return pointwise(torch.le, self, other)

    def __gt__(self, other: object) -> Quantity:
        """Compare, for ``torch.where``."""
        return pointwise(torch.gt, self, other)

    def __ge__(self, other: object) -> Quantity:
        """Compare, for ``torch.where``."""
        return pointwise(torch.ge, self, other)

    def __eq__(self, other: object) -> Quantity:  # type: ignore[override]
        """Compare, for ``torch.where``."""
        return pointwise(torch.eq, self, other)

    def __ne__(self, other: object) -> Quantity:  # type: ignore[override]
        """Compare, for ``torch.where``."""
        return pointwise(torch.ne, self, other)

    def __and__(self, other: object) -> Quantity:
        """Join conditions."""
        return pointwise(torch.logical_and, self, other)

    def __or__(self, other: object) -> Quantity:
        """Join conditions."""
        return pointwise(torch.logical_or, self, other)

    def __invert__(self) -> Quantity:
        """Negate a condition."""
        return pointwise(torch.logical_not, self)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: object, **_: object) -> Any:
        """Let NumPy's numbers take part in arithmetic; refuse its arrays and functions."""
        if any(isinstance(value, np.ndarray) and value.ndim for value in inputs):
            self.scope.refuse("combines a quantity with a NumPy array.", DATA_HINT)
        if ufunc not in NUMPY_OPERATORS or method != "__call__":
            self.scope.refuse(
                f"calls numpy.{ufunc.__name__} of a quantity, which cuts it off from the weights.",
                f"Write torch.{ufunc.__name__}.",
            )
        plain = (value.item() if isinstance(value, np.generic | np.ndarray) else value for value in inputs)
        return NUMPY_OPERATORS[ufunc](*plain)

    def __getattr__(self, name: str) -> Any:
        """Offer the point-by-point tensor methods, such as ``q.sin()``; refuse the others by name."""
        if name.startswith("__"):
            raise AttributeError(name)
        function = getattr(torch, name, None)
        if function in POINTWISE:
            return lambda *others, **options: self.__torch_function__(function, (), (self, *others), options)
        if name in {"_sympy_", "_op_priority"}:  # SymPy's functions and symbols ask for them
            self.scope.refuse(
                "mixes a quantity with SymPy.",
                "In a function write torch.sin(a.x), not sympy.sin, and a.x, not SymPy's symbol x.",
            )
        if name in self.scope.names:
            self.scope.refuse(
                f"reads .{name} of a quantity, but coordinates are read from a: a.{name}.",
                "A hard condition is called with (a, u), a residual with (a, phi), in this order.",
            )
        self.scope.refuse(
            f"uses .{name} of a quantity, which does not act point by point.",
            "Quantities have arithmetic, .sum(-1), .mean(-1), components q[:, 0] and functions such as torch.sin(q).",
        )

    @classmethod
    def __torch_function__(
        cls,
        function: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Quantity:
        """Let torch functions act on quantities, point by point."""
        del types
        options = dict(kwargs or {})
        named = getattr(torch, getattr(function, "__name__", ""), None)
        if named in POINTWISE:  # also as an operator or a method of a plain tensor: tensor * q, tensor.mul(q)
            function = named
            options = {key: value for key, value in options.items() if (key, value) != ("inplace", False)}
        if function in (torch.stack, torch.cat):
            return _joined(function, args, options)
        first = _first(*args, *options.values())
        if function in POINTWISE:
            operands = {"other", "min", "max", "input", "exponent"}
            first._refuse_options(function, {key: value for key, value in options.items() if key not in operands})
            return pointwise(function, *args, **options)
        if function in (torch.sum, torch.mean) and isinstance(args[0], Quantity):
            dim = options.pop("dim", args[1] if len(args) > 1 else None)
            return args[0]._reduced(function, dim, options)
        first.scope.refuse(
            f"calls torch.{getattr(function, '__name__', function)}, which does not act point by point.",
            "Use functions such as torch.sin and torch.where, q.sum(-1) over components, sp.dot and sp.norm.",
        )


def pointwise(function: Callable[..., Any], *args: object, **options: object) -> Quantity:
    """Apply a torch function point by point, after aligning the component axes of its arguments.

    Raises:
        ResidualError: If two arguments have different component axes and neither is a scalar, or a plain tensor does
            not have one row per point.
    """
    first = _first(*args, *options.values())
    scope = first.scope
    depth = max(component_axes(value, scope, function) for value in (*args, *options.values()))
    shapes = {tuple(shape) for shape in component_shapes([*args, *options.values()])}
    shapes.discard(())
    if len(shapes) > 1:
        pair = " and ".join(shape_text(shape) for shape in sorted(shapes))
        scope.refuse(
            f"combines quantities of shapes {pair} in {function.__name__}; neither is a scalar (n,).",
            "Quantities combine if they have the same shape or one is a scalar: take components, as in q[:, 0], or "
            "sp.dot.",
        )
    plain = [aligned(value, depth) for value in args]
    named = {name: aligned(value, depth) for name, value in options.items()}
    return Quantity(scope, function(*plain, **named))


def _first(*values: object) -> Quantity:
    """Return the first quantity among values, or inside the lists and tuples among them."""
    found = list(values)
    while not isinstance(found[0], Quantity):
        first = found.pop(0)
        found[:0] = first if isinstance(first, list | tuple) else ()
    return found[0]


def _linear(left: Quantity, right: object, sign: float) -> Quantity:
    """Return left ± right: as forms where both are forms of one shape at one site."""
    if _are_forms_of_one_site([left, right]) and left.trailing == right.trailing:  # type: ignore[attr-defined]
        total = mapped(lambda one, other: added(one, scaled(other, sign)), left.forms, right.forms)  # type: ignore[arg-type, attr-defined]
        return Quantity(left.scope, forms=total, site=left.site)
    return pointwise(torch.add if sign > 0 else torch.sub, left, right)


def _are_forms_of_one_site(parts: Sequence[object]) -> bool:
    """Say whether all of some values are linear forms at the same points."""
    forms = [part for part in parts if isinstance(part, Quantity) and part.forms is not None]
    return len(forms) == len(parts) and len({part.site for part in forms}) == 1


def _multiple(quantity: Quantity, factor: object) -> Quantity:
    """Return q · factor: as forms where the factor is a plain number and q is made of forms."""
    if quantity.forms is None or isinstance(factor, bool) or not isinstance(factor, numbers.Real):
        return pointwise(torch.mul, quantity, factor)
    number = float(factor)
    return Quantity(quantity.scope, forms=mapped(lambda form: scaled(form, number), quantity.forms), site=quantity.site)


def _joined(function: Callable[..., Tensor], args: Sequence[Any], options: Mapping[str, Any]) -> Quantity:
    """Stack or concatenate components; forms stay forms where they are joined on the last axis."""
    first = _first(*args[0])
    parts = list(args[0])
    dim = options.get("dim", args[1] if len(args) > 1 else 0)
    depth = max(component_axes(part, first.scope, function) for part in parts)
    axes = depth + 1 + (function is torch.stack)
    if dim % axes == 0:
        first.scope.refuse(
            "stacks quantities along the points axis.",
            f"Write torch.{function.__name__}([…], dim=-1): components stand last.",
        )
    if len({tuple(component_shapes([part])) for part in parts}) > 1 and function is torch.stack:
        first.scope.refuse(
            "stacks parts of different shapes.",
            "Parts of a vector are scalars (n,): write 0 * a.x + 1 for a constant.",
        )
    if dim % axes == axes - 1 and _are_forms_of_one_site(parts):
        join = np.stack if function is torch.stack else np.concatenate
        return Quantity(first.scope, forms=join([part.forms for part in parts], axis=-1), site=first.site)
    return Quantity(first.scope, function([aligned(part, 0) for part in parts], dim=dim))
