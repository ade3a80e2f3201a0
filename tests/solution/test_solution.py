"""Solutions: what they keep, and what comes back from a file."""

import dataclasses
import math
import re

import numpy as np
import pytest
import sympy
import torch
from small import fit, poisson, read_u, refused, stated
from torch import nn

import sirenpde as sp
from sirenpde.solution.solution import from_archive

TINY = sp.Siren(width=8, depth=1, omega=2, first_omega=2)


def solve(problem, **changes):
    return sp.solve(
        problem, **{"network": TINY, "optimizer": sp.Adam(steps=3), "points": 16, "progress": False} | changes
    )


@pytest.fixture(autouse=True)
def coarse(monkeypatch):
    monkeypatch.setattr("sirenpde.solution.gridded.RESOLUTION", {1: 21, 2: 9, 3: 5})


@pytest.fixture(params=["float32", "float64"])
def pair(request, tmp_path):
    """A solution, and what comes back of it."""
    solution = solve(poisson(2), dtype=request.param)
    solution.save(tmp_path / "a.h5")
    return solution, sp.load(tmp_path / "a.h5")


class TestRoundTrip:
    def test_evaluations_and_derivatives_are_the_same_bits(self, pair):
        saved, loaded = pair
        points = np.random.default_rng(0).uniform(-2, 2, (50, 2))
        for ask in (
            lambda s: s.u(points),
            lambda s: s.u.grad(points),
            lambda s: s.u.laplacian(points),
            lambda s: s.u.hessian(points),
            lambda s: s.u.partial("x", "y", "y")(points),
        ):
            assert ask(saved).tobytes() == ask(loaded).tobytes()
            assert ask(saved).dtype == ask(loaded).dtype

    def test_all_that_is_known_of_the_run_comes_back(self, pair):
        saved, loaded = pair
        assert loaded.history == saved.history
        assert loaded.score == saved.score
        assert loaded.status is saved.status
        assert (loaded.name, loaded.layout, loaded.coordinates) == (saved.name, saved.layout, saved.coordinates)
        assert loaded.provenance == saved.provenance
        assert loaded.settings["network"] == saved.settings["network"]
        assert loaded.settings["points"] == saved.settings["points"]
        assert repr(loaded) == repr(saved)
        assert re.match(r"Solution\('poisson_2', budget_spent, 3 steps in .* s, u_relative_l2=", repr(saved))

    def test_the_grid_comes_back_without_the_problem(self, pair):
        saved, loaded = pair
        assert loaded.problem is None
        assert saved.problem is not None
        assert list(loaded.gridded.values) == list(saved.gridded.values) == ["u", "u_reference", "u_error"]
        for name, values in saved.gridded.values.items():
            assert loaded.gridded.values[name].tobytes() == values.tobytes()

    def test_what_was_loaded_saves_to_the_same_bytes(self, pair, tmp_path):
        saved, loaded = pair
        saved.save(tmp_path / "one.h5")
        loaded.save(tmp_path / "other.h5")
        assert (tmp_path / "one.h5").read_bytes() == (tmp_path / "other.h5").read_bytes()


def test_fields_with_components_come_back(tmp_path):
    problem = stated(
        fields={"velocity": 2, "p": 1},
        constraints=[
            sp.Constraint("rule", on=sp.Box(x=(0, 1), y=(0, 1)), residual=lambda a, phi: (phi.velocity, phi.p))
        ],
    )
    solution = solve(problem)
    solution.save(tmp_path / "a.h5")
    loaded = sp.load(tmp_path / "a.h5")
    assert loaded.layout == solution.layout
    assert loaded.velocity(x=0.5, y=0.5).tobytes() == solution.velocity(x=0.5, y=0.5).tobytes()


def test_a_problem_in_four_coordinates_is_saved_without_a_grid(tmp_path):
    box = sp.Box(x=(0, 1), y=(0, 1), z=(0, 1), t=(0, 1))
    solution = solve(stated(constraints=[sp.Constraint("rule", on=box, residual=read_u)]))
    solution.save(tmp_path / "a.h5")
    loaded = sp.load(tmp_path / "a.h5")
    assert loaded.gridded.axes == {}
    at = box.sample(5)
    assert loaded.u(at).tobytes() == solution.u(at).tobytes()


def test_an_interrupted_run_without_a_step_is_saved(tmp_path):
    def residual(a, phi):
        if a.x.shape[0] == 16:  # in training; checks and scores call it with other numbers of points
            raise KeyboardInterrupt
        return phi.u

    solution = solve(stated(constraints=[sp.Constraint("rule", on=sp.Box(x=(0, 1)), residual=residual)]))
    assert len(solution.history) == 0
    solution.save(tmp_path / "a.h5")
    loaded = sp.load(tmp_path / "a.h5")
    assert loaded.status is sp.Status.INTERRUPTED
    assert loaded.history == solution.history


def test_a_module_of_the_users_own_is_saved_and_its_load_says_why_it_cannot_be_evaluated(tmp_path):
    module = nn.Sequential(nn.Linear(1, 4), nn.Tanh(), nn.Linear(4, 1))
    path = tmp_path / "a.h5"
    solve(fit(), network=module).save(path)
    message = (
        f"{path}: the file does not say how its network is built, as for a module of your own.\n"
        "  Its values on the grid can be read with h5py or xarray; to evaluate elsewhere, use the module that you gave "
        "to solve."
    )
    with refused(sp.FileError, message):
        sp.load(path)


def test_a_missing_file_is_a_file_error(tmp_path):
    with pytest.raises(sp.FileError, match=r"nothing\.h5"):
        sp.load(tmp_path / "nothing.h5")


@pytest.fixture(scope="module")
def archive():
    return solve(poisson(1)).archive()


