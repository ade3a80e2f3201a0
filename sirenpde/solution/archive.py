"""What a solution file keeps, as plain numbers and text: no network, no device, no code.

``Archive`` is the border between the solution in memory and the bytes on disk: whoever makes one may save it, and
whoever reads a file gets one. The subtle contract is the order of axes: regions say (x, y, t), files say (t, y, x), see
``file_order``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sirenpde.errors import DataError
from sirenpde.solution import schema


@dataclass(frozen=True, eq=False)
class Archive:
    """One solution as it is kept in a file.

    Attributes:
        problem: The problem's name.
        coordinates: The names of the coordinates, in the problem's order.
        fields: Name of a field to its trailing shape: ``()``, or ``(c,)`` for c components.
        title: One line for a person.
        status: How the run ended.
        axes: Coordinate to its ascending float64 points on the export grid; empty where nothing is kept on a grid.
        values: Name of a field, or of something derived such as ``u_error``, to its float32 or float64 array on the
            grid, axes in file order, components last. Points outside the region hold NaN.
        inside: Which grid points belong to the region, bool in file order; None means all.
        units: Coordinate or value to its unit.
        long_names: Coordinate or value to a description.
        points: Region to columns ``(n,)`` or ``(n, c)``: coordinates and values on what is not a grid.
        history: Quantity to one number per recorded step; holds ``"step"`` unless it is empty.
        weights: Parameter to its float32 or float64 array.
        unknowns: Unknown number to its value.
        parameters: Unknown number to θ, which was trained, and ν_0, where it began: float64 (2,).
        settings: What rebuilds the network and the run; anything that JSON can say. Tuples come back as lists.
        statement: The problem as a JSON tree, or None.
        provenance: Versions, device and the like; the version under ``"sirenpde"`` is also an attribute of the file.
        verification: Measured scores and errors.
        training: The state of an unfinished run: arrays of bools, integers or floats.

    Raises:
        DataError: If a name, shape or type is not one that a file can keep.
    """

    problem: str
    coordinates: tuple[str, ...]
    fields: dict[str, tuple[int, ...]]
    title: str = ""
    status: str = ""
    axes: dict[str, np.ndarray] = field(default_factory=dict)
    values: dict[str, np.ndarray] = field(default_factory=dict)
    inside: np.ndarray | None = None
    units: dict[str, str] = field(default_factory=dict)
    long_names: dict[str, str] = field(default_factory=dict)
    points: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)
    history: dict[str, np.ndarray] = field(default_factory=dict)
    weights: dict[str, np.ndarray] = field(default_factory=dict)
    unknowns: dict[str, float] = field(default_factory=dict)
    parameters: dict[str, np.ndarray] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    statement: Any = None
    provenance: dict[str, str] = field(default_factory=dict)
    verification: dict[str, float] = field(default_factory=dict)
    training: dict[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what a file could not keep."""
        _check_names(self)
        _check_grid(self)
        for name, array in self.values.items():
            _check_value(self, name, array)
        _check_points(self)
        _check_history(self)
        _check_parameters(self)
        _check_texts(self)

    @property
    def order(self) -> tuple[str, ...]:
        """The coordinates in the order of the axes of ``values``."""
        return file_order(self.coordinates)

    @property
    def grid_shape(self) -> tuple[int, ...]:
        """The shape of the export grid in file order; empty where there is none."""
        return tuple(len(self.axes[name]) for name in self.order) if self.axes else ()


def file_order(coordinates: Iterable[str]) -> tuple[str, ...]:
    """Return the order of axes in a file: ``t`` first, the others reversed, so that the first runs fastest.

    Example:
        >>> file_order(("x", "y", "t"))
        ('t', 'y', 'x')
    """
    space = [name for name in coordinates if name != "t"]
    time = [name for name in coordinates if name == "t"]
    return (*time, *reversed(space))


def _refuse(msg: str) -> DataError:
    return DataError(f"a solution file cannot hold this: {msg}")


def _require_names(what: str, names: Iterable[str], pattern: str = schema.NAME) -> None:
    for name in names:
        if not isinstance(name, str) or not re.fullmatch(pattern, name):
            msg = f"{name!r} is no name for {what}.\n  Write letters, digits and underscores, a letter first."
            raise _refuse(msg)


def _check_names(archive: Archive) -> None:
    _require_names("a problem", [archive.problem])
    _require_names("a coordinate", archive.coordinates)
    _require_names("a field", archive.fields)
    _require_names("a value", archive.values)
    _require_names("a region of points", archive.points)
    for columns in archive.points.values():
        _require_names("a column of points", columns)
    _require_names("a quantity of the history", archive.history)
    _require_names("an unknown", [*archive.unknowns, *archive.parameters])
    _require_names("a score", archive.verification)
    _require_names("a parameter", archive.weights, schema.PARAMETER)
    _require_names("a state of the training", archive.training, schema.PARAMETER)
    twice = sorted(set(archive.coordinates) & (set(archive.fields) | set(archive.values)))
    if twice or len(set(archive.coordinates)) != len(archive.coordinates):
        msg = f"coordinates {archive.coordinates} share a name with each other or with a value {twice}."
        raise _refuse(msg)


