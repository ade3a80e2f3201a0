"""Damped Gauss–Newton: linear problems at once, bends followed, steps undone, and what it cannot train refused."""

import math

import numpy as np
import pytest
import torch
from small import fit, poisson, refused, stated
from torch import nn

import sirenpde as sp
from sirenpde.fields.rows import DenseRows
from sirenpde.training import gauss_newton, memory
from sirenpde.training.gauss_newton import CORRECTIONS, FIRST, PATIENCE, PROGRESS, GaussNewtonStepper
from sirenpde.training.linearised import LinearSystem
from sirenpde.training.normal_equations import KernelSpace, ResidualSpace, WeightSpace

SMALL = sp.Siren(width=12, depth=1, omega=1, first_omega=3)


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


class Place:
    """A place x, as weights of one layer."""

    def __init__(self, *numbers):
        self.x = torch.tensor(numbers, dtype=torch.float64)
        self.sizes = (len(numbers), 0)

    def read(self):
        return self.x.clone()

    def write(self, place):
        self.x = place.clone()


class Squares:
    """The loss ‖r(x)‖²."""

    def __init__(self, residuals):
        self.residuals = residuals
        self.asked = 0

    def again(self, weights):
        self.asked += 1
        return self.residuals(weights.x)

    def linearised(self, weights):
        jacobian = torch.autograd.functional.jacobian(self.residuals, weights.x)
        return LinearSystem(self.residuals(weights.x), (DenseRows(jacobian),), 0.0, (), lambda: self.again(weights))


def valley(x):
    """Rosenbrock's: (10 (y − x²), 1 − x)."""
    return torch.stack([10.0 * (x[1] - x[0] ** 2), 1.0 - x[0]])


def steps_to(stepper, objective, least, most=500):
    """The steps that it takes to bring the loss below a number."""
    for step in range(most):
        if stepper.step(objective) < least:
            return step
    return most


