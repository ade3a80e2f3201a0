"""What problems are tried on before any training: a small network, a few points, and fields moved by a constant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from sirenpde.fields.ansatz import Ansatz
from sirenpde.fields.hard import TRIAL
from sirenpde.fields.layout import Layout
from sirenpde.fields.siren import SirenNetwork
from sirenpde.fields.trace import Traced
from sirenpde.regions.region import Region, Sample, arranged
from sirenpde.statement.constraint import Constraint


def joint_bounds(regions: Iterable[Region], names: tuple[str, ...]) -> tuple[tuple[float, float], ...]:
    """Return the interval of each coordinate over all regions; a coordinate with one value gets a length of 2."""
    listed = [region.bounds for region in regions]
    ends = [(min(each[name][0] for each in listed), max(each[name][1] for each in listed)) for name in names]
    return tuple((low, high) if low < high else (low - 1.0, high + 1.0) for low, high in ends)


def trial_network(
    layout: Layout, bounds: Sequence[tuple[float, float]], periodic: tuple[int, ...] = ()
) -> SirenNetwork:
    """Return a small random network for trying residuals, in float64."""
    return TRIAL.build(len(layout.coordinates), layout.outputs, bounds=bounds, periodic=periodic, dtype=torch.float64)


def trial_samples(constraint: Constraint, names: tuple[str, ...]) -> tuple[Sample, Sample]:
    """Return two and three points of a constraint's region, in the problem's coordinates."""
    generator = torch.Generator().manual_seed(1)
    samples = [arranged(constraint.on.draw(count, generator), constraint.on.names, names) for count in (2, 3)]
    return samples[0], samples[1]


def unpinned(
    layout: Layout, network: Ansatz, constraints: Sequence[Constraint], traced: Sequence[Traced]
) -> frozenset[str]:
    """Return the fields to which a constant can be added without a change of any residual, found by trying it."""
    raw: SirenNetwork = network.network  # type: ignore[assignment]
    samples = [trial_samples(constraint, layout.coordinates)[1] for constraint in constraints]

    def residuals() -> list[Tensor]:
        pairs = zip(traced, samples, strict=True)
        return [
            part.detach() for each, sample in pairs for part in each.evaluate(network, sample.points, sample.local, [])
        ]

    before, free = residuals(), set()
    for name in layout.fields:
        if name in network.hard:
            continue  # a raw field's constant is none of the final field, which is held where the condition holds it
        with torch.no_grad():
            raw.last.bias[layout.columns(name)] += 1.0
        after = residuals()
        with torch.no_grad():
            raw.last.bias[layout.columns(name)] -= 1.0
        if all(torch.allclose(one, other, rtol=1e-9, atol=1e-9) for one, other in zip(before, after, strict=True)):
            free.add(name)
    return frozenset(free)
