"""Foresee what SymPy would never finish: numbers without end, and derivatives that grow from order to order."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import sympy
import torch
from sympy.core.function import AppliedUndef

from sirenpde.errors import ExpressionError
from sirenpde.statement.symbolic.functions import BINARY, UNARY

#: No float64 is larger than 2**1024, and no number longer than this is printed in a message.
LONGEST_NUMBER = 1_100

#: Functions of whole numbers that SymPy works out as products or sums of as many terms.
_GROWING = (sympy.loggamma, sympy.polygamma)

#: How many nodes the derivatives that still have to be carried out may come to, by a bound from above.
MOST_WORK = 10**6

#: Higher derivatives are refused before SymPy writes them out, one entry per order.
MOST_ORDERS = 64

#: Max and Min compare every two of their arguments, each time that they are made: a bound on the pairs of a statement.
MOST_PAIRS = 1024

_EXTREMES = (sympy.Max, sympy.Min)


def require_work(expression: sympy.Basic, where: str) -> None:
    """Refuse numbers beyond float64, and derivatives that would grow beyond all bounds.

    Args:
        expression: Of a bounded number of nodes and levels.
        where: What the user calls it, for messages.

    Raises:
        ExpressionError: If SymPy would take too long.
    """
    stack: list[Any] = [expression]
    found = Values()
    pairs = 0
    while stack:
        node = stack.pop()
        _require_orders(node, where)
        pairs += compared(type(node), node.args)
        if pairs > MOST_PAIRS:
            msg = (
                f"{where} holds Max or Min of too many arguments, {len(node.args)} in one of them.\n  Write a function "
                "of (a, phi), with torch.amax, or give the bound as a known."
            )
            raise ExpressionError(msg)
        if bits(node) > LONGEST_NUMBER:
            msg = (
                f"{where} holds a number beyond 2**{LONGEST_NUMBER}, which no float64 can hold.\n  Usual cause: a "
                "power of a power, or ** in place of *. Write the number as a float."
            )
            raise ExpressionError(msg)
        if found.endless(node):
            msg = (
                f"{where} holds a number that no float64 can hold, such as exp(1000).\n  Usual cause: an exponential "
                "of an exponential, or a power of a power. Write the number as a float."
            )
            raise ExpressionError(msg)
        stack.extend(node.args)
    if _grown(expression)[1] > MOST_WORK:
        msg = (
            f"{where} holds derivatives of an expression that would come to more than {MOST_WORK} terms.\n  Name the "
            "inner expression as a further field with an equation of its own, or write a function of (a, phi)."
        )
        raise ExpressionError(msg)


def _require_orders(node: Any, where: str) -> None:
    order = order_of(node.variable_count) if isinstance(node, sympy.Derivative) else 0
    if order > MOST_ORDERS:
        msg = (
            f"{where} holds a derivative of order {order}; derivatives go up to order 8.\n  Write the equation as a "
            "system of lower order, with a further field."
        )
        raise ExpressionError(msg)


def order_of(counts: Any) -> int:
    """Return the order of a derivative by pairs of a variable and a number; what is no number counts as one."""
    return sum(
        int(pair[1]) if isinstance(pair, sympy.Tuple) and len(pair) == 2 and pair[1].is_Integer else 1
        for pair in counts
    )


def compared(kind: Any, arguments: Any) -> int:
    """Return how many pairs a Max or Min compares, which takes in the arguments of its own kind; 0 of all others."""
    if kind not in _EXTREMES:
        return 0
    return sum(len(each.args) if isinstance(each, kind) else 1 for each in arguments) ** 2


class Values:
    """What number nodes come to in float64, each worked out once: what overflows there, SymPy works on without end."""

    def __init__(self) -> None:
        """Begin without any."""
        self._known: dict[Any, float | None] = {}

    def endless(self, node: Any) -> bool:
        """Tell whether a node is a number beyond float64."""
        value = self._of(node)
        return value is not None and math.isinf(value)

    def _of(self, node: Any) -> float | None:
        """Return the value of a number, not a number where it has none, and None of what holds a symbol."""
        if node not in self._known:
            self._known[node] = self._worked_out(node)
        return self._known[node]

    def _worked_out(self, node: Any) -> float | None:
        if isinstance(node, sympy.Number | sympy.NumberSymbol):
            return _float(node)
        rule = _rule(node)
        if rule is None:
            return None
        values = [self._of(child) for child in node.args]
        numbers = [value for value in values if value is not None]
        if len(numbers) < len(values):
            return None
        try:
            return float(rule(*(torch.tensor(value, dtype=torch.float64) for value in numbers)))
        except (TypeError, RuntimeError):  # a wrong number of arguments, which is refused by name elsewhere
            return None


def _rule(node: Any) -> Callable[..., Any] | None:
    """Return how a node is worked out of its children's values; None of what is no number."""
    if isinstance(node, AppliedUndef):
        return None
    for kind, rule in _ARITHMETIC.items():
        if isinstance(node, kind):
            return rule
    table: dict[type, Callable[..., Any]] = {**UNARY, **BINARY}
    if type(node) in table:
        return table[type(node)]
    return _foreign if isinstance(node, sympy.Function) and node.args else None


