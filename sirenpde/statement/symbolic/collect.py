"""Find what SymPy statements name, before it is known what the names mean."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NoReturn

import sympy
from sympy.core.function import AppliedUndef

from sirenpde.errors import ExpressionError, kind_of
from sirenpde.statement.symbolic.work import require_work

#: More than any equation that a person writes; deeper trees overflow SymPy's own recursion.
MOST_NODES, DEEPEST = 20_000, 200


def is_symbolic(value: object) -> bool:
    """Tell whether something is SymPy's: its symbols are callable, as functions are."""
    return isinstance(value, sympy.Basic | sympy.matrices.MatrixBase) or _is_symbolic_class(value)


def _is_symbolic_class(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, sympy.Basic)


def holds_symbolic(value: object) -> bool:
    """Tell whether a residual is SymPy: an expression, or a list with one in it."""
    return is_symbolic(value) or (isinstance(value, list | tuple) and any(is_symbolic(each) for each in value))


def expressions(residual: object, where: str) -> list[sympy.Basic]:
    """Return the expressions that must vanish: of an ``Eq`` the difference of its sides, of a list each entry.

    Raises:
        ExpressionError: If an entry is a string, a truth value, a comparison, a matrix or anything else.
    """
    listed = list(residual) if isinstance(residual, list | tuple) else [residual]
    if not listed:
        msg = f"{where} has an empty list for a residual; expected at least one SymPy expression."
        raise ExpressionError(msg)
    return [_expression(each, where) for each in listed]


def formulas(value: object, where: str) -> list[sympy.Basic]:
    """Return the expressions of a known, an exact solution or a hard condition, which are no equations.

    Raises:
        ExpressionError: As ``expressions``, and if an entry is an ``Eq``.
    """
    for each in value if isinstance(value, list | tuple) else [value]:
        if isinstance(each, sympy.Eq):
            require_size(each, where)
            msg = (
                f"{where} is the equation {each}; expected a formula.\n  An Eq says what must vanish, in the residual "
                f"of a constraint. Write its right side alone: {each.rhs}."
            )
            raise ExpressionError(msg)
    return expressions(value, where)


def _expression(value: Any, where: str) -> sympy.Basic:
    if isinstance(value, str):
        msg = (
            f"{where} holds the string {value!r}. Strings are never evaluated: write the formula with SymPy's symbols."
        )
        raise ExpressionError(msg)
    if value is True or value is False or isinstance(value, sympy.logic.boolalg.BooleanAtom):
        msg = (
            f"{where} is the truth value {value}, not an equation.\n  Usual cause: both sides of an Eq are the same "
            "(Eq(u, u)), or == was written in place of sympy.Eq."
        )
        raise ExpressionError(msg)
    if isinstance(value, sympy.Eq):
        require_size(value, where)
        return sympy.Add(_expression(value.lhs, where), -_expression(value.rhs, where))
    if isinstance(value, sympy.core.relational.Relational | sympy.logic.boolalg.Boolean) and not isinstance(
        value, sympy.Symbol
    ):
        msg = f"{where} is the condition {value}; expected an expression that must vanish, or an Eq."
        raise ExpressionError(msg)
    if isinstance(value, sympy.matrices.MatrixBase | sympy.MatrixExpr):
        msg = f"{where} holds a matrix; expected scalar expressions. Write list(matrix) for its entries."
        raise ExpressionError(msg)
    if isinstance(value, type) and issubclass(value, sympy.Basic):
        msg = (
            f"{where} holds the function {value.__name__} itself; expected it applied to coordinates, as in "
            f'sympy.Function("{value.__name__}")(x, t).'
        )
        raise ExpressionError(msg)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return sympy.Float(value) if isinstance(value, float) else sympy.Integer(value)
    if not isinstance(value, sympy.Expr):
        msg = f"{where} holds {kind_of(value)}; expected a SymPy expression, an Eq, or a flat list of them."
        raise ExpressionError(msg)
    require_size(value, where)
    return value


def require_size(expression: sympy.Basic, where: str) -> None:
    """Refuse an expression beyond what SymPy can walk, print and differentiate in a moment."""
    _require_nodes(expression, where)
    require_work(expression, where)