class TestSteps:
    @pytest.mark.parametrize("count", [30, 5], ids=["more residuals than weights", "fewer"])
    def test_a_linear_problem_is_solved_in_a_few_steps(self, count):
        matrix, target = drawn(count, 12), drawn(count, seed=1)
        place, objective = Place(*[0.0] * 12), Squares(lambda x: matrix @ x - target)
        best = torch.linalg.lstsq(matrix, target).solution
        least = (matrix @ best - target).square().sum().item()
        stepper = GaussNewtonStepper(place)
        losses = [stepper.step(objective) for _ in range(4)]
        assert losses[0] == pytest.approx(target.square().sum().item())
        assert losses[1] - least < 1e-2 * (losses[0] - least)  # the damping is a thousandth of the curvature
        assert losses[3] - least < 1e-5 * (losses[0] - least)

    @pytest.mark.parametrize(("steep", "part"), [(100.0, 1 / 2), (1000.0, 1 / 6)])
    @pytest.mark.parametrize("start", [(-1.2, 1.0), (-2.0, 5.0), (-1.0, -3.0)])
    def test_a_narrow_valley_takes_far_fewer_steps_with_corrections(self, monkeypatch, start, steep, part):
        canyon = Squares(lambda x: valley(x) * torch.tensor([steep / 10.0, 1.0], dtype=torch.float64))
        # Measured: 19, 22, 17 against 66, 88, 44 steps; where it is steeper 31, 39, 25 against 274, 349, 199.
        steps = steps_to(GaussNewtonStepper(Place(*start)), canyon, 1e-20)
        monkeypatch.setattr(gauss_newton, "CORRECTIONS", 0)
        assert steps < part * steps_to(GaussNewtonStepper(Place(*start)), canyon, 1e-20)

    def test_corrections_lead_to_the_residuals_that_were_foretold(self, monkeypatch):
        def missed(corrections):
            monkeypatch.setattr(gauss_newton, "CORRECTIONS", corrections)
            place, asked = Place(-1.2, 1.0), Squares(lambda x: 0.1 * valley(x))
            stepper, system = GaussNewtonStepper(place), asked.linearised(place)
            equations = stepper._equations(system)
            assert equations.factorised(1e-2)
            step = equations.solved(system.residuals)
            aim = system.residuals + equations.times(step)
            found = stepper._corrected(system, equations, place.read())
            return (asked.residuals(found.place) - aim).norm() / step.norm()

        monkeypatch.setattr(gauss_newton, "MOST", 1.0)  # as many as there may be
        misses = [float(missed(count)) for count in (0, 1, 2, 4)]
        assert misses == sorted(misses, reverse=True)
        assert misses[-1] < 0.25 * misses[0]

    # A residual of one number: r = 1, J = 1, so δ = −1 foretells nearly 0. What is found after δ and each correction:
    @pytest.mark.parametrize(
        ("found", "asked", "kept"),
        [
            pytest.param([0.1], 1, 0.1, id="most of the gain has come"),
            pytest.param([1.4, 0.9, 0.7, 0.2], 4, 0.2, id="the miss falls until then"),
            pytest.param([1.4, 0.9, 0.95, 0.1], 3, 0.9, id="the miss grows again, the best place is kept"),
            pytest.param([0.9, 0.85, 0.1], 2, 0.85, id="the miss hardly falls"),
            pytest.param([1.4, math.nan, 0.1], 2, None, id="a miss that is no number"),
            pytest.param(
                [2.0 * 0.85**k for k in range(20)], 1 + CORRECTIONS, 2.0 * 0.85**10, id="as many as there are"
            ),
        ],
    )
    def test_corrections_go_on_as_long_as_they_pay(self, monkeypatch, found, asked, kept):
        monkeypatch.setattr(gauss_newton, "BEND", 10.0)
        ready, places = iter(found), []
        place = Place(0.0)

        def again():
            places.append(float(place.x[0]))
            return torch.tensor([next(ready)], dtype=torch.float64)

        one = torch.ones(1, dtype=torch.float64)
        system = LinearSystem(one, (DenseRows(one[None]),), 0.0, (), again)
        stepper = GaussNewtonStepper(place)
        equations = stepper._equations(system)
        assert equations.factorised(1e-9)
        step = stepper._corrected(system, equations, place.read())
        assert len(places) == asked
        if kept is None:
            assert step is None
        else:
            assert step.gained == pytest.approx(1.0 - kept**2)
            assert float(step.place[0]) == places[found.index(kept)]

    def test_a_step_that_bends_more_than_it_is_long_is_not_corrected_but_damped(self):
        place, bent = Place(1.0), Squares(lambda x: torch.atan(5.0 * x))
        stepper, system = GaussNewtonStepper(place), bent.linearised(place)
        equations = stepper._equations(system)
        assert equations.factorised(FIRST)
        assert stepper._corrected(system, equations, place.read()) is None
        assert bent.asked == 1  # δ alone was looked at
        place.write(torch.tensor([1.0], dtype=torch.float64))
        losses = [stepper.step(bent) for _ in range(12)]
        assert losses == sorted(losses, reverse=True)
        assert losses[-1] < 1e-12

    def test_the_loss_never_rises(self):
        stepper, objective = GaussNewtonStepper(Place(-1.2, 1.0)), Squares(valley)
        losses = [stepper.step(objective) for _ in range(30)]
        assert losses == sorted(losses, reverse=True)

    def test_the_damping_falls_where_the_model_foretells_and_rises_where_it_does_not(self):
        stepper = GaussNewtonStepper(Place(3.0, 4.0))
        stepper.step(Squares(lambda x: 2.0 * x))
        assert stepper.damping == FIRST / 2
        stepper._adapt(0.5)
        assert stepper.damping == FIRST / 2
        stepper._adapt(0.1)
        assert stepper.damping == FIRST

    def test_a_slope_that_is_not_finite_is_told_like_a_loss_that_is_not_and_softening_forgets_it(self):
        place = Place(0.0, 2.0)
        root = Squares(lambda x: x.abs().sqrt() - 1.0)
        stepper = GaussNewtonStepper(place)
        assert math.isnan(stepper.step(root))
        assert not stepper.stalled
        assert place.x.tolist() == [0.0, 2.0]
        stepper.soften()
        place.write(torch.tensor([0.3, 2.0], dtype=torch.float64))
        assert stepper.step(root) < 1.0
        assert place.x.tolist() != [0.3, 2.0]

    def test_a_step_that_cannot_be_taken_leaves_the_weights_and_the_damping_and_stalls(self):
        place = Place(1.0, 2.0)
        nowhere = Squares(lambda x: torch.where((x == torch.tensor([1.0, 2.0])).all(), x, x + torch.nan))
        stepper = GaussNewtonStepper(place)
        assert stepper.step(nowhere) == 5.0
        assert stepper.stalled
        assert place.x.tolist() == [1.0, 2.0]
        assert stepper.damping == FIRST
        stepper.renewed()
        assert not stepper.stalled

    def test_a_loss_that_is_not_finite_is_told_and_not_stepped_from(self):
        place = Place(1.0, 2.0)
        assert math.isnan(GaussNewtonStepper(place).step(Squares(lambda x: torch.nan * x)))
        assert place.x.tolist() == [1.0, 2.0]

    @pytest.mark.parametrize("when", [1, 2, 3, 4])
    def test_whatever_interrupts_a_step_the_weights_are_those_of_the_last_one(self, when):
        class Interrupted(Squares):
            def again(self, weights):
                if self.asked == when - 1 + 4:
                    raise KeyboardInterrupt
                return super().again(weights)

        place, objective, places = Place(-1.2, 1.0), Interrupted(valley), []
        stepper = GaussNewtonStepper(place)

        def steps():
            for _ in range(10):
                places.append(place.read())
                stepper.step(objective)

        with pytest.raises(KeyboardInterrupt):
            steps()
        assert len(places) > 1
        assert torch.equal(place.x, places[-1])

    @pytest.mark.parametrize(("fall", "stalls"), [(1e-5, True), (2.0 * PROGRESS / PATIENCE, False)])
    def test_losses_that_hardly_fall_over_many_steps_stall(self, fall, stalls):
        class Slow(Squares):
            """Whose every step lowers the loss by a given part, and no more."""

            def linearised(self, weights):
                level = torch.tensor([(1.0 - fall) ** (len(losses) / 2)], dtype=torch.float64)
                row = DenseRows(torch.ones(1, 1, dtype=torch.float64))
                return LinearSystem(level, (row,), 0.0, (), lambda: (1.0 - fall) ** 0.5 * level)

        losses, stepper = [], GaussNewtonStepper(Place(1.0))
        while len(losses) < 3 * PATIENCE and not stepper.stalled:
            losses.append(stepper.step(Slow(None)))
        assert stepper.stalled == stalls
        assert len(losses) == (PATIENCE + 1 if stalls else 3 * PATIENCE)

    def test_softening_starts_with_a_damping_as_large_as_the_curvature_and_forgets(self):
        stepper = GaussNewtonStepper(Place(3.0, 4.0))
        stepper.step(Squares(lambda x: 2.0 * x))
        stepper.stalled = True
        stepper.soften()
        assert stepper.damping == 1.0
        assert stepper._peak is None
        assert not stepper.stalled

    def test_a_direction_that_falls_silent_stays_damped_for_a_while(self):
        stepper = GaussNewtonStepper(Place(3.0, 4.0))
        stepper.step(Squares(lambda x: 100.0 * x))
        loud = stepper._peak[0].item()
        stepper.step(Squares(lambda x: 1.0 * x))
        assert stepper._peak[0].item() == pytest.approx(0.9 * loud)


