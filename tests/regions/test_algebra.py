"""What regions are combined to, beside what every region owes: kinds, exactness, order, and what is refused."""

import math
import re

import numpy as np
import pytest
import torch
from small import refused

import sirenpde as sp
from sirenpde.regions import quadrature
from sirenpde.regions.ball import Ball
from sirenpde.regions.quadrature import AIM, LEAST_SHARE
from sirenpde.regions.sample import Sample

SQUARE = sp.Box(x=(-1, 1), y=(-1, 1))
DISC = Ball(x=0, y=0, radius=0.5)
TIME = sp.Box(t=(0, 2))
L = SQUARE - sp.Box(x=(0, 1), y=(0, 1))
SEEN = sp.Points([[0, 0], [0.9, 0.9], [0.2, 0]], names=("x", "y"), data={"seen": [1, 2, 3]})


def refuses(message):
    """Expect a message that begins so."""
    return pytest.raises(sp.RegionError, match="^" + re.escape(message))


class TestBoxes:
    def test_two_boxes_intersect_in_a_box(self):
        assert SQUARE & sp.Box(y=(0, 3), x=(0.5, 2)) == sp.Box(x=(0.5, 1), y=(0, 1))

    def test_boxes_and_slices_multiply_to_boxes_and_slices(self):
        product = SQUARE * TIME
        assert product == sp.Box(x=(-1, 1), y=(-1, 1), t=(0, 2))
        start = SQUARE * TIME.at(t=0)
        assert start == (SQUARE * TIME).at(t=0)
        assert TIME.at(t=0) * SQUARE == sp.Box(t=(0, 2), x=(-1, 1), y=(-1, 1)).at(t=0)
        assert SQUARE.at(x=1) * TIME.at(t=0) == (SQUARE * TIME).at(x=1, t=0)

    def test_all_that_is_made_of_boxes_has_an_exact_measure_and_exact_bounds(self):
        for region, measure, surface in [
            (L, 3, 8),
            (SQUARE - sp.Box(x=(0.5, 3), y=(-3, 3)), 3, 7),
            ((SQUARE | sp.Box(x=(0, 2), y=(0, 2))) - sp.Box(x=(-0.5, 0.5), y=(-0.5, 0.5)), 6, 16),
            (L * TIME, 6, 22),
        ]:
            assert (region.measure, region.measure_error) == (measure, 0)
            assert (region.boundary.measure, region.boundary.measure_error) == (surface, 0)
        assert (SQUARE - sp.Box(x=(0.5, 3), y=(-3, 3))).bounds == {"x": (-1, 0.5), "y": (-1, 1)}

    def test_the_faces_of_an_l_have_their_normals_and_faces_that_vanished_no_points(self):
        sample = L.boundary.draw(2000, torch.Generator().manual_seed(0))
        (x, y), normal = sample.points.T, sample.normal
        assert not ((x == 1) & (y > 0)).any()
        assert not ((y == 1) & (x > 0)).any()
        for where, expected in [((x == 0) & (y > 0), (1, 0)), ((y == 0) & (x > 0), (0, 1)), (x == -1, (-1, 0))]:
            assert where.any()
            assert (normal[where] == torch.tensor(expected, dtype=torch.float64)).all()

    def test_ends_of_boxes_that_overlap_by_no_more_than_a_rim_stay_exact(self):
        union = sp.Box(x=(0, 1), y=(0, 2)) | sp.Box(x=(1, 2), y=(0, 1)) | sp.Box(x=(1, 2), y=(1, 2))
        assert (union.measure, union.measure_error, union.boundary.measure) == (4, 0, 8)


class TestMeasure:
    def test_a_disc_inside_a_box_is_taken_away_exactly(self):
        region = SQUARE - DISC
        assert region.measure == pytest.approx(4 - math.pi / 4, rel=1e-14)
        assert region.boundary.measure == pytest.approx(8 + math.pi, rel=1e-14)
        assert region.measure_error == region.boundary.measure_error == 0

    def test_an_estimate_is_within_its_error_which_is_small_and_always_the_same(self):
        make = lambda: Ball(x=0, y=0, radius=1) & Ball(x=1, y=0, radius=1)
        region = make()
        assert 0 < region.measure_error < AIM * region.measure
        assert abs(region.measure - (2 * math.pi / 3 - math.sqrt(3) / 2)) < 4 * region.measure_error
        assert make().measure == region.measure

    def test_the_stated_error_is_the_scatter(self, monkeypatch):
        # 64 shares of random points: in units of their error, with Student's 31 degrees of freedom, their mean square
        # is 1.07 ± 0.2.
        monkeypatch.setattr(quadrature, "SIZES", (2**9,))

        def draw(count, generator):
            return Sample(torch.rand(count, 1, generator=own, dtype=torch.float64))

        found = []
        for seed in range(64):
            own = torch.Generator().manual_seed(seed)
            estimate = quadrature.share(draw, lambda sample: sample.pick(sample.points[:, 0] < 0.3))
            found.append((estimate.value - 0.3) / estimate.error)
        assert 0.4 < np.mean(np.square(found)) < 1.9

    def test_a_union_of_products_is_exact_where_factors_meet_in_a_rim(self):
        cylinder = DISC * TIME
        conditions = DISC.boundary * TIME | cylinder.at(t=0)
        assert conditions.measure_error == 0
        assert conditions.measure == pytest.approx(2 * math.pi + math.pi / 4)


