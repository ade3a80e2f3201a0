"""Foresee what SymPy would never finish: numbers without end, and derivatives that grow from order to order."""

from __future__ import annotations

import math
from typing import Any

import sympy
from sympy.core.function import AppliedUndef

from sirenpde.errors import ExpressionError
from sirenpde.statement.symbolic.functions import BINARY, UNARY

#: No float64 is larger than 2**1024, and no number longer than this is printed in a message.
LONGEST_NUMBER = 1_100

#: Functions of whole numbers that SymPy works out as products or sums of as many terms.
_GROWING = (sympy.loggamma, sympy.polygamma)

#: How many nodes the derivatives that still have to be carried out may come to, by a bound from above.
MOST_WORK = 10**6


def require_work(expression: sympy.Basic, where: str) -> None:
    """Refuse numbers beyond float64, and derivatives that would grow beyond all bounds.

    Args:
        expression: Of a bounded number of nodes and levels.
        where: What the user calls it, for messages.

    Raises:
        ExpressionError: If SymPy would take too long.
    """
    stack: list[Any] = [expression]
    while stack:
        node = stack.pop()
        if bits(node) > LONGEST_NUMBER:
            msg = (
                f"{where} holds a number beyond 2**{LONGEST_NUMBER}, which no float64 can hold.\n  Usual cause: a "
                "power of a power, or ** in place of *. Write the number as a float."
            )
            raise ExpressionError(msg)
        stack.extend(node.args)
    if _grown(expression)[1] > MOST_WORK:
        msg = (
            f"{where} holds derivatives of an expression that would come to more than {MOST_WORK} terms.\n  Name the "
            "inner expression as a further field with an equation of its own, or write a function of (a, phi)."
        )
        raise ExpressionError(msg)


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
        order = sum(int(count) if count.is_Integer else 1 for _, count in node.variable_count)
        return plain + 1, min(grown * plain ** min(order, 64), 10 * MOST_WORK)
    children = [_grown(child) for child in node.args]
    return 1 + sum(plain for plain, _ in children), min(1 + sum(grown for _, grown in children), 10 * MOST_WORK)
