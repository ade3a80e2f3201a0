"""The checks of a problem, one small function each, in the order in which they run."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from sirenpde.errors import (
    ProblemError,
    RegionError,
    ResidualError,
    SirenPDEError,
    SirenPDEWarning,
    kind_of,
    suggestion,
)
from sirenpde.fields.layout import Layout
from sirenpde.fields.trace import Traced
from sirenpde.statement.constraint import Constraint, require_identifier
from sirenpde.statement.given import Arranged
from sirenpde.statement.unknown import Unknown

#: Names that ``solution.NAME`` has already, so that no field can have them.
RESERVED = frozenset(
    {
        "ansatz",
        "archive",
        "coordinates",
        "gridded",
        "history",
        "layout",
        "name",
        "network",
        "plot",
        "problem",
        "provenance",
        "save",
        "score",
        "settings",
        "status",
        "stored",
        "to_xarray",
        "unknowns",
        "verify",
    }
)


def check_constraints(constraints: object, where: str) -> tuple[Constraint, ...]:
    """Return the constraints as a tuple; refuse none, other objects, and names used twice."""
    if isinstance(constraints, Constraint):
        constraints = (constraints,)
    if not isinstance(constraints, Iterable):
        msg = f"{where} has constraints={constraints!r}; expected a list of sp.Constraint."
        raise ProblemError(msg)
    listed = tuple(constraints)
    if not listed:
        msg = f"{where} has no constraint, so anything solves it. Write constraints=[sp.Constraint(…)]."
        raise ProblemError(msg)
    for place, constraint in enumerate(listed):
        if not isinstance(constraint, Constraint):
            msg = f"{where} has {kind_of(constraint)} as constraint number {place + 1}; expected an sp.Constraint."
            raise ProblemError(msg)
        if any(constraint.name == other.name for other in listed[:place]):
            msg = f'{where} has two constraints named "{constraint.name}". Give each a name of its own.'
            raise ProblemError(msg)
    return listed


def check_fields(fields: object, where: str) -> dict[str, int | None]:
    """Return name → number of components, None for a scalar."""
    if isinstance(fields, str):
        fields = (fields,)
    if isinstance(fields, Mapping):
        named = dict(fields)
    elif isinstance(fields, Sequence) and fields and all(isinstance(name, str) for name in fields):
        named = dict.fromkeys(fields, 1)
        if len(named) != len(fields):
            msg = f"{where} names a field twice: {', '.join(fields)}."
            raise ProblemError(msg)
    else:
        named = {}
    if not named:
        msg = f'{where} has fields={fields!r}; expected "u", ("u", "v"), or {{"velocity": 2, "p": 1}}.'
        raise ProblemError(msg)
    for name, count in named.items():
        require_identifier(name, f"a field of {where}")
        if name in RESERVED:
            msg = f'{where} declares a field "{name}", but solution.{name} is something else. Choose another name.'
            raise ProblemError(msg)
        if name == "at" or isinstance(count, bool) or not isinstance(count, int) or count < 1:
            msg = (
                f'{where} declares field "{name}" with {count!r} components; expected a positive integer, and a '
                'name other than "at".'
            )
            raise ProblemError(msg)
    return {name: None if count == 1 else count for name, count in named.items()}


def check_coordinates(constraints: Sequence[Constraint], where: str) -> tuple[str, ...]:
    """Return the coordinates, those of the first region; refuse a region with others."""
    names = constraints[0].on.names
    for constraint in constraints:
        if set(constraint.on.names) != set(names):
            own, wanted = ", ".join(constraint.on.names), ", ".join(names)
            msg = (
                f'constraint "{constraint.name}" of {where} holds on a region with coordinates {own}; those of the '
                f'problem, set by constraint "{constraints[0].name}", are {wanted}.\n'
                "  Every region has all coordinates: a start in time is domain.at(t=0), not a box without t."
            )
            raise RegionError(msg)
    return names


def check_clashes(groups: Mapping[str, Iterable[str]], where: str) -> None:
    """Refuse one name for two things, among coordinates, fields and knowns."""
    holders: dict[str, str] = {}
    for group, names in groups.items():
        for name in names:
            if name.startswith("_"):
                msg = f'{where} has a {group} named "{name}"; names that begin with an underscore are reserved.'
                raise ProblemError(msg)
            if name in holders:
                msg = f'{where} uses the name "{name}" for a {holders[name]} and for a {group}. Rename one of them.'
                raise ProblemError(msg)
            holders[name] = group


def check_data_names(constraints: Sequence[Constraint], taken: Iterable[str], where: str) -> None:
    """Refuse data of points that hide a known or a field."""
    names = set(taken)
    for constraint in constraints:
        for name in constraint.on.data_shapes:
            if name in names:
                msg = (
                    f'the points of constraint "{constraint.name}" of {where} carry data named "{name}", which '
                    "is also a known or a field. Rename one."
                )
                raise ProblemError(msg)


def check_mapping(argument: str, value: object, where: str) -> dict[str, Any]:
    """Return an argument that is a dictionary from names, as a copy."""
    if not isinstance(value, Mapping):
        msg = f"{where} has {argument}={value!r}; expected a dictionary from names."
        raise ProblemError(msg)
    return dict(value)


def check_known_names(names: Iterable[object], what: str, where: str) -> None:
    """Refuse names that no residual could read as ``a.NAME``."""
    for name in names:
        require_identifier(name, f"{what} of {where}")
        if name == "normal":
            msg = f'{where} has {what} named "normal", which on a boundary is the normal. Choose another name.'
            raise ProblemError(msg)


def check_unknowns(unknowns: Mapping[str, object], where: str) -> None:
    """Refuse unknown numbers that are not declared as such."""
    for name, value in unknowns.items():
        if not isinstance(value, Unknown):
            msg = (
                f'{where} has the unknown "{name}" = {value!r}; expected sp.Unknown(initial=…).\n  A number that is '
                "known belongs into given={…}."
            )
            raise ProblemError(msg)


def check_periodic(periodic: object, coordinates: tuple[str, ...], where: str) -> tuple[str, ...]:
    """Return the periodic coordinates as a tuple; refuse names that are no coordinates."""
    names = (periodic,) if isinstance(periodic, str) else periodic
    if not isinstance(names, Sequence) or not all(isinstance(name, str) for name in names):
        msg = f'{where} has periodic={periodic!r}; expected names of coordinates, such as periodic=("x",).'
        raise ProblemError(msg)
    for name in names:
        if name not in coordinates:
            near = suggestion(name, coordinates)
            msg = f'{where} is periodic in "{name}", but its coordinates are {", ".join(coordinates)}.{near}'
            raise ProblemError(msg)
    return tuple(dict.fromkeys(names))


def check_targets(argument: str, names: Iterable[str], layout: Layout, where: str) -> None:
    """Refuse a hard condition or exact solution of a field that does not exist."""
    for name in names:
        if name not in layout.fields:
            fields, near = ", ".join(layout.fields), suggestion(name, layout.fields)
            msg = f'{where} gives {argument} "{name}", but its fields are {fields}.{near}'
            raise ProblemError(msg)


def check_penalty(constraint: Constraint, traced: Traced, where: str) -> None:
    """Try a penalty of the user's own on a few residuals; refuse one of another shape, negative or not finite."""
    if isinstance(constraint.penalty, str):
        return
    for trailing in traced.shapes:
        column = torch.linspace(-1.0, 1.0, 3, dtype=torch.float64).reshape(3, *[1] * len(trailing))
        residual = column.expand(3, *trailing).clone().requires_grad_()
        try:
            values = constraint.penalised(residual)
        except SirenPDEError:
            raise
        except Exception as error:
            msg = (
                f'the penalty of constraint "{constraint.name}" of {where} failed on a residual of shape '
                f"{tuple(residual.shape)}: {type(error).__name__}: {error}"
            )
            raise ProblemError(msg) from error
        if not values.requires_grad:
            msg = (
                f'the penalty of constraint "{constraint.name}" of {where} is cut off from the residual, so no '
                "training could lower it. Leave out .detach(), torch.no_grad() and comparisons."
            )
            raise ProblemError(msg)
        if not (torch.isfinite(values) & (values >= 0)).all():
            msg = (
                f'the penalty of constraint "{constraint.name}" of {where} gives {values.tolist()} for the residuals '
                "-1, 0, 1; expected finite numbers of at least 0."
            )
            raise ProblemError(msg)


