"""Quantities align from the points on, refuse whatever mixes points, and keep linear forms unevaluated."""

import copy
import math

import numpy as np
import pytest
import sympy
import torch
from binding import WHERE, bound, small_siren, surroundings
from zoo import points_in

import sirenpde as sp
from sirenpde.errors import ResidualError
from sirenpde.fields.quantity import POINTWISE, Quantity

N = 7
FIELDS = {"u": None, "v": 2, "w": 3}


@pytest.fixture
def a():
    return setting()[0]


@pytest.fixture
def phi():
    return setting()[1]


def setting():
    """Fields u (n,), v (n, 2) and w (n, 3), and knowns of every shape, at 7 points of two coordinates."""
    numbers = torch.Generator().manual_seed(5)
    shapes = {"f": (N,), "g": (N,), "one": (N, 1), "two": (N, 2), "three": (N, 3), "matrix": (N, 2, 2)}
    local = {name: torch.rand(shape, generator=numbers, dtype=torch.float64) for name, shape in shapes.items()}
    given, fields, _ = bound(small_siren(2, 6), points_in(2, N), surroundings(2, FIELDS), local)
    return given, fields


def refusal(action):
    """The message with which an action is refused, without the residual's name, which must be there."""
    with pytest.raises(ResidualError) as caught:
        action()
    message = str(caught.value)
    assert message.startswith(WHERE + " ")
    return message.removeprefix(WHERE + " ")


# Alignment ---------------------------------------------------------------------------------------------------------

SHAPES = [("f", "g"), ("f", "one"), ("f", "two"), ("f", "matrix"), ("one", "one"), ("two", "two"), ("matrix", "matrix")]
OPERATIONS = {
    "add": lambda p, q: p + q,
    "subtract": lambda p, q: p - q,
    "multiply": lambda p, q: p * q,
    "divide": lambda p, q: p / q,
    "power": lambda p, q: p**q,
    "remainder": lambda p, q: p % q,
    "less": lambda p, q: p < q,
    "at most": lambda p, q: p <= q,
    "greater": lambda p, q: p > q,
    "at least": lambda p, q: p >= q,
    "equal": lambda p, q: p == q,
    "unequal": lambda p, q: p != q,
    "function": torch.atan2,
}


def aligned(first, second):
    """Two tensors with axes of length 1 put after the shorter one's: the rule, written by hand."""
    depth = max(first.ndim, second.ndim)
    return [tensor.reshape(*tensor.shape, *[1] * (depth - tensor.ndim)) for tensor in (first, second)]


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(("one", "other"), SHAPES)
def test_a_scalar_joins_every_component_and_equal_shapes_combine(a, one, other, operation):
    function = OPERATIONS[operation]
    for left, right in ((one, other), (other, one)):
        p, q = getattr(a, left), getattr(a, right)
        expected = function(*aligned(p.tensor, q.tensor))
        for found in (function(p, q), function(p, q.tensor), function(p.tensor, q)):  # plain tensors join in
            assert isinstance(found, Quantity)
            assert found.shape == tuple(expected.shape)
            assert torch.equal(found.tensor, expected)


@pytest.mark.parametrize("operation", [name for name in OPERATIONS if name != "function"])
@pytest.mark.parametrize(
    "number", [2, 0.5, np.float64(1.5), np.int64(3), torch.tensor(2.5, dtype=torch.float64)], ids=repr
)
@pytest.mark.parametrize("name", ["f", "two"])
def test_numbers_combine_from_both_sides(a, name, number, operation):
    function, q = OPERATIONS[operation], getattr(a, name)
    assert torch.equal(function(q, number).tensor, function(q.tensor, number))
    plain = number.item() if isinstance(number, np.generic) else number  # torch takes NumPy's numbers for arrays
    found = function(number, q).tensor
    # torch divides a number by a tensor as the number times 1/q: one rounding more
    torch.testing.assert_close(found, function(plain, q.tensor), rtol=4e-16, atol=0)
    assert found.dtype in {torch.float64, torch.bool}


