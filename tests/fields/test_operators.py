"""Operators give what their formulas say, on fields and on expressions, by autograd and by the planned way."""

import pytest
import sympy
import torch
from binding import (
    NAMES,
    WHERE,
    as_planned,
    bound,
    by_autograd,
    parameter_gradients,
    relative,
    small_siren,
    surroundings,
    traced,
)
from zoo import ALL_FIELDS, fields_of, points_in, vector_module

import sirenpde as sp
from sirenpde.errors import ExpressionError, ResidualError

ROUNDING = 1e-12  # some hundred operations at unit size; observed: below 1e-14
SCALAR = {"u": None}


def close(ours, theirs):
    assert ours.shape == theirs.shape
    assert (ours - theirs).abs().max() <= ROUNDING * (1.0 + theirs.abs().max())


def evaluated(expression, network, points, fields=None):
    """The values of ``expression(a, phi)`` by autograd, with all their axes."""
    a, phi, _ = bound(network, points, surroundings(points.shape[1], fields or SCALAR))
    return expression(a, phi).tensor


@pytest.mark.parametrize("field", ALL_FIELDS)
class TestOnFieldsInClosedForm:
    def test_the_gradient(self, field):
        points = points_in(field.dimension)
        close(evaluated(lambda a, phi: sp.grad(phi.u), field.module, points), field.gradient(points))

    def test_the_laplacian(self, field):
        points = points_in(field.dimension)
        close(evaluated(lambda a, phi: sp.laplacian(phi.u), field.module, points), field.laplacian(points))

    def test_the_hessian(self, field):
        points = points_in(field.dimension)
        close(evaluated(lambda a, phi: sp.hessian(phi.u), field.module, points), field.hessian(points))

    def test_partial_derivatives(self, field):
        points = points_in(field.dimension)
        for i, one in enumerate(field.names):
            close(
                evaluated(lambda a, phi, one=one: sp.partial(phi.u, one), field.module, points),
                field.gradient(points)[:, i],
            )
            for j, other in enumerate(field.names):
                close(
                    evaluated(lambda a, phi, names=(one, other): sp.partial(phi.u, *names), field.module, points),
                    field.hessian(points)[:, i, j],
                )

    def test_the_divergence_of_the_gradient(self, field):
        points = points_in(field.dimension)
        close(evaluated(lambda a, phi: sp.div(sp.grad(phi.u)), field.module, points), field.laplacian(points))

    def test_operators_over_the_last_coordinate_alone(self, field):
        points, last = points_in(field.dimension), field.names[-1:]
        cases = [
            (lambda a, phi: sp.grad(phi.u, over=last), field.gradient(points)[:, -1:]),
            (lambda a, phi: sp.laplacian(phi.u, over=last), field.hessian(points)[:, -1, -1]),
            (lambda a, phi: sp.hessian(phi.u, over=last), field.hessian(points)[:, -1:, -1:]),
            (lambda a, phi: sp.div(sp.grad(phi.u, over=last), over=last), field.hessian(points)[:, -1, -1]),
        ]
        for expression, expected in cases:
            close(evaluated(expression, field.module, points), expected)

    def test_the_divergence_of_a_coefficient_times_the_gradient(self, field):
        """∇·(k ∇u) = ∇k·∇u + k Δu, with k = 1 + x²/2."""
        points = points_in(field.dimension)
        k, slope = 1 + points[:, 0] ** 2 / 2, field.gradient(points)
        expected = points[:, 0] * slope[:, 0] + k * field.laplacian(points)
        close(evaluated(lambda a, phi: sp.div((1 + a.x**2 / 2) * sp.grad(phi.u)), field.module, points), expected)

    def test_operators_on_an_expression(self, field):
        """The square: ∇u² = 2u∇u, Hu² = 2(∇u ∇uᵀ + u Hu), and Δu² is its trace."""
        points = points_in(field.dimension)
        value, slope, second = field.value(points), field.gradient(points), field.hessian(points)
        square = 2 * (slope[:, :, None] * slope[:, None, :] + value[:, None, None] * second)
        close(evaluated(lambda a, phi: sp.grad(phi.u**2), field.module, points), 2 * value[:, None] * slope)
        close(evaluated(lambda a, phi: sp.hessian(phi.u**2), field.module, points), square)
        trace = square.diagonal(dim1=1, dim2=2).sum(1)
        close(evaluated(lambda a, phi: sp.laplacian(phi.u**2), field.module, points), trace)


