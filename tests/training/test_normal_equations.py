"""Three ways to one step: in the space of the weights, in that of the residuals, and there without the Jacobian."""

import pytest
import torch
from small import SQUARE, stated

import sirenpde as sp
from sirenpde.fields.rows import DenseRows, Metric
from sirenpde.fields.tangent import Weights
from sirenpde.training.linearised import LinearisedLoss, LinearSystem
from sirenpde.training.loss import IntegralLoss
from sirenpde.training.normal_equations import KernelSpace, ResidualSpace, WeightSpace, gram

SPACES = [WeightSpace, ResidualSpace, KernelSpace]


def system(count):
    """A system of count + 1 residuals in 51 weights: slopes at points, and a mean."""
    rule = sp.Constraint("rule", on=SQUARE, residual=lambda a, phi: sp.laplacian(phi.u) - a.x)
    mean = sp.IntegralConstraint("mean", on=SQUARE, residual=lambda a, phi: phi.u - 1, points=None)
    problem = stated(constraints=[rule, mean])
    network = sp.Siren(width=5, depth=1, omega=1, first_omega=2).build(2, 1, seed=1, dtype=torch.float64)
    ansatz = problem.ansatz(network).double()
    generator = torch.Generator().manual_seed(0)
    samples = [each.on.draw(count, generator) for each in problem.constraints]
    weights = Weights(network, [])
    return LinearisedLoss(IntegralLoss(problem, ansatz, 16)).system(samples, [1.0, 1.0], weights), weights.sizes


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("damping", [1e-6, 1e-2, 10.0])
@pytest.mark.parametrize("count", [20, 80], ids=["fewer residuals than weights", "more"])
@pytest.mark.parametrize("space", SPACES)
def test_every_space_gives_the_step_that_is_defined(space, count, damping):
    found, sizes = system(count)
    metric = Metric(torch.tensor([0.3, 2.0, 5.0, 1.0], dtype=torch.float64), sizes)
    rows = found.rows()
    matrix = rows.T @ rows + damping * torch.diag(metric.diagonal)
    equations = space(found, metric)
    assert equations.factorised(damping)
    for residuals in (found.residuals, drawn(count + 1)):
        expected = -torch.linalg.solve(matrix, rows.T @ residuals)
        # Condition numbers up to 1e6 / λ: the residuals' space loses as many digits of the smallest λ.
        torch.testing.assert_close(
            equations.solved(residuals), expected, rtol=1e-6, atol=1e-7 * expected.abs().max().item()
        )
    along = drawn(sum(sizes))
    torch.testing.assert_close(equations.times(along), rows @ along, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("space", SPACES)
def test_one_matrix_serves_many_dampings_in_any_order(space):
    found, sizes = system(30)
    metric = Metric(torch.ones(4, dtype=torch.float64), sizes)
    equations, steps = space(found, metric), {}
    for damping in (1e-3, 1.0, 1e3, 1.0, 1e-3):
        assert equations.factorised(damping)
        step = equations.solved(found.residuals)
        assert torch.equal(steps.setdefault(damping, step), step)
    assert steps[1e-3].norm() > steps[1.0].norm() > steps[1e3].norm()
    # With much damping it is the gradient, by the metric.
    assert (1e3 * steps[1e3] + found.transposed(found.residuals)).norm() < 0.3 * (1e3 * steps[1e3]).norm()


@pytest.mark.parametrize("space", SPACES)
def test_a_matrix_that_is_not_positive_definite_is_told(space):
    rows = torch.ones(3, 3, dtype=torch.float64)
    found = LinearSystem(torch.ones(3, dtype=torch.float64), (DenseRows(rows),), 0.0, (), lambda: torch.ones(3))
    equations = space(found, Metric(torch.ones(2, dtype=torch.float64), (3, 0)))
    assert not equations.factorised(0.0)
    assert not equations.factorised(-1.0)
    assert equations.factorised(1e-3)
    torch.testing.assert_close(equations.solved(found.residuals), torch.full((3,), -3 / 9.001, dtype=torch.float64))


@pytest.mark.parametrize("space", SPACES)
def test_slopes_that_are_not_finite_are_told(space):
    rows = torch.tensor([[1.0, torch.nan], [0.0, 1.0]], dtype=torch.float64)
    found = LinearSystem(torch.ones(2, dtype=torch.float64), (DenseRows(rows),), 0.0, (), lambda: torch.ones(2))
    assert not space(found, Metric(torch.ones(2, dtype=torch.float64), (2, 0))).factorised(1.0)


@pytest.mark.parametrize("shape", [(7, 3), (3, 7), (4, 4), (1, 5), (5, 1)])
def test_the_gram_matrix_is_whole_and_symmetric_whatever_lies_in_a_row(shape):
    matrix = drawn(*shape)
    for each in (matrix, drawn(*reversed(shape)).T):
        found = gram(each)
        torch.testing.assert_close(found, each.T @ each, rtol=1e-13, atol=1e-13)
        assert torch.equal(found, found.T)
