"""The traps of SymPy, what the planner sees of compiled residuals, sizes, and the same bits in every process."""

import os
import subprocess
import sys

import pytest
import sympy
import torch
from small import refused

import sirenpde as sp
from sirenpde.statement.symbolic.lower import lower, references
from sirenpde.statement.symbolic.program import compile_known, compile_residual
from sirenpde.statement.symbolic.vocabulary import Vocabulary

#: One equation alone leaves much open, and is told so; what it compiles to is what is looked at here.
pytestmark = pytest.mark.filterwarnings("ignore:every residual of:sirenpde.errors.SirenPDEWarning")

X, T, Y = sympy.symbols("x t y")
U = sympy.Function("u")(X, T)
D = sp.Box(x=(-1, 1), t=(0, 1))
WORDS = Vocabulary("the residual", ("x", "t"), {"u": ()}, {"f": ()})


def stated(residual, on=D, **arguments) -> sp.Problem:
    return sp.Problem(name="trial", constraints=[sp.Constraint("rule", on=on, residual=residual)], **arguments)


def forms(problem: sp.Problem) -> list[int]:
    """How many linear forms a residual needs, per site."""
    return [len(site) for site in problem.traced[0].sites]


class TestTraps:
    """One test per trap of the house style, in its order."""

    def test_1_a_derivative_survives_the_replacement_of_its_field(self):
        formula = lower(sympy.Derivative(U * U.diff(X), X), WORDS)
        assert sorted((place.by for place in references(formula, WORDS)), key=len) == [(), ("x",), ("x", "x")]

    def test_2_a_field_that_is_displaced_before_it_is_differentiated_is_refused(self):
        with pytest.raises(sp.ProblemError, match=r"differentiated by something that it was not applied"):
            stated(U.subs(X, 1).diff(X))  # SymPy says 0

    def test_3_a_known_written_as_a_symbol_is_a_constant_and_as_a_function_it_is_not(self):
        by_symbol = lower((sympy.Symbol("f") * U.diff(X)).diff(X), WORDS)
        by_function = lower((sympy.Function("f")(X, T) * U.diff(X)).diff(X), WORDS)
        assert {(place.name, place.by) for place in references(by_symbol, WORDS)} == {("u", ("x", "x"))}
        assert ("f", ("x",)) in {(place.name, place.by) for place in references(by_function, WORDS)}

    def test_4_two_symbols_of_one_name_are_refused_and_two_orders_of_arguments_too(self):
        with pytest.raises(sp.ExpressionError, match=r'two symbols named "x" that differ in their assumptions'):
            stated(U - sympy.Symbol("x", real=True))
        with pytest.raises(sp.ExpressionError, match="To SymPy these are two functions"):
            stated(U - sympy.Function("u")(T, X))

    def test_4_assumptions_and_the_order_of_arguments_do_not_matter_where_they_are_the_same_throughout(self):
        x, t = sympy.symbols("x t", positive=True)
        u = sympy.Function("u")(t, x)
        problem = stated(u.diff(x) - t)
        assert problem.traced[0].sites == stated(U.diff(X) - T).traced[0].sites

    def test_5_fields_are_real(self):
        formula = lower(sympy.Derivative(sympy.Abs(U), X), WORDS)
        assert not formula.has(sympy.re, sympy.im, sympy.Integral)

    def test_6_residuals_that_vanish_are_refused_by_the_name_of_their_constraint(self):
        message = (
            'constraint "rule" is the truth value True, not an equation.\n  Usual cause: both sides of an Eq are the '
            "same (Eq(u, u)), or == was written in place of sympy.Eq."
        )
        with refused(sp.ExpressionError, message):
            stated(sympy.Eq(U, U))
        with pytest.raises(sp.ProblemError, match="its residuals hold none"):
            stated(U.diff(Y))
        with pytest.raises(sp.ExpressionError, match=r'constraint "rule" of problem "trial" depends on no field'):
            stated(U - U, fields="u")

    def test_7_plain_numbers_never_meet_a_torch_function(self):
        numbers = (
            sympy.sin(1, evaluate=False) + sympy.sqrt(2) + sympy.Max(1, X) + sympy.Heaviside(X, sympy.Rational(1, 2))
        )
        assert stated(U - numbers).traced[0].trainable
        assert compile_known(sympy.Max(1, X), WORDS).formula == sympy.Max(1, sympy.Symbol("x", real=True))

    def test_8_a_negative_number_to_a_fraction_is_refused_with_its_place(self):
        with pytest.raises(sp.ResidualError, match=r"(?s)is not finite at x=-\d.*root or logarithm of a negative"):
            stated(U - sympy.cbrt(X))

    def test_8_cases_without_a_last_one_are_refused(self):
        with pytest.raises(sp.ExpressionError, match=r"not defined where no condition holds.\n  End it with"):
            stated(sympy.Piecewise((U, X < 0)))

    @pytest.mark.parametrize(
        "make", [lambda e: e, lambda e: [U, e], lambda e: [e, U], lambda e: [U, [e]], lambda e: (U, e)]
    )
    def test_9_strings_are_never_evaluated(self, make, tmp_path):
        path = tmp_path / "touched"
        code = f"open({str(path)!r}, 'w')"
        with pytest.raises(sp.SirenPDEError):
            stated(make(code))
        for place in ("given", "hard", "exact"):
            with pytest.raises(sp.SirenPDEError):
                stated(U, **{place: {"u" if place != "given" else "f": make(code)}})
        with pytest.raises(sp.SirenPDEError):
            sp.component(code, 0)
        with pytest.raises(sp.SirenPDEError):
            sp.normal(code)
        assert not path.exists()

    @pytest.mark.parametrize(
        "name", ["__import__('os').getpid()", "x y", "lambda", "", "1", "a" * 65, "u.diff(x)", "β"]
    )
    def test_9_names_that_are_code_or_none_are_refused(self, name):
        with pytest.raises(sp.SirenPDEError, match=r"no identifier|no name"):
            stated(U + sympy.Symbol(name))
        with pytest.raises(sp.SirenPDEError, match=r"no identifier|no name"):
            stated(U + sympy.Function(name or " ")(X, T))

    def test_10_the_same_statement_gives_the_same_bits_under_every_hash_seed(self):
        code = (
            "import sympy, torch, hashlib, sirenpde as sp\n"
            "x, t, k, m = sympy.symbols('x t k m')\n"
            "u, v = (sympy.Function(n)(x, t) for n in 'uv')\n"
            "r = [u.diff(x)*v*k + sympy.sin(u)*m + sympy.Max(u, v, x, t) + sympy.Piecewise((u, sympy.And(x > 0, t > 0,"
            " k > 1)), (v, True)) + u.subs(x, 1) + v.subs(t, t/2).diff(t), (u*v*x).diff(x) - t*k*m*u]\n"
            "p = sp.Problem(name='p', given={'k': 2 + x, 'm': 3*t}, constraints=[sp.Constraint('c', on=sp.Box(x=(-1,1),"
            " t=(0, 1)), residual=r)])\n"
            "net = sp.Siren(width=8, depth=1).build(2, 2, seed=1, dtype=torch.float32)\n"
            "pts = torch.linspace(-1, 1, 14).reshape(7, 2)\n"
            "parts = p.traced[0].evaluate(p.ansatz(net), pts, {}, p.traced[0].plan(p.ansatz(net)))\n"
            "sum(q.square().sum() for q in parts).backward()\n"
            "bits = b''.join(q.detach().numpy().tobytes() for q in parts)\n"
            "bits += b''.join(w.grad.numpy().tobytes() for w in net.parameters())\n"
            "print(list(p.layout.fields), hashlib.sha256(bits).hexdigest())\n"
        )
        runs = [
            subprocess.Popen(
                [sys.executable, "-c", code],
                env={**os.environ, "PYTHONHASHSEED": seed, "OMP_NUM_THREADS": "1"},
                stdout=subprocess.PIPE,
                text=True,
            )
            for seed in ("0", "7")
        ]
        answers = {run.communicate(timeout=100)[0] for run in runs}
        assert len(answers) == 1
        assert "['u', 'v']" in answers.pop()


