"""Tracing a residual finds what it asks for, and refuses what no training could use."""

import pytest
import torch
from binding import WHERE, by_autograd, relative, small_siren, surroundings, traced
from zoo import FIELDS, points_in

import sirenpde as sp
from sirenpde.errors import ExpressionError, ResidualError, UnknownNameError
from sirenpde.fields.trace import trace

LAYOUT = {"u": None, "v": 2}
KNOWNS = {"k": lambda p: 1 + p[:, 0] ** 2, "unused": lambda p: p[:, 0]}


def seen(residual, dimension=2, fields=None):
    """The trace of a residual of u and v, on points where x is -0.0075…, 0.5364… and -0.8230…."""
    around = surroundings(dimension, fields or LAYOUT, KNOWNS)
    return traced(residual, small_siren(dimension, around.layout.outputs), points_in(dimension), around)


def refusal(residual):
    with pytest.raises(ResidualError) as caught:
        seen(residual)
    message = str(caught.value)
    assert message.startswith(WHERE + " ")
    return message.removeprefix(WHERE + " ")


@pytest.mark.parametrize(
    ("residual", "shapes"),
    [
        (lambda a, phi: phi.u, ((),)),
        (lambda a, phi: phi.v, ((2,),)),
        (lambda a, phi: sp.grad(phi.v), ((4,),)),
        (lambda a, phi: sp.hessian(phi.v), ((8,),)),
        (lambda a, phi: (phi.u, phi.v), ((), (2,))),
        (lambda a, phi: (phi.v, sp.laplacian(phi.u), phi.u - a.x), ((2,), (), ())),
    ],
)
def test_the_parts_and_their_shapes_are_recorded(residual, shapes):
    assert seen(residual).shapes == shapes


def test_fields_knowns_and_forms_are_recorded():
    found = seen(lambda a, phi: a.k * sp.laplacian(phi.u) - phi.at(x=1).u)
    assert found.fields == {"u"}
    assert found.knowns == {"k"}
    assert found.sites == (((((0, (0, 2)), 1.0), ((0, (2, 0)), 1.0)),), ((((0, (0, 0)), 1.0),),))
    assert seen(lambda a, phi: phi.u + sp.div(phi.v)).fields == {"u", "v"}
    assert seen(lambda a, phi: a.x * phi.u).knowns == frozenset()


@pytest.mark.parametrize(
    ("residual", "differentiates"),
    [
        (lambda a, phi: a.k * sp.laplacian(phi.u) + phi.u**3, False),
        (lambda a, phi: sp.div(2 * sp.grad(phi.u)), False),
        (lambda a, phi: sp.div(sp.grad(phi.u) + phi.v), False),
        (lambda a, phi: sp.norm(sp.grad(phi.u)), False),
        (lambda a, phi: sp.grad(phi.at(x=phi.u).u), False),
        (lambda a, phi: sp.div(a.k * sp.grad(phi.u)), True),
        (lambda a, phi: sp.laplacian(phi.u**2), True),
        (lambda a, phi: sp.grad(a.k) * phi.u, False),
        (lambda a, phi: sp.partial(torch.sin(phi.u), "x"), True),
    ],
)
def test_only_the_derivative_of_an_expression_needs_autograd(residual, differentiates):
    found = seen(residual)
    assert found.differentiates is differentiates
    assert bool(found.plan(small_siren(2, 3))) is not differentiates


@pytest.mark.parametrize(
    ("answer", "kind", "hint"),
    [
        (None, "None", "The function has no return statement, or one without a value."),
        (0.0, "a float", "Return an expression made of phi and a."),
        ([], "a list", "Return a tuple of quantities, or one quantity."),
        (torch.ones(3), "a Tensor", "Return a quantity: an expression made of phi and a, which carries the weights."),
        ({}, "a dictionary", "Return an expression made of phi and a."),
        ((each for each in ()), "a generator", "Return an expression made of phi and a."),
    ],
    ids=["None", "number", "list", "tensor", "dictionary", "generator"],
)
def test_what_is_no_quantity_is_refused(answer, kind, hint):
    expected = f"returned {kind}; expected a quantity of shape (n,) or (n, k), or a tuple of such.\n  {hint}"
    assert refusal(lambda a, phi: answer) == expected
    assert refusal(lambda a, phi: (phi.u, answer)) == expected


