"""Self-scaled Broyden: the secant equation, positive curvature, and the problems that the method is known by."""

import copy
import math
from decimal import Decimal, localcontext

import pytest
import torch
from small import refused
from torch import nn

import sirenpde as sp
from sirenpde.training import memory, ssbroyden
from sirenpde.training.quasi_newton import QuasiNewtonStepper
from sirenpde.training.ssbroyden import DenseInverseHessian, first_scaling, self_scaling


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


class Place(nn.Module):
    """A place x, as a module with one weight."""

    def __init__(self, place):
        super().__init__()
        self.x = nn.Parameter(torch.as_tensor(place, dtype=torch.float64).clone())


def minimised(function, place, stepper_of, slope=1e-8, most=3000):
    """Steps that it takes to bring the gradient's norm below ``slope``."""
    module = Place(place)
    stepper = stepper_of(module)

    def objective():
        module.zero_grad()
        loss = function(module.x)
        loss.backward()
        return loss.item()

    for step in range(1, most + 1):
        stepper.step(objective)
        objective()
        if module.x.grad.norm() < slope or stepper.stalled:
            return step, module
    return most, module


def dense(module):
    return QuasiNewtonStepper(module, DenseInverseHessian(module.x.numel()))


ROTATION = torch.linalg.qr(drawn(40, 40))[0]
STIFFNESS = torch.logspace(0, 6, 40, dtype=torch.float64)


def quartic(x):
    """Σ d_i (z_i²/2 + z_i⁴/4) with d from 1 to 1e6, in rotated coordinates."""
    z = ROTATION @ x
    return (STIFFNESS * (z**2 / 2 + z**4 / 4)).sum()


def rosenbrock(x):
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


class TestUpdate:
    @pytest.mark.parametrize("size", [2, 3, 12])
    def test_the_secant_equation_holds_and_the_curvature_stays_positive(self, size):
        model, spread = DenseInverseHessian(size), drawn(size, size, seed=1)
        curvature = spread @ spread.T + 0.1 * torch.eye(size, dtype=torch.float64)
        gradient = drawn(size, seed=2)
        direction = model.direction(gradient)
        for number in range(40):
            step = 0.2 + 0.1 * (number % 5)
            moved = step * direction
            after = gradient + curvature @ moved
            following = model.advance(direction, step, gradient, after)
            change = after - gradient
            assert (model.matrix @ change - moved).norm() <= 1e-10 * moved.norm()
            assert torch.linalg.eigvalsh(model.matrix)[0] > 0
            assert (model.matrix - model.matrix.T).abs().max() <= 1e-15 * model.matrix.abs().max()
            torch.testing.assert_close(following, -model.matrix @ after, rtol=1e-9, atol=1e-12)
            gradient = drawn(size, seed=3 + number)
            direction = model.direction(gradient)

    def test_it_is_the_formula_that_is_printed(self):
        size, curvature = 4, torch.diag(torch.tensor([1.0, 2.0, 5.0, 9.0], dtype=torch.float64))
        model, gradient = DenseInverseHessian(size), drawn(4)
        for number in range(6):
            before, direction, step = model.matrix.clone(), model.direction(gradient), 0.3
            moved = step * direction
            after = gradient + curvature @ moved + 0.01 * drawn(4, seed=number)
            change = after - gradient
            model.advance(direction, step, gradient, after)
            rise, image = moved @ change, before @ change
            spread = change @ image
            b, h = (moved @ torch.linalg.solve(before, moved) / rise).item(), (spread / rise).item()
            phi, tau = self_scaling(b, h, size) if number else first_scaling(b, h)
            v = spread.sqrt() * (moved / rise - image / spread)
            expected = (before - torch.outer(image, image) / spread + phi * torch.outer(v, v)) / tau
            expected += torch.outer(moved, moved) / rise
            torch.testing.assert_close(model.matrix, expected, rtol=1e-10, atol=1e-13)
            gradient = after

    def test_where_the_slope_did_not_rise_the_matrix_stays(self):
        model, gradient = DenseInverseHessian(3), drawn(3)
        following = model.advance(model.direction(gradient), 0.5, gradient, 2.0 * gradient)
        assert torch.equal(model.matrix, torch.eye(3, dtype=torch.float64))
        assert torch.equal(following, -2.0 * gradient)

    def test_a_reset_is_the_identity_again(self):
        model, gradient = DenseInverseHessian(3), drawn(3)
        model.advance(model.direction(gradient), 0.5, gradient, 0.1 * gradient)
        model.reset()
        assert torch.equal(model.matrix, torch.eye(3, dtype=torch.float64))