class TestPlanner:
    """A sum of derivatives with constant factors stays one linear form."""

    def test_a_laplacian_is_one_form_in_one_collapsed_stream(self):
        problem = stated(U.diff(X, 2) + U.diff(T, 2) - X)
        assert forms(problem) == [1]
        network = sp.Siren(width=8, depth=1).build(2, 1, dtype=torch.float64)
        (way,) = problem.traced[0].plan(problem.ansatz(network))
        assert way.name == "collapsed streams"

    def test_a_heat_operator_with_a_source_is_one_form(self):
        f = sympy.Symbol("f")
        heat = U.diff(T) - sympy.Rational(1, 100) * (U.diff(X, 2))
        assert forms(stated(heat - f * X - 3, given={"f": X + T})) == [1]
        assert forms(stated(sympy.Eq(U.diff(T), 0.1 * U.diff(X, 2) - U / 7 + sympy.pi * sympy.E))) == [1]

    def test_a_product_of_fields_needs_one_form_each(self):
        assert forms(stated(U * U.diff(X) + U.diff(T))) == [3]

    def test_a_derivative_that_occurs_twice_is_asked_for_once(self):
        assert forms(stated(sympy.sin(U.diff(X)) + X * U.diff(X))) == [1]

    def test_a_place_that_occurs_twice_is_one_site(self):
        assert forms(stated(X * U.subs(X, 1) + T * U.diff(T).subs(X, 1) ** 2 + U)) == [1, 2]

    def test_a_compiled_residual_does_not_differentiate_by_autograd(self):
        problem = stated((U * U.diff(X)).diff(X) + sympy.sin(U).diff(T))
        assert not problem.traced[0].differentiates


