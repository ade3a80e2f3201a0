"""What SymPy compiles to against what a person would have written: values and gradients, to float64 rounding."""

import math

import pytest
import sympy
import torch
from agreement import assert_manufactured, assert_mutants_are_noticed, assert_same_residuals, sampled

import sirenpde as sp

#: One equation alone leaves much open, and is told so; what it compiles to is what is looked at here.
pytestmark = pytest.mark.filterwarnings("ignore:every residual of:sirenpde.errors.SirenPDEWarning")

X, T = sympy.symbols("x t")
U, V = (sympy.Function(name)(X, T) for name in "uv")
K = sympy.Function("k")(X, T)
NU = sympy.Symbol("nu")
D = sp.Box(x=(-1, 1), t=(0, 1))
S, C, pd = sympy.sin, sympy.cos, sp.partial


def stated(residual, on=D, fields=("u", "v"), **arguments) -> sp.Problem:
    """A problem of one SymPy constraint; the fields that it leaves alone are read by another, without a value."""
    rest = [
        sp.Constraint("rest", on=D, residual=lambda a, phi: tuple(torch.sin(getattr(phi, name)) for name in fields))
    ]
    rest = [*rest, sp.Constraint("rule", on=on, residual=residual)]
    return sp.Problem(name="trial", fields=fields, constraints=rest, **arguments)


def same(problem: sp.Problem, written) -> None:
    """Compare the constraint called rule with its hand-written twin."""
    rest = problem.constraints[0].residual
    assert_same_residuals(problem, {"rest": rest, "rule": written})


def smooth(q):
    """A smooth step, of quantities."""
    return torch.exp(-(q**2))