@pytest.mark.parametrize("dimension", [2, 3])
class TestOnVectors:
    @staticmethod
    def setting(dimension):
        fields = (fields_of(dimension) * 2)[:dimension]
        return fields, vector_module(fields), points_in(dimension), {"v": dimension}

    def test_the_gradient_has_the_component_first_and_the_coordinate_last(self, dimension):
        fields, module, points, layout = self.setting(dimension)
        expected = torch.stack([field.gradient(points) for field in fields], dim=1)
        close(evaluated(lambda a, phi: sp.grad(phi.v), module, points, layout), expected)
        close(evaluated(lambda a, phi: sp.grad(1.0 * phi.v * a.x / a.x), module, points, layout), expected)

    def test_the_laplacian_and_the_hessian_act_component_by_component(self, dimension):
        fields, module, points, layout = self.setting(dimension)
        expected = torch.stack([field.laplacian(points) for field in fields], dim=1)
        close(evaluated(lambda a, phi: sp.laplacian(phi.v), module, points, layout), expected)
        expected = torch.stack([field.hessian(points) for field in fields], dim=1)
        close(evaluated(lambda a, phi: sp.hessian(phi.v), module, points, layout), expected)

    def test_the_divergence_contracts_the_last_axis(self, dimension):
        fields, module, points, layout = self.setting(dimension)
        expected = sum(field.gradient(points)[:, axis] for axis, field in enumerate(fields))
        close(evaluated(lambda a, phi: sp.div(phi.v), module, points, layout), expected)
        expected = torch.stack([field.laplacian(points) for field in fields], dim=1)
        close(evaluated(lambda a, phi: sp.div(sp.grad(phi.v)), module, points, layout), expected)

    def test_the_curl(self, dimension):
        fields, module, points, layout = self.setting(dimension)
        slopes = [field.gradient(points) for field in fields]
        if dimension == 2:
            expected = slopes[1][:, 0] - slopes[0][:, 1]
        else:
            expected = torch.stack(
                [
                    slopes[2][:, 1] - slopes[1][:, 2],
                    slopes[0][:, 2] - slopes[2][:, 0],
                    slopes[1][:, 0] - slopes[0][:, 1],
                ],
                dim=1,
            )
        close(evaluated(lambda a, phi: sp.curl(phi.v), module, points, layout), expected)
        close(evaluated(lambda a, phi: sp.curl(phi.v * (a.x / a.x)), module, points, layout), expected)

    def test_the_curl_of_a_gradient_vanishes(self, dimension):
        _, module, points, _ = self.setting(dimension)
        fields = {"u": None, "rest": dimension - 1}
        for expression in (lambda a, phi: sp.curl(sp.grad(phi.u)), lambda a, phi: sp.curl(sp.grad(phi.u**2))):
            assert evaluated(expression, module, points, fields).abs().max() < 1e-13  # differences of equal numbers


def test_the_divergence_of_a_curl_vanishes():
    module, points = vector_module((fields_of(3) * 2)[:3]), points_in(3)
    assert torch.equal(
        evaluated(lambda a, phi: sp.div(sp.curl(phi.v)), module, points, {"v": 3}), torch.zeros(7, dtype=torch.float64)
    )
    expression = lambda a, phi: sp.div(sp.curl(a.x * a.y * phi.v))
    assert evaluated(expression, module, points, {"v": 3}).abs().max() < 1e-13  # differences of equal numbers


def test_the_curl_over_two_of_three_coordinates_takes_them_in_the_order_given():
    fields = fields_of(3)[:2]
    module, points = vector_module(fields), points_in(3)
    expected = fields[1].gradient(points)[:, 2] - fields[0].gradient(points)[:, 0]
    close(evaluated(lambda a, phi: sp.curl(phi.v, over=("z", "x")), module, points, {"v": 2}), expected)
    expected = fields[0].gradient(points)[:, 2] + fields[1].gradient(points)[:, 0]
    close(evaluated(lambda a, phi: sp.div(phi.v, over=("z", "x")), module, points, {"v": 2}), expected)


