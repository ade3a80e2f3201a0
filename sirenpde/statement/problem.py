"""A problem: what is sought, what is known, and the constraints; frozen, and checked as a whole when it is made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import sympy
import torch
from torch import nn

from sirenpde.fields.ansatz import Ansatz
from sirenpde.fields.hard import HardFunction
from sirenpde.fields.layout import Layout
from sirenpde.fields.scope import Surroundings
from sirenpde.fields.trace import Residual, Traced, trace
from sirenpde.fields.unknowns import UnknownNumbers
from sirenpde.regions.grid import Grid
from sirenpde.regions.region import Region, arranged
from sirenpde.statement import checks, contradictions, placement, trials
from sirenpde.statement.compilation import (
    Part,
    compiled,
    compiled_hard,
    found_fields,
    known_formulas,
    symbolic_parts,
    vocabulary,
)
from sirenpde.statement.constraint import Constraint, require_identifier
from sirenpde.statement.given import Arranged, as_known
from sirenpde.statement.given import arranged as arranged_known
from sirenpde.statement.known import Known
from sirenpde.statement.raster import Raster
from sirenpde.statement.symbolic.collect import applied_names, refuse_twins, signatures
from sirenpde.statement.symbolic.program import HardProgram
from sirenpde.statement.symbolic.vocabulary import Vocabulary
from sirenpde.statement.unknown import Unknown
from sirenpde.statement.waveform import Waveform


@dataclass(frozen=True, kw_only=True, eq=False)
class Problem:
    """Find Φ such that C_m(a(x), Φ(x), ∇Φ(x), …) = 0 for all x ∈ Ω_m, m = 1…M.

    Attributes:
        name: What files and messages call it.
        constraints: The conditions, at least one.
        fields: ``"u"``, ``("u", "v", "p")`` or ``{"velocity": 2, "p": 1}``; found where all residuals are SymPy.
        given: Name → number, SymPy expression, function of ``a``, ``Raster`` or ``Waveform``; residuals read it as
            ``a.NAME``, SymPy as the symbol NAME, or as an applied function where it is differentiated.
        unknowns: Name → ``sp.Unknown``: numbers that are found together with the fields.
        hard: Field → what is used in place of the raw one, as SymPy or as a function ``(a, u) -> …``.
        periodic: Coordinates in which every field is periodic over the domain's extent, exactly.
        exact: Field → number, SymPy expression, function of ``a``, or known; used to score, never to train.

    Raises:
        SirenPDEError: If anything about it is wrong; the message names the constraint, region or name at fault.

    Example:
        >>> import sympy
        >>> import sirenpde as sp
        >>> x, y = sympy.symbols("x y")
        >>> u = sympy.Function("u")(x, y)
        >>> domain = sp.Box(x=(0, 1), y=(0, 1))
        >>> problem = sp.Problem(
        ...     name="laplace",
        ...     constraints=[
        ...         sp.Constraint("equation", on=domain, residual=u.diff(x, 2) + u.diff(y, 2)),
        ...         sp.Constraint("walls", on=domain.boundary, residual=u - x * y),
        ...     ],
        ...     exact={"u": x * y},
        ... )
        >>> problem.coordinates
        ('x', 'y')

    References:
        Sitzmann et al. 2020, Implicit Neural Representations with Periodic Activation Functions, Eq. 1.
    """

    name: str
    constraints: Sequence[Constraint]
    fields: str | Sequence[str] | Mapping[str, int] | None = None
    given: Mapping[str, object] = field(default_factory=dict)
    unknowns: Mapping[str, Unknown] = field(default_factory=dict)
    hard: Mapping[str, object] = field(default_factory=dict)
    periodic: Sequence[str] = ()
    exact: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check everything that can be known before training."""
        require_identifier(self.name, "a problem")
        object.__setattr__(self, "constraints", checks.check_constraints(self.constraints, self.where))
        for argument in ("given", "unknowns", "hard", "exact"):
            object.__setattr__(self, argument, checks.check_mapping(argument, getattr(self, argument), self.where))
        checks.check_known_names(self.given, "a known", self.where)
        checks.check_known_names(self.unknowns, "an unknown number", self.where)
        checks.check_unknowns(self.unknowns, self.where)
        object.__setattr__(self, "periodic", checks.check_periodic(self.periodic, self.coordinates, self.where))
        placement.check_periodic_extent(self.periodic, self._insides, self.where)
        refuse_twins(self._parts)
        groups = {
            "coordinate": self.coordinates,
            "field": self.layout.fields,
            "known": self.given,
            "unknown number": self.unknowns,
        }
        checks.check_clashes(groups, self.where)
        checks.check_data_names(self.constraints, [*self.layout.fields, *self.given, *self.unknowns], self.where)
        checks.check_targets("hard", self.hard, self.layout, self.where)
        placement.check_periodic_fields(self._trial, self.periodic_columns, self.bounds, self.trial_points, self.where)
        for constraint, traced in zip(self.constraints, self.traced, strict=True):
            checks.check_dependence(constraint, traced, self.where)
            checks.check_penalty(constraint, traced, self.where)
        inlined = applied_names(part for _, part in self._parts)
        unseen = [name for name in self.given if name not in inlined]  # a formula applied as k(x, y) leaves no a.k
        checks.check_read(self.layout, unseen, self.unknowns, self.traced, self.where)
        for name, read in self.references.items():
            checks.check_exact(name, read, self.layout, self.trial_points, self.where)
        checks.warn_of(
            [
                *checks.check_data_read(self.constraints, self.traced, self.where),
                *placement.found(self.constraints, self.traced, bool(self.hard), self.where),
                *contradictions.found(self._statement, self.unpinned),
            ]
        )

    @property
    def _statement(self) -> contradictions.Statement:
        return contradictions.Statement(
            self.where,
            self.layout,
            self.constraints,
            self.traced,
            self._trial,
            self.knowns,
            self.references,
            frozenset(self.hard),
        )

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
        fields = self.fields
        if fields is None:
            known = dict.fromkeys(self.given, "given={…}") | dict.fromkeys(self.unknowns, "unknowns={…}")
            fields = found_fields(self.constraints, known, self.where)
        return Layout(checks.check_fields(fields, self.where), self.coordinates)

    @cached_property
    def bounds(self) -> tuple[tuple[float, float], ...]:
        """The interval of each coordinate over all regions; in a periodic one, over those of the highest dimension."""
        joint = trials.joint_bounds((constraint.on for constraint in self.constraints), self.coordinates)
        inner = trials.joint_bounds(self._insides, self.coordinates)
        rows = zip(self.coordinates, joint, inner, strict=True)
        return tuple(own if name in self.periodic else ends for name, ends, own in rows)

    @cached_property
    def knowns(self) -> dict[str, Arranged]:
        """What is given, as functions of points in the problem's coordinates."""
        return {name: self._known("given", name, value) for name, value in self.given.items()}

    @cached_property
    def references(self) -> dict[str, Arranged]:
        """What is exact, as functions of points in the problem's coordinates."""
        return {name: self._known("exact", name, value) for name, value in self.exact.items()}

    @cached_property
    def residuals(self) -> tuple[Residual, ...]:
        """What must vanish, as functions of ``(a, phi)``, in the order of the constraints."""
        return tuple(compiled(constraint, self._vocabulary) for constraint in self.constraints)

    @cached_property
    def traced(self) -> tuple[Traced, ...]:
        """What each residual asks for, in the order of the constraints."""
        network = self._trial
        traced = []
        for constraint, residual in zip(self.constraints, self.residuals, strict=True):
            few, more = trials.trial_samples(constraint, self.coordinates)
            samples = (few.points, few.local), (more.points, more.local)
            traced.append(trace(residual, self.surroundings(constraint), network, samples))
        return tuple(traced)

    @cached_property
    def main_region(self) -> Region:
        """The first region of the highest dimension: the inside, where there is one."""
        return _first_of_highest_dimension(constraint.on for constraint in self.constraints)

    @property
    def _insides(self) -> list[Region]:
        return [each.on for each in self.constraints if each.on.dimension == self.main_region.dimension]

    def domain_of(self, field: str) -> Region:
        """Return where a field is drawn and scored: the main one of the regions on which a residual reads it.

        In a problem of two materials, each with a field of its own, that is the material.
        """
        if isinstance(self.domain, Grid):
            return self.domain
        pairs = zip(self.constraints, self.traced, strict=True)
        return _first_of_highest_dimension(each.on for each, traced in pairs if field in traced.fields)

    @cached_property
    def domain(self) -> Region:
        """Where solutions are drawn and scored: the grid of a picture or sound that is exact, else the main region."""
        for reference in self.references.values():
            if isinstance(reference.known, Raster | Waveform) and set(reference.known.names) == set(self.coordinates):
                return reference.known.grid
        return self.main_region

    @cached_property
    def unpinned(self) -> frozenset[str]:
        """The fields that are known up to a constant alone: adding one to them changes no residual."""
        return trials.unpinned(self.layout, self._trial, self.constraints, self.traced)

    def surroundings(self, constraint: Constraint) -> Surroundings:
        """Return what a constraint's residual can read besides the fields."""
        where = f'constraint "{constraint.name}" of {self.where}'
        return Surroundings(where, self.layout, self.knowns, tuple(self.unknowns))

    def ansatz(self, network: nn.Module, unknowns: UnknownNumbers | None = None) -> Ansatz:
        """Return what is trained: the fields made of a raw network by the hard conditions, and the unknown numbers."""
        declared = {name: (each.initial, each.lower, each.upper) for name, each in self.unknowns.items()}
        return Ansatz(
            network,
            self.layout,
            self._hard,
            UnknownNumbers(declared) if unknowns is None else unknowns,
            knowns=self.knowns,
            trial=self.trial_points,
            where=self.where,
        )

    @property
    def periodic_columns(self) -> tuple[int, ...]:
        """The columns of the periodic coordinates."""
        return tuple(self.coordinates.index(name) for name in self.periodic)

    @cached_property
    def _parts(self) -> list[Part]:
        return symbolic_parts(self.constraints, self.hard, self.where)

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        found = signatures(self._parts, self.coordinates)
        return vocabulary(self.where, self.layout, self.knowns, self.unknowns, found)

    @property
    def hard_formulas(self) -> dict[str, sympy.Basic | None]:
        """The formulas of the hard conditions, SymPy's knowns written out; None for one that is a Python function."""
        known = {sympy.Symbol(name, real=True): formula for name, formula in known_formulas(self.knowns)}
        return {
            name: function.program.formulas[0].xreplace(known) if isinstance(function, HardProgram) else None
            for name, function in self._hard.items()
        }

    @cached_property
    def _hard(self) -> dict[str, HardFunction]:
        return {name: compiled_hard(name, value, self._vocabulary) for name, value in self.hard.items()}

    @cached_property
    def _trial(self) -> Ansatz:
        return self.ansatz(trials.trial_network(self.layout, self.bounds, self.periodic_columns))

    @cached_property
    def trial_points(self) -> torch.Tensor:
        """Points ``(64, d)`` of the main region, on which knowns and hard conditions are tried."""
        region = self.main_region
        return arranged(region.draw(512, torch.Generator().manual_seed(1)), region.names, self.coordinates).points

    def _known(self, group: str, name: str, value: object) -> Arranged:
        known: Known = as_known(value, self.coordinates, f'{group} "{name}" of {self.where}', self.trial_points)
        return arranged_known(known, self.coordinates)


def _first_of_highest_dimension(regions: Iterable[Region]) -> Region:
    return max(regions, key=lambda region: region.dimension)  # the first of equals
