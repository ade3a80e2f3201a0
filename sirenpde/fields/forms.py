"""Linear forms: which derivative of which field component is meant, before any number exists.

A multi-index α = (α_1, …, α_d) stands for ∂^α. A form is a sum of coefficients times ∂^α of a component of the raw
network, kept as a sorted tuple so that equal forms are equal keys: u_xx + u_yy is one form, and the planner may answer
it with one stream in place of two.

Forms of a vector or a matrix stand in a NumPy array of objects with the component axes; forms are tuples, which NumPy
would unpack, so arrays of them are made and read by the functions below alone.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

MultiIndex = tuple[int, ...]
Derivative = tuple[int, MultiIndex]
Form = tuple[tuple[Derivative, float], ...]


def component(column: int, dimension: int) -> Form:
    """Return the form of a field component itself."""
    return (((column, (0,) * dimension), 1.0),)


def raised(alpha: MultiIndex, axis: int) -> MultiIndex:
    """Return α + e_axis."""
    return (*alpha[:axis], alpha[axis] + 1, *alpha[axis + 1 :])


def lowered(alpha: MultiIndex, axis: int) -> MultiIndex:
    """Return α − e_axis."""
    return (*alpha[:axis], alpha[axis] - 1, *alpha[axis + 1 :])


def differentiated(form: Form, axis: int) -> Form:
    """Return the derivative of a form by one coordinate."""
    return tuple(sorted(((column, raised(alpha, axis)), factor) for (column, alpha), factor in form))


def scaled(form: Form, factor: float) -> Form:
    """Return a multiple of a form."""
    return tuple((key, factor * value) for key, value in form)


def added(left: Form, right: Form) -> Form:
    """Return the sum of two forms; terms that cancel are dropped."""
    total = dict(left)
    for key, value in right:
        total[key] = total.get(key, 0.0) + value
    return tuple(sorted((key, value) for key, value in total.items() if value != 0.0))


def order(alpha: MultiIndex) -> int:
    """Return |α|, the order of the derivative."""
    return sum(alpha)


def splits(alpha: MultiIndex) -> Iterator[tuple[MultiIndex, MultiIndex, int]]:
    """Yield every split α = β + γ with its binomial coefficient."""
    for beta in itertools.product(*(range(count + 1) for count in alpha)):
        gamma = tuple(total - part for total, part in zip(alpha, beta, strict=True))
        yield beta, gamma, math.prod(math.comb(total, part) for total, part in zip(alpha, beta, strict=True))


def multi_indices(form: Form) -> set[MultiIndex]:
    """Return the multi-indices that occur in a form."""
    return {alpha for (_, alpha), _ in form}


def array_of(forms: Sequence[Form], shape: tuple[int, ...]) -> np.ndarray:
    """Return forms, listed with the last axis fastest, as an array of the given component shape."""
    out = np.empty(len(forms), dtype=object)
    for index, form in enumerate(forms):
        out[index] = form
    return out.reshape(shape)


def mapped(change: Callable[..., Form], *arrays: np.ndarray) -> np.ndarray:
    """Apply a function form by form to arrays of one shape."""
    rows = zip(*(array.reshape(-1) for array in arrays), strict=True)
    return array_of([change(*row) for row in rows], arrays[0].shape)


def selected(forms: np.ndarray, index: tuple[Any, ...]) -> np.ndarray:
    """Return the forms that a NumPy index selects, as an array."""
    places = np.arange(forms.size).reshape(forms.shape)[index]
    flat = forms.reshape(-1)
    return array_of([flat[place] for place in np.ravel(places)], np.shape(places))
