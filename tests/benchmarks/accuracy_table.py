"""The tables of ``accuracy.py``: one per budget, a row per case, from the lines of the results file.

Results of different states of the code, or of different machines, are never put into one figure: of each case, budget
and method the newest state counts, and the row names it. A run that failed counts as an infinite error, and nothing
below three times the reference's own error is claimed.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.accuracy_cases import CASES, OPTIMIZERS

from sirenpde.errors import FileError

Row = dict[str, Any]

HEAD = (
    "case", "target", "median", "worst", "reached", "seeds", "wall s", "CPU s",
    "DeepXDE", "seeds", "DeepXDE / ours", "classical", "reference's error", "code",
)  # fmt: skip


def read(results: Path) -> list[Row]:
    """Return the rows of a results file.

    Raises:
        FileError: If there is none, or a line of it is no JSON object.
    """
    if not results.is_file():
        msg = f"{results} does not exist; run some cases first, they are appended to it."
        raise FileError(msg)
    rows = []
    for number, text in enumerate(results.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            row = json.loads(text)
        except json.JSONDecodeError as error:
            cause = "Usual cause: the measurement was killed while it wrote. Delete the line."
            msg = f"line {number} of {results} is no JSON object: {error}.\n  {cause}"
            raise FileError(msg) from error
        rows.append(row)
    return rows


def line(row: Row) -> str:
    """Return a run in one line."""
    seed = "" if row["seed"] is None else f" seed {row['seed']}"
    spent = f"wall {row.get('wall') or math.nan:.4g} s  CPU {row.get('cpu') or math.nan:.4g} s"
    trouble = f"  {row['trouble'].splitlines()[0]}" if row.get("trouble") else ""
    return f"{row['case']:25} {row['method']:9}{seed:7} {figure(error(row)):>9}  {spent}  {row['status']}{trouble}"


def error(row: Row) -> float:
    """Return the error that counts; infinite where the run failed or its fields are not finite."""
    found = row.get("error")
    return math.inf if found is None else float(found)


def state(row: Row) -> str:
    """Return the name of the code that made a row: its commit, and a digest where files were changed since."""
    return row["commit"][:7] + (f"+{row['code'][:4]}" if row["dirty"] else "")


def place(row: Row) -> str:
    """Return the machine that made a row."""
    return f"{row['machine']['cpu']} × {row['machine']['cores']}"


def newest(rows: Iterable[Row]) -> list[Row]:
    """Return the rows of the newest state of the code and machine, of each seed the last; sorted by seed."""
    groups: dict[tuple[str, str], dict[Any, Row]] = {}
    for row in sorted(rows, key=lambda each: each["date"]):
        key = (state(row), place(row))
        groups[key] = {**groups.pop(key, {}), row["seed"]: row}  # popped and put back: the newest group is the last
    if not groups:
        return []
    last = groups[next(reversed(groups))]
    return [last[seed] for seed in sorted(last, key=lambda seed: -1 if seed is None else seed)]


def median(rows: Sequence[Row], of: str = "error") -> float:
    """Return the median of the error, or of another figure that a failed run lacks."""
    if of == "error":
        return statistics.median(map(error, rows)) if rows else math.nan
    found = [row[of] for row in rows if row.get(of) is not None]
    return statistics.median(found) if found else math.nan


def claim(rows: Sequence[Row]) -> float:
    """Return the median error, or three times the reference's, which hides what is below."""
    return max([median(rows), *(3 * row["reference_error"] for row in rows if row.get("reference_error"))])


def worst(rows: Sequence[Row]) -> str:
    """Return the largest error, and how many times the median it is."""
    most, middle = max(map(error, rows), default=math.nan), median(rows)
    factor = f" ({most / middle:.2g}×)" if len(rows) > 1 and math.isfinite(most) and middle else ""
    return figure(most) + factor


def peer(rows: Sequence[Row]) -> tuple[list[Row], str]:
    """Return the better of DeepXDE's two precisions, and how to mark it."""
    single, double = (newest(row for row in rows if row["method"] == each) for each in ("deepxde", "deepxde64"))
    if double and (not single or median(double) < median(single)):
        return double, " (float64)"
    return single, ""


def tables(rows: Sequence[Row], cases: Sequence[str] = tuple(CASES)) -> str:
    """Return a table in Markdown for each budget that was run."""
    budgets = sorted({row["seconds"] for row in rows if row["seconds"] is not None and row["case"] in cases})
    made = [each(rows, cases, budget) for budget in budgets for each in (table, optimizer_table)]
    return "\n\n".join(filter(None, made)) or "There are no results of these cases yet."


def table(rows: Sequence[Row], cases: Sequence[str], budget: float) -> str:
    """Return the table of one budget; empty where it holds other optimizers alone."""
    lines = [f"### In {budget:g} s", "", row_of(HEAD), row_of(["---"] * len(HEAD))]
    used: list[Row] = []
    for case in cases:
        cells, from_rows = entry(case, [row for row in rows if row["case"] == case], budget)
        if budget in CASES[case].targets or any(row["seconds"] == budget for row in from_rows):
            lines.append(row_of(cells))
        used += from_rows
    return "\n".join([*lines, "", *footnotes(used)]) if used else ""


