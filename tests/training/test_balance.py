"""Balance between terms: gradients of one size, and a record that stays the user's."""

import math

import pytest
import torch
from small import stated

import sirenpde as sp
from sirenpde.training.balance import Balance
from sirenpde.training.collocation import Collocation
from sirenpde.training.loop import Budget, Trainer
from sirenpde.training.loss import IntegralLoss
from sirenpde.training.progress import ProgressDisplay


def shares(balance):
    return [each / balance.multipliers[0] for each in balance.multipliers]


def test_the_first_look_makes_the_gradients_equal():
    balance, norms = Balance([False] * 3), [100.0, 1.0, 4.0]
    balance.update(norms, [1.0, 1.0, 1.0])
    products = [factor * norm for factor, norm in zip(balance.multipliers, norms, strict=True)]
    assert products == pytest.approx([products[0]] * 3)


def test_the_total_stays_what_it_is():
    balance, terms = Balance([False] * 3), [2.0, 0.5, 0.25]
    for norms in ([100.0, 1.0, 4.0], [3.0, 2.0, 1.0]):
        balance.update(norms, terms)
        weighed = math.fsum(factor * term for factor, term in zip(balance.multipliers, terms, strict=True))
        assert weighed == pytest.approx(math.fsum(terms))


def test_later_looks_are_averaged_in_ratios():
    balance = Balance([False] * 2, memory=0.9)
    balance.update([1.0, 1.0], [1.0, 1.0])
    balance.update([1.0, 1e-2], [1.0, 1.0])
    assert shares(balance) == pytest.approx([1.0, 100.0**0.1])


def test_no_ratio_is_beyond_the_largest():
    balance = Balance([False] * 3, most=50.0)
    balance.update([1.0, 1e-9, 0.0], [1.0, 1.0, 1.0])
    assert shares(balance) == pytest.approx([1.0, 50.0, 50.0])


def test_measurements_keep_their_weight_beside_the_largest_gradient_of_the_rest():
    balance = Balance([False, True, False])
    balance.update([100.0, 1.0, 4.0], [1.0, 1.0, 1.0])
    assert shares(balance) == pytest.approx([1.0, 1.0, 25.0])
    balance = Balance([False, True])
    balance.update([1.0, 1e3], [1.0, 1.0])
    assert shares(balance) == pytest.approx([1.0, 1.0])


@pytest.mark.parametrize("norms", [[math.nan, 1.0], [math.inf, 1.0], [0.0, 0.0]])
def test_gradients_that_say_nothing_change_nothing(norms):
    balance = Balance([False] * 2)
    balance.update([1.0, 2.0], [1.0, 1.0])
    before = list(balance.multipliers)
    balance.update(norms, [1.0, 1.0])
    assert balance.multipliers == before


def test_terms_that_vanish_leave_the_shares():
    balance = Balance([False] * 2)
    balance.update([1.0, 2.0], [0.0, 0.0])
    assert balance.multipliers == pytest.approx([2.0, 1.0])


def test_a_weight_is_what_remains_of_a_difference_in_size():
    line = sp.Box(x=(0, 1))
    constraints = [
        sp.Constraint("large", on=line, residual=lambda a, phi: 5 * phi.u - 1),
        sp.Constraint("small", on=line, residual=lambda a, phi: sp.partial(phi.u, "x") - 1, weight=10),
    ]
    problem = stated(constraints=constraints)
    network = problem.ansatz(sp.Siren(width=8, depth=1, omega=1, first_omega=1).build(1, 1, dtype=torch.float64))
    loss = IntegralLoss(problem, network)
    counts = {"large": 50, "small": 50}
    balance = Balance([False] * 2)
    trainer = Trainer(loss, Collocation(problem, counts, 0), [], Budget(steps=1), balance)
    samples = Collocation(problem, counts, 0).draw()
    sizes = []
    for index, sample in enumerate(samples):
        network.zero_grad()
        for part in loss.parts_of(index, sample):
            part.backward()
        sizes.append(math.sqrt(sum(float(weight.grad.square().sum()) for weight in network.parameters())))
    trainer.run([sp.Adam(steps=1, lr=1e-12)], ProgressDisplay("trial", 1, ["large", "small"], shown=False))
    large, small = (size * multiplier for size, multiplier in zip(sizes, balance.multipliers, strict=True))
    assert small / large == pytest.approx(10, rel=1e-6)
