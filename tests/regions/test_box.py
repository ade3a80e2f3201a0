"""Boxes, slices and sides."""

import itertools
import math

import numpy as np
import pytest
import torch
from small import refused

import sirenpde as sp
from sirenpde.regions.box import MOST_COORDINATES
from sirenpde.regions.quadrature import low_discrepancy

DOMAIN = sp.Box(x=(-1, 1), t=(0, 2))

WRONG_BOXES = {
    "no coordinate": ({}, "Box() has no coordinates. Write for example Box(x=(-1, 1), t=(0, 1))."),
    "reversed": (
        {"x": (1, -1)},
        "Box(x=(1, -1)): x runs from 1 to -1, which holds no points; write x=(-1, 1).",
    ),
    "no length": (
        {"x": (2, 2)},
        "Box(x=(2, 2)): x runs from 2 to 2, which holds no points; a box needs a positive length in every coordinate.",
    ),
    "infinite": (
        {"x": (0, math.inf)},
        "Box(x=(0, inf)): x runs from 0 to inf; both ends must be finite numbers.",
    ),
    "not a number": (
        {"x": (math.nan, 1)},
        "Box(x=(nan, 1)): x runs from nan to 1; both ends must be finite numbers.",
    ),
    "one number": (
        {"x": 3},
        "Box(x=3): x=3 is no interval; expected two numbers, as in x=(-1, 1).",
    ),
    "three numbers": (
        {"x": (0, 1, 2)},
        "Box(x=(0, 1, 2)): x=(0, 1, 2) is no interval; expected two numbers, as in x=(-1, 1).",
    ),
    "text": (
        {"x": ("a", "b")},
        "Box(x=('a', 'b')): x=('a', 'b') is no interval; expected two numbers, as in x=(-1, 1).",
    ),
    "reserved": (
        {"normal": (0, 1)},
        "Box(normal=(0, 1)) has a coordinate named 'normal', which is reserved. Choose another name.",
    ),
    "dunder": (
        {"__x__": (0, 1)},
        "Box(__x__=(0, 1)) has a coordinate named '__x__', which is reserved. Choose another name.",
    ),
} | {
    label: (
        {name: (0, 1)},
        f"Box({name}=(0, 1)) has a coordinate named {name!r}; expected a plain identifier such as x, at most 64 "
        "characters and no Python keyword, so that residuals can read a.x.",
    )
    for label, name in {"keyword": "lambda", "space": "x y", "empty": "", "Cyrillic": "х", "long": "x" * 65}.items()
}


@pytest.mark.parametrize("case", WRONG_BOXES)
def test_a_wrong_box_is_refused(case):
    intervals, message = WRONG_BOXES[case]
    with refused(sp.RegionError, message):
        sp.Box(**intervals)


def test_more_coordinates_than_sobol_points_have_are_refused():
    count = MOST_COORDINATES + 1
    message = f"a box of {count} coordinates; points are drawn in {count - 1} of them at most."
    with refused(sp.RegionError, message):
        sp.Box(**{f"x{index}": (0, 1) for index in range(count)})


def test_any_identifier_is_a_coordinate():
    box = sp.Box(self=(0, 1), values=(0, 2))
    assert box.names == ("self", "values")
    assert box.at(self=0, values=1).measure == 1.0


def test_a_box_says_how_it_is_made():
    assert repr(DOMAIN) == "Box(x=(-1, 1), t=(0, 2))"
    assert repr(DOMAIN.at(t=0.5)) == "Box(x=(-1, 1), t=(0, 2)).at(t=0.5)"


def test_equal_boxes_have_equal_hashes():
    one, other = sp.Box(x=(0, 1), t=(0, 2)), sp.Box(x=(0.0, 1.0), t=(0, 2))
    assert one == other
    assert hash(one) == hash(other)
    slices = one.at(x=0, t=1), one.at(t=1, x=0)
    assert slices[0] == slices[1]
    assert hash(slices[0]) == hash(slices[1])
    assert one != sp.Box(x=(0, 1), t=(0, 3))


def test_the_rim_is_inside_and_what_is_beyond_is_not():
    inside = DOMAIN.contains(np.array([[1, 2], [-1, 0], [1 + 1e-10, 1], [1 + 1e-8, 1], [0, -0.1]]))
    assert inside.tolist() == [True, True, True, False, False]


def test_points_of_one_draw_are_more_even_than_random_ones():
    # 16 points of a scrambled Sobol sequence: one in each of 16 equal intervals, in each coordinate.
    points = sp.Box(x=(0, 1), y=(0, 1)).sample(16)
    for column in points.T:
        assert sorted((column * 16).astype(int)) == list(range(16))


