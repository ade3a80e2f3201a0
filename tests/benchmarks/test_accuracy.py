"""The harness of the accuracy benchmark; what it measures takes hours, and is no test."""

import inspect
import json
import math
import re
import sys

import numpy as np
import pytest
from benchmarks import accuracy, accuracy_run, accuracy_table
from benchmarks.accuracy_cases import CASES, OPTIMIZERS, Fit, problem_of
from benchmarks.peers.deepxde_recipes import RECIPES, measured
from benchmarks.references.reference import Reference

from sirenpde.errors import FileError
from sirenpde.library import definitions, shipped

TARGETS = {
    "poisson": {120: 1e-7, 600: 1e-8},
    "poisson_4pi": {120: 1e-5, 600: 1e-7},
    "helmholtz": {120: 1e-6, 600: 1e-7},
    "burgers": {120: 1e-3, 600: 1e-5},
    "allen_cahn": {120: 1e-2, 600: 1e-4},
    "kdv": {120: 1e-3, 600: 1e-5},
    "wave": {120: 1e-5, 600: 1e-6},
    "kovasznay": {120: 1e-6, 600: 1e-7},
    "cavity": {120: 1e-2, 600: 2e-3},
    "poisson_5d": {120: 1e-4, 600: 1e-5},
    "identify_diffusion_clean": {120: 1e-5},
    "identify_diffusion": {120: 5e-3},
    "identify_conductivity": {120: 1e-3, 600: 1e-4},
}


def row(method="sirenpde", seed=0, error=1e-8, **changes):
    """A line of the results of Poisson's equation in 120 s."""
    made = {
        "case": "poisson", "method": method, "seed": seed, "seconds": 120.0, "error": error, "wall": 121.0,
        "cpu": 130.0, "status": "budget_spent", "reference_error": 1e-15,
        "machine": {"cpu": "Any", "cores": 2, "load": 0.5},
        "threads": 1, "versions": {"python": "3.11.7"}, "commit": "aaaaaaaaaaaa", "dirty": False, "code": "11112222",
        "date": "2026-11-22T12:00:00+00:00",
    }  # fmt: skip
    return made | changes


def cells(rows, case="poisson", budget=120.0):
    """The row of a case, by column; of columns with one name the first."""
    found, _ = accuracy_table.entry(case, rows, budget)
    return dict(reversed(list(zip(accuracy_table.HEAD, found))))


def test_the_cases_and_their_targets_are_those_that_were_agreed():
    assert {name: dict(case.targets) for name, case in CASES.items()} == TARGETS


@pytest.mark.parametrize("name", CASES)
def test_every_case_has_a_problem_a_reference_and_a_recipe(name):
    build = definitions(shipped()[problem_of(name)])["build"]
    inspect.signature(build).bind(**CASES[name].arguments)  # or a TypeError
    assert callable(accuracy_run.reference_of(name).reference)
    assert callable(accuracy_run.reference_of(name).classical)
    assert name in RECIPES


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.counts])
def test_what_counts_in_an_inverse_problem_is_known(name):
    known = accuracy_run.reference_of(name).reference()
    assert CASES[name].counts in {*known.values, *known.numbers}


def test_the_peer_gets_the_measurements_of_the_shipped_problem_and_its_noise():
    places, clean = measured("identify_diffusion_clean")
    again, noisy = measured("identify_diffusion")
    np.testing.assert_array_equal(places, again)
    assert clean.shape == noisy.shape == (400, 1)
    assert 0.009 < (noisy - clean).std() < 0.011


def test_the_table_gives_the_median_the_worst_and_how_many_times_the_peer_is_off():
    rows = [row(seed=seed, error=error) for seed, error in enumerate((3e-8, 1e-8, 8e-8))]
    rows += [row("deepxde", seed=seed, error=error) for seed, error in enumerate((6e-3, 3e-3, 9e-3))]
    found = cells(rows)
    assert (found["target"], found["median"], found["worst"]) == ("1e-07", "3.0e-08", "8.0e-08 (2.7×)")
    assert (found["reached"], found["seeds"]) == ("yes", "3")
    assert (found["DeepXDE"], found["DeepXDE / ours"]) == ("6.0e-03", "2e+05")


def test_a_target_that_is_missed_is_said_to_be_missed():
    assert cells([row(error=2e-7)])["reached"] == "no"


def test_a_target_of_a_long_budget_that_a_short_one_reaches_need_not_be_run():
    rows = [row(seed=seed, error=error) for seed, error in enumerate((3e-9, 1e-9, 2e-8))]
    assert cells(rows, budget=600.0)["reached"] == "in 120 s: 3.0e-09"
    assert cells([row(error=5e-8)], budget=600.0)["reached"] == ""
    assert cells([*rows, row(seconds=600.0, error=5e-8)], budget=600.0)["reached"] == "no"


def test_seeds_that_are_missing_show_in_their_number():
    assert cells([row(seed=0), row(seed=2)])["seeds"] == "2"


