"""Hard conditions, periodicity and unknown numbers in files: what comes back is what was trained, or is refused."""

import dataclasses
import math

import numpy as np
import pytest
import sympy
import torch
from small import refused

import sirenpde as sp
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
        f'{tmp_path}/a.h5: the hard condition of "u" is a Python function, which files do not keep.\n'
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
    archive = solved(heat()).archive()
    assert from_archive(dataclasses.replace(archive, unknowns={"nu": 1.0}), "a.h5").unknowns == {"nu": 1.0}
