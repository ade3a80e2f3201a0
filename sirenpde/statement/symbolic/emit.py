"""Emit a lowered expression as a list of small steps, each a tensor operation on the results of earlier ones.

A step is written once however often its expression occurs. Numbers are folded to floats before anything is emitted, so
that no torch function meets a plain number; derivatives with constant factors are added first, so that a sum of them
stays one linear form for the planner.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Any

import sympy
import torch
from sympy.core.function import AppliedUndef

from sirenpde.fields.operators import partial
from sirenpde.statement.symbolic.functions import BINARY, HARMLESS, SUPPORTED, UNARY
from sirenpde.statement.symbolic.lower import Reference, is_reference, reference
from sirenpde.statement.symbolic.notation import is_component, normal_coordinate
from sirenpde.statement.symbolic.vocabulary import Vocabulary

#: A step takes ``a``, ``phi`` and the results so far, and gives the next result.
Step = Callable[[Any, Any, list[Any]], Any]

_COMPARISONS: dict[type, Callable[[Any, Any], Any]] = {
    sympy.StrictLessThan: operator.lt,
    sympy.LessThan: operator.le,
    sympy.StrictGreaterThan: operator.gt,
    sympy.GreaterThan: operator.ge,
    sympy.Eq: operator.eq,
    sympy.Ne: operator.ne,
}


@dataclass(frozen=True)
class Slot:
    """The result of a step, by its number."""

    index: int


#: What an expression was emitted as: a number, or the result of a step.
Value = float | Slot


class Tape:
    """The steps of one program, as they are written."""

    def __init__(self, vocabulary: Vocabulary, *, vectors: bool = False) -> None:
        """Begin an empty tape.

        Args:
            vocabulary: What the names stand for.
            vectors: Whether a field may stand for all its components at once, as in a hard condition.
        """
        self.steps: list[Step] = []
        self._vocabulary = vocabulary
        self._vectors = vectors
        self._written: dict[object, Value] = {}

    def emit(self, node: sympy.Basic, guard: Slot | None = None) -> Value:
        """Write what a node needs; return where its value will be.

        Args:
            node: A lowered expression.
            guard: The condition of the branch of a Piecewise in which the node stands, if it stands in one.
        """
        key = node, guard
        if key not in self._written:
            self._written[key] = self._node(node, guard)
        return self._written[key]

    def _write(self, step: Step) -> Slot:
        self.steps.append(step)
        return Slot(len(self.steps) - 1)

    def _node(self, node: sympy.Basic, guard: Slot | None) -> Value:
        if is_reference(node):
            return self._reference(reference(node, self._vocabulary), vectors=self._vectors)
        if is_component(node):
            return self._component(node)
        if _is_constant(node):
            return self._number(node)
        for kind, rule in _RULES.items():
            if isinstance(node, kind):
                return rule(self, node, guard)
        if type(node) in UNARY:
            return self._unary(node, guard)
        if type(node) in BINARY:
            return self._binary(node, guard)
        self._vocabulary.refuse(
            f"holds {node}; {type(node).__name__} has no tensor operation here.",
            f"What can be written: arithmetic, powers, {SUPPORTED}.\n  Anything else can be a function of a in "
            "given={…}.",
        )

    # Leaves ----------------------------------------------------------------------------------------------------

    def _number(self, node: sympy.Basic) -> float:
        try:
            value = complex(node.evalf(17))
        except (TypeError, ValueError, OverflowError):  # a unit of length, an infinity, 10**400
            value = complex(math.nan)
        if value.imag or not math.isfinite(value.real):
            self._vocabulary.refuse(f"holds {node}, which is no finite real number.", "Fields are real: rewrite it.")
        return value.real

    def _symbol(self, node: sympy.Symbol, _guard: Slot | None) -> Value:
        coordinate = normal_coordinate(node)
        if coordinate is not None:
            column = self._vocabulary.coordinates.index(coordinate)
            return self._write(lambda a, _phi, _values: a.normal[:, column])
        self._require_scalar(node.name, self._vocabulary.knowns.get(node.name, ()))
        return self._known(node.name)

    def _known(self, name: str) -> Slot:
        return self._write(lambda a, _phi, _values: getattr(a, name))

    def _component(self, node: sympy.Basic) -> Value:
        vector, index = node.args
        column = int(index)
        if vector.is_Symbol:
            source: Value = self._known(vector.name)
            trailing = self._vocabulary.knowns.get(vector.name, ())
        else:
            place = reference(vector, self._vocabulary)
            source = self._reference(place, vectors=True)
            trailing = self._trailing(place.name)
        if len(trailing) != 1 or column >= trailing[0]:
            self._vocabulary.refuse(
                f"takes component {column} of {vector}, which has {trailing[0] if trailing else 'none'}.",
                "Components are counted from 0.",
            )
        return self._write(lambda _a, _phi, values: _read(source, values)[:, column])

    def _reference(self, place: Reference, *, vectors: bool) -> Value:
        if not vectors:
            self._require_scalar(place.name, self._trailing(place.name))
        if place.name in self._vocabulary.fields:
            site, name = self._site(place), place.name
            base = self._write(lambda _a, phi, values: getattr(phi if site is None else _read(site, values), name))
        else:
            if place.at:
                self._vocabulary.refuse(
                    f"displaces the known {place.name}, which is no SymPy formula.",
                    "Give it as SymPy in given={…}, or write its value there out.",
                )
            base = self._known(place.name)
        if not place.by:
            return base
        return self._write(lambda _a, _phi, values: partial(_read(base, values), *place.by))

    def _site(self, place: Reference) -> Value | None:
        """Return where ``phi.at(…)`` of a displacement is kept; None where nothing is displaced."""
        if not place.at:
            return None
        key = tuple(sorted(place.at.items(), key=str))  # the expressions, for a symbol named E prints as SymPy's E
        if key not in self._written:
            moved = {name: self.emit(to) for name, to in place.at.items()}
            self._written[key] = self._write(
                lambda _a, phi, values: phi.at(**{name: _read(to, values) for name, to in moved.items()})
            )
        return self._written[key]

    def _trailing(self, name: str) -> tuple[int, ...]:
        return self._vocabulary.fields.get(name, self._vocabulary.knowns.get(name, ()))

    def _require_scalar(self, name: str, trailing: tuple[int, ...]) -> None:
        if trailing:
            self._vocabulary.refuse(
                f"uses {name}, which has {trailing[0]} components, as one number.",
                f"Name the component: sp.component({name}, 0) for the first.",
            )

    # Arithmetic ------------------------------------------------------------------------------------------------

    def _add(self, node: sympy.Add, guard: Slot | None) -> Value:
        terms = sorted(node.args, key=lambda term: not _is_linear(term))
        values = [self.emit(term, guard) for term in terms]
        offset = math.fsum(value for value in values if isinstance(value, float))
        slots = [value for value in values if isinstance(value, Slot)]

        def total(_a: Any, _phi: Any, results: list[Any]) -> Any:
            summed = reduce(operator.add, (results[slot.index] for slot in slots))
            return summed + offset if offset else summed

        return self._write(total)

    def _mul(self, node: sympy.Mul, guard: Slot | None) -> Value:
        values = [self.emit(factor, guard) for factor in node.args]
        factor = math.prod(value for value in values if isinstance(value, float))
        slots = [value for value in values if isinstance(value, Slot)]

        def product(_a: Any, _phi: Any, results: list[Any]) -> Any:
            multiplied = reduce(operator.mul, (results[slot.index] for slot in slots))
            return multiplied if factor == 1.0 else factor * multiplied

        return self._write(product)

    def _power(self, node: sympy.Pow, guard: Slot | None) -> Value:
        base, exponent = self.emit(node.base, guard), self.emit(node.exp, guard)
        whole = isinstance(exponent, float) and exponent.is_integer() and exponent > 0
        if not whole and isinstance(base, Slot):
            base = self._harmless(base, sympy.Pow, guard)
        if exponent == 0.5:
            return self._write(lambda _a, _phi, values: torch.sqrt(_read(base, values)))
        if exponent == -1.0:
            return self._write(lambda _a, _phi, values: 1.0 / _read(base, values))
        if isinstance(exponent, float) and exponent.is_integer():
            number = int(exponent)
            return self._write(lambda _a, _phi, values: _read(base, values) ** number)
        return self._write(lambda _a, _phi, values: _read(base, values) ** _read(exponent, values))

    # Functions -------------------------------------------------------------------------------------------------

    def _unary(self, node: sympy.Function, guard: Slot | None) -> Value:
        function, argument = UNARY[type(node)], self._harmless(self.emit(node.args[0], guard), type(node), guard)
        if len(node.args) > 1:
            self._vocabulary.refuse(f"holds {node}, of {len(node.args)} arguments.", "Write it with one.")
        return self._write(lambda _a, _phi, values: function(_read(argument, values)))

    def _polygamma(self, node: sympy.polygamma, guard: Slot | None) -> Value:
        """Write a digamma function, which is what SymPy calls the polygamma function of order 0."""
        order, argument = node.args
        if order != 0:
            self._vocabulary.refuse(f"holds {node}, of order {order}.", "Of these functions digamma can be written.")
        value = self._harmless(self.emit(argument, guard), sympy.polygamma, guard)
        return self._write(lambda _a, _phi, values: torch.digamma(_read(value, values)))

    def _binary(self, node: sympy.Function, guard: Slot | None) -> Value:
        function, both = BINARY[type(node)], [self.lift(self.emit(argument, guard)) for argument in node.args]
        return self._write(lambda _a, _phi, values: function(*(_read(value, values) for value in both)))

    def _extreme(self, node: sympy.Basic, guard: Slot | None) -> Value:
        function = torch.maximum if isinstance(node, sympy.Max) else torch.minimum
        every = [self.lift(self.emit(argument, guard)) for argument in node.args]
        return self._write(lambda _a, _phi, values: reduce(function, (_read(value, values) for value in every)))

    def _heaviside(self, node: sympy.Heaviside, guard: Slot | None) -> Value:
        argument, middle = self.emit(node.args[0], guard), self.lift(self.emit(node.args[1], guard))

        def step(_a: Any, _phi: Any, values: list[Any]) -> Any:
            where, between = _read(argument, values), _read(middle, values)
            zero = torch.zeros_like(where)
            return torch.where(where > 0, zero + 1.0, torch.where(where < 0, zero, zero + between))

        return self._write(step)

    # Conditions ------------------------------------------------------------------------------------------------

    def _piecewise(self, node: sympy.Piecewise, guard: Slot | None) -> Value:
        *branches, (otherwise, last) = node.args
        if last != sympy.true:
            self._vocabulary.refuse(
                f"holds {node}, which is not defined where no condition holds.",
                "End it with (value, True).",
            )
        left, taken = guard, []
        for expression, condition in branches:
            holds = self._condition(condition, guard)
            here = holds if left is None else self._both(left, holds)
            taken.append((holds, self.lift(self.emit(expression, here))))
            left = self._rest(left, holds)
        value = self.lift(self.emit(otherwise, left))
        for holds, chosen in reversed(taken):
            value = self._chosen(holds, chosen, value)
        return value

    def _chosen(self, holds: Slot, this: Value, that: Value) -> Slot:
        return self._write(
            lambda _a, _phi, values: torch.where(_read(holds, values), _read(this, values), _read(that, values))
        )

    def _both(self, left: Slot, right: Slot) -> Slot:
        return self._write(lambda _a, _phi, values: torch.logical_and(_read(left, values), _read(right, values)))

    def _rest(self, left: Slot | None, holds: Slot) -> Slot:
        outside = self._write(lambda _a, _phi, values: torch.logical_not(_read(holds, values)))
        return outside if left is None else self._both(left, outside)

    def _condition(self, node: sympy.Basic, guard: Slot | None) -> Slot:
        if type(node) in _COMPARISONS:
            compare, (left, right) = _COMPARISONS[type(node)], (self.lift(self.emit(e, guard)) for e in node.args)
            return self._write(lambda _a, _phi, values: compare(_read(left, values), _read(right, values)))
        if isinstance(node, sympy.And | sympy.Or):
            join = torch.logical_and if isinstance(node, sympy.And) else torch.logical_or
            parts = [self._condition(part, guard) for part in sorted(node.args, key=str)]
            return self._write(lambda _a, _phi, values: reduce(join, (_read(part, values) for part in parts)))
        if isinstance(node, sympy.Not):
            return self._rest(None, self._condition(node.args[0], guard))
        self._vocabulary.refuse(f"holds the condition {node}.", "Conditions are comparisons, joined by And, Or, Not.")

    def _harmless(self, value: Value, kind: type, guard: Slot | None) -> Value:
        """Return an argument that is replaced by a harmless one where the branch it stands in is not taken."""
        if guard is None or kind not in HARMLESS or not isinstance(value, Slot):
            return value
        number = HARMLESS[kind]

        def step(_a: Any, _phi: Any, values: list[Any]) -> Any:
            argument = values[value.index]
            return torch.where(values[guard.index], argument, torch.zeros_like(argument) + number)

        return self._write(step)

    def lift(self, value: Value) -> Value:
        """Return a number as a quantity, for torch functions that take no plain numbers."""
        if isinstance(value, Slot):
            return value
        coordinate = self._vocabulary.coordinates[0]
        return self._write(lambda a, _phi, _values: torch.zeros_like(getattr(a, coordinate)) + value)


_RULES: dict[Any, Callable[[Tape, Any, Slot | None], Value]] = {
    sympy.Symbol: Tape._symbol,
    sympy.Add: Tape._add,
    sympy.Mul: Tape._mul,
    sympy.Pow: Tape._power,
    sympy.Max: Tape._extreme,
    sympy.Min: Tape._extreme,
    sympy.Heaviside: Tape._heaviside,
    sympy.polygamma: Tape._polygamma,
    sympy.Piecewise: Tape._piecewise,
}


def _read(value: Value, results: list[Any]) -> Any:
    return results[value.index] if isinstance(value, Slot) else value


def _is_constant(node: sympy.Basic) -> bool:
    """Tell whether a node is a number: displaced fields have no free symbols either."""
    return isinstance(node, sympy.Expr) and not node.free_symbols and not node.has(AppliedUndef)


def _is_linear(node: sympy.Basic) -> bool:
    """Tell whether a term is a field or a derivative times a number, which the planner takes as one linear form."""
    factors = node.args if isinstance(node, sympy.Mul) else (node,)
    return all(is_reference(factor) or _is_constant(factor) for factor in factors) and any(
        is_reference(factor) for factor in factors
    )