def test_a_case_with_a_target_that_was_not_run_has_a_row_of_its_own():
    text = accuracy_table.tables([row()])
    assert f"| {CASES['kdv'].title} | 0.001 |  |  |  | 0 |" in text


def test_a_seed_that_failed_counts_as_the_worst_and_is_named():
    rows = [row(seed=0), row(seed=1), row(seed=2, error=None, status="failed", trouble="OutOfMemory")]
    found = cells(rows)
    assert (found["median"], found["worst"], found["seeds"]) == ("1.0e-08", "failed", "3")
    assert "Failed: poisson by sirenpde, seed 2." in accuracy_table.tables(rows)


def test_where_most_seeds_failed_the_median_failed_and_the_target_was_missed():
    found = cells([row(seed=0), row(seed=1, error=None), row(seed=2, error=None)])
    assert (found["median"], found["reached"]) == ("failed", "no")


def test_two_states_of_the_code_are_not_mixed_and_the_newest_is_named():
    old = [row(seed=seed, error=1e-3) for seed in (0, 1, 2)]
    new = [row(seed=0, error=1e-8, commit="bbbbbbbbbbbb", date="2026-11-23T12:00:00+00:00")]
    found = cells(new + old)
    assert (found["median"], found["seeds"], found["code"]) == ("1.0e-08", "1", "bbbbbbb")


def test_uncommitted_changes_are_a_state_of_their_own():
    found = cells([row(seed=0), row(seed=1, dirty=True, date="2026-11-22T13:00:00+00:00")])
    assert (found["seeds"], found["code"]) == ("1", "aaaaaaa+1111")


def test_two_machines_are_not_mixed():
    other = {"cpu": "Other", "cores": 64, "load": 0.0}
    found = cells([row(seed=0), row(seed=1, machine=other, date="2026-11-22T13:00:00+00:00")])
    assert found["seeds"] == "1"


def test_a_peer_measured_at_another_commit_says_so():
    found = cells([row(), row("deepxde", commit="cccccccccccc")])
    assert found["code"] == "aaaaaaa, DeepXDE ccccccc"


def test_a_seed_that_was_run_again_counts_once():
    found = cells([row(error=1e-3), row(error=1e-8, date="2026-11-22T13:00:00+00:00")])
    assert (found["median"], found["seeds"]) == ("1.0e-08", "1")


def test_the_better_precision_of_the_peer_is_the_one_that_is_compared():
    found = cells([row(), row("deepxde", error=1e-2), row("deepxde64", error=1e-3)])
    assert (found["DeepXDE"], found["DeepXDE / ours"]) == ("1.0e-03 (float64)", "1e+05")


def test_nothing_below_three_times_the_references_error_is_claimed():
    found = cells([row(error=1e-9, reference_error=1e-6)])
    assert (found["median"], found["reached"]) == ("3.0e-06", "no")


def test_budgets_have_tables_of_their_own_and_share_the_classical_row():
    rows = [row(), row(seconds=600.0, error=5e-9), row("classical", seed=None, seconds=None, error=1e-14, wall=0.001)]
    short, long = accuracy_table.tables(rows, ["poisson"]).split("\n\n### ")
    assert "In 120 s" in short
    assert "In 600 s" in long
    assert "1.0e-14 in 0.001 s" in short
    assert "1.0e-14 in 0.001 s" in long


def test_optimizers_have_a_table_of_their_own_over_the_seeds_that_all_of_them_have():
    rows = [row(seed=seed, error=error) for seed, error in enumerate((1e-8, 5e-8, 9e-8))]
    assert accuracy_table.optimizer_table(rows, ["poisson"], 120.0) == ""
    rows += [row("ssbroyden", error=1e-6), row("lbfgs", error=None), row("lbfgs", seed=1, error=1e-3)]
    text = accuracy_table.optimizer_table(rows, ["poisson"], 120.0)
    assert text.splitlines()[-1] == f"| {CASES['poisson'].title} | 1.0e-08 | 1.0e-06 | failed | 1 |"
    assert text in accuracy_table.tables(rows)
    assert accuracy_table.optimizer_table(rows, ["poisson"], 600.0) == ""
    alone = accuracy_table.tables([row("ssbroyden"), row("lbfgs")], ["poisson"])
    assert alone.startswith("### In 120 s, by optimizer")


@pytest.mark.parametrize("method", ["sirenpde", *OPTIMIZERS])
def test_a_method_of_ours_differs_in_the_optimizer_alone(monkeypatch, method):
    asked = {}

    def solve(problem, **options):
        asked.update(options)
        raise InterruptedError

    monkeypatch.setattr("sirenpde.solve", solve)
    with pytest.raises(InterruptedError):
        accuracy_run.measure("poisson", method, 3, 60.0)
    stages = asked.pop("optimizer")
    assert asked == {"max_seconds": 60.0, "seed": 3, "progress": False, "throw": False}
    names = stages if isinstance(stages, str) else [type(each).__name__ for each in stages]
    assert names == ("auto" if method == "sirenpde" else ["Muon", OPTIMIZERS[method]])


