"""SymPy expressions as plain lists, which JSON can say, and back: nothing in a file is ever evaluated as code.

A tree is ``["symbol", "x"]``, ``["integer", 2]``, ``["rational", 1, 3]``, ``["float", 0.5]``, ``["function", "u", …]``
for an applied function, or a node's name from the table followed by its children.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NoReturn

import sympy
from sympy.core.function import AppliedUndef

from sirenpde.errors import ExpressionError, FileError, finite_number
from sirenpde.statement.symbolic.collect import DEEPEST, MOST_NODES
from sirenpde.statement.symbolic.functions import BINARY, UNARY
from sirenpde.statement.symbolic.notation import component
from sirenpde.statement.symbolic.work import LONGEST_NUMBER, MOST_ORDERS, MOST_PAIRS, Values, bits, compared, order_of

#: The largest integer, and the largest whole exponent, that a file can hold: powers of powers would never end.
LARGEST, HIGHEST_POWER = 2**63, 64

_CONSTANTS: dict[str, sympy.Basic] = {
    "pi": sympy.pi,
    "E": sympy.E,
    "GoldenRatio": sympy.GoldenRatio,
    "EulerGamma": sympy.EulerGamma,
    "true": sympy.true,
    "false": sympy.false,
}

#: Node → its constructor, and how many children it takes; None for any number.
_NODES: dict[str, tuple[Callable[..., sympy.Basic], int | None]] = {
    **{kind.__name__: (kind, 1) for kind in UNARY},
    **{kind.__name__: (kind, 2) for kind in BINARY},
    **{kind.__name__: (kind, None) for kind in (sympy.Add, sympy.Mul, sympy.Max, sympy.Min, sympy.And, sympy.Or)},
    **{kind.__name__: (kind, 2) for kind in (sympy.Pow, sympy.Heaviside, sympy.polygamma, component)},
    **{kind.__name__: (kind, 2) for kind in (sympy.StrictLessThan, sympy.LessThan, sympy.Eq, sympy.Ne)},
    **{kind.__name__: (kind, 2) for kind in (sympy.StrictGreaterThan, sympy.GreaterThan)},
    "Not": (sympy.Not, 1),
    "Piecewise": (sympy.Piecewise, None),
    "ExprCondPair": (lambda value, condition: (value, condition), 2),
    "Derivative": (sympy.Derivative, None),
    "Tuple": (sympy.Tuple, None),
    "Subs": (sympy.Subs, 3),
}

#: Nodes of numbers that SymPy would work out, however long it takes.
_GROWING = (sympy.Pow, sympy.loggamma, sympy.polygamma)

_ARITHMETIC = (sympy.Add, sympy.Mul, sympy.Pow)

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_SYMBOL = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}|normal\[[A-Za-z_][A-Za-z0-9_]{0,63}\]")


def to_tree(expression: sympy.Basic) -> list[Any]:
    """Return an expression as nested lists of text and numbers, from which ``from_tree`` makes it again.

    Raises:
        ExpressionError: If it holds what files cannot keep, or is beyond the limits of ``from_tree``.
    """
    tree = _written(expression)
    try:
        from_tree(tree, "its file")
    except FileError as error:
        msg = f"{expression} cannot be kept in a file. {error}"
        raise ExpressionError(msg) from error
    return tree


def _written(expression: sympy.Basic) -> list[Any]:
    if isinstance(expression, sympy.Symbol):
        return ["symbol", expression.name]
    if isinstance(expression, AppliedUndef):
        return ["function", expression.func.__name__, *map(_written, expression.args)]
    if isinstance(expression, sympy.Integer):
        return ["integer", int(expression)]
    if isinstance(expression, sympy.Rational):
        return ["rational", int(expression.p), int(expression.q)]
    if isinstance(expression, sympy.Float):
        return ["float", float(expression)]
    for name, constant in _CONSTANTS.items():
        if expression == constant:
            return ["constant", name]
    name = type(expression).__name__
    if name not in _NODES:
        msg = f"{expression} holds {name}, which files cannot keep."
        raise ExpressionError(msg)
    return [name, *map(_written, expression.args)]


def from_tree(tree: object, source: str) -> sympy.Basic:
    """Return the expression that a tree stands for, in real symbols and functions.

    Args:
        tree: What ``to_tree`` returned, read from a file.
        source: The file, for messages.

    Raises:
        FileError: If a node is not in the table, has the wrong children, or the tree is too large.
    """
    return _Reader(source).node(tree, 0)


class _Reader:
    """One reading of a tree, which counts its nodes."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._left = MOST_NODES
        self._pairs = MOST_PAIRS
        self._values = Values()

    def node(self, tree: object, depth: int) -> Any:
        """Return what one node stands for."""
        self._left -= 1
        if self._left < 0 or depth > DEEPEST:
            self._refuse(f"more than {MOST_NODES} nodes or {DEEPEST} levels")
        if not isinstance(tree, list) or not tree or not isinstance(tree[0], str):
            self._refuse(f"{str(tree)[:60]!r} where a node is expected")
        name, *rest = tree
        if name in _LEAVES:
            return _LEAVES[name](self, rest)
        if name == "function":
            called = self._name(rest, _NAME)
            children = [self.node(child, depth + 1) for child in rest[1:]]
            if not all(isinstance(child, sympy.Expr) for child in children):
                self._refuse(f"the function {called} of what is no number")
            return sympy.Function(called, real=True)(*children)
        if name in ("Max", "Min") and len(rest) ** 2 > self._pairs:
            self._refuse(f"{name} of too many children")
        return self._made(name, [self.node(child, depth + 1) for child in rest])

    def _made(self, name: str, children: list[Any]) -> Any:
        if name not in _NODES:
            self._refuse(f"the unknown node {name[:60]!r}")
        make, count = _NODES[name]
        if count is not None and len(children) != count:
            self._refuse(f"{name} with {len(children)} children; expected {count}")
        try:
            self._require_bounded(make, children)
            made = make(*children)
            if self._values.endless(made):
                self._refuse("a number without end")
        except FileError:
            raise
        except Exception as error:
            msg = f"{self._source}: the statement in the file holds {name} of children that it does not take: {error}"
            raise FileError(msg) from error
        return made

    def _require_bounded(self, make: Callable[..., sympy.Basic], children: list[Any]) -> None:
        """Refuse what SymPy would work on without end, before it is made."""
        if make in _ARITHMETIC and not all(isinstance(child, sympy.Expr) for child in children):
            self._refuse("a sum, product or power of what is no number")
        if make is sympy.Pow and children[1].is_number and not abs(children[1]) <= HIGHEST_POWER:
            self._refuse(f"a power above {HIGHEST_POWER}")
        if make in _GROWING and bits(make(*children, evaluate=False)) > LONGEST_NUMBER:
            self._refuse("a number without end")
        if make is sympy.Derivative and order_of(children[1:]) > MOST_ORDERS:
            self._refuse(f"a derivative above order {MOST_ORDERS}")
        self._pairs -= compared(make, children)
        if self._pairs < 0:
            self._refuse("Max or Min of too many children")

    def symbol(self, rest: list[Any]) -> sympy.Basic:
        """Read a coordinate, known, unknown number or component of the normal."""
        return sympy.Symbol(self._name(rest, _SYMBOL), real=True)

    def integer(self, rest: list[Any]) -> sympy.Basic:
        """Read an integer."""
        return sympy.Integer(self._whole(rest[0] if len(rest) == 1 else None))

    def rational(self, rest: list[Any]) -> sympy.Basic:
        """Read a fraction."""
        if len(rest) != 2 or rest[1] == 0:
            self._refuse("a fraction that is none")
        return sympy.Rational(self._whole(rest[0]), self._whole(rest[1]))

    def number(self, rest: list[Any]) -> sympy.Basic:
        """Read a float."""
        value = finite_number(rest[0]) if len(rest) == 1 else None
        if value is None:
            self._refuse("a number that is none")
        return sympy.Float(value)

    def constant(self, rest: list[Any]) -> sympy.Basic:
        """Read a constant by its name."""
        if len(rest) != 1 or not isinstance(rest[0], str) or rest[0] not in _CONSTANTS:
            self._refuse("an unknown constant")
        return _CONSTANTS[rest[0]]

    def _name(self, rest: list[Any], pattern: re.Pattern[str]) -> str:
        if not rest or not isinstance(rest[0], str) or not pattern.fullmatch(rest[0]):
            self._refuse("a symbol or function without a name")
        return str(rest[0])

    def _whole(self, value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or abs(value) > LARGEST:
            self._refuse("an integer that is none, or beyond 64 bits")
        return value

    def _refuse(self, what: str) -> NoReturn:
        msg = f"{self._source}: the statement in the file holds {what}."
        raise FileError(msg)


_LEAVES: dict[str, Callable[[_Reader, list[Any]], sympy.Basic]] = {
    "symbol": _Reader.symbol,
    "integer": _Reader.integer,
    "rational": _Reader.rational,
    "float": _Reader.number,
    "constant": _Reader.constant,
}
