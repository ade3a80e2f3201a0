"""Discs, balls and spheres: closed forms, even points, normals, refusals."""

import math

import numpy as np
import pytest
import torch
from scipy import stats
from small import refused

import sirenpde as sp

NAMES = ("x", "y", "z", "w", "v")


def ball(d, radius=2.0):
    """A ball away from the origin."""
    return sp.Ball(**{name: 0.5 * place - 1 for place, name in enumerate(NAMES[:d])}, radius=radius)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("d", [1, 2, 3, 4, 5])
class TestEveryDimension:
    def test_measures_are_exact(self, d):
        volume = math.pi ** (d / 2) / math.gamma(d / 2 + 1) * 2.0**d
        assert ball(d).measure == pytest.approx(volume, rel=1e-14)
        assert ball(d).boundary.measure == pytest.approx(d * volume / 2.0, rel=1e-14)

    def test_dimension_counts_free_directions(self, d):
        assert ball(d).dimension == d
        assert ball(d).boundary.dimension == d - 1

    def test_points_lie_inside_and_within_bounds(self, d):
        region = ball(d)
        points = region.sample(4096)
        assert region.contains(points).all()
        low, high = np.array(list(region.bounds.values())).T
        assert (points >= low).all()
        assert (points <= high).all()

    def test_points_of_the_boundary_lie_on_it(self, d):
        region = ball(d)
        sample = region.boundary.draw(2048, seeded())
        distance = torch.linalg.vector_norm(sample.points - torch.tensor(list(region.centre.values())), dim=1)
        assert (distance - 2).abs().max() < 1e-9
        assert region.boundary.contains(sample.points.numpy()).all()
        assert region.contains(sample.points.numpy()).all()

    def test_normals_are_unit_vectors_that_point_outwards(self, d):
        region = ball(d)
        sample = region.boundary.draw(1024, seeded())
        assert region.boundary.has_normal
        torch.testing.assert_close(sample.normal.norm(dim=1), torch.ones(1024, dtype=torch.float64))
        assert not region.contains((sample.points + 1e-6 * sample.normal).numpy()).any()
        assert region.contains((sample.points - 1e-6 * sample.normal).numpy()).all()
        assert not region.boundary.contains((sample.points - 1e-6 * sample.normal).numpy()).any()

    def test_the_divergence_theorem_holds(self, d):
        # F_i = x_i² + x_0, div F = Σ 2 x_i + 1; at the centre, by symmetry.
        region = ball(d)
        sample = region.boundary.draw(2**14, seeded())
        flux = ((sample.points**2 + sample.points[:, :1]) * sample.normal).sum(1)
        expected = region.measure * (2 * sum(region.centre.values()) + 1)
        scatter = region.boundary.measure * flux.std() / 2**7
        assert abs(region.boundary.measure * flux.mean() - expected) < 4 * scatter

    def test_shells_of_equal_volume_and_halves_hold_equally_many_points(self, d):
        # One point per draw, so that Sobol points are independent; a false alarm has the chance 1e-3.
        region, generator = ball(d), seeded(3)
        points = np.concatenate([region.draw(1, generator).points.numpy() for _ in range(400)])
        apart = points - np.array(list(region.centre.values()))
        shell = ((np.linalg.norm(apart, axis=1) / 2) ** d * 4).astype(int).clip(0, 3)
        cells = 4 * (apart[:, 0] > 0) + shell + 8 * (apart[:, -1] > 0) * (d > 1)
        assert stats.chisquare(np.bincount(cells, minlength=8 if d == 1 else 16)).pvalue > 1e-3

    def test_the_same_seed_gives_the_same_points(self, d):
        for region in (ball(d), ball(d).boundary):
            np.testing.assert_array_equal(region.sample(64, seed=5), region.sample(64, seed=5))
            assert d == 1 or not np.array_equal(region.sample(64, seed=5), region.sample(64, seed=6))


@pytest.mark.parametrize("d", [2, 3])
def test_the_sphere_is_covered_evenly(d):
    # A slice between two planes holds its share: of a circle by the angle, of a sphere by the height (Archimedes).
    generator = seeded(4)
    normal = np.concatenate([ball(d).boundary.draw(1, generator).normal.numpy() for _ in range(400)])
    share = (normal[:, -1] + 1) / 2 if d == 3 else np.arctan2(*normal.T[::-1]) / (2 * np.pi) + 0.5
    assert stats.chisquare(np.bincount((8 * share).astype(int).clip(0, 7), minlength=8)).pvalue > 1e-3


