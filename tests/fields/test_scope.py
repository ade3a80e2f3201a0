"""``a`` and ``phi`` hold what a residual can read, and say what they hold when asked for something else."""

import copy

import pytest
import torch
from binding import WHERE, as_planned, bound, by_autograd, relative, small_siren, surroundings, traced
from zoo import FIELDS, points_in

import sirenpde as sp
from sirenpde.errors import ResidualError, UnknownNameError
from sirenpde.fields.layout import Layout
from sirenpde.fields.planned import PlannedScope
from sirenpde.fields.scope import AutogradScope, Given, Phi

ROUNDING = 1e-12  # two ways to one number through four layers, as in test_streams.py
LAYOUT = {"u": None, "v": 2, "p": 1}


def test_fields_have_their_columns_in_order_and_their_shapes():
    layout = Layout(LAYOUT, ("x", "y"))
    assert layout.outputs == 4
    assert [layout.columns(name) for name in LAYOUT] == [slice(0, 1), slice(1, 3), slice(3, 4)]
    assert [layout.trailing(name) for name in LAYOUT] == [(), (2,), (1,)]
    network, points = small_siren(2, 4), points_in(2)
    _, phi, _ = bound(network, points, surroundings(2, LAYOUT))
    values = network(points)
    assert torch.equal(phi.u.tensor, values[:, 0])
    assert torch.equal(phi.v.tensor, values[:, 1:3])
    assert torch.equal(phi.p.tensor, values[:, 3:])
    with pytest.raises(KeyError):
        layout.columns("q")


def test_coordinates_knowns_and_what_comes_with_the_points_are_read_from_a():
    points = points_in(2)
    normal = torch.ones(7, 2, dtype=torch.float64)
    around = surroundings(2, {"u": None}, {"k": lambda p: p[:, 0] * 2})
    a, _, scope = bound(small_siren(2), points, around, {"normal": normal, "seen": normal[:, 0]})
    assert torch.equal(a.x.tensor, points[:, 0])
    assert torch.equal(a.y.tensor, points[:, 1])
    assert torch.equal(a.k.tensor, points[:, 0] * 2)
    assert torch.equal(a.normal.tensor, normal)
    assert a.seen.shape == (7,)
    assert scope.record.knowns == {"k", "seen"}


def test_a_known_function_can_be_differentiated():
    points = points_in(2)
    a, _, _ = bound(small_siren(2), points, surroundings(2, {"u": None}, {"k": FIELDS[2].value}))
    assert relative(sp.grad(a.k).tensor, FIELDS[2].gradient(points)) < ROUNDING


@pytest.mark.parametrize(
    ("read", "message"),
    [
        (lambda a, phi: phi.w, "reads phi.w; the fields are u, velocity."),
        (lambda a, phi: phi.velocty, "reads phi.velocty; the fields are u, velocity.\n  Did you mean phi.velocity?"),
        (lambda a, phi: phi.at(x=0).w, "reads phi.w; the fields are u, velocity."),
        (lambda a, phi: phi.at(q=1), "reads phi.at(q=…); the coordinates are x, y."),
        (
            lambda a, phi: a.slop,
            "reads a.slop; the names it can read are x, y (coordinates) and k, slope (given) and seen (with the "
            "points).\n  Did you mean a.slope?",
        ),
        (
            lambda a, phi: a.u,
            "reads a.u; the names it can read are x, y (coordinates) and k, slope (given) and seen (with the points)."
            "\n  u is a field: write phi.u. A residual is called with (a, phi), in this order.",
        ),
        (
            lambda a, phi: phi.x,
            "reads phi.x; the fields are u, velocity."
            "\n  x is a coordinate: write a.x. A residual is called with (a, phi), in this order.",
        ),
        (
            lambda a, phi: a.normal,
            "reads a.normal; the names it can read are x, y (coordinates) and k, slope (given) and seen (with the "
            "points).\n  Only boundaries have a normal: pose the condition on box.boundary or on a side, "
            "box.at(x=1).",
        ),
    ],
)
def test_a_name_that_is_not_there_is_refused_with_those_that_are(read, message):
    around = surroundings(2, {"u": None, "velocity": 2}, {"k": lambda p: p[:, 0], "slope": lambda p: p})
    a, phi, _ = bound(small_siren(2, 3), points_in(2), around, {"seen": torch.ones(7)})
    with pytest.raises(UnknownNameError) as caught:
        read(a, phi)
    assert str(caught.value) == f"{WHERE} {message}"


