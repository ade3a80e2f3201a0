"""What a reference and a classical solution are, and the few helpers that all of them share."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

Result = TypeVar("Result")

ROUNDING = 1e-15  # the error of a closed form: some units of rounding in float64


@dataclass(frozen=True)
class Reference:
    """Fields known at points, and how well.

    Attributes:
        points: Shape ``(n, d)``, columns in the order of the problem's coordinates.
        values: Each field at the points, shape ``(n,)``.
        error: The estimated relative L2 error of the values.
        note: How they were found and how the error was estimated.
        numbers: What is sought besides fields, as a diffusion coefficient.
        up_to_constant: The fields of which only slopes matter: means are removed before they are compared.
    """

    points: np.ndarray
    values: Mapping[str, np.ndarray]
    error: float
    note: str
    numbers: Mapping[str, float] = field(default_factory=dict)
    up_to_constant: tuple[str, ...] = ()

    def distances(self, found: Mapping[str, np.ndarray]) -> dict[str, float]:
        """The relative L2 error of each field that was found, shape ``(n,)`` each."""
        gaps = {}
        for name, values in found.items():
            known, got = self.values[name], np.asarray(values)
            if got.shape != known.shape:
                message = f"{name} has shape {got.shape}; the reference has {known.shape}: one value per point, flat"
                raise ValueError(message)
            if name in self.up_to_constant:
                known, got = known - known.mean(), got - got.mean()
            gaps[name] = relative(got, known)
        return gaps


@dataclass(frozen=True)
class Classical:
    """What an efficient standard solver does for the same problem.

    Attributes:
        method: Its name and size.
        error: Relative L2 error against the reference, the worst field's; of the number, if a number is sought.
        seconds: Wall time.
        cpu: Processor time.
    """

    method: str
    error: float
    seconds: float
    cpu: float


def relative(got: np.ndarray, wanted: np.ndarray) -> float:
    """The relative L2 error."""
    return float(np.linalg.norm(got - wanted) / np.linalg.norm(wanted))


def grid(*axes: np.ndarray) -> np.ndarray:
    """All points of a grid, the last coordinate fastest, shape ``(n, d)``."""
    return np.stack([table.reshape(-1) for table in np.meshgrid(*axes, indexing="ij")], axis=1)


def closed_form(axes: Sequence[np.ndarray], note: str, **fields: Callable[..., np.ndarray]) -> Reference:
    """The reference of functions of the coordinates, on the grid of the axes."""
    points = grid(*axes)
    return Reference(points, {name: value(*points.T) for name, value in fields.items()}, ROUNDING, note)


def timed(solve: Callable[[], Result]) -> tuple[Result, float, float]:
    """What ``solve`` returns, its wall and its processor time: the least of five runs, if they end within 0.2 s."""
    walls, cpus = [], []
    while sum(walls) < 0.2 and len(walls) < 5:
        wall, cpu = time.perf_counter(), time.process_time()
        result = solve()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return result, min(walls), min(cpus)


def compare(method: str, solve: Callable[[], Mapping[str, np.ndarray]], reference: Reference) -> Classical:
    """Time a solver of fields and compare them with the reference."""
    found, seconds, cpu = timed(solve)
    return Classical(method, max(reference.distances(found).values()), seconds, cpu)
