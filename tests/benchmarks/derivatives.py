"""Time and memory of derivatives: nested autograd against the package's own way, side by side in one run.

One training step (forward and backward) of a 4×256 network, 2 coordinates, 16,384 points, float32, on the CPU, for
the mean square of the Laplacian and of the gradient. Both ways do the same: the loss of one constraint on a box, its
gradient by every weight and bias. The own way goes through ``IntegralLoss.parts``, as training does.

    python tests/benchmarks/derivatives.py [--repeats 7] [--json FILE]

Time is measured in alternating repeats, so that a busy machine disturbs both; it is given as wall time and as
processor time, as the ratio of medians and of minima. Memory is the growth of ``ru_maxrss`` by one step, in a fresh
process per way and loss, after a step on 64 points has loaded every library.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

import sirenpde as sp
from sirenpde.training.loss import CPU_CHUNK, IntegralLoss

WAYS = ("nested autograd", "own")
LOSSES = ("laplacian", "gradient")
#: The bounds that the ratios own / nested autograd are to keep.
TARGETS = {"laplacian": {"time": 0.65, "memory": 0.6}, "gradient": {"time": 1.0, "memory": None}}
RESIDUALS = {
    "laplacian": lambda a, phi: sp.laplacian(phi.u) - 1.0,
    "gradient": lambda a, phi: sp.grad(phi.u) - 1.0,
}


def nested(loss: str, network: torch.nn.Module, points: torch.Tensor) -> torch.Tensor:
    """Return the mean square of the residual as a user of plain torch would write it."""
    leaf = points.detach().requires_grad_()
    (slope,) = torch.autograd.grad(network(leaf).sum(), leaf, create_graph=True)
    if loss == "gradient":
        return (slope - 1.0).square().sum(1).mean()
    seconds = [torch.autograd.grad(slope[:, axis].sum(), leaf, create_graph=True)[0][:, axis] for axis in range(2)]
    return (sum(seconds) - 1.0).square().mean()


def make_step(way: str, loss: str, count: int, chunk: int) -> Callable[[], float]:
    """Return a function that does one training step and returns the loss."""
    domain = sp.Box(x=(0, 1), y=(0, 1))
    problem = sp.Problem(
        name="speed", fields="u", constraints=[sp.Constraint("equation", on=domain, residual=RESIDUALS[loss])]
    )
    network = sp.Siren(width=256, depth=3).build(2, 1, bounds=problem.bounds)
    sample = domain.draw(count, torch.Generator().manual_seed(0)).to(torch.device("cpu"), torch.float32)
    own = IntegralLoss(problem, network, chunk=chunk)

    def step() -> float:
        network.zero_grad(set_to_none=True)
        if way == "nested autograd":
            value = nested(loss, network, sample.points)
            value.backward()
            return float(value.detach())
        total = 0.0
        for _, part in own.parts([sample]):
            part.backward()
            total += float(part.detach())
        return total

    return step


def measure_times(loss: str, count: int, repeats: int, chunk: int) -> dict[str, dict[str, list[float]]]:
    """Return the wall and processor times of alternating steps, in seconds, after one that is not counted."""
    steps = {way: make_step(way, loss, count, chunk) for way in WAYS}
    values = [step() for step in steps.values()]
    assert abs(values[0] - values[1]) < 1e-3 * abs(values[0]), values  # float32: the same loss, or the race is void
    times: dict[str, dict[str, list[float]]] = {way: {"wall": [], "processor": []} for way in WAYS}
    for _ in range(repeats):
        for way, step in steps.items():
            wall, processor = time.perf_counter(), time.process_time()
            step()
            times[way]["wall"].append(time.perf_counter() - wall)
            times[way]["processor"].append(time.process_time() - processor)
    return times


def peak_growth(way: str, loss: str, count: int, chunk: int) -> float:
    """Return by how many MB one step raises the largest resident size of this process, which must be fresh."""
    make_step(way, loss, 64, chunk)()
    step = make_step(way, loss, count, chunk)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    step()
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def measured_in_fresh_process(way: str, loss: str, arguments: argparse.Namespace) -> float:
    """Return ``peak_growth`` as a child process finds it."""
    options = [f"--points={arguments.points}", f"--threads={arguments.threads}", f"--chunk={arguments.chunk}"]
    command = [sys.executable, __file__, *options, "--peak", way, loss]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def compare(loss: str, arguments: argparse.Namespace, peaks: dict[str, float]) -> dict[str, float]:
    """Return one row of the table."""
    times = measure_times(loss, arguments.points, arguments.repeats, arguments.chunk)
    row: dict[str, float] = {}
    for clock in ("wall", "processor"):
        for name, function in (("median", statistics.median), ("least", min)):
            seconds = {way: function(times[way][clock]) for way in WAYS}
            row.update({f"{clock} {name}, {way} [s]": seconds[way] for way in WAYS})
            row[f"{clock} {name}, ratio"] = seconds["own"] / seconds["nested autograd"]
    row.update({f"memory, {way} [MB]": peaks[way] for way in WAYS})
    row["memory, ratio"] = peaks["own"] / peaks["nested autograd"]
    return row


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=16384)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--chunk", type=int, default=CPU_CHUNK, help="points that travel together in the own way")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    parser.add_argument("--peak", nargs=2, metavar=("WAY", "LOSS"), help="print the memory of one step in MB, and end")
    return parser.parse_args()


def main() -> None:
    """Measure and print."""
    arguments = parse()
    torch.set_num_threads(arguments.threads)
    if arguments.peak:
        print(peak_growth(*arguments.peak, arguments.points, arguments.chunk))
        return
    # Memory first: a child's ru_maxrss begins at that of the process that started it, which must be small.
    peaks = {loss: {way: measured_in_fresh_process(way, loss, arguments) for way in WAYS} for loss in LOSSES}
    rows = {loss: compare(loss, arguments, peaks[loss]) for loss in LOSSES}
    print(f"torch {torch.__version__}, {arguments.threads} threads, {arguments.points} points, chunk {arguments.chunk}")
    print(f"{'':40}" + "".join(f"{loss:>12}" for loss in LOSSES))
    for name in rows[LOSSES[0]]:
        print(f"{name:40}" + "".join(f"{rows[loss][name]:12.3f}" for loss in LOSSES))
    for kind in ("time", "memory"):
        bounds = [TARGETS[loss][kind] for loss in LOSSES]
        print(f"{f'target, {kind} ratio':40}" + "".join(f"{'-' if bound is None else bound:>12}" for bound in bounds))
    if arguments.json:
        arguments.json.write_text(json.dumps({"targets": TARGETS, "rows": rows}, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