def _require_nodes(expression: sympy.Basic, where: str) -> None:
    stack: list[tuple[Any, int]] = [(expression, 1)]
    count = 0
    while stack:
        node, depth = stack.pop()
        count += 1
        if count > MOST_NODES or depth > DEEPEST:
            size = f"more than {MOST_NODES} nodes" if count > MOST_NODES else f"more than {DEEPEST} levels"
            msg = (
                f"{where} is an expression of {size}. Write it as a function of (a, phi), or give parts of it as "
                "knowns."
            )
            raise ExpressionError(msg)
        stack.extend((child, depth + 1) for child in node.args)


def applied(expression: sympy.Basic) -> list[AppliedUndef]:
    """Return the applied functions that are not SymPy's own, sorted so that the order is the same in every run."""
    return sorted(expression.atoms(AppliedUndef), key=_order)


def name_of(function: AppliedUndef) -> str:
    """Return the name of an applied function."""
    return str(function.func.__name__)


def applied_names(parts: Iterable[sympy.Basic]) -> list[str]:
    """Return the names of applied functions, each once, in the order in which the parts bring them."""
    return list(dict.fromkeys(name_of(function) for part in parts for function in applied(part)))


def signatures(parts: Sequence[tuple[str, sympy.Basic]], coordinates: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Return per applied function the coordinates that its arguments stand for, read off its plain applications.

    Args:
        parts: Pairs of what messages call an expression, and the expression.
        coordinates: The problem's coordinates.

    Raises:
        ExpressionError: If one function is applied to the coordinates in two orders, or to some and to more of them.
    """
    found: dict[str, tuple[str, ...]] = {}
    places: dict[str, str] = {}
    for where, part in parts:
        for function in applied(part):
            arguments = tuple(argument.name if argument.is_Symbol else "" for argument in function.args)
            if len(set(arguments)) < len(arguments) or not set(arguments) <= set(coordinates):
                continue  # displaced in some coordinate: its plain application tells the order
            name = name_of(function)
            if found.setdefault(name, arguments) != arguments:
                _refuse_two(name, (places[name], found[name]), (where, arguments))
            places.setdefault(name, where)
    return found


def _refuse_two(name: str, first: tuple[str, tuple[str, ...]], second: tuple[str, tuple[str, ...]]) -> NoReturn:
    """Refuse two applications of one function, each a place and the arguments there."""
    (shorter, few), (longer, many) = sorted((first, second), key=lambda each: len(each[1]))
    texts = [f"{name}({', '.join(arguments)})" for arguments in (few, many)]
    if set(few) < set(many):
        lacking = ", ".join(each for each in many if each not in few)
        msg = (
            f"{shorter} writes {texts[0]}, which lacks {lacking}: {longer} writes {texts[1]}.\n"
            f"  To SymPy these are two functions. Write {texts[1]} throughout; what it is at one place, the region "
            "says, as in domain.at(t=0)."
        )
        raise ExpressionError(msg)
    msg = (
        f"{second[0]} writes {name}({', '.join(second[1])}), elsewhere in the problem it is "
        f"{name}({', '.join(first[1])}).\n  To SymPy these are two functions. Write the arguments in one order "
        "throughout."
    )
    raise ExpressionError(msg)


def refuse_twins(parts: Sequence[tuple[str, sympy.Basic]]) -> None:
    """Refuse two symbols of one name, which differ in assumptions: to SymPy they have nothing to do with each other."""
    seen: dict[str, sympy.Symbol] = {}
    for where, part in parts:
        for symbol in sorted(_free(part), key=_order):
            other = seen.setdefault(symbol.name, symbol)
            if other != symbol:
                marks = " and ".join(sorted(str(_assumed(each)) for each in (symbol, other)))
                msg = (
                    f'{where} uses two symbols named "{symbol.name}" that differ in their assumptions ({marks}), so '
                    "that a derivative by one does not see the other.\n  Make the symbol once and use it throughout."
                )
                raise ExpressionError(msg)


def _assumed(symbol: sympy.Symbol) -> str:
    true = [name for name, value in sorted(symbol.assumptions0.items()) if value and name != "commutative"]
    return ", ".join(true) if true else "none"


def _free(part: sympy.Basic) -> Iterator[sympy.Symbol]:
    return (symbol for symbol in part.atoms(sympy.Symbol) if not isinstance(symbol, sympy.Dummy))


def _order(node: sympy.Basic) -> tuple[str, str]:
    return str(node), type(node).__name__