def test_a_line_that_was_written_is_read_back_as_it_was(tmp_path):
    made = [row(), row(seed=1, error=None, trouble="ValueError: ν is no number")]
    for each in made:
        accuracy.append(each, tmp_path / "new" / "results.jsonl")
    assert accuracy_table.read(tmp_path / "new" / "results.jsonl") == made


def test_a_line_that_was_cut_off_is_named(tmp_path):
    file = tmp_path / "results.jsonl"
    file.write_text(json.dumps(row()) + '\n{"case": "poi', encoding="utf-8")
    with pytest.raises(FileError, match=f"^line 2 of {re.escape(str(file))} is no JSON object"):
        accuracy_table.read(file)


def test_without_results_the_table_is_refused_in_a_sentence(tmp_path, capsys):
    file = tmp_path / "none.jsonl"
    assert accuracy.main(["--table", "--results", str(file)]) == 4
    assert capsys.readouterr().err == f"{file} does not exist; run some cases first, they are appended to it.\n"


def test_what_is_not_finite_is_null_in_the_file():
    made = {"a": math.nan, "b": [math.inf, np.float64(2.0)], 3: (np.int64(1), None, True)}
    assert accuracy_run.plain(made) == {"a": None, "b": [None, 2.0], "3": [1, None, True]}


def test_a_child_that_dies_becomes_a_row_with_its_last_words(tmp_path):
    command = [sys.executable, "-c", "import os; os.write(2, b'Killed: no memory'); os._exit(9)"]
    found = accuracy.child(command, tmp_path, patience=60)
    assert found == {"status": "failed", "error": None, "trouble": "exit code 9: Killed: no memory"}


def test_a_child_that_does_not_end_becomes_a_row(tmp_path):
    found = accuracy.child([sys.executable, "-c", "import time; time.sleep(60)"], tmp_path, patience=0.2)
    assert (found["status"], found["trouble"]) == ("failed", "it was stopped after 0 s")


def test_a_run_that_raises_becomes_a_row_with_the_error(monkeypatch):
    monkeypatch.setitem(accuracy.CODE, "classical", ())
    found = accuracy.run("no_such_case", "classical", None, 1.0)
    assert (found["case"], found["status"], found["error"]) == ("no_such_case", "failed", None)
    assert found["trouble"] == "ModuleNotFoundError: No module named 'benchmarks.references.no_such_case'"
    assert found["wall"] > 0
    assert {"machine", "versions", "commit", "date"} <= found.keys()
    assert accuracy_table.line(found).endswith(found["trouble"])


def test_the_error_that_counts_is_the_worst_fields_and_means_of_free_fields_do_not_count():
    known = {"u": np.array([3.0, 4.0]), "p": np.array([1.0, -1.0])}
    reference = Reference(np.zeros((2, 2)), known, 1e-15, "made up", up_to_constant=("p",))
    found = {"u": np.array([3.0, 4.5]), "p": np.array([101.1, 98.9])}
    fit = Fit(lambda name, points: found[name], {}, "ended", 1, 1, {})
    errors = accuracy_run.compare(CASES["kovasznay"], fit, reference)
    assert errors["relative_l2"] == pytest.approx({"u": 0.1, "p": 0.1})
    assert errors["error"] == max(errors["relative_l2"].values())
    assert errors["max_error"] == pytest.approx({"u": 0.5, "p": 0.1})


def test_of_a_problem_with_an_unknown_number_the_number_counts():
    reference = Reference(np.zeros((1, 2)), {"u": np.ones(1)}, 1e-15, "made up", numbers={"nu": 0.1})
    fit = Fit(lambda name, points: np.full(1, 1.5), {"nu": 0.102}, "ended", 1, 1, {})
    assert accuracy_run.compare(CASES["identify_diffusion"], fit, reference)["error"] == pytest.approx(0.02)


def test_the_methods_alternate_and_the_classical_solver_runs_once():
    runs = list(accuracy.plan(["poisson"], ["deepxde", "classical", "sirenpde"], [0, 1]))
    assert runs == [
        ("poisson", "classical", None),
        ("poisson", "sirenpde", 0),
        ("poisson", "deepxde", 0),
        ("poisson", "sirenpde", 1),
        ("poisson", "deepxde", 1),
    ]


def test_a_case_that_does_not_exist_is_refused_before_anything_runs(capsys):
    assert accuracy.main(["poison"]) == 2
    assert capsys.readouterr().err.startswith("there is no case 'poison'; they are poisson, poisson_4pi, ")


def test_a_missing_peer_is_refused_with_what_to_install(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "deepxde", None)
    monkeypatch.setattr(accuracy, "find_spec", lambda name: None)
    assert accuracy.main(["poisson", "--methods", "deepxde"]) == 2
    expected = (
        'the comparison with DeepXDE needs deepxde, which is not installed. Write: pip install "sirenpde[bench]"\n'
    )
    assert capsys.readouterr().err == expected
