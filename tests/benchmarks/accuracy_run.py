"""One run of ``accuracy.py``, in a process of its own: solve a case by a method, and compare it with the reference.

    python -m benchmarks.accuracy_run CASE METHOD SEED SECONDS FILE

writes what was measured to FILE, as JSON. Clocks start before the libraries are imported, and stop when the method has
its fields; the comparison with the reference is not counted.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import math
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.accuracy_cases import CASES, OPTIMIZERS, Case, Fit, problem_of


def sirenpde_fit(name: str, seed: int, seconds: float, method: str) -> Fit:
    """Solve the shipped problem as a user would who says nothing but how long, and at most the optimizer."""
    import sirenpde as sp
    from sirenpde.library import definitions, shipped

    names = definitions(shipped()[problem_of(name)])
    problem = names["build"](**CASES[name].arguments)
    optimizer = stages_of(problem, method, seconds)
    solution = sp.solve(problem, optimizer=optimizer, max_seconds=seconds, seed=seed, progress=False, throw=False)
    settings = solution.settings
    chosen = {key: settings.get(key) for key in ("network", "points", "notes") if key in settings}
    return Fit(
        fields=lambda field, points: np.asarray(getattr(solution, field)(points)),
        numbers=dict(solution.unknowns),
        status=str(solution.status),
        steps=len(solution.history),
        weights=sum(each.numel() for each in solution.ansatz.parameters()),
        settings={
            **chosen,
            "optimizer": [stage["name"] for stage in settings["optimizer"]],
            "train_seconds": solution.history.seconds[-1] if len(solution.history) else 0.0,
            "score": solution.score | (names["scores"](solution) if "scores" in names else {}),
        },
    )


def stages_of(problem: Any, method: str, seconds: float) -> Any:
    """Return the stages of a method that differs in the optimizer alone: the same warm-up, then its own to the end."""
    import sirenpde as sp
    from sirenpde.training.defaults import choose_defaults, open_ended

    if method == "sirenpde":
        return "auto"
    *warm_up, _ = choose_defaults(problem).stages
    return open_ended((*warm_up, getattr(sp, OPTIMIZERS[method])()), seconds)


def deepxde_fit(name: str, seed: int, seconds: float, dtype: str) -> Fit:
    """Solve the case by DeepXDE's recipe."""
    from benchmarks.peers.deepxde_recipes import RECIPES
    from benchmarks.peers.deepxde_training import solve

    return solve(RECIPES[name], seed=seed, seconds=seconds, dtype=dtype)


def compare(case: Case, fit: Fit, reference: Any) -> dict[str, Any]:
    """Return the errors of a fit, field by field and number by number, and the one that counts."""
    found = {name: fit.fields(name, reference.points) for name in reference.values}
    distances = reference.distances(found)
    numbers = {name: abs(fit.numbers[name] / true - 1) for name, true in reference.numbers.items()}
    gaps = {name: found[name] - reference.values[name] for name in found}
    for name in reference.up_to_constant:
        gaps[name] = gaps[name] - gaps[name].mean()
    counting = {**distances, **numbers}
    return {
        "error": counting[case.counts] if case.counts else max(distances.values()),
        "relative_l2": distances,
        "numbers": numbers,
        "max_error": {name: float(np.abs(gap).max()) for name, gap in gaps.items()},
        "reference_error": reference.error,
        "reference_note": reference.note,
    }


def measure(name: str, method: str, seed: int, seconds: float) -> dict[str, Any]:
    """Run a method and return its part of the row."""
    wall, cpu = time.perf_counter(), time.process_time()
    fit = (
        deepxde_fit(name, seed, seconds, "float64" if method == "deepxde64" else "float32")
        if method.startswith("deepxde")
        else sirenpde_fit(name, seed, seconds, method)
    )
    spent = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    errors = compare(CASES[name], fit, reference_of(name).reference())
    kept = {"steps": fit.steps, "weights": fit.weights, "status": fit.status, "settings": dict(fit.settings)}
    return {**errors, **spent, **kept}


def measure_classical(name: str) -> dict[str, Any]:
    """Run the classical solver and return its part of the row."""
    module = reference_of(name)
    found = module.classical()
    return {
        "error": found.error,
        "wall": found.seconds,
        "cpu": found.cpu,
        "status": "solved",
        "settings": {"solver": found.method},
        "reference_error": module.reference().error,
    }


def reference_of(name: str) -> Any:
    """Return the module of a case's reference and classical solver."""
    return importlib.import_module(f"benchmarks.references.{name}")


def versions(method: str) -> dict[str, str]:
    """Return the versions of what the method runs on."""
    packages = ["numpy", "scipy", "torch", "sirenpde"] + ["deepxde"] * method.startswith("deepxde")
    found = {"python": sys.version.split()[0]}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "from the folder"
    return found


def threads() -> int | None:
    """Return how many threads torch may use; None where nothing needed torch."""
    torch = sys.modules.get("torch")
    return torch.get_num_threads() if torch else None


def plain(value: Any) -> Any:
    """Return a value with every number that is not finite as None, and whatever JSON cannot hold as text."""
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, np.integer):
        return int(value)
    return value if value is None or isinstance(value, str | int | bool) else str(value)


def main(name: str, method: str, seed: int, seconds: float, file: Path) -> None:
    """Measure, and write the result; a failure is a result too."""
    wall, cpu = time.perf_counter(), time.process_time()
    try:
        found = measure_classical(name) if method == "classical" else measure(name, method, seed, seconds)
        if not math.isfinite(found["error"]):
            found["trouble"] = "the error is not finite"
    except Exception as error:
        traceback.print_exc()
        spent = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
        found = {"status": "failed", "error": None, "trouble": f"{type(error).__name__}: {error}", **spent}
    found |= {"versions": versions(method), "threads": threads()}
    file.write_text(json.dumps(plain(found), allow_nan=False), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), Path(sys.argv[5]))
