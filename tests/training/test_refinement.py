"""Adaptive points: dense where the residual is large, with weights that leave the integral what it is."""

import math

import numpy as np
import pytest
import torch
from small import NETWORK, SQUARE, fit, read_u, refused, stated

import sirenpde as sp
from sirenpde.regions.region import Sample
from sirenpde.training.collocation import Collocation
from sirenpde.training.loop import Budget, Trainer
from sirenpde.training.loss import IntegralLoss
from sirenpde.training.progress import ProgressDisplay
from sirenpde.training.refinement import along_curve, inclusion, systematic

LINE = sp.Box(x=(0, 1))


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def peak(points):
    """|r| with a peak at 0.3, a hundredth wide."""
    return 1.0 / (1.0 + ((points[:, 0] - 0.3) / 0.01) ** 2)


def chosen(adaptive, count=200, seed=0):
    """Points of [0, 1], adapted to the peak."""
    drawn = generator(seed)
    pool = LINE.draw(adaptive.pool * count, drawn)
    return adaptive.choose(pool, count, peak(pool.points), drawn)


class TestDensity:
    def test_it_is_the_formula_of_the_paper(self):
        magnitudes = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
        found = sp.AdaptivePoints(power=2, floor=0.5).density(magnitudes)
        np.testing.assert_allclose(found, np.array([1, 4, 9]) / (14 / 3) + 0.5, rtol=1e-12)

    @pytest.mark.parametrize("values", [[0.0, 0.0], [1.0, math.nan], [math.inf, 1.0]])
    def test_residuals_that_say_nothing_give_uniform_points(self, values):
        assert sp.AdaptivePoints().density(torch.tensor(values)).tolist() == [1, 1]

    def test_residuals_of_any_size_give_the_same_density(self):
        magnitudes = torch.rand(9, dtype=torch.float64, generator=generator())
        adaptive = sp.AdaptivePoints(power=8)
        np.testing.assert_allclose(adaptive.density(1e-60 * magnitudes), adaptive.density(magnitudes), rtol=1e-10)


class TestInclusion:
    def test_probabilities_follow_the_density_and_sum_to_the_count(self):
        found = inclusion(torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=torch.float64), 2)
        np.testing.assert_allclose(found, [0.2, 0.4, 0.6, 0.8])

    def test_a_point_that_is_sure_leaves_the_rest_to_the_others(self):
        # 1 : 1 : 2 : 100 for three points: the last is sure, then the third is.
        found = inclusion(torch.tensor([1.0, 1.0, 2.0, 100.0], dtype=torch.float64), 3)
        np.testing.assert_allclose(found, [0.5, 0.5, 1.0, 1.0])

    def test_each_point_comes_as_often_as_its_probability_says_and_never_twice(self):
        chances, repeats = inclusion(torch.linspace(0.1, 3.0, 12, dtype=torch.float64) ** 2, 5), 4000
        drawn, counts = generator(), torch.zeros(12, dtype=torch.float64)
        for _ in range(repeats):
            numbers = systematic(chances, 5, torch.arange(12), drawn)
            assert len(numbers.unique()) == 5
            counts[numbers] += 1
        # Five standard deviations of a frequency are at most 5 · 0.5 / √4000 = 0.04.
        np.testing.assert_allclose(counts / repeats, chances, atol=0.04)


class TestCurve:
    def test_it_goes_through_a_square_quarter_by_quarter(self):
        corners = torch.tensor([[1, 1], [0, 1], [1, 0], [0, 0]], dtype=torch.float64)
        assert corners[along_curve(corners)].tolist() == [[0, 0], [1, 0], [0, 1], [1, 1]]

    @pytest.mark.parametrize("dimension", [1, 2, 5, 70])
    def test_every_point_is_met_once_in_any_dimension(self, dimension):
        points = torch.rand(50, dimension, dtype=torch.float64, generator=generator())
        assert sorted(along_curve(points).tolist()) == list(range(50))

    def test_a_coordinate_that_stands_still_is_no_obstacle(self):
        points = torch.tensor([[0.7, 2.0], [0.1, 2.0], [0.4, 2.0]], dtype=torch.float64)
        assert along_curve(points).tolist() == [1, 2, 0]


