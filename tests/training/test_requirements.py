"""What optimizers need is asked before any training, of the network that each of them will find."""

import copy

import pytest
import torch
from small import SQUARE, fit, stated

import sirenpde as sp
from sirenpde.fields.correction import CorrectedNetwork
from sirenpde.training.adam import Adam
from sirenpde.training.requirements import require_trainable

SMALL = sp.Siren(width=6, depth=1)


class Asked(Adam):
    """An optimizer that writes down what it is asked about."""

    def require(self, network, residuals):
        asked.append((type(network.network), residuals))

    def require_loss(self, loss):
        asked.append(type(loss.network.network))


asked = []


@pytest.fixture(autouse=True)
def unasked():
    asked.clear()


def ansatz(problem):
    network = SMALL.build(len(problem.coordinates), problem.layout.outputs, dtype=torch.float64)
    return problem.ansatz(network).double()


def test_every_optimizer_is_asked_about_the_network_that_it_will_train():
    problem, stage = fit(), sp.Correction(network=SMALL, optimizer=Asked())
    require_trainable([Asked(), stage, Asked()], problem, ansatz(problem), {"values": 7})
    siren, both = sp.SirenNetwork, CorrectedNetwork
    assert asked == [(siren, 7), siren, (both, 7), both, (both, 7), both]


def test_the_network_is_as_trainable_after_the_question_as_before():
    problem = fit()
    first = ansatz(problem)
    before = copy.deepcopy(first.state_dict())
    require_trainable([Asked(), sp.Correction(optimizer=sp.GaussNewton())], problem, first, {"values": 7})
    assert all(weight.requires_grad for weight in first.parameters())
    assert all(torch.equal(first.state_dict()[name], values) for name, values in before.items())


def test_components_count_with_their_points_and_those_of_an_integral_once():
    problem = stated(
        constraints=[
            sp.Constraint("rule", on=SQUARE, residual=lambda a, phi: (phi.u, sp.grad(phi.u))),
            sp.IntegralConstraint("mean", on=SQUARE, residual=lambda a, phi: (phi.u, phi.u**2)),
        ]
    )
    require_trainable([Asked()], problem, ansatz(problem), {"rule": 20, "mean": 300})
    assert asked[0] == (sp.SirenNetwork, 62)
