"""Constraints: their arguments, and their penalties."""

import math

import numpy as np
import pytest
import sympy
import torch
from small import read_u, refused

import sirenpde as sp
from sirenpde.statement.constraint import require_identifier

LINE = sp.Box(x=(0, 2))

NAMES = {
    "empty": "",
    "long": "x" * 65,
    "space": "a b",
    "Cyrillic": "а",
    "keyword": "lambda",
    "dunder": "__x__",
    "digit first": "1x",
    "path": "../x",
    "absolute": "/x",
    "NUL": "a\0",
    "line": "a\n",
    "number": 3,
    "nothing": None,
}


@pytest.mark.parametrize("case", NAMES)
def test_a_wrong_name_is_refused(case):
    message = (
        f"{NAMES[case]!r} is no name for a constraint; expected letters, digits and underscores, at most 64, not "
        "beginning with a digit, and no Python keyword."
    )
    with refused(sp.ProblemError, message):
        sp.Constraint(NAMES[case], on=LINE, residual=read_u)


@pytest.mark.parametrize("name", ["u", "U_1", "_hidden", "x" * 64])
def test_a_plain_identifier_is_a_name(name):
    require_identifier(name, "anything")
    assert sp.Constraint(name, on=LINE, residual=read_u).name == name


@pytest.mark.parametrize(
    ("region", "kind"), [(None, "None"), ([0, 1], "a list"), (sp.Box, "the class Box, not an object made with it")]
)
def test_what_is_no_region_is_refused(region, kind):
    message = (
        f'constraint "walls" holds on {kind}; expected a region.\n  Write on=sp.Box(…), one of its sides, or another '
        "region."
    )
    with refused(sp.ProblemError, message):
        sp.Constraint("walls", on=region, residual=read_u)


EXAMPLES = (
    "Write for example u.diff(x, 2) + u.diff(y, 2) - f in SymPy, or lambda a, phi: sp.laplacian(phi.u) - a.f as a "
    "function."
)
NUMBERS = "Write what must vanish, with the field in it: in SymPy u - 3, as a function lambda a, phi: phi.u - 3."


@pytest.mark.parametrize(
    ("residual", "kind", "advice"),
    [
        (None, "None", EXAMPLES),
        (dict, "the class dict, not an object made with it", EXAMPLES),
        ([], "a list", EXAMPLES),
        (1.0, "a float", NUMBERS),
        (np.zeros(3), "a NumPy array", NUMBERS),
        (np.array([sympy.Symbol("u")]), "a NumPy array", "Write list(array.flat) for a list of its entries."),
        (np.bool_(False), "a truth value", "Usual cause: == was written in place of sympy.Eq."),
        (
            [[sympy.Symbol("u")]],
            "a list",
            "Write the expressions one after the other, as in [u.diff(x) - v, v.diff(x) + u].",
        ),
        ([read_u], "a list", "Write one function that returns a tuple: lambda a, phi: (phi.u, phi.v)."),
    ],
)
def test_what_is_no_function_is_refused_as_a_residual(residual, kind, advice):
    message = (
        f'constraint "walls" has {kind} for a residual; expected a SymPy expression, an Eq, a flat list of such, or a '
        f"function of (a, phi).\n  {advice}"
    )
    with refused(sp.ResidualError, message):
        sp.Constraint("walls", on=LINE, residual=residual)


def test_an_equation_written_with_two_equal_signs_is_refused_as_a_truth_value():
    x = sympy.Symbol("x")
    u = sympy.Function("u")(x)
    message = (
        'constraint "walls" is the truth value False, not an equation.\n  Usual cause: both sides of an Eq are the '
        "same (Eq(u, u)), or == was written in place of sympy.Eq."
    )
    for residual in (u.diff(x) == u, [u.diff(x) == u], [u, u.diff(x) == u]):
        with refused(sp.ExpressionError, message):
            sp.Constraint("walls", on=LINE, residual=residual)


@pytest.mark.parametrize("weight", [0, -1.0, math.nan, math.inf, "1", True, None, 1j])
def test_a_weight_that_is_not_positive_is_refused(weight):
    message = (
        f'constraint "walls" has weight={weight!r}; expected a positive number. To leave it out, drop the constraint.'
    )
    with refused(sp.ProblemError, message):
        sp.Constraint("walls", on=LINE, residual=read_u, weight=weight)


def test_a_numpy_number_is_a_weight():
    problem = sp.Problem(
        name="trial", fields="u", constraints=sp.Constraint("rule", on=LINE, residual=read_u, weight=np.float32(2))
    )
    assert problem.constraints[0].weight == 2.0


