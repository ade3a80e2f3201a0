"""Hard conditions, periodicity and unknown numbers in files: what comes back is what was trained, or is refused."""

import dataclasses
import math

import numpy as np
import pytest
import sympy
import torch
from small import refused

import sirenpde as sp
from sirenpde.fields.unknowns import UnknownNumbers
from sirenpde.solution.solution import from_archive

TINY = sp.Siren(width=8, depth=1, omega=2, first_omega=2)
x, t, nu = sympy.symbols("x t nu")
u = sympy.Function("u")(x, t)
DOMAIN = sp.Box(x=(0, 1), t=(0, 2))
PLACES = sp.Points([[0.2, 0.5], [0.7, 1.5]], names=("x", "t"), data={"seen": np.array([0.1, 0.4])})
HARD = sympy.sin(sympy.pi * x) * (1 + nu * t) + t * x * (1 - x) * u


def heat(**changes):
    right = {
        "name": "heat",
        "constraints": [
            sp.Constraint("equation", on=DOMAIN, residual=u.diff(t) - nu * u.diff(x, 2)),
            sp.Constraint("data", on=PLACES, residual=u - sympy.Symbol("seen")),
        ],
        "unknowns": {"nu": sp.Unknown(initial=0.3, lower=0, upper=1)},
        "hard": {"u": HARD},
    }
    return sp.Problem(**(right | changes))


def solved(problem):
    return sp.solve(problem, network=TINY, optimizer=sp.Adam(steps=3), points=16, dtype="float64", progress=False)


@pytest.fixture(autouse=True)
def coarse(monkeypatch):
    monkeypatch.setattr("sirenpde.solution.gridded.RESOLUTION", {1: 21, 2: 9, 3: 5})


def test_a_hard_condition_in_sympy_and_its_unknown_number_come_back(tmp_path):
    saved = solved(heat())
    saved.save(tmp_path / "a.h5")
    loaded = sp.load(tmp_path / "a.h5")
    points = np.random.default_rng(0).random((20, 2))
    assert math.isclose(loaded.unknowns["nu"], saved.unknowns["nu"], rel_tol=1e-15)
    np.testing.assert_allclose(loaded.u(points), saved.u(points), rtol=1e-13)
    np.testing.assert_allclose(loaded.u.partial("x", "x", "t")(points), saved.u.partial("x", "x", "t")(points), 1e-11)
    start = np.stack([points[:, 0], np.zeros(20)], axis=1)
    np.testing.assert_allclose(loaded.u(start), np.sin(np.pi * start[:, 0]), atol=1e-15)


def test_the_network_of_a_solution_gives_the_raw_field(tmp_path):
    saved = solved(heat())
    points = torch.rand(5, 2, dtype=torch.float64)
    place, time = points.T.numpy()
    raw = saved.network(points).detach().numpy()[:, 0]
    number = saved.unknowns["nu"]
    expected = np.sin(np.pi * place) * (1 + number * time) + time * place * (1 - place) * raw
    np.testing.assert_allclose(saved.u(points.numpy()), expected, rtol=1e-13)


def test_a_periodic_solution_comes_back_periodic(tmp_path):
    constraints = [sp.Constraint("equation", on=DOMAIN, residual=u.diff(t) + u.diff(x))]
    saved = solved(sp.Problem(name="ring", constraints=constraints, periodic=("x",), hard={"u": 1 + t * u}))
    saved.save(tmp_path / "a.h5")
    loaded = sp.load(tmp_path / "a.h5")
    times = np.linspace(0, 2, 7)
    assert loaded.u(x=0.3, t=times).tobytes() == saved.u(x=0.3, t=times).tobytes()
    np.testing.assert_allclose(loaded.u.partial("x")(x=1, t=times), loaded.u.partial("x")(x=0, t=times), atol=1e-13)


def test_a_hard_condition_in_python_asks_for_the_problem(tmp_path):
    problem = heat(hard={"u": lambda a, u: a.t * u + 1})
    saved = solved(problem)
    saved.save(tmp_path / "a.h5")
    message = (
        f'{tmp_path}/a.h5: the hard condition of "u" is a Python function, or a formula that files do not keep.\n'
        "  Give the problem that it belongs to: sp.load(path, problem=build())."
    )
    with refused(sp.FileError, message):
        sp.load(tmp_path / "a.h5")
    loaded = sp.load(tmp_path / "a.h5", problem=problem)
    assert loaded.u(x=0.3, t=[0.1, 0.2]).tobytes() == saved.u(x=0.3, t=[0.1, 0.2]).tobytes()
    assert loaded.problem is problem