def optimizer_table(rows: Sequence[Row], cases: Sequence[str], budget: float) -> str:
    """Return the errors by optimizer, of the seeds that all of them have; empty where only one was run."""
    methods = ("sirenpde", *OPTIMIZERS)
    lines = []
    for case in cases:
        mine = [row for row in rows if row["case"] == case and row["seconds"] == budget]
        found = {method: newest(row for row in mine if row["method"] == method) for method in methods}
        run = [{row["seed"] for row in each} for each in found.values() if each]
        seeds = set.intersection(*run) if len(run) > 1 else set()
        if seeds:
            shared = [[row for row in each if row["seed"] in seeds] for each in found.values()]
            cells = [figure(claim(each)) if each else "" for each in shared]
            lines.append(row_of([CASES[case].title, *cells, str(len(seeds))]))
    head = ("case", "`auto`: GaussNewton", *OPTIMIZERS.values(), "seeds")
    title = f"### In {budget:g} s, by optimizer"
    return "\n".join([title, "", row_of(head), row_of(["---"] * len(head)), *lines]) if lines else ""


def entry(case: str, rows: Sequence[Row], budget: float) -> tuple[list[str], list[Row]]:
    """Return the cells of a case in a budget, and the rows that they are made of."""
    every, rows = rows, [row for row in rows if row["seconds"] in {budget, None}]
    own = newest(row for row in rows if row["method"] == "sirenpde")
    classical = newest(row for row in rows if row["method"] == "classical")
    theirs, mark = peer(rows)
    target = CASES[case].targets.get(int(budget)) if float(budget).is_integer() else None
    middle, other = claim(own), median(theirs)
    cells = [
        CASES[case].title,
        "" if target is None else f"{target:g}",
        figure(middle),
        worst(own),
        reached(middle, target) or sooner(every, budget, target),
        str(len(own)),
        f"{median(own, 'wall'):.0f}" if own else "",
        f"{median(own, 'cpu'):.0f}" if own else "",
        figure(other) + mark,
        str(len(theirs)),
        ratio(other, middle),
        ", ".join(f"{figure(error(row))} in {row.get('wall') or math.nan:.2g} s" for row in classical),
        ", ".join(dict.fromkeys(figure(row["reference_error"]) for row in own if row.get("reference_error"))),
        code(own, DeepXDE=theirs, classical=classical),
    ]
    return cells, [*own, *theirs, *classical]


def code(own: Sequence[Row], **others: Sequence[Row]) -> str:
    """Return the state of the code that made the rows, and that of other methods' where their commit is another."""
    names = [state(own[0])] if own else []
    commits = {row["commit"] for row in own}
    names += [f"{name} {state(rows[0])}" for name, rows in others.items() if rows and rows[0]["commit"] not in commits]
    return ", ".join(names)


def reached(middle: float, target: float | None) -> str:
    """Return whether the target was reached."""
    if target is None or math.isnan(middle):
        return ""
    return "yes" if middle <= target else "no"


def sooner(rows: Sequence[Row], budget: float, target: float | None) -> str:
    """Return in which smaller budget a target was reached; empty where in none."""
    ours = [row for row in rows if row["method"] == "sirenpde" and row["seconds"] < budget]
    for seconds in sorted({row["seconds"] for row in ours}):
        middle = claim(newest(row for row in ours if row["seconds"] == seconds))
        if reached(middle, target) == "yes":
            return f"in {seconds:g} s: {figure(middle)}"
    return ""


def ratio(theirs: float, ours: float) -> str:
    """Return how many times the other's error is ours."""
    if math.isnan(theirs) or math.isnan(ours):
        return ""
    if math.isinf(ours):
        return "0"
    return f"{theirs / ours:.2g}" if math.isfinite(theirs) and ours else "∞"


def figure(value: float) -> str:
    """Return an error to two digits."""
    if math.isnan(value):
        return ""
    return "failed" if math.isinf(value) else f"{value:.1e}"


def footnotes(rows: Sequence[Row]) -> list[str]:
    """Return what the rows were measured on, and what failed."""
    days = sorted(row["date"][:10] for row in rows)
    loads = [row["machine"]["load"] for row in rows if row["machine"].get("load") is not None]
    notes = [
        "Errors are relative, in L2, on a dense grid; median and worst over the seeds. A code a+b is commit a with "
        "uncommitted changes b.",
        f"Machines: {distinct(map(place, rows))}; "
        f"threads: {distinct(str(row['threads']) for row in rows if row.get('threads'))}; "
        f"load at the start: {min(loads, default=math.nan):.1f} to {max(loads, default=math.nan):.1f}; "
        f"{days[0]} to {days[-1]}.",
        f"Versions: {distinct(f'{k} {v}' for row in rows for k, v in row.get('versions', {}).items())}.",
    ]
    failed = [f"{row['case']} by {row['method']}, seed {row['seed']}" for row in rows if math.isinf(error(row))]
    return notes + ([f"Failed: {'; '.join(failed)}."] if failed else [])


def distinct(texts: Iterable[str]) -> str:
    """Return each text once, in order."""
    return ", ".join(dict.fromkeys(texts))


def row_of(cells: Sequence[str]) -> str:
    """Return a row in Markdown."""
    return f"| {' | '.join(cells)} |"