def test_a_and_phi_leave_protocols_alone():
    a, phi, _ = bound(small_siren(2), points_in(2), surroundings(2, {"u": None}))
    assert isinstance(copy.copy(a), Given)
    assert isinstance(copy.copy(phi), Phi)
    assert not hasattr(phi, "__len__")


# phi.at ------------------------------------------------------------------------------------------------------------


def displaced(points, **columns):
    """Points with some columns replaced."""
    out = points.clone()
    for name, values in columns.items():
        out[:, "xyz".index(name)] = values
    return out


@pytest.mark.parametrize("field", [field for field in FIELDS if field.dimension > 1], ids=lambda field: field.name)
def test_values_and_derivatives_are_taken_at_the_displaced_points(field):
    points = points_in(field.dimension)
    a, phi, _ = bound(field.module, points, surroundings(field.dimension, {"u": None}))
    cases = [
        (phi.at(x=0.4), displaced(points, x=0.4)),
        (phi.at(y=-1), displaced(points, y=-1.0)),
        (phi.at(x=0.4, y=0), displaced(points, x=0.4, y=0.0)),
        (phi.at(x=a.x + 0.5), displaced(points, x=points[:, 0] + 0.5)),
        (phi.at(x=a.y, y=a.x), displaced(points, x=points[:, 1], y=points[:, 0])),
        (phi.at(x=0.4).at(y=a.x), displaced(points, x=0.4, y=points[:, 0])),
        (phi.at(x=phi.u), displaced(points, x=field.value(points))),
        (phi.at(), points),
    ]
    for there, where in cases:
        assert relative(there.u.tensor, field.value(where)) < ROUNDING
        assert relative(sp.grad(there.u).tensor, field.gradient(where)) < ROUNDING
        assert (sp.laplacian(there.u).tensor - field.laplacian(where)).abs().max() < 1e-12


@pytest.mark.parametrize("order", [1, 2])
def test_derivatives_are_taken_where_every_coordinate_is_a_number(order):
    """u'(1) in one coordinate: nothing of the points is left, and the derivative must not be lost."""
    points = points_in(1)
    network = small_siren(1)
    residual = lambda a, phi: sp.partial(phi.at(x=1).u, *["x"] * order) + 0.0 * phi.u
    exact = by_autograd(
        lambda a, phi: sp.partial(phi.u, *["x"] * order), network, torch.ones_like(points), surroundings(1, {"u": None})
    )
    for way in (by_autograd, as_planned):
        assert relative(way(residual, network, points, surroundings(1, {"u": None}))[0], exact[0]) < ROUNDING


def test_each_displacement_is_planned_by_itself():
    residual = lambda a, phi: (sp.laplacian(phi.u), phi.at(x=1).u - phi.at(x=-1).u, sp.grad(phi.at(y=a.x).u))
    seen = traced(residual, small_siren(2), points_in(2), surroundings(2, {"u": None}))
    assert [way.name for way in seen.plan(small_siren(2))] == ["collapsed streams", "values", "values", "reverse"]


@pytest.mark.parametrize(
    ("read", "message"),
    [
        (lambda a, phi: phi.at(x="1"), "displaces x to '1'.\n  Give a number, or a quantity such as a.x + 0.1."),
        (lambda a, phi: phi.at(x=True), "displaces x to True.\n  Give a number, or a quantity such as a.x + 0.1."),
        (
            lambda a, phi: phi.at(x=sp.grad(phi.u)),
            "displaces x by a quantity of shape (7, 2).\n  A coordinate is a scalar, (n,).",
        ),
    ],
)
def test_a_displacement_is_a_number_or_a_scalar(read, message):
    a, phi, _ = bound(small_siren(2), points_in(2), surroundings(2, {"u": None}))
    with pytest.raises(ResidualError) as caught:
        read(a, phi)
    assert str(caught.value) == f"{WHERE} {message}"


# The two scopes ----------------------------------------------------------------------------------------------------


def test_an_autograd_scope_records_what_was_evaluated_and_where():
    a, phi, scope = bound(small_siren(2, 3), points_in(2), surroundings(2, {"u": None, "v": 2}))
    u_xx = sp.partial(phi.u, "x", "x")
    assert scope.record.forms == [set()]
    _ = (u_xx + phi.u).tensor, (phi.at(x=0).v[:, 1] * a.x)
    assert scope.record.forms == [
        {(((0, (0, 0)), 1.0), ((0, (2, 0)), 1.0))},
        {(((2, (0, 0)), 1.0),)},
    ]
    assert scope.record.fields == {"u", "v"}
    assert not scope.record.differentiates
    sp.grad(phi.u * a.x)
    assert scope.record.differentiates


