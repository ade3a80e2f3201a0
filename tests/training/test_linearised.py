"""The loss as a sum of squares: its value, its gradient, and its residuals at other weights."""

import dataclasses
import math

import pytest
import torch
from small import SQUARE, refused, stated
from torch import nn

import sirenpde as sp
from sirenpde.fields.rows import DenseRows, Factors, Metric
from sirenpde.fields.tangent import Weights
from sirenpde.regions.region import Sample
from sirenpde.training.linearised import LinearisedLoss
from sirenpde.training.loss import IntegralLoss

SMALL = sp.Siren(width=5, depth=1, omega=1, first_omega=2)


def equation(**changes):
    return sp.Constraint("equation", on=SQUARE, residual=lambda a, phi: sp.laplacian(phi.u) - phi.u**2, **changes)


WALLS = sp.Constraint("walls", on=SQUARE.boundary, residual=lambda a, phi: (phi.u - a.x, sp.grad(phi.u)), weight=7)
MEAN = sp.IntegralConstraint("mean", on=SQUARE, residual=lambda a, phi: (phi.u, phi.u**2 - 0.1), weight=2, points=None)
NUMBER = sp.Constraint("number", on=SQUARE.at(x=1), residual=lambda a, phi: a.nu * phi.u - a.y)

PROBLEMS = {
    "weights": stated(constraints=[equation(weight=0.5), WALLS]),
    "an absolute penalty": stated(constraints=[equation(penalty="absolute"), WALLS]),
    "an integral": stated(constraints=[equation(), MEAN]),
    "an absolute integral": stated(constraints=[WALLS, dataclasses.replace(MEAN, penalty="absolute")]),
    "an unknown number": stated(constraints=[equation(), NUMBER], unknowns={"nu": sp.Unknown(0.5, lower=0)}),
    "a hard condition": stated(constraints=[equation(), WALLS], hard={"u": lambda a, u: a.y + (1 - a.x**2) * u}),
    "several fields": stated(
        fields=("u", "v"),
        constraints=[
            sp.Constraint("rule", on=SQUARE, residual=lambda a, phi: (sp.partial(phi.u, "x") - phi.v, phi.v * phi.u))
        ],
    ),
}


def made(problem, chunk=None, count=9):
    network = SMALL.build(len(problem.coordinates), problem.layout.outputs, seed=1, dtype=torch.float64)
    ansatz = problem.ansatz(network).double()
    generator = torch.Generator().manual_seed(0)
    samples = [each.on.draw(count, generator) for each in problem.constraints]
    return IntegralLoss(problem, ansatz, chunk), Weights(network, list(ansatz.unknowns.raw)), samples


def packed(weights):
    """The gradients that stand on the weights, in the order of the columns."""
    blocks = [torch.cat([each.weight.grad, each.bias.grad[:, None]], dim=1).flatten() for each in weights._layers]
    numbers = [torch.zeros(1) if each.grad is None else each.grad.reshape(1) for each in weights.numbers]
    return torch.cat([*blocks, *numbers]).double()


def descended(loss, samples, multipliers):
    """The loss and its gradient, by one backward pass."""
    loss.network.zero_grad()
    total = 0.0
    for index, sample in enumerate(samples):
        for part in loss.parts_of(index, sample):
            (multipliers[index] * part).backward()
            total += multipliers[index] * part.item()
    return total


def assert_same(problem, chunk=None, change=lambda sample: sample):
    loss, weights, samples = made(problem, chunk)
    samples = [change(sample) for sample in samples]
    multipliers = [3.0, 0.25][: len(samples)]
    system = LinearisedLoss(loss).system(samples, multipliers, weights)
    total = descended(loss, samples, multipliers)
    assert system.loss == pytest.approx(total, rel=1e-12)
    gradient = packed(weights)
    # Sums of a hundred terms through three layers: some 1e-13 of the largest.
    torch.testing.assert_close(2 * system.transposed(system.residuals), gradient, rtol=1e-10, atol=1e-11)
    torch.testing.assert_close(2 * system.rows().T @ system.residuals, gradient, rtol=1e-10, atol=1e-11)
    torch.testing.assert_close(system.again(), system.residuals, rtol=1e-11, atol=1e-13)
    return system, weights


