"""The loop: budgets, stages, tolerances, divergence, interruption."""

import math
import time

import pytest
import torch
from small import fit, read_u, stated

import sirenpde as sp
from sirenpde.training.collocation import Collocation
from sirenpde.training.loop import LOOK, Budget, Trainer
from sirenpde.training.loss import IntegralLoss
from sirenpde.training.progress import ProgressDisplay
from sirenpde.training.status import Status

SMALL = sp.Siren(width=8, depth=1, omega=2, first_omega=2)
LINE = sp.Box(x=(-1, 1))


def trainer(problem, budget=None, count=16):
    network = SMALL.build(1, 1, seed=0, dtype=torch.float64)
    counts = {constraint.name: count for constraint in problem.constraints}
    held_out = Collocation(problem, counts, seed=99).draw()
    return Trainer(IntegralLoss(problem, network), Collocation(problem, counts, seed=0), held_out, budget or Budget())


def run(problem, *stages, budget=None):
    made = trainer(problem, budget)
    with ProgressDisplay("trial", 1, ["one"], shown=False) as display:
        return made.run(stages, display), made._network


def adam(steps, lr=1e-3, **arguments):
    return sp.Adam(steps=steps, lr=lr, **arguments)


def weights(network):
    return [weight.detach().clone() for weight in network.parameters()]


class TestBudget:
    def test_a_stage_ends_at_its_own_steps(self):
        outcome, _ = run(fit(), adam(7))
        assert len(outcome.history) == 7
        assert outcome.status is Status.BUDGET_SPENT

    def test_steps_limit_the_whole(self):
        outcome, _ = run(fit(), adam(3), adam(50), budget=Budget(steps=5))
        assert len(outcome.history) == 5
        assert outcome.status is Status.BUDGET_SPENT

    def test_seconds_limit_the_whole(self):
        def slow(a, phi):
            time.sleep(0.02)
            return phi.u

        problem = stated(constraints=[sp.Constraint("rule", on=LINE, residual=slow)])
        outcome, _ = run(problem, adam(10**6), budget=Budget(seconds=0.1))
        assert outcome.status is Status.BUDGET_SPENT
        assert 1 <= len(outcome.history) <= 5
        assert outcome.history.seconds[-1] >= 0.1
        assert all(second < 0.1 for second in outcome.history.seconds[:-1])

    def test_stages_follow_one_another_from_where_the_last_one_ended(self):
        both, end = run(fit(), adam(4, schedule="constant"), sp.Muon(steps=3))
        first, middle = run(fit(), adam(4, schedule="constant"))
        assert both.history.loss[:4] == first.history.loss
        assert len(both.history) == 7
        # The fifth loss is that of the weights after four steps, on the fifth points.
        made = trainer(fit())
        made._network.load_state_dict(middle.state_dict())
        stream = Collocation(fit(), {"values": 16}, seed=0)
        fifth = [stream.draw() for _ in range(5)][-1]
        assert both.history.loss[4] == pytest.approx(IntegralLoss(fit(), middle).terms(fifth)[0], rel=1e-12)
        assert not all(torch.equal(one, other) for one, other in zip(weights(end), weights(middle)))

    def test_the_record_adds_up(self):
        problem = stated(
            constraints=[
                sp.Constraint("one", on=LINE, residual=read_u),
                sp.Constraint("two", on=LINE.boundary, residual=lambda a, phi: phi.u - 1),
            ]
        )
        history = run(problem, adam(5))[0].history
        assert history.names == ("one", "two")
        assert [math.fsum(terms) for terms in history.terms] == history.loss
        assert history.seconds == sorted(history.seconds)


class TestTolerance:
    def test_a_met_tolerance_ends_the_run_at_the_next_look(self):
        outcome, _ = run(fit(), adam(10**6), budget=Budget(tolerance=10.0))
        assert outcome.status is Status.CONVERGED
        assert len(outcome.history) == LOOK

    def test_a_tolerance_met_at_the_end_of_the_stages_counts(self):
        assert run(fit(), adam(3), budget=Budget(tolerance=10.0))[0].status is Status.CONVERGED
        assert run(fit(), adam(9), budget=Budget(steps=3, tolerance=10.0))[0].status is Status.CONVERGED

    def test_a_missed_tolerance_spends_the_budget(self):
        assert run(fit(), adam(LOOK + 2), budget=Budget(tolerance=1e-9))[0].status is Status.BUDGET_SPENT

    def test_every_residual_has_to_meet_it(self):
        problem = stated(
            constraints=[
                sp.Constraint("near", on=LINE, residual=lambda a, phi: phi.u * 1e-9),
                sp.Constraint("far", on=LINE, residual=lambda a, phi: phi.u - 100),
            ]
        )
        assert run(problem, adam(3), budget=Budget(tolerance=1.0))[0].status is Status.BUDGET_SPENT

    def test_a_residual_that_is_not_finite_never_meets_it(self):
        made = trainer(fit(), Budget(tolerance=1.0))
        for errors in ([0.5, math.nan], [math.nan, 0.5]):
            made._loss.root_mean_squares = lambda samples, errors=errors: errors
            assert made._verdict(Status.BUDGET_SPENT) is Status.BUDGET_SPENT


