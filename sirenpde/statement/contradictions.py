"""Conditions that cannot hold together, hold already, or leave something open: found by trying them on a few points.

Nothing here is proven: a warning is given where the points that were tried show it. Conditions that read derivatives or
data where only values can be judged are left alone.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor, nn

from sirenpde.errors import ProblemError
from sirenpde.fields.ansatz import Ansatz
from sirenpde.fields.forms import multi_indices, order
from sirenpde.fields.layout import Layout
from sirenpde.fields.trace import Traced
from sirenpde.regions.region import Combination, Region, Sample, arranged
from sirenpde.statement.constraint import Constraint, IntegralConstraint
from sirenpde.statement.given import Arranged
from sirenpde.statement.raster import Raster
from sirenpde.statement.waveform import Waveform

#: How many points are tried per constraint.
_POINTS = 32

#: Values and residuals count as different beyond this part of their size.
_GAP = 1e-6

#: A residual of the exact solution counts as one beyond this part of a random field's: references may be approximate.
_LEFT = 1e-2


@dataclass(frozen=True)
class Statement:
    """What is looked at.

    Attributes:
        where: What messages call the problem.
        layout: Fields and coordinates.
        constraints: The conditions.
        traced: What their residuals ask for.
        trial: A small random network with the problem's hard conditions.
        given: Known → how it is read.
        references: Field → its exact solution.
        hard: The fields with hard conditions.
    """

    where: str
    layout: Layout
    constraints: Sequence[Constraint]
    traced: Sequence[Traced]
    trial: Ansatz
    given: Mapping[str, Arranged]
    references: Mapping[str, Arranged]
    hard: frozenset[str]

    @property
    def pairs(self) -> list[tuple[Constraint, Traced]]:
        """Each constraint with what its residual asks for."""
        return list(zip(self.constraints, self.traced, strict=True))

    def sample(self, region: Region, count: int = _POINTS) -> Sample:
        """Return random points of a region, in the problem's coordinates."""
        drawn = region.draw(count, torch.Generator().manual_seed(2))
        return arranged(drawn, region.names, self.layout.coordinates)

    def place(self, point: Tensor) -> str:
        """Return a point as text."""
        pairs = zip(self.layout.coordinates, point.tolist(), strict=True)
        return ", ".join(f"{name}={value:.4g}" for name, value in pairs)


def found(statement: Statement, unpinned: frozenset[str]) -> list[str]:
    """Return what is worth a warning, as sentences.

    Raises:
        ProblemError: If a constraint contradicts a hard condition.
    """
    return [
        *_settled(statement),
        *_apart(statement),
        *_unsolved(statement),
        *_open(statement, unpinned),
    ]


def _settled(statement: Statement) -> Iterator[str]:
    """Refuse a constraint that a hard condition makes impossible; name one that it makes true already."""
    for constraint, traced in statement.pairs:
        behind = sorted(traced.fields & statement.hard)
        averaged = isinstance(constraint, IntegralConstraint)  # what vanishes is its mean, not each value
        if not behind or averaged or traced.unknowns or traced.fields - statement.hard:
            continue
        sample = statement.sample(constraint.on)
        values = [_values(traced, network, sample) for network in (statement.trial, _other(statement.trial))]
        if any(each is None for each in values):
            continue
        first, second = (each for each in values if each is not None)
        if not torch.allclose(first, second, rtol=1e-9, atol=1e-9):
            continue
        worst = int(first.abs().amax(dim=1).argmax())
        names = ", ".join(f'hard "{name}"' for name in behind)
        if first[worst].abs().max() > _GAP:
            msg = (
                f'constraint "{constraint.name}" of {statement.where} contradicts {names}: whatever the network does, '
                f"its residual is {first[worst].abs().max():.4g} at {statement.place(sample.points[worst])}.\n"
                "  Correct one of the two, or drop the constraint: what is built in holds exactly."
            )
            raise ProblemError(msg)
        yield (
            f'constraint "{constraint.name}" of {statement.where} holds exactly whatever the network does, by {names}.'
            "\n  Drop it: it costs points, and nothing can be learned from it."
        )


