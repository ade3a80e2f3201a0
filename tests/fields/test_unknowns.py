"""Unknown numbers start where they are told, stay between their bounds, and are read in residuals as numbers."""

import copy
import math

import pytest
import torch
from binding import WHERE, as_planned, by_autograd, relative, small_siren
from zoo import points_in

import sirenpde as sp
from sirenpde.errors import ProblemError, ResidualError, UnknownNameError
from sirenpde.fields.ansatz import Ansatz
from sirenpde.fields.layout import Layout
from sirenpde.fields.scope import Surroundings
from sirenpde.fields.trace import trace
from sirenpde.fields.unknowns import UnknownNumbers, unknown_numbers

ROUNDING = 1e-12  # two ways to one number through four layers, as in test_streams.py
LAYOUT = Layout({"u": None, "v": 2}, ("x", "y"))
AROUND = Surroundings(WHERE, LAYOUT, {"k": lambda p: 1 + p[:, 0] ** 2}, ("nu", "c"))

DECLARED = [
    (0.1, None, None),
    (-250.0, None, None),
    (0.1, 0.0, 1.0),
    (1e-9, 0.0, 1.0),
    (0.999999, 0.0, 1.0),
    (3.0, -5.0, 4e3),
    (0.1, 0.0, None),
    (-2.0, -2.5, None),
    (7.0, None, 7.25),
    (-1e6, None, 0.0),
]


def make(nu=(0.3, 0.0, None), c=(-2.0, None, None)):
    return Ansatz(small_siren(2, 3), LAYOUT, unknowns=UnknownNumbers({"nu": nu, "c": c}))


def seen(residual, ansatz=None):
    points = points_in(2)
    return trace(residual, AROUND, ansatz or make(), ((points[:2], {}), (points[:3], {})))


@pytest.mark.parametrize("declared", DECLARED, ids=str)
def test_the_initial_value_is_reproduced_to_rounding(declared):
    unknowns = UnknownNumbers({"nu": declared})
    assert unknowns.numbers()["nu"] == pytest.approx(declared[0], rel=4e-15, abs=0)
    (value,) = unknowns.values().values()
    assert value.shape == ()
    assert value.dtype == torch.float64


@pytest.mark.parametrize("declared", DECLARED, ids=str)
def test_a_number_stays_inside_its_bounds_wherever_its_parameter_goes_and_grows_or_falls_throughout(declared):
    _, lower, upper = declared
    unknowns = UnknownNumbers({"nu": declared})
    (parameter,) = unknowns.parameters()
    numbers, start = [], parameter.item()
    for shift in (-20.0, -5.0, -1.0, -0.1, 0.0, 0.1, 1.0, 5.0, 20.0):
        with torch.no_grad():
            parameter.fill_(start + shift)
        numbers.append(unknowns.numbers()["nu"])
    low, high = -math.inf if lower is None else lower, math.inf if upper is None else upper
    assert all(low <= number <= high for number in numbers)
    assert numbers == sorted(numbers) or numbers == sorted(numbers, reverse=True)
    assert len(set(numbers[1:-1])) == 7


def test_a_step_of_the_parameter_moves_a_number_in_proportion_to_its_scale():
    for declared, expected in [
        ((0.1, None, None), 1.0),
        ((-250.0, None, None), 250.0),
        ((0.5, 0.0, 1.0), 0.25),
        ((20.0, 0.0, None), 20.0 * (1 - math.exp(-1))),  # the slope of ln(1 + e^θ) where it is 1
        ((7.0, None, 7.25), -0.25 * (1 - math.exp(-1))),
    ]:
        unknowns = UnknownNumbers({"nu": declared})
        (slope,) = torch.autograd.grad(unknowns.values()["nu"], [*unknowns.parameters()])
        assert slope.item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("declared", "ends"),
    [
        ((0.0, 0.0, 1.0), "above 0.0 and below 1.0"),
        ((1.0, None, 1.0), "above -inf and below 1.0"),
        ((2.0, 3.0, None), "above 3.0 and below inf"),
        ((math.nan, None, None), "above -inf and below inf"),
    ],
)
def test_a_start_that_is_not_inside_the_bounds_is_refused(declared, ends):
    with pytest.raises(ProblemError) as caught:
        UnknownNumbers({"nu": declared})
    assert str(caught.value) == (
        f'unknown "nu" starts at {declared[0]!r}; expected a finite number {ends}.\n'
        "  A number that starts on a bound could not leave it: choose another initial value, or wider bounds."
    )