def test_each_draw_is_scrambled_afresh():
    generator = torch.Generator().manual_seed(0)
    first, second = low_discrepancy(4, 2, generator), low_discrepancy(4, 2, generator)
    assert not torch.equal(first, second)
    assert (first > 0).any()  # without scrambling the first point would be the corner
    assert low_discrepancy(3, 0, generator).shape == (3, 0)


class TestSlice:
    @pytest.mark.parametrize(("end", "normal"), [(-1, -1.0), (1, 1.0)])
    def test_a_side_has_the_outward_normal(self, end, normal):
        sample = DOMAIN.at(x=end).draw(5, torch.Generator())
        assert (sample.points[:, 0] == end).all()
        assert sample.normal.tolist() == [[normal, 0.0]] * 5

    def test_a_cut_inside_has_no_normal(self):
        cut = DOMAIN.at(x=0.5)
        assert not cut.has_normal
        assert cut.draw(3, torch.Generator()).normal is None
        assert cut.bounds == {"x": (0.5, 0.5), "t": (0, 2)}
        assert cut.free == ("t",)

    def test_a_corner_has_no_normal(self):
        corner = DOMAIN.at(x=1, t=0)
        assert not corner.has_normal
        assert corner.sample(2).tolist() == [[1, 0], [1, 0]]

    def test_the_measure_is_that_of_the_free_coordinates(self):
        cube = sp.Box(x=(0, 2), y=(0, 3), t=(0, 5))
        assert cube.at(t=0).measure == 6
        assert cube.at(x=1, t=5).measure == 3
        assert cube.at(x=0, y=0, t=0).measure == 1

    def test_free_coordinates_fill_their_interval(self):
        t = DOMAIN.at(x=-1).sample(64)[:, 1]
        assert sorted((t * 32).astype(int)) == list(range(64))

    def test_only_points_on_it_are_contained(self):
        side = DOMAIN.at(x=1)
        assert side.contains(np.array([[1, 1], [0.999, 1], [1, 3]])).tolist() == [True, False, False]

    def test_an_unknown_coordinate_is_refused_with_the_nearest(self):
        box = sp.Box(x=(0, 1), time=(0, 1))
        message = "Box(x=(0, 1), time=(0, 1)).at(tim=0): the coordinates are x, time.\n  Did you mean time?"
        with refused(sp.RegionError, message):
            box.at(tim=0)

    def test_no_coordinate_is_refused(self):
        message = "Box(x=(-1, 1), t=(0, 2)).at() names no coordinate. Write for example .at(x=-1)."
        with refused(sp.RegionError, message):
            DOMAIN.at()

    @pytest.mark.parametrize("value", [3, -0.1, math.nan, math.inf, "0", None, True, 1j])
    def test_a_value_outside_is_refused(self, value):
        message = (
            f"Box(x=(-1, 1), t=(0, 2)).at(t={value!r}) has no points: t runs from 0 to 2.\n  A condition on an empty "
            "region would always hold. Write .at(t=0) or .at(t=2), or make the box longer."
        )
        with refused(sp.RegionError, message):
            DOMAIN.at(t=value)


class TestBoundary:
    @pytest.mark.parametrize(
        "lengths", [(2,), (2, 3), (2, 3, 5), (2, 3, 5, 7)], ids=lambda lengths: f"{len(lengths)}-D"
    )
    def test_it_has_two_sides_per_coordinate_and_their_measure(self, lengths):
        box = sp.Box(**{name: (0, length) for name, length in zip("xyzt", lengths)})
        boundary = box.boundary
        assert len(boundary.parts) == 2 * len(lengths)
        expected = 2 * sum(math.prod(rest) for rest in itertools.combinations(lengths, len(lengths) - 1))
        assert boundary.measure == pytest.approx(expected)
        assert boundary.bounds == box.bounds
        sample = boundary.draw(500, torch.Generator().manual_seed(0))
        inwards = sample.points - 1e-3 * sample.normal
        outwards = sample.points + 1e-3 * sample.normal
        assert box.contains(inwards.numpy()).all()
        assert not box.contains(outwards.numpy()).any()


def test_a_value_within_rounding_of_an_end_is_that_end():
    box = sp.Box(x=(0, 0.3))
    assert box.at(x=0.1 + 0.2) == box.at(x=0.3)
    assert box.at(x=0.1 + 0.2).has_normal


def test_boxes_of_other_column_order_are_other_boxes():
    assert sp.Box(x=(0, 1), y=(0, 1)) != sp.Box(y=(0, 1), x=(0, 1))


@pytest.mark.parametrize("length", [1e-200, 1e200])
def test_a_box_whose_measure_is_no_float_is_refused(length):
    with pytest.raises(sp.RegionError, match=r"has the measure (0|inf), beyond what a float64 holds"):
        sp.Box(x=(0, length), y=(0, length))