def test_integrals_over_a_disc_converge_faster_than_random_points():
    # ∫ x² over the unit disc = π/4; 4,096 random points scatter by 0.012.
    disc = sp.Ball(x=0, y=0, radius=1)
    errors = [disc.measure * np.mean(disc.sample(4096, seed=seed)[:, 0] ** 2) - math.pi / 4 for seed in range(8)]
    assert max(map(abs, errors)) < 2e-3


def test_the_rim_counts_as_inside_up_to_a_billionth_of_the_extent():
    disc = sp.Ball(x=0, y=0, radius=1)
    reach = np.array([[1.0 + 1.9e-9, 0.0], [1.0 + 2.1e-9, 0.0]])
    assert disc.contains(reach).tolist() == [True, False]
    assert disc.boundary.contains(reach).tolist() == [True, False]


def test_a_ball_far_from_the_origin_holds_its_points_in_spite_of_rounding():
    far = sp.Ball(x=1e9, y=-1e9, radius=1)
    assert far.contains(far.sample(1000)).all()
    assert far.boundary.contains(far.boundary.sample(1000)).all()


def test_what_is_not_finite_or_far_away_is_outside():
    beyond = np.array([[np.nan, 0], [np.inf, 0], [1e300, 0], [-np.inf, np.nan]])
    assert not ball(2).contains(beyond).any()
    assert not ball(2).boundary.contains(beyond).any()


def test_the_boundary_of_an_interval_is_its_two_ends():
    ends = sp.Ball(x=1, radius=2).boundary
    assert (ends.size, ends.measure, ends.dimension) == (2, 2.0, 0)
    assert sorted(ends.take(torch.arange(2)).points[:, 0].tolist()) == [-1, 3]


def test_repr_is_the_call_and_equal_balls_are_equal():
    disc = sp.Ball(x=0, y=0.5, radius=1)
    assert repr(disc) == "Ball(x=0, y=0.5, radius=1)"
    assert repr(disc.boundary) == "Ball(x=0, y=0.5, radius=1).boundary"
    assert disc == sp.Ball(x=0, y=0.5, radius=1)
    assert hash(disc.boundary) == hash(sp.Ball(x=0, y=0.5, radius=1).boundary)
    assert disc != sp.Ball(y=0.5, x=0, radius=1)
    assert disc != "Ball"


def test_no_coordinate_is_refused():
    with refused(sp.RegionError, "Ball(radius=1) has no coordinates. Write for example Ball(x=0, y=0, radius=1)."):
        sp.Ball(radius=1)


@pytest.mark.parametrize("value", [math.nan, math.inf, "1", None, True, [0]])
def test_values_that_are_no_finite_numbers_are_refused(value):
    hint = f"is {value!r}; expected a finite number, as in Ball(x=0, y=0, radius=1)."
    with refused(sp.RegionError, f"Ball(x={value!r}, radius=1): x {hint}"):
        sp.Ball(x=value, radius=1)
    with refused(sp.RegionError, f"Ball(x=0, radius={value!r}): radius {hint}"):
        sp.Ball(x=0, radius=value)


@pytest.mark.parametrize("radius", [0, -1, -0.5])
def test_a_radius_that_is_not_above_zero_is_refused(radius):
    message = f"Ball(x=0, radius={radius}) holds no points: the radius is {radius:g}; expected a number above 0."
    with refused(sp.RegionError, message):
        sp.Ball(x=0, radius=radius)


def test_a_radius_that_vanishes_beside_the_centre_is_refused():
    message = (
        "Ball(x=1000000000.0, radius=1e-09): beside x=1e+09 a float64 does not hold the radius 1e-09; choose other "
        "units or another origin."
    )
    with refused(sp.RegionError, message):
        sp.Ball(x=1e9, radius=1e-9)


@pytest.mark.parametrize(("radius", "measure"), [(1e-300, "0"), (1e200, "inf")])
def test_a_measure_beyond_the_floats_is_refused(radius, measure):
    message = (
        f"Ball(x=0, y=0, radius={radius}) has the measure {measure}, beyond what a float64 holds; choose other units "
        "of length."
    )
    with refused(sp.RegionError, message):
        sp.Ball(x=0, y=0, radius=radius)


def test_too_many_coordinates_are_refused():
    with refused(sp.RegionError, "a ball in 301 coordinates; balls have 300 of them at most."):
        sp.Ball(**{f"x{place}": 0 for place in range(301)}, radius=1)


def test_names_that_are_reserved_are_refused():
    message = "Ball(normal=0, radius=1) has a coordinate named 'normal', which is reserved. Choose another name."
    with refused(sp.RegionError, message):
        sp.Ball(normal=0, radius=1)
