"""What a problem asks for, as data."""

import pytest
import sympy
import torch

import sirenpde as sp
from sirenpde.errors import UsageError
from sirenpde.fields.siren import Siren
from sirenpde.summary import summarize

x, t = sympy.symbols("x t")
u = sympy.Function("u")(x, t)
DOMAIN = sp.Box(x=(-1, 1), t=(0, 2))


def burgers(**rest):
    nu = sympy.Symbol("nu")
    constraints = [
        sp.Constraint("equation", on=DOMAIN, residual=u.diff(t) + u * u.diff(x) - nu * u.diff(x, 2), weight=2),
        sp.Constraint("start", on=DOMAIN.at(t=0), residual=lambda a, phi: phi.u, penalty="absolute", points=7),
    ]
    return sp.Problem(name="burgers", fields="u", constraints=constraints, **{"given": {"nu": 0.01}, **rest})


def test_a_condition_is_told_with_its_region_formula_derivatives_and_cost():
    summary = summarize(burgers(), network=Siren(width=8, depth=1), points={"equation": 100})
    equation, start = summary.conditions
    assert (equation.region, equation.measure, equation.measure_error) == ("Box(x=(-1, 1), t=(0, 2))", 4.0, 0.0)
    assert equation.formulas == ("-nu*u_xx + u*u_x + u_t",)
    assert equation.derivatives == ("u", "u_x", "u_t", "u_xx")
    assert (equation.ways, equation.cost, equation.points) == (("forward streams",), 12.0, 100)
    assert (equation.weight, equation.penalty, equation.work) == (2.0, "squared", 1200.0)
    assert start.formulas[0].startswith("phi.u (test_summary.py:")
    assert (start.penalty, start.ways, start.cost, start.points) == ("absolute", ("values",), 3.0, 7)
    assert summary.work == 1221.0


def test_names_are_told_with_what_they_are():
    summary = summarize(
        burgers(
            given={},
            unknowns={"nu": sp.Unknown(initial=0.1, lower=0)},
            hard={"u": (1 - x**2) * u},
            exact={"u": lambda a: 0 * a.x},
        )
    )
    assert summary.coordinates == {"x": (-1.0, 1.0), "t": (0.0, 2.0)}
    assert summary.fields == {"u": 1}
    assert summary.unknowns == {"nu": sp.Unknown(initial=0.1, lower=0)}
    assert summary.hard == {"u": "(1 - x**2)*u"}
    assert summary.exact["u"].startswith("0 * a.x (test_summary.py:")
    assert summary.conditions[0].ways == ("forward streams, product rule",)


def test_exact_periodicity_is_told():
    assert summarize(burgers(periodic="x")).periodic == ("x",)


def test_the_cost_of_derivatives_of_expressions_is_not_known():
    problem = sp.Problem(
        name="flow",
        fields="u",
        constraints=[sp.Constraint("flux", on=DOMAIN, residual=lambda a, phi: sp.partial(torch.sin(phi.u), "x"))],
    )
    summary = summarize(problem, network=Siren(width=8, depth=1), points=10)
    assert summary.conditions[0].expressions
    assert (summary.conditions[0].ways, summary.conditions[0].work, summary.work) == (("autograd",), None, None)


def test_displaced_points_are_told_and_cost():
    problem = sp.Problem(
        name="loop",
        constraints=[
            sp.Constraint("joint", on=DOMAIN.at(x=-1), residual=[u - u.subs(x, 1), u.diff(x)]),
            sp.Constraint("start", on=DOMAIN.at(t=0), residual=u),
        ],
    )
    condition = summarize(problem, points={"joint": 20, "start": 20}).conditions[0]
    assert (condition.derivatives, condition.displaced) == (("u", "u_x"), ("u",))
    assert (condition.cost, condition.work) == (9.0, 180.0)


def test_components_are_told_apart():
    problem = sp.Problem(
        name="flow",
        fields={"v": 2},
        constraints=[
            sp.Constraint("mass", on=DOMAIN, residual=lambda a, phi: sp.div(phi.v)),
            sp.Constraint("walls", on=DOMAIN.boundary, residual=lambda a, phi: phi.v),
        ],
    )
    summary = summarize(problem)
    assert summary.fields == {"v": 2}
    assert summary.conditions[0].derivatives == ("v[0]_x", "v[1]_t")


def test_given_points_are_counted_not_listed():
    points = sp.Points(torch.rand(50, 2).numpy(), names=("x", "t"), data={"seen": torch.rand(50).numpy()})
    problem = sp.Problem(
        name="fit", fields="u", constraints=[sp.Constraint("data", on=points, residual=lambda a, phi: phi.u - a.seen)]
    )
    assert summarize(problem).conditions[0].region == "50 points over x, t"


def test_warnings_are_kept():
    assert summarize(burgers(), remarks=["first"]).remarks == ("first",)


def test_a_network_of_the_users_own_is_evaluated_by_autograd():
    module = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1)).double()
    assert summarize(burgers(), network=module).conditions[0].ways == ("autograd",)


def test_points_that_cannot_be_shared_out_are_refused():
    with pytest.raises(UsageError, match="points"):
        summarize(burgers(), points={"nonsense": 3})


def test_an_integral_is_told_apart_from_what_must_vanish_everywhere():
    volume = sp.IntegralConstraint("volume", on=DOMAIN, residual=u - 1, points=50)
    condition = summarize(sp.Problem(name="mean", constraints=[volume])).conditions[0]
    assert (condition.formulas, condition.points) == (("∫ (u - 1)",), 50)
