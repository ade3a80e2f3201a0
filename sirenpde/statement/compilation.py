"""Compile the SymPy parts of a problem: which fields they name, what each name stands for, what each part becomes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import sympy

from sirenpde.errors import ProblemError
from sirenpde.fields.hard import HardFunction
from sirenpde.fields.layout import Layout
from sirenpde.fields.trace import Residual
from sirenpde.statement.constraint import Constraint
from sirenpde.statement.given import Arranged, Formula, Number
from sirenpde.statement.symbolic import collect
from sirenpde.statement.symbolic.notation import normal_coordinate
from sirenpde.statement.symbolic.program import compile_hard, compile_residual
from sirenpde.statement.symbolic.vocabulary import Vocabulary

#: An expression, and what messages call the place where it stands.
Part = tuple[str, sympy.Basic]


def symbolic_parts(constraints: Sequence[Constraint], hard: Mapping[str, object], where: str) -> list[Part]:
    """Return every SymPy expression in which fields occur."""
    places = [(f'constraint "{each.name}" of {where}', each.residual) for each in constraints]
    places += [(f'hard "{name}" of {where}', value) for name, value in hard.items()]
    return [
        (place, expression)
        for place, value in places
        if collect.holds_symbolic(value)
        for expression in collect.expressions(value, place)
    ]


def found_fields(constraints: Sequence[Constraint], known: Mapping[str, str], where: str) -> dict[str, int]:
    """Return the fields that SymPy residuals name: the applied functions that are no knowns, all of them scalars.

    Args:
        constraints: The conditions.
        known: Name of what is no field → the argument of the problem in which it stands.
        where: What messages call the problem.

    Raises:
        ProblemError: If a residual is a function, which cannot be asked for its fields, or none holds a field.
    """
    taken = dict(known)
    for constraint in constraints:
        taken |= dict.fromkeys(constraint.on.data_shapes, f'data of the points of constraint "{constraint.name}"')
    found: dict[str, int] = {}
    for constraint in constraints:
        place = f'constraint "{constraint.name}" of {where}'
        if not collect.holds_symbolic(constraint.residual):
            msg = (
                f'{where} names no fields, and the residual of constraint "{constraint.name}" is a function, which '
                'cannot tell them.\n  Write fields="u", or fields=("u", "v").'
            )
            raise ProblemError(msg)
        names = collect.applied_names(collect.expressions(constraint.residual, place))
        _refuse_data_elsewhere(names, constraint, constraints, where)
        found.update(dict.fromkeys((name for name in names if name not in taken), 1))
    if not found:
        raise ProblemError(_why_no_field(constraints, taken, where))
    return found


def _refuse_data_elsewhere(
    names: Iterable[str], constraint: Constraint, constraints: Sequence[Constraint], where: str
) -> None:
    """Refuse a field with the name of data that come with the points of another constraint."""
    for other in constraints:
        for name in names:
            if name in other.on.data_shapes and name not in constraint.on.data_shapes:
                msg = (
                    f'{where} uses "{name}" for a field, in constraint "{constraint.name}", and for data of the '
                    f'points of constraint "{other.name}".\n  Rename the data: data={{"{name}_seen": …}}, read as '
                    f"the symbol {name}_seen."
                )
                raise ProblemError(msg)


def _why_no_field(constraints: Sequence[Constraint], taken: Mapping[str, str], where: str) -> str:
    """Return why residuals seem to hold no field: its name is taken, it is a symbol, or a derivative was zero."""
    parts = [part for _, part in symbolic_parts(constraints, {}, where)]
    for name in collect.applied_names(parts):
        return (
            f"{where} has no field: {name}, which its residuals apply as a function, also stands in {taken[name]}.\n"
            "  Rename one of the two."
        )
    none = (
        f"{where} names no fields, and its residuals hold none: a field is an applied function, "
        'u = sympy.Function("u")(x, t).\n'
    )
    coordinates = constraints[0].on.names
    symbols = {symbol for part in parts for symbol in part.free_symbols if normal_coordinate(symbol) is None}
    for name in sorted({symbol.name for symbol in symbols} - {*taken, *coordinates}):
        instead = f'{name} = sympy.Function("{name}")({", ".join(coordinates)})'
        return f"{none}  {name} is a symbol, which to SymPy is a constant. Write {instead}."
    return (
        f"{none}  Usual cause: it is differentiated by something that it was not applied to, which SymPy counts as "
        "zero."
    )


def vocabulary(
    where: str,
    layout: Layout,
    knowns: Mapping[str, Arranged],
    unknowns: Iterable[str],
    signatures: Mapping[str, tuple[str, ...]],
) -> Vocabulary:
    """Return what names stand for in a problem; a constraint adds its data and its normal."""
    return Vocabulary(
        where,
        layout.coordinates,
        {name: layout.trailing(name) for name in layout.fields},
        {name: each.known.trailing for name, each in knowns.items()},
        frozenset(unknowns),
        dict(known_formulas(knowns)),
        signatures,
    )


def known_formulas(knowns: Mapping[str, Arranged]) -> Iterable[tuple[str, sympy.Expr]]:
    """Give the name and formula of each known that is a number, or a scalar that is written in SymPy."""
    for name, each in knowns.items():
        if isinstance(each.known, Number):
            yield name, sympy.Float(each.known.value)
        elif isinstance(each.known, Formula) and each.known.expression is not None:
            yield name, each.known.expression


def compiled(constraint: Constraint, words: Vocabulary) -> Residual:
    """Return a constraint's residual as a function of ``(a, phi)``."""
    if not collect.holds_symbolic(constraint.residual):
        return constraint.residual  # type: ignore[return-value]
    own = replace(
        words,
        where=f'constraint "{constraint.name}" of {words.where}',
        knowns={**words.knowns, **constraint.on.data_shapes},
        boundary=constraint.on.has_normal,
    )
    return compile_residual(constraint.residual, own)


def compiled_hard(name: str, value: object, words: Vocabulary) -> HardFunction:
    """Return a hard condition as a function of ``a`` and the raw field."""
    where = f'hard "{name}" of {words.where}'
    if isinstance(value, str) or not (callable(value) or collect.holds_symbolic(value)):
        msg = (
            f"{where} is {value!r}; expected a SymPy expression of the field, such as (1 - x**2) * {name}, or a "
            "function (a, u) -> ….\n  Strings are never evaluated."
        )
        raise ProblemError(msg)
    if not collect.holds_symbolic(value):
        return value  # type: ignore[return-value]
    own = replace(words, where=where, fields={name: words.fields[name]})
    return compile_hard(name, value, own)
