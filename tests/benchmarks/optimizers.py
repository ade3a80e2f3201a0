"""What a step of each optimizer costs, in time and memory, as the network and the points grow.

Poisson's equation on a square, float64, on the CPU, three sine layers. Every method takes the same loss on the same
points: five in six inside, the others on the edge. P is the number of weights, N that of the residuals, one per point.

    python tests/benchmarks/optimizers.py [--quick] [--threads 1] [--most 1.5e9] [--json FILE]

Time is the median of steps that the methods take in turn in one process, so that a busy machine disturbs all; it is
given as processor time and, in brackets, as wall time. Memory is the growth of ``ru_maxrss`` up to the second step, in
a fork of a process that has trained nothing, after a step on 64 points and eight neurons has loaded every library; it
holds what an evaluation of the loss takes as well. Beside it stands what the method's formula says that it takes. A
method is not measured where ``require`` refuses it, or where the formula is above ``--most`` bytes.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import torch

if __name__ == "__main__":  # pytest has the folder `tests` on its path already
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.optimizers_run import METHODS, Row, measure, rows_for

WIDTHS, POINTS = (16, 24, 32, 64, 128), (1000, 3600, 10000)
QUICK_WIDTHS, QUICK_POINTS = (16, 32), (1000, 3600)

#: How the spaces of ``GaussNewton`` are abbreviated.
SPACES = {"WeightSpace": "w", "ResidualSpace": "r", "KernelSpace": "k"}


def time_cell(row: Row) -> str:
    """Return the median milliseconds per step: processor (wall), and the space."""
    if row.left_out:
        return row.left_out
    processor, wall = (short(1e3 * statistics.median(seconds)) for seconds in (row.processor, row.wall))
    return f"{processor} ({wall})" + (f" {SPACES[row.space]}" if row.space else "")


def memory_cell(row: Row) -> str:
    """Return MB: measured / by formula."""
    return f"{row.left_out or short(row.memory / 1e6)} / {short(row.kept / 1e6)}"


def short(number: float) -> str:
    """Return a number in two digits, or in all that stand before the point."""
    return f"{number:.2g}" if number < 100 else f"{number:,.0f}"


def table(rows: Sequence[Row], cell: Callable[[Row], str]) -> str:
    """Return rows as a Markdown table with a line per size and a column per method."""
    lines = ["| width | P | N | " + " | ".join(METHODS) + " |", "| --- " * (3 + len(METHODS)) + "|"]
    for size in dict.fromkeys((row.width, row.weights, row.points) for row in rows):
        cells = {row.method: cell(row) for row in rows if (row.width, row.weights, row.points) == size}
        lines.append("| " + " | ".join([*(f"{each:,}" for each in size), *(cells[name] for name in METHODS)]) + " |")
    return "\n".join(lines)


def report(rows: Sequence[Row]) -> str:
    """Return the tables, with what they mean."""
    searches = [
        f"{name} {statistics.fmean(row.evaluations for row in rows if row.method == name and row.wall):.2g}"
        for name in ("LBFGS", "SSBroyden")
        if any(row.method == name and row.wall for row in rows)
    ]
    formulas = ", ".join(f"{name} {method.formula}" for name, method in METHODS.items())
    return "\n\n".join(
        [
            "Milliseconds per step, processor (wall). w: in weight space, r: in residual space, k: there by factors",
            table(rows, time_cell),
            f"Evaluations of the loss with its gradient per step, mean: {', '.join(searches)}",
            "Extra memory in MB, measured / by formula",
            table(rows, memory_cell),
            f"Formulas, in bytes: {formulas}",
        ]
    )


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two widths and two numbers of points")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--most", type=float, default=1.5e9, help="bytes of a formula beyond which nothing is measured")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    options = parse(arguments)
    torch.set_num_threads(options.threads)
    widths, points = (QUICK_WIDTHS, QUICK_POINTS) if options.quick else (WIDTHS, POINTS)
    rows = rows_for(widths, points, options.most)
    measure(rows)
    print(f"torch {torch.__version__}, {options.threads} threads, float64\n\n{report(rows)}")
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