@pytest.mark.parametrize("points", [0, -5, 2.0, True, 10**12, "9"])
def test_a_number_of_points_that_is_none_is_refused(points):
    message = f'constraint "walls" has points={points!r}; expected a positive integer, such as points=2000.'
    with refused(sp.ProblemError, message):
        sp.Constraint("walls", on=LINE, residual=read_u, points=points)


@pytest.mark.parametrize("penalty", ["huber", 2, None])
def test_an_unknown_penalty_is_refused(penalty):
    message = (
        f'constraint "walls" has penalty={penalty!r}; expected "squared", "absolute", or a function from the '
        "residual's tensor to one of the same shape."
    )
    with refused(sp.ProblemError, message):
        sp.Constraint("walls", on=LINE, residual=read_u, penalty=penalty)


RESIDUAL = torch.tensor([[1.0, -2.0], [3.0, 0.5]])


@pytest.mark.parametrize(
    ("penalty", "expected"),
    [
        ("squared", [1 + 4, 9 + 0.25]),
        ("absolute", [3, 3.5]),
        (lambda r: r.abs() ** 3, [1 + 8, 27 + 0.125]),
    ],
    ids=["squared", "absolute", "own"],
)
def test_a_penalty_is_summed_over_the_components(penalty, expected):
    constraint = sp.Constraint("rule", on=LINE, residual=read_u, penalty=penalty)
    assert constraint.penalised(RESIDUAL).tolist() == expected


def test_a_scalar_residual_keeps_one_value_per_point():
    constraint = sp.Constraint("rule", on=LINE, residual=read_u)
    assert constraint.penalised(torch.tensor([2.0, -3.0])).tolist() == [4, 9]


def test_the_measure_is_that_of_the_region():
    assert sp.Constraint("rule", on=LINE, residual=read_u).measure == 2.0
    assert sp.Constraint("rule", on=LINE.boundary, residual=read_u).measure == 2.0


WRONG_PENALTIES = {
    "sum": (
        torch.sum,
        'the penalty of constraint "rule" returned shape () for a residual of shape (3,); expected the same shape.',
    ),
    "number": (
        lambda r: 1.0,
        'the penalty of constraint "rule" returned a float for a residual of shape (3,); expected the same shape.',
    ),
    "column": (
        lambda r: r[:, None] ** 2,
        'the penalty of constraint "rule" returned shape (3, 1) for a residual of shape (3,); expected the same shape.',
    ),
    "negative": (
        lambda r: r,
        'the penalty of constraint "rule" of problem "trial" gives [-1.0, 0.0, 1.0] for the residuals -1, 0, 1; '
        "expected finite numbers of at least 0.",
    ),
    "not finite": (
        lambda r: r.square() / r.abs().sign(),
        'the penalty of constraint "rule" of problem "trial" gives [1.0, nan, 1.0] for the residuals -1, 0, 1; '
        "expected finite numbers of at least 0.",
    ),
    "raises": (
        lambda r: 1 / 0,
        'the penalty of constraint "rule" of problem "trial" failed on a residual of shape (3,): ZeroDivisionError: '
        "division by zero",
    ),
}


@pytest.mark.parametrize("case", WRONG_PENALTIES)
def test_a_wrong_penalty_is_refused_when_the_problem_is_made(case):
    penalty, message = WRONG_PENALTIES[case]
    constraint = sp.Constraint("rule", on=LINE, residual=read_u, penalty=penalty)
    with refused(sp.ProblemError, message):
        sp.Problem(name="trial", fields="u", constraints=[constraint])


def test_a_penalty_meets_every_part_of_a_tuple():
    # Right for the scalar part, wrong for the gradient.
    constraint = sp.Constraint(
        "rule",
        on=LINE,
        residual=lambda a, phi: (phi.u, sp.grad(phi.u)),
        penalty=lambda r: r.square().reshape(len(r), -1).sum(1) if r.ndim > 1 else r.square(),
    )
    message = (
        'the penalty of constraint "rule" returned shape (3,) for a residual of shape (3, 1); expected the same shape.'
    )
    with refused(sp.ProblemError, message):
        sp.Problem(name="trial", fields="u", constraints=[constraint])


def test_a_string_is_refused_as_a_residual_and_never_evaluated():
    message = (
        "constraint \"walls\" has the string 'u' for a residual. Strings are never evaluated: write the formula with "
        "SymPy's symbols, or as a function of (a, phi)."
    )
    with refused(sp.ExpressionError, message):
        sp.Constraint("walls", on=LINE, residual="u")


@pytest.mark.parametrize("make", [lambda u, x: u.diff(x), lambda u, x: sympy.Eq(u, 0), lambda u, x: [u, u.diff(x) - x]])
def test_sympy_is_a_residual(make):
    x = sympy.Symbol("x")
    residual = make(sympy.Function("u")(x), x)
    assert sp.Constraint("rule", on=LINE, residual=residual).residual is residual