def test_an_empty_tuple_and_a_comparison_are_refused():
    assert refusal(lambda a, phi: ()) == "returned an empty tuple.\n  Return at least one quantity that must vanish."
    assert refusal(lambda a, phi: phi.u == 0) == (
        "returned values of type torch.bool; expected real numbers.\n"
        "  Return the difference of the two sides, not a comparison."
    )


def test_a_wrong_number_of_arguments_is_refused_with_the_cause():
    for residual in (lambda a: a.x, lambda a, phi, more: phi.u):
        message = refusal(residual)
        first, second = message.split("\n  ")
        assert first.startswith("failed when it was tried on 2 points: TypeError: ")
        assert "positional argument" in first
        hint = "A residual is a function of (a, phi) that returns what must vanish, such as sp.laplacian(phi.u) - a.f."
        assert second == hint


def test_an_error_inside_the_residual_is_kept_as_the_cause():
    def residual(a, phi):
        return 1 // 0

    with pytest.raises(ResidualError) as caught:
        seen(residual)
    assert "failed when it was tried on 2 points: ZeroDivisionError: " in str(caught.value)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_errors_of_the_package_pass_as_they_are():
    with pytest.raises(UnknownNameError):
        seen(lambda a, phi: phi.w)
    with pytest.raises(ExpressionError):
        seen(lambda a, phi: sp.partial(phi.u))


def raw(function):
    """A residual that reaches around the quantities, as a determined user could."""
    return lambda a, phi: type(phi.u)(phi.u.scope, function(phi.u.tensor))


@pytest.mark.parametrize(
    ("function", "three", "two"),
    [
        (lambda u: u[:, None] * u[None, :], "(3, 3)", "(2, 2)"),
        (lambda u: u.reshape(1, -1), "(1, 3)", "(1, 2)"),
        (lambda u: torch.cat([u, u]), "(6,)", "(4,)"),
    ],
    ids=["square", "row", "twice"],
)
def test_a_shape_that_follows_the_count_is_refused(function, three, two):
    assert refusal(raw(function)) == (
        f"returned shape {three} at 3 points and {two} at 2; expected (n,) or (n, k).\n  Usual cause: components stand "
        "as if they were points, or points as components."
    )


def test_two_components_at_two_points_are_no_square():
    assert seen(lambda a, phi: phi.v).shapes == ((2,),)
    assert seen(lambda a, phi: sp.grad(phi.u, over=("x",))).shapes == ((1,),)


@pytest.mark.parametrize(
    "function",
    [
        lambda u: u - u.mean(),
        lambda u: torch.cumsum(u, 0),
        lambda u: u.roll(1) * torch.arange(1.0, len(u) + 1),
        lambda u: u + torch.rand(len(u), dtype=torch.float64) * 1e-6,
        lambda u: u * torch.linspace(1, 2, len(u), dtype=torch.float64),
    ],
    ids=["minus the mean", "running sum", "neighbours", "random", "by the place"],
)
def test_a_residual_that_mixes_points_or_is_random_is_refused(function):
    assert refusal(raw(function)) == (
        "mixes points, or is random: a point's values change with the others, or with their order.\n  A residual sees "
        "each point alone. Integrals over a region are the loss's own work; data come through given={…}."
    )


def test_data_travel_with_their_points_when_the_order_changes():
    around = surroundings(1, {"u": None})
    points, data = points_in(1, 3), torch.tensor([1.0, 5.0, -2.0], dtype=torch.float64)
    samples = ((points[:2], {"seen": data[:2]}), (points, {"seen": data}))
    found = trace(lambda a, phi: phi.u - a.seen, around, small_siren(1), samples)
    assert found.shapes == ((),)