@pytest.mark.parametrize(
    ("one", "other", "pair"),
    [
        ("two", "three", "(n, 2) and (n, 3)"),
        ("one", "two", "(n, 1) and (n, 2)"),
        ("two", "matrix", "(n, 2) and (n, 2, 2)"),
    ],
)
def test_other_shapes_are_refused(a, one, other, pair):
    expected = (
        f"combines quantities of shapes {pair} in mul; neither is a scalar (n,).\n  Quantities combine if they have "
        "the same shape or one is a scalar: take components, as in q[:, 0], or sp.dot."
    )
    p, q = getattr(a, one), getattr(a, other)
    for action in (lambda: p * q, lambda: q * p, lambda: p * q.tensor, lambda: p.tensor * q):
        assert refusal(action) == expected


def test_a_row_against_a_column_does_not_make_a_square(a):
    assert (a.f - a.one).shape == (N, 1)
    assert (a.one.tensor - a.f).shape == (N, 1)
    assert torch.equal((a.f - a.one).tensor[:, 0], a.f.tensor - a.one.tensor[:, 0])


def test_a_plain_tensor_that_does_not_follow_the_points_is_refused(a):
    for tensor, shape in ((torch.ones(2), "(2,)"), (torch.ones(1, N), f"(1, {N})")):
        expected = (
            f"combines a quantity of {N} points with a plain tensor of shape {shape} in add.\n  Points change from "
            "step to step: give data through given={…} or Points(…, data={…}); write numbers as numbers."
        )
        assert refusal(lambda tensor=tensor: a.two + tensor) == expected
        assert refusal(lambda tensor=tensor: tensor + a.two) == expected


def test_a_numpy_array_is_refused(a):
    expected = (
        "combines a quantity with a NumPy array.\n"
        "  Give data through given={…} or Points(…, data={…}), and read it as a.NAME."
    )
    array = np.ones(N)
    for action in (
        lambda: a.f * array,
        lambda: array * a.f,
        lambda: array < a.f,
    ):
        assert refusal(action) == expected


# What is refused ---------------------------------------------------------------------------------------------------

POINTS = (
    "selects points by q[{}]; a residual sees each point alone.\n  Components stand on the last axis: write q[:, 0] "
    "for the first one."
)
NUMBER = "turns a quantity into a Python number.\n  Use torch functions, such as torch.sin(a.x), not math or float()."
TRUTH = (
    "uses a quantity as one truth value, in an if, and, or or not.\n  A condition differs from point to point: write "
    "torch.where(condition, this, that)."
)
ITERATION = "iterates over points, or unpacks them.\n  Components are q[:, 0], q[:, 1], …."
LENGTH = "asks for the number of points.\n  A residual sees each point alone; the loss does the averaging."
SUM = (
    "takes a {0} over points; the integral over points is the loss's own.\n  Write q.{0}(-1) for a {0} over components."
)
OPTION = (
    "calls torch.{} with {}=…, which quantities do not take.\n  Shapes align by themselves, a scalar (n,) with every "
    "component; write factors out, as in q + 2 * p."
)
FLOOR = (
    "divides a quantity by //, which rounds down.\n"
    "  Write torch.floor(q / 2); its slope is zero, so no training sees it."
)
FUNCTION = (
    "calls torch.{}, which does not act point by point.\n  Use functions such as torch.sin and torch.where, q.sum(-1) "
    "over components, sp.dot and sp.norm."
)
METHOD = (
    "uses .{} of a quantity, which does not act point by point.\n  Quantities have arithmetic, .sum(-1), .mean(-1), "
    "components q[:, 0] and functions such as torch.sin(q)."
)
NUMPY = "calls numpy.{0} of a quantity, which cuts it off from the weights.\n  Write torch.{0}."
MATRIX = (
    "multiplies matrices by @, which would mix points.\n  Write sp.dot(v, w) for a sum over components, or v * w for a "
    "product point by point."
)


