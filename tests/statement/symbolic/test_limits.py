"""What SymPy would never finish, or float64 cannot hold, is refused before it is begun: in problems and in files."""

import pytest
import sympy
import torch
from small import refused
from sympy.vector import CoordSys3D

import sirenpde as sp
from sirenpde.statement.symbolic.lower import lower, reference
from sirenpde.statement.symbolic.tree import from_tree, to_tree
from sirenpde.statement.symbolic.vocabulary import Vocabulary
from sirenpde.statement.symbolic.work import Values, require_work

pytestmark = [
    pytest.mark.filterwarnings("ignore:every residual of:sirenpde.errors.SirenPDEWarning"),
    pytest.mark.timeout(30),
]

X, Y = sympy.symbols("x y")
U = sympy.Function("u")(X, Y)
K = sympy.Function("k")
SQUARE = sp.Box(x=(0, 1), y=(0, 1))


def stated(residual, **arguments) -> sp.Problem:
    return sp.Problem(name="trial", constraints=[sp.Constraint("rule", on=SQUARE, residual=residual)], **arguments)


def tower(levels, top):
    return sympy.exp(tower(levels - 1, top)) if levels else sympy.Integer(top)


ENDLESS = {
    "a derivative of forty million": (sympy.Derivative(U, (X, 4 * 10**7)), "a derivative of order 40000000"),
    "a derivative of a word": (sympy.Derivative(U, (X, 2**62)), "a derivative of order 4611686018427387904"),
    "a tower of exponentials": (U * tower(4, 60), "a number that no float64 can hold"),
    "a sine of a large exponential": (U + sympy.sin(sympy.exp(10**7)), "a number that no float64 can hold"),
    "a sine of a gamma function": (U + sympy.sin(sympy.gamma(tower(1, 700))), "a number that no float64 can hold"),
    "a hyperbolic sine": (U + sympy.cos(sympy.sinh(10**7)), "a number that no float64 can hold"),
    "a maximum of many": (
        U * sympy.Max(*[sympy.Symbol(f"c{i}", real=True) for i in range(33)], evaluate=False),
        "Max or Min of too many arguments, 33",
    ),
}


@pytest.mark.parametrize("case", ENDLESS)
def test_what_would_never_end_is_refused_when_the_constraint_is_made(case):
    residual, said = ENDLESS[case]
    with pytest.raises(sp.ExpressionError, match=f'^constraint "rule" holds {said}'):
        stated(residual)


def test_numbers_that_float64_can_hold_are_let_through():
    x = sympy.Symbol("x")
    for number in (sympy.exp(700), sympy.exp(-(10**9)), sympy.sqrt(2) ** 100, sympy.gamma(5.5), sympy.oo, sympy.zoo):
        require_work(x * number, "here")
        assert not Values().endless(number)
    assert Values().endless(sympy.exp(710))


