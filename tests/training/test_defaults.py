"""What ``"auto"`` means: a choice that fits the problem, not its numbers, which measurements may change."""

import warnings

import numpy as np
import pytest
import torch
from small import poisson, read_u, stated

import sirenpde as sp
from sirenpde.training.collocation import share_out
from sirenpde.training.defaults import (
    choose_defaults,
    equation_points,
    fitting_stages,
    open_ended,
    shared_out_steps,
    stages_within,
)
from sirenpde.training.reproducibility import DTYPES
from sirenpde.training.requirements import require_trainable

PIXELS = sp.Grid(("x", "y"), (-0.9, 0.9), (0.2, -0.2), (10, 10))


def sound(count):
    tone = sp.Waveform.from_samples(np.sin(np.arange(count)), rate=8000)
    rule = sp.Constraint("values", on=tone.grid, residual=lambda a, phi: phi.u - a.f)
    return stated(given={"f": tone}, constraints=[rule])


def picture(residual):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sp.SirenPDEWarning)  # a slope alone leaves a constant open
        return stated(constraints=[sp.Constraint("pixels", on=PIXELS, residual=residual)])


PROBLEMS = {
    "picture": picture(read_u),
    "picture from its slope": picture(lambda a, phi: sp.grad(phi.u) - 1),
    "sound": sound(1000),
    "equation": poisson(2),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_every_choice_can_be_solved_with(name):
    problem = PROBLEMS[name]
    chosen = choose_defaults(problem)
    assert chosen.dtype in DTYPES
    assert all(stage.steps >= 1 for stage in chosen.stages)
    assert min(share_out(problem, chosen.points).values()) >= 1
    network = chosen.network.build(len(problem.coordinates), problem.layout.outputs, dtype=DTYPES[chosen.dtype])
    ansatz = problem.ansatz(network)
    require_trainable(chosen.stages, problem, ansatz, share_out(problem, chosen.points))
    for stage in chosen.stages:
        stage.start(ansatz)


def test_every_kind_of_problem_has_a_reason_of_its_own():
    assert len({choose_defaults(problem).reasons["optimizer"] for problem in PROBLEMS.values()}) == len(PROBLEMS)


def test_the_reasons_of_what_was_left_open_are_kept_with_the_solution():
    solution = sp.solve(poisson(1), steps=3, network=sp.Siren(width=4, depth=1, omega=1.0), progress=False)
    assert "network" not in solution.settings["auto"]
    assert {"optimizer", "points", "dtype", "balance"} <= set(solution.settings["auto"])


def test_the_frequency_of_a_sound_follows_its_samples_between_bounds():
    # ω of the first layer: well below Nyquist, π n / 2, never above the 3000 of the published recipe.
    omegas = [choose_defaults(sound(count)).network.first_omega for count in (100, 10_000, 20_000, 300_000)]
    assert omegas == sorted(omegas)
    assert omegas[1] < omegas[2]
    assert all(omega <= 3000 for omega in omegas)
    assert all(omega < np.pi * count / 2 for omega, count in zip(omegas, (100, 10_000, 20_000, 300_000)))


def test_a_smooth_equation_gets_a_smoother_network_than_a_picture():
    smooth, sharp = choose_defaults(PROBLEMS["equation"]).network, choose_defaults(PROBLEMS["picture"]).network
    assert smooth.first_omega < sharp.first_omega
    assert smooth.width < sharp.width


def test_what_counts_is_the_derivative_and_not_how_it_is_written():
    def by_component(a, phi):
        return (sp.partial(phi.u, "x") - 1, sp.partial(phi.u, "y") - 1)

    expected = choose_defaults(PROBLEMS["picture from its slope"])
    assert choose_defaults(picture(by_component)) == expected
    assert choose_defaults(picture(by_component)).network == expected.network
    assert choose_defaults(picture(lambda a, phi: torch.sin(phi.u))) == choose_defaults(PROBLEMS["picture"])


class TestEquation:
    CHOSEN = choose_defaults(PROBLEMS["equation"])

    def test_the_inside_gets_most_of_the_points(self):
        # Area 4 and boundary 8: by measure alone, the boundary would get two thirds.
        assert equation_points(PROBLEMS["equation"]) == {"equation": 3000, "walls": 600}
        points = self.CHOSEN.points
        assert points["equation"] == pytest.approx(5 * points["walls"], rel=0.01)

    def test_there_are_about_three_residuals_per_weight_however_many_components_there_are(self):
        def with_components(count):
            def residual(a, phi):
                return tuple(phi.u - k * a.x for k in range(count))

            problem = stated(constraints=[sp.Constraint("rule", on=sp.Box(x=(-1, 1)), residual=residual)])
            chosen = choose_defaults(problem)
            weights = sum(each.numel() for each in chosen.network.build(1, 1).parameters())
            return count * share_out(problem, chosen.points)["rule"] / weights

        assert [with_components(count) for count in (1, 4)] == [pytest.approx(3, rel=0.01)] * 2

    def test_constraints_on_one_region_get_as_many_each_and_its_parts_share(self):
        whole, left, right = sp.Box(x=(0, 4), y=(0, 1)), sp.Box(x=(0, 1), y=(0, 1)), sp.Box(x=(1, 4), y=(0, 1))
        both = stated(constraints=[sp.Constraint(name, on=whole, residual=read_u) for name in ("one", "two")])
        assert equation_points(both) == {"one": 3000, "two": 3000}
        parts = stated(
            constraints=[
                sp.Constraint("left", on=left, residual=read_u),
                sp.Constraint("right", on=right, residual=read_u),
                sp.Constraint("end", on=right.at(x=4), residual=read_u),
                sp.Constraint("spot", on=whole.at(x=0, y=0), residual=read_u),
            ]
        )
        assert equation_points(parts) == {"left": 750, "right": 2250, "end": 600, "spot": 1500}
        assert share_out(parts, equation_points(parts))["spot"] == 1

    def test_the_first_layer_follows_the_waves_of_the_source_between_bounds(self):
        def waves(k):
            source = sp.Constraint("rule", on=sp.Box(x=(-1, 1)), residual=lambda a, phi: phi.u - torch.sin(k * a.x))
            return choose_defaults(stated(constraints=[source])).network.first_omega

        assert [waves(k) for k in (1, 9, 300)] == [4.0, pytest.approx(9.0, rel=0.1), 30.0]

    def test_the_more_a_step_costs_the_fewer_steps_there_are(self):
        steps = [choose_defaults(poisson(dimension)).stages[-1].steps for dimension in (1, 2, 3)]
        assert steps == sorted(steps, reverse=True)
        assert 50 <= steps[-1] < steps[0] <= 1500

    def test_a_residual_without_a_jacobian_in_closed_form_is_left_to_quasi_newton(self):
        def flux(a, phi):
            return sp.div(torch.exp(phi.u) * sp.grad(phi.u)) + a.x

        problem = stated(constraints=[sp.Constraint("rule", on=sp.Box(x=(-1, 1)), residual=flux)])
        chosen = choose_defaults(problem)
        assert isinstance(chosen.stages[-1], sp.SSBroyden)
        assert "autograd" in chosen.reasons["optimizer"]
        assert isinstance(self.CHOSEN.stages[-1], sp.GaussNewton)

    def test_it_is_double_precision_with_balanced_terms(self):
        assert self.CHOSEN.dtype == "float64"
        assert self.CHOSEN.balanced
        assert not choose_defaults(PROBLEMS["picture"]).balanced


class TestSteps:
    FIRST = (sp.Adam(steps=100), sp.Muon(steps=300))
    BOTH = (sp.Muon(steps=300), sp.SSBroyden(steps=5000))

    def counts(self, stages, steps):
        return [stage.steps for stage in shared_out_steps(stages, steps)]

    def test_stages_with_a_schedule_are_scaled(self):
        assert self.counts(self.FIRST, 40) == [10, 30]
        assert self.counts(self.FIRST, 800) == [200, 600]
        assert self.counts(self.FIRST, 1) == [1]

    def test_a_stage_on_fixed_points_takes_what_the_warm_up_leaves(self):
        assert self.counts(self.BOTH, 20_000) == [300, 19_700]
        assert self.counts(self.BOTH, 1000) == [300, 700]
        assert self.counts(self.BOTH, 90) == [30, 60]
        assert self.counts(self.BOTH, 1) == [1]

    @pytest.mark.parametrize("steps", [1, 2, 3, 7, 100, 5300, 10**6])
    def test_together_they_take_what_is_allowed(self, steps):
        assert sum(self.counts(self.BOTH, steps)) == steps
        assert sum(self.counts(self.FIRST, steps)) == steps

    def test_where_time_ends_the_run_the_last_stage_goes_on(self):
        assert [stage.steps for stage in open_ended(self.BOTH, 1000.0)] == [300, 10**6]
        assert open_ended(self.FIRST, 1.0) == self.FIRST

    def test_a_warm_up_leaves_most_of_a_short_time_to_the_last_stage(self):
        assert [open_ended(self.BOTH, seconds)[0].steps for seconds in (0.5, 25.0, 120.0)] == [20, 25, 120]


class TestFitting:
    STAGES = (sp.Muon(steps=300, lr=2e-3), sp.SSBroyden(steps=50, renew=20))

    def test_a_small_network_in_double_precision_takes_all_as_it_is(self):
        assert fitting_stages(self.STAGES, sp.Siren(width=8, depth=1).build(1, 1, dtype=torch.float64)) == self.STAGES

    @pytest.mark.parametrize(("width", "dtype"), [(8, torch.float32), (128, torch.float64)])
    def test_a_matrix_that_does_not_suit_becomes_a_memory(self, width, dtype):
        fitted = fitting_stages(self.STAGES, sp.Siren(width=width, depth=1).build(1, 1, dtype=dtype))
        assert fitted == (self.STAGES[0], sp.LBFGS(steps=50, renew=20))

    def test_where_normal_equations_do_not_suit_quasi_newton_takes_their_time(self):
        stages = (self.STAGES[0], sp.SSBroyden(steps=50), sp.GaussNewton(steps=100))
        networks = (sp.Siren(width=width, depth=2).build(1, 1, dtype=torch.float64) for width in (8, 48, 64))
        small, middle, large = networks
        assert fitting_stages(stages, small) == stages
        assert fitting_stages(stages, middle) == (stages[0], sp.SSBroyden(steps=50 + 1200))
        assert fitting_stages(stages, large) == (stages[0], sp.LBFGS(steps=50 + 1200))
        assert fitting_stages(stages, small.float()) == (stages[0], sp.LBFGS(steps=50 + 1200))

    def test_a_network_that_is_no_siren_is_warmed_up_by_adam(self):
        fitted = fitting_stages(self.STAGES, torch.nn.Linear(1, 1).double())
        assert fitted == (sp.Adam(steps=300, lr=2e-3), self.STAGES[1])

    def test_steps_go_before_seconds(self):
        network = sp.Siren(width=8, depth=1).build(1, 1, dtype=torch.float64)
        assert stages_within(self.STAGES, network, None, None) == self.STAGES
        assert [stage.steps for stage in stages_within(self.STAGES, network, None, 9.0)] == [20, 10**6]
        assert [stage.steps for stage in stages_within(self.STAGES, network, 90, 9.0)] == [30, 60]


def test_an_equation_that_differentiates_an_expression_has_defaults_too():
    whole = sp.Constraint("rule", on=sp.Box(x=(0, 1)), residual=lambda a, phi: sp.partial(torch.sin(phi.u), "x"))
    assert choose_defaults(stated(constraints=[whole])).stages
