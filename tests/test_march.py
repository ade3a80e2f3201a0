"""Windows in time: equations with known solutions, no jumps, limits shared out, and runs that end early."""

import importlib

import numpy as np
import pytest
import sympy
import torch
from small import refused

import sirenpde as sp
from sirenpde.fields.windows import WindowedNetwork

x, t = sympy.symbols("x t")
u = sympy.Function("u")(x, t)
DOMAIN = sp.Box(x=(0, 1), t=(0, 1))
TIME = sp.Box(t=(0, 2))
SMALL = sp.Siren(width=10, depth=1, omega=1, first_omega=2)
TINY = {"network": sp.Siren(width=6, depth=1, omega=1, first_omega=1), "points": 16, "progress": False}


def decay(**changes):
    """u' = −u, u(0) = 1: u = e^(−t)."""
    right = {
        "name": "decay",
        "fields": "u",
        "constraints": [
            sp.Constraint("equation", on=TIME, residual=lambda a, phi: sp.partial(phi.u, "t") + phi.u),
            sp.Constraint("start", on=TIME.at(t=0), residual=lambda a, phi: phi.u - 1),
        ],
        "exact": {"u": lambda a: torch.exp(-a.t)},
    }
    return sp.Problem(**(right | changes))


def wave(**changes):
    """u_tt = u_xx with u = cos πt sin πx, ends and start built in."""
    right = {
        "name": "string",
        "constraints": [sp.Constraint("equation", on=DOMAIN, residual=u.diff(t, 2) - u.diff(x, 2))],
        "hard": {"u": sympy.sin(sympy.pi * x) * (1 + t**2 * u)},
        "exact": {"u": sympy.cos(sympy.pi * t) * sympy.sin(sympy.pi * x)},
    }
    return sp.Problem(**(right | changes))


@pytest.fixture(scope="module")
def string():
    """The wave in three windows."""
    stage = sp.SSBroyden(steps=40)
    return sp.march(wave(), windows=3, network=SMALL, optimizer=stage, points=120, progress=False)


def test_an_ordinary_equation_is_followed_through_its_windows():
    stage = sp.SSBroyden(steps=40)
    solution = sp.march(decay(), windows=2, network=SMALL, optimizer=stage, points=40, progress=False)
    assert solution.score["u_relative_l2"] < 1e-3
    assert solution.u(t=2.0) == pytest.approx(np.exp(-2.0), rel=1e-3)
    assert solution.score["residual_start"] < 1e-3
    assert solution.history.names == ("equation", "start")


def test_a_wave_is_followed_through_its_windows(string):
    assert string.score["u_relative_l2"] < 2e-2
    assert isinstance(string.network, WindowedNetwork)
    assert string.settings["windows"] == {"coordinate": "t", "edges": [0.0, 1 / 3, 2 / 3, 1.0], "orders": [2]}


@pytest.mark.parametrize("edge", [1 / 3, 2 / 3])
def test_a_wave_and_its_speed_have_no_jump(string, edge):
    places, after = np.linspace(0, 1, 9), np.nextafter(edge, 1)
    for function in (string.u, string.u.partial("t"), string.u.partial("x", "x"), string.u.partial("x", "t")):
        np.testing.assert_allclose(function(x=places, t=after), function(x=places, t=edge), rtol=0, atol=1e-12)
    bent = string.u.partial("t", "t")
    assert np.abs(bent(x=places, t=after) - bent(x=places, t=edge)).max() > 1e-6


def test_hard_conditions_hold_in_every_window(string):
    times = np.linspace(0, 1, 13)
    np.testing.assert_allclose(string.u(x=1.0, t=times), 0, atol=1e-14)
    np.testing.assert_allclose(string.u(x=times, t=0.0), np.sin(np.pi * times), atol=1e-15)


def test_a_solution_in_windows_comes_back_from_its_file(string, tmp_path, rng):
    string.save(tmp_path / "a.h5")
    loaded = sp.load(tmp_path / "a.h5")
    points = rng.random((40, 2))
    assert loaded.u(points).tobytes() == string.u(points).tobytes()
    assert loaded.u.grad(points).tobytes() == string.u.grad(points).tobytes()
    assert loaded.settings == string.settings
    assert loaded.history.loss == string.history.loss


def test_the_record_goes_on_from_window_to_window(string):
    assert len(string.history) == string.settings["planned_steps"] == 120
    assert (np.diff(string.history.seconds) >= 0).all()
    assert string.status is sp.Status.BUDGET_SPENT