PAIRS = {
    "a value": (U, lambda a, phi: phi.u),
    "an equation of two sides": (sympy.Eq(U, X), lambda a, phi: phi.u - a.x),
    "a list": ([U - X, sympy.Eq(V, T)], lambda a, phi: (phi.u - a.x, phi.v - a.t)),
    "first order": (U.diff(X) - 2 * U.diff(T), lambda a, phi: pd(phi.u, "x") - 2 * pd(phi.u, "t")),
    "second order": (U.diff(X, 2), lambda a, phi: pd(phi.u, "x", "x")),
    "mixed": (U.diff(X, T) + U.diff(T, X), lambda a, phi: 2 * pd(phi.u, "t", "x")),
    "third order": (U.diff(X, 3) + U.diff(X, 2, T), lambda a, phi: pd(phi.u, "x", "x", "x") + pd(phi.u, "x", "x", "t")),
    "fourth order": (U.diff(X, 4), lambda a, phi: pd(phi.u, "x", "x", "x", "x")),
    "fourth order, mixed": (U.diff(X, 2, T, 2), lambda a, phi: pd(phi.u, "x", "x", "t", "t")),
    "a Laplacian": (U.diff(X, 2) + U.diff(T, 2), lambda a, phi: sp.laplacian(phi.u)),
    "Burgers' equation": (
        U.diff(T) + U * U.diff(X) - sympy.Rational(1, 100) / sympy.pi * U.diff(X, 2),
        lambda a, phi: pd(phi.u, "t") + phi.u * pd(phi.u, "x") - 0.01 / math.pi * pd(phi.u, "x", "x"),
    ),
    "a square of a derivative, differentiated": (
        sympy.Derivative(U.diff(X) ** 2, X),
        lambda a, phi: 2 * pd(phi.u, "x") * pd(phi.u, "x", "x"),
    ),
    "a composite, differentiated": (S(U * X).diff(X), lambda a, phi: pd(torch.sin(phi.u * a.x), "x")),
    "a quotient, differentiated twice": (
        (U / (2 + V**2)).diff(X, 2),
        lambda a, phi: pd(phi.u / (2 + phi.v**2), "x", "x"),
    ),
    "a conservation law": ((U**2 / 2).diff(X) + U.diff(T), lambda a, phi: pd(phi.u**2 / 2, "x") + pd(phi.u, "t")),
    "a field at a place": (U.subs(X, 1), lambda a, phi: phi.at(x=1).u),
    "a periodic pair": (U.subs(X, 1) - U.subs(X, -1), lambda a, phi: phi.at(x=1).u - phi.at(x=-1).u),
    "a periodic pair of slopes": (
        U.diff(X).subs(X, 1) - U.diff(X).subs(X, -1),
        lambda a, phi: pd(phi.at(x=1).u, "x") - pd(phi.at(x=-1).u, "x"),
    ),
    "a mirrored field": (U.diff(X, 2).subs(X, -X) + U, lambda a, phi: pd(phi.at(x=-a.x).u, "x", "x") + phi.u),
    "a field displaced in both coordinates": (
        U.diff(X, T).subs({X: X / 2, T: T**2}),
        lambda a, phi: pd(phi.at(x=a.x / 2, t=a.t**2).u, "x", "t"),
    ),
    "a delay": (U.diff(T) - U.subs(T, T / 2), lambda a, phi: pd(phi.u, "t") - phi.at(t=a.t / 2).u),
    "a delayed field, differentiated after": (
        U.subs(T, T / 2).diff(T),
        lambda a, phi: pd(phi.at(t=a.t / 2).u, "t") / 2,
    ),
    "a delayed field, differentiated twice after": (
        U.subs(T, T**2).diff(T, 2),
        lambda a, phi: 2 * pd(phi.at(t=a.t**2).u, "t") + 4 * a.t**2 * pd(phi.at(t=a.t**2).u, "t", "t"),
    ),
    "a field along a ray, differentiated by both coordinates": (
        U.subs(T, T * X).diff(T, X),
        lambda a, phi: (
            pd(phi.at(t=a.t * a.x).u, "t")
            + a.x * (pd(phi.at(t=a.t * a.x).u, "t", "x") + a.t * pd(phi.at(t=a.t * a.x).u, "t", "t"))
        ),
    ),
    "a product at a place": (
        (U * U.diff(X)).subs(X, 1) + U,
        lambda a, phi: phi.at(x=1).u * pd(phi.at(x=1).u, "x") + phi.u,
    ),
    "a product under Subs": (
        sympy.Subs(U * V.diff(X), X, 0) - U,
        lambda a, phi: phi.at(x=0).u * pd(phi.at(x=0).v, "x") - phi.u,
    ),
    "powers": (
        U**3 + (2 + U**2) ** -2 + (1 + X**2) ** sympy.Rational(1, 3),
        lambda a, phi: phi.u**3 + 1 / (2 + phi.u**2) ** 2 + (1 + a.x**2) ** (1 / 3),
    ),
    "a power of a field to a field": ((2 + U**2) ** V, lambda a, phi: (2 + phi.u**2) ** phi.v),
    "a number to a field": (2**U + sympy.exp(U), lambda a, phi: 2.0**phi.u + torch.exp(phi.u)),
    "roots": (
        sympy.sqrt(1 + U**2) + 1 / sympy.sqrt(2 + X),
        lambda a, phi: torch.sqrt(1 + phi.u**2) + 1 / torch.sqrt(2 + a.x),
    ),
    "a root of a square, which is the absolute value": (sympy.sqrt(U**2), lambda a, phi: phi.u.abs()),
    "the slope of an absolute value": (
        sympy.Derivative(sympy.Abs(U), X),
        lambda a, phi: torch.sign(phi.u) * pd(phi.u, "x"),
    ),
    "trigonometry": (
        S(U) * C(X) + sympy.tan(U / 3) + sympy.cot(2 + X / 2) + sympy.sec(U / 3) + sympy.csc(2 + X / 2),
        lambda a, phi: (
            torch.sin(phi.u) * torch.cos(a.x)
            + torch.tan(phi.u / 3)
            + 1 / torch.tan(2 + a.x / 2)
            + 1 / torch.cos(phi.u / 3)
            + 1 / torch.sin(2 + a.x / 2)
        ),
    ),
    "hyperbolas": (
        sympy.sinh(U) + sympy.cosh(V) + sympy.tanh(U * V) + sympy.sech(U) + sympy.coth(2 + X) + sympy.csch(2 + X),
        lambda a, phi: (
            torch.sinh(phi.u)
            + torch.cosh(phi.v)
            + torch.tanh(phi.u * phi.v)
            + 1 / torch.cosh(phi.u)
            + 1 / torch.tanh(2 + a.x)
            + 1 / torch.sinh(2 + a.x)
        ),
    ),
    "inverses": (
        sympy.asin(U / 9)
        + sympy.acos(U / 9) * X
        + sympy.atan(U)
        + sympy.asinh(V)
        + sympy.acosh(3 + U**2)
        + sympy.atanh(U / 9),
        lambda a, phi: (
            torch.asin(phi.u / 9)
            + torch.acos(phi.u / 9) * a.x
            + torch.atan(phi.u)
            + torch.asinh(phi.v)
            + torch.acosh(3 + phi.u**2)
            + torch.atanh(phi.u / 9)
        ),
    ),
    "logarithms": (
        sympy.log(2 + U**2) + sympy.log(3 + X, 10),
        lambda a, phi: torch.log(2 + phi.u**2) + torch.log(3 + a.x) / math.log(10),
    ),
    "error functions": (
        sympy.erf(U) + 2 * sympy.erfc(X * U) + sympy.erfinv(U / 9),
        lambda a, phi: torch.erf(phi.u) + 2 * torch.erfc(a.x * phi.u) + torch.erfinv(phi.u / 9),
    ),
    "a slope of an error function": (
        sympy.erf(U).diff(X),
        lambda a, phi: 2 / math.sqrt(math.pi) * torch.exp(-(phi.u**2)) * pd(phi.u, "x"),
    ),
    "sinc without pi": (sympy.sinc(3 * U), lambda a, phi: torch.sin(3 * phi.u) / (3 * phi.u)),
    "largest and smallest": (
        sympy.Max(U, V, sympy.Rational(1, 10)) - sympy.Min(U, X),
        lambda a, phi: torch.maximum(torch.maximum(phi.u, phi.v), 0 * a.x + 0.1) - torch.minimum(phi.u, a.x),
    ),
    "the slope of a largest": (
        sympy.Max(U, 0).diff(X),
        lambda a, phi: torch.where(phi.u > 0, pd(phi.u, "x"), 0 * phi.u),
    ),
    "signs, floors and remainders": (
        U * sympy.sign(X) + sympy.floor(3 * X) * U + sympy.ceiling(3 * T) + sympy.Mod(U - 5 * X, 2),
        lambda a, phi: (
            phi.u * torch.sign(a.x) + torch.floor(3 * a.x) * phi.u + torch.ceil(3 * a.t) + (phi.u - 5 * a.x) % 2.0
        ),
    ),
    "Heaviside": (
        sympy.Heaviside(U) * V + sympy.Heaviside(X, 1),
        lambda a, phi: torch.where(phi.u > 0, phi.v, 0 * phi.v) + torch.where(a.x >= 0, 0 * a.x + 1, 0 * a.x),
    ),
    "an angle": (sympy.atan2(U, 2 + X), lambda a, phi: torch.atan2(phi.u, 2 + a.x)),
    "gamma functions": (
        sympy.loggamma(3 + U**2) + sympy.digamma(2 + X) * U,
        lambda a, phi: torch.lgamma(3 + phi.u**2) + torch.digamma(2 + a.x) * phi.u,
    ),
    "cases": (
        sympy.Piecewise((U**2, X < -0.2), (V, sympy.And(X < 0.5, T > 0.3)), (U, True)),
        lambda a, phi: torch.where(a.x < -0.2, phi.u**2, torch.where((a.x < 0.5) & (a.t > 0.3), phi.v, phi.u)),
    ),
    "a slope of cases": (
        sympy.Piecewise((U**2, X < 0), (U, True)).diff(X),
        lambda a, phi: torch.where(a.x < 0, 2 * phi.u * pd(phi.u, "x"), pd(phi.u, "x")),
    ),
    "cases by other joints": (
        sympy.Piecewise((U, sympy.Or(sympy.Ne(X, 5) & ~(T > 0.4), X >= 0.5)), (V, True)),
        lambda a, phi: torch.where(~(a.t > 0.4) | (a.x >= 0.5), phi.u, phi.v),
    ),
    "constants": (
        sympy.pi * U + sympy.E * V - sympy.GoldenRatio + sympy.sqrt(2) * sympy.Rational(1, 3) + sympy.Float(0.1),
        lambda a, phi: math.pi * phi.u + math.e * phi.v - (1 + math.sqrt(5)) / 2 + math.sqrt(2) / 3 + 0.1,
    ),
    "a real and an imaginary part of what is real": (
        sympy.re(U) + sympy.im(V) + sympy.conjugate(V),
        lambda a, phi: phi.u + phi.v,
    ),
    "a size of what is positive": (
        sympy.Abs(sympy.exp(U.diff(X))) + sympy.Abs(U.diff(X)),
        lambda a, phi: torch.exp(pd(phi.u, "x")) + pd(phi.u, "x").abs(),
    ),
    "a common part, twice": (
        sympy.exp(-(U**2)) * (1 + sympy.exp(-(U**2))),
        lambda a, phi: smooth(phi.u) * (1 + smooth(phi.u)),
    ),
}


