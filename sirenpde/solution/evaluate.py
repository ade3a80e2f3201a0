"""Fields of a solution at any real coordinates: values and derivatives, in chunks, NumPy in and NumPy out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NoReturn

import numpy as np
import torch
from torch import nn

from sirenpde.errors import UnknownNameError, UsageError, suggestion
from sirenpde.fields.forms import Form, added, differentiated, mapped
from sirenpde.fields.layout import Layout
from sirenpde.fields.plan import choose

#: Points that are evaluated together.
CHUNK = 16384


def evaluate_array(network: nn.Module, layout: Layout, forms: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Evaluate an array of linear forms at points.

    Args:
        network: Φ, on raw points.
        layout: Its fields and coordinates.
        forms: Linear forms, with the component axes alone.
        points: Shape ``(n, d)``.

    Returns:
        Shape ``(n, *forms.shape)``, in the network's number type.
    """
    flat: list[Form] = list(forms.reshape(-1))
    way = choose(flat, network, len(layout.coordinates), layout.outputs)
    weight = next(network.parameters())
    chunks = []
    for start in range(0, len(points), CHUNK):
        piece = torch.as_tensor(points[start : start + CHUNK], dtype=weight.dtype, device=weight.device)
        with torch.no_grad():
            answers = way(network, piece)
        chunks.append(torch.stack([answers[form] for form in flat], dim=-1).detach().cpu().numpy())
    values = np.concatenate(chunks) if chunks else np.empty((0, len(flat)))
    return values.reshape((len(points), *forms.shape))