def change(q):
    q[:, 0] = 1.0


def add_in_place(q):
    q.add_(1.0)


REFUSED = {
    "if": (lambda q: 1 if q > 0 else 0, TRUTH),
    "not": (lambda q: not q, TRUTH),
    "and": (lambda q: (q > 0) and (q < 1), TRUTH),
    "chained comparison": (lambda q: 0 < q < 1, TRUTH),
    "max": (lambda q: max(q, 0.0), TRUTH),
    "loop": (lambda q: [1 for _ in q], ITERATION),
    "unpacking": (lambda q: print(*q), ITERATION),
    "membership": (lambda q: 1.0 in q, ITERATION),
    "sum builtin": (sum, ITERATION),
    "len": (len, LENGTH),
    "float": (float, NUMBER),
    "int": (int, NUMBER),
    "complex": (complex, NUMBER),
    "math": (math.sin, NUMBER),
    "index": (lambda q: [1, 2][q], NUMBER),
    "NumPy array": (
        np.asarray,
        "turns a quantity into a NumPy array, which cuts it off from the weights.\n"
        "  Use torch functions: torch.sin(a.x) in place of numpy.sin(a.x).",
    ),
    "NumPy function": (np.sin, NUMPY.format("sin")),
    "NumPy reduction": (np.add.reduce, NUMPY.format("add")),
    "first point": (lambda q: q[0], POINTS.format("0")),
    "some points": (lambda q: q[1:3], POINTS.format("slice(1, 3, None)")),
    "every other point": (lambda q: q[::2], POINTS.format("slice(None, None, 2)")),
    "one entry": (lambda q: q[0, 0], POINTS.format("(0, 0)")),
    "mask": (lambda q: q[q > 0], POINTS.format(f"Quantity({N}, 2)")),
    "new axis": (lambda q: q[:, None], POINTS.format("(slice(None, None, None), None)")),
    "truth as index": (lambda q: q[:, True], POINTS.format("(slice(None, None, None), True)")),
    "nothing as index": (lambda q: q[()], POINTS.format("()")),
    "assignment": (
        change,
        "changes a quantity in place.\n  Write torch.where(condition, this, that), or torch.stack([…], dim=-1) for "
        "components.",
    ),
    "in place": (add_in_place, METHOD.format("add_")),
    "sum of all": (lambda q: q.sum(), SUM.format("sum")),
    "sum over points": (lambda q: q.sum(0), SUM.format("sum")),
    "sum over points from behind": (lambda q: q.sum(-2), SUM.format("sum")),
    "sum over both": (lambda q: q.sum((0, 1)), SUM.format("sum")),
    "sum over no axis": (lambda q: q.sum(2), SUM.format("sum")),
    "mean of all": (lambda q: q.mean(), SUM.format("mean")),
    "torch.sum": (torch.sum, SUM.format("sum")),
    "torch.sum over points": (lambda q: torch.sum(q, 0), SUM.format("sum")),
    "torch.mean over points": (lambda q: torch.mean(q, dim=0), SUM.format("mean")),
    "torch.sum that keeps an axis": (lambda q: torch.sum(q, -1, keepdim=True), OPTION.format("sum", "keepdim")),
    "a sum that keeps an axis": (lambda q: q.sum(-1, keepdim=True), OPTION.format("sum", "keepdim")),
    "a mean in another type": (lambda q: q.mean(-1, dtype=torch.float32), OPTION.format("mean", "dtype")),
    "a weighted sum": (lambda q: torch.add(q, q, alpha=2), OPTION.format("add", "alpha")),
    "a weighted difference": (lambda q: q.sub(q, alpha=2), OPTION.format("sub", "alpha")),
    "a rounded quotient": (lambda q: torch.div(q, 2, rounding_mode="floor"), OPTION.format("div", "rounding_mode")),
    "floor division": (lambda q: q // 2, FLOOR),
    "floor division by a quantity": (lambda q: 2 // q, FLOOR),
    "cumsum": (lambda q: torch.cumsum(q, 0), FUNCTION.format("cumsum")),
    "matmul": (lambda q: torch.matmul(q, q), FUNCTION.format("matmul")),
    "matrix product": (lambda q: q @ q, MATRIX),
    "matrix product from the right": (lambda q: torch.ones(N, N) @ q, FUNCTION.format("matmul")),
    "roll": (lambda q: torch.roll(q, 1, 0), FUNCTION.format("roll")),
    "sort": (torch.sort, FUNCTION.format("sort")),
    "max over points": (torch.max, FUNCTION.format("max")),
    "detach": (lambda q: q.detach(), METHOD.format("detach")),
    "item": (lambda q: q.item(), METHOD.format("item")),
    "data": (lambda q: q.data, METHOD.format("data")),
    "numpy": (lambda q: q.numpy(), METHOD.format("numpy")),
    "transpose": (lambda q: q.T, METHOD.format("T")),
    "reshape": (lambda q: q.reshape(-1), METHOD.format("reshape")),
    "grad": (lambda q: torch.autograd.grad(q, q), FUNCTION.format("grad")),
    "own output": (lambda q: torch.sin(q, out=torch.ones(N)), OPTION.format("sin", "out")),
    "stacked points": (
        lambda q: torch.stack([q, q]),
        "stacks quantities along the points axis.\n  Write torch.stack([…], dim=-1): components stand last.",
    ),
    "joined points": (
        lambda q: torch.cat([q, q], dim=-2),
        "stacks quantities along the points axis.\n  Write torch.cat([…], dim=-1): components stand last.",
    ),
    "a function of SymPy": (
        sympy.sin,
        "mixes a quantity with SymPy.\n  In a function write torch.sin(a.x), not sympy.sin, and a.x, not SymPy's "
        "symbol x.",
    ),
    "a symbol on the left": (
        lambda q: sympy.Symbol("x") - q,
        "mixes a quantity with SymPy.\n  In a function write torch.sin(a.x), not sympy.sin, and a.x, not SymPy's "
        "symbol x.",
    ),
    "a symbol on the right": (
        lambda q: q - sympy.Symbol("x"),
        "combines a quantity with SymPy's x.\n  In a function write a.x.",
    ),
    "a constant of SymPy": (
        lambda q: q * sympy.pi,
        "combines a quantity with SymPy's pi.\n  In a function write a.x, phi.u, torch.sin(a.x) and math.pi.",
    ),
    "a coordinate": (
        lambda q: q.x,
        "reads .x of a quantity, but coordinates are read from a: a.x.\n  A hard condition is called with (a, u), a "
        "residual with (a, phi), in this order.",
    ),
    "component that is not there": (
        lambda q: q[:, 2],
        "asks for component (slice(None, None, None), 2) of a quantity of shape (n, 2).\n"
        "  Components are counted from 0.",
    ),
    "component of a component": (
        lambda q: q[..., 0, 0],
        "asks for component (Ellipsis, 0, 0) of a quantity of shape (n, 2).\n  Components are counted from 0.",
    ),
}


@pytest.mark.parametrize("use", REFUSED)
@pytest.mark.parametrize("kind", ["a known", "a field", "an expression"])
def test_what_mixes_points_or_leaves_the_residual_is_refused(a, phi, kind, use):
    quantity = {"a known": a.two, "a field": phi.v, "an expression": phi.v * a.two}[kind]
    action, expected = REFUSED[use]
    assert refusal(lambda: action(quantity)) == expected


def test_the_last_axis_of_a_scalar_is_the_points_and_is_refused(a, phi):
    expected = "asks for component (Ellipsis, 0) of a quantity of shape (n,).\n  Components are counted from 0."
    for scalar in (a.f, phi.u, phi.u * a.f):
        assert refusal(lambda scalar=scalar: scalar[..., 0]) == expected
        assert refusal(lambda scalar=scalar: scalar.sum(-1)) == SUM.format("sum")


def test_parts_of_different_shapes_cannot_be_stacked(a):
    expected = (
        "stacks parts of different shapes.\n  Parts of a vector are scalars (n,): write 0 * a.x + 1 for a constant."
    )
    assert refusal(lambda: torch.stack([a.f, a.two], dim=-1)) == expected
    assert refusal(lambda: torch.stack([a.two, a.three], dim=-1)) == expected


# What is allowed ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["sin", "exp", "tanh", "abs", "square", "sigmoid", "relu", "neg", "floor", "isfinite"])
def test_functions_and_methods_act_point_by_point(a, name):
    function = getattr(torch, name)
    expected = function(a.two.tensor)
    for found in (function(a.two), getattr(a.two, name)(), function(input=a.two)):
        assert isinstance(found, Quantity)
        assert torch.equal(found.tensor, expected)


def test_functions_with_more_arguments_act_point_by_point(a):
    f, two = a.f.tensor, a.two.tensor
    cases = [
        (torch.where(a.f > 0.5, a.two, 0.0), torch.where(f[:, None] > 0.5, two, 0.0)),
        (torch.where(a.f > 0.5, 1.0, a.f), torch.where(f > 0.5, 1.0, f)),
        (torch.clamp(a.two, min=0.2, max=0.6), two.clamp(0.2, 0.6)),
        (a.two.clamp(min=0.2), two.clamp(min=0.2)),
        (a.two.pow(3), two**3),
        (a.two.pow(exponent=3), two**3),
        (torch.maximum(a.f, a.two), torch.maximum(f[:, None], two)),
        (a.f.atan2(a.two), torch.atan2(f[:, None], two)),
        (torch.nn.functional.relu(a.f - 0.5), torch.relu(f - 0.5)),
        (torch.nn.functional.softplus(a.f), torch.nn.functional.softplus(f)),
        (torch.special.bessel_j0(a.f), torch.special.bessel_j0(f)),
        (abs(a.f - 0.5), (f - 0.5).abs()),
        ((a.f - 0.5).abs(), (f - 0.5).abs()),
        (+a.f, f),
        (-a.f, -f),
        (2.0**a.f, 2.0**f),
        ((a.f > 0.3) & ~(a.f > 0.7) | (a.f == 0), (f > 0.3) & ~(f > 0.7) | (f == 0)),
    ]
    for place, (found, expected) in enumerate(cases):
        assert isinstance(found, Quantity), place
        assert torch.equal(found.tensor, expected), place


def test_every_point_by_point_function_keeps_points_apart():
    """The table holds no function that mixes points: one changed point changes no other."""
    generator = torch.Generator().manual_seed(0)
    for function in POINTWISE - {torch.where}:
        first = torch.rand(5, generator=generator, dtype=torch.float64)
        second = first.clone()
        second[2] += 0.1
        logical = function.__name__.startswith("logical")
        one, other = ((x > 0.5 if logical else x) for x in (first, second))
        try:
            before, after = function(one), function(other)
        except (TypeError, RuntimeError):  # two arguments
            before, after = function(one, one), function(other, other)
        keep = torch.tensor([0, 1, 3, 4])
        assert torch.equal(before[keep].nan_to_num(), after[keep].nan_to_num()), function


def test_sums_and_means_go_over_components(a):
    assert torch.equal(a.two.sum(-1).tensor, a.two.tensor.sum(1))
    assert torch.equal(a.two.mean(1).tensor, a.two.tensor.mean(1))
    assert torch.equal(torch.sum(a.matrix, -1).tensor, a.matrix.tensor.sum(2))
    assert torch.equal(torch.mean(a.matrix, dim=1).tensor, a.matrix.tensor.mean(1))


def test_components_are_selected_by_number_and_slice(a, phi):
    w = phi.w.tensor
    assert torch.equal(phi.w[:, 1].tensor, w[:, 1])
    assert torch.equal(phi.w[..., -1].tensor, w[:, 2])
    assert torch.equal(phi.w[:, 1:].tensor, w[:, 1:])
    assert torch.equal(phi.w[:].tensor, w)
    assert torch.equal(a.matrix[:, 0, 1].tensor, a.matrix.tensor[:, 0, 1])
    assert torch.equal(a.matrix[..., 0].tensor, a.matrix.tensor[..., 0])
    assert torch.equal(sp.grad(phi.v)[:, 1, 0].tensor, sp.grad(phi.v).tensor[:, 1, 0])


def test_components_are_stacked_and_joined_on_the_last_axis(a, phi):
    for parts in ([a.f, a.g], [phi.u, sp.partial(phi.u, "x")], [a.f, phi.u]):
        found = torch.stack(parts, dim=-1)
        assert torch.equal(found.tensor, torch.stack([part.tensor for part in parts], dim=1))
    for parts in ([a.two, a.three], [phi.v, phi.w], [phi.v, a.three]):
        found = torch.cat(parts, dim=-1)
        assert torch.equal(found.tensor, torch.cat([part.tensor for part in parts], dim=1))
    rows = torch.stack([a.two, a.two], dim=1)
    assert torch.equal(rows.tensor, torch.stack([a.two.tensor] * 2, dim=1))


def test_quantities_tell_their_shape_and_print_it(a, phi):
    assert (phi.u.shape, phi.u.ndim, repr(phi.u)) == ((N,), 1, f"Quantity({N},)")
    assert (a.matrix.shape, a.matrix.ndim, repr(a.matrix)) == ((N, 2, 2), 3, f"Quantity({N}, 2, 2)")
    assert sp.hessian(phi.v).shape == (N, 2, 2, 2)


def test_a_quantity_cannot_stand_in_a_set_and_unknown_protocols_are_left_alone(a):
    with pytest.raises(TypeError, match="unhashable type: 'Quantity'"):
        hash(a.f)
    assert not hasattr(a.f, "__geo_interface__")
    assert isinstance(copy.copy(a), type(a))


# Forms -------------------------------------------------------------------------------------------------------------


def test_linear_combinations_stay_forms_and_equal_what_they_are_made_of(phi):
    u_xx, u_yy = sp.partial(phi.u, "x", "x"), sp.partial(phi.u, "y", "y")
    cases = [
        (2 * u_xx - u_yy / 3, 2 * u_xx.tensor - u_yy.tensor / 3),
        (-(u_xx + phi.u * 0.5), -(u_xx.tensor + 0.5 * phi.u.tensor)),
        (u_xx * np.float64(2.0) + np.float64(3.0) * u_yy, 2 * u_xx.tensor + 3 * u_yy.tensor),
        (u_xx - u_xx, torch.zeros(N, dtype=torch.float64)),
        (3 * phi.v - sp.grad(phi.u), 3 * phi.v.tensor - sp.grad(phi.u).tensor),
        (+u_xx, u_xx.tensor),
    ]
    for found, expected in cases:
        assert found.forms is not None
        # One rounding more or less per term
        torch.testing.assert_close(found.tensor, expected, rtol=1e-14, atol=1e-14)


def test_what_is_not_linear_with_constant_factors_is_evaluated(a, phi):
    others = [
        phi.u * phi.u, phi.u * a.f, phi.u + 1.0, phi.u / 0.0, 1.0 / phi.u, phi.u * True, phi.u * torch.tensor(2.0),
        phi.u + phi.v, phi.u + phi.at(x=0.0).u, phi.u**1,
    ]  # fmt: skip
    assert all(other.forms is None for other in others)


def test_forms_of_different_places_are_not_added_up(phi):
    shifted = phi.at(x=0.25)
    both = phi.u - shifted.u
    assert torch.equal(both.tensor, phi.u.tensor - shifted.u.tensor)
    stacked = torch.stack([phi.u, shifted.u], dim=-1)
    assert torch.equal(stacked.tensor, torch.stack([phi.u.tensor, shifted.u.tensor], dim=1))
    assert both.tensor.abs().max() > 0
