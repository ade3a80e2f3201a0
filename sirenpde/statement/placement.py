"""Checks of where things are: measurements inside the domain, starts at the start, periodic sides face to face."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from sirenpde.errors import ProblemError
from sirenpde.fields.ansatz import Ansatz
from sirenpde.fields.forms import multi_indices
from sirenpde.fields.trace import Traced
from sirenpde.regions.region import Region, Sample, arranged
from sirenpde.statement.constraint import Constraint

#: Given points are checked up to this many.
_MOST = 100_000


def check_periodic_extent(periodic: Sequence[str], regions: Sequence[Region], where: str) -> None:
    """Refuse a periodic coordinate in which the domain, all of the regions together, has no two opposite sides.

    Raises:
        ProblemError: If the domain has no extent in it, or a line along it leaves the domain, as in a disc.
    """
    for name in periodic:
        low, high = min(each.bounds[name][0] for each in regions), max(each.bounds[name][1] for each in regions)
        shown = " and ".join(dict.fromkeys(map(repr, regions)))
        if any(region.size is not None for region in regions) or not low < high:
            msg = f'{where} is periodic in "{name}", but its domain {shown} has no interval of it.'
            raise ProblemError(msg)
        at_an_end = [region for region in regions if low in region.bounds[name] or high in region.bounds[name]]
        points = np.concatenate([arranged(*_drawn(region, regions[0].names)).points.numpy() for region in at_an_end])
        for end in (low, high):
            points[:, regions[0].names.index(name)] = end
            inside = [each.contains(points[:, [regions[0].names.index(own) for own in each.names]]) for each in regions]
            if not np.any(inside, axis=0).all():
                msg = (
                    f'{where} is periodic in "{name}", but its domain {shown} has no two sides {name}={low:g} and '
                    f"{name}={high:g} that are the same elsewhere.\n  Only a coordinate that runs over one interval at "
                    "every place can be closed to a circle: pose the problem on a box, or a product with one."
                )
                raise ProblemError(msg)


def _drawn(region: Region, names: tuple[str, ...]) -> tuple[Sample, tuple[str, ...], tuple[str, ...]]:
    return region.draw(32, torch.Generator().manual_seed(0)), region.names, names


def check_periodic_fields(
    ansatz: Ansatz,
    columns: Sequence[int],
    bounds: Sequence[tuple[float, float]],
    points: torch.Tensor,
    where: str,
) -> None:
    """Refuse a hard condition that undoes what ``periodic`` promises.

    Raises:
        ProblemError: If a final field differs at the two ends of a periodic coordinate. Its slope may: a start that is
            built in can have a kink there.
    """
    if not ansatz.hard:
        return
    for column in columns:
        ends = [_at_end(ansatz, points, column, value) for value in bounds[column]]
        scale = max(float(ends[0].abs().max()), 1.0)
        gaps = (ends[0] - ends[1]).abs().amax(dim=0)
        for name in ansatz.hard:
            gap = float(gaps[ansatz.layout.columns(name)].max())
            if gap > 1e-9 * scale:
                coordinate = ansatz.layout.coordinates[column]
                msg = (
                    f'hard "{name}" of {where} is not periodic in "{coordinate}": the field differs by '
                    f"{gap:.3g} between {coordinate}={bounds[column][0]:g} and {coordinate}={bounds[column][1]:g}.\n"
                    f"  Every field is to be periodic there: make the factors periodic too, or leave "
                    f"periodic={coordinate!r} out."
                )
                raise ProblemError(msg)


def _at_end(ansatz: Ansatz, points: torch.Tensor, column: int, value: float) -> torch.Tensor:
    """Return the fields at one end of a coordinate, ``(n, o)``."""
    place = points.clone()
    place[:, column] = value
    values: torch.Tensor = ansatz(place)
    return values.detach()


def found(constraints: Sequence[Constraint], traced: Sequence[Traced], hard: bool, where: str) -> list[str]:
    """Return what is worth a warning, as sentences."""
    return [
        *_outside(constraints, where),
        *_repeated(constraints, traced, where),
        *([] if hard else _late(constraints, traced, where)),
    ]


def _outside(constraints: Sequence[Constraint], where: str) -> Iterator[str]:
    """Count given points that lie in no region of the problem that is as large as any."""
    highest = max(constraint.on.dimension for constraint in constraints)
    large = [constraint.on for constraint in constraints if constraint.on.dimension == highest]
    if not highest or any(region.size is not None for region in large):
        return
    for constraint in constraints:
        region = constraint.on
        if region.size is None or region.size > _MOST:
            continue
        points = region.take(torch.arange(region.size))
        inside = np.zeros(region.size, dtype=bool)
        for other in large:
            inside |= other.contains(arranged(points, region.names, other.names).points.numpy())
        if not inside.all():
            row = int(np.argmin(inside))
            at = ", ".join(
                f"{name}={value:.4g}" for name, value in zip(region.names, points.points[row].tolist(), strict=True)
            )
            yield (
                f'{int((~inside).sum())} of the {region.size} points of constraint "{constraint.name}" of {where} lie '
                f"outside {large[0]!r}, where the equation is posed, such as the one at {at}.\n  Usual cause: other "
                "units, or columns in another order than names."
            )


def _repeated(constraints: Sequence[Constraint], traced: Sequence[Traced], where: str) -> Iterator[str]:
    """Name points that are given twice with different data, where the field's own value is what was measured."""
    for constraint, asked in zip(constraints, traced, strict=True):
        region = constraint.on
        orders = {sum(alpha) for site in asked.sites for form in site for alpha in multi_indices(form)}
        if region.size is None or region.size > _MOST or len(asked.sites) > 1 or orders != {0}:
            continue
        sample = region.take(torch.arange(region.size))
        _, inverse = np.unique(sample.points.numpy(), axis=0, return_inverse=True)
        order = np.argsort(inverse.ravel(), kind="stable")
        same = np.diff(inverse.ravel()[order]) == 0
        for name, values in sample.data.items():
            column = values.numpy().reshape(region.size, -1)[order]
            apart = same & (np.diff(column, axis=0) != 0).any(axis=1)
            if apart.any():
                first, second = order[np.argmax(apart)], order[np.argmax(apart) + 1]
                yield (
                    f'points {first} and {second} of constraint "{constraint.name}" of {where} are one place with two '
                    f"values of {name}: {values[first].tolist()} and {values[second].tolist()}.\n  The field will go "
                    "between them; give their mean if they are repeated measurements."
                )


def _late(constraints: Sequence[Constraint], traced: Sequence[Traced], where: str) -> Iterator[str]:
    """Name conditions at one time that is neither the start nor the end, where nothing is said at either."""
    names = constraints[0].on.names
    if "t" not in names or not _evolves(traced, names.index("t")):
        return
    spans = [constraint.on.bounds["t"] for constraint in constraints]
    start, end = min(low for low, _ in spans), max(high for _, high in spans)
    at = {
        low: each for (low, high), each in zip(spans, constraints, strict=True) if low == high and each.on.size is None
    }
    if at and start < end and start not in at and end not in at:
        time, constraint = next(iter(at.items()))
        yield (
            f'constraint "{constraint.name}" of {where} holds at t={time:g}, but the problem begins at t={start:g}, '
            f"where nothing is said.\n  Write on=domain.at(t={start:g}) if it is the initial condition."
        )


def _evolves(traced: Sequence[Traced], column: int) -> bool:
    forms = (form for each in traced for site in each.sites for form in site)
    return any(alpha[column] for form in forms for alpha in multi_indices(form))