class TestSpaces:
    VALUE = staticmethod(lambda a, phi: phi.u - a.x)
    LAPLACIAN = staticmethod(lambda a, phi: sp.laplacian(phi.u))

    @pytest.mark.parametrize(
        ("points", "width", "residual", "space"),
        [
            pytest.param(200, 6, VALUE, WeightSpace, id="more residuals than weights"),
            pytest.param(200, 24, VALUE, KernelSpace, id="factors are cheaper"),
            pytest.param(30, 4, VALUE, ResidualSpace, id="J is cheaper as its product with itself is half the work"),
            pytest.param(30, 6, LAPLACIAN, ResidualSpace, id="J is cheaper"),
            pytest.param(12, 6, LAPLACIAN, KernelSpace, id="J is cheaper but too large"),
        ],
    )
    def test_the_cheapest_space_is_taken_that_is_not_too_large(self, monkeypatch, points, width, residual, space):
        taken = []
        for each in (WeightSpace, KernelSpace, ResidualSpace):
            made = type(each.__name__, (each,), {"__init__": self.noted(taken, each)})
            monkeypatch.setattr(gauss_newton, each.__name__, made)
        problem = stated(
            constraints=[sp.Constraint("rule", on=sp.Box(x=(0, 1), y=(0, 1), z=(0, 1)), residual=residual)]
        )
        network = sp.Siren(width=width, depth=1)
        options = {"points": points, "dtype": "float64", "progress": False}
        sp.solve(problem, network=network, optimizer=sp.GaussNewton(steps=1), **options)
        assert taken == [space]

    @staticmethod
    def noted(taken, space):
        def init(self, *arguments):
            taken.append(space)
            space.__init__(self, *arguments)

        return init


