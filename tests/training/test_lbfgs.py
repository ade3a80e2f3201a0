"""L-BFGS: the two loops are the matrix that they stand for."""

import pytest
import torch
from small import refused

import sirenpde as sp
from sirenpde.training.lbfgs import LimitedInverseHessian


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def pairs(count, size):
    spread = drawn(size, size)
    curvature = spread @ spread.T + torch.eye(size, dtype=torch.float64)
    return [(moved, curvature @ moved) for moved in drawn(count, size, seed=1)]


def learned(model, listed):
    for moved, change in listed:
        model.advance(moved, 1.0, torch.zeros_like(change), change)
    return model


def test_the_two_loops_are_the_product_with_the_matrix_of_the_updates():
    size, listed = 6, pairs(4, 6)
    moved, change = listed[-1]
    matrix = torch.eye(size, dtype=torch.float64) * (moved @ change) / (change @ change)
    for moved, change in listed:
        rise = moved @ change
        left = torch.eye(size, dtype=torch.float64) - torch.outer(moved, change) / rise
        matrix = left @ matrix @ left.T + torch.outer(moved, moved) / rise
    gradient = drawn(size, seed=9)
    got = learned(LimitedInverseHessian(10), listed).direction(gradient)
    torch.testing.assert_close(got, -matrix @ gradient, rtol=1e-10, atol=1e-12)


def test_the_secant_equation_holds_for_the_last_step():
    listed = pairs(7, 5)
    model = learned(LimitedInverseHessian(3), listed)
    moved, change = listed[-1]
    torch.testing.assert_close(-model.direction(change), moved, rtol=1e-10, atol=1e-12)


def test_only_the_last_pairs_are_remembered():
    listed, gradient = pairs(7, 5), drawn(5, seed=9)
    short = learned(LimitedInverseHessian(3), listed)
    assert torch.equal(short.direction(gradient), learned(LimitedInverseHessian(3), listed[-3:]).direction(gradient))
    short.reset()
    assert torch.equal(short.direction(gradient), -gradient)


def test_a_step_along_which_the_slope_fell_is_not_remembered():
    model, gradient = LimitedInverseHessian(3), drawn(5)
    assert torch.equal(model.advance(-gradient, 1.0, gradient, 2 * gradient), -2 * gradient)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_curve_is_learned(dtype):
    network = sp.Siren(width=16, depth=1, omega=2, first_omega=2).build(1, 1, dtype=dtype)
    points = torch.linspace(-1, 1, 50, dtype=dtype)[:, None]

    def objective():
        network.zero_grad()
        loss = (network(points) - torch.sin(3 * points)).square().mean()
        loss.backward()
        return loss.item()

    stepper = sp.LBFGS(steps=80).start(network)
    losses = [stepper.step(objective) for _ in range(80)]
    assert min(losses) < (1e-5 if dtype == torch.float64 else 1e-3)


@pytest.mark.parametrize("memory", [0, -1, 2.0, True, None, 10**6])
def test_a_memory_that_is_no_positive_integer_is_refused(memory):
    message = f"LBFGS(memory={memory!r}): expected a positive integer, such as memory=50."
    with refused(sp.UsageError, message):
        sp.LBFGS(memory=memory)