def _foreign(*arguments: torch.Tensor) -> float:
    largest = max(abs(float(each)) for each in arguments)
    return math.inf if largest > _LARGEST_FOREIGN else math.nan


#: The largest argument of a function such as gamma or besselj, whose value may have as many digits.
_LARGEST_FOREIGN = 1e4

_ARITHMETIC: dict[type, Callable[..., Any]] = {
    sympy.Add: lambda *values: sum(values),
    sympy.Mul: lambda *values: math.prod(values),
    sympy.Pow: torch.pow,
    sympy.Max: lambda *values: max(values),
    sympy.Min: lambda *values: min(values),
}


def _float(node: Any) -> float:
    """Return a number as a float: infinite where it is finite and float64 is too small, none where it has none."""
    if node in (sympy.oo, -sympy.oo, sympy.zoo, sympy.nan):
        return math.nan
    try:
        return float(node)
    except OverflowError:
        return math.inf


def bits(node: sympy.Basic) -> float:
    """Return a bound on the length of a number, as SymPy would write it out; 0 of what is no number."""
    if isinstance(node, sympy.Rational):
        return float(max(abs(node.p).bit_length(), node.q.bit_length()))
    if isinstance(node, sympy.Pow):
        return bits(node.base) * _size(node.exp)
    if isinstance(node, _GROWING) or (isinstance(node, sympy.Function) and type(node) not in (*UNARY, *BINARY)):
        sizes = (_size(argument) for argument in node.args if argument.is_number)
        return 16.0 * max((size for size in sizes if math.isfinite(size)), default=0.0)  # such as a factorial
    return 0.0


def _size(node: sympy.Basic) -> float:
    """Return a bound on the size of a number, at least 1; 1 of what is no exact number."""
    if isinstance(node, sympy.Rational):
        return max(1.0, _power_of_two(bits(node))) if bits(node) > 60 else max(1.0, abs(float(node)))
    return max(1.0, _power_of_two(bits(node))) if isinstance(node, sympy.Pow) else 1.0


def _power_of_two(bits: float) -> float:
    return 2.0**bits if bits < 1000 else math.inf


def _grown(node: Any) -> tuple[int, int]:
    """Return how many nodes an expression has, and how many at most when its derivatives are carried out."""
    if isinstance(node, AppliedUndef) or not node.args:
        return 1, 1
    if isinstance(node, sympy.Derivative):
        plain, grown = _grown(node.expr)
        if isinstance(node.expr, AppliedUndef):
            return 1, 1
        order = order_of(node.variable_count)
        return plain + 1, min(grown * plain ** min(order, 64), 10 * MOST_WORK)
    children = [_grown(child) for child in node.args]
    return 1 + sum(plain for plain, _ in children), min(1 + sum(grown for _, grown in children), 10 * MOST_WORK)