class FieldFunction:
    """A field of a solution, or a derivative of one: a function of points.

    Call it with points ``(n, d)``, columns in the order of the problem's coordinates, for ``(n,)`` or ``(n, …)``; or
    with coordinates by name, ``u(x=0.3, t=times)``, which broadcast.
    """

    def __init__(self, network: nn.Module, layout: Layout, name: str, forms: np.ndarray) -> None:
        """Bind a field to a network."""
        self._network = network
        self._layout = layout
        self._name = name
        self._forms = forms

    def __repr__(self) -> str:
        """Return what it is a function of."""
        return f"{self._name}({', '.join(self._layout.coordinates)})"

    def __call__(self, points: object = None, /, *more: object, **coordinates: object) -> np.ndarray | np.floating:
        """Evaluate.

        Args:
            points: Shape ``(n, d)``.
            more: Nothing: coordinates are given by name.
            coordinates: In place of points: every coordinate by name, numbers or arrays that broadcast.

        Returns:
            Shape ``(n, …)`` for points; the broadcast shape, followed by component axes, for coordinates by name.

        Raises:
            UsageError: If points have another shape or are not finite, or a coordinate is missing.
            UnknownNameError: If a coordinate does not exist.
        """
        if more:
            self._refuse_listed((points, *more))
        if (points is None) == (not coordinates):
            names = ", ".join(f"{name}=…" for name in self._layout.coordinates)
            msg = (
                f"{self!r} is called with points of shape (n, {len(self._layout.coordinates)}), or by name: "
                f"{self._name}({names})."
            )
            raise UsageError(msg)
        if points is not None:
            return self._at(_real_array(points, self._name))
        shape, stacked = self._stacked(coordinates)
        values = self._at(stacked).reshape((*shape, *self._forms.shape))
        return values if values.ndim else values[()]

    def _refuse_listed(self, values: tuple[object, ...]) -> NoReturn:
        """Refuse coordinates that are given one after the other, as in ``u(0.5, 0.5)``."""
        names = self._layout.coordinates
        told = values if len(values) == len(names) and all(isinstance(each, int | float) for each in values) else None
        named = ", ".join(f"{name}={'…' if told is None else told[place]}" for place, name in enumerate(names))
        msg = (
            f"{self!r} is called with {len(values)} values, one after the other; expected coordinates by name, "
            f"{self._name}({named}), or points of shape (n, {len(names)})."
        )
        raise UsageError(msg)

    def grad(self, points: object = None, /, *more: object, **coordinates: object) -> np.ndarray | np.floating:
        """Evaluate the gradient: an axis of length d is appended."""
        axes = range(len(self._layout.coordinates))
        return self._derived("grad", self._appended(self._forms, axes))(points, *more, **coordinates)

    def hessian(self, points: object = None, /, *more: object, **coordinates: object) -> np.ndarray | np.floating:
        """Evaluate the matrix of second derivatives: two axes of length d are appended."""
        axes = range(len(self._layout.coordinates))
        forms = self._appended(self._appended(self._forms, axes), axes)
        return self._derived("hessian", forms)(points, *more, **coordinates)

    def laplacian(self, points: object = None, /, *more: object, **coordinates: object) -> np.ndarray | np.floating:
        """Evaluate the Laplacian, the sum over all coordinates, component by component."""

        def total(form: Form) -> Form:
            summed: Form = ()
            for axis in range(len(self._layout.coordinates)):
                summed = added(summed, differentiated(differentiated(form, axis), axis))
            return summed

        return self._derived("laplacian", mapped(total, self._forms))(points, *more, **coordinates)

    def partial(self, *names: str) -> FieldFunction:
        """Return a partial derivative as a function: ``solution.u.partial("x", "t")(points)``."""
        forms = self._forms
        for name in names:
            if name not in self._layout.coordinates:
                known = self._layout.coordinates
                near = suggestion(str(name), known)
                msg = f"{self._name}.partial({name!r}): the coordinates are {', '.join(known)}.{near}"
                raise UnknownNameError(msg)
            axis = self._layout.coordinates.index(name)
            forms = mapped(_by(axis), forms)
        return self._derived(f"partial({', '.join(map(repr, names))})", forms)

    def _appended(self, forms: np.ndarray, axes: Sequence[int]) -> np.ndarray:
        return np.stack([mapped(_by(axis), forms) for axis in axes], axis=-1)

    def _derived(self, what: str, forms: np.ndarray) -> FieldFunction:
        return FieldFunction(self._network, self._layout, f"{self._name}.{what}", forms)

    def _at(self, points: np.ndarray) -> np.ndarray:
        d = len(self._layout.coordinates)
        if points.ndim != 2 or points.shape[1] != d:
            msg = (
                f"{self._name} got points of shape {points.shape}; expected (n, {d}), one column each for "
                f"{', '.join(self._layout.coordinates)}."
            )
            raise UsageError(msg)
        return evaluate_array(self._network, self._layout, self._forms, points)

    def _stacked(self, coordinates: dict[str, object]) -> tuple[tuple[int, ...], np.ndarray]:
        known = self._layout.coordinates
        for name in coordinates:
            if name not in known:
                msg = f"{self._name}({name}=…): the coordinates are {', '.join(known)}.{suggestion(name, known)}"
                raise UnknownNameError(msg)
        missing = [name for name in known if name not in coordinates]
        if missing:
            msg = f"{self._name} is called without {', '.join(missing)}; expected every coordinate: {', '.join(known)}."
            raise UsageError(msg)
        arrays = [_real_array(coordinates[name], f"{self._name}({name}=…)") for name in known]
        try:
            columns = np.broadcast_arrays(*arrays)
        except ValueError as error:
            shapes = ", ".join(f"{name} {array.shape}" for name, array in zip(known, arrays, strict=True))
            msg = f"{self._name} got coordinates that do not broadcast: {shapes}."
            raise UsageError(msg) from error
        return columns[0].shape, np.stack([column.reshape(-1) for column in columns], axis=1)


def _by(axis: int) -> Callable[[Form], Form]:
    return lambda form: differentiated(form, axis)


def _real_array(values: object, what: str) -> np.ndarray:
    """Return finite float64 values; refuse anything else."""
    try:
        raw = np.asarray(values)
        array = np.array(raw, dtype=float) if raw.dtype.kind in "iufO" else None
    except (TypeError, ValueError, RuntimeError):  # ragged rows, text, tensors that require a gradient
        array = None
    if array is None:
        msg = f"{what} got a {type(values).__name__}; expected real numbers."
        raise UsageError(msg)
    if not np.isfinite(array).all():
        msg = f"{what} got a coordinate that is not finite."
        raise UsageError(msg)
    return array
