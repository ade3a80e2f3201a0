"""An archive refuses what a file could not keep, when it is made."""

from __future__ import annotations

from typing import Any

import archives
import numpy as np
import pytest

from sirenpde.errors import DataError
from sirenpde.solution.archive import Archive, file_order


@pytest.mark.parametrize(
    ("coordinates", "order"),
    [
        (("x",), ("x",)),
        (("t",), ("t",)),
        (("x", "t"), ("t", "x")),
        (("t", "x", "y"), ("t", "y", "x")),
        (("x", "y", "z"), ("z", "y", "x")),
        (("r", "s"), ("s", "r")),
    ],
)
def test_time_comes_first_in_a_file_and_the_first_coordinate_last(
    coordinates: tuple[str, ...], order: tuple[str, ...]
) -> None:
    assert file_order(coordinates) == order


def test_the_grid_shape_follows_the_file_order() -> None:
    archive = archives.make("plane in time")
    assert archive.order == ("t", "y", "x")
    assert archive.grid_shape == (6, 7, 9)
    assert Archive(problem="p", coordinates=("x",), fields={}).grid_shape == ()


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "path as problem": ({"problem": "../up"}, r"'\.\./up' is no name for a problem"),
    "empty name": ({"problem": ""}, "'' is no name for a problem"),
    "slash in a value": ({"values": {"a/b": np.zeros((7, 9))}}, "'a/b' is no name for a value"),
    "line break in a region": ({"points": {"a\n": {}}}, "is no name for a region of points"),
    "dot as parameter": ({"weights": {".": np.zeros(1)}}, r"'\.' is no name for a parameter"),
    "name that is no text": ({"history": {3: np.zeros(1)}}, "3 is no name for a quantity"),
    "clash": ({"values": {"x": np.zeros((7, 9))}}, r"share a name with each other or with a value \['x'\]"),
    "twice": ({"coordinates": ("x", "x")}, "share a name with each other"),
    "axes missing": ({"axes": {"x": archives.AXES["x"]}}, r"has axes \['x'\]; expected the coordinates \['x', 'y'\]"),
    "values without axes": ({"axes": {}}, "it has values on a grid, but no axes"),
    "falling axis": (
        {"axes": {"x": archives.AXES["x"][::-1], "y": archives.AXES["y"]}},
        "axis 'x' must be one ascending",
    ),
    "axis with nan": ({"axes": {"x": np.full(9, np.nan), "y": archives.AXES["y"]}}, "axis 'x' must be one ascending"),
    "float32 axis": (
        {"axes": {"x": archives.AXES["x"], "y": np.arange(7, dtype="f4")}},
        "axis 'y' must be one ascending",
    ),
    "transposed": (
        {"values": {"u": np.zeros((9, 7))}},
        r"'u' has shape \(9, 7\); expected \(7, 9\), the axes \('y', 'x'\)",
    ),
    "two component axes": ({"values": {"v": np.zeros((7, 9, 2, 2))}}, "at most one of components"),
    "other components": ({"values": {"u": np.zeros((7, 9, 3))}}, r"field 'u' has \(3,\) as components"),
    "integers": (
        {"values": {"u": np.zeros((7, 9), dtype=int)}},
        "'u' has type int64; expected one of float32, float64",
    ),
    "half": ({"weights": {"w": np.zeros(3, dtype="f2")}}, "'w' has type float16; expected one of float32, float64"),
    "objects": ({"training": {"w": np.array([None])}}, "'w' has type object"),
    "mask": ({"inside": np.ones((9, 7), dtype=bool)}, r"inside has shape \(9, 7\) and type bool"),
    "ragged points": (
        {"points": {"a": {"x": np.zeros(2), "y": np.zeros(3)}}},
        "the points of 'a' have columns of shapes",
    ),
    "history without step": ({"history": {"loss": np.zeros(3)}}, "expected rows of one length, 'step' among them"),
    "history of two lengths": ({"history": {"step": np.zeros(3), "loss": np.zeros(2)}}, "expected rows of one length"),
    "text in the history": ({"history": {"step": np.array(["a"])}}, "'step' of the history has type <U1"),
    "score as text": ({"verification": {"l2": "small"}}, "'l2' is 'small'; expected a number"),
    "long title": ({"title": "x" * 1025}, "title must be text of at most 1024 bytes"),
    "NUL in a unit": ({"units": {"x": "m\0"}}, r"units\['x'\] must be text"),
    "lone surrogate": ({"title": "\ud800"}, "must be JSON"),
    "object in the settings": ({"settings": {"network": object()}}, "must be JSON: Object of type object"),
}


@pytest.mark.parametrize("case", list(WRONG))
def test_what_a_file_could_not_keep_is_refused_by_name(case: str) -> None:
    changes, message = WRONG[case]
    with pytest.raises(DataError, match=message):
        archives.make("grey", **changes)


@pytest.mark.parametrize("kept", [{"nu": np.zeros(3)}, {"nu": np.zeros(2, dtype="<f4")}, {"mu": np.zeros(2)}])
def test_parameters_that_belong_to_no_number_are_refused(kept) -> None:
    with pytest.raises(DataError, match=r"expected two float64 numbers of an unknown that has a value\.$"):
        archives.make(parameters=kept)