class TestDeclaration:
    def test_it_starts_on_a_network_alone_too(self):
        network = SMALL.build(1, 1, dtype=torch.float64)
        assert torch.equal(sp.GaussNewton().start(network)._weights.read()[-1:], network.last.bias)

    def test_points_are_renewed_often(self):
        assert sp.GaussNewton().kept == 10
        assert sp.GaussNewton(renew=3).kept == 3

    @pytest.mark.parametrize("renew", [0, -1, 2.0, True, None])
    def test_an_interval_that_is_no_positive_integer_is_refused(self, renew):
        message = f"GaussNewton(renew={renew!r}): expected a positive integer, such as renew=10."
        with refused(sp.UsageError, message):
            sp.GaussNewton(renew=renew)


def untrained(*arguments, **options):
    pytest.fail("training began")


class TestRefusals:
    """Every refusal comes from ``solve``, before any training."""

    @pytest.fixture(autouse=True)
    def no_training(self, monkeypatch):
        monkeypatch.setattr("sirenpde.training.loop.Trainer.run", untrained)

    def refused(self, message, problem=None, error=sp.UsageError, **changes):
        options = {"network": SMALL, "points": 50, "dtype": "float64", "optimizer": sp.GaussNewton(steps=2)} | changes
        with refused(error, message):
            sp.solve(problem or fit(), progress=False, **options)

    FLOAT32 = (
        'GaussNewton needs float64; got float32, in which the squares of slopes are rounding. Write dtype="float64".'
    )

    def test_single_precision_is_refused(self):
        self.refused(self.FLOAT32, dtype="float32")

    def test_it_is_refused_behind_other_stages_too(self):
        self.refused(self.FLOAT32, dtype="float32", optimizer=[sp.Adam(steps=2), sp.GaussNewton()])

    def test_another_network_is_refused(self):
        module = nn.Sequential(nn.Linear(1, 4), nn.Tanh(), nn.Linear(4, 1)).double()
        message = "GaussNewton needs an sp.Siren; got a Sequential. Write sp.LBFGS(…) in its place."
        self.refused(message, network=module)

    def test_frozen_weights_are_refused(self):
        network = SMALL.build(1, 1, dtype=torch.float64)
        network.linears[0].weight.requires_grad_(False)
        message = (
            "GaussNewton trains all weights of a network; 1 of its tensors do not require a gradient.\n  Write "
            "sp.SSBroyden(…) or sp.LBFGS(…) in its place, which leave them as they are."
        )
        self.refused(message, network=network)

    def test_a_residual_that_needs_autograd_is_refused(self):
        residual = lambda a, phi: sp.partial(phi.u**2, "x")
        problem = stated(constraints=[sp.Constraint("rule", on=sp.Box(x=(0, 1)), residual=residual)])
        message = (
            'constraint "rule" of problem "trial" is evaluated by autograd, and GaussNewton needs derivatives in '
            "closed form.\n  Usual cause: an expression that is differentiated, a hard condition that is not affine in "
            "its field, or a network that is no sp.Siren. Write sp.SSBroyden(…) or sp.LBFGS(…) in its place."
        )
        self.refused(message, problem)

    PENALTY = (
        'constraint "values" of problem "fit" has a function for a penalty; GaussNewton needs "squared" or "absolute". '
        "Write sp.SSBroyden(…) or sp.LBFGS(…) in its place."
    )

    def own_penalty(self):
        values = sp.Constraint(
            "values", on=sp.Box(x=(-1, 1)), residual=lambda a, phi: phi.u - torch.sin(2 * a.x), penalty=lambda r: r**4
        )
        return fit(constraints=[values])

    def test_a_penalty_of_the_users_own_is_refused(self):
        self.refused(self.PENALTY, self.own_penalty())

    def test_so_it_is_within_a_correction(self):
        stages = [sp.Adam(steps=2), sp.Correction(optimizer=sp.GaussNewton(steps=2))]
        self.refused(self.PENALTY, self.own_penalty(), optimizer=stages)

    def test_matrices_beyond_the_memory_are_refused_with_their_bytes(self, monkeypatch):
        monkeypatch.setattr(memory, "free_memory", lambda device: 1000)
        size = 2 * 12 + 13 * 12 + 13
        message = (
            f"GaussNewton keeps 24 P (N + P) bytes for N = 200 residuals and P = {size} weights: "
            f"{24 * size * (200 + size):,} bytes; 1,000 are free.\n"
            "  Write sp.LBFGS(…) in its place, fewer points, or a smaller network."
        )
        self.refused(message, points=200, error=sp.ResourceError)
        message = (
            f"GaussNewton keeps 24 N (N + P) bytes for N = 50 residuals and P = {size} weights: "
            f"{24 * 50 * (50 + size):,} bytes; 1,000 are free.\n"
            "  Write sp.LBFGS(…) in its place, fewer points, or a smaller network."
        )
        self.refused(message, points=50, error=sp.ResourceError)
        widths = (2 + 12) + (13 + 12) + (13 + 1)
        message = (
            f"GaussNewton keeps 24 N² + 32 N W bytes for N = 40 residuals and W = {widths} inputs and outputs of all "
            f"layers: {24 * 40**2 + 32 * 40 * widths:,} bytes; 1,000 are free.\n"
            "  Write sp.LBFGS(…) in its place, fewer points, or a smaller network."
        )
        self.refused(message, points=40, error=sp.ResourceError)

    def test_components_count_and_an_integral_counts_once(self, monkeypatch):
        monkeypatch.setattr(memory, "free_memory", lambda device: 1000)
        box = sp.Box(x=(-1, 1), y=(-1, 1))
        rule = sp.Constraint("rule", on=box, residual=lambda a, phi: (sp.grad(phi.u), phi.u), points=20)
        mean = sp.IntegralConstraint("mean", on=box, residual=lambda a, phi: phi.u, points=300)
        size = 3 * 12 + 13 * 12 + 13
        message = (
            f"GaussNewton keeps 24 N (N + P) bytes for N = 61 residuals and P = {size} weights: "
            f"{24 * 61 * (61 + size):,} bytes; 1,000 are free.\n"
            "  Write sp.LBFGS(…) in its place, fewer points, or a smaller network."
        )
        self.refused(message, stated(constraints=[rule, mean]), points="auto", error=sp.ResourceError)

    def test_a_correction_is_measured_by_its_own_size(self, monkeypatch):
        correction = sp.Correction(network=sp.Siren(width=40, depth=1), optimizer=sp.SSBroyden(steps=2))
        size = 2 * 40 + 41 * 40 + 41
        monkeypatch.setattr(memory, "free_memory", lambda device: 8 * size**2)
        message = (
            f"SSBroyden keeps a matrix of 8 P² bytes for this network's P = {size:,} weights: {8 * size**2:,} bytes; "
            f"{8 * size**2:,} are free.\n  Write sp.LBFGS(…) in its place, or a smaller network."
        )
        self.refused(message, optimizer=[sp.SSBroyden(steps=2), correction], error=sp.ResourceError)


