"""Compile SymPy to what a person would have written: residuals of ``(a, phi)``, knowns of ``a``, hard conditions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sympy
import torch

from sirenpde.fields.quantity import Quantity
from sirenpde.statement.symbolic import check
from sirenpde.statement.symbolic.collect import expressions, formulas
from sirenpde.statement.symbolic.emit import Slot, Step, Tape, Value
from sirenpde.statement.symbolic.lower import lower, references
from sirenpde.statement.symbolic.vocabulary import Vocabulary


@dataclass(frozen=True)
class Program:
    """A compiled statement: called with ``(a, phi)``, as a residual is.

    Attributes:
        formulas: What it was compiled from, with derivatives carried out.
        steps: The tensor operations, in order.
        outputs: Where the values of the formulas are.
    """

    formulas: tuple[sympy.Basic, ...]
    steps: tuple[Step, ...]
    outputs: tuple[Value, ...]

    def __call__(self, a: Any, phi: Any) -> Any:
        """Return what must vanish: one quantity, or a tuple of them."""
        results: list[Any] = []
        for step in self.steps:
            results.append(step(a, phi, results))
        values = tuple(results[value.index] if isinstance(value, Slot) else value for value in self.outputs)
        return values[0] if len(values) == 1 else values


@dataclass(frozen=True)
class KnownProgram:
    """A compiled known: called with ``a``. Several formulas are the components of a vector."""

    program: Program

    @property
    def formula(self) -> sympy.Expr | None:
        """The formula of a scalar, in real symbols; None of a vector."""
        return self.program.formulas[0] if len(self.program.formulas) == 1 else None

    def __call__(self, a: Any) -> Any:
        """Return its value, ``(n,)``, or ``(n, k)`` for k formulas."""
        value = self.program(a, None)
        return torch.stack(value, dim=-1) if isinstance(value, tuple) else value


@dataclass(frozen=True)
class HardProgram:
    """A compiled hard condition: called with ``a`` and the raw field."""

    name: str
    program: Program

    def __call__(self, a: Any, u: Quantity) -> Any:
        """Return the field that is used in place of the raw one."""
        return self.program(a, _Raw(self.name, u))


class _Raw:
    """The raw field where a program expects ``phi``."""

    def __init__(self, name: str, field: Quantity) -> None:
        setattr(self, name, field)


def compile_residual(residual: object, vocabulary: Vocabulary) -> Program:
    """Compile a SymPy residual: an expression, an ``Eq``, or a list of such.

    Raises:
        ExpressionError: If anything in it cannot be compiled; the message names it and the place.
    """
    program = _compiled(expressions(residual, vocabulary.where), vocabulary)
    check.check_dependence(list(program.formulas), vocabulary)
    return program


def compile_known(value: object, vocabulary: Vocabulary) -> KnownProgram:
    """Compile a known or an exact solution: an expression of coordinates, or a list of them for a vector."""
    return KnownProgram(_compiled(formulas(value, vocabulary.where), vocabulary, lifted=True))


def compile_hard(name: str, value: object, vocabulary: Vocabulary) -> HardProgram:
    """Compile the expression that is used in place of a raw field.

    Raises:
        ExpressionError: If it does not depend on the raw field, or reads it at displaced points.
    """
    program = _compiled(formulas([value], vocabulary.where), vocabulary, vectors=True)
    places = references(program.formulas[0], vocabulary)
    if not any(place.name == name for place in places):
        vocabulary.refuse(
            f"is {value}, which does not depend on the raw field {name}.",
            f"Write for example hard={{{name!r}: (1 - x**2) * {name}}}, with {name} the applied function.",
        )
    if any(place.at for place in places):
        vocabulary.refuse(
            f"reads {name} at displaced points.", "A hard condition transforms the field where it stands."
        )
    return HardProgram(name, program)


def _compiled(
    listed: list[sympy.Basic], vocabulary: Vocabulary, *, vectors: bool = False, lifted: bool = False
) -> Program:
    for expression in listed:
        check.check_nodes(expression, vocabulary)
    formulas = tuple(lower(expression, vocabulary) for expression in listed)
    for formula in formulas:
        check.check_nodes(formula, vocabulary)  # a derivative may bring a DiracDelta
        check.check_numbers(formula, vocabulary)
        check.check_reads(formula, vocabulary)
    tape = Tape(vocabulary, vectors=vectors)
    outputs = tuple(tape.emit(formula) for formula in formulas)
    if lifted:
        outputs = tuple(tape.lift(value) for value in outputs)
    return Program(formulas, tuple(tape.steps), outputs)