def test_a_problem_of_other_fields_is_refused(tmp_path):
    solved(heat()).save(tmp_path / "a.h5")
    v = sympy.Function("v")(x, t)
    other = sp.Problem(name="other", constraints=[sp.Constraint("rule", on=DOMAIN, residual=v)])
    message = f'{tmp_path}/a.h5: the file holds the fields u of x, t; problem "other" has the fields v of x, t.'
    with refused(sp.FileError, message):
        sp.load(tmp_path / "a.h5", problem=other)


TREE = ["Add", ["function", "u", ["symbol", "x"], ["symbol", "t"]], ["symbol", "x"]]
HOSTILE = {
    "hard conditions in a list": {"hard": [1]},
    "a hard condition of no field": {"hard": {"w": TREE}},
    "a hard condition that is text": {"hard": {"u": "__import__('os')"}},
    "an unknown node": {"hard": {"u": ["eval", ["symbol", "x"]]}},
    "a symbol with a hostile name": {"hard": {"u": ["symbol", "__import__('os').getpid()"]}},
    "an unknown number without a value": {"unknowns": {"other": {"lower": None, "upper": None}}},
    "an unknown number without bounds": {"unknowns": {"nu": {}}},
    "a bound that is text": {"unknowns": {"nu": {"lower": "0", "upper": None}}},
    "unknown numbers in a list": {"unknowns": [1]},
    "a periodic coordinate that there is not": {"periodic": ["q"]},
    "periodic coordinates as a number": {"periodic": 3},
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_setting_is_refused(case):
    archive = solved(heat(hard={})).archive()
    changed = dataclasses.replace(archive, settings={**archive.settings, **HOSTILE[case]})
    with pytest.raises(sp.SirenPDEError, match=r"bad\.h5"):
        from_archive(changed, "bad.h5")


def test_an_unknown_number_that_reached_its_bound_comes_back():
    archive = dataclasses.replace(solved(heat()).archive(), unknowns={"nu": 1.0})
    for kept in ({}, {"nu": np.array([40.0, 0.3])}):
        assert from_archive(dataclasses.replace(archive, parameters=kept), "a.h5").unknowns == {"nu": 1.0}


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("bounds", [{"lower": 0, "upper": 1}, {"lower": 0}, {"upper": 1}, {}])
@pytest.mark.parametrize("corrected", [False, True])
def test_unknown_numbers_come_back_to_the_same_bits(bounds, dtype, corrected):
    saved = solved(heat(unknowns={"nu": sp.Unknown(initial=0.3, **bounds)}, hard={}))
    saved.ansatz.to(dtype)
    for theta in np.random.default_rng(3).standard_normal(12):
        saved.ansatz.unknowns = UnknownNumbers({"nu": (0.3, bounds.get("lower"), bounds.get("upper"))}).to(dtype)
        with torch.no_grad():
            saved.ansatz.unknowns.raw[0].fill_(theta)
            if corrected:
                saved.ansatz.unknowns = saved.ansatz.unknowns.nearby([1e-7])
                saved.ansatz.unknowns.raw[0].fill_(theta).to(dtype)
        once = from_archive(saved.archive(), "a.h5")
        assert once.unknowns == saved.unknowns
        assert from_archive(once.archive(), "a.h5").unknowns == saved.unknowns


def test_a_file_that_keeps_no_parameters_gives_its_numbers_to_rounding():
    archive = solved(heat(hard={})).archive()
    old = from_archive(dataclasses.replace(archive, parameters={}), "a.h5")
    assert math.isclose(old.unknowns["nu"], archive.unknowns["nu"], rel_tol=1e-15)
    assert from_archive(old.archive(), "a.h5").unknowns == old.unknowns


PARAMETERS = {
    "of another number": ([1.0, 0.3], "has the value .*, and parameters that give 0.7"),
    "not finite": ([math.nan, 0.3], "parameters that give nan"),
    "begun outside the bounds": ([0.0, 3.0], "starts at 3.0"),
    "begun nowhere": ([0.0, math.inf], "starts at inf"),
}


@pytest.mark.parametrize("case", PARAMETERS)
def test_parameters_that_no_run_has_written_are_refused(case, bounded):
    pair, said = PARAMETERS[case]
    changed = dataclasses.replace(bounded, parameters={"nu": np.array(pair)})
    with pytest.raises(sp.FileError, match=rf"^a\.h5: .*nu.* {said}"):
        from_archive(changed, "a.h5")


PLANE = sp.Box(x=(-1, 1), t=(-1, 1))
DISC = sp.Ball(x=0, t=0, radius=1)
KNOWN = sympy.Symbol("k")
KEPT = {
    "zero on the diagonal": (PLANE, (x - t) * u, {}),
    "a disc": (DISC, sympy.sqrt(1 - x**2 - t**2) * u, {}),
    "an annulus": (DISC - sp.Ball(x=0, t=0, radius=0.5), sympy.log(4 * (x**2 + t**2)) * u, {}),
    "a known as a symbol": (PLANE, KNOWN * u, {"k": 2 + x * t}),
    "a number as a symbol": (PLANE, KNOWN * u + x, {"k": 0.3}),
    "a known that is applied": (PLANE, sympy.Function("k")(x, t) * u, {"k": 2 + x * t}),
}
NOT_KEPT = {
    "a constant of no table": (sympy.Catalan * u, {}),
    "a function of no table": (sympy.gamma(sympy.Rational(1, 3)) * u, {}),
    "a high power": ((1 + x) ** 70 * u, {}),
    "a large integer": ((x + 10**20) * u, {}),
    "a known that is a Python function": (KNOWN * u, {"k": lambda a: a.x + 2}),
}


def posed(region, hard, given):
    constraints = [sp.Constraint("equation", on=region, residual=u.diff(x, 2) + u.diff(t, 2) + 1)]
    return sp.Problem(name="posed", constraints=constraints, hard={"u": hard}, given=given)


@pytest.mark.filterwarnings("ignore::sirenpde.errors.SirenPDEWarning")
@pytest.mark.parametrize("case", KEPT)
def test_a_hard_condition_comes_back_whatever_it_is_outside_its_region(case, tmp_path):
    saved = solved(posed(*KEPT[case]))
    saved.save(tmp_path / "a.h5")
    loaded = sp.load(tmp_path / "a.h5")
    np.testing.assert_allclose(loaded.u(x=0.5, t=[0.3, 0.4]), saved.u(x=0.5, t=[0.3, 0.4]), rtol=1e-13)
    assert loaded.ansatz.hard["u"].affine == saved.ansatz.hard["u"].affine


@pytest.mark.filterwarnings("ignore::sirenpde.errors.SirenPDEWarning")
@pytest.mark.parametrize("case", NOT_KEPT)
def test_a_formula_that_a_file_cannot_keep_loses_no_run(case, tmp_path):
    problem = posed(PLANE, *NOT_KEPT[case])
    saved = solved(problem)
    saved.save(tmp_path / "a.h5")
    with pytest.raises(sp.FileError, match=r"a formula that files do not keep\.\n  Give the problem"):
        sp.load(tmp_path / "a.h5")
    loaded = sp.load(tmp_path / "a.h5", problem=problem)
    assert loaded.u(x=0.3, t=[0.1, 0.2]).tobytes() == saved.u(x=0.3, t=[0.1, 0.2]).tobytes()


def test_an_unknown_number_that_left_the_range_of_its_hard_condition_does_not_close_the_file():
    archive = solved(heat(hard={"u": u * sympy.sqrt(1 - nu)}, unknowns={"nu": sp.Unknown(0.3)})).archive()
    moved = dataclasses.replace(archive, unknowns={"nu": 0.999}, parameters={})
    assert from_archive(moved, "a.h5").unknowns == {"nu": 0.999}


TRIED = {
    "not at all": None,
    "text": "all",
    "too few": [[0.1, 0.2]],
    "too many": [[0.1, 0.2]] * 5000,
    "of another width": [[0.1]] * 8,
    "not finite": [[0.1, math.inf]] * 8,
    "beyond float64": [[0.1, 10**400]] * 8,
}


@pytest.fixture(scope="module")
def bounded():
    return solved(heat()).archive()


@pytest.mark.parametrize("case", TRIED)
def test_a_file_that_does_not_say_where_its_conditions_were_tried_is_refused(case, bounded):
    changed = dataclasses.replace(bounded, settings={**bounded.settings, "hard_trial": TRIED[case]})
    with pytest.raises(sp.FileError, match=r"^a\.h5: the file does not say at which points its hard conditions were"):
        from_archive(changed, "a.h5")


BOUNDS = {
    "reversed": ({"lower": 1, "upper": 0}, "the bounds 1 and 0, which hold no numbers"),
    "equal": ({"lower": 0.3, "upper": 0.3}, "the bounds 0.3 and 0.3, which hold no numbers"),
    "too far apart": ({"lower": -1.7e308, "upper": 1.7e308}, "which hold no numbers"),
    "beyond float64": ({"lower": -(10**400), "upper": 1}, "is no finite number"),
    "an initial value that is text": ({"lower": 0, "upper": 1, "initial": "0.3"}, "is no finite number"),
}


@pytest.mark.parametrize("case", BOUNDS)
def test_bounds_that_hold_no_numbers_are_refused(case, bounded):
    changes, said = BOUNDS[case]
    changed = dataclasses.replace(
        bounded, settings={**bounded.settings, "unknowns": {"nu": {"initial": 0.3} | changes}}
    )
    with pytest.raises(sp.FileError, match=rf"^a\.h5: the unknown 'nu' .*{said}"):
        from_archive(changed, "a.h5")
