"""Which points each constraint is held to at each step.

Fresh points are drawn at every step, so that the field is held everywhere in the end and not on a fixed set alone.
Points that stay for a while may be chosen by the residual. A region of finitely many points, such as the pixels of a
picture, is gone through in shuffled rounds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from sirenpde.errors import UsageError, is_count, suggestion
from sirenpde.regions.region import Region, Sample, arranged
from sirenpde.statement.constraint import Constraint
from sirenpde.statement.problem import Problem
from sirenpde.training.refinement import AdaptivePoints
from sirenpde.training.reproducibility import derived_seed

#: |C_m|, shape (n,), at the points of a sample, given m.
Magnitudes = Callable[[int, Sample], Tensor]

#: The fewest points per step of a constraint, where a total is shared out.
LEAST = 16


class Collocation:
    """The stream of samples of a problem: one sample per constraint and step."""

    def __init__(
        self, problem: Problem, counts: Mapping[str, int], seed: int, adaptive: AdaptivePoints | None = None
    ) -> None:
        """Start the streams.

        Args:
            problem: Whose constraints are sampled.
            counts: Points per step, by constraint.
            seed: The same seed gives the same points.
            adaptive: How points are chosen by the residual; None for uniform ones throughout.
        """
        self._coordinates = problem.coordinates
        self._adaptive = adaptive
        self._refined = tuple(each.pointwise for each in problem.constraints)
        self._streams = [
            _stream(constraint.on, counts[constraint.name], derived_seed(seed, f"points/{constraint.name}"))
            for constraint in problem.constraints
        ]

    def draw(self, magnitudes: Magnitudes | None = None) -> list[Sample]:
        """Return the points of the next step, one sample per constraint, in the problem's coordinates.

        Args:
            magnitudes: |C_m| at the points of a sample, given the constraint's number, for points that will be kept and
                may be adapted to it; None for uniform points.
        """
        return [self._drawn(index, stream, magnitudes) for index, stream in enumerate(self._streams)]

    def _drawn(self, index: int, stream: _Fresh | _Everything | _Rounds, magnitudes: Magnitudes | None) -> Sample:
        names = stream.region.names
        if self._adaptive is None or magnitudes is None or not isinstance(stream, _Fresh) or not self._refined[index]:
            return arranged(stream.draw(), names, self._coordinates)
        pool = arranged(stream.draw(self._adaptive.pool), names, self._coordinates)
        return self._adaptive.choose(pool, stream.count, magnitudes(index, pool), stream.generator)


class _Fresh:
    """Fresh points of a region, independent from step to step."""

    def __init__(self, region: Region, count: int, seed: int) -> None:
        self.region = region
        self.count = count
        self.generator = torch.Generator().manual_seed(seed)

    def draw(self, times: int = 1) -> Sample:
        return self.region.draw(times * self.count, self.generator)


class _Everything:
    """All points of a finite region, at every step."""

    def __init__(self, region: Region, size: int) -> None:
        self.region = region
        self._sample = region.take(torch.arange(size))

    def draw(self) -> Sample:
        return self._sample


class _Rounds:
    """Parts of a finite region: a shuffled round through all points, then the next one."""

    def __init__(self, region: Region, size: int, count: int, seed: int) -> None:
        self.region = region
        self._size = size
        self._count = count
        self._generator = torch.Generator().manual_seed(seed)
        self._left = torch.empty(0, dtype=torch.int64)

    def draw(self) -> Sample:
        while len(self._left) < self._count:
            self._left = torch.cat([self._left, torch.randperm(self._size, generator=self._generator)])
        index, self._left = self._left[: self._count], self._left[self._count :]
        return self.region.take(index)


def _stream(region: Region, count: int, seed: int) -> _Fresh | _Everything | _Rounds:
    size = region.size
    if size is None:
        return _Fresh(region, count, seed)
    return _Everything(region, size) if count >= size else _Rounds(region, size, count, seed)


def share_out(problem: Problem, points: int | Mapping[str, int]) -> dict[str, int]:
    """Return the number of points per step of each constraint.

    Args:
        problem: Whose constraints share.
        points: A total, shared out in proportion to the measures of the regions, or a number by constraint. A
            constraint's own ``points`` goes before either. No constraint gets fewer than 16 of a shared total, if its
            region has them.

    Raises:
        UsageError: If a number is no positive integer, or a constraint is missing or unknown.
    """
    own = {each.name: each.points for each in problem.constraints if each.points is not None}
    rest = [each for each in problem.constraints if each.name not in own]
    if isinstance(points, Mapping):
        shared = _checked(problem, points, [each.name for each in rest])
    else:
        require_points(points, "points")
        shared = _by_measure(rest, points)
    sizes = {each.name: each.on.size for each in problem.constraints}
    return {name: min(count, sizes[name] or count) for name, count in {**shared, **own}.items()}


def _by_measure(constraints: Sequence[Constraint], total: int) -> dict[str, int]:
    """Share a total in proportion to the measures; what a region of few points cannot use goes to the others."""
    few = [each for each in constraints if each.on.size is not None and each.on.size <= LEAST]
    many = [each for each in constraints if each not in few]
    left = total - sum(each.on.size or 0 for each in few)
    whole = sum(each.measure for each in many)
    shares = {each.name: max(LEAST, round(left * each.measure / whole)) for each in many}
    return shares | {each.name: each.on.size or LEAST for each in few}


def _checked(problem: Problem, points: Mapping[str, int], needed: list[str]) -> dict[str, int]:
    names = [each.name for each in problem.constraints]
    for name, count in points.items():
        if name not in names:
            known, near = ", ".join(names), suggestion(name, names)
            msg = f"points names {name!r}; the constraints of {problem.where} are {known}.{near}"
            raise UsageError(msg)
        require_points(count, f"points[{name!r}]")
    missing = [name for name in needed if name not in points]
    if missing:
        msg = (
            f"points gives no number for constraint {missing[0]!r} of {problem.where}. Give one for each, or one "
            "total for all."
        )
        raise UsageError(msg)
    return dict(points)


def require_points(count: object, what: str) -> None:
    """Refuse a number of points that is no positive integer."""
    if not is_count(count):
        msg = f"{what}={count!r}: expected a positive integer, such as 4096."
        raise UsageError(msg)