class TestSizes:
    """What SymPy would not finish is refused in a moment."""

    def deep(self):
        node = U
        for _ in range(200):
            node = sympy.sin(node, evaluate=False)
        return node

    def test_depth_201_is_refused(self):
        with pytest.raises(sp.ExpressionError, match='constraint "rule" is an expression of more than 200 levels'):
            stated(self.deep())

    def test_20001_nodes_are_refused(self):
        big = sympy.Add(*[sympy.Mul(sympy.Integer(i), U, evaluate=False) for i in range(2, 4100)], evaluate=False)
        with pytest.raises(sp.ExpressionError, match='constraint "rule" is an expression of more than 20000 nodes'):
            stated(big)
        with pytest.raises(sp.ExpressionError, match="more than 20000 nodes"):
            stated(sympy.Eq(big, 0, evaluate=False))

    @pytest.mark.timeout(20)
    @pytest.mark.parametrize(
        "number",
        [
            sympy.Integer(10) ** 5000,
            sympy.Rational(1, 10**400),
            sympy.Pow(10, 10**10, evaluate=False),
            sympy.Pow(sympy.Pow(9, 9**9, evaluate=False), 9, evaluate=False),
            sympy.Pow(9, sympy.Pow(9, 99, evaluate=False), evaluate=False),
            sympy.gamma(10**9, evaluate=False),
            sympy.factorial(10**9, evaluate=False),
        ],
        ids=["long", "tiny", "power", "power of a power", "power to a power", "gamma", "factorial"],
    )
    def test_numbers_without_end_are_refused_and_never_worked_out(self, number):
        with pytest.raises(sp.ExpressionError, match=r"a number beyond 2\*\*1100, which no float64 can hold"):
            stated(sympy.Add(U, number, evaluate=False))

    def test_a_large_number_that_a_float_can_hold_is_none_of_these(self):
        assert stated(U * 10**300 / sympy.Integer(10) ** 300 + sympy.Integer(2) ** 1000 * 0.0 + U.diff(X)).traced

    @pytest.mark.timeout(20)
    def test_derivatives_that_would_grow_without_end_are_refused(self):
        nested = U
        for _ in range(60):
            nested = sympy.Derivative(X * nested, X)
        composite = U * X
        for function in (sympy.sin, sympy.cos, sympy.exp, sympy.sin):
            composite = function(composite * X)
        for expression in (nested, sympy.Derivative(composite, (X, 8))):
            with pytest.raises(sp.ExpressionError, match="would come to more than 1000000 terms"):
                stated(expression)

    def test_a_large_statement_that_is_allowed_compiles(self):
        terms = [sympy.Rational(i, 7) * X**i * U for i in range(1, 400)]
        program = compile_residual(sympy.Add(*terms), WORDS)
        assert len(program.steps) < 5000

    def test_a_message_does_not_print_a_whole_long_formula(self):
        long = sympy.Add(*[sympy.Symbol(f"a{i}") * U for i in range(1000)], sympy.zoo, evaluate=False)
        with pytest.raises(sp.ExpressionError) as caught:
            stated(long)
        assert len(str(caught.value)) < 1500


