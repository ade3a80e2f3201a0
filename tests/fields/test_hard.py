"""A hard function that cannot be used is refused by name, and what it reads is recorded."""

import pytest
import torch
from zoo import points_in

import sirenpde as sp
from sirenpde.errors import ProblemError, ResidualError, UnknownNameError
from sirenpde.fields.hard import Trial, tried
from sirenpde.fields.layout import Layout
from sirenpde.fields.scope import Surroundings
from sirenpde.fields.unknowns import UnknownNumbers

WHERE = 'hard "u" of problem "tests"'
LAYOUT = Layout({"u": None, "v": 2}, ("x", "y"))
EXAMPLE = "Write a function of (a, u), such as lambda a, u: (1 - a.x**2) * u."


def seen(function, name="u", nu=1.0):
    knowns = {"k": lambda p: 1 + p[:, 0], "unused": lambda p: p[:, 0]}
    unknowns = UnknownNumbers({"nu": (nu, None, None), "c": (0.0, None, None)})
    surroundings = Surroundings(WHERE, Layout({}, LAYOUT.coordinates), knowns, unknowns.names)
    return tried(name, function, surroundings, LAYOUT, Trial(LAYOUT, unknowns, points_in(2)))


def refusal(function, name="u", error=ProblemError):
    with pytest.raises(ProblemError) as caught:
        seen(function, name)
    assert type(caught.value) is error
    message = str(caught.value)
    assert message.startswith(WHERE + " ")
    return message.removeprefix(WHERE + " ")


def test_knowns_and_unknown_numbers_that_are_read_are_recorded():
    found = seen(lambda a, u: a.k * u + a.nu)
    assert (found.knowns, found.unknowns) == ({"k"}, {"nu"})
    assert (found.affine, found.order) == (True, 0)


def test_a_power_that_starts_at_one_is_not_taken_for_a_factor():
    assert not seen(lambda a, u: torch.sign(u) * u.abs() ** a.nu).affine
    assert seen(lambda a, u: u / (1 + a.nu**2)).affine


def test_the_order_is_the_highest_derivative_that_is_taken():
    assert seen(lambda a, u: sp.partial(u, "x", "y") + u).order == 2
    assert seen(lambda a, u: sp.laplacian(u) + sp.partial(u, "x")).order == 2
    assert seen(lambda a, u: sp.partial(torch.sin(sp.partial(u, "x")), "y")).order == 2


@pytest.mark.parametrize(
    ("function", "got"),
    [
        (lambda a, u: torch.stack([u, u], dim=-1), "(7, 2)"),
        (lambda a, u: sp.grad(u), "(7, 2)"),
        (lambda a, u: torch.stack([u], dim=-1), "(7, 1)"),
    ],
)
def test_a_wrong_shape_is_refused(function, got):
    assert refusal(function) == f'returned shape {got} at 7 points; field "u" has (7,), (n,).\n  {EXAMPLE}'


def test_a_scalar_in_place_of_a_vector_is_refused():
    assert refusal(lambda a, v: v[:, 0], "v") == (
        f'returned shape (7,) at 7 points; field "v" has (7, 2), (n, 2).\n  {EXAMPLE}'
    )


@pytest.mark.parametrize(
    ("answer", "kind"),
    [(1.0, "a float"), (None, "None"), (torch.ones(7), "a Tensor")],
    ids=["number", "None", "tensor"],
)
def test_what_is_no_quantity_is_refused(answer, kind):
    assert refusal(lambda a, u: answer) == f"returned {kind}; expected a quantity of shape (n,).\n  {EXAMPLE}"


@pytest.mark.parametrize("function", [lambda a, u: a.x, lambda a, u: 0 * u + a.x, lambda a, u: torch.sign(u) * a.x])
def test_what_does_not_depend_on_the_raw_field_is_refused(function):
    assert refusal(function) == (
        "does not depend on the raw field, so there is nothing to train.\n  The function's second argument is the raw "
        'field: use it, as in lambda a, u: (1 - a.x**2) * u; what is known of "u" everywhere belongs in given={…}.'
    )


def test_a_function_of_other_arguments_or_one_that_fails_is_refused_with_the_cause():
    for function in (lambda u: u, lambda a, u: 1 // 0):
        first, second = refusal(function).split("\n  ")
        assert first.startswith("failed when it was tried: ")
        assert second == EXAMPLE


def test_a_place_where_it_is_not_finite_is_named():
    message = refusal(lambda a, u: torch.sqrt(a.x) * u)
    assert message.startswith("is not finite at x=-")
    assert message.endswith("Usual cause: a root or logarithm of a negative number, or a division by zero there.")


def test_a_function_that_mixes_points_is_refused():
    average = lambda a, u: type(u)(u.scope, u.tensor - u.tensor.mean())
    assert refusal(average) == (
        "mixes points, or is random: a point's values change with the others.\n"
        "  A hard condition sees each point alone."
    )


def test_names_that_cannot_be_read_are_refused_with_those_that_can():
    with pytest.raises(UnknownNameError) as caught:
        seen(lambda a, u: a.slope * u)
    assert str(caught.value) == (
        f"{WHERE} reads a.slope; the names it can read are x, y (coordinates) and k, unused (given) and nu, c "
        "(unknowns)."
    )


def test_arguments_the_other_way_round_are_refused_with_their_order():
    with pytest.raises(ResidualError) as caught:
        seen(lambda u, a: (1 - a.x**2) * u)
    assert str(caught.value) == (
        f"{WHERE} reads .x of a quantity, but coordinates are read from a: a.x.\n"
        "  A hard condition is called with (a, u), a residual with (a, phi), in this order."
    )
