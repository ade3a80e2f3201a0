"""Run a residual by hand, as tests of quantities and operators need it."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from sirenpde.fields.layout import Layout
from sirenpde.fields.scope import AutogradScope, Given, Phi, Surroundings
from sirenpde.fields.siren import Siren, SirenNetwork
from sirenpde.fields.trace import Traced, run, trace

WHERE = 'constraint "trial" of problem "tests"'
NAMES = ("x", "y", "z", "t")


def surroundings(
    dimension: int,
    fields: Mapping[str, int | None],
    knowns: Mapping[str, Callable[[Tensor], Tensor]] | None = None,
) -> Surroundings:
    """What a residual sees in that many coordinates, named x, y, z, t."""
    return Surroundings(WHERE, Layout(fields, NAMES[:dimension]), knowns or {})


def small_siren(inputs: int, outputs: int = 1, seed: int = 0, **options: Any) -> SirenNetwork:
    """A random network in float64 whose derivatives up to order 4 are of moderate size."""
    return Siren(width=7, depth=2, omega=1.3, first_omega=2.0).build(
        inputs, outputs, seed=seed, dtype=torch.float64, **options
    )


def bound(
    network: nn.Module,
    points: Tensor,
    around: Surroundings,
    local: Mapping[str, Tensor] | None = None,
) -> tuple[Given, Phi, AutogradScope]:
    """``a``, ``phi`` and their scope, by autograd."""
    scope = AutogradScope(around, network, points)
    return Given(scope, around, local or {}), Phi(scope, around.layout), scope


def by_autograd(residual: Any, network: nn.Module, points: Tensor, around: Surroundings) -> list[Tensor]:
    """The parts of a residual, every derivative by nested autograd."""
    return run(residual, AutogradScope(around, network, points), around, {})


def traced(residual: Any, network: nn.Module, points: Tensor, around: Surroundings) -> Traced:
    """A residual, traced at the first two and the first three points."""
    return trace(residual, around, network, ((points[:2], {}), (points[:3], {})))


def as_planned(residual: Any, network: nn.Module, points: Tensor, around: Surroundings) -> list[Tensor]:
    """The parts of a residual, by the way that the planner chooses."""
    seen = traced(residual, network, points, around)
    return seen.evaluate(network, points, {}, seen.plan(network))


def relative(ours: Tensor, theirs: Tensor) -> float:
    """The largest difference, relative to the largest value."""
    assert ours.shape == theirs.shape, (ours.shape, theirs.shape)
    scale = theirs.abs().max().item() if theirs.numel() else 0.0
    return (ours - theirs).abs().max().item() / (scale or 1.0)


def parameter_gradients(loss: Tensor, network: nn.Module) -> list[Tensor]:
    """The gradient of a loss by every parameter; zero where one way leaves out what the other computes as zero."""
    return list(
        torch.autograd.grad(loss, [*network.parameters()], retain_graph=True, allow_unused=True, materialize_grads=True)
    )
