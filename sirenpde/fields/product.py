"""Leibniz' rule on linear forms: derivatives of f + g u, by those of the raw field u.

∂^α (g u) = Σ_β C(α, β) ∂^β g ∂^{α−β} u. For a form Σ_α k_α ∂^α the terms of one β belong together,
∂^β g · Σ_α k_α C(α, β) ∂^{α−β} u, so a Laplacian of g u still asks for the Laplacian of u as one form.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sirenpde.fields.forms import Form, MultiIndex, added, splits


@dataclass(frozen=True)
class Product:
    """One term ∂^β g · R u of a form.

    Attributes:
        column: The component that g multiplies.
        alpha: β.
        raw: R, a form of the raw component.
    """

    column: int
    alpha: MultiIndex
    raw: Form


@dataclass(frozen=True)
class Expanded:
    """A form of final fields in terms of raw ones.

    Attributes:
        plain: The part that is of raw components, as they are.
        offset: The part that is of f.
        products: The part that is of g u.
    """

    plain: Form
    offset: Form
    products: tuple[Product, ...]


def expanded(form: Form, affine: Collection[int]) -> Expanded:
    """Return a form of final components, of which those in ``affine`` are f + g u and the others u."""
    plain = tuple((key, factor) for key, factor in form if key[0] not in affine)
    offset = tuple((key, factor) for key, factor in form if key[0] in affine)
    grouped: dict[tuple[int, MultiIndex], Form] = {}
    for (column, alpha), factor in offset:
        for beta, gamma, binomial in splits(alpha):
            term: Form = (((column, gamma), factor * binomial),)
            grouped[column, beta] = added(grouped.get((column, beta), ()), term)
    products = (Product(column, beta, raw) for (column, beta), raw in sorted(grouped.items()) if raw)
    return Expanded(plain, offset, tuple(products))
