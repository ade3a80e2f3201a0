"""The algebra of jets: a value together with some of its derivatives, multiplied by Leibniz' rule.

A jet holds *streams*: derivatives ∂^α, and *collapsed* second-order sums Σ a_ij ∂_i∂_j, which the chain rule carries as
one stream (Dangel et al. 2025, Collapsing Taylor Mode Automatic Differentiation). Two tables say everything that a sine
layer needs:

* the product, (f g)_γ = Σ k f_a g_b. It gives the differential of the layer, δ sin(z) = cos(z) δz, and so, transposed,
  its backward pass;
* the chain, sin(z)_γ = Σ k cos(z)_a z_b for γ ≠ 0, from ∂_i sin(z) = cos(z) ∂_i z; with −sin for cos it gives cos(z)_γ.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

from sirenpde.fields.forms import MultiIndex, lowered, order, raised, splits


@dataclass(frozen=True)
class Collapsed:
    """A sum of second derivatives carried as one stream: pairs of (multi-index of order 2, weight)."""

    weights: tuple[tuple[MultiIndex, float], ...]


Stream = MultiIndex | Collapsed


@dataclass(frozen=True)
class Term:
    """One term k · left · right of a product of jets, by the numbers of the streams."""

    factor: float
    left: int
    right: int


@dataclass(frozen=True)
class JetAlgebra:
    """The streams of a jet and their tables.

    Attributes:
        streams: The value first; every stream stands after those that its chain needs.
        chain: Per stream, sin(z)_γ as terms in (cos z, z); empty for the value.
        products: Per stream, (f g)_γ as terms in (f, g).
    """

    streams: tuple[Stream, ...]
    chain: tuple[tuple[Term, ...], ...]
    products: tuple[tuple[Term, ...], ...]

    def __len__(self) -> int:
        """Return the number of streams, the value included."""
        return len(self.streams)

    @property
    def needed_cosines(self) -> frozenset[int]:
        """The streams of cos z that the forward pass reads."""
        return frozenset(term.left for terms in self.chain for term in terms)

    @property
    def transposed(self) -> tuple[tuple[Term, ...], ...]:
        """Per stream b of the input, the terms k · cos(z)_a · H̄_γ of its adjoint: the product, transposed."""
        rows: list[list[Term]] = [[] for _ in self.streams]
        for gamma, terms in enumerate(self.products):
            for term in terms:
                rows[term.right].append(Term(term.factor, term.left, gamma))
        return tuple(tuple(row) for row in rows)


def stream_order(stream: Stream) -> int:
    """Return the order of derivative that a stream holds."""
    return 2 if isinstance(stream, Collapsed) else order(stream)


def jet_algebra(wanted: Iterable[Stream], dimension: int) -> JetAlgebra:
    """Return the smallest algebra that holds the wanted streams.

    Args:
        wanted: Multi-indices and collapsed sums.
        dimension: The number of coordinates d.
    """
    streams = _closure(wanted, dimension)
    number = {stream: index for index, stream in enumerate(streams)}
    chain = tuple(_chain(stream, number) for stream in streams)
    products = tuple(_product(stream, number) for stream in streams)
    return JetAlgebra(streams, chain, products)


def _closure(wanted: Iterable[Stream], dimension: int) -> tuple[Stream, ...]:
    """Return the wanted streams and all that they are made of: value first, then by order, collapsed sums last."""
    indices: set[MultiIndex] = {(0,) * dimension}
    collapsed: set[Collapsed] = set()
    for stream in wanted:
        if isinstance(stream, Collapsed):
            collapsed.add(stream)
            firsts = [lowered(alpha, axis) for alpha, _ in stream.weights for axis in range(dimension) if alpha[axis]]
            indices.update(firsts)
        else:
            indices.update(itertools.product(*(range(count + 1) for count in stream)))
    ordered = sorted(indices, key=lambda alpha: (order(alpha), tuple(-count for count in alpha)))
    return (*ordered, *sorted(collapsed, key=lambda stream: stream.weights))


def _pairs(alpha: MultiIndex) -> list[tuple[MultiIndex, MultiIndex]]:
    """Return the ordered pairs (e_i, e_j) that make a multi-index of order 2: one pair for ∂², two for a mixed one."""
    axes = [axis for axis, count in enumerate(alpha) if count]
    units = [tuple(int(axis == place) for place in range(len(alpha))) for axis in axes]
    return [(units[0], units[0])] if len(units) == 1 else [(units[0], units[1]), (units[1], units[0])]


def _chain(stream: Stream, number: dict[Stream, int]) -> tuple[Term, ...]:
    """Return sin(z)_γ as terms in (cos z, z)."""
    if isinstance(stream, Collapsed):
        terms = [Term(1.0, 0, number[stream])]
        for alpha, weight in stream.weights:
            pairs = _pairs(alpha)
            # ∂_i∂_j sin z = cos z ∂_i∂_j z + (∂_i cos z)(∂_j z): one of the two orders of a mixed pair is enough.
            terms.append(Term(weight, number[pairs[0][0]], number[pairs[0][1]]))
        return tuple(terms)
    if order(stream) == 0:
        return ()
    axis = next(place for place, count in enumerate(stream) if count)
    return tuple(
        Term(float(binomial), number[beta], number[raised(gamma, axis)])
        for beta, gamma, binomial in splits(lowered(stream, axis))
    )


def _product(stream: Stream, number: dict[Stream, int]) -> tuple[Term, ...]:
    """Return (f g)_γ as terms in (f, g): Leibniz' rule."""
    if isinstance(stream, Collapsed):
        own = number[stream]
        terms = [Term(1.0, 0, own), Term(1.0, own, 0)]
        for alpha, weight in stream.weights:
            pairs = _pairs(alpha)
            factor = 2.0 * weight if len(pairs) == 1 else weight
            terms.extend(Term(factor, number[left], number[right]) for left, right in pairs)
        return tuple(terms)
    return tuple(Term(float(binomial), number[beta], number[gamma]) for beta, gamma, binomial in splits(stream))