class TestScaling:
    def test_parallel_directions_leave_one_member_of_the_family(self):
        assert self_scaling(2.0, 0.5, 9) == (1.0, 0.5)
        assert self_scaling(0.5, 2.0, 9) == (1.0, 1.0)
        assert first_scaling(0.5, 2.0) == (1.0, 2.0)

    @pytest.mark.parametrize(("b", "h"), [(0.5, 3.0), (2.0, 0.9), (1.0, 1.5), (30.0, 40.0), (1e-3, 1e5)])
    def test_the_matrix_stays_positive_in_every_case(self, b, h):
        # The determinant of the unscaled update is proportional to 1 + a φ' with φ' of the dual form: σ > 0 says it.
        phi, tau = self_scaling(b, h, 50)
        a = b * h - 1
        theta = (1.0 - phi) / (1.0 + a * phi)  # σ = 1 + aθ and φ = (1 − θ)/σ, solved for θ
        assert 1.0 + a * theta > 0
        assert 0 < tau <= 1

    def test_the_case_without_scaling_is_the_one_of_no_excess(self):
        assert self_scaling(0.5, 3.0, 50)[1] < 1
        assert self_scaling(1.0, 1.0 + 1e-16, 50)[1] == 1.0

    def test_the_formula_holds_where_one_minus_c_is_rounding(self):
        # h (1 − c) as it is printed, in 60 digits; in double precision 1 − c is 0 here.
        with localcontext(prec=60):
            b, h = Decimal(10) ** 5, Decimal(10) ** 12
            a = b * h - 1
            rho = h * (1 - (a / (1 + a)).sqrt())
            theta = max((rho - 1) / a, min(1 / rho, (1 - b) / b))
            sigma = 1 + a * theta
            expected = float((1 - theta) / sigma), float(min(sigma ** (Decimal(-1) / 99) / b, sigma))
        assert self_scaling(1e5, 1e12, 100) == pytest.approx(expected, rel=1e-9)

    @pytest.mark.parametrize("size", [1, 2, 100])
    @pytest.mark.parametrize("h", [5e-324, 1e-200, 1e-9, 1.0, 1e9, 1e200, 1e308])
    @pytest.mark.parametrize("b", [5e-324, 1e-200, 1e-9, 1.0, 1e9, 1e17, 1e200, 1e308])
    def test_no_ratio_leaves_the_range_of_numbers(self, b, h, size):
        for phi, tau in (self_scaling(b, h, size), first_scaling(b, h)):
            assert math.isfinite(phi)
            assert 0 <= tau < math.inf

    @pytest.mark.parametrize("scale", [1e-320, 1e-160, 1e-100, 1e100, 1e150, 1e160, 1e300])
    @pytest.mark.parametrize("steps", [1, 4])
    def test_no_change_of_the_gradient_brings_the_matrix_beyond_it(self, scale, steps):
        model, gradient = DenseInverseHessian(3), torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64)
        for number in range(steps):
            direction = model.direction(gradient)
            after = gradient + (scale if number == steps - 1 else 1.5) * direction
            following = model.advance(direction, 0.5, gradient, after)
            gradient = 0.5 * gradient + number
        assert bool(torch.isfinite(model.matrix).all())
        assert bool(torch.isfinite(following).all())

    @pytest.mark.parametrize("started", [False, True])
    def test_numbers_of_any_size_leave_a_finite_matrix(self, started):
        generator = torch.Generator().manual_seed(0)
        for _ in range(400):
            model = DenseInverseHessian(2)
            if started:
                model.matrix.mul_(10.0 ** float(600 * torch.rand(1, generator=generator) - 300))
                model._untouched = False
            exponents = (600 * torch.rand(3, generator=generator, dtype=torch.float64) - 300).tolist()
            length, size, step = (10.0**exponent for exponent in exponents)
            before = -size * torch.rand(2, generator=generator, dtype=torch.float64)
            after = before + length * torch.rand(2, generator=generator, dtype=torch.float64)
            model.advance(model.direction(before), step, before, after)
            assert bool(torch.isfinite(model.matrix).all())


class TestKnownProblems:
    @pytest.mark.parametrize("stiffness", [1e12, 1e18, 1e24])
    def test_a_quadratic_of_any_stiffness_goes_down_to_zero(self, stiffness):
        module = Place([1.0, 1e-3 / stiffness])
        curvature = torch.tensor([1.0, stiffness], dtype=torch.float64)

        def objective():
            module.zero_grad()
            loss = (curvature * module.x**2).sum() / 2
            loss.backward()
            return loss.item()

        stepper = dense(module)
        losses = [stepper.step(objective) for _ in range(60)]
        assert losses == sorted(losses, reverse=True)
        assert losses[-1] < 1e-12
        assert bool(torch.isfinite(stepper._model.matrix).all())

    def test_a_stiff_quartic_takes_a_third_of_the_steps_of_bfgs(self, monkeypatch):
        # Published counts for such a quartic: 128 self-scaled Broyden, 374 BFGS.
        start = drawn(40, seed=5)
        steps, _ = minimised(quartic, start, dense)
        assert 100 <= steps <= 210
        monkeypatch.setattr(ssbroyden, "self_scaling", lambda b, h, size: (1.0, 1.0))
        monkeypatch.setattr(ssbroyden, "first_scaling", lambda b, h: (1.0, h))
        plain, _ = minimised(quartic, start, dense)
        assert plain > 2 * steps

    def test_rosenbrocks_valley(self):
        steps, module = minimised(rosenbrock, [-1.2, 1.0], dense)
        assert steps <= 60
        torch.testing.assert_close(module.x, torch.ones(2, dtype=torch.float64), rtol=0, atol=1e-7)

    def test_a_mild_quadratic_ends_in_few_more_steps_than_it_has_dimensions(self):
        weights = torch.linspace(1, 10, 10, dtype=torch.float64)
        steps, _ = minimised(lambda x: (weights * x**2).sum(), drawn(10), dense, slope=1e-8)
        assert steps <= 40


