"""Quantities: values at points that know how to be differentiated, and cannot be mixed between points.

A quantity has a value per point: shape ``(n,)``, or ``(n, …)`` with component axes. Shapes align from the points axis
on, so a scalar ``(n,)`` joins every component of ``(n, d)``, and the silent ``(n, n)`` of row against column cannot
arise. A quantity made of fields by derivatives, sums and constant factors alone keeps its linear *forms* and is
evaluated only when a value is needed, so that a sum of derivatives can be delivered as one; every other carries a
tensor.
"""

from __future__ import annotations

import abc
import numbers
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import EllipsisType
from typing import Any, NoReturn

import numpy as np
import torch
from torch import Tensor

from sirenpde.errors import ResidualError
from sirenpde.fields.forms import Form, added, mapped, scaled, selected
from sirenpde.fields.pointwise import NUMPY_OPERATORS, POINTWISE


class Scope(abc.ABC):
    """Where quantities live during one evaluation of a residual: the points, and what can be asked there."""

    #: What the user calls the residual, for messages: ``constraint "walls" of problem "burgers"``.
    where: str
    names: tuple[str, ...]
    points: Tensor

    @property
    def count(self) -> int:
        """The number of points n."""
        return self.points.shape[0]

    @abc.abstractmethod
    def realise(self, site: int, forms: Sequence[Form]) -> list[Tensor]:
        """Return the value, ``(n,)``, of each form at the points of a site (0: the points themselves)."""

    @abc.abstractmethod
    def slope(self, values: Tensor) -> Tensor:
        """Return the gradient, ``(n, d)``, of an expression's values, ``(n,)``."""

    def refuse(self, what: str, hint: str) -> NoReturn:
        """Raise a ``ResidualError`` that names the residual."""
        msg = f"{self.where} {what}\n  {hint}"
        raise ResidualError(msg)


class Quantity:
    """Values at points: shape ``(n,)`` or ``(n, …)``. Arithmetic and point-by-point torch functions give quantities."""

    __slots__ = ("_tensor", "forms", "scope", "site", "trailing")
    __hash__ = None  # type: ignore[assignment]

    def __init__(
        self, scope: Scope, tensor: Tensor | None = None, forms: np.ndarray | None = None, site: int = 0
    ) -> None:
        """Wrap a tensor ``(n, …)``, or an array of linear forms with the component axes alone."""
        self.scope = scope
        self._tensor = tensor
        self.forms = forms
        self.site = site
        if tensor is not None:
            self.trailing = tuple(tensor.shape[1:])
        elif forms is not None:
            self.trailing = forms.shape

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

    def sum(self, dim: int | None = None) -> Quantity:
        """Sum over the last, component axis: ``q.sum(-1)``."""
        return self._reduced(torch.sum, dim)

    def mean(self, dim: int | None = None) -> Quantity:
        """Average over the last, component axis: ``q.mean(-1)``."""
        return self._reduced(torch.mean, dim)

    def _reduced(self, function: Callable[..., Tensor], dim: object) -> Quantity:
        over_points = not isinstance(dim, int) or dim % self.ndim == 0
        if over_points or not -self.ndim <= dim < self.ndim:  # type: ignore[operator]
            self.scope.refuse(
                f"takes a {function.__name__} over points; the integral over points is the loss's own.",
                f"Write q.{function.__name__}(-1) for a {function.__name__} over components.",
            )
        return Quantity(self.scope, function(self.tensor, dim=dim))

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

    # What would mix points, or leave the residual -----------------------------------------------------------------

    def __bool__(self) -> bool:
        """Refuse: a condition holds at some points and not at others."""
        self.scope.refuse(
            "uses a quantity as one truth value, in an if, and, or or not.",
            "A condition differs from point to point: write torch.where(condition, this, that).",
        )

    def __iter__(self) -> Iterator[Quantity]:
        """Refuse: the first axis is that of points."""
        self.scope.refuse("iterates over points, or unpacks them.", "Components are q[:, 0], q[:, 1], ….")

    def __len__(self) -> int:
        """Refuse: the number of points is not the residual's business."""
        self.scope.refuse(
            "asks for the number of points.", "A residual sees each point alone; the loss does the averaging."
        )

    def __setitem__(self, index: object, value: object) -> None:
        """Refuse: quantities are not changed in place."""
        self.scope.refuse(
            "changes a quantity in place.",
            "Write torch.where(condition, this, that), or torch.stack([…], dim=-1) for components.",
        )

    def __matmul__(self, other: object) -> Quantity:
        """Refuse: the first axis is that of points."""
        self.scope.refuse(
            "multiplies matrices by @, which would mix points.",
            "Write sp.dot(v, w) for a sum over components, or v * w for a product point by point.",
        )

    __rmatmul__ = __matmul__

    def __float__(self) -> float:
        """Refuse: a quantity is no number."""
        self.scope.refuse(
            "turns a quantity into a Python number.",
            "Use torch functions, such as torch.sin(a.x), not math or float().",
        )

    __int__ = __complex__ = __index__ = __float__

    def __array__(self, *_: object, **__: object) -> np.ndarray:
        """Refuse: NumPy would cut the graph."""
        self.scope.refuse(
            "turns a quantity into a NumPy array, which cuts it off from the weights.",
            "Use torch functions: torch.sin(a.x) in place of numpy.sin(a.x).",
        )

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: object, **_: object) -> Any:
        """Let NumPy's numbers take part in arithmetic; refuse its arrays and functions."""
        if any(isinstance(value, np.ndarray) and value.ndim for value in inputs):
            self.scope.refuse("combines a quantity with a NumPy array.", _DATA_HINT)
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
            return lambda *others, **options: pointwise(function, self, *others, **options)
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
        if function in POINTWISE and not (options.keys() - {"other", "min", "max", "input", "exponent"}):
            return pointwise(function, *args, **options)
        first = _first(*args, *options.values())
        if function in (torch.sum, torch.mean) and isinstance(args[0], Quantity) and not options.keys() - {"dim"}:
            return args[0]._reduced(function, options.get("dim", args[1] if len(args) > 1 else None))
        first.scope.refuse(
            f"calls torch.{getattr(function, '__name__', function)}, which does not act point by point.",
            "Use functions such as torch.sin and torch.where, q.sum(-1) over components, sp.dot and sp.norm.",
        )


