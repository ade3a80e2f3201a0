"""The tables of a jet algebra are Leibniz' rule and the chain rule, and hold no stream more than needed."""

import itertools
import math

import pytest

from sirenpde.fields.jets import Collapsed, jet_algebra, stream_order

LAPLACE = Collapsed((((2, 0), 1.0), ((0, 2), 1.0)))
UNEQUAL = Collapsed((((2, 0), 2.0), ((1, 1), -3.0), ((0, 2), 0.5)))
CASES = [
    pytest.param([(4,)], 1, id="fourth in 1-D"),
    pytest.param([(2, 2), (4, 0)], 2, id="fourth, mixed"),
    pytest.param([LAPLACE], 2, id="Laplacian"),
    pytest.param([UNEQUAL, LAPLACE, (3, 0)], 2, id="two sums and a third"),
    pytest.param([Collapsed((((1, 1, 0), 1.0), ((0, 1, 1), 4.0), ((0, 0, 2), -1.0)))], 3, id="mixed sum in 3-D"),
    pytest.param([(1, 1, 1)], 3, id="one of each"),
    pytest.param([(1, 1, 1, 1), (0, 2, 0, 1)], 4, id="4-D"),
]


def exponential(stream, slopes):
    """The stream of exp(a·x) at zero: a^α, or its weighted sum."""
    if isinstance(stream, Collapsed):
        return sum(weight * exponential(alpha, slopes) for alpha, weight in stream.weights)
    return math.prod(slope**power for slope, power in zip(slopes, stream, strict=True))


def summed(terms, left, right):
    return sum(term.factor * left[term.left] * right[term.right] for term in terms)


@pytest.mark.parametrize(("wanted", "dimension"), CASES)
def test_the_product_table_multiplies_exponentials(wanted, dimension):
    algebra = jet_algebra(wanted, dimension)
    a, b = (1.7, -0.6, 0.9, 2.1)[:dimension], (0.4, 1.3, -1.1, 0.8)[:dimension]
    both = [p + q for p, q in zip(a, b, strict=True)]
    left, right = ([exponential(stream, slopes) for stream in algebra.streams] for slopes in (a, b))
    for stream, terms in zip(algebra.streams, algebra.products, strict=True):
        # exp(a·x) exp(b·x) = exp((a + b)·x); sums of at most 16 numbers of order 10
        assert summed(terms, left, right) == pytest.approx(exponential(stream, both), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize(("wanted", "dimension"), CASES)
def test_the_chain_table_differentiates_a_sine_of_an_exponential(wanted, dimension):
    """With z = exp(a·x): every derivative of sin z along a is a^α times that of sin(e^s) by s."""
    algebra = jet_algebra(wanted, dimension)
    a = (1.7, -0.6, 0.9, 2.1)[:dimension]
    s, c = math.sin(1.0), math.cos(1.0)  # z = 1 at x = 0
    # (d/ds)^m of f(e^s) at s = 0 is Σ_k S(m, k) f^(k)(1), with Stirling's numbers of the second kind
    stirling = [[1], [0, 1], [0, 1, 1], [0, 1, 3, 1], [0, 1, 7, 6, 1]]
    sine = [sum(k * f for k, f in zip(row, (s, c, -s, -c, s), strict=False)) for row in stirling]
    cosine = [sum(k * f for k, f in zip(row, (c, -s, -c, s, c), strict=False)) for row in stirling]
    before = [exponential(stream, a) for stream in algebra.streams]
    cosines = [cosine[stream_order(stream)] * value for stream, value in zip(algebra.streams, before, strict=True)]
    for index, stream in enumerate(algebra.streams[1:], start=1):
        expected = sine[stream_order(stream)] * before[index]
        assert summed(algebra.chain[index], cosines, before) == pytest.approx(expected, rel=1e-12, abs=1e-12)
    assert algebra.chain[0] == ()


@pytest.mark.parametrize(("wanted", "dimension"), CASES)
def test_the_transposed_table_is_the_adjoint_of_the_product(wanted, dimension):
    algebra = jet_algebra(wanted, dimension)
    size = len(algebra)
    left = [1.0 + 0.3 * index for index in range(size)]
    adjoint = [0.5 - 0.2 * index for index in range(size)]
    right = [(-1.0) ** index * (2.0 + index) for index in range(size)]
    forward = sum(weight * summed(terms, left, right) for weight, terms in zip(adjoint, algebra.products, strict=True))
    backward = [summed(terms, left, adjoint) for terms in algebra.transposed]
    # ⟨H̄, c · δ⟩ = ⟨cᵀ H̄, δ⟩, sums of some hundred numbers of order 10
    assert forward == pytest.approx(sum(x * y for x, y in zip(backward, right, strict=True)), rel=1e-12)


@pytest.mark.parametrize(("wanted", "dimension"), CASES)
def test_every_stream_stands_after_those_that_its_chain_needs(wanted, dimension):
    algebra = jet_algebra(wanted, dimension)
    for index, terms in enumerate(algebra.chain):
        assert all(term.left < index and term.right <= index for term in terms)
        assert {term.left for term in terms} <= algebra.needed_cosines


@pytest.mark.parametrize(
    ("wanted", "dimension", "streams"),
    [
        ([(0, 0)], 2, [(0, 0)]),
        ([(3,)], 1, [(0,), (1,), (2,), (3,)]),
        ([(1, 1)], 2, [(0, 0), (1, 0), (0, 1), (1, 1)]),
        ([LAPLACE], 2, [(0, 0), (1, 0), (0, 1), LAPLACE]),
        ([Collapsed((((0, 2, 0), 1.0), ((0, 0, 2), 1.0)))], 3, [(0, 0, 0), (0, 1, 0), (0, 0, 1)]),
        ([(2, 0), (0, 2)], 2, [(0, 0), (1, 0), (0, 1), (2, 0), (0, 2)]),
    ],
)
def test_an_algebra_holds_the_value_first_and_no_stream_more_than_needed(wanted, dimension, streams):
    found = jet_algebra(wanted, dimension).streams
    assert [stream for stream in found if stream in streams] == streams
    assert len(found) == len(set(streams) | set(wanted))


def test_the_order_of_a_stream_is_that_of_its_derivatives():
    assert [stream_order(stream) for stream in ((0, 0), (2, 1), LAPLACE)] == [0, 3, 2]


def test_only_cosine_streams_that_a_later_stream_reads_are_needed():
    assert jet_algebra([LAPLACE], 2).needed_cosines == {0, 1, 2}
    assert jet_algebra([(2,)], 1).needed_cosines == {0, 1}
    assert jet_algebra([(1, 0), (0, 1)], 2).needed_cosines == {0}
    assert jet_algebra([(0,)], 1).needed_cosines == frozenset()


def test_all_splits_of_a_mixed_fourth_derivative_are_there():
    algebra = jet_algebra([(2, 2)], 2)
    splits = algebra.products[-1]
    assert len(splits) == 9
    assert sum(term.factor for term in splits) == 16  # (1 + 1)^4
    assert len(set(itertools.chain(*((term.left, term.right) for term in splits)))) == 9