def _check_grid(archive: Archive) -> None:
    if not archive.axes:
        if archive.values or archive.inside is not None:
            msg = "it has values on a grid, but no axes."
            raise _refuse(msg)
        return
    if set(archive.axes) != set(archive.coordinates):
        msg = f"its grid has axes {sorted(archive.axes)}; expected the coordinates {sorted(archive.coordinates)}."
        raise _refuse(msg)
    for name, axis in archive.axes.items():
        good = isinstance(axis, np.ndarray) and axis.dtype == np.float64 and axis.ndim == 1 and axis.size > 0
        if not good or not np.isfinite(axis).all() or not (np.diff(axis) > 0).all():
            msg = f"axis {name!r} must be one ascending row of finite float64 numbers."
            raise _refuse(msg)
    mask = archive.inside
    if mask is not None and (mask.dtype != np.bool_ or mask.shape != archive.grid_shape):
        msg = f"inside has shape {mask.shape} and type {mask.dtype}; expected {archive.grid_shape} and bool."
        raise _refuse(msg)


def _check_value(archive: Archive, name: str, array: np.ndarray) -> None:
    shape, grid = array.shape, archive.grid_shape
    trailing = shape[len(grid) :]
    if shape[: len(grid)] != grid or len(trailing) > 1 or 0 in trailing:
        msg = f"{name!r} has shape {shape}; expected {grid}, the axes {archive.order}, and at most one of components."
        raise _refuse(msg)
    if name in archive.fields and trailing != tuple(archive.fields[name]):
        msg = f"field {name!r} has {trailing} as components on the grid; expected {archive.fields[name]}."
        raise _refuse(msg)
    _require_dtype(name, array, schema.FLOATS)


def _require_dtype(name: str, array: np.ndarray, allowed: tuple[str, ...]) -> None:
    if np.dtype(array.dtype).newbyteorder("<").str not in allowed:
        msg = f"{name!r} has type {array.dtype}; expected one of {', '.join(np.dtype(code).name for code in allowed)}."
        raise _refuse(msg)


def _check_points(archive: Archive) -> None:
    for region, columns in archive.points.items():
        shapes = {name: column.shape for name, column in columns.items()}
        lengths = {shape[:1] for shape in shapes.values()}
        ranks = {len(shape) for shape in shapes.values()}
        if len(lengths) > 1 or not ranks <= {1, 2} or any(0 in shape[1:] for shape in shapes.values()):
            msg = f"the points of {region!r} have columns of shapes {shapes}; expected (n,) or (n, c) with one n."
            raise _refuse(msg)
        for name, column in columns.items():
            _require_dtype(f"{region}.{name}", column, schema.FLOATS)


def _check_history(archive: Archive) -> None:
    shapes = {name: row.shape for name, row in archive.history.items()}
    if shapes and ("step" not in shapes or len(set(shapes.values())) != 1 or len(shapes["step"]) != 1):
        msg = f"its history has shapes {shapes}; expected rows of one length, 'step' among them."
        raise _refuse(msg)
    for name, row in archive.history.items():
        if row.dtype.kind not in "iuf":
            msg = f"{name!r} of the history has type {row.dtype}; expected numbers."
            raise _refuse(msg)


def _check_parameters(archive: Archive) -> None:
    for name, array in archive.weights.items():
        _require_dtype(name, array, schema.FLOATS)
    for name, array in archive.training.items():
        _require_dtype(name, array, schema.NUMBERS)
    for name, array in archive.parameters.items():
        if array.shape != (2,) or array.dtype != np.float64 or name not in archive.unknowns:
            msg = (
                f"{name!r} has parameters of shape {array.shape} and type {array.dtype}; expected two float64 numbers "
                "of an unknown that has a value."
            )
            raise _refuse(msg)
    for group in (archive.weights, archive.training):
        deep = [name for name, array in group.items() if array.ndim > 8]
        if deep:
            msg = f"{deep[0]!r} has more than 8 axes."
            raise _refuse(msg)
    for name, number in (archive.unknowns | archive.verification).items():
        if not isinstance(number, (int, float, np.integer, np.floating)):
            msg = f"{name!r} is {number!r}; expected a number."
            raise _refuse(msg)


def _check_texts(archive: Archive) -> None:
    labels: Mapping[str, Mapping[str, str]] = {"units": archive.units, "long_names": archive.long_names}
    texts = {"title": archive.title, "status": archive.status}
    texts |= {f"{kind}[{name!r}]": text for kind, named in labels.items() for name, text in named.items()}
    texts |= {f"provenance[{name!r}]": text for name, text in archive.provenance.items()}
    for name, text in texts.items():
        if not isinstance(text, str) or "\0" in text or len(text.encode("utf-8", "replace")) > schema.MAX_TEXT:
            msg = f"{name} must be text of at most {schema.MAX_TEXT} bytes without NUL."
            raise _refuse(msg)
    try:
        for part in (archive.settings, archive.statement, archive.provenance, texts):
            json.dumps(part, ensure_ascii=False).encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        msg = f"settings, statement and provenance must be JSON: {error}."
        raise _refuse(msg) from error