@pytest.mark.parametrize("case", PAIRS)
def test_sympy_compiles_to_what_a_person_would_have_written(case):
    expression, written = PAIRS[case]
    same(stated(expression), written)


def test_the_table_holds_what_it_is_said_to_hold():
    assert len(PAIRS) >= 45


COEFFICIENTS = {
    "a formula": X**2 + 2 + S(T),
    "a function": lambda a: a.x**2 + 2 + torch.sin(a.t),
    "a number": 3.5,
}


@pytest.mark.parametrize("case", COEFFICIENTS)
def test_a_known_that_varies_is_differentiated_with_what_it_multiplies(case):
    def written(a, phi):
        return pd(a.k * pd(phi.u, "x"), "x") if case != "a number" else 3.5 * pd(phi.u, "x", "x")

    same(stated((K * U.diff(X)).diff(X), given={"k": COEFFICIENTS[case]}), written)


def test_a_picture_is_differentiated_with_what_it_multiplies(rng):
    y = sympy.Symbol("y")
    u, k = (sympy.Function(name)(X, y) for name in "uk")
    square = sp.Box(x=(-0.5, 0.5), y=(-0.5, 0.5))
    problem = sp.Problem(
        name="trial",
        given={"k": sp.Raster.from_image(rng.random((6, 7)))},
        constraints=[sp.Constraint("rule", on=square, residual=(k * u.diff(X)).diff(X) + (k * u.diff(y)).diff(y))],
    )
    assert_same_residuals(problem, {"rule": lambda a, phi: sp.div(a.k * sp.grad(phi.u))})


