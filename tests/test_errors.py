"""What errors say: the nearest name."""

import pytest

from sirenpde.errors import suggestion


@pytest.mark.parametrize(
    ("name", "candidates", "meant"),
    [
        ("velocty", ["u", "velocity"], "velocity"),
        ("NU", ["u", "nu"], "nu"),
        ("U", ["velocity", "u"], "u"),
        ("Re", ["nu", "re"], "re"),
    ],
)
def test_the_nearest_name_is_suggested_also_one_that_differs_in_case_alone(name, candidates, meant):
    assert suggestion(name, candidates, "a.") == f"\n  Did you mean a.{meant}?"


@pytest.mark.parametrize(("name", "candidates"), [("nu", ["u", "x"]), ("xx", ["x"]), ("u", ["nu"]), ("v", ["u"])])
def test_a_name_of_one_letter_is_near_no_other_word(name, candidates):
    assert suggestion(name, candidates) == ""
