"""Statements as text: a SymPy formula with subscripts for derivatives, a Python function by its place in the source."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import sympy
from sympy.core.function import AppliedUndef
from sympy.printing.str import StrPrinter

from sirenpde.fields.forms import Form, MultiIndex
from sirenpde.fields.layout import Layout
from sirenpde.statement.symbolic.collect import expressions, holds_symbolic


class _Printer(StrPrinter):  # type: ignore[misc]  # SymPy has no types
    """SymPy's own text, with fields by their names and derivatives as subscripts: ``u_xx`` for ∂²u/∂x²."""

    def _print_Function(self, node: sympy.Function) -> str:
        return self._field(node) if isinstance(node, AppliedUndef) else str(super()._print_Function(node))

    def _print_Derivative(self, node: sympy.Derivative) -> str:
        if not isinstance(node.expr, AppliedUndef):
            return str(super()._print_Derivative(node))
        return self._field(node.expr, subscript({str(each): int(count) for each, count in node.variable_count}))

    def _print_Float(self, node: sympy.Float) -> str:
        return f"{float(node):.6g}"

    def _print_Subs(self, node: sympy.Subs) -> str:
        places = ", ".join(f"{name}={self._print(at)}" for name, at in zip(node.variables, node.point, strict=True))
        return f"{self._print(node.expr)}({places})"

    def _field(self, node: AppliedUndef, by: str = "") -> str:
        name = f"{node.func.__name__}{by}"
        if all(argument.is_Symbol for argument in node.args):
            return name
        return f"{name}({', '.join(self._print(argument) for argument in node.args)})"


def formula_text(expression: sympy.Basic) -> str:
    """Return a SymPy expression as text, with ``u_xx`` for ∂²u/∂x², floating numbers to six digits.

    Example:
        >>> x, t = sympy.symbols("x t")
        >>> u = sympy.Function("u")(x, t)
        >>> formula_text(u.diff(t) + u * u.diff(x) - sympy.Rational(1, 100) * u.diff(x, 2))
        'u*u_x + u_t - u_xx/100'
    """
    return str(_Printer().doprint(expression))


def written(statement: object) -> tuple[str, ...]:
    """Return what was written: the formulas of a SymPy statement, or one text that says which function it is."""
    if holds_symbolic(statement):
        return tuple(formula_text(each) for each in expressions(statement, "the statement"))
    return (function_text(statement),) if callable(statement) else (repr(statement),)


def function_text(function: Callable[..., Any]) -> str:
    """Return a function's name, or a lambda's formula where the source shows it, and its file and line."""
    code = getattr(function, "__code__", None)
    if code is None:
        return str(getattr(function, "__name__", type(function).__name__))
    place = f"{Path(code.co_filename).name}:{code.co_firstlineno}"
    name = function.__name__ if function.__name__ != "<lambda>" else _lambda_text(code.co_filename, code.co_firstlineno)
    return f"{name} ({place})"


def _lambda_text(file: str, line: int) -> str:
    """Return the formula of the only lambda on a line; a plain word where there are several, or no source."""
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError):
        return "lambda"
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Lambda) and node.lineno == line]
    return ast.unparse(found[0].body) if len(found) == 1 else "lambda"


def derivative_texts(forms: Sequence[Form], layout: Layout) -> tuple[str, ...]:
    """Return the derivatives that forms are made of, by order: ``("u", "u_t", "u_xx")``."""
    wanted = {(sum(alpha), column, alpha) for form in forms for (column, alpha), _ in form}
    names = [_column_name(column, layout) + _by(alpha, layout) for _, column, alpha in sorted(wanted, key=_key)]
    return tuple(dict.fromkeys(names))


def _key(entry: tuple[int, int, MultiIndex]) -> tuple[int, int, tuple[int, ...]]:
    total, column, alpha = entry
    return total, column, tuple(-count for count in alpha)


def _column_name(column: int, layout: Layout) -> str:
    for name in layout.fields:
        columns = layout.columns(name)
        if columns.start <= column < columns.stop:
            return f"{name}[{column - columns.start}]" if layout.trailing(name) else name
    return f"[{column}]"


def _by(alpha: MultiIndex, layout: Layout) -> str:
    return subscript(dict(zip(layout.coordinates, alpha, strict=True)))


def subscript(counts: Mapping[str, int]) -> str:
    """Return how a derivative is written: ``_xxt`` for {"x": 2, "t": 1}; nothing where there is none."""
    by = [name for name, count in counts.items() for _ in range(count)]
    joint = "" if all(len(name) == 1 for name in by) else "_"
    return f"_{joint.join(by)}" if by else ""
