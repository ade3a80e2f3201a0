"""Forms are a vector space with derivatives: equal sums are equal keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sirenpde.fields import forms
from sirenpde.fields.forms import added, array_of, component, differentiated, mapped, scaled, selected

U, V = component(0, 2), component(1, 2)
U_X, U_Y = differentiated(U, 0), differentiated(U, 1)

indices = st.tuples(st.integers(0, 3), st.integers(0, 3))
keys = st.tuples(st.integers(0, 2), indices)
# Small integers as factors: their sums are exact, so that equal forms are equal to the bit.
some_forms = st.dictionaries(keys, st.integers(-4, 4).filter(bool).map(float)).map(lambda d: tuple(sorted(d.items())))


def test_a_component_is_itself_once_without_derivative():
    assert V == (((1, (0, 0)), 1.0),)


def test_a_derivative_raises_the_index_of_its_own_coordinate():
    assert U_X == (((0, (1, 0)), 1.0),)
    assert differentiated(U_X, 1) == differentiated(U_Y, 0) == (((0, (1, 1)), 1.0),)


def test_raising_and_lowering_undo_each_other():
    assert forms.raised((1, 0, 2), 1) == (1, 1, 2)
    assert forms.lowered((1, 1, 2), 1) == (1, 0, 2)


def test_order_and_indices_are_those_of_the_derivatives():
    assert forms.order((2, 0, 1)) == 3
    assert forms.multi_indices(added(U_X, V)) == {(1, 0), (0, 0)}


def test_the_sum_does_not_depend_on_the_way_it_is_written():
    u_xx, u_yy = differentiated(U_X, 0), differentiated(U_Y, 1)
    assert added(u_xx, u_yy) == added(u_yy, u_xx) == (((0, (0, 2)), 1.0), ((0, (2, 0)), 1.0))


def test_terms_that_cancel_are_dropped():
    assert added(U, scaled(U, -1.0)) == ()
    assert added(added(U, V), scaled(U, -1.0)) == V


@given(some_forms, some_forms, some_forms)
def test_sums_commute_and_associate(one, two, three):
    assert added(one, two) == added(two, one)
    assert added(added(one, two), three) == added(one, added(two, three))


@given(some_forms, some_forms, st.sampled_from([0, 1]))
def test_the_derivative_is_linear(one, two, axis):
    assert differentiated(added(one, two), axis) == added(differentiated(one, axis), differentiated(two, axis))
    assert differentiated(scaled(one, 3.0), axis) == scaled(differentiated(one, axis), 3.0)


@given(some_forms)
def test_derivatives_commute_and_forms_stay_sorted(form):
    mixed = differentiated(differentiated(form, 0), 1)
    assert mixed == differentiated(differentiated(form, 1), 0)
    assert list(mixed) == sorted(mixed)


def test_arrays_hold_forms_in_their_places_with_the_last_axis_fastest():
    array = array_of([U, V, U_X, U_Y], (2, 2))
    assert (array[0, 1], array[1, 0]) == (V, U_X)
    assert array_of([U], ()).shape == ()
    assert array_of([U], ())[()] == U


def test_a_function_is_applied_form_by_form():
    doubled = mapped(lambda form: scaled(form, 2.0), array_of([U, V], (2,)))
    assert list(doubled) == [scaled(U, 2.0), scaled(V, 2.0)]
    total = mapped(added, array_of([U, V], (2,)), array_of([U_X, U_Y], (2,)))
    assert list(total) == [added(U, U_X), added(V, U_Y)]


@pytest.mark.parametrize(
    ("index", "shape", "first"),
    [
        ((0,), (2,), U),
        ((slice(None), 1), (2,), V),
        ((..., 1), (2,), V),
        ((1, 0), (), U_X),
        ((slice(1, 2),), (1, 2), U_X),
    ],
)
def test_a_numpy_index_selects_forms_whole(index, shape, first):
    part = selected(array_of([U, V, U_X, U_Y], (2, 2)), index)
    assert part.shape == shape
    assert part.reshape(-1)[0] == first