class TestProduct:
    def test_points_carry_their_data_through_time(self):
        region = SEEN * TIME
        assert (region.names, region.measure, region.dimension, region.size) == (("x", "y", "t"), 2, 1, None)
        assert region.data_shapes == {"seen": ()}
        sample = region.draw(100, torch.Generator())
        assert ((sample.data["seen"] == 2) == (sample.points[:, 0] == 0.9)).all()

    def test_finite_regions_make_every_pair(self):
        pairs = SEEN * sp.Points([[7.0], [8.0]], names="k")
        assert pairs.size == 6
        assert len(np.unique(pairs.take(torch.arange(6)).points.numpy(), axis=0)) == 6

    def test_normals_are_zero_in_the_columns_of_the_other_factor(self):
        walls = (DISC.boundary * TIME).draw(10, torch.Generator())
        assert (walls.normal[:, 2] == 0).all()
        torch.testing.assert_close(walls.normal[:, :2] * 0.5, walls.points[:, :2])
        start = (DISC * TIME).at(t=0).draw(10, torch.Generator())
        assert start.normal.tolist() == [[0, 0, -1]] * 10
        assert not (DISC * TIME).at(t=1).has_normal
        assert not (DISC.boundary * TIME.at(t=0)).has_normal

    def test_coordinates_of_the_factors_are_independent(self):
        # Two Sobol sequences side by side are not: their first coordinates would fall on a few lines.
        points = (DISC * TIME).sample(4096, seed=4)
        corner = (points[:, 0] > 0) & (points[:, 1] > 0) & (points[:, 2] > 1)
        assert abs(corner.mean() - 1 / 8) < 4 * math.sqrt(7 / 64 / 4096)
        assert abs(np.corrcoef(points.T)[0, 2]) < 4 / math.sqrt(4096)


def below(a):
    return a.x < -7


WRONG_CONDITIONS = {
    "no function": (3, "Box(x=(-1, 1), y=(-1, 1)).where(3): expected a function"),
    "shape": (
        lambda a: (a.x < 0)[:, None],
        "the condition of Box(x=(-1, 1), y=(-1, 1)).where(<lambda>) returned shape (2, 1) and type bool at 2 "
        "points; expected one boolean for each, shape (2,)",
    ),
    "two": (lambda a: torch.tensor([True, False]), "the condition of Box(x=(-1, 1), y=(-1, 1)).where(<lambda>) re"),
    "type": (
        lambda a: a.x,
        "the condition of Box(x=(-1, 1), y=(-1, 1)).where(<lambda>) returned shape (2,) and type float64",
    ),
    "a number": (lambda a: True, "the condition of Box(x=(-1, 1), y=(-1, 1)).where(<lambda>) returned a bool"),
    "unknown": (
        lambda a: a.z < 0,
        "Box(x=(-1, 1), y=(-1, 1)).where(<lambda>) reads a.z; the coordinates are x, y.",
    ),
    "never": (
        below,
        "Box(x=(-1, 1), y=(-1, 1)).where(below) is empty, or nearly so: 0 of 262144 points tried",
    ),
    "raises": (
        lambda a: 1 / 0,
        "the condition of Box(x=(-1, 1), y=(-1, 1)).where(<lambda>) raised ZeroDivisionError: division by zero",
    ),
}