class TestChoice:
    def test_points_gather_where_the_residual_is_large(self):
        # Uniformly, 4 of 200 would be within 0.01 of the peak; at most 5 · 4 can be.
        near = (chosen(sp.AdaptivePoints()).points - 0.3).abs() < 0.01
        assert int(near.sum()) >= 15

    def test_no_place_gets_more_than_the_pool_has(self):
        for pool in (2, 5):
            sample = chosen(sp.AdaptivePoints(power=4, floor=0, pool=pool))
            assert len(sample) == 200
            assert float(sample.shares.min()) >= 1 / pool - 1e-12

    @pytest.mark.parametrize("adaptive", [sp.AdaptivePoints(), sp.AdaptivePoints(power=2, floor=0.1, pool=10)])
    def test_the_integral_stays_what_it_is(self, adaptive):
        # The mean over many draws against the integral of the peak squared: (0.01 π / 2) up to the tails.
        def estimate(seed):
            sample = chosen(adaptive, seed=seed)
            return float((sample.shares * peak(sample.points) ** 2).mean())

        estimates = np.array([estimate(seed) for seed in range(400)])
        exact = float((peak(torch.linspace(0, 1, 10**5, dtype=torch.float64)[:, None]) ** 2).mean())
        error = estimates.std() / math.sqrt(len(estimates))
        assert abs(estimates.mean() - exact) < 4 * error
        assert error < 0.02 * exact

    def test_a_narrow_peak_is_measured_better_than_by_uniform_points(self):
        def values(seed):
            adapted, uniform = chosen(sp.AdaptivePoints(), seed=seed), torch.rand(200, 1, generator=generator(seed))
            weighed = (adapted.shares * peak(adapted.points) ** 2).mean()
            return float(weighed), float((peak(uniform) ** 2).mean())

        adapted, uniform = np.array([values(seed) for seed in range(100)]).std(axis=0)
        assert adapted < 0.5 * uniform

    def test_a_smooth_integrand_is_measured_as_well_as_by_low_discrepancy_points(self):
        # Measured: scatter 1.1e-3 and 0.9e-3 of low-discrepancy points; 1.1e-2 where the order is random, 2.2e-2 for
        # independent points.
        box = sp.Box(x=(0, 1), y=(0, 1))

        def smooth(points):
            return (torch.sin(3 * points[:, 0]) * torch.cos(4 * points[:, 1]) + points[:, 0]) ** 2

        def estimate(seed):
            drawn = generator(seed)
            pool = box.draw(5000, drawn)
            sample = sp.AdaptivePoints().choose(pool, 1000, smooth(pool.points).sqrt(), drawn)
            return float((sample.shares * smooth(sample.points)).mean())

        assert np.std([estimate(seed) for seed in range(40)]) < 3e-3

    def test_what_belongs_to_a_point_comes_with_it(self):
        drawn = generator()
        pool = SQUARE.boundary.draw(400, drawn)
        sample = sp.AdaptivePoints().choose(pool, 80, pool.points[:, 0].abs(), drawn)
        assert torch.equal((sample.points * sample.normal).sum(1), torch.ones(80, dtype=torch.float64))


def both(**changes):
    constraints = [
        sp.Constraint("inside", on=SQUARE, residual=read_u),
        sp.Constraint("walls", on=SQUARE.boundary, residual=read_u),
        sp.Constraint("data", on=sp.Points(np.zeros((3, 2)), names=("x", "y"), data={"seen": np.zeros(3)}),
                      residual=lambda a, phi: phi.u - a.seen),
        sp.IntegralConstraint("mean", on=SQUARE, residual=read_u),
    ]  # fmt: skip
    return stated(constraints=constraints, **changes)


class TestStream:
    def test_equations_and_boundaries_are_adapted_and_nothing_else_is(self):
        stream = Collocation(both(), {"inside": 32, "walls": 16, "data": 3, "mean": 8}, 0, sp.AdaptivePoints())
        samples = stream.draw(lambda index, sample: torch.rand(len(sample), generator=generator(index)))
        assert [len(sample) for sample in samples] == [32, 16, 3, 8]
        assert [sample.shares is not None for sample in samples] == [True, True, False, False]

    def test_points_that_do_not_stay_are_uniform(self):
        problem, counts = stated(), {"rule": 32}
        plain = Collocation(problem, counts, 0).draw()[0]
        adaptive = Collocation(problem, counts, 0, sp.AdaptivePoints()).draw()[0]
        assert torch.equal(plain.points, adaptive.points)
        assert adaptive.shares is None

    def test_the_residual_is_seen_in_the_coordinates_of_the_problem(self):
        turned = sp.Box(y=(5, 6), x=(0, 1))
        problem = stated(
            constraints=[
                sp.Constraint("one", on=sp.Box(x=(0, 1), y=(5, 6)), residual=read_u),
                sp.Constraint("other", on=turned, residual=read_u),
            ]
        )
        seen = {}
        Collocation(problem, {"one": 8, "other": 8}, 0, sp.AdaptivePoints()).draw(
            lambda index, sample: seen.setdefault(index, sample.points[:, 1])
        )
        assert all(float(values.min()) >= 5 for values in seen.values())