@pytest.mark.parametrize("known", [X**2 + 2, lambda a: a.x**2 + 2], ids=["a formula", "a function"])
def test_a_known_of_one_coordinate_is_written_with_that_one(known):
    k = sympy.Function("k")(X)
    same(
        stated((k * U.diff(X)).diff(X) + k.diff(X, 2), given={"k": known}),
        lambda a, phi: 2 * a.x * pd(phi.u, "x") + (a.x**2 + 2) * pd(phi.u, "x", "x") + 2,
    )


def test_a_formula_may_be_displaced_and_differentiated_there():
    same(
        stated(K.subs(X, 2) * U + K.diff(X).subs(X, T) * V, given={"k": X**3 * T}),
        lambda a, phi: 8 * a.t * phi.u + 3 * a.t**3 * phi.v,
    )


def test_a_known_under_no_derivative_may_be_a_symbol():
    k = sympy.Symbol("k")
    same(stated(k * U.diff(X, 2) - k, given={"k": X + T}), lambda a, phi: (a.x + a.t) * (pd(phi.u, "x", "x") - 1))


def test_the_normal_is_read_by_component():
    same(
        stated(U.diff(X) * sp.normal("x") + U.diff(T) * sp.normal("t") - X, on=D.boundary),
        lambda a, phi: sp.dot(sp.grad(phi.u), a.normal) - a.x,
    )