def test_any_identifier_is_a_name_and_numbers_are_saved_and_copied_with_the_module():
    ansatz = make()
    odd = UnknownNumbers({"values": (1.0, None, None), "names": (2.0, 0.0, None), "training": (3.0, None, None)})
    assert odd.numbers() == {"values": 1.0, "names": pytest.approx(2.0), "training": 3.0}
    twin = copy.deepcopy(ansatz)
    with torch.no_grad():
        for parameter in ansatz.unknowns.parameters():
            parameter.add_(1.0)
    assert twin.unknowns.numbers() != ansatz.unknowns.numbers()
    twin.load_state_dict(ansatz.state_dict())
    assert twin.unknowns.numbers() == ansatz.unknowns.numbers()
    assert {id(each) for each in ansatz.unknowns.parameters()} <= {id(each) for each in ansatz.parameters()}
    assert unknown_numbers(ansatz).keys() == {"nu", "c"}
    assert unknown_numbers(ansatz.network) == {}


# In residuals -------------------------------------------------------------------------------------------------------


def number(ansatz, name):
    return ansatz.unknowns.values()[name]


EXPRESSIONS = {
    "times a gradient": (lambda a, phi: a.nu * sp.grad(phi.u), lambda nu, phi, a: nu * sp.grad(phi.u)),
    "times a vector": (lambda a, phi: phi.v * a.nu, lambda nu, phi, a: phi.v * nu),
    "a square": (lambda a, phi: a.nu**2 * phi.u, lambda nu, phi, a: nu**2 * phi.u),
    "times a Laplacian": (lambda a, phi: a.nu * sp.laplacian(phi.u), lambda nu, phi, a: nu * sp.laplacian(phi.u)),
    "a field over it": (lambda a, phi: sp.partial(phi.u, "x") / a.nu, lambda nu, phi, a: sp.partial(phi.u, "x") / nu),
    "its inverse": (lambda a, phi: 1 / a.nu - phi.u, lambda nu, phi, a: 1 / nu - phi.u),
    "an exponential": (lambda a, phi: torch.exp(a.nu) + phi.u, lambda nu, phi, a: math.exp(nu) + phi.u),
    "under a derivative": (
        lambda a, phi: sp.partial(torch.sin(a.nu * phi.u), "x"),
        lambda nu, phi, a: sp.partial(torch.sin(nu * phi.u), "x"),
    ),
    "a divergence": (
        lambda a, phi: sp.div((a.nu + a.k) * sp.grad(phi.u)),
        lambda nu, phi, a: sp.div((nu + a.k) * sp.grad(phi.u)),
    ),
    "a branch": (
        lambda a, phi: torch.where(a.x > 0, a.nu, phi.u),
        lambda nu, phi, a: torch.where(a.x > 0, nu, phi.u),
    ),
    "a threshold": (
        lambda a, phi: torch.where(a.x > a.nu, a.nu * phi.u, phi.u),
        lambda nu, phi, a: torch.where(a.x > nu, nu * phi.u, phi.u),
    ),
    "a power": (
        lambda a, phi: (phi.u**2 + 1) ** a.nu + a.nu**phi.u,
        lambda nu, phi, a: (phi.u**2 + 1) ** nu + nu**phi.u,
    ),
    "a place": (lambda a, phi: phi.at(x=a.nu).u - a.nu, lambda nu, phi, a: phi.at(x=nu).u - nu),
    "a slope at a place": (
        lambda a, phi: sp.partial(phi.at(x=a.nu).u, "x"),
        lambda nu, phi, a: sp.partial(phi.at(x=nu).u, "x"),
    ),
    "stacked": (
        lambda a, phi: torch.stack([phi.u, a.nu * phi.u], dim=-1),
        lambda nu, phi, a: torch.stack([phi.u, nu * phi.u], dim=-1),
    ),
    "clamped": (lambda a, phi: phi.u.clamp(min=a.nu), lambda nu, phi, a: phi.u.clamp(min=nu)),
}


