"""What ``given`` and ``exact`` accept, turned into knowns."""

import math

import numpy as np
import pytest
import sympy
import torch
from small import read_u, refused, stated

import sirenpde as sp
from sirenpde.statement.given import Number, arranged, as_known

TRIAL = torch.tensor([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]], dtype=torch.float64)
X = sympy.Symbol("x")
WHERE = 'given "f" of problem "trial"'


def known(value):
    return as_known(value, ("x", "t"), WHERE, TRIAL)


@pytest.mark.parametrize("value", [3, 0.5, np.float32(0.5), np.int64(3)], ids=repr)
def test_a_number_is_the_same_everywhere(value):
    answer = known(value)(TRIAL)
    assert answer.tolist() == [float(value)] * 3
    assert answer.dtype == torch.float64
    assert known(value).names is None


def test_a_function_reads_coordinates_by_name():
    product = known(lambda a: a.t * a.x)
    assert product(TRIAL).tolist() == [0, 6, 20]
    assert product.trailing == ()


def test_a_function_may_have_components():
    pair = known(lambda a: sp.grad(a.x * a.t))
    assert pair(TRIAL).tolist() == [[1, 0], [3, 2], [5, 4]]
    assert pair.trailing == (2,)


def test_a_function_may_differentiate_where_the_caller_wants_no_gradient():
    with torch.no_grad():
        values = known(lambda a: sp.partial(a.x**2 * a.t, "x"))(TRIAL)
    assert values.tolist() == [0, 12, 40]
    assert not values.requires_grad


def test_a_function_may_be_constant():
    assert known(lambda a: 2)(TRIAL).tolist() == [2, 2, 2]


def test_a_function_follows_the_number_type_of_the_points():
    half = known(lambda a: 0.5 * a.x)
    assert half(TRIAL.float()).dtype == torch.float32
    assert not half(TRIAL).requires_grad


def test_a_function_is_differentiable_where_the_points_are():
    points = TRIAL.clone().requires_grad_()
    known(lambda a: a.x**2 * a.t)(points).sum().backward()
    assert points.grad.tolist() == [[0, 0], [12, 4], [40, 16]]


def test_a_known_gets_the_columns_that_it_is_a_function_of():
    tone = sp.Waveform.from_samples(np.sin(np.arange(50)), rate=50)
    read = arranged(known(tone), ("x", "t"))
    at = torch.tensor([[9.0, 0.25], [7.0, -0.5]], dtype=torch.float64)
    torch.testing.assert_close(read(at), tone(at[:, 1:]), rtol=0, atol=0)


def test_a_known_of_the_same_coordinates_in_another_order_is_turned():
    picture = sp.Raster.from_image(np.arange(12.0).reshape(3, 4))
    read = arranged(as_known(picture, ("y", "x"), WHERE, TRIAL), ("y", "x"))
    at = torch.tensor([[0.1, 0.6], [-0.3, -0.2]], dtype=torch.float64)
    torch.testing.assert_close(read(at), picture(at.flip(1)), rtol=0, atol=0)
    assert not torch.allclose(read(at), picture(at))


def test_a_number_takes_any_coordinates():
    assert arranged(Number(2.0), ("x",))(torch.zeros(2, 1)).tolist() == [2, 2]


def test_a_raster_on_a_problem_with_other_coordinates_is_refused():
    picture = sp.Raster.from_image(np.zeros((3, 4)))
    with refused(sp.ProblemError, f"{WHERE} is a function of x, y; the coordinates of the problem are x, t."):
        known(picture)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (True, "a truth value"),
        (None, "None"),
        (np.zeros(3), "a NumPy array"),
        (dict, "the class dict, not an object made with it"),
        ([1], "a list"),
    ],
)
def test_other_objects_are_refused(value, kind):
    message = (
        f"{WHERE} is {kind}; expected a number, a SymPy expression, a function of a, an sp.Raster or an sp.Waveform."
    )
    with refused(sp.ProblemError, message):
        known(value)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, np.float32("nan")], ids=repr)
def test_a_number_that_is_not_finite_is_refused(value):
    with refused(sp.DataError, f"{WHERE} is {value!r}; expected a finite number."):
        known(value)


def takes_two(a, phi):
    return a.x


HINT = "\n  Write a function of a, such as lambda a: torch.sin(a.x)."
WRONG = {
    "raises": (lambda a: 1 / 0, f"{WHERE} failed when it was tried: ZeroDivisionError: division by zero{HINT}"),
    "of two arguments": (
        takes_two,
        f"{WHERE} failed when it was tried: TypeError: takes_two() missing 1 required positional argument: 'phi'{HINT}",
    ),
    "nothing": (
        lambda a: None,
        f"{WHERE} returned None; expected a quantity made of coordinates, such as torch.sin(a.x).",
    ),
    "a tensor": (
        lambda a: torch.zeros(3),
        f"{WHERE} returned a Tensor; expected a quantity made of coordinates, such as torch.sin(a.x).",
    ),
    "a matrix": (
        lambda a: sp.hessian(a.x * a.t),
        f"{WHERE} returned shape (2, 2, 2) at 2 points; expected (n,) or (n, k).",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_function_is_refused(case):
    function, message = WRONG[case]
    with refused(sp.ProblemError, message):
        known(function)


def test_the_cause_of_a_failure_is_kept():
    with pytest.raises(sp.ProblemError) as caught:
        known(lambda a: 1 / 0)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_a_function_that_is_not_finite_is_refused_with_the_place():
    with refused(sp.DataError, f"{WHERE} is not finite at [[0.0, 1.0], [2.0, 3.0]]: [-inf, 0.6931471805599453]."):
        known(lambda a: torch.log(a.x))


def test_a_function_that_reads_a_field_is_refused():
    with refused(sp.UnknownNameError, f"{WHERE} reads a.u; the names it can read are x, t (coordinates)."):
        known(lambda a: a.u)


def test_a_problem_names_the_known_at_fault():
    message = (
        'given "f" of problem "trial" is the string \'x\'. Strings are never evaluated: write a SymPy expression or a '
        "function."
    )
    with refused(sp.ExpressionError, message):
        stated(
            given={"f": "x"}, constraints=[sp.Constraint("r", on=sp.Box(x=(0, 1)), residual=lambda a, phi: phi.u - a.f)]
        )
    message = 'exact "u" of problem "trial" is nan; expected a finite number.'
    with refused(sp.DataError, message):
        stated(exact={"u": math.nan}, constraints=[sp.Constraint("r", on=sp.Box(x=(0, 1)), residual=read_u)])


def test_sympy_is_a_known_of_the_coordinates_it_names():
    t = sympy.Symbol("t")
    assert known(X**2 + t)(TRIAL).tolist() == [1, 7, 21]
    assert known([X, t])(TRIAL).tolist() == TRIAL.tolist()
    assert known(sympy.Rational(1, 4)) == Number(0.25)


def test_a_sympy_known_of_anything_else_is_refused():
    message = (
        f"{WHERE} uses the function k, which stands for nothing; the names that it can use are x, t (coordinates).\n"
        "  Name it in given={…} or unknowns={…}, or correct the spelling."
    )
    with refused(sp.ExpressionError, message):
        known(sympy.Function("k")(X))