def _other(ansatz: Ansatz) -> Ansatz:
    """Return the same fields of other weights."""
    other = copy.deepcopy(ansatz)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for value in other.network.parameters():
            value.add_(0.3 * torch.randn(value.shape, generator=generator, dtype=value.dtype))
    return other


class _Constant(nn.Module):
    """Fields that are the same everywhere, ``(o,)``."""

    def __init__(self, values: Tensor) -> None:
        super().__init__()
        self.values = values

    def forward(self, points: Tensor) -> Tensor:
        """Return ``(n, o)``."""
        return self.values + 0.0 * points[:, :1]


def _apart(statement: Statement) -> Iterator[str]:
    """Compare what two constraints say of a field's value where their regions meet."""
    judged = [(c, t) for c, t in statement.pairs if _reads_values_alone(c, t) and not t.fields & statement.hard]
    for (one, first), (two, second) in combinations(judged, 2):
        if not first.fields & second.fields:
            continue
        points = _shared(statement, one.on, two.on)
        if not len(points):
            continue
        ours, theirs = (_said(statement.layout, traced, points) for traced in (first, second))
        for column in sorted(ours.keys() & theirs.keys()):
            gap = (ours[column] - theirs[column]).abs()
            worst = int(gap.argmax())
            if gap[worst] > _GAP * (1.0 + ours[column].abs().max()):
                values = [f"{side[column][worst]:.4g}" for side in (ours, theirs)]
                yield (
                    f'constraints "{one.name}" and "{two.name}" of {statement.where} ask for different values of '
                    f'"{_name(statement.layout, column)}" where they meet: {values[0]} and {values[1]} at '
                    f"{statement.place(points[worst])}, {gap[worst]:.4g} apart.\n  No smooth field has both. If the "
                    "jump is meant, keep one of them away from it with .where(…)."
                )
                break


def _reads_values_alone(constraint: Constraint, traced: Traced) -> bool:
    orders = (order(alpha) for forms in traced.sites for form in forms for alpha in multi_indices(form))
    plain = len(traced.sites) == 1 and not traced.differentiates and not traced.unknowns
    return (
        plain and not any(orders) and not constraint.on.data_shapes and not isinstance(constraint, IntegralConstraint)
    )


def _shared(statement: Statement, one: Region, two: Region) -> Tensor:
    """Return points of one region that lie in another too: found by moving points onto the flat parts of each."""
    names, kept = statement.layout.coordinates, []
    for first in _parts(one):
        points = statement.sample(first, 16).points
        for second in _parts(two):
            moved = points.clone()
            for column, name in enumerate(names):
                low, high = second.bounds[name]
                moved[:, column] = moved[:, column].clamp(low, high)
            kept.append(moved)
    points = torch.cat(kept)
    inside = torch.ones(len(points), dtype=torch.bool)
    for region in (one, two):
        columns = [names.index(name) for name in region.names]
        inside &= torch.from_numpy(region.contains(points[:, columns].numpy()))
    return points[inside]


def _parts(region: Region) -> tuple[Region, ...]:
    return region.parts if isinstance(region, Combination) else (region,)


