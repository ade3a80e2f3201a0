"""The grids of pictures and sounds."""

import itertools
import math

import numpy as np
import pytest
import torch
from small import refused

import sirenpde as sp

PIXELS = sp.Grid(("x", "y"), (-1.0, 2.0), (0.5, -1.0), (3, 2))


def test_points_are_listed_with_the_first_coordinate_fastest():
    expected = [[-1, 2], [-0.5, 2], [0, 2], [-1, 1], [-0.5, 1], [0, 1]]
    np.testing.assert_array_equal(PIXELS.points, expected)
    np.testing.assert_array_equal(PIXELS.take(torch.tensor([4, 0])).points, [[-0.5, 1], [-1, 2]])


def test_axes_keep_the_direction_of_the_list():
    assert PIXELS.axis("x").tolist() == [-1, -0.5, 0]
    assert PIXELS.axis("y").tolist() == [2, 1]


def test_bounds_are_the_outer_edges_of_the_cells():
    assert PIXELS.bounds == {"x": (-1.25, 0.25), "y": (0.5, 2.5)}
    assert PIXELS.measure == 3 * 0.5 * 2 * 1.0
    assert PIXELS.size == 6


def test_any_place_in_a_cell_is_inside():
    assert PIXELS.contains(np.array([[-1.2, 2.4], [0.2, 0.6], [0.3, 1], [-1, 2.6]])).tolist() == [
        True,
        True,
        False,
        False,
    ]


def test_samples_are_grid_points():
    points = PIXELS.sample(200)
    assert len(np.unique(np.concatenate([points, PIXELS.points]), axis=0)) == 6


@pytest.mark.parametrize(("count", "order"), [((40, 80, 160), 2.0)], ids=["midpoint rule"])
def test_a_sum_over_the_grid_is_the_midpoint_rule(count, order):
    # ∫_0^1 e^x dx = e - 1; the error falls by 4 when the step is halved.
    def error(n):
        grid = sp.Grid(("x",), (0.5 / n,), (1 / n,), (n,))
        return abs(grid.measure * np.mean(np.exp(grid.points)) - (math.e - 1))

    rates = [math.log2(error(coarse) / error(fine)) for coarse, fine in itertools.pairwise(count)]
    np.testing.assert_allclose(rates, order, atol=0.05)


SHAPES = "expected finite numbers, steps other than 0, and whole numbers of points of at least 1."
WRONG = {
    "no coordinate": (
        ((), (), (), ()),
        "Grid over () needs one origin, spacing and count for each of one or more coordinates.",
    ),
    "lengths differ": (
        (("x", "y"), (0.0,), (1.0, 1.0), (2, 2)),
        "Grid over ('x', 'y') needs one origin, spacing and count for each of one or more coordinates.",
    ),
    "no points": ((("x",), (0.0,), (1.0,), (0,)), f"Grid has origin (0.0,), spacing (1.0,) and shape (0,); {SHAPES}"),
    "half a point": (
        (("x",), (0.0,), (1.0,), (2.5,)),
        f"Grid has origin (0.0,), spacing (1.0,) and shape (2.5,); {SHAPES}",
    ),
    "no step": ((("x",), (0.0,), (0.0,), (3,)), f"Grid has origin (0.0,), spacing (0.0,) and shape (3,); {SHAPES}"),
    "infinite step": (
        (("x",), (0.0,), (math.inf,), (3,)),
        f"Grid has origin (0.0,), spacing (inf,) and shape (3,); {SHAPES}",
    ),
    "origin not a number": (
        (("x",), (math.nan,), (1.0,), (3,)),
        f"Grid has origin (nan,), spacing (1.0,) and shape (3,); {SHAPES}",
    ),
    "text": ((("x",), ("0",), (1.0,), (3,)), f"Grid has origin ('0',), spacing (1.0,) and shape (3,); {SHAPES}"),
    "twice": (
        (("x", "x"), (0.0, 0.0), (1.0, 1.0), (2, 2)),
        "Grid names the coordinate 'x' twice. Give each column a name of its own.",
    ),
    "keyword": (
        (("is",), (0.0,), (1.0,), (2,)),
        "Grid has a coordinate named 'is'; expected a plain identifier such as x, at most 64 characters and no Python "
        "keyword, so that residuals can read a.x.",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_grid_is_refused(case):
    arguments, message = WRONG[case]
    with refused(sp.RegionError, message):
        sp.Grid(*arguments)


def test_a_grid_beyond_memory_is_refused_with_its_size():
    with pytest.raises(sp.RegionError, match=r"shape \(40000, 40000\), 1600000000 points; at most 134217728"):
        sp.Grid(("x", "y"), (0.0, 0.0), (1.0, 1.0), (40000, 40000))