@pytest.mark.parametrize("chunk", [None, 4], ids=lambda chunk: f"chunk {chunk}")
@pytest.mark.parametrize("problem", PROBLEMS)
def test_the_squares_add_up_to_the_loss_and_twice_their_slope_is_its_gradient(problem, chunk):
    assert_same(PROBLEMS[problem], chunk)


@pytest.mark.parametrize("problem", ["weights", "an integral", "an absolute penalty", "an absolute integral"])
@pytest.mark.parametrize("names", [("shares",), ("emphasis",), ("shares", "emphasis")], ids=" and ".join)
def test_so_they_do_where_points_have_shares_and_emphasis(problem, names):
    ramps = {"shares": torch.linspace(0.5, 1.5, 9), "emphasis": torch.linspace(0.0, 3.0, 9)}
    assert_same(
        PROBLEMS[problem],
        4,
        lambda sample: dataclasses.replace(sample, **{name: ramps[name].double() for name in names}),
    )


def test_the_squares_of_a_squared_penalty_are_all_of_the_loss():
    system, _ = assert_same(PROBLEMS["weights"])
    assert system.rest == 0.0
    assert system.loss == float(system.residuals @ system.residuals)


def test_an_absolute_penalty_lies_below_its_squares_wherever_the_weights_go():
    problem = PROBLEMS["an absolute penalty"]
    loss, weights, samples = made(problem)
    system = LinearisedLoss(loss).system(samples, [1.0, 1.0], weights)
    here, generator = weights.read(), torch.Generator().manual_seed(3)
    for size in (1e-4, 1e-2, 1.0):
        weights.write(here + size * torch.randn(len(here), generator=generator, dtype=torch.float64))
        assert math.fsum(loss.terms(samples)) <= system.loss_of(system.again()) * (1 + 1e-12)


def test_a_residual_of_zero_is_weighed_by_a_bound():
    problem = stated(
        constraints=[sp.Constraint("rule", on=sp.Box(x=(0, 1)), residual=lambda a, phi: phi.u, penalty="absolute")]
    )
    loss, weights, samples = made(problem)
    with torch.no_grad():
        loss.network.network.last.weight.zero_()
        loss.network.network.last.bias.zero_()
    system = LinearisedLoss(loss).system(samples, [1.0], weights)
    assert system.loss == 0.0
    assert bool(torch.isfinite(system.rows()).all())