def _said(layout: Layout, traced: Traced, points: Tensor) -> dict[int, Tensor]:
    """Return per column of the fields the value, ``(n,)``, that makes a residual's entry vanish; none where unclear."""
    said: dict[int, Tensor] = {}
    base = torch.linspace(0.3, 0.7, layout.outputs, dtype=torch.float64)

    def left(values: Tensor) -> Tensor | None:
        return _values(traced, _Constant(values), Sample(points))

    zero = left(base)
    if zero is None:
        return {}
    steps = [left(base + shift * unit) for unit in torch.eye(layout.outputs, dtype=torch.float64) for shift in (1, 2)]
    slopes = [None if step is None else step - zero for step in steps]
    for entry in range(zero.shape[1]):
        moving = [
            column
            for column in range(layout.outputs)
            if (slope := slopes[2 * column]) is not None and (slope[:, entry].abs() > 1e-9).any()
        ]
        if len(moving) != 1:
            continue
        (column,) = moving
        one, two = slopes[2 * column], slopes[2 * column + 1]
        if one is not None and two is not None and torch.allclose(two[:, entry], 2 * one[:, entry], rtol=1e-9):
            said[column] = base[column] - zero[:, entry] / one[:, entry]
    return {column: values for column, values in said.items() if torch.isfinite(values).all()}


def _name(layout: Layout, column: int) -> str:
    return next(n for n in layout.fields if layout.columns(n).start <= column < layout.columns(n).stop)


class _Exact(nn.Module):
    """The exact fields in place of a network; fields without one are zero."""

    def __init__(self, layout: Layout, references: Mapping[str, Arranged]) -> None:
        super().__init__()
        self.layout = layout
        self.references = references

    def forward(self, points: Tensor) -> Tensor:
        """Return ``(n, o)``."""
        columns = [
            self.references[name](points).reshape(len(points), -1)
            if name in self.references
            else torch.zeros_like(points[:, :1]).expand(-1, count or 1)
            for name, count in self.layout.fields.items()
        ]
        return torch.cat(columns, dim=1) + 0.0 * points[:, :1]


def _unsolved(statement: Statement) -> Iterator[str]:
    """Put the exact fields into every residual that reads no others, and name those that do not vanish."""
    exact = {name: read for name, read in statement.references.items() if not _sampled(read)}
    network = _Exact(statement.layout, exact)
    for constraint, traced in statement.pairs:
        measured = constraint.on.size is not None or isinstance(constraint, IntegralConstraint)
        rough = any(_sampled(statement.given[name]) for name in traced.knowns if name in statement.given)
        if not traced.fields <= exact.keys() or traced.unknowns or measured or rough:
            continue
        sample = statement.sample(constraint.on)
        left, usual = _values(traced, network, sample), _values(traced, statement.trial, sample)
        if left is None or usual is None:
            continue
        worst = int(left.abs().amax(dim=1).argmax())
        size = left[worst].abs().max()
        if size > _LEFT * (usual.abs().max() + _GAP):
            yield (
                f"the exact solution of {statement.where} leaves a residual of {size:.4g} in constraint "
                f'"{constraint.name}", at {statement.place(sample.points[worst])}.\n  One of the two is wrong, and the '
                "score would be too: check signs, constants and the arguments of exact."
            )


def _sampled(read: Arranged) -> bool:
    return isinstance(read.known, Raster | Waveform)


def _open(statement: Statement, unpinned: frozenset[str]) -> Iterator[str]:
    """Name the fields that are known up to a constant, but for those that are scored, and those made from pictures."""
    if any(_sampled(read) for read in (*statement.given.values(), *statement.references.values())):
        return
    for name in statement.layout.fields:
        if name in unpinned and name not in statement.references:
            yield (
                f'every residual of {statement.where} stays the same when a constant is added to "{name}", so it is '
                f"known up to a constant.\n  Pin it: give {name} at one point, or its mean by sp.IntegralConstraint."
            )


def _values(traced: Traced, network: nn.Module, sample: Sample) -> Tensor | None:
    """Return a residual's parts side by side, ``(n, k)``; None where it cannot be asked here, or is not finite."""
    try:
        parts = traced.evaluate(network, sample.points.clone(), sample.local, [])
    except Exception:  # the user's own functions, at points that no one asked them for: training will tell
        return None
    columns = torch.cat([part.detach().reshape(len(part), -1) for part in parts], dim=1)
    return columns if torch.isfinite(columns).all() else None
