"""Polygons: exact areas, even points, normals, holes, refusals."""

import math
import sys

import numpy as np
import pytest
import torch
from scipy import stats
from small import refused

import sirenpde as sp

XY = ("x", "y")
SQUARE = [(0, 0), (2, 0), (2, 2), (0, 2)]
ELL = [(0, 0), (2, 0), (2, 1), (1, 1), (1, 2), (0, 2)]
HOLE = [(0.5, 0.5), (1.5, 0.5), (1.5, 1.5), (0.5, 1.5)]


def star():
    turn = np.arange(40) * np.pi / 20
    radius = np.where(np.arange(40) % 2, 0.4, 1.0)
    return sp.Polygon(np.stack([3 + radius * np.cos(turn), radius * np.sin(turn)], axis=1), names=XY)


# name -> region, area, length.
ZOO = {
    "triangle": (sp.Polygon([(0, 0), (1, 0), (1, 1)], names=XY), 0.5, 2 + math.sqrt(2)),
    "ell": (sp.Polygon(ELL, names=XY), 3.0, 8.0),
    "ell, turned": (sp.Polygon(ELL[::-1], names=XY), 3.0, 8.0),
    "frame": (sp.Polygon(SQUARE, names=("u", "v"), holes=[HOLE]), 3.0, 12.0),
    "frame, turned hole": (sp.Polygon(SQUARE, names=XY, holes=[HOLE[::-1]]), 3.0, 12.0),
    "star": (star(), 20 * 0.4 * math.sin(math.pi / 20), 40 * abs(1 - 0.4 * np.exp(1j * math.pi / 20))),
}


@pytest.mark.parametrize("name", ZOO)
class TestEveryPolygon:
    def test_measures_are_exact(self, name):
        region, area, length = ZOO[name]
        assert region.measure == pytest.approx(area, rel=1e-13)
        assert region.boundary.measure == pytest.approx(length, rel=1e-13)
        assert (region.dimension, region.boundary.dimension) == (2, 1)

    def test_points_lie_inside_and_within_bounds(self, name):
        region = ZOO[name][0]
        points = region.sample(4096)
        assert region.contains(points).all()
        low, high = np.array(list(region.bounds.values())).T
        assert (points >= low).all()
        assert (points <= high).all()

    def test_triangles_tile_the_polygon(self, name):
        region, area, _ = ZOO[name]
        (bx, by), (cx, cy) = (region.triangles[:, place].T - region.triangles[:, 0].T for place in (1, 2))
        assert np.abs(bx * cy - by * cx).sum() / 2 == pytest.approx(area, rel=1e-12)

    def test_points_of_the_boundary_lie_on_it(self, name):
        region = ZOO[name][0]
        points = region.boundary.sample(2048)
        assert region.boundary.contains(points).all()
        assert region.contains(points).all()

    def test_normals_are_unit_vectors_that_point_outwards(self, name):
        region = ZOO[name][0]
        sample = region.boundary.draw(1024, torch.Generator().manual_seed(0))
        assert region.boundary.has_normal
        torch.testing.assert_close(sample.normal.norm(dim=1), torch.ones(1024, dtype=torch.float64))
        assert not region.contains((sample.points + 1e-7 * sample.normal).numpy()).any()
        assert region.contains((sample.points - 1e-7 * sample.normal).numpy()).all()
        assert not region.boundary.contains((sample.points - 1e-7 * sample.normal).numpy()).any()

    def test_the_divergence_theorem_holds(self, name):
        # F = (x² y, x + y³), div F = 2 x y + 3 y².
        region = ZOO[name][0]
        x, y = region.sample(2**14).T
        inner = 2 * x * y + 3 * y**2
        sample = region.boundary.draw(2**14, torch.Generator().manual_seed(1))
        (px, py), (nx, ny) = sample.points.T.numpy(), sample.normal.T.numpy()
        outer = px**2 * py * nx + (px + py**3) * ny
        scatter = math.hypot(region.measure * inner.std(), region.boundary.measure * outer.std()) / 2**7
        assert abs(region.measure * inner.mean() - region.boundary.measure * outer.mean()) < 4 * scatter

    def test_the_same_seed_gives_the_same_points(self, name):
        for region in (ZOO[name][0], ZOO[name][0].boundary):
            np.testing.assert_array_equal(region.sample(64, seed=5), region.sample(64, seed=5))
            assert not np.array_equal(region.sample(64, seed=5), region.sample(64, seed=6))


