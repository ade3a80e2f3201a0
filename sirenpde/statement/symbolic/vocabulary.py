"""The names that a SymPy residual can use, and what each stands for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NoReturn

import sympy
from sympy.core.function import AppliedUndef

from sirenpde.errors import ExpressionError, suggestion

#: Formulas in messages are cut in the middle beyond this many characters.
_LONGEST = 600


@dataclass(frozen=True)
class Vocabulary:
    """What the names in one residual, known or hard condition stand for.

    Attributes:
        where: What the user calls it, for messages.
        coordinates: The coordinates, in order.
        fields: Field → the shape of its value at a point, ``()`` or ``(c,)``.
        knowns: Known or data → the shape of its value at a point.
        unknowns: Unknown numbers.
        formulas: Knowns that are given as SymPy, by which an application such as ``k(x, y)`` is replaced.
        signatures: Field or known → the coordinates in the order of its arguments.
        boundary: Whether there is a normal.
    """

    where: str
    coordinates: tuple[str, ...]
    fields: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    knowns: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    unknowns: frozenset[str] = frozenset()
    formulas: Mapping[str, sympy.Expr] = field(default_factory=dict)
    signatures: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    boundary: bool = False

    @property
    def names(self) -> dict[str, Iterable[str]]:
        """Every name, by what it is."""
        return {
            "coordinates": self.coordinates,
            "fields": self.fields,
            "knowns": self.knowns,
            "unknowns": sorted(self.unknowns),
        }

    def refuse(self, what: str, hint: str) -> NoReturn:
        """Raise an ``ExpressionError`` that names the place."""
        shown = what if len(what) <= _LONGEST else f"{what[: _LONGEST // 2]} … {what[-_LONGEST // 2 :]}"
        msg = f"{self.where} {shown}\n  {hint}"
        raise ExpressionError(msg)

    def refuse_name(self, name: str, shown: str) -> NoReturn:
        """Refuse a name that stands for nothing here."""
        listed = " and ".join(f"{', '.join(names)} ({group})" for group, names in self.names.items() if names)
        every = [each for names in self.names.values() for each in names]
        what = f"uses {shown}, which stands for nothing; the names that it can use are {listed}."
        self.refuse(
            what + suggestion(name, every),
            "Name it in given={…} or unknowns={…}, or correct the spelling.",
        )

    def signature(self, function: AppliedUndef) -> tuple[str, ...]:
        """Return the coordinates that the arguments of a field or known stand for, in order."""
        return self.signatures.get(function.func.__name__, self.coordinates)
