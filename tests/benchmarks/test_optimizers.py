"""The harness of the optimizers' benchmark: its formulas are the package's own, and its tables are complete."""

import json
from pathlib import Path

import pytest
import torch
from benchmarks import optimizers, optimizers_run
from benchmarks.optimizers_run import METHODS

from sirenpde.errors import ResourceError
from sirenpde.training.memory import SHARE
from sirenpde.training.quasi_newton import trained

PAGE = Path(__file__).resolve().parents[2] / "docs" / "optimizers.md"

#: Weights more than residuals, and fewer.
SIZES = [(6, 50), (6, 200)]


def declared_free(monkeypatch, count):
    monkeypatch.setattr("sirenpde.training.memory.free_memory", lambda device: count)


@pytest.mark.parametrize("name", ["SSBroyden", "GaussNewton"])
@pytest.mark.parametrize(("width", "points"), SIZES)
def test_a_dense_method_is_refused_by_the_formula_of_the_table(monkeypatch, name, width, points):
    network, method = optimizers_run.build(width), METHODS[name]
    needed = method.kept(network, points)
    declared_free(monkeypatch, needed / SHARE * 1.001)
    method.declared.require(network, points)
    declared_free(monkeypatch, needed / SHARE * 0.999)
    with pytest.raises(ResourceError, match=rf"^{name} .*: {needed:,} bytes; .* are free\."):
        method.declared.require(network, points)


def test_one_size_lies_on_either_side_of_the_space_of_weights():
    assert [points < trained(optimizers_run.build(width)) for width, points in SIZES] == [True, False]


@pytest.mark.parametrize("name", ["Adam", "Muon", "LBFGS"])
def test_a_method_without_a_matrix_is_never_refused(monkeypatch, name):
    declared_free(monkeypatch, 1)
    METHODS[name].declared.require(optimizers_run.build(6), 50)


@pytest.mark.parametrize("name", ["Adam", "Muon"])
def test_the_formulas_of_first_order_methods_are_the_size_of_their_state(name):
    walk = optimizers_run.Walk(METHODS[name], 6)
    walk.step()
    states = [state for each in walk._stepper._optimizers for state in each.state.values()]
    kept = sum(8 * value.numel() for state in states for value in state.values() if value.ndim > 0)
    assert METHODS[name].kept(walk._loss.network, 50) == kept


def test_the_formula_of_l_bfgs_is_the_size_of_its_pairs():
    walk = optimizers_run.Walk(METHODS["LBFGS"], 6)
    for _ in range(METHODS["LBFGS"].fills):
        walk.step()
    pairs = walk._stepper._model._pairs
    kept = sum(8 * (moved.numel() + change.numel()) for moved, change, _ in pairs)
    assert METHODS["LBFGS"].kept(walk._loss.network, 50) == kept


def test_times_are_taken_of_every_method():
    rows = optimizers_run.rows_for((6,), (200,), most=1e9)
    optimizers_run.measure_times(rows)
    assert [row.method for row in rows] == list(METHODS)
    assert all(len(row.processor) == len(row.wall) >= 2 and min(row.wall) > 0 for row in rows)
    assert [row.evaluations for row in rows[:2]] == [1.0, 1.0]
    assert [row.space for row in rows] == ["", "", "", "", "WeightSpace"]


@pytest.mark.parametrize(("width", "points", "space"), [(6, 100, "ResidualSpace"), (64, 48, "KernelSpace")])
def test_the_space_that_gauss_newton_chose_is_told(width, points, space):
    walk = optimizers_run.Walk(METHODS["GaussNewton"], width)
    walk.warm_up(points)
    walk.step()
    assert walk.space == space


def test_what_is_refused_or_too_large_is_left_out_by_name(monkeypatch):
    declared_free(monkeypatch, 50_000)  # 80 % of it is less than 8 P² bytes
    reasons = {row.method: row.left_out for row in optimizers_run.rows_for((8,), (100,), most=1e9)}
    assert reasons == {"Adam": "", "Muon": "", "LBFGS": "", "SSBroyden": "refused", "GaussNewton": "refused"}
    declared_free(monkeypatch, 1e12)
    reasons = {row.method: row.left_out for row in optimizers_run.rows_for((8,), (100,), most=1e5)}
    assert reasons["SSBroyden"] == reasons["GaussNewton"] == "left out"


def test_the_quick_command_prints_and_writes_a_complete_table(monkeypatch, tmp_path, capsys):
    def pretended(rows):
        for row in rows:
            row.memory, row.processor, row.wall = 2 * 10**6, [0.004, 0.001, 0.007], [0.005]
            row.space = "KernelSpace" if row.method == "GaussNewton" else ""

    monkeypatch.setattr(optimizers, "measure", pretended)
    optimizers.main(["--quick", f"--threads={torch.get_num_threads()}", f"--json={tmp_path / 'rows.json'}"])
    printed = capsys.readouterr().out
    sizes = [(609, 1000), (609, 3600), (2241, 1000), (2241, 3600)]
    lines = [line for line in printed.splitlines() if line.startswith(("| 16 |", "| 32 |"))]
    assert len(lines) == 2 * len(sizes)  # the table of times and that of memory
    for line, (weights, points) in zip(lines, 2 * sizes, strict=True):
        assert line.split(" | ")[1:3] == [f"{weights:,}", f"{points:,}"]
    assert lines[0] == "| 16 | 609 | 1,000 | 4 (5) | 4 (5) | 4 (5) | 4 (5) | 4 (5) k |"
    assert lines[4] == "| 16 | 609 | 1,000 | 2 / 0.0097 | 2 / 0.0056 | 2 / 0.49 | 2 / 3 | 2 / 24 |"
    written = json.loads((tmp_path / "rows.json").read_text(encoding="utf-8"))
    assert len(written) == len(sizes) * len(METHODS)


def test_the_page_shows_every_size_twice_and_the_formulas_behind_what_was_measured():
    cells = [line.strip("| ").split(" | ") for line in PAGE.read_text(encoding="utf-8").splitlines()]
    shown = [line for line in cells if len(line) == 3 + len(METHODS) and line[0].isdigit()]
    expected = optimizers_run.rows_for(optimizers.WIDTHS, optimizers.POINTS, most=1e9)
    sizes = list(dict.fromkeys((f"{row.width}", f"{row.weights:,}", f"{row.points:,}") for row in expected))
    assert [tuple(line[:3]) for line in shown] == 2 * sizes
    for column, name in ((6, "SSBroyden"), (7, "GaussNewton")):
        formulas = [optimizers.short(row.kept / 1e6) for row in expected if row.method == name]
        assert [line[column].split(" / ")[1] for line in shown[len(sizes) :]] == formulas
