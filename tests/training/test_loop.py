"""The loop: budgets, stages, tolerances, divergence, interruption."""

import math
import time
import warnings
from dataclasses import dataclass

import pytest
import torch
from small import fit, read_u, stated

import sirenpde as sp
from sirenpde.training import loop
from sirenpde.training.balance import Balance
from sirenpde.training.collocation import Collocation
from sirenpde.training.loop import ATTEMPTS, LOOK, Budget, Trainer
from sirenpde.training.loss import IntegralLoss
from sirenpde.training.objective import Objective
from sirenpde.training.optimizer import Optimizer, Stepper
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
                sp.Constraint("two", on=LINE.boundary, residual=lambda a, phi: 3 * phi.u),
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
    calls = []

    def residual(a, phi):
        calls.append(a)
        return phi.u * (a.x * 0.0 + (value if len(calls) > after else 1.0))

    return residual, calls


class TestDivergence:
    def test_the_first_term_to_go_is_named_and_the_last_good_weights_are_kept(self):
        # One call per step: the loss is lost at step LOOK + 11, the weights are those after LOOK.
        residual, calls = failing(LOOK + 10, math.inf)
        problem = stated(
            constraints=[
                sp.Constraint("fine", on=LINE, residual=lambda a, phi: 2 * phi.u),
                sp.Constraint("lost", on=LINE, residual=residual),
            ]
        )
        calls.clear()  # of those that tried the statement
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
                sp.Constraint("fine", on=LINE, residual=lambda a, phi: 2 * phi.u),
                sp.Constraint("lost", on=LINE, residual=read_u),
            ]
        )
        (note,) = outcome.notes
        assert note == (
            outcome.trouble.removesuffix(
                " The last good fields are in error.solution; solve(…, throw=False) returns them."
            )
            + f" It was met {ATTEMPTS + 1} times there, with shorter steps each time."
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
        calls = [-100]

        def residual(a, phi):
            calls[0] += 1
            if calls[0] == 6:
                raise KeyboardInterrupt
            return phi.u - 1

        problem = stated(constraints=[sp.Constraint("rule", on=LINE, residual=residual)])
        calls[0] = 0
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
        return phi.u + (kept[-2] * phi.u if training and len(kept) > 1 else 0.0)

    training = []
    problem = stated(constraints=[sp.Constraint("rule", on=LINE, residual=residual)])
    kept.clear()
    training.append(True)
    with pytest.raises(sp.ResidualError, match=r'^constraint "rule" of problem "trial" gave a loss that cannot be'):
        run(problem, adam(5))


def quadratic_stage(steps, renew=500):
    return sp.SSBroyden(steps=steps, renew=renew)


class Recorded(Collocation):
    """A stream of points that remembers how often it was asked."""

    drawn = 0

    def draw(self, magnitudes=None):
        self.drawn += 1
        return super().draw(magnitudes)


@dataclass(frozen=True, kw_only=True)
class Scripted(Optimizer):
    """A stage that makes the field one constant after the other, and stalls after the steps that it is told."""

    constants: tuple[float, ...] = (1.0,)
    renew: int = 500
    stalls: tuple[int, ...] = ()

    @property
    def kept(self):
        return self.renew

    def start(self, network):
        return ScriptedStepper(self, network)


@dataclass(frozen=True, kw_only=True)
class Counting(Optimizer):
    """A stage that adds 1 to every weight in each step, and loses the loss after some."""

    good: int
    renew: int = 1

    @property
    def kept(self):
        return self.renew

    def start(self, network):
        return CountingStepper(self, network)


class CountingStepper(Stepper):
    def __init__(self, declared, network):
        self._left, self._weights = declared.good, list(network.parameters())

    def step(self, objective):
        loss = objective()
        if self._left == 0:
            return math.nan
        self._left -= 1
        with torch.no_grad():
            for weight in self._weights:
                weight.add_(1.0)
        return loss

    def renewed(self):
        pass

    def soften(self):
        pass


class ScriptedStepper(Stepper):
    def __init__(self, script, network):
        self._script, self._weights, self._taken = script, list(network.parameters()), 0

    def step(self, objective):
        loss = objective()
        with torch.no_grad():
            for weight in self._weights:
                weight.zero_()
            self._weights[-1].fill_(self._script.constants[self._taken % len(self._script.constants)])
        self._taken += 1
        self.stalled = self._taken in self._script.stalls
        return loss

    def renewed(self):
        self.stalled = False

    def soften(self):
        """Go on."""


class TestBest:
    """The loss is that of a constant: its square."""

    PROBLEM = stated(constraints=[sp.Constraint("rule", on=LINE, residual=read_u)])

    @staticmethod
    def script(*constants, **arguments):
        return Scripted(steps=len(constants), constants=constants, **arguments)

    def reached(self, *stages, budget=None):
        outcome, network = run(self.PROBLEM, *stages, budget=budget)
        return outcome.status, list(network.parameters())[-1].item()

    def test_a_stall_that_got_further_than_the_last_one_is_returned_to(self):
        assert self.reached(self.script(3, 1, 2, 9, stalls=(1, 2, 3))) == (Status.STALLED, 1)

    def test_a_stall_is_returned_to_where_the_steps_ran_out_after_it(self):
        assert self.reached(self.script(3, 1, 2, stalls=(1, 2))) == (Status.BUDGET_SPENT, 1)

    def test_the_end_of_an_interval_is_returned_to(self):
        assert self.reached(self.script(3, 3, 4, 1, 2, 2, renew=2)) == (Status.BUDGET_SPENT, 1)

    def test_the_end_of_a_stage_is_returned_to(self):
        assert self.reached(self.script(3, 1), self.script(2, 2, renew=1)) == (Status.BUDGET_SPENT, 1)

    def test_the_end_of_the_run_counts(self):
        stages = self.script(3, 3, 2, 2, 1, 9, 9, renew=2)
        assert self.reached(stages, budget=Budget(steps=5)) == (Status.BUDGET_SPENT, 1)

    def test_a_stall_that_did_not_get_further_ends_the_stage(self):
        assert self.reached(self.script(3, 2.99, 1, 1, stalls=(1, 2))) == (Status.STALLED, 2.99)


class TestFixedPoints:
    @pytest.mark.parametrize(("steps", "renew", "expected"), [(30, 10, 3), (31, 10, 4), (9, 10, 1), (3, 1, 3)])
    def test_points_stay_for_as_long_as_the_stage_says(self, steps, renew, expected):
        made = trainer(fit())
        made._collocation = Recorded(fit(), {"values": 64}, seed=0)
        with ProgressDisplay("trial", 1, ["one"], shown=False) as display:
            outcome = made.run([quadratic_stage(steps, renew)], display)
        assert len(outcome.history) == steps
        assert made._collocation.drawn == expected

    def test_on_fixed_points_the_loss_never_rises(self):
        history = run(fit(), quadratic_stage(60))[0].history
        assert history.loss == sorted(history.loss, reverse=True)
        assert history.loss[-1] < 1e-4 * history.loss[0]

    def test_each_loss_has_the_terms_of_its_own_evaluation(self):
        problem = stated(
            constraints=[
                sp.Constraint("one", on=LINE, residual=lambda a, phi: phi.u - torch.sin(2 * a.x)),
                sp.Constraint("two", on=LINE.boundary, residual=lambda a, phi: 3 * (phi.u - torch.sin(2 * a.x))),
            ]
        )
        history = run(problem, adam(5), quadratic_stage(20, renew=7))[0].history
        assert [math.fsum(terms) for terms in history.terms] == history.loss

    def test_a_stage_without_progress_hands_over_and_the_last_one_stalls(self):
        # Nothing can be learned: the field is multiplied by zero.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", sp.SirenPDEWarning)
            problem = stated(
                constraints=[sp.Constraint("rule", on=LINE, residual=lambda a, phi: phi.u * 0.0 + 1.0 + 0.0 * a.x)]
            )
        outcome, _ = run(problem, quadratic_stage(500), sp.LBFGS(steps=500))
        assert outcome.status is Status.STALLED
        assert 2 <= len(outcome.history) < 20
        handed_over, _ = run(problem, quadratic_stage(500), adam(3))
        assert handed_over.status is Status.BUDGET_SPENT

    def test_time_ends_a_run_inside_a_line_search_and_the_step_is_undone(self):
        def slow(a, phi):
            time.sleep(0.02)
            return phi.u - torch.sin(9 * a.x)

        problem = stated(constraints=[sp.Constraint("rule", on=LINE, residual=slow)])
        outcome, network = run(problem, quadratic_stage(10**6), budget=Budget(seconds=0.3))
        assert outcome.status is Status.BUDGET_SPENT
        assert outcome.history.seconds[-1] < 0.4
        assert all(bool(torch.isfinite(weight).all()) for weight in network.parameters())

    def test_the_weights_of_the_best_interval_are_kept(self):
        made = trainer(fit())
        made.run([quadratic_stage(60, renew=20)], ProgressDisplay("trial", 1, ["one"], shown=False))
        assert made._best is not None
        assert math.fsum(made._loss.terms(made._held_out)) == made._best[0]
        with torch.no_grad():
            next(made._network.parameters()).add_(1.0)
        made._return_to_best()
        assert math.fsum(made._loss.terms(made._held_out)) == made._best[0]

    def test_a_run_that_converged_keeps_the_weights_that_did(self):
        made = trainer(fit(), Budget(tolerance=0.5))
        made._return_to_best = None  # called, it would raise
        with ProgressDisplay("trial", 1, ["one"], shown=False) as display:
            outcome = made.run([quadratic_stage(500, renew=20)], display)
        assert outcome.status is Status.CONVERGED
        assert len(outcome.history) == 20

    def test_points_that_stay_for_longer_than_a_look_do_not_put_it_off(self):
        outcome, _ = run(fit(), quadratic_stage(500, renew=400), budget=Budget(tolerance=0.5))
        assert outcome.status is Status.CONVERGED
        assert len(outcome.history) == LOOK


class TestGoingBack:
    @pytest.mark.parametrize(("renew", "kept"), [(1, 0), (10, 3)])
    def test_a_step_on_points_that_stay_is_kept_at_once(self, renew, kept):
        before = weights(trainer(fit())._network)
        outcome, network = run(fit(), Counting(steps=20, renew=renew, good=3))
        assert outcome.status is Status.DIVERGED
        for one, other in zip(weights(network), before):
            assert torch.allclose(one, other + kept)

    @pytest.mark.parametrize("stage", [adam(80), quadratic_stage(80)], ids=["adam", "ssbroyden"])
    def test_a_loss_that_is_lost_for_a_moment_costs_a_note(self, stage):
        calls = [-100]

        def residual(a, phi):
            calls[0] += 1
            return phi.u - torch.sin(2 * a.x) + (math.nan if calls[0] == 1 else 0.0) * a.x

        problem = stated(constraints=[sp.Constraint("rule", on=LINE, residual=residual)])
        calls[0] = 0
        outcome, _ = run(problem, stage)
        assert outcome.status is Status.BUDGET_SPENT
        assert len(outcome.history) == 80
        assert len(outcome.notes) == 1
        assert outcome.notes[0].startswith('the loss of problem "trial" was no longer finite at step 1 (')

    def test_who_has_no_rate_is_not_told_to_lower_it(self):
        factor = [1.0]
        rule = sp.Constraint("rule", on=LINE, residual=lambda a, phi: phi.u * (0 * a.x + factor[0]))
        problem = stated(constraints=[rule])
        factor[0] = math.inf
        outcome, _ = run(problem, quadratic_stage(80))
        assert outcome.status is Status.DIVERGED
        advice = "It has no learning rate to lower: lower the weight, or train for longer with sp.Muon(…) before."
        assert outcome.trouble.splitlines()[2].startswith(f"  {advice} The last good fields")

    def test_a_search_that_meets_a_loss_that_is_not_finite_goes_less_far(self):
        calls = [-100]

        def residual(a, phi):
            calls[0] += 1
            return phi.u - torch.sin(2 * a.x) + (math.nan if calls[0] == 6 else 0.0) * a.x

        problem = stated(constraints=[sp.Constraint("rule", on=LINE, residual=residual)])
        calls[0] = 0
        outcome, _ = run(problem, quadratic_stage(40))
        assert outcome.notes == ()
        assert outcome.history.loss == sorted(outcome.history.loss, reverse=True)

    def test_each_return_halves_the_rate(self):
        layer = torch.nn.Linear(1, 1, bias=False)
        stepper = sp.Adam(steps=10, lr=0.1, schedule="constant").start(layer)
        moves = []
        for _ in range(3):
            before = layer.weight.item()
            layer.weight.grad = torch.ones(1, 1)
            stepper.step(lambda: 1.0)
            moves.append(before - layer.weight.item())
            stepper.soften()
        assert moves == pytest.approx([0.1, 0.05, 0.025], rel=1e-4)


class TestBalanced:
    PROBLEM = stated(
        constraints=[
            sp.Constraint("heavy", on=LINE, residual=lambda a, phi: 1e3 * (phi.u - torch.sin(2 * a.x))),
            sp.Constraint("light", on=LINE.boundary, residual=lambda a, phi: phi.u - torch.sin(2 * a.x)),
        ]
    )

    def balanced(self, *stages):
        made = trainer(self.PROBLEM)
        made._balance = Balance([False, False])
        with ProgressDisplay("trial", 1, ["one", "two"], shown=False) as display:
            return made.run(stages, display), made

    def test_the_first_step_is_balanced_and_the_record_is_not(self):
        outcome, made = self.balanced(adam(1))
        assert made._multipliers[1] > 100 * made._multipliers[0]
        plain, _ = run(self.PROBLEM, adam(1))
        assert outcome.history.terms[0] == pytest.approx(plain.history.terms[0])
        assert outcome.history.loss == pytest.approx(plain.history.loss)

    def test_the_multipliers_stay_while_the_points_stay(self):
        _, made = self.balanced(quadratic_stage(30, renew=30))
        first = made._multipliers
        _, again = self.balanced(quadratic_stage(1, renew=30))
        assert again._multipliers == first
        _, later = self.balanced(quadratic_stage(220, renew=110))
        assert later._multipliers != first

    @staticmethod
    def two(residual=read_u):
        steep = sp.Constraint("steep", on=LINE, residual=lambda a, phi: sp.partial(phi.u, "x"))
        return stated(constraints=[sp.Constraint("one", on=LINE, residual=residual), steep])

    def looks(self, *stages, problem=None):
        """Return at which steps the balance looked: always at new points, and the multipliers stay while they do."""
        made = trainer(problem or self.two())
        looks, draws, draw = [], [], made._collocation.draw
        made._collocation.draw = lambda *given: draws.append(len(made.history)) or draw(*given)
        made._balance = Balance([False, False])
        update, multipliers = made._balance.update, []
        made._balance.update = lambda *arguments: looks.append(len(made.history)) or update(*arguments)

        class Watched(Objective):
            def __call__(self):
                multipliers.append((len(draws), *self._multipliers))
                return super().__call__()

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(loop, "Objective", Watched)
            made.run(stages, ProgressDisplay("trial", 1, ["one", "two"], shown=False))
        assert multipliers
        assert set(looks) <= set(draws)
        assert len(set(multipliers)) == len({drawn for drawn, *_ in multipliers})  # one set of them per draw
        return looks

    def test_it_looks_every_hundred_steps_where_every_step_has_its_own_points(self):
        assert self.looks(adam(201)) == [0, 100, 200]

    def test_it_looks_at_the_first_new_points_a_hundred_steps_after_its_last_look(self):
        assert self.looks(Scripted(steps=245, renew=40)) == [0, 120, 240]
        assert self.looks(Scripted(steps=155, renew=150)) == [0, 150]

    def test_a_stall_moves_its_looks_and_does_not_end_them(self):
        constants = (9.0,) * 30 + (4.0,) * 107 + (1.0,) * 1000
        stage = Scripted(steps=250, renew=110, stalls=(30, 137), constants=constants)
        assert self.looks(stage) == [0, 137, 247]

    def test_it_looks_at_the_start_of_each_stage(self):
        assert self.looks(adam(30), Scripted(steps=10), adam(10)) == [0, 30, 40]

    def test_a_look_at_gradients_that_are_not_finite_does_not_count(self):
        calls = [math.inf]  # inf + 1 is no call by number

        def residual(a, phi):
            calls[0] += 1
            return phi.u + (math.nan if calls[0] == 1 else 0.0) * a.x

        problem = self.two(residual)
        calls[0] = 0
        assert self.looks(adam(105), problem=problem) == [0, 1, 101]