class TestWhere:
    def test_data_and_normals_are_kept(self):
        near = SEEN.where(lambda a: a.x < 0.5)
        assert (near.size, near.measure) == (2, 1)
        assert near.take(torch.arange(2)).data["seen"].tolist() == [1, 3]
        assert (SEEN & DISC).bounds == {"x": (0, 0.2), "y": (0, 0)}
        right = SQUARE.boundary.where(lambda a: (a.x > 0) & (a.y.abs() < 0.5))
        assert right.draw(20, torch.Generator()).normal.tolist() == [[1, 0]] * 20

    def test_pixels_are_chosen_by_their_centres(self):
        pixels = sp.Grid(("x", "y"), (-0.75, 0.5), (0.5, -1.0), (4, 2))
        half = pixels.where(lambda a: a.x > 0)
        assert (half.size, half.measure) == (4, 2)

    def test_a_point_gets_double_precision_and_one_value_per_coordinate(self):
        seen = []
        SQUARE.where(lambda a: seen.append((a.x.dtype, tuple(a.y.shape))) or (a.x < 0))
        assert seen[:2] == [(torch.float64, (2,)), (torch.float64, (3,))]

    @pytest.mark.parametrize("case", WRONG_CONDITIONS)
    def test_a_wrong_condition_is_refused(self, case):
        condition, message = WRONG_CONDITIONS[case]
        with refuses(message):
            SQUARE.where(condition)

    def test_and_in_place_of_an_ampersand_is_told(self):
        with pytest.raises(sp.RegionError, match=r"Combine comparisons with & and \|"):
            SQUARE.where(lambda a: a.x < 0 and a.y < 0)


class TestSlices:
    def test_combinations_are_cut_part_by_part(self):
        tube = Ball(x=0, y=0, radius=0.5) * sp.Box(t=(0, 1))
        block = SQUARE * TIME
        for region, measure in [
            ((block - tube).at(t=0.5), 4 - math.pi / 4),
            ((block - tube).at(t=2), 4),
            ((block & tube).at(t=0.5), math.pi / 4),
            ((block.where(lambda a: a.x < 0)).at(t=0), 2),
            ((tube | DISC * sp.Box(t=(1, 3))).at(t=2), math.pi / 4),
        ]:
            assert region.measure == pytest.approx(measure, rel=1e-3)
            assert region.dimension == 2
        assert (block - tube).at(t=0).has_normal

    def test_a_curved_region_says_what_to_write(self):
        message = (
            "Ball(x=0, y=0, radius=0.5).at(x=0): only a box is cut along its coordinates.\n"
            "  Write Box(x=(-0.5, 0.5), y=(-0.5, 0.5)).at(x=0) & region for the part of that slice in the region, or "
            "name the region in the other coordinates only."
        )
        with refused(sp.RegionError, message):
            DISC.at(x=0)
        assert (sp.Box(x=(-0.5, 0.5), y=(-0.5, 0.5)).at(x=0) & DISC).measure == pytest.approx(1)

    def test_an_unknown_coordinate_is_refused(self):
        with refuses("(Ball(x=0, y=0, radius=0.5) * Box(t=(0, 2))).at(s=0): the coordinates are x, y, t."):
            (DISC * TIME).at(s=0)