class TestStage:
    def test_single_precision_is_refused(self):
        network = sp.Siren(width=4, depth=1).build(1, 1)
        message = (
            "SSBroyden needs float64; got float32, in which differences of gradients are rounding. Write "
            'dtype="float64".'
        )
        with refused(sp.UsageError, message):
            sp.SSBroyden(steps=10).start(network)

    def test_a_matrix_beyond_the_memory_is_refused_with_its_bytes(self, monkeypatch):
        monkeypatch.setattr(memory, "free_memory", lambda device: 1000)
        network = nn.Linear(10, 2).double()
        message = (
            "SSBroyden keeps a matrix of 8 P² bytes for this network's P = 22 weights: 3,872 bytes; 1,000 are free.\n"
            "  Write sp.LBFGS(…) in its place, or a smaller network."
        )
        with refused(sp.ResourceError, message):
            sp.SSBroyden(steps=10).start(network)

    @pytest.mark.parametrize("renew", [0, -1, 2.0, True, None])
    def test_an_interval_that_is_no_positive_integer_is_refused(self, renew):
        message = f"SSBroyden(renew={renew!r}): expected a positive integer, such as renew=500."
        with refused(sp.UsageError, message):
            sp.SSBroyden(renew=renew)

    def test_frozen_weights_stay_and_all_others_move(self):
        network = sp.Siren(width=6, depth=1).build(1, 1, dtype=torch.float64)
        network.linears[0].weight.requires_grad_(False)
        before = copy.deepcopy(network)
        points = torch.linspace(-1, 1, 20, dtype=torch.float64)[:, None]

        def objective():
            network.zero_grad()
            loss = (network(points) - torch.sin(3 * points)).square().mean()
            loss.backward()
            return loss.item()

        stepper = sp.SSBroyden(steps=30).start(network)
        losses = [stepper.step(objective) for _ in range(30)]
        assert losses == sorted(losses, reverse=True)
        assert losses[-1] < 0.1 * losses[0]
        pairs = zip(network.named_parameters(), before.parameters(), strict=True)
        assert [name for (name, weight), old in pairs if torch.equal(weight, old)] == ["linears.0.weight"]

    def test_whatever_interrupts_a_search_the_weights_are_those_of_the_last_step(self):
        module, calls = Place([3.0, 4.0]), [0]

        def objective():
            calls[0] += 1
            if calls[0] == 6:
                raise KeyboardInterrupt
            module.zero_grad()
            loss = (module.x**4).sum()
            loss.backward()
            return loss.item()

        stepper, places = dense(module), []

        def steps():
            for _ in range(10):
                stepper.step(objective)
                places.append(module.x.detach().clone())

        with pytest.raises(KeyboardInterrupt):
            steps()
        assert torch.equal(module.x, places[-1])

    def test_new_points_leave_the_matrix_and_start_from_a_new_gradient(self):
        module, target = Place([3.0, 4.0, 5.0]), [1.0]

        def objective():
            module.zero_grad()
            loss = (torch.arange(1.0, 4.0) * (module.x - target[0]) ** 2).sum()
            loss.backward()
            return loss.item()

        stepper = dense(module)
        for _ in range(8):
            stepper.step(objective)
        matrix = stepper._model.matrix.clone()
        assert (matrix - torch.eye(3, dtype=torch.float64)).abs().max() > 0.1
        target[0] = -2.0
        stepper.renewed()
        assert torch.equal(stepper._model.matrix, matrix)
        for _ in range(3):  # most of the inverse of the second derivatives is known
            stepper.step(objective)
        assert (module.x + 2.0).abs().max() < 0.05

    def test_a_minimum_stalls(self):
        module = Place([0.0, 0.0])
        stepper = dense(module)

        def objective():
            module.zero_grad()
            (module.x**2).sum().backward()
            return 0.0

        for _ in range(3):
            stepper.step(objective)
        assert stepper.stalled

    def test_a_start_that_is_not_finite_is_told_and_not_stepped_from(self):
        module = Place([1.0, 2.0])

        def objective():
            module.x.grad = torch.full_like(module.x, math.nan)
            return 1.0

        assert math.isnan(dense(module).step(objective))
        assert module.x.tolist() == [1.0, 2.0]