class TestTraining:
    def run(self, problem, *stages, **changes):
        options = {"network": SMALL, "points": 400, "dtype": "float64", "progress": False}
        return sp.solve(problem, optimizer=list(stages), **(options | changes))

    def test_poissons_equation_in_a_few_steps_after_muon_and_the_same_seed_gives_the_same_bits(self):
        runs = [self.run(poisson(), sp.Muon(steps=50, lr=5e-3), sp.GaussNewton(steps=25)) for _ in range(2)]
        assert runs[0].score["u_relative_l2"] < 1e-4
        assert runs[0].history.loss == runs[1].history.loss
        one, other = (run.network.state_dict() for run in runs)
        assert all(torch.equal(one[name], other[name]) for name in one)

    def test_it_goes_on_within_a_correction_and_behind_it(self):
        small = sp.Siren(width=4, depth=1, omega=1, first_omega=3)
        first = self.run(fit(), sp.GaussNewton(steps=30), points=60, network=small)
        stages = [sp.Correction(network=SMALL, optimizer=sp.GaussNewton(steps=35)), sp.GaussNewton(steps=5)]
        second = self.run(fit(), *stages, network=first.network, points=60)
        assert 5 * second.score["u_relative_l2"] < first.score["u_relative_l2"]
        assert second.settings["notes"][0].startswith("correction 1 lowered the loss from ")

    def test_an_unknown_number_is_found(self):
        place = np.linspace(0, 1, 30)
        seen = sp.Points(place[:, None], names=("x",), data={"seen": np.exp(-1.5 * place)})
        problem = sp.Problem(
            name="decay",
            fields="u",
            constraints=[
                sp.Constraint(
                    "rule", on=sp.Box(x=(0, 1)), residual=lambda a, phi: sp.partial(phi.u, "x") + a.nu * phi.u
                ),
                sp.Constraint("data", on=seen, residual=lambda a, phi: phi.u - a.seen),
            ],
            unknowns={"nu": sp.Unknown(1.0, lower=0)},
        )
        solution = self.run(problem, sp.GaussNewton(steps=40), points=100)
        assert solution.unknowns["nu"] == pytest.approx(1.5, rel=1e-5)

    def test_an_absolute_penalty_goes_to_the_median_and_not_to_the_mean(self):
        place = np.linspace(-1, 1, 31)
        values = np.where(np.arange(31) % 5 == 0, 10.0, 1.0)  # a fifth are outliers
        seen = sp.Points(place[:, None], names=("x",), data={"seen": values})
        data = sp.Constraint("data", on=seen, residual=lambda a, phi: phi.u - a.seen, penalty="absolute")
        flat = sp.Constraint("flat", on=sp.Box(x=(-1, 1)), residual=lambda a, phi: sp.partial(phi.u, "x"), weight=1e4)
        solution = self.run(stated(constraints=[data, flat]), sp.GaussNewton(steps=40), points=60, balance=None)
        assert np.abs(solution.u(place[:, None]) - 1.0).max() < 0.05

    def test_time_that_is_up_within_a_step_ends_the_run_with_the_last_one(self, monkeypatch):
        ticks = iter(range(10**6))
        monkeypatch.setattr("sirenpde.training.loop.time.monotonic", lambda: float(next(ticks)))
        solution = self.run(fit(), sp.GaussNewton(steps=10**4), points=60, max_seconds=60)
        assert solution.status is sp.Status.BUDGET_SPENT
        assert 1 <= len(solution.history) < 30