def independent(region, count, seed=11):
    """One point per draw, so that Sobol points are independent."""
    generator = torch.Generator().manual_seed(seed)
    return np.concatenate([region.draw(1, generator).points.numpy() for _ in range(count)])


def test_points_are_uniform_over_the_area():
    # Twelve squares of side 1/2 tile the frame; a false alarm has the chance 1e-3.
    x, y = (independent(ZOO["frame"][0], 600) * 2).astype(int).clip(0, 3).T
    observed = np.bincount(4 * x + y, minlength=16)
    hollow = [5, 6, 9, 10]
    assert observed[hollow].sum() == 0
    assert stats.chisquare(np.delete(observed, hollow)).pvalue > 1e-3


def test_points_of_the_boundary_are_uniform_over_the_length():
    points = independent(ZOO["ell"][0].boundary, 600)
    x, y = points.T
    edge = np.select([y == 0, x == 2, (y == 1) & (x > 1), (x == 1) & (y > 1), y == 2, x == 0], range(6))
    assert stats.chisquare(np.bincount(edge), 600 * np.array([2, 1, 1, 1, 1, 2]) / 8).pvalue > 1e-3


def test_the_rim_counts_as_inside_up_to_a_billionth_of_the_extent():
    points = np.array([[2 + 1.9e-9, 0.5], [2 + 2.1e-9, 0.5]])
    assert ZOO["ell"][0].contains(points).tolist() == [True, False]
    assert ZOO["ell"][0].boundary.contains(points).tolist() == [True, False]


def test_what_is_in_a_hole_or_not_finite_is_outside():
    points = np.array([[1.0, 1.0], [np.nan, 1.0], [np.inf, 1.0], [1.0, -np.inf], [3.0, 3.0]])
    assert not ZOO["frame"][0].contains(points).any()
    assert not ZOO["frame"][0].boundary.contains(points).any()


def test_a_polygon_far_from_the_origin_keeps_its_area_and_its_points():
    far = sp.Polygon(np.array(ELL) + 1e8, names=XY)
    assert far.measure == 3.0
    assert far.contains(far.sample(1000)).all()
    assert far.boundary.contains(far.boundary.sample(1000)).all()


def test_corners_on_an_edge_and_a_ring_that_is_closed_are_accepted():
    assert sp.Polygon([(0, 0), (1, 0), (2, 0), (2, 2), (0, 2), (0, 0)], names=XY).measure == 4.0


def test_repr_is_the_call_and_equal_polygons_are_equal():
    triangle = sp.Polygon([(0, 0), (1, 0), (1, 0.1)], names=XY)
    assert repr(triangle) == "Polygon([(0, 0), (1, 0), (1, 0.1)], names=('x', 'y'))"
    assert repr(triangle.boundary) == repr(triangle) + ".boundary"
    assert repr(star()) == "Polygon([40 corners], names=('x', 'y'))"
    cut = sp.Polygon(SQUARE, names=XY, holes=[[(1, 1), (1.5, 1), (1, 1.5)]])
    ring = "[(0, 0), (2, 0), (2, 2), (0, 2)]"
    assert repr(cut) == f"Polygon({ring}, names=('x', 'y'), holes=[[(1, 1), (1.5, 1), (1, 1.5)]])"
    assert star() == star()
    assert hash(star().boundary) == hash(star().boundary)
    assert len({star().boundary, star().boundary, triangle.boundary}) == 2
    assert triangle != cut