def test_components_of_vector_fields_and_knowns_are_read_by_number():
    w = sympy.Function("w")(X, T)
    flow = sympy.Function("flow")(X, T)
    expression = (
        sp.component(w, 0).diff(X)
        + sp.component(w, 1) * sp.component(w, 0).subs(X, 1)
        - sp.component(sympy.Symbol("flow"), 1)
        + sp.component(flow, 0).diff(T)
        + sp.component(w, 1).diff(T).subs(X, 0)
    )
    same(
        stated(expression, fields={"w": 2}, given={"flow": [X * T, S(X)]}),
        lambda a, phi: (
            pd(phi.w[:, 0], "x")
            + phi.w[:, 1] * phi.at(x=1).w[:, 0]
            - torch.sin(a.x)
            + a.x
            + pd(phi.at(x=0).w[:, 1], "t")
        ),
    )


def test_data_of_points_are_read_by_name():
    points = sp.Points([[0.1, 0.2], [0.3, 0.4], [-0.5, 0.6]], names=("x", "t"), data={"seen": [1.0, 2.0, 3.0]})
    same(stated(U - sympy.Symbol("seen") * X, on=points), lambda a, phi: phi.u - a.seen * a.x)


@pytest.mark.parametrize(
    ("expression", "written"),
    [
        (U.diff(T) - NU * U.diff(X, 2), lambda a, phi: pd(phi.u, "t") - a.nu * pd(phi.u, "x", "x")),
        (U - sympy.exp(NU) * (2 + X) ** NU, lambda a, phi: phi.u - torch.exp(a.nu) * (2 + a.x) ** a.nu),
        (U - U.subs(T, T - NU), lambda a, phi: phi.u - phi.at(t=a.t - a.nu).u),
        (U.subs(X, NU) - 1, lambda a, phi: phi.at(x=a.nu).u - 1),
        (sympy.Max(U, NU) * sympy.sqrt(NU), lambda a, phi: torch.maximum(phi.u, a.nu + 0 * a.x) * a.nu**0.5),
        (
            sympy.Piecewise((U, X < NU), (NU * V, True)),
            lambda a, phi: torch.where(a.x < a.nu, phi.u, a.nu * phi.v),
        ),
        ([U - X, NU * sympy.pi + V], lambda a, phi: (phi.u - a.x, a.nu * math.pi + phi.v)),
    ],
    ids=["factor", "exponent", "delay", "place", "largest", "cases", "list"],
)
def test_unknown_numbers_are_read_by_name_and_carry_gradients(expression, written):
    unknowns = {"nu": sp.Unknown(initial=0.3, lower=0.0, upper=2.0)}
    same(stated(expression, unknowns=unknowns), written)


@pytest.mark.parametrize("name", ["I", "E", "S", "N", "O", "Q", "C", "beta", "gamma", "zeta", "pi", "oo", "Integer"])
def test_a_users_symbol_wins_over_what_sympy_calls_so(name):
    symbol = sympy.Symbol(name)
    unknowns = {name: sp.Unknown(initial=0.3)}
    same(stated(symbol * U - X, unknowns=unknowns), lambda a, phi: getattr(a, name) * phi.u - a.x)
    same(stated(symbol * U - X, given={name: X + 7}), lambda a, phi: (a.x + 7) * phi.u - a.x)


@pytest.mark.parametrize("name", ["beta", "gamma", "zeta", "S", "E"])
def test_a_users_function_wins_over_what_sympy_calls_so(name):
    own = sympy.Function(name)(X, T)
    problem = sp.Problem(name="trial", constraints=[sp.Constraint("rule", on=D, residual=own.diff(X) - T)])
    assert list(problem.layout.fields) == [name]
    assert_same_residuals(problem, {"rule": lambda a, phi: pd(getattr(phi, name), "x") - a.t})


def test_a_symbol_and_a_constant_that_print_alike_are_two_places():
    # sympy.E and a symbol named E are both printed as E.
    named = sympy.Symbol("E")
    problem = stated(U.subs(X, named) - U.subs(X, sympy.E), unknowns={"E": sp.Unknown(initial=0.3)})
    same(problem, lambda a, phi: phi.at(x=a.E).u - phi.at(x=math.e).u)