def test_periodic_fields_stay_periodic():
    ring = wave(hard={"u": 1 + t**2 * u}, periodic=("x",), exact={})
    solution = sp.march(ring, windows=2, optimizer=sp.Adam(steps=2), **TINY)
    times = np.linspace(0, 1, 7)
    np.testing.assert_allclose(solution.u(x=0, t=times), solution.u(x=1, t=times), atol=1e-14)


def test_the_same_seed_gives_the_same_bits():
    runs = [sp.march(decay(), windows=2, optimizer=sp.Adam(steps=3), seed=seed, **TINY) for seed in (1, 1, 2)]
    values = [run.u(t=np.linspace(0, 2, 5)).tobytes() for run in runs]
    assert values[0] == values[1] != values[2]


def test_a_window_is_that_of_solve_where_there_is_one():
    one = sp.march(decay(), windows=1, optimizer=sp.Adam(steps=3), **TINY)
    other = sp.solve(decay(), optimizer=sp.Adam(steps=3), **TINY)
    assert one.u(t=[0.3, 1.7]).tobytes() == other.u(t=[0.3, 1.7]).tobytes()


def test_steps_are_shared_out_over_the_windows():
    solution = sp.march(decay(), windows=(0, 0.5, 1, 2), steps=11, **TINY)
    assert len(solution.history) == 11


def test_seconds_are_shared_out_over_the_windows():
    solution = sp.march(decay(), windows=3, max_seconds=0.3, optimizer=sp.Adam(steps=10**6), **TINY)
    seconds = np.array(solution.history.seconds)
    assert seconds[-1] < 3
    assert len(solution.history) < 10**6


def test_points_by_constraint_go_to_the_windows_that_have_it():
    options = {**TINY, "points": {"equation": 8, "start": 1}}
    assert len(sp.march(decay(), windows=2, optimizer=sp.Adam(steps=2), **options).history) == 4


def test_adaptive_points_by_constraint_go_to_the_windows_that_have_it_and_auto_is_that_of_solve():
    stage = sp.SSBroyden(steps=1)
    counts = {"equation": 8, "start": 1}
    options = {**TINY, "points": sp.AdaptivePoints(count=counts)}
    solution = sp.march(decay(), windows=2, optimizer=stage, **options)
    assert solution.settings["points"] == counts
    options_of_auto = {**TINY, "points": sp.AdaptivePoints()}
    solution = sp.march(decay(), windows=2, optimizer=stage, **options_of_auto)
    assert solution.settings["points"] == sp.solve(decay(), optimizer=stage, **options_of_auto).settings["points"]


@pytest.mark.parametrize("kind", [dict, lambda counts: sp.AdaptivePoints(count=counts)])
def test_points_of_a_constraint_that_is_none_are_refused(kind):
    message = "points names 'strat'; the constraints of problem \"decay\" are equation, start.\n  Did you mean start?"
    with refused(sp.UsageError, message):
        sp.march(decay(), **{**TINY, "points": kind({"equation": 8, "start": 1, "strat": 2})})


def test_what_is_chosen_for_the_first_window_serves_the_others():
    solution = sp.march(decay(), windows=3, optimizer=sp.Adam(steps=1), progress=False)
    first, *others = solution.settings["network"]["windows"]
    assert others == [first, first]


def test_auto_is_as_many_points_per_weight_in_every_window_as_in_solve_and_they_follow_the_residual(monkeypatch):
    module, made = importlib.import_module("sirenpde.march"), []
    monkeypatch.setattr(module, "solve", lambda *given, **options: made.append(sp.solve(*given, **options)) or made[-1])
    sp.march(decay(), windows=2, optimizer=sp.GaussNewton(steps=1), progress=False)
    whole = sp.solve(decay(), optimizer=sp.GaussNewton(steps=1), progress=False)
    assert [each.settings["adaptive"] for each in made] == [whole.settings["adaptive"]] * 2
    weights = sum(weight.numel() for weight in whole.network.parameters())
    for each in (*made, whole):
        assert sum(each.settings["points"].values()) == pytest.approx(3 * weights, rel=1e-2)


