"""What every region owes, held to the zoo of regions and to combinations made at random.

Formulas for the measures stand in the zoo. What is random is drawn with fixed seeds and judged at four standard
deviations, or at a chance of 1e-4.
"""

import math

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from scipy import stats
from zoo import REGIONS

import sirenpde as sp
from sirenpde.regions import quadrature
from sirenpde.regions.ball import Ball

COUNT = 2**13
SOLID = [name for name, case in REGIONS.items() if case.surface is not None]
LIMIT = 4.0


@pytest.fixture(autouse=True, scope="module")
def _coarser_measures():
    """Let estimates end early: their error is stated, so that all that holds of the finer ones holds of these."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quadrature, "SIZES", (2**9, 2**11))
        yield


@pytest.fixture(scope="module")
def made():
    """Each region of the zoo, and each boundary, made once."""
    kept = {}

    def make(name, boundary=False):
        if name not in kept:
            kept[name] = REGIONS[name].make()
        if boundary and (name, "boundary") not in kept:
            kept[name, "boundary"] = kept[name].boundary
        return kept[name, "boundary"] if boundary else kept[name]

    return make


def drawn(region, count=COUNT, seed=1):
    return region.draw(count, torch.Generator().manual_seed(seed))


def agrees(value, exact, error):
    return abs(value - exact) <= LIMIT * error + 1e-12 * abs(exact)


def monte_carlo(region, count=2**15, seed=5):
    """The measure of a solid region by plain random points in its bounds, and the standard error."""
    low, high = np.array(list(region.bounds.values())).T
    points = np.random.default_rng(seed).uniform(low, high, (count, len(low)))
    inside = region.contains(points)
    return np.prod(high - low) * inside.mean(), np.prod(high - low) * inside.std() / math.sqrt(count), points[inside]


def cells(points, region, count):
    """The number of the cell of each point, of a regular grid over the bounds."""
    number = np.zeros(len(points), dtype=int)
    for column, (low, high) in zip(points.T, region.bounds.values()):
        number = number * count + np.clip(((column - low) / (high - low) * count).astype(int), 0, count - 1)
    return number


def same_distribution(one, other):
    """The chance of counts that differ so much, if both are of the same distribution."""
    table = np.stack([one, other])[:, one + other >= 10]
    return stats.chi2_contingency(table).pvalue if table.shape[1] > 1 else 1.0


def check_samples(region):
    sample = drawn(region)
    points = sample.points.numpy()
    assert points.shape == (COUNT, len(region.names))
    assert points.dtype == np.float64
    assert region.contains(points).all()
    assert region.covers(points).mean() > 0.999
    low, high = np.array([region.bounds[name] for name in region.names]).T
    slack = 1e-9 * (high - low)
    assert (points >= low - slack).all()
    assert (points <= high + slack).all()
    assert (sample.normal is not None) == region.has_normal
    torch.testing.assert_close(points, drawn(region).points.numpy(), rtol=0, atol=0)
    if region.size is None:
        assert not np.array_equal(points, drawn(region, seed=2).points.numpy())


def check_uniform(region):
    """Points of a solid region fall into cells as plain random points of the region do."""
    count = {1: 12, 2: 6, 3: 4, 4: 3}[len(region.names)]
    mine, other = (
        np.bincount(cells(points, region, count), minlength=count ** len(region.names))
        for points in (region.sample(COUNT, seed=3), monte_carlo(region)[2])
    )
    assert same_distribution(mine, other) > 1e-4


def check_boundary(region, boundary):
    """Points of the boundary have the region behind them and nothing of it ahead, along a unit normal."""
    sample = drawn(boundary, 2**11)
    points, normal = sample.points.numpy(), sample.normal.numpy()
    np.testing.assert_allclose(np.linalg.norm(normal, axis=1), 1.0, rtol=1e-12)
    assert boundary.dimension == region.dimension - 1
    assert boundary.contains(points).mean() > 0.999  # a point within 1e-6 of a corner may be misjudged
    assert region.contains(points).mean() > 0.999
    step = 3e-7 * np.array([region.bounds[name][1] - region.bounds[name][0] for name in region.names]) * normal
    assert region.contains(points - step).mean() > 0.999
    assert region.contains(points + step).mean() < 0.001
    assert not boundary.contains(points + step).any()


def fields(points):
    """Vector fields, and their divergence: constant, linear and quadratic along each axis."""
    for axis, column in enumerate(points.T):
        unit = np.eye(points.shape[1])[axis]
        yield np.outer(np.ones(len(points)), unit), np.zeros(len(points))
        yield np.outer(column, unit), np.ones(len(points))
        yield np.outer(column**2 + points[:, 0], unit), 2 * column + (axis == 0)


def check_divergence(region, boundary):
    """∫_Ω div F dx = ∮_∂Ω F·n dS."""
    inside = drawn(region).points.numpy()
    sample = drawn(boundary)
    rim, normal = sample.points.numpy(), sample.normal.numpy()
    for (_, source), (field, _) in zip(fields(inside), fields(rim)):
        through = (field * normal).sum(axis=1)
        volume, flux = region.measure * source.mean(), boundary.measure * through.mean()
        error = math.hypot(
            region.measure * source.std() / math.sqrt(COUNT),
            boundary.measure * through.std() / math.sqrt(COUNT),
            region.measure_error * abs(source.mean()),
            boundary.measure_error * abs(through.mean()),
        )
        assert abs(volume - flux) <= LIMIT * error + 1e-9 * boundary.measure * np.abs(field).max()


@pytest.mark.parametrize("name", REGIONS)
class TestEveryRegion:
    def test_the_measure_is_exact_or_within_its_stated_error(self, name, made):
        region = made(name)
        assert agrees(region.measure, REGIONS[name].measure, region.measure_error)
        assert 0 <= region.measure_error < 2e-3 * region.measure

    def test_samples_lie_inside_and_are_those_of_their_seed(self, name, made):
        check_samples(made(name))

    def test_points_beyond_are_not_contained(self, name, made):
        region = made(name)
        beyond = np.array([[high + 1e-3 for _, high in region.bounds.values()]])
        assert not region.contains(beyond).any()
        assert not region.contains(np.full((1, len(region.names)), np.nan)).any()

    def test_it_says_how_it_is_made_without_an_address(self, name, made):
        assert "0x" not in repr(made(name))


@pytest.mark.parametrize("name", SOLID)
class TestEverySolidRegion:
    def test_the_measure_is_that_of_plain_random_points(self, name, made):
        region = made(name)
        value, error, _ = monte_carlo(region)
        assert agrees(region.measure, value, math.hypot(error, region.measure_error))

    def test_points_are_uniform(self, name, made):
        check_uniform(made(name))

    def test_the_boundary_has_its_exact_measure_or_one_within_its_stated_error(self, name, made):
        boundary = made(name, boundary=True)
        assert agrees(boundary.measure, REGIONS[name].surface, boundary.measure_error)
        assert 0 <= boundary.measure_error < 2e-3 * boundary.measure

    def test_samples_of_the_boundary_lie_on_it(self, name, made):
        check_samples(made(name, boundary=True))

    def test_the_boundary_has_the_region_behind_it_and_nothing_ahead(self, name, made):
        check_boundary(made(name), made(name, boundary=True))

    def test_the_divergence_theorem_holds(self, name, made):
        check_divergence(made(name), made(name, boundary=True))

    def test_a_boundary_has_no_boundary(self, name, made):
        with pytest.raises(sp.RegionError, match="no boundary"):
            _ = made(name, boundary=True).boundary


# Corners on a coarse grid, so that faces often coincide.
QUARTER = st.integers(-4, 4).map(lambda number: number / 4)


@st.composite
def leaves(draw):
    x, y, size = draw(QUARTER), draw(QUARTER), draw(st.integers(1, 5)) / 4
    if draw(st.booleans()):
        return Ball(x=x, y=y, radius=size)
    return sp.Box(x=(x, x + size), y=(y, y + draw(st.integers(1, 5)) / 4))


@st.composite
def combinations(draw, depth=3):
    region = draw(leaves())
    for _ in range(draw(st.integers(1, depth))):
        other = draw(leaves())
        sign = draw(st.sampled_from("|&-"))
        try:
            region = region | other if sign == "|" else region & other if sign == "&" else region - other
        except sp.RegionError:
            assume(False)
    return region


@settings(max_examples=12, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(region=combinations())
def test_a_combination_made_at_random_keeps_every_rule(region):
    check_samples(region)
    check_uniform(region)
    value, error, _ = monte_carlo(region)
    assert agrees(region.measure, value, math.hypot(error, region.measure_error))
    check_boundary(region, region.boundary)
    check_divergence(region, region.boundary)