WRONG = {
    "other coordinates": (
        lambda: SQUARE & TIME,
        "the intersection of Box(x=(-1, 1), y=(-1, 1)) and Box(t=(0, 2)) is no",
    ),
    "difference of other coordinates": (
        lambda: DISC - TIME,
        "the difference of Ball(x=0, y=0, radius=0.5) and Box(t=(0",
    ),
    "shared coordinate": (
        lambda: SQUARE * sp.Box(y=(0, 1)),
        "the product of Box(x=(-1, 1), y=(-1, 1)) and Box(y=(0, 1))",
    ),
    "dimension": (
        lambda: SQUARE | SQUARE.at(x=1),
        "the union of Box(x=(-1, 1), y=(-1, 1)) and Box(x=(-1, 1), y=(-1, 1))",
    ),
    "nothing taken": (
        lambda: SQUARE - SQUARE.at(x=1),
        "Box(x=(-1, 1), y=(-1, 1)) - Box(x=(-1, 1), y=(-1, 1)).at(x=1) ta",
    ),
    "empty boxes": (
        lambda: SQUARE & sp.Box(x=(2, 3), y=(0, 1)),
        "Box(x=(-1, 1), y=(-1, 1)) & Box(x=(2, 3), y=(0, 1)) is empty: x runs from -1 to 1 in one and from 2 to 3",
    ),
    "a rim": (
        lambda: SQUARE & sp.Box(x=(1, 3), y=(0, 1)),
        "Box(x=(-1, 1), y=(-1, 1)) & Box(x=(1, 3), y=(0, 1)) is no mo",
    ),
    "empty discs": (
        lambda: Ball(x=0, y=0, radius=1) & Ball(x=1.5, y=1.5, radius=1),
        "Ball(x=0, y=0, radius=1) & Ball(x=1.5, y=1.5, radius=1) is empty, or nearly so: 0 of 262144 points",
    ),
    "nothing left": (
        lambda: DISC - SQUARE,
        "Ball(x=0, y=0, radius=0.5) - Box(x=(-1, 1), y=(-1, 1)) is empty, or nearly so: 0 of 262144 points",
    ),
    "no points left": (
        lambda: SEEN - SQUARE,
        "Points(3 points, names=('x', 'y')) - Box(x=(-1, 1), y=(-1, 1)) is empty",
    ),
    "almost nothing": (
        lambda: SQUARE.where(lambda a: a.x < LEAST_SHARE / 4 - 1),
        "Box(x=(-1, 1), y=(-1, 1)).where(<lam",
    ),
    "boundary of points": (lambda: SEEN.boundary, "Points(3 points, names=('x', 'y')).boundary: given points have no"),
    "boundary of a slice": (
        lambda: SQUARE.at(x=0).boundary,
        "Box(x=(-1, 1), y=(-1, 1)).at(x=0).boundary: a boundary has",
    ),
    "boundary of a part": (
        lambda: DISC.where(lambda a: a.x < 0).boundary,
        "Ball(x=0, y=0, radius=0.5).where(<lambda>).b",
    ),
    "slice of a boundary": (lambda: DISC.boundary.at(x=0), "Ball(x=0, y=0, radius=0.5).boundary.at(x=0): only a solid"),
    "no slice": ((DISC * TIME).at, "Ball(x=0, y=0, radius=0.5) * Box(t=(0, 2)).at() names no coordinate."),
    "data of that name": (
        lambda: SEEN * sp.Box(seen=(0, 1)),
        "the product of Points(3 points, names=('x', 'y')) and Box(seen=(0, 1)) has seen twice, as data of one factor",
    ),
    "no region to take away": (
        lambda: SQUARE - 3,
        "Box(x=(-1, 1), y=(-1, 1)) - 3: the right side is a int; expected a",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_go_together_is_refused(case):
    make, message = WRONG[case]
    with refuses(message):
        make()


def test_columns_follow_the_left_region_whatever_the_order_of_the_right():
    turned = sp.Box(y=(-1, 0.5), x=(-1, 1))
    for region in (DISC & turned, DISC - turned.where(lambda a: a.y < 0), DISC | turned):
        assert region.names == ("x", "y")
        assert region.contains(region.sample(100)).all()


def test_what_is_said_shows_the_order_of_operations():
    assert repr((SQUARE - DISC) * TIME) == "(Box(x=(-1, 1), y=(-1, 1)) - Ball(x=0, y=0, radius=0.5)) * Box(t=(0, 2))"
    assert repr((DISC | SQUARE).boundary) == "(Ball(x=0, y=0, radius=0.5) | Box(x=(-1, 1), y=(-1, 1))).boundary"


@pytest.mark.parametrize("length", [1e-10, 1e10])
def test_a_length_far_from_one_is_warned_of(length):
    with pytest.warns(sp.SirenPDEWarning, match="choose a unit in which it is nearer 1"):
        sp.Box(x=(0, length), y=(0, 1))


def test_a_region_without_a_boundary_of_its_own_says_so():
    class Blob(sp.Region):
        names = ("x",)
        bounds = property(lambda self: {"x": (0.0, 1.0)})
        measure = 1.0
        contains = draw = None

    with pytest.raises(sp.RegionError, match="does not say what its boundary is"):
        _ = Blob().boundary


def test_a_slice_between_two_parts_has_no_outward_normal():
    left, right = sp.Box(x=(0, 1), y=(0, 1)), sp.Box(x=(1, 2), y=(0, 1))
    between, side = (left | right).at(x=1), (left | right).at(x=2)
    assert (between.has_normal, between.measure, between.dimension) == (False, 1.0, 1)
    assert between.contains(between.sample(20)).all()
    assert (side.has_normal, side.measure) == (True, 1.0)


def test_three_regions_that_overlap_are_counted_once():
    discs = [sp.Ball(x=x, y=0, radius=1) for x in (0.0, 0.4, 0.8)]
    union = discs[0] | discs[1] | discs[2]
    points = sp.Box(x=(-1, 1.8), y=(-1, 1)).sample(2**17)
    inside = np.any([disc.contains(points) for disc in discs], axis=0)
    # A million-point reference is not needed: Sobol points give the share to some 1e-4.
    assert union.measure == pytest.approx(5.6 * inside.mean(), abs=3e-3)


def test_numpys_functions_act_on_what_a_condition_reads_and_say_nothing():
    box = sp.Box(x=(-1, 1), y=(-1, 1))
    by_numpy = box.where(lambda a: np.logical_and(np.abs(a.x) > 0.5, np.sin(a.y) > 0))
    by_torch = box.where(lambda a: (a.x.abs() > 0.5) & (torch.sin(a.y) > 0))
    assert (by_numpy.sample(50) == by_torch.sample(50)).all()
