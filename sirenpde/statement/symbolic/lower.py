"""Bring an expression into the one form that is emitted, and read fields off it: which field, where, which derivative.

SymPy's fields are complex and its symbols carry assumptions; here every symbol and function is made real and carries
none besides, in one walk, and only then are derivatives of products and composites carried out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import sympy
from sympy.core.function import AppliedUndef

from sirenpde.statement.symbolic.collect import name_of, require_size
from sirenpde.statement.symbolic.vocabulary import Vocabulary

#: Higher derivatives than these are refused: each order multiplies rounding by the frequency of the field.
HIGHEST_ORDER = 8


@dataclass(frozen=True)
class Reference:
    """A field or known at a point, or a derivative of it.

    Attributes:
        name: The field or known.
        at: Coordinate → where it is displaced to; the others stay.
        by: The coordinates to differentiate by, one after the other.
    """

    name: str
    at: Mapping[str, sympy.Expr] = field(default_factory=dict)
    by: tuple[str, ...] = ()


def lower(expression: sympy.Basic, vocabulary: Vocabulary) -> sympy.Basic:
    """Return an expression in real symbols with every derivative carried down to a field or known."""
    done = _real(canonical(expression, vocabulary).doit(deep=True))
    require_size(done, vocabulary.where)
    return done


def _real(expression: sympy.Basic) -> sympy.Basic:
    """Leave out real parts, which SymPy puts around derivatives of real fields: |exp(u_x)| becomes exp(re(u_x))."""
    if expression.has(sympy.I) or not expression.has(sympy.re, sympy.im, sympy.conjugate):
        return expression
    real = expression.replace(sympy.re, lambda part: part).replace(sympy.conjugate, lambda part: part)
    return real.replace(sympy.im, lambda _part: sympy.Integer(0))


def canonical(expression: sympy.Basic, vocabulary: Vocabulary) -> sympy.Basic:
    """Return an expression in real symbols and functions, with known formulas in place of their applications."""
    done: dict[sympy.Basic, sympy.Basic] = {}

    def walk(node: sympy.Basic) -> sympy.Basic:
        if node not in done:
            done[node] = _rebuilt(node, vocabulary, [walk(child) for child in node.args])
        return done[node]

    return walk(expression)


def _rebuilt(node: sympy.Basic, vocabulary: Vocabulary, children: list[sympy.Basic]) -> sympy.Basic:
    if isinstance(node, sympy.Symbol) and not isinstance(node, sympy.Dummy):
        return sympy.Symbol(node.name, real=True)
    if isinstance(node, AppliedUndef):
        name = name_of(node)
        if name in vocabulary.knowns:
            _refuse_turned(node, vocabulary)
        if name in vocabulary.formulas:
            return _inlined(node, vocabulary, children)
        return sympy.Function(name, real=True)(*children)
    if isinstance(node, sympy.Subs):
        _refuse_crossed(node, vocabulary)
    return node.func(*children) if children else node


def _refuse_turned(node: AppliedUndef, vocabulary: Vocabulary) -> None:
    """Refuse a known whose arguments stand in another order than the coordinates: k(y, x) may be meant as k turned."""
    name, signature = name_of(node), vocabulary.signature(node)
    ordered = [each for each in vocabulary.coordinates if each in signature]
    if list(signature) != ordered:
        turned, right = ", ".join(signature), ", ".join(ordered)
        vocabulary.refuse(
            f"applies the known {name} as {name}({turned}); the coordinates of the problem come as "
            f"{', '.join(vocabulary.coordinates)}, so it is not clear which argument is which.",
            f"Write {name}({right}) throughout. Where coordinates are to be exchanged, exchange them in what is given.",
        )


def _refuse_crossed(node: sympy.Subs, vocabulary: Vocabulary) -> None:
    """Refuse substitutions into each other: SymPy carries them out one after the other, whatever was meant."""
    variables = node.variables
    places = [
        set(point.free_symbols) & (set(variables) - {own}) for own, point in zip(variables, node.point, strict=True)
    ]
    if any(places) or len(set(variables)) < len(variables):
        vocabulary.refuse(
            f"holds {node}, whose substitutions go into each other, so that it is not clear where it is meant.",
            'Write the residual as a function of (a, phi): sp.partial(phi.at(x=a.t, t=a.x).u, "x").',
        )


def _inlined(node: AppliedUndef, vocabulary: Vocabulary, arguments: list[sympy.Basic]) -> sympy.Basic:
    """Return the formula of a known in place of its application."""
    name, signature = name_of(node), vocabulary.signature(node)
    formula = vocabulary.formulas[name]
    own = {symbol.name for symbol in formula.free_symbols}
    if len(signature) != len(arguments) or not own <= set(signature):
        needed = ", ".join(each for each in vocabulary.coordinates if each in own)
        vocabulary.refuse(
            f"applies the known {name} as {node}, but its formula {formula} depends on {needed or 'no coordinate'}.",
            f'Write sympy.Function("{name}")({needed}).',
        )
    pairs = zip(signature, arguments, strict=True)
    return formula.xreplace({sympy.Symbol(coordinate, real=True): argument for coordinate, argument in pairs})


def reference(
    node: sympy.Basic, vocabulary: Vocabulary, inserted: Mapping[sympy.Basic, sympy.Basic] | None = None
) -> Reference:
    """Read a field, known or derivative off a node: ``u(x, t)``, ``Derivative``, or ``Subs`` of such.

    Args:
        node: An applied function, a derivative of one, or one of these with something substituted.
        vocabulary: What the names stand for.
        inserted: What is put in place of symbols, from the ``Subs`` around the node; SymPy joins nested ones to one.
    """
    inserted = inserted or {}
    if isinstance(node, sympy.Subs):
        return reference(node.expr, vocabulary, dict(zip(node.variables, node.point, strict=True)))
    if isinstance(node, sympy.Derivative):
        return _derivative(node, vocabulary, inserted)
    if not isinstance(node, AppliedUndef):
        vocabulary.refuse(
            f"differentiates or displaces {node}, which is no field.",
            "Differentiate first, then substitute: u.diff(x).subs(x, 1).",
        )
    return Reference(name_of(node), _displacements(node, vocabulary, inserted))


def _derivative(
    node: sympy.Derivative, vocabulary: Vocabulary, inserted: Mapping[sympy.Basic, sympy.Basic]
) -> Reference:
    function = node.expr
    if not isinstance(function, AppliedUndef):
        vocabulary.refuse(
            f"holds {node}, a derivative that SymPy could not carry out.",
            "Only fields and knowns are differentiated: write the derivative of everything else out.",
        )
    signature, by = _signature(function, vocabulary), []
    for variable, count in node.variable_count:
        places = [place for place, argument in enumerate(function.args) if argument == variable]
        mixed = [argument for argument in function.args if argument != variable and argument.has(variable)]
        if len(places) != 1 or mixed or not count.is_Integer:
            vocabulary.refuse(
                f"holds {node}: {variable} is no single argument of {function}, or the order {count} is no number.",
                "Differentiate by a coordinate, a whole number of times.",
            )
        by += [signature[places[0]]] * int(count)
    if len(by) > HIGHEST_ORDER:
        vocabulary.refuse(
            f"holds {node}, of order {len(by)}; derivatives go up to order {HIGHEST_ORDER}.",
            "Write the equation as a system of lower order, with a further field.",
        )
    return Reference(name_of(function), _displacements(function, vocabulary, inserted), tuple(by))


def _signature(function: AppliedUndef, vocabulary: Vocabulary) -> tuple[str, ...]:
    """Return the coordinates that the arguments stand for; refuse a field that does not take them all."""
    name, signature = name_of(function), vocabulary.signature(function)
    needed = ", ".join(vocabulary.coordinates)
    if name in vocabulary.fields and set(signature) != set(vocabulary.coordinates):
        missing = ", ".join(each for each in vocabulary.coordinates if each not in signature)
        vocabulary.refuse(
            f"applies the field {name} as {function}; a field depends on every coordinate: {needed}.",
            f'Write sympy.Function("{name}")({needed}), and a constraint {name}.diff({missing}) where it is constant.\n'
            f"  If {name} is known, name it in given={{…}}.",
        )
    if len(signature) != len(function.args):
        vocabulary.refuse(
            f"applies {name} as {function}; it is a function of {len(signature)} coordinates: {', '.join(signature)}.",
            f'Write sympy.Function("{name}")({", ".join(signature)}); a value at another place is u.subs(x, 1).',
        )
    return signature


def _displacements(
    function: AppliedUndef, vocabulary: Vocabulary, inserted: Mapping[sympy.Basic, sympy.Basic]
) -> dict[str, sympy.Expr]:
    arguments = [argument.xreplace(dict(inserted)) for argument in function.args]
    pairs = zip(_signature(function, vocabulary), arguments, strict=True)
    moved = {name: argument for name, argument in pairs if argument != sympy.Symbol(name, real=True)}
    for argument in moved.values():
        inner = sorted(map(str, argument.atoms(AppliedUndef)))
        if inner:
            what = "field" if name_of(function) in vocabulary.fields else "known"
            vocabulary.refuse(
                f"applies {function.func} to {inner[0]}, so its place depends on a field.",
                f"A {what} is a function of coordinates; a coefficient that depends on a field is written out.",
            )
    return moved


def is_reference(node: sympy.Basic) -> bool:
    """Tell whether a node is a field, a known applied to coordinates, a derivative, or one of these displaced."""
    return isinstance(node, AppliedUndef | sympy.Derivative | sympy.Subs)


def references(expression: sympy.Basic, vocabulary: Vocabulary) -> list[Reference]:
    """Return every reference in a lowered expression, each once, in a fixed order."""
    found: dict[sympy.Basic, Reference] = {}
    stack = [expression]
    while stack:
        node = stack.pop()
        if is_reference(node):
            found[node] = reference(node, vocabulary)
        else:
            stack.extend(node.args)
    return [found[node] for node in sorted(found, key=str)]
