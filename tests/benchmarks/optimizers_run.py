"""What ``optimizers.py`` measures: the methods with their formulas, one at work, its times and its memory."""

from __future__ import annotations

import multiprocessing
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache

import torch

import sirenpde as sp
from sirenpde.errors import ResourceError
from sirenpde.fields.ansatz import Ansatz
from sirenpde.library import definitions, shipped
from sirenpde.training.collocation import Collocation
from sirenpde.training.gauss_newton import GaussNewtonStepper
from sirenpde.training.loss import IntegralLoss
from sirenpde.training.objective import Objective
from sirenpde.training.optimizer import Optimizer, siren_of
from sirenpde.training.quasi_newton import trained

#: Steps that a method may take in a row: at most so many, at least two, and none after so many seconds.
STEPS, SECONDS = 15, 1.5


@dataclass(frozen=True)
class Method:
    """An optimizer and what is known of it.

    Attributes:
        declared: The optimizer.
        kept: The bytes that it takes besides weights and gradient, by network and number of residuals.
        formula: The same in words.
        fills: Steps after which it keeps all that it will keep.
    """

    declared: Optimizer
    kept: Callable[[Ansatz, int], int]
    formula: str
    fills: int = 1


def hidden(network: Ansatz) -> int:
    """Return how many weights stand in hidden matrices."""
    siren = siren_of(network)
    assert siren is not None
    return sum(matrix.numel() for matrix in siren.hidden_matrices)


def kept_by_gauss_newton(network: Ansatz, residuals: int) -> int:
    """Return the bytes that the Jacobian and the matrices take in the space that is chosen, with their copies."""
    size = trained(network)
    if residuals < size <= 4 * residuals:
        return 24 * residuals * (residuals + size)
    if residuals >= size:
        return 24 * size * (residuals + size)
    widths = sum(sum(weight.shape) + 1 for weight in network.parameters() if weight.ndim == 2)  # 1 for the bias
    return 24 * residuals**2 + 32 * residuals * widths


METHODS = {
    "Adam": Method(sp.Adam(), lambda network, _: 16 * trained(network), "16 P"),
    "Muon": Method(sp.Muon(), lambda network, _: 16 * trained(network) - 8 * hidden(network), "16 P − 8 P_hidden"),
    "LBFGS": Method(sp.LBFGS(), lambda network, _: 16 * 50 * trained(network), "16 m P, m = 50", fills=60),
    "SSBroyden": Method(sp.SSBroyden(), lambda network, _: 8 * trained(network) ** 2, "8 P²"),
    "GaussNewton": Method(
        sp.GaussNewton(), kept_by_gauss_newton, "24 P (N + P), 24 N (N + P) where N < P, 24 N² + 32 N W where 4 N < P"
    ),
}


@dataclass
class Row:
    """One method at one size.

    Attributes:
        method: Its name.
        width: Neurons per layer.
        weights: P.
        points: N.
        kept: What the formula says, in bytes.
        left_out: Why it was not measured; empty where it was.
        memory: The growth of the resident size, in bytes.
        processor: Processor time of every step, in seconds.
        wall: Wall time of every step, in seconds.
        evaluations: Evaluations of the loss with its gradient, per step.
        space: Where the equations were solved, of ``GaussNewton``.
    """

    method: str
    width: int
    weights: int
    points: int
    kept: int
    left_out: str = ""
    memory: int = 0
    processor: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    evaluations: float = 0.0
    space: str = ""


@cache
def poisson() -> sp.Problem:
    """Return the shipped problem."""
    problem: sp.Problem = definitions(shipped()["poisson"])["build"]()
    return problem


def build(width: int) -> Ansatz:
    """Return a network of one width, as training gets it."""
    problem = poisson()
    declared = sp.Siren(width=width, depth=2, omega=1.0, first_omega=4.0)
    return problem.ansatz(declared.build(2, 1, seed=0, bounds=problem.bounds, dtype=torch.float64))


