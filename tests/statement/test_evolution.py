"""Which problems can be solved window by window, what goes from one to the next, and what a window's problem is."""

import math

import numpy as np
import pytest
import sympy
import torch
from small import read_u, refused

import sirenpde as sp
from sirenpde.fields.siren import Siren
from sirenpde.fields.windows import Continued, Start
from sirenpde.regions.slab import Slab
from sirenpde.statement.evolution import Evolution
from sirenpde.statement.window import window_problem

x, t = sympy.symbols("x t")
u, v = (sympy.Function(name)(x, t) for name in "uv")
DOMAIN = sp.Box(x=(0, 1), t=(0, 2))
WALLS = DOMAIN.at(x=0) | DOMAIN.at(x=1)
HEAT = sp.Constraint("equation", on=DOMAIN, residual=u.diff(t) - u.diff(x, 2))
START = sp.Constraint("start", on=DOMAIN.at(t=0), residual=u - x)
pytestmark = pytest.mark.filterwarnings("ignore::sirenpde.errors.SirenPDEWarning")


def rule(residual, on=DOMAIN, name="rule"):
    return sp.Constraint(name, on=on, residual=residual)


def problem(*constraints, **changes):
    return sp.Problem(name="trial", constraints=constraints, **changes)


AT_ONCE = "Solve it at once, with sp.solve(problem)."
THE_PROBLEM = "Solve the problem at once, with sp.solve(problem)."
REFUSED = {
    "an unknown number": (
        lambda: problem(rule(u.diff(t) - sympy.Symbol("nu") * u), unknowns={"nu": sp.Unknown(initial=1)}),
        'problem "trial" has the unknown number nu, which is one for all windows; a window on its own cannot find it.'
        f"\n  {THE_PROBLEM}",
    ),
    "a periodic time": (
        lambda: problem(rule(u.diff(t) + u.diff(x)), periodic=("t",)),
        f'problem "trial" is periodic in "t", so it has no start in t from which windows could go on.\n  {AT_ONCE}',
    ),
    "no derivative by time": (
        lambda: problem(rule(u.diff(x, 2) - t)),
        'no residual of problem "trial" takes a derivative by t, so nothing goes on from one window to the next.'
        f"\n  {THE_PROBLEM}",
    ),
    "a condition at the end": (
        lambda: problem(HEAT, rule(u, on=DOMAIN.boundary, name="rim")),
        'constraint "rim" of problem "trial" holds at t=2; windows go on from the start, t=0, and those before would '
        "not see it.\n  Usual cause: on=domain.boundary, which has the end of time in it. Name the sides, as in "
        "domain.at(x=0) | domain.at(x=1), or solve the problem at once: sp.solve(problem).",
    ),
    "an integral over time": (
        lambda: problem(HEAT, sp.IntegralConstraint("mean", on=DOMAIN, residual=u - 1)),
        'constraint "mean" of problem "trial" is one integral over t from 0 to 2, of which a window sees a part.'
        f"\n  {THE_PROBLEM}",
    ),
    "a condition between two times": (
        lambda: problem(HEAT, rule(lambda a, phi: phi.u - phi.at(t=0.5).u, name="echo"), fields="u"),
        'constraint "echo" of problem "trial" reads the fields at another t, which may lie in a window that is not '
        f"solved yet.\n  {THE_PROBLEM}",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_one_pass_cannot_solve_is_refused(case):
    make, message = REFUSED[case]
    with refused(sp.ProblemError, message):
        Evolution(make(), "t")


def test_a_coordinate_that_does_not_exist_is_refused():
    with refused(
        sp.UnknownNameError, "coordinate='T': the coordinates of problem \"trial\" are x, t.\n  Did you mean t?"
    ):
        Evolution(problem(HEAT), "T")


def test_conditions_at_displaced_places_and_integrals_at_the_start_are_allowed():
    ring = rule(lambda a, phi: phi.u - phi.at(x=1).u, on=DOMAIN.at(x=0), name="ring")
    mean = sp.IntegralConstraint("mean", on=DOMAIN.at(t=0), residual=u - 1)
    assert Evolution(problem(HEAT, ring, mean, fields="u"), "t").orders == (1,)


ORDERS = {
    "heat": (lambda: problem(HEAT, START), (1,)),
    "wave": (lambda: problem(rule(u.diff(t, 2) - u.diff(x, 2))), (2,)),
    "a start that is of higher order": (lambda: problem(HEAT, rule(u.diff(t, 2), on=DOMAIN.at(t=0))), (1,)),
    "two fields of which one is carried": (lambda: problem(rule([u.diff(t) - v.diff(x), v - u.diff(x)])), (1, 0)),
    "mixed derivatives": (lambda: problem(rule(u.diff(x, t) + u)), (1,)),
    "an expression that is differentiated": (
        lambda: problem(rule(lambda a, phi: sp.partial(phi.u * sp.partial(phi.u, "t"), "t")), fields="u"),
        (2,),
    ),
    "a hard condition that differentiates": (
        lambda: problem(rule(u.diff(t) + u.diff(x)), hard={"u": lambda a, u: sp.partial(u, "t") + a.x}),
        (2,),
    ),
    "a start that is built in": (lambda: problem(rule(u.diff(t, 2) + u), hard={"u": x + t**2 * u}), (2,)),
}


@pytest.mark.parametrize("case", ORDERS)
def test_as_many_derivatives_go_on_as_the_equations_need(case):
    make, expected = ORDERS[case]
    assert Evolution(make(), "t").orders == expected


def test_windows_are_of_one_length_or_as_they_are_listed():
    evolution = Evolution(problem(HEAT), "t")
    assert evolution.edges(4) == (0.0, 0.5, 1.0, 1.5, 2.0)
    assert evolution.edges([0, 0.1, 2 + 1e-13]) == (0.0, 0.1, 2.0)
    assert evolution.edges(np.linspace(0, 2, 5)) == evolution.edges(np.int64(4)) == evolution.edges(4)


@pytest.mark.parametrize(
    "windows",
    [
        0,
        -1,
        51,
        True,
        2.5,
        "3",
        None,
        [],
        [0],
        [0, 2, 1],
        [0, 1, 1, 2],
        [0.1, 2],
        [0, 1],
        [0, math.nan, 2],
        [0, "1", 2],
    ],
)
def test_windows_that_do_not_cover_the_time_are_refused(windows):
    message = (
        f"windows={windows!r}: expected how many, from 1 to 50, or where they begin and end, ascending from t=0 "
        "to t=2, such as windows=(0, 1, 2)."
    )
    with refused(sp.UsageError, message):
        Evolution(problem(HEAT), "t").edges(windows)


def second(whole, previous, order=1):
    return window_problem(whole, Slab("t", 1.0, 2.0), 2, Start(previous, 1, 1.0, 1.0, (order,)))


def small(seed=0):
    return Siren(width=8, depth=1, omega=1, first_omega=1).build(2, 1, seed=seed, dtype=torch.float64)


def test_the_start_holds_in_the_first_window_alone():
    whole = problem(START, HEAT, rule(u, on=WALLS, name="walls"), exact={"u": x})
    first = window_problem(whole, Slab("t", 0.0, 1.0, closed=True), 1, None)
    assert [each.name for each in first.constraints] == ["start", "equation", "walls"]
    later = second(whole, small())
    assert [each.name for each in later.constraints] == ["equation", "walls"]
    assert later.constraints[0].on == sp.Box(x=(0, 1), t=(1, 2))
    assert later.name == "trial_window_2"
    assert later.bounds == ((0.0, 1.0), (1.0, 2.0))
    assert (later.coordinates, later.layout, later.unpinned) == (whole.coordinates, whole.layout, whole.unpinned)


def test_a_hard_condition_of_the_start_holds_in_later_windows_by_continuity():
    whole = problem(HEAT, hard={"u": x + t * u})
    raw, network = small(), small(1)
    later = second(whole, raw).ansatz(network)
    assert isinstance(later.network, Continued)
    points = torch.tensor([[0.2, 1.0], [0.9, 1.0]], dtype=torch.float64)
    torch.testing.assert_close(later(points), whole.ansatz(raw)(points), rtol=1e-15, atol=0)


def test_a_window_begins_as_what_is_carried_into_it_goes_on():
    whole, raw = problem(rule(u.diff(t, 2) - u.diff(x, 2))), small()
    points = torch.tensor([[0.2, 1.7]], dtype=torch.float64)
    values, slopes = (
        raw(torch.tensor([[0.2, 1.0]], dtype=torch.float64)),
        torch.autograd.functional.jacobian(raw, torch.tensor([[0.2, 1.0]], dtype=torch.float64))[0, 0, 0, 1],
    )
    found = second(whole, raw, order=2).ansatz(small(1))(points)
    torch.testing.assert_close(found, values + 0.7 * slopes, rtol=1e-12, atol=0)


def test_a_window_that_the_equation_does_not_reach_is_refused():
    whole = problem(rule(u.diff(t), on=sp.Box(x=(0, 1), t=(0, 1))), rule(u, on=WALLS, name="walls"))
    message = (
        'no equation of problem "trial" holds in window 2, t from 1 to 2.\n  Choose windows that the equations reach, '
        "or fewer."
    )
    with refused(sp.ProblemError, message):
        second(whole, small())


def test_a_field_that_is_read_at_the_start_alone_is_kept():
    both = rule(lambda a, phi: phi.u + phi.v, on=DOMAIN.at(t=0), name="start")
    whole = problem(rule(lambda a, phi: sp.partial(phi.u, "t")), both, fields=("u", "v"))
    assert second(whole, small()).layout.fields == whole.layout.fields


def test_measurements_after_the_start_stay_in_their_windows():
    seen = sp.Points([[0.5, 0.5], [0.5, 1.5]], names=("x", "t"), data={"seen": [1.0, 2.0]})
    whole = problem(HEAT, rule(lambda a, phi: phi.u - a.seen, on=seen, name="seen"), fields="u")
    assert Evolution(whole, "t").orders == (1,)
    part = second(whole, small()).constraints[1].on
    assert part.take(torch.arange(1)).data["seen"].tolist() == [2.0]


def test_a_problem_in_one_coordinate_is_enough():
    time = sp.Box(t=(0, 1))
    decay = problem(
        rule(lambda a, phi: sp.partial(phi.u, "t") + phi.u, on=time),
        rule(read_u, on=time.at(t=0), name="start"),
        fields="u",
    )
    assert Evolution(decay, "t").orders == (1,)