def test_every_dropped_or_flipped_term_is_noticed_by_these_comparisons():
    expression, written = PAIRS["Burgers' equation"]
    problem = sp.Problem(name="trial", constraints=[sp.Constraint("rule", on=D, residual=expression)])
    assert assert_mutants_are_noticed(problem, {"rule": written}) == 6


@pytest.mark.parametrize(
    "expression",
    [
        (U.diff(X) ** 2 * U).diff(X) - U.diff(T, 2),
        S(U * X).diff(X, 2) + U.subs(T, T / 2).diff(T),
        U.diff(X, 4) + sympy.exp(-(U**2)).diff(X, T),
        sympy.sqrt(1 + U.diff(X) ** 2).diff(X),
    ],
    ids=["product", "composite and delay", "fourth order", "curvature"],
)
def test_sympys_own_derivatives_of_a_formula_are_torchs_of_the_field(expression):
    problem = sp.Problem(name="trial", constraints=[sp.Constraint("rule", on=D, residual=expression)])
    assert_manufactured(problem)


# Where a formula is not defined, and not asked: the branches of cases that are not taken.

GUARDED = {
    "a root": sympy.Piecewise((sympy.sqrt(X), X > 0), (U, True)),
    "a root of a field": sympy.Piecewise((sympy.sqrt(U), U > 0), (U, True)),
    "a logarithm": sympy.Piecewise((sympy.log(U) * X, U > 0), (U**2, True)),
    "a quotient": sympy.Piecewise((0, sympy.Eq(sympy.floor(X), 0)), (U / sympy.floor(X), True)),
    "a fraction power": sympy.Piecewise((U ** sympy.Rational(1, 3), U >= 0), (U, True)),
    "a negative power": sympy.Piecewise((U, X < 0.2), ((X - U * 0 - sympy.Rational(1, 10)) ** -2 * U, True)),
    "an arc": sympy.Piecewise((sympy.asin(3 * X) * U, sympy.Abs(X) < 0.3), (U, True)),
    "an exponential": sympy.Piecewise((sympy.exp(2000 * X) * U, X < 0), (U, True)),
    "a nested case": sympy.Piecewise(
        (sympy.Piecewise((sympy.log(X), X > 0.5), (sympy.sqrt(X), True)) * U, X > 0), (U, True)
    ),
    "a later case": sympy.Piecewise((U, X <= 0), (sympy.log(X) + U, X < 0.5), (sympy.sqrt(X) * U, True)),
    "a remainder": sympy.Piecewise((sympy.Mod(U, sympy.floor(X)), X < 0), (U, True)),
    "a hyperbola": sympy.Piecewise((1 / sympy.tanh(sympy.Max(X, 0)) * U, X > 0), (U, True)),
}


@pytest.mark.parametrize("case", GUARDED)
def test_a_branch_that_is_not_taken_leaves_values_and_gradients_finite(case):
    problem = stated(GUARDED[case] + 0 * V)
    network = sp.Siren(width=7, depth=1, omega=1.5, first_omega=2.0).build(2, 2, dtype=torch.float64)
    sample = sampled(problem, D, 200)
    (values,) = problem.traced[1].evaluate(problem.ansatz(network), sample.points, {}, [])
    assert torch.isfinite(values).all()
    values.square().sum().backward()
    slopes = torch.cat([each.grad.flatten() for each in network.parameters() if each.grad is not None])
    assert torch.isfinite(slopes).all()
    assert slopes.abs().max() > 0


def test_the_root_of_a_square_has_a_finite_slope_where_the_field_is_zero():
    problem = stated(sympy.sqrt(U**2) + V)
    network = sp.Siren(width=4, depth=1).build(2, 2, dtype=torch.float64)
    with torch.no_grad():
        network.last.weight.zero_()
        network.last.bias.zero_()
    (values,) = problem.traced[1].evaluate(problem.ansatz(network), sampled(problem, D, 5).points, {}, [])
    values.sum().backward()
    assert all(torch.isfinite(each.grad).all() for each in network.parameters())
