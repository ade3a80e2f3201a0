"""Differential operators on quantities: ∇, ∇·, ∇×, Δ, the Hessian, and partial derivatives.

Applied to a field, or to what derivatives and constant factors make of it, an operator only notes which linear form is
meant; applied to any other expression it differentiates by autograd.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import sympy
import torch

from sirenpde.errors import ExpressionError, kind_of, suggestion
from sirenpde.fields.alignment import shape_text
from sirenpde.fields.autodiff import KnownSlope
from sirenpde.fields.forms import differentiated, mapped
from sirenpde.fields.quantity import Quantity


def partial(q: Quantity, *names: str) -> Quantity:
    r"""Return a partial derivative, ∂q/∂x, of a field or of an expression made of fields.

    Args:
        q: Shape ``(n,)`` or ``(n, …)``.
        names: The coordinates to differentiate by, one after the other: ``partial(q, "x", "t")`` is ∂²q/∂x∂t.

    Returns:
        The shape of ``q``, in the unit of ``q`` per unit of each coordinate.

    Raises:
        ExpressionError: If no coordinate is named, one does not exist, or ``q`` depends on none.

    Example:
        >>> import sirenpde as sp
        >>> def advection(a, phi):
        ...     return sp.partial(phi.u, "t") + sp.partial(phi.u, "x")
    """
    if not names:
        msg = f'{_where(q)} calls partial without a coordinate. Write sp.partial(q, "{_quantity(q).scope.names[0]}").'
        raise ExpressionError(msg)
    for axis in _axes(q, names):
        q = _derivative(q, axis)
    return q


def grad(q: Quantity, *, over: Sequence[str] | None = None) -> Quantity:
    """Return the gradient, with an axis of the coordinates appended.

    Args:
        q: Shape ``(n,)``, or ``(n, c)`` for c components.
        over: Names of the coordinates to differentiate by; all of them if left out.

    Returns:
        Shape ``(n, d)``, or ``(n, c, d)`` with ``[i, j]`` = ∂q_i/∂x_j.

    Raises:
        ExpressionError: If ``over`` names a coordinate that does not exist, or ``q`` depends on none.

    Example:
        >>> import sirenpde as sp
        >>> def slope_is_known(a, phi):
        ...     return sp.grad(phi.u) - a.slope
    """
    parts = [_derivative(q, axis) for axis in _axes(q, over)]
    forms = [part.forms for part in parts if part.forms is not None]
    if forms:
        return Quantity(q.scope, forms=np.stack(forms, axis=-1), site=q.site)
    return Quantity(q.scope, torch.stack([part.tensor for part in parts], dim=-1))


def div(q: Quantity, *, over: Sequence[str] | None = None) -> Quantity:
    """Return the divergence, Σ_i ∂q_i/∂x_i, contracting the last axis.

    Args:
        q: Shape ``(n, d)`` or ``(n, c, d)``, one entry on the last axis per coordinate.
        over: Names of the coordinates, in the order of the entries; all of them if left out.

    Returns:
        Shape ``(n,)`` or ``(n, c)``.

    Raises:
        ExpressionError: If the last axis does not have one entry per coordinate.
    """
    axes = _axes(q, over)
    if not q.trailing or q.trailing[-1] != len(axes):
        names = ", ".join(q.scope.names[axis] for axis in axes)
        msg = (
            f"{_where(q)} takes the divergence of a quantity of shape {_shape(q)} over {names}; expected {len(axes)} "
            f"entries on the last axis, one per coordinate.\n  Name the coordinates of the vector: div(q, over=(…))."
        )
        raise ExpressionError(msg)
    return _total([_derivative(q[..., place], axis) for place, axis in enumerate(axes)])


def laplacian(q: Quantity, *, over: Sequence[str] | None = None) -> Quantity:
    r"""Return the Laplacian of a field, or of an expression made of fields.

    Component by component, Δq = Σ_i ∂²q/∂x_i². The sum runs over every coordinate, time included;
    name the spatial ones in ``over`` to leave time out.

    Args:
        q: Shape ``(n,)``, or ``(n, c)`` for c components.
        over: Names of the coordinates to sum over; all of them if left out.

    Returns:
        The shape of ``q``, in the unit of ``q`` per squared unit of length. Coordinates in ``over``
        must share a unit; nothing is rescaled.

    Raises:
        ExpressionError: If ``q`` depends on no coordinate, or ``over`` names one that it does not have.

    Example:
        >>> import sirenpde as sp
        >>> def heat(a, phi):
        ...     return sp.partial(phi.u, "t") - sp.laplacian(phi.u, over=("x", "y"))

    References:
        Sitzmann et al. 2020, Implicit Neural Representations with Periodic Activation Functions, Sec. 4.1.
    """
    return _total([_derivative(_derivative(q, axis), axis) for axis in _axes(q, over)])


def hessian(q: Quantity, *, over: Sequence[str] | None = None) -> Quantity:
    """Return the matrix of second derivatives, with two axes appended.

    Args:
        q: Shape ``(n,)``, or ``(n, c)`` for c components.
        over: Names of the coordinates to differentiate by; all of them if left out.

    Returns:
        Shape ``(n, d, d)`` or ``(n, c, d, d)``.

    Raises:
        ExpressionError: If ``over`` names a coordinate that does not exist, or ``q`` depends on none.
    """
    return grad(grad(q, over=over), over=over)


def curl(q: Quantity, *, over: Sequence[str] | None = None) -> Quantity:
    """Return the curl of a vector in two or three coordinates.

    Args:
        q: Shape ``(n, 2)`` or ``(n, 3)``.
        over: Names of the two or three coordinates, in the order of the entries; all of them if left out.

    Returns:
        Shape ``(n,)``, ∂q_y/∂x − ∂q_x/∂y, in two coordinates; ``(n, 3)`` in three.

    Raises:
        ExpressionError: If ``q`` does not have two or three entries, one per coordinate.
    """
    axes = _axes(q, over)
    if len(axes) not in (2, 3) or q.trailing != (len(axes),):
        msg = (
            f"{_where(q)} takes the curl of a quantity of shape {_shape(q)} over {len(axes)} coordinates; expected "
            f"(n, 2) over two or (n, 3) over three.\n  Name the coordinates of the vector: curl(q, over=(…))."
        )
        raise ExpressionError(msg)

    def d(entry: int, place: int) -> Quantity:
        return _derivative(q[..., entry], axes[place])

    if len(axes) == 2:
        return d(1, 0) - d(0, 1)
    return torch.stack([d(2, 1) - d(1, 2), d(0, 2) - d(2, 0), d(1, 0) - d(0, 1)], dim=-1)  # type: ignore[list-item, return-value]


def dot(v: Quantity, w: Quantity) -> Quantity:
    """Return Σ_i v_i w_i over the last axis.

    Args:
        v: Shape ``(n, d)`` or ``(n, c, d)``.
        w: The same shape.

    Returns:
        Shape ``(n,)`` or ``(n, c)``.

    Raises:
        ResidualError: If the shapes differ, or there is no component axis.
    """
    product = _quantity(v) * w
    scalars = sum(not getattr(each, "trailing", getattr(each, "shape", ())) for each in (v, w))
    if scalars:  # a product of one with a vector is a vector, whose sum nobody means
        what = "two scalars" if scalars == 2 else "a scalar and a vector"
        product.scope.refuse(f"takes sp.dot of {what}.", "Write v * w, or give vectors of shape (n, d).")
    return product.sum(-1)


def norm(v: Quantity) -> Quantity:
    """Return the Euclidean norm over the last axis; its slope at zero counts as zero.

    Args:
        v: Shape ``(n, d)`` or ``(n, c, d)``.

    Returns:
        Shape ``(n,)`` or ``(n, c)``.

    Raises:
        ResidualError: If there is no component axis.
    """
    if not _quantity(v).trailing:
        v.scope.refuse("takes sp.norm of a scalar.", "Write torch.abs(v), or give a vector of shape (n, d).")
    return Quantity(v.scope, torch.linalg.vector_norm(v.tensor, dim=-1))


def _derivative(q: Quantity, axis: int) -> Quantity:
    """Return ∂q/∂x_axis: as forms where ``q`` is made of forms, of a known alone, else by autograd of the whole."""
    if q.forms is not None:
        return Quantity(q.scope, forms=mapped(lambda form: differentiated(form, axis), q.forms), site=q.site)
    if q.known is not None:
        return Quantity.of_known(q.scope, KnownSlope(q.known, axis))
    flat = q.tensor.reshape(q.scope.count, -1)
    columns = [q.scope.slope(flat[:, place])[:, axis] for place in range(flat.shape[1])]
    return Quantity(q.scope, torch.stack(columns, dim=-1).reshape(q.shape))


def _total(parts: Sequence[Quantity]) -> Quantity:
    """Add quantities of one shape; forms give forms."""
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def _axes(q: Quantity, names: Sequence[str] | None) -> list[int]:
    """Return the columns of the named coordinates."""
    known = _quantity(q).scope.names
    if names is None:
        return list(range(len(known)))
    if isinstance(names, str | Quantity) or not isinstance(names, Iterable):
        names = (names,)
    listed = list(names)
    for name in listed:
        if not isinstance(name, str):
            shown = f"the SymPy symbol {name}" if isinstance(name, sympy.Basic) else kind_of(name)
            written = str(name) if isinstance(name, sympy.Basic) and str(name) in known else known[0]
            msg = (
                f"{_where(q)} differentiates by {shown}; expected the name of a coordinate: {', '.join(known)}.\n"
                f'  Write it in quotes, as in sp.partial(q, "{written}").'
            )
            raise ExpressionError(msg)
        if name not in known:
            near = suggestion(name, known)
            if len(name) > 1 and all(letter in known for letter in name):
                near = f"\n  Write one after the other: {', '.join(f'{chr(34)}{each}{chr(34)}' for each in name)}."
            msg = f"{_where(q)} differentiates by {name!r}; the coordinates are {', '.join(known)}.{near}"
            raise ExpressionError(msg)
    return [known.index(name) for name in listed]


def _quantity(q: object) -> Quantity:
    if isinstance(q, sympy.Basic):
        msg = (
            f"an operator was given the SymPy expression {q}; operators such as sp.laplacian act on phi.u, inside a "
            "residual that is a function of (a, phi).\n  In SymPy write u.diff(x, 2) + u.diff(y, 2), u.diff(x) and "
            "the like."
        )
        raise ExpressionError(msg)
    if not isinstance(q, Quantity):
        msg = (
            f"an operator was given a {type(q).__name__}; expected a quantity, such as phi.u or an expression made of "
            "fields.\n  Operators are called inside a residual, on what phi and a hold."
        )
        raise ExpressionError(msg)
    return q


def _where(q: object) -> str:
    return _quantity(q).scope.where


def _shape(q: Quantity) -> str:
    return shape_text(q.trailing)
