"""Unknown numbers: what can be declared; and numbers beyond float64, wherever one is asked for."""

import pytest
import sympy
from small import refused

import sirenpde as sp
from sirenpde.errors import finite_number, shown

X = sympy.Symbol("x")
U = sympy.Function("u")(X)
LINE = sp.Box(x=(0, 1))
HUGE = 10**5000  # too long for Python to print


def test_bounds_further_apart_than_float64_can_say_are_refused():
    message = (
        "Unknown(initial=0.0, lower=-1.7e+308, upper=1.7e+308): the numbers lie further apart than float64 can say. "
        "Leave a bound out that is never reached."
    )
    with refused(sp.ProblemError, message):
        sp.Unknown(0, -1.7e308, 1.7e308)
    with pytest.raises(sp.ProblemError, match="further apart"):
        sp.Unknown(1.7e308, lower=-1.7e308)
    assert sp.Unknown(0, -8e307, 8e307).upper == 8e307


BEYOND = {
    "Unknown": lambda: sp.Unknown(HUGE),
    "bound": lambda: sp.Unknown(0, upper=HUGE),
    "given": lambda: sp.Problem(
        name="p", constraints=[sp.Constraint("c", on=LINE, residual=U - sympy.Symbol("k"))], given={"k": HUGE}
    ),
    "weight": lambda: sp.Constraint("c", on=LINE, residual=U, weight=HUGE),
    "Siren": lambda: sp.Siren(omega=HUGE),
    "Ball": lambda: sp.Ball(x=HUGE, radius=1),
    "side": lambda: LINE.at(x=HUGE),
    "learning rate": lambda: sp.Adam(steps=1, lr=HUGE),
    "max_seconds": lambda: sp.solve(_decay(), max_seconds=HUGE, progress=False),
    "tolerance": lambda: sp.solve(_decay(), tolerance=HUGE, progress=False),
    "steps": lambda: sp.solve(_decay(), steps=HUGE, progress=False),
}


def _decay() -> sp.Problem:
    constraints = [sp.Constraint("c", on=LINE, residual=U.diff(X) + U), sp.Constraint("s", on=LINE.at(x=0), residual=U)]
    return sp.Problem(name="p", constraints=constraints)


@pytest.mark.parametrize("case", BEYOND)
def test_an_integer_beyond_float64_is_refused_by_its_length(case):
    with pytest.raises(sp.SirenPDEError, match="an integer of 16610 bits"):
        BEYOND[case]()


def test_an_interval_beyond_float64_is_refused():
    with pytest.raises(sp.RegionError, match="is no interval"):
        sp.Box(x=(0, 10**400))


def test_finite_numbers_are_told_from_all_else():
    assert finite_number(sympy.Rational(1, 4)) == 0.25
    assert finite_number(3) == 3.0
    for value in (True, None, "1", 1j, float("nan"), float("inf"), 10**400, sympy.oo, [1]):
        assert finite_number(value) is None
    assert shown(7) == "7"
    assert shown("a") == "'a'"