@pytest.mark.parametrize("problem", PROBLEMS)
def test_again_are_the_residuals_at_the_weights_of_that_time(problem):
    # To second order in the step they are r + J p.
    loss, weights, samples = made(PROBLEMS[problem], chunk=4)
    system = LinearisedLoss(loss).system(samples, [1.0, 1.0][: len(samples)], weights)
    here = weights.read()
    along = torch.randn(len(here), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    ends = []
    for sign in (1.0, -1.0):
        weights.write(here + sign * 1e-5 * along)
        ends.append(system.again())
    slope = (ends[0] - ends[1]) / 2e-5
    assert (slope - system.times(along)).abs().max() < 1e-7 * max(1.0, slope.abs().max().item())


@pytest.mark.parametrize("problem", PROBLEMS)
def test_the_kernel_and_the_diagonal_are_those_of_the_rows(problem):
    loss, weights, samples = made(PROBLEMS[problem], chunk=4)
    system = LinearisedLoss(loss).system(samples, [1.0, 1.0][: len(samples)], weights)
    rows, sizes = system.rows(), weights.sizes
    metric = Metric(torch.linspace(0.5, 2.0, len(sizes), dtype=torch.float64), sizes)
    torch.testing.assert_close(system.kernel(metric), rows * metric.diagonal @ rows.T, rtol=1e-10, atol=1e-11)
    expected = [part.square().sum(0).mean() if part.numel() else 0.0 for part in rows.split(list(sizes), dim=1)]
    torch.testing.assert_close(system.mean_squares(sizes), torch.tensor(expected).double(), rtol=1e-10, atol=1e-12)


def test_a_mean_has_one_row_and_points_have_factors():
    loss, weights, samples = made(PROBLEMS["an integral"])
    system = LinearisedLoss(loss).system(samples, [1.0, 1.0], weights)
    assert [type(block) for block in system.blocks] == [Factors, DenseRows, DenseRows]
    assert [len(block) for block in system.blocks] == [9, 1, 1]
    assert system.rows().shape == (11, sum(weights.sizes))


def test_the_cost_of_the_kernel_counts_streams_and_widths():
    loss, weights, samples = made(stated(constraints=[equation()]))
    streams, count = 4, 9  # value, two slopes, the collapsed sum
    widths = [(3, 5), (6, 5), (6, 1)]
    by_hand = (streams * count) ** 2 * sum(v + w for v, w in widths)
    assert LinearisedLoss(loss).system(samples, [1.0], weights).multiplications == by_hand
    only_means = stated(constraints=[MEAN])
    loss, weights, samples = made(only_means)
    assert LinearisedLoss(loss).system(samples, [1.0], weights).multiplications == 2 * 2 * sum(weights.sizes)


class TestRefusals:
    ELSE = "Write sp.SSBroyden(…) or sp.LBFGS(…) in its place."

    def loss(self, problem, network=None):
        return IntegralLoss(problem, problem.ansatz(network or SMALL.build(2, 1, dtype=torch.float64)).double())

    def refused(self, problem, message, network=None):
        with refused(sp.UsageError, message):
            LinearisedLoss(self.loss(problem, network))

    AUTOGRAD = (
        "is evaluated by autograd, and GaussNewton needs derivatives in closed form.\n  Usual cause: an expression "
        "that is differentiated, a hard condition that is not affine in its field, or a network that is no sp.Siren. "
        "Write sp.SSBroyden(…) or sp.LBFGS(…) in its place."
    )

    def test_a_penalty_of_the_users_own_is_refused(self):
        problem = stated(constraints=[equation(penalty=lambda r: r**4)])
        message = (
            'constraint "equation" of problem "trial" has a function for a penalty; GaussNewton needs "squared" or '
            '"absolute". Write sp.SSBroyden(…) or sp.LBFGS(…) in its place.'
        )
        self.refused(problem, message)

    def test_an_expression_that_is_differentiated_is_refused(self):
        residual = lambda a, phi: sp.partial(phi.u**2, "x")
        problem = stated(constraints=[sp.Constraint("rule", on=SQUARE, residual=residual)])
        self.refused(problem, f'constraint "rule" of problem "trial" {self.AUTOGRAD}')

    @pytest.mark.parametrize(
        "residual", [lambda a, phi: phi.u, lambda a, phi: sp.laplacian(phi.u)], ids=["u", "slopes"]
    )
    def test_a_hard_condition_that_is_not_affine_is_refused(self, residual):
        constraint = sp.Constraint("rule", on=SQUARE, residual=residual)
        problem = stated(constraints=[constraint], hard={"u": lambda a, u: a.x * u**2})
        self.refused(problem, f'constraint "rule" of problem "trial" {self.AUTOGRAD}')

    def test_a_module_of_the_users_own_is_refused(self):
        network = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1)).double()
        self.refused(
            stated(constraints=[equation()]), f'constraint "equation" of problem "trial" {self.AUTOGRAD}', network
        )


def test_rows_of_a_large_network_are_not_stored():
    # 200,000 weights and 2,000 points would be 3.2 GB; the factors of a point are some thousand numbers.
    problem = stated(constraints=[sp.Constraint("rule", on=SQUARE, residual=lambda a, phi: phi.u)])
    network = sp.Siren(width=256, depth=3).build(2, 1, dtype=torch.float64)
    loss, weights = IntegralLoss(problem, problem.ansatz(network).double()), Weights(network, [])
    sample = Sample(torch.rand(50, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64))
    system = LinearisedLoss(loss).system([sample], [1.0], weights)
    (block,) = system.blocks
    numbers = sum(h.numel() + g.numel() for h, g in block.layers)
    assert sum(weights.sizes) > 190_000
    assert numbers < 50 * 3000
    assert system.multiplications < 50**2 * sum(weights.sizes) / 50
