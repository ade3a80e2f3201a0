"""What SymPy has no word for: components of the outward normal, and components of vector fields and knowns."""

from __future__ import annotations

from typing import Any

import sympy

from sirenpde.errors import ExpressionError, kind_of

#: No user's symbol can be called so: the name is no identifier.
_NORMAL = "normal[{}]"


def normal(coordinate: str) -> sympy.Symbol:
    """Return a component of the outward normal, for SymPy residuals on boundaries.

    Args:
        coordinate: The name of the coordinate.

    Raises:
        ExpressionError: If it is no name.

    Example:
        >>> import sympy
        >>> x, y = sympy.symbols("x y")
        >>> u = sympy.Function("u")(x, y)
        >>> u.diff(x) * normal("x") + u.diff(y) * normal("y")  # ∂u/∂n
        normal[x]*Derivative(u(x, y), x) + normal[y]*Derivative(u(x, y), y)
    """
    if not isinstance(coordinate, str) or not coordinate.isidentifier():
        msg = f'normal({coordinate!r}): expected the name of a coordinate, as in sp.normal("x").'
        raise ExpressionError(msg)
    return sympy.Symbol(_NORMAL.format(coordinate), real=True)


def normal_coordinate(symbol: sympy.Symbol) -> str | None:
    """Return the coordinate of a component of the normal; None for any other symbol."""
    name = symbol.name
    return name[len("normal[") : -1] if name.startswith("normal[") and name.endswith("]") else None


class component(sympy.Function):  # type: ignore[misc]  # a function in formulas, as sympy.sin is
    """One component of a vector field or of a vector known, for SymPy residuals: ``component(v, 0)``, counted from 0.

    Example:
        >>> import sympy
        >>> x, y = sympy.symbols("x y")
        >>> velocity = sympy.Function("velocity")(x, y)
        >>> component(velocity, 0).diff(x) + component(velocity, 1).diff(y)  # the divergence
        component(Derivative(velocity(x, y), x), 0) + component(Derivative(velocity(x, y), y), 1)
    """

    nargs = 2
    is_real = True

    def __new__(cls, vector: sympy.Expr, index: int, **options: object) -> sympy.Expr:
        """Refuse what is no expression before SymPy sees it: to SymPy a string is a program."""
        if not isinstance(vector, sympy.Expr):
            msg = f"component of {kind_of(vector)}; expected a field or known, as in sp.component(velocity, 0)."
            raise ExpressionError(msg)
        if isinstance(index, bool) or not isinstance(index, int | sympy.Integer):
            msg = f"component({vector}, {index!r}): expected a component's number, counted from 0."
            raise ExpressionError(msg)
        return super().__new__(cls, vector, index, **options)

    @classmethod
    def eval(cls, vector: sympy.Expr, index: sympy.Expr) -> sympy.Expr | None:
        """Check the index; the component of zero is zero."""
        if index < 0:
            msg = f"component({vector}, {index}): expected a component's number, counted from 0."
            raise ExpressionError(msg)
        return sympy.Integer(0) if vector.is_zero else None

    def _eval_derivative(self, symbol: sympy.Symbol) -> sympy.Expr:
        vector, index = self.args
        return component(vector.diff(symbol), index)


def is_component(expression: Any) -> bool:
    """Tell whether an expression is a component of a vector."""
    return isinstance(expression, component)
