"""Refuse what cannot be compiled, by name, before SymPy is asked to work on it."""

from __future__ import annotations

import keyword
import re

import sympy
from sympy.core.function import AppliedUndef

from sirenpde.errors import kind_of
from sirenpde.statement.symbolic.collect import applied, name_of
from sirenpde.statement.symbolic.lower import references
from sirenpde.statement.symbolic.notation import normal_coordinate
from sirenpde.statement.symbolic.vocabulary import Vocabulary

#: What SymPy can write and a residual cannot hold, with what to do.
UNSUPPORTED: dict[type, str] = {
    sympy.Integral: "An integral over a region is a condition of its own: sp.IntegralConstraint.",
    sympy.Sum: "Write the terms out, or compute the sum before: sum(f(k) for k in range(10)).",
    sympy.Product: "Write the factors out.",
    sympy.Limit: "Write its value.",
    sympy.Order: "Leave the remainder out: expression.removeO().",
    sympy.DiracDelta: "A point source is a narrow function with a width of its own, such as a Gaussian.",
}


def check_nodes(expression: sympy.Basic, vocabulary: Vocabulary) -> None:
    """Refuse nodes without a meaning, names that cannot be read, and numbers that are none."""
    for node in sympy.preorder_traversal(expression):
        for kind, hint in UNSUPPORTED.items():
            if isinstance(node, kind):
                vocabulary.refuse(f"holds {node}; {kind.__name__} is not supported.", hint)
        if isinstance(node, sympy.Symbol) and not isinstance(node, sympy.Dummy):
            _check_name(node, expression, vocabulary)
        if isinstance(node, AppliedUndef) and not _is_name(name_of(node)):
            vocabulary.refuse(f"names a function {name_of(node)!r}, which is no identifier.", "Write for example u.")


def check_numbers(expression: sympy.Basic, vocabulary: Vocabulary) -> None:
    """Refuse infinities, what is not a number, and complex constants."""
    if expression.has(sympy.zoo, sympy.nan, sympy.oo, -sympy.oo):
        vocabulary.refuse(
            f"is {expression}, which is not finite.", "Usual cause: a division by zero in the formula as it is written."
        )
    if expression.has(sympy.I, sympy.re, sympy.im, sympy.conjugate, sympy.arg):
        vocabulary.refuse(
            f"holds the imaginary unit, or a real or imaginary part: {expression}.",
            "Fields are real: write a complex field as two, psi = u + i v, and one equation for each part.",
        )


def check_reads(expression: sympy.Basic, vocabulary: Vocabulary) -> None:
    """Refuse names that stand for nothing, and vectors where a scalar is meant."""
    for name in map(name_of, applied(expression)):
        if name not in vocabulary.fields and name not in vocabulary.knowns:
            if name in vocabulary.coordinates or name in vocabulary.unknowns:
                vocabulary.refuse(f"applies {name} as a function, but it is a number.", "Write it as a symbol.")
            vocabulary.refuse_name(name, f"the function {name}")
    references(expression, vocabulary)  # each is read once, so that what cannot be read is refused here
    for symbol in sorted(expression.free_symbols, key=str):
        _check_symbol(symbol, vocabulary)


def check_dependence(listed: list[sympy.Basic], vocabulary: Vocabulary) -> None:
    """Refuse a residual that holds no field: no training could lower it."""
    for expression in listed:
        names = {name_of(function) for function in applied(expression)}
        if not names & set(vocabulary.fields) and not {s.name for s in expression.free_symbols} & vocabulary.unknowns:
            vocabulary.refuse(
                f"depends on no field: it comes to {expression}.",
                "Usual cause: the fields cancel, or a derivative is taken by something that the field was not applied "
                "to,\n  which SymPy counts as zero.",
            )


def _check_symbol(symbol: sympy.Basic, vocabulary: Vocabulary) -> None:
    if not isinstance(symbol, sympy.Symbol):
        vocabulary.refuse(
            f"holds {symbol}, {kind_of(symbol)} of SymPy; expected symbols, applied functions and numbers.",
            "Write a vector's components out, one expression for each.",
        )
    coordinate = normal_coordinate(symbol)
    if coordinate is not None:
        if coordinate not in vocabulary.coordinates:
            listed = ", ".join(vocabulary.coordinates)
            vocabulary.refuse(f'uses sp.normal("{coordinate}"); the coordinates are {listed}.', "Name one of these.")
        if not vocabulary.boundary:
            vocabulary.refuse(
                f'uses sp.normal("{coordinate}") on a region without a normal.',
                "Only boundaries have one: pose the condition on region.boundary or on a side, box.at(x=1).",
            )
    elif symbol.name in vocabulary.fields:
        arguments = ", ".join(vocabulary.coordinates)
        vocabulary.refuse(
            f"uses the field {symbol.name} as a symbol, which to SymPy is a constant.",
            f'Write {symbol.name} = sympy.Function("{symbol.name}")({arguments}).',
        )
    elif not any(symbol.name in names for names in vocabulary.names.values()):
        vocabulary.refuse_name(symbol.name, f"the symbol {symbol.name}")


def _check_name(symbol: sympy.Symbol, expression: sympy.Basic, vocabulary: Vocabulary) -> None:
    if normal_coordinate(symbol) is not None or _is_name(symbol.name):
        return
    arguments = {str(argument) for function in applied(expression) for argument in function.args}
    if symbol.name.startswith("_") and symbol.name.lstrip("_") in arguments:  # SymPy's own, from a derivative of Subs
        vocabulary.refuse(
            f"differentiates a field twice where it is displaced to {symbol.name.lstrip('_')}, which SymPy writes in "
            "symbols of its own.",
            "Write the residual as a function of (a, phi), with phi.at(…).",
        )
    vocabulary.refuse(
        f"uses a symbol named {symbol.name!r}, which is no identifier.",
        "Names are letters, digits and underscores, not beginning with a digit, and no Python keyword.",
    )


def _is_name(name: str) -> bool:
    return bool(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,63}", name)) and not keyword.iskeyword(name)