class TestKnowns:
    """Compiled knowns."""

    def test_a_constant_has_one_value_per_point(self):
        problem = stated(U - sympy.Symbol("f"), given={"f": sympy.pi / 4})
        assert problem.knowns["f"](torch.zeros(3, 2, dtype=torch.float64)).tolist() == [float(sympy.pi / 4)] * 3

    def test_a_vector_is_a_list(self):
        u = sp.component(U, 0)
        problem = stated(
            u + sp.component(sympy.Symbol("f"), 1) + sp.component(U, 1), fields={"u": 2}, given={"f": [X, 2]}
        )
        assert problem.knowns["f"](torch.ones(3, 2, dtype=torch.float64)).tolist() == [[1.0, 2.0]] * 3

    def test_a_formula_that_is_only_applied_counts_as_read(self):
        stated((sympy.Function("k")(X, T) * U.diff(X)).diff(X), given={"k": 2 + X})  # a warning would be an error here

    def test_substitutions_into_each_other_are_refused(self):
        # SymPy carries them out one after the other: t/2 goes in for x, and then x**2 for that t.
        with pytest.raises(sp.ExpressionError, match="whose substitutions go into each other"):
            stated(U - U.diff(X, T).subs({X: T / 2, T: X**2}, simultaneous=True))


SEEN = sp.Points([[0.0, 0.5], [0.5, 0.5]], names=("x", "t"), data={"u": [1.0, 2.0]})


def two(first, second, **changes):
    """A problem of a residual on the whole, named equation, and another one at the start, named start."""
    domain = sp.Box(x=(-1, 1), t=(0, 1))
    constraints = [
        sp.Constraint("equation", on=domain, residual=first),
        sp.Constraint("start", on=domain.at(t=0), residual=second),
    ]
    return sp.Problem(**{"name": "trial", "constraints": constraints} | changes)


def test_a_field_that_lacks_a_coordinate_in_one_place_is_refused_with_both_places():
    short, full = sympy.Function("u")(X) - 1, U.diff(T) - U.diff(X, 2)
    for first, second, lacking, other in ((full, short, "start", "equation"), (short, full, "equation", "start")):
        message = (
            f'constraint "{lacking}" of problem "trial" writes u(x), which lacks t: constraint "{other}" of problem '
            '"trial" writes u(x, t).\n  To SymPy these are two functions. Write u(x, t) throughout; what it is at one '
            "place, the region says, as in domain.at(t=0)."
        )
        with refused(sp.ExpressionError, message):
            two(first, second)


def test_two_orders_of_arguments_are_refused_with_both():
    message = (
        'constraint "start" of problem "trial" writes u(t, x), elsewhere in the problem it is u(x, t).\n'
        "  To SymPy these are two functions. Write the arguments in one order throughout."
    )
    with refused(sp.ExpressionError, message):
        two(U.diff(T) - U, sympy.Function("u")(T, X) - 1)


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"given": {"u": 1}}, "given={…}"),
        ({"unknowns": {"u": sp.Unknown(initial=1)}}, "unknowns={…}"),
        (
            {"constraints": [sp.Constraint("seen", on=SEEN, residual=U - 1)]},
            'data of the points of constraint "seen"',
        ),
    ],
    ids=["given", "unknowns", "data"],
)
def test_a_field_whose_name_is_taken_is_refused_with_the_place(changes, place):
    message = (
        f'problem "trial" has no field: u, which its residuals apply as a function, also stands in {place}.\n'
        "  Rename one of the two."
    )
    with refused(sp.ProblemError, message):
        two(U.diff(T) - U, U, **changes)


def test_a_field_named_as_data_of_other_points_is_refused_with_both_places():
    rules = [
        sp.Constraint("equation", on=sp.Box(x=(-1, 1), t=(0, 1)), residual=U.diff(T) - sympy.Function("v")(X, T)),
        sp.Constraint("seen", on=SEEN, residual=sympy.Function("v")(X, T) - sympy.Symbol("u")),
    ]
    message = (
        'problem "trial" uses "u" for a field, in constraint "equation", and for data of the points of constraint '
        '"seen".\n  Rename the data: data={"u_seen": …}, read as the symbol u_seen.'
    )
    with refused(sp.ProblemError, message):
        sp.Problem(name="trial", constraints=rules)


def test_a_field_written_as_a_symbol_is_refused_with_the_function():
    message = (
        'problem "trial" names no fields, and its residuals hold none: a field is an applied function, '
        'u = sympy.Function("u")(x, t).\n  u is a symbol, which to SymPy is a constant. Write '
        'u = sympy.Function("u")(x, t).'
    )
    with refused(sp.ProblemError, message):
        two(sympy.Symbol("u") - X, sympy.Symbol("u"))
