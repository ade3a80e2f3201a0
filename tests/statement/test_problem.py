"""Problems: what they know of themselves once they are made."""

import dataclasses

import numpy as np
import pytest
import sympy
import torch
from small import poisson, read_u, stated

import sirenpde as sp
from sirenpde.training.collocation import Collocation
from sirenpde.training.loss import IntegralLoss

DOMAIN = sp.Box(x=(0, 1), t=(0, 2))


def test_coordinates_are_those_of_the_first_region():
    problem = stated(
        constraints=[
            sp.Constraint("first", on=sp.Box(t=(0, 1), x=(0, 2)), residual=read_u),
            sp.Constraint("second", on=sp.Box(x=(0, 5), t=(0, 1)), residual=read_u),
        ]
    )
    assert problem.coordinates == ("t", "x")
    assert problem.bounds == ((0, 1), (0, 5))


def test_points_of_a_region_in_another_order_are_put_in_the_order_of_the_problem():
    # Data say what x and y are at each point; a residual that reads a.x must meet the same numbers.
    array = np.array([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]])
    points = sp.Points(array, names=("y", "x"), data={"own_y": array[:, 0], "own_x": array[:, 1]})
    seen = []

    def residual(a, phi):
        seen.append([a.x.tensor.clone(), a.own_x.tensor, a.y.tensor.clone(), a.own_y.tensor])
        return (a.x - a.own_x, a.y - a.own_y, phi.u * 0.0)

    problem = stated(
        constraints=[
            sp.Constraint("equation", on=sp.Box(x=(0, 40), y=(0, 4)), residual=read_u),
            sp.Constraint("data", on=points, residual=residual),
        ]
    )
    assert problem.coordinates == ("x", "y")
    for x, own_x, y, own_y in seen:
        torch.testing.assert_close(x, own_x)
        torch.testing.assert_close(y, own_y)
    network = sp.Siren(width=4, depth=1).build(2, 1, dtype=torch.float64)
    samples = Collocation(problem, {"equation": 4, "data": 3}, seed=0).draw()
    assert IntegralLoss(problem, network).terms(samples)[1] == 0.0


def test_normals_of_a_region_in_another_order_are_turned_with_its_points():
    def residual(a, phi):
        return (a.normal[:, 0] - 1.0, phi.u * 0.0)  # the outward normal of x = 40 is (1, 0) in (x, y)

    problem = stated(
        constraints=[
            sp.Constraint("equation", on=sp.Box(x=(0, 40), y=(0, 4)), residual=read_u),
            sp.Constraint("wall", on=sp.Box(y=(0, 4), x=(0, 40)).at(x=40), residual=residual),
        ]
    )
    network = sp.Siren(width=4, depth=1).build(2, 1, dtype=torch.float64)
    samples = Collocation(problem, {"equation": 4, "wall": 5}, seed=0).draw()
    assert IntegralLoss(problem, network).terms(samples)[1] == 0.0


def test_fields_are_laid_out_in_the_order_given():
    problem = stated(
        fields={"velocity": 2, "p": 1},
        constraints=[sp.Constraint("rule", on=DOMAIN, residual=lambda a, phi: (phi.velocity, phi.p))],
    )
    assert problem.layout.outputs == 3
    assert problem.layout.columns("velocity") == slice(0, 2)
    assert problem.layout.columns("p") == slice(2, 3)
    assert problem.layout.trailing("velocity") == (2,)
    assert problem.layout.trailing("p") == ()


def test_one_constraint_and_one_field_may_stand_alone():
    problem = sp.Problem(name="trial", fields="u", constraints=sp.Constraint("rule", on=DOMAIN, residual=read_u))
    assert [constraint.name for constraint in problem.constraints] == ["rule"]
    assert list(problem.layout.fields) == ["u"]


def test_a_generator_of_constraints_is_read_once_and_kept():
    names = ("first", "second")
    problem = stated(constraints=(sp.Constraint(name, on=DOMAIN, residual=read_u) for name in names))
    assert tuple(constraint.name for constraint in problem.constraints) == names
    assert len(problem.traced) == 2


def test_the_domain_is_the_first_region_with_the_most_free_coordinates():
    problem = stated(
        constraints=[
            sp.Constraint("start", on=DOMAIN.at(t=0), residual=read_u),
            sp.Constraint("equation", on=DOMAIN, residual=read_u),
            sp.Constraint("again", on=sp.Box(x=(0, 3), t=(0, 3)), residual=read_u),
        ]
    )
    assert problem.domain is DOMAIN