@pytest.mark.parametrize(("residual", "plain"), EXPRESSIONS.values(), ids=EXPRESSIONS)
def test_an_unknown_number_takes_part_as_the_same_plain_number_would(residual, plain):
    ansatz, points = make(), points_in(2)
    value = ansatz.unknowns.numbers()["nu"]
    (expected,) = by_autograd(lambda a, phi: plain(value, phi, a), ansatz, points, AROUND)
    for way in (by_autograd, as_planned):
        (found,) = way(residual, ansatz, points, AROUND)
        assert relative(found, expected) < ROUNDING


SMOOTH = [name for name in EXPRESSIONS if name not in {"a threshold"}]


@pytest.mark.parametrize("name", SMOOTH)
def test_the_gradient_by_an_unknown_number_approaches_differences_of_the_loss(name):
    ansatz, points = make(c=(1.0, None, None)), points_in(2)
    residual, plain = EXPRESSIONS[name]

    def loss(value):
        (part,) = by_autograd(lambda a, phi: plain(value, phi, a), ansatz, points, AROUND)
        return part.square().sum().item()

    (part,) = as_planned(residual, ansatz, points, AROUND)
    parameter = ansatz.unknowns.raw[0]
    (slope,) = torch.autograd.grad(part.square().sum(), parameter)
    (inner,) = torch.autograd.grad(number(ansatz, "nu"), parameter)
    value, step = number(ansatz, "nu").item(), 1e-5
    # Central differences at 1e-5 err by some 1e-10 from the third derivative and 1e-10 from rounding.
    expected = (loss(value + step) - loss(value - step)) / (2 * step)
    assert (slope / inner).item() == pytest.approx(expected, rel=1e-6, abs=1e-8)


def test_what_is_read_is_recorded():
    found = seen(lambda a, phi: a.nu * sp.laplacian(phi.u) - a.k)
    assert (found.unknowns, found.knowns, found.fields) == ({"nu"}, {"k"}, {"u"})
    assert not found.differentiates
    assert seen(lambda a, phi: phi.u).unknowns == frozenset()


def test_a_residual_of_unknown_numbers_alone_can_be_trained():
    found = seen(lambda a, phi: a.k - a.nu)
    assert found.trainable
    assert found.fields == frozenset()


def test_a_factor_that_is_unknown_leaves_the_closed_form_in_place():
    plan = seen(lambda a, phi: a.nu * sp.laplacian(phi.u) + a.c * sp.partial(phi.u, "x")).plan(make())
    assert [way.name for way in plan] == ["collapsed streams"]


@pytest.mark.parametrize(
    "residual",
    [
        lambda a, phi: a.nu.item() * phi.u,
        lambda a, phi: a.nu.detach() * phi.u,
        lambda a, phi: math.exp(a.nu.item()) * phi.u,
    ],
)
def test_an_unknown_number_that_is_cut_off_is_refused(residual):
    with pytest.raises(ResidualError) as caught:
        seen(residual)
    assert str(caught.value) == (
        f"{WHERE} reads a.nu, but its values do not depend on it, so it would keep its initial value.\n"
        "  Usual cause: float(), .item(), .detach() or a function of Python's math. Use torch functions, such as "
        "torch.exp(a.nu), or do not read it."
    )


def test_the_names_that_can_be_read_list_the_unknowns():
    with pytest.raises(UnknownNameError) as caught:
        seen(lambda a, phi: a.no * phi.u)
    assert str(caught.value) == (
        f"{WHERE} reads a.no; the names it can read are x, y (coordinates) and k (given) and nu, c (unknowns)."
        "\n  Did you mean a.nu?"
    )


@pytest.mark.parametrize("bounds", [(None, None), (0.0, None), (None, 2.0), (0.0, 1.0)])
def test_nearby_numbers_start_where_they_are_and_move_by_the_step_of_their_parameter(bounds):
    numbers = UnknownNumbers({"nu": (0.3, *bounds)})
    with torch.no_grad():
        numbers.raw[0].add_(0.2)
    near = numbers.nearby([1e-6]).nearby([1e-3])  # each steps by so much of the one before
    assert near.numbers() == numbers.numbers()
    assert near.raw[0].item() == 0.0
    with torch.no_grad():
        near.raw[0].fill_(5.0)
        numbers.raw[0].add_(5e-9)
    assert near.numbers()["nu"] == pytest.approx(numbers.numbers()["nu"], rel=1e-14)
    near.values()["nu"].backward()
    assert near.raw[0].grad.item() != 0
