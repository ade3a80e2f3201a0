"""The checks of a problem: each refusal with its whole message."""

import warnings

import numpy as np
import pytest
import torch
from small import poisson, read_u, refused, stated

import sirenpde as sp
from sirenpde.solution.solution import Solution
from sirenpde.statement.checks import RESERVED
from sirenpde.statement.trials import joint_bounds

LINE = sp.Box(x=(0, 1))
SQUARE = sp.Box(x=(0, 1), t=(0, 2))


def rule(residual=read_u, on=LINE, name="rule", **arguments):
    return sp.Constraint(name, on=on, residual=residual, **arguments)


RULES = "expected letters, digits and underscores, at most 64, not beginning with a digit, and no Python keyword."
COMPONENTS = 'expected a positive integer, and a name other than "at".'

WRONG = {
    "problem named by a path": (
        {"name": "a/b"},
        sp.ProblemError,
        f"'a/b' is no name for a problem; {RULES}",
    ),
    "problem without a name": ({"name": ""}, sp.ProblemError, f"'' is no name for a problem; {RULES}"),
    "no constraint": (
        {"constraints": []},
        sp.ProblemError,
        'problem "trial" has no constraint, so anything solves it. Write constraints=[sp.Constraint(…)].',
    ),
    "constraints that are none": (
        {"constraints": 3},
        sp.ProblemError,
        'problem "trial" has constraints=3; expected a list of sp.Constraint.',
    ),
    "a residual among the constraints": (
        {"constraints": [rule(), read_u]},
        sp.ProblemError,
        'problem "trial" has a function as constraint number 2; expected an sp.Constraint.',
    ),
    "two constraints of one name": (
        {"constraints": [rule(), rule(name="other"), rule()]},
        sp.ProblemError,
        'problem "trial" has two constraints named "rule". Give each a name of its own.',
    ),
    "no field": (
        {"fields": ()},
        sp.ProblemError,
        'problem "trial" has fields=(); expected "u", ("u", "v"), or {"velocity": 2, "p": 1}.',
    ),
    "fields that are none": (
        {"fields": 2},
        sp.ProblemError,
        'problem "trial" has fields=2; expected "u", ("u", "v"), or {"velocity": 2, "p": 1}.',
    ),
    "a field that is no text": (
        {"fields": ("u", 2)},
        sp.ProblemError,
        'problem "trial" has fields=(\'u\', 2); expected "u", ("u", "v"), or {"velocity": 2, "p": 1}.',
    ),
    "a field named twice": (
        {"fields": ("u", "v", "u")},
        sp.ProblemError,
        'problem "trial" names a field twice: u, v, u.',
    ),
    "a field named by a keyword": (
        {"fields": "lambda"},
        sp.ProblemError,
        f"'lambda' is no name for a field of problem \"trial\"; {RULES}",
    ),
    "a field named at": (
        {"fields": "at"},
        sp.ProblemError,
        f'problem "trial" declares field "at" with 1 components; {COMPONENTS}',
    ),
    "a field of no components": (
        {"fields": {"u": 0}},
        sp.ProblemError,
        f'problem "trial" declares field "u" with 0 components; {COMPONENTS}',
    ),
    "a field of half a component": (
        {"fields": {"u": 1.5}},
        sp.ProblemError,
        f'problem "trial" declares field "u" with 1.5 components; {COMPONENTS}',
    ),
    "a field of true components": (
        {"fields": {"u": True}},
        sp.ProblemError,
        f'problem "trial" declares field "u" with True components; {COMPONENTS}',
    ),
    "a field named like a part of the solution": (
        {"fields": "score"},
        sp.ProblemError,
        'problem "trial" declares a field "score", but solution.score is something else. Choose another name.',
    ),
    "a known that is no identifier": (
        {"given": {"f g": 1}},
        sp.ProblemError,
        f"'f g' is no name for a known of problem \"trial\"; {RULES}",
    ),
    "a known that is a number": (
        {"given": {1: 1}},
        sp.ProblemError,
        f'1 is no name for a known of problem "trial"; {RULES}',
    ),
    "a known named like the normal": (
        {"given": {"normal": 1}},
        sp.ProblemError,
        'problem "trial" has a known named "normal", which on a boundary is the normal. Choose another name.',
    ),
    "given as a list": (
        {"given": [1]},
        sp.ProblemError,
        'problem "trial" has given=[1]; expected a dictionary from names.',
    ),
    "exact as a number": (
        {"exact": 1.0},
        sp.ProblemError,
        'problem "trial" has exact=1.0; expected a dictionary from names.',
    ),
    "field and coordinate": (
        {"fields": ("u", "x")},
        sp.ProblemError,
        'problem "trial" uses the name "x" for a coordinate and for a field. Rename one of them.',
    ),
    "field and known": (
        {"given": {"u": 1}},
        sp.ProblemError,
        'problem "trial" uses the name "u" for a field and for a known. Rename one of them.',
    ),
    "known and coordinate": (
        {"given": {"x": 1}},
        sp.ProblemError,
        'problem "trial" uses the name "x" for a coordinate and for a known. Rename one of them.',
    ),
    "a field that nothing reads": (
        {"fields": ("u", "v")},
        sp.ProblemError,
        'no residual of problem "trial" reads field "v", so nothing determines it. Read it as phi.v, or drop it from '
        "fields.",
    ),
    "a residual without a field": (
        {"constraints": [rule(), rule(lambda a, phi: a.x - 1, name="known")]},
        sp.ResidualError,
        'constraint "known" of problem "trial" depends on no field, so no training could lower it.\n'
        "  Usual cause: the residual holds knowns alone, or its fields cancel.",
    ),
    "a residual whose fields cancel": (
        {"constraints": [rule(lambda a, phi: phi.u - phi.u + a.x)]},
        sp.ResidualError,
        'constraint "rule" of problem "trial" depends on no field, so no training could lower it.\n'
        "  Usual cause: the residual holds knowns alone, or its fields cancel.",
    ),
    "a region without time": (
        {"constraints": [rule(on=SQUARE), rule(on=LINE, name="start")]},
        sp.RegionError,
        'constraint "start" of problem "trial" holds on a region with coordinates x; those of the problem, set by '
        'constraint "rule", are x, t.\n'
        "  Every region has all coordinates: a start in time is domain.at(t=0), not a box without t.",
    ),
    "an unknown field": (
        {"constraints": [rule(lambda a, phi: phi.v)]},
        sp.UnknownNameError,
        'constraint "rule" of problem "trial" reads phi.v; the fields are u.',
    ),
    "an unknown known": (
        {"constraints": [rule(lambda a, phi: phi.u - a.slop)], "given": {"slope": 1}},
        sp.UnknownNameError,
        'constraint "rule" of problem "trial" reads a.slop; the names it can read are x (coordinates) and slope '
        "(given).\n  Did you mean a.slope?",
    ),
    "the normal inside": (
        {"constraints": [rule(lambda a, phi: phi.u * a.normal)]},
        sp.UnknownNameError,
        'constraint "rule" of problem "trial" reads a.normal; the names it can read are x (coordinates).\n  Only '
        "boundaries have a normal: pose the condition on box.boundary or on a side, box.at(x=1).",
    ),
    "data of points named like a field": (
        {"constraints": [rule(on=sp.Points([[0.0]], names="x", data={"u": [1.0]}))]},
        sp.ProblemError,
        'the points of constraint "rule" of problem "trial" carry data named "u", which is also a known or a field. '
        "Rename one.",
    ),
    "data of points named like a known": (
        {"constraints": [rule(on=sp.Points([[0.0]], names="x", data={"f": [1.0]}))], "given": {"f": 1}},
        sp.ProblemError,
        'the points of constraint "rule" of problem "trial" carry data named "f", which is also a known or a field. '
        "Rename one.",
    ),
    "exact of no field": (
        {"fields": "speed", "constraints": [rule(lambda a, phi: phi.speed)], "exact": {"sped": 1.0}},
        sp.ProblemError,
        'problem "trial" gives exact "sped", but its fields are speed.\n  Did you mean speed?',
    ),
    "exact of another shape": (
        {"exact": {"u": lambda a: sp.grad(a.x**2)}},
        sp.ProblemError,
        'exact "u" of problem "trial" has shape (512, 1) at 512 points; field "u" has (512,).',
    ),
    "exact scalar of a vector": (
        {"fields": {"u": 2}, "exact": {"u": 1.0}},
        sp.ProblemError,
        'exact "u" of problem "trial" has shape (512,) at 512 points; field "u" has (512, 2).',
    ),
    "a raster on other coordinates": (
        {"exact": {"u": sp.Raster.from_image(np.zeros((3, 4)))}},
        sp.ProblemError,
        'exact "u" of problem "trial" is a function of x, y; the coordinates of the problem are x.',
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_statement_is_refused(case):
    changes, error, message = WRONG[case]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sp.SirenPDEWarning)
        with refused(error, message):
            stated(**changes)


def test_every_refusal_of_a_statement_is_a_value_error_with_exit_code_three():
    assert {error.exit_code for _, error, _ in WRONG.values()} == {3}
    assert all(issubclass(error, ValueError) for _, error, _ in WRONG.values())


def test_every_public_name_of_a_solution_is_reserved():
    own = {name for name in dir(Solution) if not name.startswith("_")} | set(Solution.__dataclass_fields__)
    assert own <= RESERVED


def test_a_known_that_nothing_reads_is_warned_of_where_the_user_wrote_it():
    with pytest.warns(sp.SirenPDEWarning) as caught:
        sp.Problem(name="trial", fields="u", constraints=[rule()], given={"f": 1.0})
    assert [str(each.message) for each in caught] == ['no residual of problem "trial" reads the known "f" (a.f).']
    assert caught[0].filename == __file__


def test_bounds_are_joint_and_a_single_value_gets_a_length():
    regions = [SQUARE.at(t=0), sp.Box(t=(-1, 1), x=(0.5, 3))]
    assert joint_bounds(regions, ("x", "t")) == ((0, 3), (-1, 1))
    assert joint_bounds([SQUARE.at(t=2)], ("x", "t")) == ((0, 1), (1, 3))


@pytest.mark.filterwarnings("ignore::sirenpde.errors.SirenPDEWarning")
class TestUnpinned:
    """Fields that are known up to a constant alone, of which problems warn."""

    def test_a_field_that_is_only_differentiated_is_free(self):
        assert stated(constraints=[rule(lambda a, phi: sp.grad(phi.u) - 1)]).unpinned == {"u"}

    def test_a_value_on_the_boundary_pins_it(self):
        assert poisson(1).unpinned == frozenset()

    def test_a_finite_difference_does_not_pin_it(self):
        def difference(a, phi):
            return phi.at(x=a.x + 0.1).u - phi.u - a.x

        assert stated(constraints=[rule(difference)]).unpinned == {"u"}

    def test_an_expression_is_tried_too(self):
        # div(x grad u) is linear and free; div(u grad u) is not.
        assert stated(constraints=[rule(lambda a, phi: sp.div(a.x * sp.grad(phi.u)))]).unpinned == {"u"}
        assert stated(constraints=[rule(lambda a, phi: sp.div(phi.u * sp.grad(phi.u)))]).unpinned == set()

    def test_each_field_is_judged_alone(self):
        problem = stated(
            fields={"velocity": 2, "p": 1},
            constraints=[rule(lambda a, phi: (phi.velocity, sp.grad(phi.p)), on=sp.Box(x=(0, 1), y=(0, 1)))],
        )
        assert problem.unpinned == {"p"}

    def test_trying_leaves_the_problem_as_it_was(self):
        problem = stated(constraints=[rule(lambda a, phi: sp.grad(phi.u))])
        state = torch.random.get_rng_state()
        assert problem.unpinned == problem.unpinned
        assert torch.equal(state, torch.random.get_rng_state())


def test_a_residual_or_a_penalty_that_is_cut_off_from_the_weights_is_refused():
    with refused(
        sp.ResidualError,
        'constraint "rule" of problem "trial" is cut off from the weights, so no training could lower it.\n'
        "  Usual cause: its fields are read under torch.no_grad(), or only by torch.zeros_like or the like.",
    ):
        stated(constraints=[rule(lambda a, phi: torch.zeros_like(phi.u) - a.x)])
    with refused(
        sp.ProblemError,
        'the penalty of constraint "rule" of problem "trial" is cut off from the residual, so no training could lower '
        "it. Leave out .detach(), torch.no_grad() and comparisons.",
    ):
        stated(constraints=[rule(penalty=lambda residual: residual.detach() ** 2)])