REFUSED = {
    "two corners": ([(0, 0), (1, 1)], "Polygon has 2 different corners; expected at least 3."),
    "two and the first again": ([(0, 0), (1, 1), (0, 0)], "Polygon has 2 different corners; expected at least 3."),
    "repeated": (
        [(0, 0), (1, 0), (1, 1), (1, 0)],
        "Polygon: corners 1 and 3 are the same point (1, 0). Give each corner once.",
    ),
    "on a line": (
        [(0, 0), (1, 1), (3, 3)],
        "Polygon has no area: its 3 corners lie on a line. Give corners that go around something.",
    ),
    "crossing": (
        [(0, 0), (1, 1), (1, 0), (0, 3)],
        "Polygon crosses or touches itself at (0.75, 0.75); expected a simple ring.\n"
        "  Usual cause: two corners in the wrong order. List the corners in the order in which you meet them when you "
        "walk around.",
    ),
    "not finite": ([(0, 0), (1, 0), (1, math.nan)], "Polygon: corner 2 is (1, nan); expected finite numbers."),
    "three columns": (
        [(0, 0, 0), (1, 0, 0), (1, 1, 0)],
        "Polygon is an array of shape (3, 3); expected (m, 2), one corner per row, as in [(0, 0), (1, 0), (1, 1)].",
    ),
    "text": (
        "square",
        "Polygon is a str of something else; expected (m, 2), one corner per row, as in [(0, 0), (1, 0), (1, 1)].",
    ),
    "ragged": (
        [(0, 0), (1,), (1, 1)],
        "Polygon is a list of something else; expected (m, 2), one corner per row, as in [(0, 0), (1, 0), (1, 1)].",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_rings_that_bound_nothing_are_refused(name):
    corners, message = REFUSED[name]
    with refused(sp.RegionError, message):
        sp.Polygon(corners, names=XY)


def test_a_ring_that_crosses_in_equal_halves_is_refused():
    # A bow tie, whose signed area is 0.
    message = (
        "Polygon crosses or touches itself at (0.5, 0.5); expected a simple ring.\n"
        "  Usual cause: two corners in the wrong order. List the corners in the order in which you meet them when you "
        "walk around."
    )
    with refused(sp.RegionError, message):
        sp.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)], names=XY)


@pytest.mark.parametrize(
    "corners",
    [
        [(0, 0), (1, 0), (3, 0), (2, 0)],
        [(0.1, 0.3), (0.2, 0.6), (0.7, 2.1), (0.4, 1.2)],
        [(0, 0), (1e9, 1), (5e8, 0.5)],
    ],
)
def test_corners_on_a_line_are_told_from_a_crossing(corners):
    message = f"Polygon has no area: its {len(corners)} corners lie on a line. Give corners that go around something."
    with refused(sp.RegionError, message):
        sp.Polygon(corners, names=XY)


@pytest.mark.parametrize(
    ("hole", "message"),
    [
        (
            [(3, 3), (4, 3), (4, 4)],
            "Polygon: hole 0 does not lie inside the outer ring: its corner (3, 3) is outside. "
            "Cut the outer ring itself instead.",
        ),
        ([(0, 0), (1, 0)], "Polygon: hole 0 has 2 different corners; expected at least 3."),
    ],
)
def test_holes_that_are_none_are_refused(hole, message):
    with refused(sp.RegionError, message):
        sp.Polygon(SQUARE, names=XY, holes=[hole])


def test_holes_that_overlap_are_refused():
    with pytest.raises(sp.RegionError, match=r"Polygon: the holes do not leave one piece"):
        sp.Polygon(SQUARE, names=XY, holes=[HOLE, np.array(HOLE) + 0.1])


@pytest.mark.parametrize("names", ["xy", ("x",), ("x", "y", "z"), None])
def test_other_than_two_names_are_refused(names):
    message = f'Polygon got names={names!r}; expected the names of two coordinates, as in names=("x", "y").'
    with refused(sp.RegionError, message):
        sp.Polygon(SQUARE, names=names)


def test_a_name_twice_is_refused():
    with refused(sp.RegionError, "Polygon names the coordinate 'x' twice. Give each column a name of its own."):
        sp.Polygon(SQUARE, names=("x", "x"))


def test_holes_that_are_no_list_are_refused():
    message = "Polygon: holes is a int; expected a list of rings, as in holes=[[(0, 0), ...]]."
    with refused(sp.RegionError, message):
        sp.Polygon(SQUARE, names=XY, holes=3)


@pytest.mark.parametrize(("factor", "reach"), [(1e-200, "2e-200"), (1e200, "2e+200"), (8e307, "1.6e+308")])
def test_an_area_beyond_the_floats_is_refused(factor, reach):
    message = f"Polygon reaches to {reach} and is {reach} wide, too far for a float64. Choose other units."
    with refused(sp.RegionError, message):
        sp.Polygon(np.array(SQUARE) * factor, names=XY)


def test_without_shapely_the_message_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "shapely", None)
    message = 'Polygon needs shapely, which is not installed. Write: pip install "sirenpde[polygons]"'
    with refused(sp.MissingExtraError, message):
        sp.Polygon(SQUARE, names=XY)
