"""Measure how accurate solutions are after a given time, beside a classical solver and DeepXDE: case × method × seed.

    python tests/benchmarks/accuracy.py [CASE ...] --seconds 120 --seeds 0 1 2 --methods sirenpde deepxde classical
    python tests/benchmarks/accuracy.py --table

The first runs the cases (all, if none is named) and appends a line per run to ``results/accuracy.jsonl``, so that the
table can be built over several days; the second prints the table of that file, as Markdown. Everything runs one after
the other, each run in a fresh process. DeepXDE comes with the extra: ``pip install "sirenpde[bench]"``. How many
threads may be used says ``OMP_NUM_THREADS``; what is not said is up to torch.

| method | what it is |
| --- | --- |
| ``sirenpde`` | ``sp.solve(problem, max_seconds=SECONDS, seed=SEED)`` and nothing else |
| ``ssbroyden``, ``lbfgs`` | the same, but for the optimizer: this one in the place of Gauss–Newton |
| ``deepxde`` | its documented recipe (``peers/deepxde_recipes.py``), for the same wall time; float32, its default |
| ``deepxde64`` | the same in float64, which its documentation advises where L-BFGS stops early |
| ``classical`` | the solver in ``references/``; once, for it has neither seed nor budget |

A line of the file is a JSON object; what a method does not have, and what is not finite, is null:

| field | what it is |
| --- | --- |
| case, method, seed, seconds | what was asked for |
| error | the figure that counts: the worst field's relative L2 error; in an inverse problem that of what is sought |
| relative_l2, max_error, numbers | by field, on the points of ``references/``; the relative error of each number |
| reference_error, reference_note | how far the reference itself is from the truth, and how it was made |
| wall, cpu | seconds from before the libraries are imported until the fields are there; user and system time |
| steps, weights, status, trouble, settings | of the training; the text of an error where it failed |
| machine, versions, threads | CPU, cores and load at the start; Python and packages; threads that torch may use |
| commit, dirty, code, date | where the code stood; a digest of the files that the run depends on; UTC |
"""

# ruff: noqa: E402 - a script has its own folder on the path; its modules are found from the one above
from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
if __name__ == "__main__":  # pytest has the folder `tests` on its path already
    sys.path[0] = str(ROOT / "tests")
    sys.path.insert(0, str(ROOT))

from benchmarks import accuracy_table
from benchmarks.accuracy_cases import CASES, METHODS, OPTIMIZERS

from sirenpde.errors import SirenPDEError, UsageError
from sirenpde.regions.extras import require_extra

RESULTS = ROOT / "tests" / "benchmarks" / "results" / "accuracy.jsonl"
#: What a method's results depend on, besides the references: a digest of these tells two uncommitted states apart.
CODE = {
    **dict.fromkeys(("sirenpde", *OPTIMIZERS), ("sirenpde", "problems")),
    "deepxde": ("tests/benchmarks/peers",),
    "deepxde64": ("tests/benchmarks/peers",),
    "classical": ("tests/benchmarks/references",),
}


def plan(cases: Sequence[str], methods: Sequence[str], seeds: Sequence[int]) -> Iterator[tuple[str, str, int | None]]:
    """Yield every run; the methods alternate, so that a busy hour disturbs all of them."""
    for case in cases:
        if "classical" in methods:
            yield case, "classical", None
        for seed in seeds:
            for method in METHODS:
                if method in methods and method != "classical":
                    yield case, method, seed


def run(case: str, method: str, seed: int | None, seconds: float) -> dict[str, Any]:
    """Run one case by one method in a process of its own and return its row; a failure is a row too."""
    asked = {"case": case, "method": method, "seed": seed, "seconds": None if method == "classical" else seconds}
    stamp = {"machine": machine(), **state(method), "date": now()}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "result.json"
        arguments = [case, method, str(seed or 0), str(seconds), str(file)]
        found = child([sys.executable, "-m", "benchmarks.accuracy_run", *arguments], Path(folder), 3 * seconds + 600)
        if file.exists():
            found = json.loads(file.read_text(encoding="utf-8"))
    return {**asked, **found, **stamp}


def child(command: Sequence[str], folder: Path, patience: float) -> dict[str, Any]:
    """Run a command in a folder; return what is known of a run that left no result."""
    paths = [str(ROOT / "tests"), str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "DDE_BACKEND": "pytorch", "MPLBACKEND": "Agg"}
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=patience, check=False
        )
    except subprocess.TimeoutExpired:
        return {"status": "failed", "error": None, "trouble": f"it was stopped after {patience:.0f} s"}
    said = done.stderr.strip().splitlines() or ["it said nothing"]
    return {"status": "failed", "error": None, "trouble": f"exit code {done.returncode}: {said[-1]}"}


def now() -> str:
    """Return the time, in UTC."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")


def machine() -> dict[str, Any]:
    """Return what the run runs on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    load = round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None
    return {"cpu": names[0] if names else platform.processor(), "cores": os.cpu_count(), "load": load}


def state(method: str) -> dict[str, Any]:
    """Return where the code stands: the commit, whether files were changed since, and a digest of those that matter."""
    digest = hashlib.sha256()
    for file in sorted(file for folder in CODE[method] for file in (ROOT / folder).rglob("*.py")):
        digest.update(str(file.relative_to(ROOT)).encode() + b"\0" + file.read_bytes())
    changed = git("status", "--porcelain", "--", ":/", f":(exclude,top){RESULTS.parent.relative_to(ROOT).as_posix()}")
    commit = git("rev-parse", "HEAD")[:12] or "unknown"
    return {"commit": commit, "dirty": bool(changed), "code": digest.hexdigest()[:8]}


def git(*arguments: str) -> str:
    """Return what git says; nothing where there is no repository."""
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def append(row: dict[str, Any], results: Path) -> None:
    """Add a line to the results."""
    results.parent.mkdir(parents=True, exist_ok=True)
    with results.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"{', '.join(CASES)}; all if left out")
    parser.add_argument("--seconds", type=float, default=120.0, help="wall time of each training")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=["sirenpde", "deepxde", "classical"])
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--table", action="store_true", help="run nothing, print the table of the results")
    options = parser.parse_args(arguments)
    options.cases = options.cases or list(CASES)
    return options


def require_runnable(cases: Sequence[str], methods: Sequence[str]) -> None:
    """Refuse, before the first run, what could not be run."""
    unknown = [case for case in cases if case not in CASES]
    if unknown:
        msg = f"there is no case {unknown[0]!r}; they are {', '.join(CASES)}."
        raise UsageError(msg)
    if any(method.startswith("deepxde") for method in methods) and find_spec("deepxde") is None:
        require_extra("deepxde", "bench", "the comparison with DeepXDE")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the cases or print the table; return the exit code."""
    options = parse(arguments)
    try:
        if not options.table:
            require_runnable(options.cases, options.methods)
            for case, method, seed in plan(options.cases, options.methods, options.seeds):
                row = run(case, method, seed, options.seconds)
                append(row, options.results)
                print(accuracy_table.line(row), flush=True)
        print(accuracy_table.tables(accuracy_table.read(options.results), options.cases))
    except SirenPDEError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