class Walk:
    """A method at work on a network of its own.

    Attributes:
        evaluations: How often the loss was evaluated with its gradient.
        space: Where the equations were solved last, of ``GaussNewton``.
    """

    def __init__(self, method: Method, width: int) -> None:
        """Start at the initial weights, on 64 points."""
        network = build(width)
        self._method = method
        self._loss = IntegralLoss(poisson(), network)
        self._stepper = method.declared.start(network)
        self.evaluations, self.space = 0, ""
        if isinstance(self._stepper, GaussNewtonStepper):
            self._listen(self._stepper)
        self.move_to(64)

    def warm_up(self, points: int) -> None:
        """Step on few points until the method keeps all that it will keep, and move to many."""
        for _ in range(self._method.fills):
            self.step()
        self.move_to(points)

    def move_to(self, points: int) -> None:
        """Go on with other points."""
        counts = {"equation": points - points // 6, "edge": points // 6}
        samples = [
            sample.to(torch.device("cpu"), torch.float64) for sample in Collocation(poisson(), counts, seed=0).draw()
        ]
        self._objective = Objective(self._loss, samples, [1.0] * len(samples), self._count)
        self._stepper.renewed()

    def step(self) -> float:
        """Take one step, and return the loss before it."""
        return self._stepper.step(self._objective)

    def _count(self) -> None:
        self.evaluations += 1

    def _listen(self, stepper: GaussNewtonStepper) -> None:
        """Take note of the space that a stepper chooses."""
        choose = stepper._equations

        def choose_and_tell(system: object) -> object:
            equations = choose(system)  # type: ignore[arg-type]
            self.space = type(equations).__name__
            return equations

        stepper._equations = choose_and_tell  # type: ignore[assignment, method-assign]


def rows_for(widths: Sequence[int], points: Sequence[int], most: float) -> list[Row]:
    """Return the rows of a run, none measured yet; those to leave out say why."""
    rows = []
    for width in widths:
        network = build(width)
        for count in points:
            for name, method in METHODS.items():
                kept = method.kept(network, count)
                rows.append(Row(name, width, trained(network), count, kept, reason(method, network, count, kept, most)))
    return rows


def reason(method: Method, network: Ansatz, residuals: int, kept: int, most: float) -> str:
    """Return why a method is not measured on a network; nothing where it is."""
    try:
        method.declared.require(network, residuals)
    except ResourceError:
        return "refused"
    return "left out" if kept > most else ""


def measure_times(rows: Sequence[Row]) -> None:
    """Fill in the times of rows of one size, by steps in turn, after one at full size that is not counted."""
    walks = []
    for row in rows:
        walk = Walk(METHODS[row.method], row.width)
        walk.warm_up(row.points)
        walk.step()
        walk.evaluations = 0
        walks.append(walk)
    for taken in range(STEPS):
        for row, walk in zip(rows, walks, strict=True):
            if taken < 2 or sum(row.wall) < SECONDS:
                wall, processor = time.perf_counter(), time.process_time()
                walk.step()
                row.wall.append(time.perf_counter() - wall)
                row.processor.append(time.process_time() - processor)
    for row, walk in zip(rows, walks, strict=True):
        row.evaluations, row.space = walk.evaluations / len(row.wall), walk.space


def extra_memory(name: str, width: int, points: int) -> int:
    """Return by how many bytes a method raises the largest resident size of this process, which must be fresh."""
    Walk(METHODS[name], 8).step()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    walk = Walk(METHODS[name], width)
    walk.warm_up(points)
    for _ in range(2):
        walk.step()
    return 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)


def in_a_fork(function: Callable[..., int], *arguments: object) -> int:
    """Return what a function returns in a fork of this process."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=lambda: sender.send(function(*arguments)))
    child.start()
    sender.close()
    value: int = receiver.recv()
    child.join()
    return value


def measure(rows: Sequence[Row]) -> None:
    """Fill in memory and times; memory first, for a process that has trained cannot be forked any more."""
    measured = [row for row in rows if not row.left_out]
    for method in METHODS.values():
        method.declared.start(build(8))  # loads libraries that every fork would have to load again
    for row in measured:
        row.memory = in_a_fork(extra_memory, row.method, row.width, row.points)
    for size in dict.fromkeys((row.width, row.points) for row in measured):
        measure_times([row for row in measured if (row.width, row.points) == size])
