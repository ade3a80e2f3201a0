"""Networks for a problem: as many coordinates and fields as it has, over its bounds, periodic where it is."""

from __future__ import annotations

import torch

from sirenpde.fields.siren import Siren, SirenNetwork
from sirenpde.statement.problem import Problem


def network_for(
    problem: Problem,
    declaration: Siren,
    *,
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> SirenNetwork:
    """Return a declared network of a problem's raw fields, with the paper's initial weights.

    Args:
        problem: Whose fields it is.
        declaration: Its size and frequencies.
        seed: The same seed gives the same weights.
        dtype: float32 or float64.
        device: Where the weights live.
    """
    return declaration.build(
        len(problem.coordinates),
        problem.layout.outputs,
        seed=seed,
        bounds=problem.bounds,
        periodic=problem.periodic_columns,
        dtype=dtype,
        device=device,
    )