_DATA_HINT = "Give data through given={…} or Points(…, data={…}), and read it as a.NAME."


def pointwise(function: Callable[..., Any], *args: object, **options: object) -> Quantity:
    """Apply a torch function point by point, after aligning the component axes of its arguments.

    Raises:
        ResidualError: If two arguments have different component axes and neither is a scalar, or a plain tensor does
            not have one row per point.
    """
    first = _first(*args, *options.values())
    scope = first.scope
    depth = max(_trailing(value, scope, function) for value in (*args, *options.values()))
    shapes = {tuple(shape) for shape in _component_shapes([*args, *options.values()])}
    shapes.discard(())
    if len(shapes) > 1:
        pair = " and ".join(shape_text(shape) for shape in sorted(shapes))
        scope.refuse(
            f"combines quantities of shapes {pair} in {function.__name__}; neither is a scalar (n,).",
            "Quantities combine if they have the same shape or one is a scalar: take components, as in q[:, 0], or "
            "sp.dot.",
        )
    plain = [_aligned(value, depth) for value in args]
    named = {name: _aligned(value, depth) for name, value in options.items()}
    return Quantity(scope, function(*plain, **named))


def shape_text(trailing: tuple[int, ...]) -> str:
    """Return a shape as messages give it: (n,) or (n, 2)."""
    return f"({', '.join(['n', *map(str, trailing)])}{'' if trailing else ','})"


def _first(*values: object) -> Quantity:
    """Return the first quantity among values, or inside the lists and tuples among them."""
    found = list(values)
    while not isinstance(found[0], Quantity):
        first = found.pop(0)
        found[:0] = first if isinstance(first, list | tuple) else ()
    return found[0]


def _component_shapes(values: Sequence[object]) -> Iterator[tuple[int, ...]]:
    for value in values:
        if isinstance(value, Quantity):
            yield value.trailing
        elif isinstance(value, Tensor) and value.ndim:
            yield tuple(value.shape[1:])


def _trailing(value: object, scope: Scope, function: Callable[..., Any]) -> int:
    """Return how many component axes an argument has; refuse a plain tensor that does not follow the points."""
    if isinstance(value, Quantity):
        return len(value.trailing)
    if isinstance(value, np.ndarray):
        scope.refuse("combines a quantity with a NumPy array.", _DATA_HINT)
    if isinstance(value, Tensor) and value.ndim:
        if value.shape[0] != scope.count:
            scope.refuse(
                f"combines a quantity of {scope.count} points with a plain tensor of shape {tuple(value.shape)} in "
                f"{function.__name__}.",
                "Points change from step to step: give data through given={…} or Points(…, data={…}); write numbers as "
                "numbers.",
            )
        return value.ndim - 1
    return 0


def _aligned(value: object, depth: int) -> Any:
    """Return an argument as torch takes it, with component axes of length 1 added up to ``depth``."""
    tensor = value.tensor if isinstance(value, Quantity) else value
    if isinstance(tensor, Tensor) and 0 < tensor.ndim <= depth:
        return tensor.reshape(*tensor.shape, *(1,) * (depth + 1 - tensor.ndim))
    return tensor


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
    depth = max(_trailing(part, first.scope, function) for part in parts)
    axes = depth + 1 + (function is torch.stack)
    if dim % axes == 0:
        first.scope.refuse(
            "stacks quantities along the points axis.",
            f"Write torch.{function.__name__}([…], dim=-1): components stand last.",
        )
    if len({tuple(_component_shapes([part])) for part in parts}) > 1 and function is torch.stack:
        first.scope.refuse(
            "stacks parts of different shapes.",
            "Parts of a vector are scalars (n,): write 0 * a.x + 1 for a constant.",
        )
    if dim % axes == axes - 1 and _are_forms_of_one_site(parts):
        join = np.stack if function is torch.stack else np.concatenate
        return Quantity(first.scope, forms=join([part.forms for part in parts], axis=-1), site=first.site)
    return Quantity(first.scope, function([_aligned(part, 0) for part in parts], dim=dim))