def test_a_window_that_diverges_ends_the_run_with_what_was_reached():
    late = sp.Constraint("late", on=sp.Box(t=(0.7, 1)), residual=lambda a, phi: 1e200 * phi.u)  # squared it overflows
    problem = decay(constraints=[*decay().constraints, late], exact={})
    stage = sp.Adam(steps=3)
    with pytest.raises(sp.NumericalError, match=r"^window 2 of 4, t from 0\.5 to 1: the ") as caught:
        sp.march(problem, windows=4, optimizer=stage, **TINY)
    reached = caught.value.solution
    assert reached.status is sp.Status.DIVERGED
    assert reached.settings["windows"]["edges"] == [0.0, 0.5, 1.0]
    assert sum("no longer finite" in note for note in reached.settings["notes"]) == 1
    assert reached.settings["notes"][-1] == "window 2 of 4, t from 0.5 to 1, diverged; nothing was solved after t=1."
    quiet = sp.march(problem, windows=4, optimizer=stage, throw=False, **TINY)
    assert quiet.status is sp.Status.DIVERGED
    assert np.isfinite(quiet.u(t=[0.1, 0.9])).all()


def interrupted(after, function):
    """A function that is interrupted after some calls."""
    calls = []

    def called(*arguments, **named):
        calls.append(1)
        if len(calls) > after:
            raise KeyboardInterrupt
        return function(*arguments, **named)

    return called


def test_an_interrupt_between_windows_leaves_those_that_were_solved(monkeypatch):
    module = importlib.import_module("sirenpde.march")
    monkeypatch.setattr(module, "window_problem", interrupted(2, module.window_problem))
    solution = sp.march(decay(), windows=4, optimizer=sp.Adam(steps=3), **TINY)
    assert solution.status is sp.Status.INTERRUPTED
    assert solution.settings["windows"]["edges"] == [0.0, 0.5, 1.0]
    assert solution.settings["notes"][0].startswith("window 1 of 4, t from 0 to 0.5: 3 steps; its largest residual at ")
    assert (
        solution.settings["notes"][-1]
        == "window 2 of 4, t from 0.5 to 1, was interrupted; nothing was solved after t=1."
    )
    monkeypatch.setattr(module, "window_problem", interrupted(0, module.window_problem))
    with pytest.raises(KeyboardInterrupt):
        sp.march(decay(), windows=4, optimizer=sp.Adam(steps=3), **TINY)


def test_an_interrupt_while_the_windows_are_scored_costs_the_scores(monkeypatch):
    module = importlib.import_module("sirenpde.solution.score")
    monkeypatch.setattr(module, "score", interrupted(2, module.score))
    solution = sp.march(decay(), windows=2, optimizer=sp.Adam(steps=3), **TINY)
    assert solution.score == {}
    assert solution.status is sp.Status.BUDGET_SPENT


def test_windows_that_were_trained_on_at_once_come_back_from_their_file(tmp_path):
    first = sp.march(decay(), windows=2, optimizer=sp.Adam(steps=3), **TINY)
    options = {**TINY, "network": first.network, "optimizer": sp.Adam(steps=3)}
    solution = sp.solve(decay(), **options)
    assert solution.u(t=1.7) != first.u(t=1.7)
    solution.save(tmp_path / "a.h5")
    assert sp.load(tmp_path / "a.h5").u(t=1.7) == solution.u(t=1.7)


def test_a_missed_tolerance_names_its_window_and_the_run_goes_on():
    with pytest.raises(
        sp.TargetMissedError, match=r"^window 1 of 2, t from 0 to 1: problem .decay_window_1. was"
    ) as caught:
        sp.march(decay(), windows=2, tolerance=1e-9, optimizer=sp.Adam(steps=3), **TINY)
    assert len(caught.value.solution.history) == 6
    assert caught.value.solution.status is sp.Status.BUDGET_SPENT


def test_windows_that_all_meet_the_tolerance_have_converged():
    solution = sp.march(decay(), windows=2, tolerance=1e6, optimizer=sp.Adam(steps=60), **TINY)
    assert solution.status is sp.Status.CONVERGED
    assert len(solution.history) == 100


def test_what_is_no_problem_is_refused():
    with refused(sp.UsageError, "march got a str; expected an sp.Problem."):
        sp.march("decay")


def test_fewer_steps_than_windows_are_refused():
    with refused(sp.UsageError, "steps=3 for 5 windows: every window needs some, so give at least steps=5."):
        sp.march(decay(), steps=3)


def test_a_correction_is_refused():
    message = (
        "march got a Correction among the stages. It is added to all of a window's fields, which would no longer begin "
        "where the window before ended.\n  Leave it out; more windows make the errors of each smaller too."
    )
    with refused(sp.UsageError, message):
        sp.march(decay(), optimizer=[sp.Adam(steps=3), sp.Correction(optimizer=sp.Adam(steps=3))])


def test_a_checkpoint_is_refused():
    message = "march keeps no checkpoints: its windows would overwrite each other's. Leave checkpoint out."
    with refused(sp.UsageError, message):
        sp.march(decay(), checkpoint="folder")