def test_an_autograd_scope_leaves_the_callers_points_alone():
    points = points_in(2)
    _, phi, _ = bound(small_siren(2), points, surroundings(2, {"u": None}))
    _ = sp.grad(phi.u).tensor
    assert not points.requires_grad


def test_a_planned_scope_evaluates_each_place_once():
    network, points, around = small_siren(2), points_in(2), surroundings(2, {"u": None})
    residual = lambda a, phi: phi.u * sp.laplacian(phi.u) + sp.dot(sp.grad(phi.u), sp.grad(phi.u))
    plan = traced(residual, network, points, around).plan(network)
    calls = []

    class Counted:
        def __call__(self, *arguments):
            calls.append(arguments)
            return plan[0](*arguments)

    scope = PlannedScope(around, network, points, [Counted()])
    _ = residual(Given(scope, around, {}), Phi(scope, around.layout)).tensor
    assert len(calls) == 1


def test_a_planned_scope_delivers_a_factor_that_changed_since_tracing():
    network, points, around = small_siren(2), points_in(2), surroundings(2, {"u": None})
    plan = traced(lambda a, phi: sp.laplacian(phi.u), network, points, around).plan(network)
    scope = PlannedScope(around, network, points, plan)
    phi = Phi(scope, around.layout)
    changed = (sp.partial(phi.u, "x", "x") + 3 * sp.partial(phi.u, "y", "y")).tensor
    reference = AutogradScope(around, network, points)
    wanted = Phi(reference, around.layout)
    expected = (sp.partial(wanted.u, "x", "x") + 3 * sp.partial(wanted.u, "y", "y")).tensor
    torch.testing.assert_close(changed, expected, rtol=1e-12, atol=1e-12)


def test_a_planned_scope_refuses_an_expression_that_was_not_differentiated_when_traced():
    network, points, around = small_siren(2), points_in(2), surroundings(2, {"u": None})
    plan = traced(lambda a, phi: sp.laplacian(phi.u), network, points, around).plan(network)
    scope = PlannedScope(around, network, points, plan)
    a, phi = Given(scope, around, {}), Phi(scope, around.layout)
    with pytest.raises(ResidualError) as caught:
        sp.grad(a.x * sp.laplacian(phi.u))
    assert str(caught.value) == (
        f"{WHERE} differentiates an expression that it did not differentiate when it was checked.\n"
        "  A residual must take the same path at every call: use torch.where in place of Python's if."
    )


def test_phi_called_as_a_function_is_refused_with_what_to_write():
    around = surroundings(2, {"u": None})
    scope = AutogradScope(around, small_siren(2), points_in(2))
    with pytest.raises(ResidualError, match=r"calls phi as a function.\n  Read a field as phi.u; at other points as"):
        Phi(scope, around.layout)(1.0)


@pytest.mark.parametrize(
    ("residual", "message"),
    [
        (lambda a, phi: sp.div(a.k * sp.grad(phi.u)), "holds a.k, data measured at points, whose slope is not known"),
        (
            lambda a, phi: sp.partial(phi.at(x=0.5).u ** 2, "x"),
            "holds fields at displaced points; it is not clear where",
        ),
        (lambda a, phi: sp.partial(phi.at(x=-a.x).u * a.x, "x"), "holds fields at displaced points"),
    ],
)
def test_a_derivative_of_which_it_is_not_clear_what_is_meant_is_refused(residual, message):
    points = sp.Points([[0.1], [0.2], [0.3]], names=("x",), data={"k": [1.0, 2.0, 3.0]})
    with pytest.raises(sp.ExpressionError, match=message):
        sp.Problem(name="p", fields="u", constraints=[sp.Constraint("c", on=points, residual=residual)])


def test_a_factor_that_the_user_changes_between_steps_is_followed():
    factor = [1.0]
    line = sp.Box(x=(0, 1))

    def residual(a, phi):
        return factor[0] * sp.partial(phi.u, "x", "x") - phi.u + a.x

    problem = sp.Problem(name="p", fields="u", constraints=[sp.Constraint("c", on=line, residual=residual)])
    small = sp.Siren(width=8, depth=1, omega=1, first_omega=1)
    losses = []
    for factor[0] in (1.0, 5.0):
        losses.append(sp.solve(problem, network=small, optimizer=sp.Adam(steps=1), progress=False).history.loss[0])
    assert losses[0] != losses[1]


def test_a_coordinate_may_have_any_name_in_a_displacement():
    assert sp.Problem(
        name="odd",
        fields="u",
        constraints=[sp.Constraint("c", on=sp.Box(self=(0, 1)), residual=lambda a, phi: phi.at(self=0.5).u - a.self)],
    ).coordinates == ("self",)