FIELD = ["function", "u", ["symbol", "x"], ["symbol", "y"]]
PAIR = ["ExprCondPair", ["integer", 1], ["constant", "true"]]
HOSTILE = {
    "a derivative above order 64": ["Derivative", FIELD, ["Tuple", ["symbol", "x"], ["integer", 2**62]]],
    "a number without end": ["Mul", FIELD, ["exp", ["exp", ["exp", ["integer", 60]]]]],
    "a number without end, rounded": ["Mul", FIELD, ["floor", ["exp", ["integer", 10**9]]]],
    "a number without end, divided": ["Mod", ["Pow", ["integer", 7], ["rational", 1, 2]], ["exp", ["integer", 10**8]]],
    "Max of too many children": ["Max", *[["sin", ["integer", i]] for i in range(1, 1500)]],
    "Max or Min of too many children": ["Max", *[["Max", FIELD, ["symbol", f"c{i}"]] for i in range(30)]],
    "a sum, product or power of what is no number": ["Pow", ["integer", 2], PAIR],
    "Pow of children that it does not take": [
        "Pow",
        FIELD,
        ["Mul", ["integer", 0], ["Pow", ["integer", 0], ["integer", -1]]],
    ],
    "a number that is none": ["Mul", FIELD, ["float", 10**400]],
    "the function u of what is no number": ["function", "u", PAIR],
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_tree_without_end_or_sense_is_refused_before_it_is_made(case):
    with pytest.raises(sp.FileError, match=f"^a.h5: the statement in the file holds {case.split(',')[0]}"):
        from_tree(HOSTILE[case], "a.h5")


@pytest.mark.parametrize(
    "expression", [(1 + X) ** 70 * U, (X + 10**20) * U, sympy.Catalan * U, U * sympy.Float("1e400")], ids=str
)
def test_what_could_not_be_read_again_is_not_written(expression):
    with pytest.raises(sp.ExpressionError, match=r"files cannot keep|cannot be kept in a file"):
        to_tree(expression)


def test_a_basis_vector_is_refused_by_name():
    with pytest.raises(sp.ExpressionError, match=r"holds N\.i, a BaseVector of SymPy; expected symbols"):
        stated(U * CoordSys3D("N").i)


class TestEquations:
    """An Eq is for residuals."""

    def test_in_a_residual_it_is_the_difference_of_its_sides(self):
        assert lower(stated(sympy.Eq(U, X)).residuals[0].formulas[0], _words()) == lower(U - X, _words())

    def test_as_a_known_it_is_refused(self):
        message = (
            'given "k" of problem "trial" is the equation Eq(x, 1); expected a formula.\n'
            "  An Eq says what must vanish, in the residual of a constraint. Write its right side alone: 1."
        )
        with refused(sp.ExpressionError, message):
            stated(U - sympy.Symbol("k"), given={"k": sympy.Eq(X, 1)})

    @pytest.mark.parametrize("argument", ["hard", "exact"])
    def test_as_a_hard_condition_or_reference_it_is_refused(self, argument):
        with pytest.raises(sp.ExpressionError, match=rf'^{argument} "u" of problem "trial" is the equation'):
            stated(U - X, **{argument: {"u": sympy.Eq(U, X * U) if argument == "hard" else sympy.Eq(X, Y)}})


class TestArguments:
    """The arguments of knowns mean the coordinates that they are called."""

    @pytest.mark.parametrize("known", [X - 2 * Y, lambda a: a.x - 2 * a.y], ids=["SymPy", "function"])
    def test_a_known_with_its_arguments_turned_is_refused(self, known):
        message = (
            'constraint "rule" of problem "trial" applies the known k as k(y, x); the coordinates of the problem come '
            "as x, y, so it is not clear which argument is which.\n"
            "  Write k(x, y) throughout. Where coordinates are to be exchanged, exchange them in what is given."
        )
        with refused(sp.ExpressionError, message):
            stated(K(Y, X) * U - 1, given={"k": known})

    def test_a_known_of_some_coordinates_and_a_field_in_any_order_are_taken(self):
        u = sympy.Function("u")(Y, X)
        assert stated(K(Y) * u - 1, given={"k": Y**2}).coordinates == ("x", "y")

    def test_what_sympy_names_itself_is_not_called_a_name_of_the_users(self):
        with pytest.raises(
            sp.ExpressionError, match=r"twice where it is displaced to (x \+ y|x\*y), which SymPy"
        ) as caught:
            stated(sympy.Function("u")(X * Y, X + Y).diff(X, Y) + U)
        assert "identifier" not in str(caught.value)


def test_sympy_makes_one_substitution_of_nested_ones():
    x, y = sympy.symbols("x y", real=True)
    u = sympy.Function("u", real=True)(x, y)
    nested = sympy.Subs(sympy.Subs(u.diff(x, y), x, 2), y, 3)
    assert not nested.expr.has(sympy.Subs)
    assert reference(nested, _words()).at == {"x": 2, "y": 3}


def test_a_branch_is_kept_from_harm_where_an_earlier_one_is_taken_and_its_own_condition_holds():
    branches = sympy.Piecewise((U, X < 0.5), (sympy.sqrt(X - 0.5) * U, X < 2), (0, True))
    weight = torch.nn.Parameter(torch.tensor(2.0, dtype=torch.float64))
    points = torch.tensor([[0.25, 0.5], [0.75, 0.5]], dtype=torch.float64, requires_grad=True)

    class Phi:
        u = weight * points[:, 0]

    class A:
        x, y = points.T

    value = stated(branches).residuals[0](A, Phi)
    (slope,) = torch.autograd.grad(value.sum(), points)
    torch.testing.assert_close(value.tolist(), [0.5, 0.75])
    assert torch.isfinite(slope).all()
    assert slope[0, 0] == 2.0


def _words() -> Vocabulary:
    return Vocabulary("here", ("x", "y"), {"u": ()})