def check_dependence(constraint: Constraint, traced: Traced, where: str) -> None:
    """Refuse a residual that reads no field: no training could lower it."""
    if not traced.fields or not any(any(forms) for forms in traced.sites):
        msg = (
            f'constraint "{constraint.name}" of {where} depends on no field, so no training could lower it.\n'
            "  Usual cause: the residual holds knowns alone, or its fields cancel."
        )
        raise ResidualError(msg)
    if not traced.trainable:
        msg = (
            f'constraint "{constraint.name}" of {where} is cut off from the weights, so no training could lower it.\n'
            "  Usual cause: its fields are read under torch.no_grad(), or only by torch.zeros_like or the like."
        )
        raise ResidualError(msg)


def check_read(
    layout: Layout, knowns: Iterable[str], unknowns: Iterable[str], traced: Sequence[Traced], where: str
) -> None:
    """Refuse a field or an unknown number that no residual reads; warn of a known that nothing reads."""
    fields = frozenset().union(*(each.fields for each in traced))
    for name in layout.fields:
        if name not in fields:
            msg = (
                f'no residual of {where} reads field "{name}", so nothing determines it. Read it as phi.{name}, '
                "or drop it from fields."
            )
            raise ProblemError(msg)
    numbers = frozenset().union(*(each.unknowns for each in traced))
    for name in unknowns:
        if name not in numbers:
            msg = (
                f'no residual of {where} reads the unknown "{name}", so nothing determines it. Read it as a.{name}, '
                "in SymPy as the symbol, or drop it from unknowns."
            )
            raise ProblemError(msg)
    read = frozenset().union(*(each.knowns for each in traced))
    for name in knowns:
        if name not in read:
            warnings.warn(f'no residual of {where} reads the known "{name}" (a.{name}).', SirenPDEWarning, stacklevel=4)


def warn_of(messages: Iterable[str]) -> None:
    """Warn, at the line where the user makes the problem."""
    for message in messages:
        warnings.warn(message, SirenPDEWarning, stacklevel=4)


def check_data_read(constraints: Sequence[Constraint], traced: Sequence[Traced], where: str) -> Iterator[str]:
    """Name the data of points that the constraint on these points does not read."""
    for constraint, asked in zip(constraints, traced, strict=True):
        for name in constraint.on.data_shapes:
            if name not in asked.knowns:
                yield (
                    f'constraint "{constraint.name}" of {where} does not read the data "{name}" of its points '
                    f"(a.{name}).\n  A measurement is compared with a field: u - {name}."
                )


def check_exact(name: str, exact: Arranged, layout: Layout, points: Tensor, where: str) -> None:
    """Refuse an exact solution of a field that does not exist, or of another shape than the field."""
    check_targets("exact", [name], layout, where)
    shape, expected = tuple(exact(points).shape), (len(points), *layout.trailing(name))
    if shape != expected:
        msg = f'exact "{name}" of {where} has shape {shape} at {len(points)} points; field "{name}" has {expected}.'
        raise ProblemError(msg)