def declared(archive, **numbers):
    settings = archive.settings | {"network": archive.settings["network"] | numbers}
    return dataclasses.replace(archive, settings=settings)


ABSURD = {
    "wide": ({"width": 10**9}, "width=1000000000; expected an integer above 0, at most 65536."),
    "deep": ({"depth": 257}, "depth=257; expected an integer above 0, at most 256."),
    "negative": ({"width": -8}, "width=-8; expected an integer above 0, at most 65536."),
    "half": ({"depth": 1.5}, "depth=1.5; expected an integer above 0, at most 256."),
    "true": ({"depth": True}, "depth=True; expected an integer above 0, at most 256."),
    "text": ({"width": "8"}, "width=8; expected an integer above 0, at most 65536."),
    "not a number": ({"omega": math.nan}, "omega=nan; expected a number above 0, at most 1e+12."),
    "beyond floats": ({"omega": 10**400}, f"omega=1{'0' * 39}; expected a number above 0, at most 1e+12."),
    "zero": ({"first_omega": 0}, "first_omega=0; expected a number above 0, at most 1e+12."),
}


@pytest.mark.parametrize("case", ABSURD)
def test_absurd_numbers_in_a_file_build_no_network(archive, case):
    numbers, message = ABSURD[case]
    with refused(sp.FileError, f"a.h5: the network has {message}"):
        from_archive(declared(archive, **numbers), "a.h5")


def test_a_network_larger_than_the_weights_in_the_file_is_not_built(archive):
    numbers = {"width": 65536, "depth": 256, "omega": 2, "first_omega": 2}
    message = f"a.h5: the network declared, {numbers}, is larger than the weights in the file."
    with refused(sp.FileError, message):
        from_archive(declared(archive, **numbers), "a.h5")


def without(archive, name):
    weights = {key: array for key, array in archive.weights.items() if key != name}
    return dataclasses.replace(archive, weights=weights)


def test_weights_that_do_not_fit_are_refused(archive):
    start = "a.h5: the weights do not fit the network that the file declares: "
    for wrong in (
        declared(archive, width=9),
        without(archive, "linears.0.weight"),
        dataclasses.replace(archive, weights={}),
        dataclasses.replace(archive, weights=archive.weights | {"more": np.zeros(3)}),
        dataclasses.replace(archive, coordinates=("x", "y"), axes={}, values={}, inside=None),
    ):
        with pytest.raises(sp.FileError) as caught:
            from_archive(wrong, "a.h5")
        assert str(caught.value).startswith(start)
        assert len(str(caught.value)) > len(start) + 5


def test_a_status_or_a_history_that_is_none_is_refused(archive):
    statuses = "converged, budget_spent, stalled, diverged, interrupted"
    with refused(sp.FileError, f"a.h5: status 'finished' is none of {statuses}."):
        from_archive(dataclasses.replace(archive, status="finished"), "a.h5")
    history = {"step": np.arange(2.0), "loss": np.arange(2.0)}
    with refused(sp.FileError, "a.h5: the history has step, loss; expected loss and seconds among them."):
        from_archive(dataclasses.replace(archive, history=history), "a.h5")


def test_the_network_takes_coordinates_in_the_users_units():
    box = sp.Box(t=(100, 300), x=(0, 1e-3))
    solution = solve(stated(constraints=[sp.Constraint("rule", on=box, residual=read_u)]))
    at = box.sample(4)
    with torch.no_grad():
        direct = solution.network(torch.from_numpy(at))[:, 0].numpy()
    np.testing.assert_array_equal(solution.u(at), direct)
    assert solution.coordinates == ("t", "x")
    assert solution.unknowns == {}


@pytest.mark.parametrize("suffix", [".npz", ".csv", ".wav"])
def test_the_suffix_of_an_export_is_refused_with_the_two_commands(suffix, tmp_path):
    solution, name = solve(fit()), str(tmp_path / "tank")
    message = (
        f'cannot save a solution as "{name}{suffix}": {suffix} is the suffix of another format, and a solution is one '
        f'HDF5 file.\n  Write save("{name}.h5"). For {suffix}, run then: sirenpde export "{name}.h5" --out '
        f'"{name}{suffix}".'
    )
    with refused(sp.UsageError, message):
        solution.save(name + suffix)
    assert not list(tmp_path.iterdir())


def test_the_suffix_of_a_picture_is_refused_and_any_unknown_one_is_left_to_the_user(tmp_path):
    solution, name = solve(fit()), str(tmp_path / "tank")
    message = (
        f'cannot save a solution as "{name}.PNG": .png is the suffix of another format, and a solution is one HDF5 '
        f'file.\n  Write save("{name}.h5").'
    )
    with refused(sp.UsageError, message):
        solution.save(name + ".PNG")
    for suffix in (".h5", ".hdf5", ".vtkhdf", ".kept", ""):
        solution.save(tmp_path / f"tank{suffix}")
        assert sp.load(tmp_path / f"tank{suffix}").name == solution.name


def test_a_name_that_is_no_field_is_refused_with_what_was_meant():
    x = sympy.Symbol("x")
    line = sp.Constraint("line", on=sp.Box(x=(0, 1)), residual=sympy.Function("u")(x) - sympy.Symbol("s") * x)
    solution = solve(sp.Problem(name="line", constraints=[line], unknowns={"s": sp.Unknown(initial=1)}))
    message = 'solution.s: the fields are u.\n  s is an unknown number: write solution.unknowns["s"].'
    with refused(sp.UnknownNameError, message):
        _ = solution.s
    with refused(sp.UnknownNameError, "solution.scores: the fields are u.\n  Did you mean solution.score?"):
        _ = solution.scores
