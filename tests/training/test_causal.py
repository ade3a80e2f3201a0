"""Causal weights: a slab of time counts once all earlier ones are learned, and the record stays the user's."""

import math

import numpy as np
import pytest
import torch
from small import NETWORK, refused, stated

import sirenpde as sp
from sirenpde.regions.region import Sample
from sirenpde.training import loop
from sirenpde.training.causal import CausalWeights
from sirenpde.training.collocation import Collocation
from sirenpde.training.loop import Budget, Trainer
from sirenpde.training.loss import IntegralLoss
from sirenpde.training.objective import Objective
from sirenpde.training.progress import ProgressDisplay

TUBE = sp.Box(x=(0, 1), t=(0, 2))


def decay(**changes):
    """u_t + u = 0 with u = 1 at the start, in two coordinates, and everything else that can be stated."""
    seen = sp.Points(np.array([[0.5, 1.9]]), names=("x", "t"), data={"seen": np.zeros(1)})
    constraints = [
        sp.Constraint("equation", on=TUBE, residual=lambda a, phi: sp.partial(phi.u, "t") + phi.u, weight=3),
        sp.Constraint("start", on=TUBE.at(t=0), residual=lambda a, phi: phi.u - 1),
        sp.Constraint("walls", on=TUBE.at(x=0) | TUBE.at(x=1), residual=lambda a, phi: sp.partial(phi.u, "x")),
        sp.Constraint("end", on=TUBE.at(t=2), residual=lambda a, phi: phi.u),
        sp.Constraint("data", on=seen, residual=lambda a, phi: phi.u - a.seen),
        sp.IntegralConstraint("mean", on=TUBE, residual=lambda a, phi: phi.u),
    ]
    return stated(name="decay", constraints=constraints, **changes)


COUNTS = {"equation": 64, "start": 16, "walls": 16, "end": 16, "data": 1, "mean": 16}


def loss_of(problem):
    return IntegralLoss(problem, NETWORK.build(2, 1, seed=0, dtype=torch.float64))


class TestFormula:
    def test_weights_fall_with_the_loss_of_all_earlier_slabs(self):
        causal = CausalWeights(sp.Causal("t", slabs=4, epsilon=(0.5,)), decay())
        losses = [4.0, 2.0, 1.0, 1.0]  # of mean 2
        causal.update(losses)
        np.testing.assert_allclose(causal.weights, [math.exp(-0.25 * s) for s in (0, 4, 6, 7)], rtol=1e-12)

    def test_losses_are_measured_by_the_first_ones(self):
        causal = CausalWeights(sp.Causal("t", slabs=2, epsilon=(1,)), decay())
        causal.update([4.0, 4.0])
        causal.update([0.4, 9.0])
        np.testing.assert_allclose(causal.weights, [1.0, math.exp(-0.1)], rtol=1e-12)

    def test_epsilon_rises_when_no_weight_is_small_and_ends_at_its_last_value(self):
        causal = CausalWeights(sp.Causal("t", slabs=2, epsilon=(1, 10, 100)), decay())
        for first, expected in ((1.0, 1), (0.02, 1), (0.005, 10), (0.0001, 100), (0.0, 100), (1.0, 100)):
            causal.update([first, 2.0 - first])
            assert causal.epsilon == expected

    def test_losses_that_are_not_finite_or_zero_say_nothing(self):
        causal = CausalWeights(sp.Causal("t", slabs=2), decay())
        causal.update([math.nan, 1.0])
        assert causal.weights.tolist() == [1, 1]
        causal.update([0.0, 0.0])
        assert causal.weights.tolist() == [1, 1]

    def test_the_loss_of_a_slab_is_the_sum_of_the_means_in_it(self):
        problem = decay()
        loss, causal = loss_of(problem), CausalWeights(sp.Causal("t", slabs=2), problem)
        times = torch.tensor([0.1, 0.9, 1.5, 2.0], dtype=torch.float64)
        line = Sample(torch.stack([torch.full_like(times, 0.5), times], dim=1))
        start = Sample(torch.tensor([[0.2, 0.0], [0.4, 0.0]], dtype=torch.float64))
        empty = [Sample(torch.tensor([[0.0, 2.0]], dtype=torch.float64))] * 2
        others = Collocation(problem, COUNTS, 0).draw()[4:]
        found = causal.slab_losses(loss, [line, start, *empty, *others])
        equation, first = loss.densities(0, line), loss.densities(1, start)
        walls, end = (loss.densities(index, empty[0]) for index in (2, 3))
        early = equation[:2].mean() + first.mean()
        late = equation[2:].mean() + walls[0] + end[0]
        np.testing.assert_allclose(found, [float(early), float(late)], rtol=1e-12)


class TestEmphasis:
    def test_equations_and_walls_are_weighed_and_nothing_else_is(self):
        problem = decay()
        causal = CausalWeights(sp.Causal("t", slabs=4), problem)
        samples = causal.emphasised(loss_of(problem), Collocation(problem, COUNTS, 0).draw(), kept=True)
        assert [sample.emphasis is not None for sample in samples] == [True, False, True, False, False, False]

    def test_each_point_has_the_weight_of_its_slab(self):
        problem = decay()
        causal = CausalWeights(sp.Causal("t", slabs=4), problem)
        sample = causal.emphasised(loss_of(problem), Collocation(problem, COUNTS, 0).draw(), kept=True)[0]
        slabs = (sample.points[:, 1] * 2).floor().long()
        assert torch.equal(sample.emphasis, causal.weights[slabs])
        assert len(set(causal.weights.tolist())) == 4

    def test_it_looks_at_points_that_stay_and_at_every_tenth_of_others(self):
        problem, looks = decay(), []
        causal = CausalWeights(sp.Causal("t"), problem)
        causal.update = looks.append
        stream, loss = Collocation(problem, COUNTS, 0), loss_of(problem)
        for _ in range(11):
            causal.emphasised(loss, stream.draw(), kept=False)
        assert len(looks) == 2
        causal.emphasised(loss, stream.draw(), kept=True)
        assert len(looks) == 3


