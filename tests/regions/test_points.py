"""Given points, and the data at them."""

import math

import numpy as np
import pytest
import torch
from small import refused

import sirenpde as sp

SEEN = sp.Points(
    [[0.0, 1.0], [2.0, 3.0], [4.0, 0.0]],
    names=("x", "t"),
    data={"seen": [10, 20, 30], "pair": [[1, 2], [3, 4], [5, 6]]},
)


def test_data_stay_with_their_points():
    sample = SEEN.draw(50, torch.Generator().manual_seed(0))
    torch.testing.assert_close(sample.data["seen"], 10 + sample.points[:, 0] * 5)
    torch.testing.assert_close(sample.data["pair"], torch.stack([1 + sample.points[:, 0], 2 + sample.points[:, 0]], 1))
    assert SEEN.data_shapes == {"seen": (), "pair": (2,)}


def test_taking_follows_the_numbers():
    sample = SEEN.take(torch.tensor([2, 0]))
    assert sample.points.tolist() == [[4, 0], [0, 1]]
    assert sample.local["seen"].tolist() == [30, 10]


def test_every_point_is_drawn():
    assert len(np.unique(SEEN.sample(100), axis=0)) == 3


def test_the_measure_is_one_and_bounds_hold_the_points():
    assert SEEN.measure == 1.0
    assert SEEN.bounds == {"x": (0, 4), "t": (0, 3)}
    assert SEEN.size == 3


def test_only_given_points_are_contained():
    assert SEEN.contains(np.array([[2, 3], [2, 3 + 1e-12], [2, 3.001], [0, 0]])).tolist() == [True, True, False, False]


def test_the_caller_cannot_change_the_points():
    array, values = np.zeros((2, 1)), np.zeros(2)
    points = sp.Points(array, names=("x",), data={"seen": values})
    array[:], values[:] = 7, 7
    points.points[:] = 8
    sample = points.take(torch.arange(2))
    assert sample.points.tolist() == [[0], [0]]
    assert sample.data["seen"].tolist() == [0, 0]


def test_one_name_may_stand_alone():
    assert sp.Points([[1.0]], names="x").names == ("x",)


EXPECTED = "with n of at least 1, one column each for x."
WRONG_POINTS = {
    "empty": (np.empty((0, 1)), f"Points got an array of shape (0, 1); expected (n, 1) {EXPECTED}"),
    "one axis": ([1.0, 2.0], f"Points got an array of shape (2,); expected (n, 1) {EXPECTED}"),
    "columns": (np.zeros((3, 2)), f"Points got an array of shape (3, 2); expected (n, 1) {EXPECTED}"),
}
WRONG_VALUES = {
    "not finite": ([[0.0], [math.nan]], "Points: the array is not finite in row 1: nan. Leave such rows out."),
    "infinite": ([[math.inf]], "Points: the array is not finite in row 0: inf. Leave such rows out."),
    "text": ([["a"]], "Points: the array is not an array of real numbers; got list."),
    "complex": (np.zeros((2, 1)) * 1j, "Points: the array is not an array of real numbers; got ndarray."),
    "ragged": ([[0.0], [0.0, 1.0]], "Points: the array is not an array of real numbers; got list."),
    "objects": (np.array([[None]]), "Points: the array is not an array of real numbers; got ndarray."),
    "nothing": (None, "Points: the array is not an array of real numbers; got NoneType."),
}


@pytest.mark.parametrize("case", WRONG_POINTS)
def test_an_array_of_another_shape_is_refused(case):
    array, message = WRONG_POINTS[case]
    with refused(sp.RegionError, message):
        sp.Points(array, names=("x",))


@pytest.mark.parametrize("case", WRONG_VALUES)
def test_values_that_are_no_numbers_are_refused(case):
    array, message = WRONG_VALUES[case]
    with refused(sp.DataError, message):
        sp.Points(array, names=("x",))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"seen": [1.0]}, "Points: data 'seen' has shape (1,); expected (2,) or (2, k)."),
        ({"seen": 3.0}, "Points: data 'seen' has shape (); expected (2,) or (2, k)."),
        ({"seen": np.zeros((2, 1, 1))}, "Points: data 'seen' has shape (2, 1, 1); expected (2,) or (2, k)."),
        ({"seen": [0.0, math.nan]}, "Points: data 'seen' is not finite in row 1: nan. Leave such rows out."),
        ({"x": [0.0, 1.0]}, "Points: data 'x' has the name of a coordinate. Choose another name."),
    ],
    ids=["short", "a number", "three axes", "not finite", "a coordinate"],
)
def test_wrong_data_are_refused(data, message):
    with refused(sp.DataError, message):
        sp.Points([[0.0], [1.0]], names=("x",), data=data)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (5, 'Points got names=5; expected one name per column, such as ("x", "t").'),
        (("x", "x"), "Points names the coordinate 'x' twice. Give each column a name of its own."),
        (
            ("x", 3),
            "Points has a coordinate named 3; expected a plain identifier such as x, at most 64 characters and no "
            "Python keyword, so that residuals can read a.x.",
        ),
    ],
    ids=["a number", "twice", "not text"],
)
def test_wrong_names_are_refused(names, message):
    with refused(sp.RegionError, message):
        sp.Points([[0.0, 1.0]], names=names)


def test_data_named_like_the_normal_are_refused():
    message = "Points has data named 'normal', which is reserved. Choose another name."
    with refused(sp.RegionError, message):
        sp.Points([[0.0]], names=("x",), data={"normal": [1.0]})


def test_points_with_data_are_not_united_which_would_lose_the_data():
    one, other = (sp.Points([[place]], names="x", data={"seen": [1.0]}) for place in (0.0, 1.0))
    with pytest.raises(sp.RegionError, match="holds given points; give each of the two a constraint of its own"):
        one | other
