"""What a problem asks for, as data: ``sirenpde check`` and ``sirenpde show`` print it.

Nothing here trains. The numbers are those of the run that ``solve`` would make with the same network and points.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import nn

from sirenpde.fields.ansatz import Ansatz
from sirenpde.fields.siren import Siren
from sirenpde.fields.trace import Traced
from sirenpde.statement.constraint import Constraint, IntegralConstraint
from sirenpde.statement.formulas import derivative_texts, written
from sirenpde.statement.problem import Problem
from sirenpde.statement.unknown import Unknown
from sirenpde.training.collocation import share_out
from sirenpde.training.defaults import choose_defaults
from sirenpde.training.networks import network_for


@dataclass(frozen=True)
class Condition:
    """One constraint, as it will be trained.

    Attributes:
        name: The constraint.
        region: Where it holds.
        measure: |Ω_m|.
        measure_error: The standard error of the measure; 0 where a formula gives it.
        weight: λ_m.
        penalty: ρ.
        formulas: What must vanish: formulas, or the name and place of a function.
        derivatives: The derivatives that it needs, ``("u", "u_t", "u_xx")``.
        displaced: Those that it needs at displaced points.
        expressions: Whether it differentiates expressions, for which only autograd serves.
        ways: How the derivatives are evaluated, at the points and at each set of displaced points.
        cost: Work of a training step per point, in multiples of F; None where it is not known before.
        points: Points per step.
    """

    name: str
    region: str
    measure: float
    measure_error: float
    weight: float
    penalty: str
    formulas: tuple[str, ...]
    derivatives: tuple[str, ...]
    displaced: tuple[str, ...]
    expressions: bool
    ways: tuple[str, ...]
    cost: float | None
    points: int

    @property
    def work(self) -> float | None:
        """Work of a training step, in multiples of F."""
        return None if self.cost is None else self.cost * self.points


@dataclass(frozen=True)
class Summary:
    """A problem that was checked.

    Attributes:
        name: The problem.
        coordinates: Coordinate → its interval over all regions.
        fields: Field → its number of components.
        conditions: The constraints.
        knowns: Known → what it is.
        unknowns: Unknown numbers, each with its initial value and bounds.
        hard: Field → what is used in place of the raw one.
        periodic: Coordinates in which every field is periodic, exactly.
        exact: Field → what it is compared with.
        remarks: The warnings of the checks: what is allowed, and may not be meant.
    """

    name: str
    coordinates: Mapping[str, tuple[float, float]]
    fields: Mapping[str, int]
    conditions: tuple[Condition, ...]
    knowns: Mapping[str, str]
    unknowns: Mapping[str, Unknown]
    hard: Mapping[str, str]
    periodic: tuple[str, ...]
    exact: Mapping[str, str]
    remarks: tuple[str, ...] = ()

    @property
    def work(self) -> float | None:
        """Work of a training step, in multiples of F; None where a part of it is not known."""
        parts = [each.work for each in self.conditions]
        known = [part for part in parts if part is not None]
        return math.fsum(known) if len(known) == len(parts) else None


def summarize(
    problem: Problem,
    *,
    network: Siren | nn.Module | str = "auto",
    points: int | Mapping[str, int] | str = "auto",
    remarks: Sequence[str] = (),
) -> Summary:
    """Return what a problem asks for, and how ``solve`` would evaluate it.

    Args:
        problem: The statement; it was checked when it was made.
        network: As in ``solve``.
        points: As in ``solve``.
        remarks: The warnings with which the problem was made.

    Raises:
        UsageError: If ``points`` cannot be shared out.

    Example:
        >>> import sirenpde as sp
        >>> line = sp.Constraint("line", on=sp.Box(x=(0, 1)), residual=lambda a, phi: phi.u + sp.grad(phi.u)[:, 0])
        >>> summary = summarize(sp.Problem(name="tiny", fields="u", constraints=[line]), points=100)
        >>> summary.conditions[0].derivatives, summary.work
        (('u', 'u_x'), 600.0)
    """
    counts = share_out(problem, choose_defaults(problem).points if isinstance(points, str) else points)
    declared = choose_defaults(problem).network if isinstance(network, str) else network
    ansatz = problem.ansatz(_raw(declared, problem))
    pairs = zip(problem.constraints, problem.traced, strict=True)
    return Summary(
        name=problem.name,
        coordinates=dict(zip(problem.coordinates, problem.bounds, strict=True)),
        fields={name: count or 1 for name, count in problem.layout.fields.items()},
        conditions=tuple(_condition(one, traced, ansatz, counts[one.name]) for one, traced in pairs),
        knowns={name: described(value) for name, value in problem.given.items()},
        unknowns=dict(problem.unknowns),
        hard={name: described(value) for name, value in problem.hard.items()},
        periodic=tuple(problem.periodic),
        exact={name: described(value) for name, value in problem.exact.items()},
        remarks=tuple(remarks),
    )


def _raw(network: Siren | nn.Module, problem: Problem) -> nn.Module:
    return network_for(problem, network) if isinstance(network, Siren) else network


def _condition(constraint: Constraint, traced: Traced, ansatz: Ansatz, points: int) -> Condition:
    plan, region = traced.plan(ansatz), constraint.on
    there = [form for forms in traced.sites[1:] for form in forms]
    place = repr(region) if region.size is None else f"{region.size} points over {', '.join(region.names)}"
    return Condition(
        name=constraint.name,
        region=place,
        measure=region.measure,
        measure_error=region.measure_error,
        weight=float(constraint.weight),
        penalty=constraint.penalty if isinstance(constraint.penalty, str) else described(constraint.penalty),
        formulas=_integrals(written(constraint.residual), constraint),
        derivatives=derivative_texts(traced.sites[0], ansatz.layout),
        displaced=derivative_texts(there, ansatz.layout),
        expressions=traced.differentiates,
        ways=tuple(dict.fromkeys(way.name for way, forms in zip(plan, traced.sites, strict=False) if forms))
        or ("autograd",),
        cost=math.fsum(way.cost for way, forms in zip(plan, traced.sites, strict=True) if forms) if plan else None,
        points=points,
    )


def _integrals(formulas: tuple[str, ...], constraint: Constraint) -> tuple[str, ...]:
    return tuple(f"∫ ({text})" for text in formulas) if isinstance(constraint, IntegralConstraint) else formulas


def described(value: object) -> str:
    """Return what a known, a hard condition or a penalty is, in a few words."""
    return ", ".join(written(value))