class TestTraining:
    def run(self, stage, epsilon=(1.0,)):
        problem = decay()
        loss, stream = loss_of(problem), Collocation(problem, COUNTS, 0)
        causal = CausalWeights(sp.Causal("t", epsilon=epsilon), problem)
        made = Trainer(loss, stream, Collocation(problem, COUNTS, 9).draw(), Budget(), causal=causal)
        before = loss.terms(Collocation(problem, COUNTS, 0).draw())
        made.run([stage], ProgressDisplay("decay", 1, list(COUNTS), shown=False))
        return before, made

    @pytest.mark.parametrize("stage", [sp.Adam(steps=1), sp.SSBroyden(steps=2)], ids=["fresh", "kept"])
    def test_the_history_reports_the_loss_that_was_stated(self, stage):
        before, made = self.run(stage)
        assert float(made._causal.weights.min()) < 0.5
        np.testing.assert_allclose(made.history.terms[0], before, rtol=1e-12)
        assert made.history.loss[0] == pytest.approx(math.fsum(before), rel=1e-12)

    def test_the_gradient_is_that_of_the_weighed_loss(self, monkeypatch):
        # With an ε that leaves the first slab alone, the later points of the equation have no gradient.
        totals = []

        class Watched(Objective):
            def __call__(self):
                totals.append(super().__call__())
                return totals[-1]

        monkeypatch.setattr(loop, "Objective", Watched)
        _, made = self.run(sp.Adam(steps=1, lr=1e-12), epsilon=(1e6,))
        loss, sample = made._loss, Collocation(decay(), COUNTS, 0).draw()[0]
        early = sample.pick(sample.points[:, 1] < 2 / 16)
        emphasised = made._causal.emphasised(loss, Collocation(decay(), COUNTS, 0).draw(), kept=True)[0]
        trained = math.fsum(float(part.detach()) for part in loss.parts_of(0, emphasised))
        assert trained == pytest.approx(loss.terms([early])[0] * len(early) / len(sample), rel=1e-12)
        rest = math.fsum(made.history.terms[0][each] for each in (1, 3, 4, 5))
        walls = trained + rest
        assert walls <= totals[0] < made.history.loss[0]

    def test_a_run_says_how_it_was_weighed_and_balances_too(self):
        stages = [sp.Adam(steps=2)]
        solution = sp.solve(decay(), balance=sp.Causal("t"), network=NETWORK, optimizer=stages, progress=False)
        assert solution.settings["causal"] == {"coordinate": "t", "slabs": 16, "epsilon": (1.0, 10.0, 100.0)}
        assert solution.settings["balanced"] is True


class TestRefusals:
    @pytest.mark.parametrize("value", [1, 0, 2.0, True, 10**6])
    def test_fewer_than_two_slabs_are_refused(self, value):
        message = f"Causal(slabs={value!r}): expected an integer from 2 to 10000, such as slabs=16."
        with refused(sp.UsageError, message):
            sp.Causal("t", slabs=value)

    @pytest.mark.parametrize("value", [(), (0,), (-1, 1), (1, 1), (10, 1), (1, math.inf), 1, "12", (True,)])
    def test_epsilons_that_do_not_rise_are_refused(self, value):
        message = f"Causal(epsilon={value!r}): expected positive numbers that rise, such as (1, 10, 100)."
        with refused(sp.UsageError, message):
            sp.Causal("t", epsilon=value)

    def test_what_is_no_name_is_refused(self):
        with refused(sp.UsageError, 'Causal(coordinate=3): expected the name of a coordinate, such as "t".'):
            sp.Causal(3)

    def test_a_coordinate_that_the_problem_has_not_is_refused(self):
        message = "Causal(coordinate='time'): the coordinates of problem \"decay\" are x, t."
        with refused(sp.UsageError, message):
            sp.solve(decay(), balance=sp.Causal("time"), progress=False)

    def test_a_periodic_coordinate_is_refused(self):
        wave = [sp.Constraint("rule", on=TUBE, residual=lambda a, phi: sp.partial(phi.u, "t") - 1)]
        message = (
            "Causal(coordinate='t'): problem \"trial\" is periodic in it, so it has no start. Name the coordinate in "
            "which the solution evolves."
        )
        with refused(sp.UsageError, message):
            sp.solve(stated(constraints=wave, periodic=("t",)), balance=sp.Causal("t"), progress=False)

    def test_a_coordinate_in_which_no_equation_extends_is_refused(self):
        seen = sp.Points(np.array([[0.5, 1.9], [0, 0]]), names=("x", "t"), data={"seen": np.zeros(2)})
        data = [sp.Constraint("data", on=seen, residual=lambda a, phi: phi.u - a.seen)]
        message = (
            "Causal(coordinate='t'): no equation of problem \"trial\" extends in it, so there is nothing to weigh. "
            'Write balance="auto".'
        )
        with refused(sp.UsageError, message):
            sp.solve(stated(constraints=data), balance=sp.Causal("t"), progress=False)

    def test_another_balance_is_refused(self):
        message = "balance='causal': expected \"auto\", sp.Causal(…), or None to leave the weights as they are written."
        with refused(sp.UsageError, message):
            sp.solve(decay(), balance="causal", progress=False)