def test_a_statement_is_frozen_and_keeps_copies():
    given = {"f": 2.0}
    problem = stated(given=given, constraints=[sp.Constraint("rule", on=DOMAIN, residual=lambda a, phi: phi.u - a.f)])
    given["f"] = 3.0
    assert problem.given == {"f": 2.0}
    assert problem.knowns["f"](torch.zeros(2, 2)).tolist() == [2, 2]
    with pytest.raises(dataclasses.FrozenInstanceError):
        problem.name = "other"


def test_knowns_and_references_are_functions_of_points_in_the_problems_coordinates():
    problem = poisson(2)
    at = torch.tensor([[0.5, 0.0]], dtype=torch.float64)
    torch.testing.assert_close(problem.references["u"](at), torch.tensor([0.5**0.5], dtype=torch.float64))
    expected = torch.tensor([-(np.pi**2) / 2 * 0.5**0.5], dtype=torch.float64)
    torch.testing.assert_close(problem.knowns["f"](at), expected)


def test_making_a_problem_touches_no_global_generator():
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    poisson(3)
    assert torch.equal(before, torch.random.get_rng_state())


def test_what_a_residual_asks_for_is_kept_in_the_order_of_the_constraints():
    problem = poisson(2)
    assert [traced.fields for traced in problem.traced] == [{"u"}, {"u"}]
    assert [traced.knowns for traced in problem.traced] == [{"f"}, frozenset()]
    assert [len(traced.sites[0]) for traced in problem.traced] == [1, 1]


class TestHardAndPeriodic:
    """What is built in holds together: a factor that is not periodic would undo the promise."""

    X, Y = sympy.symbols("x y")
    U = sympy.Function("u")(X, Y)
    SQUARE = sp.Box(x=(0, 1), y=(0, 1))

    def problem(self, **changes):
        laplace = sp.Constraint("equation", on=self.SQUARE, residual=self.U.diff(self.X, 2) + self.U.diff(self.Y, 2))
        return sp.Problem(name="ring", constraints=[laplace], **changes)

    def test_a_factor_that_differs_at_the_ends_is_refused(self):
        with pytest.raises(sp.ProblemError, match=r'hard "u" of problem "ring" is not periodic in "x"'):
            self.problem(hard={"u": self.X * self.U}, periodic=("x",))

    def test_a_kink_at_the_seam_may_be_built_in(self):
        kinked = self.X * (1 - self.X) + self.Y * self.U
        assert self.problem(hard={"u": kinked}, periodic=("x",)).periodic == ("x",)

    def test_periodic_factors_and_those_of_other_coordinates_pass(self):
        wave = sympy.sin(2 * sympy.pi * self.X)
        assert self.problem(hard={"u": wave * self.U + self.Y}, periodic=("x",)).periodic == ("x",)

    def test_a_field_with_a_hard_condition_is_not_known_up_to_a_constant(self):
        assert self.problem(hard={"u": self.X * self.U}).unpinned == frozenset()

    def test_data_that_nothing_reads_are_worth_a_warning(self):
        seen = sp.Points([[0.1, 0.2]], names=("x", "y"), data={"seen": [1.0]})
        rules = [
            sp.Constraint("equation", on=self.SQUARE, residual=self.U.diff(self.X, 2)),
            sp.Constraint("measured", on=seen, residual=self.U),
        ]
        with pytest.warns(sp.SirenPDEWarning, match=r'"measured" of problem "ring" does not read the data "seen"'):
            sp.Problem(name="ring", constraints=rules)

    def test_the_period_is_that_of_the_whole_domain(self):
        whole = sp.Box(x=(0, 2), y=(0, 1))
        parts = [sp.Box(x=(0, 1), y=(0, 1)), sp.Box(y=(0, 1), x=(1, 2))]
        rules = [sp.Constraint(f"part_{n}", on=on, residual=self.U.diff(self.X, 2)) for n, on in enumerate(parts)]
        start = sp.Constraint("start", on=whole.at(y=0), residual=self.U)
        assert sp.Problem(name="ring", constraints=[*rules, start], periodic=("x",)).bounds[0] == (0, 2)

    def test_a_domain_whose_ends_do_not_face_each_other_is_refused(self):
        parts = [sp.Box(x=(0, 1), y=(0, 1)), sp.Box(x=(1, 2), y=(0, 0.5))]
        rules = [sp.Constraint(f"part_{n}", on=on, residual=self.U) for n, on in enumerate(parts)]
        with pytest.raises(sp.ProblemError, match=r"has no two sides x=0 and x=2 that are the same elsewhere"):
            sp.Problem(name="ring", constraints=rules, periodic=("x",))
