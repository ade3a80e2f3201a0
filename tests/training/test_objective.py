"""What optimizers ask for: the loss and its gradient, its squares, and the terms of the evaluation that they name."""

import math

import pytest
import torch
from small import SQUARE, stated

import sirenpde as sp
from sirenpde.fields.tangent import Weights
from sirenpde.training.loss import IntegralLoss
from sirenpde.training.objective import Objective

PROBLEM = stated(
    constraints=[
        sp.Constraint("rule", on=SQUARE, residual=lambda a, phi: sp.laplacian(phi.u) - a.x),
        sp.Constraint("walls", on=SQUARE.boundary, residual=lambda a, phi: phi.u, weight=10),
    ]
)


def made(before=lambda: None, multipliers=(2.0, 0.5), chunk=None):
    network = sp.Siren(width=5, depth=1).build(2, 1, seed=1, dtype=torch.float64)
    ansatz = PROBLEM.ansatz(network).double()
    generator = torch.Generator().manual_seed(0)
    samples = [each.on.draw(9, generator) for each in PROBLEM.constraints]
    loss = IntegralLoss(PROBLEM, ansatz, chunk)
    return Objective(loss, samples, multipliers, before), loss, Weights(network, [])


def shift(weights, by):
    weights.write(weights.read() + by)


@pytest.mark.parametrize("chunk", [None, 4])
def test_it_is_the_balanced_loss_and_reports_the_stated_terms(chunk):
    objective, loss, _ = made(chunk=chunk)
    terms = loss.terms(objective.samples)
    assert objective() == pytest.approx(2.0 * terms[0] + 0.5 * terms[1], rel=1e-13)
    assert objective.stated == pytest.approx(terms, rel=1e-13)


def test_the_gradient_is_that_of_the_balanced_loss_and_does_not_add_up():
    objective, loss, _ = made()
    objective()
    objective()
    ours = [weight.grad.clone() for weight in loss.network.parameters()]
    loss.network.zero_grad()
    parts = [torch.stack(list(loss.parts_of(index, objective.samples[index]))).sum() for index in range(2)]
    (2.0 * parts[0] + 0.5 * parts[1]).backward()
    for weight, gradient in zip(loss.network.parameters(), ours, strict=True):
        torch.testing.assert_close(gradient, weight.grad, rtol=1e-11, atol=1e-12)


def test_the_squares_are_of_the_same_loss():
    objective, _, weights = made()
    system = objective.linearised(weights)
    assert system.loss == pytest.approx(objective(), rel=1e-12)
    assert objective.terms_at(system.loss) == pytest.approx(objective.stated, rel=1e-13)


def test_the_terms_are_those_of_the_evaluation_that_gave_the_loss():
    # A line search tries several places, and goes back to one that is not the last.
    objective, loss, weights = made()
    tried = {}
    for by in (0.0, 0.1, 0.1):
        shift(weights, by)
        tried[objective()] = loss.terms(objective.samples)
    for value, terms in list(tried.items())[:2]:
        fresh, _, other = made()
        for by in (0.0, 0.1, 0.1):
            shift(other, by)
            fresh()
        assert fresh.terms_at(value) == pytest.approx(terms, rel=1e-13)


def test_the_loss_before_a_step_may_be_of_the_search_before():
    objective, _, weights = made()
    first = objective()
    objective.terms_at(first)
    shift(weights, 0.1)
    last = objective()  # where the next step begins without another evaluation
    terms = list(objective.stated)
    assert objective.terms_at(first)
    shift(weights, 0.1)
    objective()
    assert objective.terms_at(last) == terms


def test_whoever_must_stop_is_asked_before_every_evaluation():
    calls = []
    objective, _, weights = made(lambda: calls.append(1))
    objective()
    assert len(calls) == 1
    system = objective.linearised(weights)
    assert len(calls) == 2
    system.again()
    assert len(calls) == 3


def test_an_interruption_leaves_the_evaluation_undone():
    def stop():
        raise KeyboardInterrupt

    objective, loss, weights = made(stop)
    for ask in (objective, lambda: objective.linearised(weights)):
        with pytest.raises(KeyboardInterrupt):
            ask()
    assert objective.stated == []
    assert all(weight.grad is None for weight in loss.network.parameters())


def test_a_loss_that_is_not_finite_is_told_with_its_terms():
    objective, _, weights = made()
    shift(weights, math.nan)
    assert math.isnan(objective.linearised(weights).loss)
    assert all(math.isnan(term) for term in objective.stated)