class TestTraining:
    def run(self, *stages):
        problem, samples = fit(), []
        network = NETWORK.build(1, 1, seed=0, dtype=torch.float64)
        loss = IntegralLoss(problem, network)
        stream = Collocation(problem, {"values": 32}, 0, sp.AdaptivePoints())
        draw = stream.draw
        stream.draw = lambda *given: samples.append(draw(*given)[0]) or [samples[-1]]
        made = Trainer(loss, stream, Collocation(problem, {"values": 32}, 9).draw(), Budget())
        made.run(stages, ProgressDisplay("fit", 1, ["values"], shown=False))
        return samples

    def test_points_are_adapted_at_every_renewal_of_a_stage_that_keeps_them(self):
        samples = self.run(sp.Adam(steps=3), sp.SSBroyden(steps=8, renew=4))
        assert [sample.shares is not None for sample in samples] == [False] * 3 + [True] * 2

    def test_a_run_says_how_its_points_were_adapted(self):
        adaptive = sp.AdaptivePoints(count=64, power=2)
        stages = [sp.Adam(steps=2), sp.SSBroyden(steps=3)]
        solution = sp.solve(fit(), points=adaptive, network=NETWORK, optimizer=stages, progress=False)
        assert solution.settings["adaptive"] == {"count": 64, "power": 2, "floor": 1.0, "pool": 5}
        assert solution.settings["points"] == {"values": 64}


class TestRefusals:
    @pytest.mark.parametrize("value", [0, -1, math.nan, math.inf, "2", True, None])
    def test_a_power_that_is_not_positive_is_refused(self, value):
        message = f"AdaptivePoints(power={value!r}): expected a positive number, such as power=1."
        with refused(sp.UsageError, message):
            sp.AdaptivePoints(power=value)

    @pytest.mark.parametrize("value", [-0.1, 1e308, math.nan, "1", True])
    def test_a_floor_that_is_negative_or_overflows_is_refused(self, value):
        message = f"AdaptivePoints(floor={value!r}): expected a number from 0 to 1e9, such as floor=1."
        with refused(sp.UsageError, message):
            sp.AdaptivePoints(floor=value)

    @pytest.mark.parametrize(
        "value", [sp.AdaptivePoints(), 0, -3, True, 2.5, "all", {"equation": 0}, {"equation": True}, None]
    )
    def test_a_count_that_is_no_number_of_points_is_refused(self, value):
        message = (
            f'AdaptivePoints(count={value!r}): expected "auto", a positive integer, or a dictionary from constraints '
            "to integers."
        )
        with refused(sp.UsageError, message):
            sp.AdaptivePoints(count=value)

    @pytest.mark.parametrize("value", [1, 0, 2.0, True, 10**6])
    def test_a_pool_that_is_no_larger_than_the_sample_is_refused(self, value):
        message = f"AdaptivePoints(pool={value!r}): expected an integer from 2 to 1000, such as pool=5."
        with refused(sp.UsageError, message):
            sp.AdaptivePoints(pool=value)

    def test_stages_that_never_keep_their_points_are_refused(self):
        message = (
            "points=AdaptivePoints(count='auto', power=1.0, floor=1.0, pool=5): expected a stage that keeps its points "
            "for a while; got sp.Adam, with fresh points at every step. Add such a stage, for example "
            'sp.GaussNewton(steps=300), or give points="auto" or a number.'
        )
        with refused(sp.UsageError, message):
            sp.solve(fit(), points=sp.AdaptivePoints(), optimizer=sp.Adam(steps=2), progress=False)

    def test_a_problem_of_given_points_alone_is_refused(self):
        points = sp.Points(np.zeros((3, 1)), names=("x",), data={"seen": np.zeros(3)})
        problem = stated(constraints=[sp.Constraint("data", on=points, residual=lambda a, phi: phi.u - a.seen)])
        message = (
            "points=AdaptivePoints(count='auto', power=1.0, floor=1.0, pool=5): no constraint of problem \"trial\" has "
            "points to choose from. Adaptive points are for constraints on regions of infinitely many points; give "
            'points="auto" or a number.'
        )
        with refused(sp.UsageError, message):
            sp.solve(problem, points=sp.AdaptivePoints(), progress=False)


def test_magnitudes_are_norms_over_all_components_chunk_by_chunk():
    problem = stated(
        constraints=[sp.Constraint("pair", on=SQUARE, residual=lambda a, phi: (3 * a.x + 0 * phi.u, 4 * a.x))]
    )
    network = NETWORK.build(2, 1, dtype=torch.float32)
    points = torch.rand(7, 2, dtype=torch.float64, generator=generator())
    found = IntegralLoss(problem, network, chunk=3).magnitudes(0, Sample(points))
    assert found.dtype == torch.float64
    np.testing.assert_allclose(found, 5 * points[:, 0], rtol=1e-6)