def failing(after, value):
    """A residual that is u, times a value that is not finite from some call on."""
    calls = [0]

    def residual(a, phi):
        calls[0] += 1
        return phi.u * (a.x * 0.0 + (value if calls[0] > after else 1.0))

    return residual


class TestDivergence:
    def test_the_first_term_to_go_is_named_and_the_last_good_weights_are_kept(self):
        # Three calls to trace it, one per step: the loss is lost at step LOOK + 11, the weights are those after LOOK.
        problem = stated(
            constraints=[
                sp.Constraint("fine", on=LINE, residual=lambda a, phi: phi.u - 1),
                sp.Constraint("lost", on=LINE, residual=failing(3 + LOOK + 10, math.inf)),
            ]
        )
        outcome, network = run(problem, adam(200))
        assert outcome.status is Status.DIVERGED
        assert len(outcome.history) == LOOK + 10
        assert outcome.trouble == (
            f'the loss of problem "trial" was no longer finite at step {LOOK + 11} (Adam(steps=200, lr=0.001, '
            "schedule='cosine', first_lr=None, betas=(0.9, 0.999))).\n"
            '  The first term to go was "lost".\n'
            "  Lower the learning rate or its weight. The last good fields are in error.solution; "
            "solve(…, throw=False) returns them."
        )
        same = stated(
            constraints=[
                sp.Constraint("fine", on=LINE, residual=lambda a, phi: phi.u - 1),
                sp.Constraint("lost", on=LINE, residual=read_u),
            ]
        )
        _, expected = run(same, adam(200), budget=Budget(steps=LOOK))
        for one, other in zip(weights(network), weights(expected)):
            assert torch.equal(one, other)

    def test_a_gradient_that_is_not_finite_is_found_before_it_is_kept(self):
        # √u² is |u|, finite everywhere; u * 0 makes its slope 0/0, so the loss stays finite and the weights do not.
        problem = stated(
            constraints=[sp.Constraint("root", on=LINE, residual=lambda a, phi: torch.sqrt((phi.u * 0.0) ** 2) + phi.u)]
        )
        before = weights(trainer(problem)._network)
        outcome, network = run(problem, adam(1))
        assert outcome.status is Status.DIVERGED
        assert outcome.trouble.startswith('the gradient of problem "trial" was no longer finite at step 1 (Adam(')
        assert "Usual cause: a root, a power or a norm of something that is zero" in outcome.trouble
        for one, other in zip(weights(network), before):
            assert torch.equal(one, other)

    def test_weights_that_are_not_finite_are_never_copied(self):
        made = trainer(fit())
        good = made._good
        with torch.no_grad():
            next(made._network.parameters()).fill_(math.nan)
        assert not made._keep()
        assert made._good is good


class TestInterruption:
    def test_an_interrupt_inside_a_residual_ends_the_run_and_keeps_the_fields(self):
        calls = [0]

        def residual(a, phi):
            calls[0] += 1
            if calls[0] == 3 + 6:
                raise KeyboardInterrupt
            return phi.u - 1

        problem = stated(constraints=[sp.Constraint("rule", on=LINE, residual=residual)])
        outcome, network = run(problem, adam(100))
        assert outcome.status is Status.INTERRUPTED
        assert len(outcome.history) == 5
        _, expected = run(
            stated(constraints=[sp.Constraint("rule", on=LINE, residual=lambda a, phi: phi.u - 1)]),
            adam(100),
            budget=Budget(steps=5),
        )
        for one, other in zip(weights(network), weights(expected)):
            assert torch.equal(one, other)


def test_a_quantity_that_is_kept_from_an_earlier_step_is_named():
    kept = []

    def residual(a, phi):
        kept.append(phi.u * a.x)
        return phi.u + (kept[-2] * phi.u if len(kept) > 4 else 0.0)

    problem = stated(constraints=[sp.Constraint("rule", on=LINE, residual=residual)])
    with pytest.raises(sp.ResidualError, match=r'^constraint "rule" of problem "trial" gave a loss that cannot be'):
        run(problem, adam(5))