def test_dot_and_norm_go_over_the_last_axis():
    fields = fields_of(2)[:2]
    module, points = vector_module(fields), points_in(2)
    values = torch.stack([field.value(points) for field in fields], dim=1)
    slopes = torch.stack([field.gradient(points) for field in fields], dim=1)
    v = {"v": 2}
    close(evaluated(lambda a, phi: sp.dot(phi.v, phi.v), module, points, v), values.square().sum(1))
    close(
        evaluated(lambda a, phi: sp.dot(phi.v, sp.grad(phi.v[:, 0])), module, points, v), (values * slopes[:, 0]).sum(1)
    )
    close(evaluated(lambda a, phi: sp.norm(phi.v), module, points, v), values.square().sum(1).sqrt())
    close(evaluated(lambda a, phi: sp.norm(sp.grad(phi.v)), module, points, v), slopes.square().sum(2).sqrt())
    close(evaluated(lambda a, phi: sp.dot(sp.grad(phi.v), sp.grad(phi.v)), module, points, v), slopes.square().sum(2))


def test_the_slope_of_a_norm_at_zero_counts_as_zero():
    module, points = vector_module(fields_of(2)[:2]), points_in(2)
    found = evaluated(lambda a, phi: sp.grad(sp.norm(0.0 * a.x * phi.v)), module, points, {"v": 2})
    assert torch.equal(found, torch.zeros(7, 2, dtype=torch.float64))


EXPRESSIONS = {
    "gradient": lambda a, phi: sp.grad(phi.u) - a.x,
    "Laplacian": lambda a, phi: sp.laplacian(phi.u) - a.y,
    "heat": lambda a, phi: sp.partial(phi.u, "y") - 0.1 * sp.partial(phi.u, "x", "x"),
    "Burgers": lambda a, phi: sp.partial(phi.u, "y") + phi.u * sp.partial(phi.u, "x") - sp.partial(phi.u, "x", "x") / 9,
    "Hessian": lambda a, phi: sp.hessian(phi.u),
    "vector": lambda a, phi: sp.grad(phi.v),
    "incompressible": lambda a, phi: (sp.div(phi.v), sp.dot(phi.v, sp.grad(phi.u)) - sp.laplacian(phi.u)),
    "curl": lambda a, phi: sp.curl(phi.v),
    "coefficient": lambda a, phi: sp.div((1 + a.x**2) * sp.grad(phi.u)),
    "nonlinear": lambda a, phi: sp.laplacian(phi.u**3) - sp.norm(sp.grad(phi.u)),
    "displaced": lambda a, phi: phi.u - phi.at(x=1).u + sp.partial(phi.at(x=a.y - 2).u, "x", "y"),
    "displaced by a field": lambda a, phi: sp.grad(phi.at(x=phi.v[:, 0]).u) - phi.at(y=a.x * phi.u).v,
    "fourth order": lambda a, phi: sp.laplacian(sp.laplacian(phi.u)),
    "zero": lambda a, phi: sp.curl(sp.grad(phi.u)) + phi.v[:, 1],
}


@pytest.mark.parametrize("name", EXPRESSIONS)
@pytest.mark.parametrize("seed", range(2))
def test_the_planned_way_agrees_with_autograd_and_so_do_the_gradients_of_a_loss(name, seed):
    network = small_siren(2, 3, seed=seed, bounds=[(-1.0, 1.5), (-3.0, 1.0)])
    around = surroundings(2, {"u": None, "v": 2})
    points = points_in(2, 6, seed)
    ours = as_planned(EXPRESSIONS[name], network, points, around)
    theirs = by_autograd(EXPRESSIONS[name], network, points, around)
    for mine, true in zip(ours, theirs, strict=True):
        assert relative(mine, true) < ROUNDING
    losses = [sum(part.square().sum() for part in way) for way in (ours, theirs)]
    for mine, true in zip(*(parameter_gradients(loss, network) for loss in losses), strict=True):
        assert relative(mine, true) < ROUNDING


def forms_of(expression, dimension=2, fields=None):
    """The forms of an expression that must have stayed a linear form."""
    a, phi, scope = bound(small_siren(dimension, 3), points_in(dimension), surroundings(dimension, fields or SCALAR))
    quantity = expression(a, phi)
    assert quantity.forms is not None
    assert scope.record.forms == [set()]  # nothing was evaluated
    return quantity.forms.reshape(-1).tolist()


def test_the_laplacian_is_one_form_however_it_is_written():
    ways = [
        lambda a, phi: sp.laplacian(phi.u),
        lambda a, phi: sp.div(sp.grad(phi.u)),
        lambda a, phi: sp.partial(phi.u, "y", "y") + sp.partial(phi.u, "x", "x"),
        lambda a, phi: sp.hessian(phi.u)[:, 0, 0] + sp.hessian(phi.u)[:, 1, 1],
        lambda a, phi: sp.div(torch.stack([sp.partial(phi.u, "x"), sp.partial(phi.u, "y")], dim=-1)),
        lambda a, phi: -(-sp.partial(phi.u, "x", "x") - sp.partial(phi.u, "y", "y")),
    ]
    assert [forms_of(way) for way in ways] == [[(((0, (0, 2)), 1.0), ((0, (2, 0)), 1.0))]] * len(ways)


