"""A problem: what is sought, what is known, and the constraints; frozen, and checked as a whole when it is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch

from sirenpde.errors import ProblemError
from sirenpde.fields.layout import Layout
from sirenpde.fields.scope import Surroundings
from sirenpde.fields.trace import Traced, trace
from sirenpde.regions.region import Region, arranged
from sirenpde.statement import checks
from sirenpde.statement.constraint import Constraint, require_identifier
from sirenpde.statement.given import Arranged, as_known
from sirenpde.statement.given import arranged as arranged_known
from sirenpde.statement.known import Known
from sirenpde.statement.raster import Raster
from sirenpde.statement.waveform import Waveform


@dataclass(frozen=True, kw_only=True, eq=False)
class Problem:
    """Find Φ such that C_m(a(x), Φ(x), ∇Φ(x), …) = 0 for all x ∈ Ω_m, m = 1…M.

    Attributes:
        name: What files and messages call it.
        constraints: The conditions, at least one.
        fields: ``"u"``, ``("u", "v", "p")`` or ``{"velocity": 2, "p": 1}``.
        given: Name → number, function of ``a``, ``Raster`` or ``Waveform``; residuals read it as ``a.NAME``.
        exact: Field → number, function of ``a``, or known; used to score, never to train.

    Raises:
        SirenPDEError: If anything about it is wrong; the message names the constraint, region or name at fault.

    Example:
        >>> import sirenpde as sp
        >>> domain = sp.Box(x=(0, 1), y=(0, 1))
        >>> problem = sp.Problem(
        ...     name="laplace",
        ...     fields="u",
        ...     constraints=[
        ...         sp.Constraint("equation", on=domain, residual=lambda a, phi: sp.laplacian(phi.u)),
        ...         sp.Constraint("walls", on=domain.boundary, residual=lambda a, phi: phi.u - a.x * a.y),
        ...     ],
        ...     exact={"u": lambda a: a.x * a.y},
        ... )
        >>> problem.coordinates
        ('x', 'y')

    References:
        Sitzmann et al. 2020, Implicit Neural Representations with Periodic Activation Functions, Eq. 1.
    """

    name: str
    constraints: Sequence[Constraint]
    fields: str | Sequence[str] | Mapping[str, int]
    given: Mapping[str, object] = field(default_factory=dict)
    exact: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check everything that can be known before training."""
        require_identifier(self.name, "a problem")
        object.__setattr__(self, "constraints", checks.check_constraints(self.constraints, self.where))
        for argument in ("given", "exact"):
            if not isinstance(getattr(self, argument), Mapping):
                msg = f"{self.where} has {argument}={getattr(self, argument)!r}; expected a dictionary from names."
                raise ProblemError(msg)
            object.__setattr__(self, argument, dict(getattr(self, argument)))
        checks.check_known_names(self.given, self.where)
        groups = {"coordinate": self.coordinates, "field": self.layout.fields, "known": self.given}
        checks.check_clashes(groups, self.where)
        checks.check_data_names(self.constraints, [*self.layout.fields, *self.given], self.where)
        for constraint, traced in zip(self.constraints, self.traced, strict=True):
            checks.check_dependence(constraint, traced, self.where)
            checks.check_penalty(constraint, traced, self.where)
        checks.check_read(self.layout, self.given, self.traced, self.where)
        for name, read in self.references.items():
            checks.check_exact(name, read, self.layout, self._trial_points, self.where)

    @property
    def where(self) -> str:
        """What messages call the problem."""
        return f'problem "{self.name}"'

    @cached_property
    def coordinates(self) -> tuple[str, ...]:
        """The coordinates, in the order of the first region; columns of points follow it everywhere."""
        return checks.check_coordinates(self.constraints, self.where)

    @cached_property
    def layout(self) -> Layout:
        """The fields, and their columns in the network's output."""
        return Layout(checks.check_fields(self.fields, self.where), self.coordinates)

    @cached_property
    def bounds(self) -> tuple[tuple[float, float], ...]:
        """The interval of each coordinate over all regions."""
        return checks.joint_bounds((constraint.on for constraint in self.constraints), self.coordinates)

    @cached_property
    def knowns(self) -> dict[str, Arranged]:
        """What is given, as functions of points in the problem's coordinates."""
        return {name: self._known("given", name, value) for name, value in self.given.items()}

    @cached_property
    def references(self) -> dict[str, Arranged]:
        """What is exact, as functions of points in the problem's coordinates."""
        return {name: self._known("exact", name, value) for name, value in self.exact.items()}

    @cached_property
    def traced(self) -> tuple[Traced, ...]:
        """What each residual asks for, in the order of the constraints."""
        network = checks.trial_network(self.layout, self.bounds)
        traced = []
        for constraint in self.constraints:
            where = f'constraint "{constraint.name}" of {self.where}'
            few, more = checks.trial_samples(constraint, self.coordinates)
            samples = (few.points, few.local), (more.points, more.local)
            traced.append(trace(constraint.residual, Surroundings(where, self.layout, self.knowns), network, samples))
        return tuple(traced)

    @cached_property
    def domain(self) -> Region:
        """Where solutions are drawn and scored: the grid of a picture or sound that is exact, else the main region.

        The main region is the first one of the highest dimension.
        """
        for reference in self.references.values():
            if isinstance(reference.known, Raster | Waveform) and set(reference.known.names) == set(self.coordinates):
                return reference.known.grid
        dimensions = [constraint.on.dimension for constraint in self.constraints]
        return self.constraints[dimensions.index(max(dimensions))].on

    @cached_property
    def unpinned(self) -> frozenset[str]:
        """The fields that are known up to a constant alone: adding one to them changes no residual."""
        return checks.unpinned(self.layout, self.bounds, self.constraints, self.traced)

    @cached_property
    def _trial_points(self) -> torch.Tensor:
        region = self.constraints[0].on
        return arranged(region.draw(3, torch.Generator().manual_seed(1)), region.names, self.coordinates).points

    def _known(self, group: str, name: str, value: object) -> Arranged:
        known: Known = as_known(value, self.coordinates, f'{group} "{name}" of {self.where}', self._trial_points)
        return arranged_known(known, self.coordinates)