@pytest.mark.parametrize(
    "residual",
    [
        lambda a, phi: phi.u * torch.log(a.x),
        lambda a, phi: phi.v / torch.relu(a.x),
        lambda a, phi: (phi.u, phi.u * torch.sqrt(a.x)),
    ],
    ids=["logarithm", "division of a vector", "second part"],
)
def test_values_that_are_not_finite_are_refused_with_the_place(residual):
    points = points_in(2)[:3]
    place = next(row for row in points.tolist() if row[0] <= 0)
    assert refusal(residual) == (
        f"is not finite at x={place[0]:.6g}, y={place[1]:.6g}.\n  Usual cause: a root or logarithm of a negative "
        "number, or a division by zero there. Change the formula, or leave the place out with .where(…)."
    )


def test_a_traced_residual_evaluates_by_its_plan_and_by_autograd_alike():
    network, points, around = small_siren(2), points_in(2), surroundings(2, {"u": None}, KNOWNS)
    residual = lambda a, phi: (a.k * sp.laplacian(phi.u), sp.grad(phi.u))
    found = traced(residual, network, points, around)
    for ours, theirs in zip(
        found.evaluate(network, points, {}, found.plan(network)), found.evaluate(network, points, {}, []), strict=True
    ):
        assert relative(ours, theirs) < 1e-12  # two ways to one number, as in test_streams.py


@pytest.mark.parametrize("residual", [
    lambda a, phi: sp.div(a.k * sp.grad(phi.u)),
    lambda a, phi: sp.laplacian(phi.u) + sp.partial(phi.at(x=a.y).u, "x"),
], ids=["expression", "field"])  # fmt: skip
@pytest.mark.parametrize("module", [small_siren(2), FIELDS[2].module], ids=["SIREN", "another module"])
def test_a_caller_without_gradients_gets_the_same_values(residual, module):
    """Losses are reported under no_grad: derivatives must not come out as zero there."""
    points, around = points_in(2), surroundings(2, {"u": None}, KNOWNS)
    found = traced(residual, module, points, around)
    (expected,) = by_autograd(residual, module, points, around)
    with torch.no_grad():
        (values,) = found.evaluate(module, points, {}, found.plan(module))
        assert not values.requires_grad
    assert expected.abs().max() > 0.01
    assert relative(values, expected) < 1e-12  # two ways to one number, as in test_streams.py


def test_a_number_of_parts_that_changes_is_refused():
    calls = []

    def residual(a, phi):
        calls.append(phi)
        return (phi.u,) * len(calls)

    assert refusal(residual).startswith("returned 1 parts, and 2 when it was called again.")
    calls.clear()
    assert "returned 1 parts, and 2" in refusal(lambda a, phi: residual(a, phi)[: max(1, len(calls) - 1)])


@pytest.mark.parametrize(
    ("residual", "trainable"),
    [
        (lambda a, phi: phi.u, True),
        (lambda a, phi: torch.relu(phi.u - 100), True),  # its slope is zero here, and need not be elsewhere
        (lambda a, phi: torch.zeros_like(phi.u) - a.x, False),
        (lambda a, phi: torch.no_grad()(lambda: phi.u * phi.u)(), False),
    ],
    ids=["field", "inequality", "zeros", "no graph"],
)
def test_whether_values_carry_a_gradient_to_the_weights_is_recorded(residual, trainable):
    assert seen(residual).trainable is trainable


def test_a_failure_names_the_users_line():
    def broken(a, phi):
        wrong = {}
        return phi.u * wrong["k"]

    line = broken.__code__.co_firstlineno + 2
    with pytest.raises(ResidualError) as caught:
        seen(broken)
    assert str(caught.value).partition("\n")[0].endswith(f"KeyError: 'k' (at test_trace.py:{line})")


def test_an_error_of_the_package_keeps_the_users_line_as_a_note():
    def misspelt(a, phi):
        return phi.u - a.nonsense

    line = misspelt.__code__.co_firstlineno + 1
    with pytest.raises(UnknownNameError) as caught:
        seen(misspelt)
    assert caught.value.__notes__ == [f"at test_trace.py:{line}"]