def test_an_unequal_sum_collapses_into_one_stream():
    operator = lambda a, phi: 2 * sp.partial(phi.u, "x", "x") - sp.partial(phi.u, "y", "y") / 3
    assert forms_of(operator) == [(((0, (0, 2)), -1 / 3), ((0, (2, 0)), 2.0))]
    residual = lambda a, phi: operator(a, phi) - a.x
    seen = traced(residual, small_siren(2), points_in(2), surroundings(2, SCALAR))
    (way,) = seen.plan(small_siren(2))
    assert (way.name, way.cost) == ("collapsed streams", 12)


def test_a_curl_in_space_stays_a_form():
    assert len(forms_of(lambda a, phi: sp.curl(phi.v), 3, {"v": 3})) == 3
    assert forms_of(lambda a, phi: sp.div(sp.curl(phi.v)), 3, {"v": 3}) == [()]


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        (lambda a, phi: sp.partial(phi.u), 'calls partial without a coordinate. Write sp.partial(q, "x").'),
        (
            lambda a, phi: sp.partial(phi.u, "xx"),
            'differentiates by \'xx\'; the coordinates are x, y.\n  Write one after the other: "x", "x".',
        ),
        (
            lambda a, phi: sp.partial(phi.u, sympy.Symbol("y")),
            "differentiates by the SymPy symbol y; expected the name of a coordinate: x, y.\n"
            '  Write it in quotes, as in sp.partial(q, "y").',
        ),
        (
            lambda a, phi: sp.laplacian(phi.u, over=a.x),
            "differentiates by a Quantity; expected the name of a coordinate: x, y.\n"
            '  Write it in quotes, as in sp.partial(q, "x").',
        ),
        (
            lambda a, phi: sp.partial(phi.u, 0),
            "differentiates by an integer; expected the name of a coordinate: x, y.\n"
            '  Write it in quotes, as in sp.partial(q, "x").',
        ),
        (lambda a, phi: sp.grad(phi.u, over=("x", "q")), "differentiates by 'q'; the coordinates are x, y."),
        (
            lambda a, phi: sp.div(phi.u),
            "takes the divergence of a quantity of shape (n,) over x, y; expected 2 entries on the last axis, one per "
            "coordinate.\n  Name the coordinates of the vector: div(q, over=(…)).",
        ),
        (
            lambda a, phi: sp.div(phi.v, over="x"),
            "takes the divergence of a quantity of shape (n, 2) over x; expected 1 entries on the last axis, one per "
            "coordinate.\n  Name the coordinates of the vector: div(q, over=(…)).",
        ),
        (
            lambda a, phi: sp.curl(phi.u),
            "takes the curl of a quantity of shape (n,) over 2 coordinates; expected (n, 2) over two or (n, 3) over "
            "three.\n  Name the coordinates of the vector: curl(q, over=(…)).",
        ),
        (
            lambda a, phi: sp.grad(a.seen),
            "differentiates an expression that holds a.seen, data measured at points, whose slope is not known.\n  "
            "Give it as a function or a Raster in given={…}.",
        ),
    ],
)
def test_what_cannot_be_differentiated_is_refused_by_name(expression, message):
    around = surroundings(2, {"u": None, "v": 2})
    a, phi, _ = bound(small_siren(2, 3), points_in(2), around, {"seen": torch.ones(7, dtype=torch.float64)})
    with pytest.raises(ExpressionError) as caught:
        expression(a, phi)
    assert str(caught.value) == f"{WHERE} {message}"


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        (
            lambda phi: sp.dot(phi.u, 3.0),
            "takes sp.dot of two scalars.\n  Write v * w, or give vectors of shape (n, d).",
        ),
        *(
            (each, "takes sp.dot of a scalar and a vector.\n  Write v * w, or give vectors of shape (n, d).")
            for each in (
                lambda phi: sp.dot(phi.u, phi.v),
                lambda phi: sp.dot(sp.grad(phi.u), phi.u),
                lambda phi: sp.dot(phi.v, 3.0),
                lambda phi: sp.dot(phi.v, torch.tensor(3.0)),
            )
        ),
        (
            lambda phi: sp.norm(phi.u),
            "takes sp.norm of a scalar.\n  Write torch.abs(v), or give a vector of shape (n, d).",
        ),
    ],
)
def test_dot_and_norm_want_components(expression, message):
    _, phi, _ = bound(small_siren(2, 3), points_in(2), surroundings(2, {"u": None, "v": 2}))
    with pytest.raises(ResidualError) as caught:
        expression(phi)
    assert str(caught.value) == f"{WHERE} {message}"


@pytest.mark.parametrize("operator", [sp.grad, sp.div, sp.laplacian, sp.hessian, sp.curl, sp.norm])
def test_an_operator_on_what_is_no_quantity_says_so(operator):
    with pytest.raises(ExpressionError) as caught:
        operator(torch.ones(3))
    assert str(caught.value) == (
        "an operator was given a Tensor; expected a quantity, such as phi.u or an expression made of fields.\n"
        "  Operators are called inside a residual, on what phi and a hold."
    )


@pytest.mark.parametrize("operator", [sp.grad, sp.laplacian, sp.norm, lambda q: sp.partial(q, "x")])
def test_an_operator_on_a_sympy_expression_says_how_sympy_writes_it(operator):
    with pytest.raises(ExpressionError) as caught:
        operator(sympy.Function("u")(sympy.Symbol("x")))
    assert str(caught.value) == (
        "an operator was given the SymPy expression u(x); operators such as sp.laplacian act on phi.u, inside a "
        "residual that is a function of (a, phi).\n  In SymPy write u.diff(x, 2) + u.diff(y, 2), u.diff(x) and the "
        "like."
    )


def test_one_name_may_stand_for_a_list_of_one():
    points = points_in(2)
    field = fields_of(2)[0]
    assert NAMES[:2] == ("x", "y")
    close(evaluated(lambda a, phi: sp.grad(phi.u, over="y"), field.module, points), field.gradient(points)[:, 1:])


class TestDerivativesOfKnowns:
    """A known is differentiated by itself, so that a residual with ∇k keeps the closed form for its fields."""

    @staticmethod
    def problem(residual):
        return sp.Problem(
            name="conducting",
            fields="u",
            given={"k": lambda a: torch.sin(a.x) * a.y**2},
            constraints=[sp.Constraint("rule", on=sp.Box(x=(0, 1), y=(0, 1)), residual=residual)],
        )

    @pytest.mark.parametrize(
        ("residual", "expected"),
        [
            (lambda a, phi: phi.u + sp.partial(a.k, "x"), lambda x, y: torch.cos(x) * y**2),
            (lambda a, phi: phi.u + sp.laplacian(a.k), lambda x, y: torch.sin(x) * (2 - y**2)),
            (lambda a, phi: phi.u + sp.partial(a.k, "x", "y", "y"), lambda x, y: 2 * torch.cos(x)),
        ],
        ids=["first", "laplacian", "third"],
    )
    def test_the_value_is_right_and_the_fields_keep_their_plan(self, residual, expected):
        problem = self.problem(residual)
        (traced,) = problem.traced
        network = sp.Siren(width=8, depth=1).build(2, 1, dtype=torch.float64)
        points = torch.rand(9, 2, dtype=torch.float64)
        (values,) = traced.evaluate(network, points, {}, traced.plan(network))
        assert [way.name for way in traced.plan(network)] == ["values"]
        torch.testing.assert_close(values - network(points)[:, 0], expected(*points.T), rtol=1e-12, atol=1e-12)

    @pytest.mark.filterwarnings("ignore:every residual of problem:sirenpde.SirenPDEWarning")
    def test_a_product_written_out_is_that_of_the_divergence(self):
        whole = self.problem(lambda a, phi: sp.div(a.k * sp.grad(phi.u)))
        parts = self.problem(lambda a, phi: a.k * sp.laplacian(phi.u) + sp.dot(sp.grad(a.k), sp.grad(phi.u)))
        network = sp.Siren(width=8, depth=1).build(2, 1, dtype=torch.float64)
        points = torch.rand(9, 2, dtype=torch.float64)
        answers = []
        for (seen,) in (whole.traced, parts.traced):
            answers += seen.evaluate(network, points, {}, seen.plan(network))
        assert whole.traced[0].differentiates
        assert not parts.traced[0].differentiates
        torch.testing.assert_close(*answers, rtol=1e-11, atol=1e-9)
