"""Check a problem that is stated in SymPy against the same statement written by hand, and against known solutions.

Four checks, each for a problem whose residuals are SymPy:

* ``assert_same_residuals``: what the compiler made of every constraint is what a person would have written;
* ``assert_mutants_are_noticed``: the first check is sharp, for every term that is dropped or flipped fails it;
* ``assert_exact_solves``: what is called exact solves what is stated;
* ``assert_manufactured``: random smooth fields solve the equations that are made for them;

and two for what is built in: ``assert_built_in`` for hard conditions, ``assert_periodic`` for periodic coordinates.

``written`` is always a dictionary from every constraint's name to a function of ``(a, phi)``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import reduce

import numpy as np
import sympy
import torch
from sympy.core.function import AppliedUndef
from torch import Tensor, nn

import sirenpde as sp
from sirenpde.fields.ansatz import Ansatz
from sirenpde.fields.scope import AutogradScope
from sirenpde.fields.trace import Residual, run, trace
from sirenpde.fields.unknowns import UnknownNumbers
from sirenpde.regions.region import Region, Sample, arranged
from sirenpde.statement.compilation import compiled
from sirenpde.statement.given import as_known
from sirenpde.statement.symbolic.collect import expressions

#: float64, sums of a few hundred terms through a few layers: some 4500 units of rounding.
ROUNDING = 1e-12

#: A change of a statement moves its values or gradients by at least this part of them, rounding by a millionth of it.
SEEN = 1e-6

Written = Mapping[str, Residual]


def sampled(problem: sp.Problem, region: Region, count: int = 12, seed: int = 0) -> Sample:
    """Random points of a region, in the problem's coordinates, with the normal and data that come with them."""
    drawn = region.draw(count, torch.Generator().manual_seed(seed))
    return arranged(drawn, region.names, problem.coordinates)


def random_fields(problem: sp.Problem, seed: int = 0) -> Ansatz:
    """A small random network with the problem's hard conditions, and unknown numbers moved from their start."""
    network = sp.Siren(width=7, depth=2, omega=1.3, first_omega=2.0).build(
        len(problem.coordinates),
        problem.layout.outputs,
        seed=seed,
        bounds=problem.bounds,
        periodic=problem.periodic_columns,
        dtype=torch.float64,
    )
    ansatz = problem.ansatz(network)
    with torch.no_grad():
        for place, parameter in enumerate(ansatz.unknowns.parameters()):
            parameter.add_(0.3 + 0.1 * place)
    return ansatz


# Compiled against written ---------------------------------------------------------------------------------------------


def assert_same_residuals(problem: sp.Problem, written: Written, *, tolerance: float = ROUNDING) -> None:
    """Assert that every compiled residual and its hand-written twin are the same numbers.

    Compared are the values and the gradients by every weight and unknown number, by nested autograd and by the way
    that the planner chooses, relative to the largest of each.

    Args:
        problem: Stated in SymPy.
        written: A function of ``(a, phi)`` for every constraint; its parts may be stacked in another way.
        tolerance: The largest relative difference.
    """
    assert set(written) == {constraint.name for constraint in problem.constraints}
    ansatz = random_fields(problem)
    for constraint, residual in zip(problem.constraints, problem.residuals, strict=True):
        sample = sampled(problem, constraint.on)
        expected = _numbers(problem, constraint, written[constraint.name], ansatz, sample)
        for way, answer in _ways(problem, constraint, residual, ansatz, sample).items():
            gap = _gap(answer, expected)
            assert gap <= tolerance, f'"{constraint.name}" of "{problem.name}", {way}: {gap:.2g} apart'


def assert_mutants_are_noticed(
    problem: sp.Problem, written: Written, *, elsewhere: Mapping[str, Region] | None = None
) -> int:
    """Assert that the comparison with ``written`` fails for each term of each residual that is dropped or flipped.

    Args:
        problem: Stated in SymPy.
        written: A function of ``(a, phi)`` for every constraint.
        elsewhere: Constraint → another region to compare on, where a term vanishes everywhere on its own.

    Returns:
        How many mutants there were.
    """
    ansatz = random_fields(problem)
    count = 0
    for constraint in problem.constraints:
        sample = sampled(problem, (elsewhere or {}).get(constraint.name, constraint.on))
        expected = _numbers(problem, constraint, written[constraint.name], ansatz, sample)
        plain = _numbers(problem, constraint, _compiled(problem, constraint), ansatz, sample)
        assert _gap(plain, expected) < ROUNDING, f'"{constraint.name}" of "{problem.name}" is not what is written'
        for what, mutant in mutants(constraint.residual):
            count += 1
            try:
                changed = _compiled(problem, replace(constraint, residual=mutant))
            except sp.ExpressionError:  # without that term it is no residual, which the compiler says
                continue
            gap = _gap(_numbers(problem, constraint, changed, ansatz, sample), expected)
            assert gap > SEEN, f'"{constraint.name}" of "{problem.name}": {what} goes unseen ({gap:.2g} apart)'
    return count


def mutants(residual: object) -> Iterator[tuple[str, list[sympy.Expr]]]:
    """Yield a residual's mutants: each term of each expression flipped, and dropped where others remain."""
    listed = expressions(residual, "the residual")
    for place, expression in enumerate(listed):
        terms = sympy.Add.make_args(sympy.expand(expression.doit()))
        for term in terms:
            changes = {"flipped": expression - 2 * term} | ({"dropped": expression - term} if len(terms) > 1 else {})
            for what, changed in changes.items():
                yield f"{term} {what}", [*listed[:place], sympy.expand(changed.doit()), *listed[place + 1 :]]


def _compiled(problem: sp.Problem, constraint: sp.Constraint) -> Residual:
    return compiled(constraint, problem._vocabulary)  # a whole problem per mutant would be traced again


def _ways(
    problem: sp.Problem, constraint: sp.Constraint, residual: Residual, ansatz: Ansatz, sample: Sample
) -> dict[str, tuple[Tensor, list[Tensor]]]:
    """The numbers of a compiled residual by autograd, and by the way that is planned for it."""
    ways = {"autograd": _numbers(problem, constraint, residual, ansatz, sample)}
    few, more = sample.part(0, 2), sample.part(0, 3)
    samples = (few.points, few.local), (more.points, more.local)
    traced = trace(residual, problem.surroundings(constraint), ansatz, samples)
    plan = traced.plan(ansatz)
    parts = traced.evaluate(ansatz, sample.points, sample.local, plan)
    ways["+".join(each.name for each in plan) or "no plan"] = _with_gradients(parts, ansatz)
    return ways


def _numbers(
    problem: sp.Problem, constraint: sp.Constraint, residual: Residual, ansatz: nn.Module, sample: Sample
) -> tuple[Tensor, list[Tensor]]:
    return _with_gradients(_parts(problem, constraint, residual, ansatz, sample), ansatz)


def _parts(
    problem: sp.Problem, constraint: sp.Constraint, residual: Residual, fields: nn.Module, sample: Sample
) -> list[Tensor]:
    """The parts of a residual, every derivative by nested autograd."""
    around = problem.surroundings(constraint)
    return run(residual, AutogradScope(around, fields, sample.points), around, sample.local)


def _with_gradients(parts: list[Tensor], ansatz: nn.Module) -> tuple[Tensor, list[Tensor]]:
    """All parts as columns, ``(n, k)``, and the gradients of a random combination of them by every parameter."""
    columns = torch.cat([part.reshape(len(part), -1) for part in parts], dim=1)
    weights = torch.randn(columns.shape, generator=torch.Generator().manual_seed(3), dtype=columns.dtype)
    parameters = [*ansatz.parameters()]
    slopes = torch.autograd.grad((weights * columns).sum(), parameters, allow_unused=True, materialize_grads=True)
    return columns.detach(), list(slopes)


def _gap(ours: tuple[Tensor, list[Tensor]], theirs: tuple[Tensor, list[Tensor]]) -> float:
    """The largest difference of values and of gradients, each relative to the largest of its kind."""
    assert ours[0].shape == theirs[0].shape, (ours[0].shape, theirs[0].shape)
    slopes = [torch.cat([each.flatten() for each in side[1]]) for side in (ours, theirs)]
    return max(_relative(ours[0], theirs[0]), _relative(*slopes))


def _relative(ours: Tensor, theirs: Tensor) -> float:
    scale = theirs.abs().max().item()
    return (ours - theirs).abs().max().item() / (scale or 1.0)


# Known solutions ------------------------------------------------------------------------------------------------------


class ExactFields(nn.Module):
    """Known fields in place of a network, without weights; unknown numbers have given values."""

    def __init__(self, columns: list[Callable[[Tensor], Tensor]], unknowns: Mapping[str, float]) -> None:
        super().__init__()
        self.columns = columns
        self.unknowns = UnknownNumbers({name: (float(value), None, None) for name, value in unknowns.items()})

    def forward(self, points: Tensor) -> Tensor:
        return torch.cat([column(points).reshape(len(points), -1) for column in self.columns], dim=1)


def exact_fields(problem: sp.Problem, unknowns: Mapping[str, float]) -> ExactFields:
    """The exact fields of a problem; every field must have one."""
    assert set(problem.references) == set(problem.layout.fields), "every field needs an exact solution"
    assert set(unknowns) == set(problem.unknowns), "every unknown number needs its true value"
    return ExactFields([problem.references[name] for name in problem.layout.fields], unknowns)


def assert_exact_solves(
    problem: sp.Problem,
    tolerance: float = 1e-10,
    unknowns: Mapping[str, float] | None = None,
    *,
    loose: Mapping[str, float] | None = None,
    count: int = 200,
) -> None:
    """Assert that the exact fields satisfy every constraint of a problem, hard conditions set aside.

    Derivatives are taken by nested autograd of the exact formulas. Where an integral is what vanishes
    (``sp.IntegralConstraint``), it is the mean that is held to its tolerance, by Gauss' quadrature over a box.

    Args:
        problem: With an exact solution of every field.
        tolerance: The largest value of a residual.
        unknowns: The true value of every unknown number.
        loose: Constraint → another tolerance, such as for noisy measurements.
        count: Points per constraint.
    """
    fields = exact_fields(problem, unknowns or {})
    for constraint, residual in zip(problem.constraints, problem.residuals, strict=True):
        integral = isinstance(constraint, sp.IntegralConstraint)
        sample, shares = _quadrature(problem, constraint.on) if integral else (None, None)
        sample = sample or sampled(problem, constraint.on, count)
        bound = (loose or {}).get(constraint.name, tolerance)
        for part in _parts(problem, constraint, residual, fields, sample):
            left = shares @ part.reshape(len(part), -1) if integral else part
            worst = left.abs().max().item()
            assert worst <= bound, f'"{constraint.name}" of "{problem.name}": {worst:.2g} left of the exact solution'


def _quadrature(problem: sp.Problem, region: Region, nodes: int = 20) -> tuple[Sample, Tensor]:
    """Gauss' points of a box, and the share of each in the mean."""
    places, weights = np.polynomial.legendre.leggauss(nodes)
    ends = [region.bounds[name] for name in problem.coordinates]
    assert math.isclose(math.prod(high - low for low, high in ends), region.measure), f"{region!r} is no box"
    axes = [(low + high) / 2 + (high - low) / 2 * places for low, high in ends]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(ends))
    shares = reduce(np.multiply.outer, [weights / 2] * len(ends)).ravel()
    return Sample(torch.from_numpy(points)), torch.from_numpy(shares)


def assert_manufactured(
    problem: sp.Problem,
    *,
    seed: int = 0,
    tolerance: float = 1e-10,
    unknowns: Mapping[str, float] | None = None,
    only: Iterable[str] | None = None,
) -> None:
    """Assert that random smooth fields solve the equations of a problem with the sources that are made for them.

    Every field is a sum of a few sines of all coordinates. SymPy puts them into each residual and carries the
    derivatives out; with that source subtracted, the residual, compiled, must vanish at the same fields, which torch
    differentiates, on every region that the problem is posed on.

    Args:
        problem: Stated in SymPy; its fields are scalars.
        seed: Of the random fields.
        tolerance: The largest value of a residual, relative to the largest value of its source, or to 1.
        unknowns: Values of the unknown numbers, by default their initial ones.
        only: Names of constraints; all of them if left out.
    """
    symbols = [_symbol(problem, name) for name in problem.coordinates]
    generator = np.random.default_rng(seed)
    made = {name: _sum_of_sines(symbols, problem.bounds, generator) for name in problem.layout.fields}
    values = {name: each.initial for name, each in problem.unknowns.items()} | dict(unknowns or {})
    trial = sampled(problem, problem.main_region).points
    known = [as_known(made[name], problem.coordinates, name, trial) for name in problem.layout.fields]
    fields = ExactFields(known, values)
    for constraint in problem.constraints:
        if only is not None and constraint.name not in only:
            continue
        sample = sampled(problem, constraint.on)
        for expression in expressions(constraint.residual, constraint.name):
            source = _with_fields(expression, made, symbols)
            changed = _compiled(problem, replace(constraint, residual=expression - source))
            plain = _compiled(problem, replace(constraint, residual=expression))
            (left,) = _parts(problem, constraint, changed, fields, sample)
            (whole,) = _parts(problem, constraint, plain, fields, sample)
            worst = left.abs().max().item() / max(1.0, whole.abs().max().item())
            assert worst <= tolerance, f'"{constraint.name}" of "{problem.name}": {worst:.2g} left of {expression}'


def _symbol(problem: sp.Problem, name: str) -> sympy.Symbol:
    """The very symbol that the problem is written with: another of the same name may differ in its assumptions."""
    for constraint in problem.constraints:
        for expression in expressions(constraint.residual, constraint.name):
            for symbol in expression.free_symbols | expression.atoms(sympy.Symbol):
                if symbol.name == name:
                    return symbol
    return sympy.Symbol(name)


def _sum_of_sines(
    symbols: list[sympy.Symbol], bounds: Iterable[tuple[float, float]], generator: np.random.Generator
) -> sympy.Expr:
    """Three sines with a wave or two over the domain in each coordinate, their numbers short enough to be exact."""
    total: sympy.Expr = sympy.Integer(0)
    extents = [high - low for low, high in bounds]
    for _ in range(3):
        size, shift = generator.uniform(0.2, 1.0), generator.uniform(0, 6)
        phase = sympy.Float(round(shift, 3))
        for symbol, extent in zip(symbols, extents, strict=True):
            phase += sympy.Float(round(generator.uniform(-6, 6) / extent, 3)) * symbol
        total += sympy.Float(round(size, 3)) * sympy.sin(phase)
    return total


def _with_fields(expression: sympy.Basic, made: Mapping[str, sympy.Expr], symbols: list[sympy.Symbol]) -> sympy.Expr:
    """Put formulas in place of the fields, at displaced points too, and carry every derivative out."""

    def is_field(node: sympy.Basic) -> bool:
        return isinstance(node, AppliedUndef) and node.func.__name__ in made

    def formula(node: AppliedUndef) -> sympy.Expr:
        plain = {argument for argument in node.args if argument in symbols}
        order = _order(node, symbols, plain)
        return made[node.func.__name__].subs(dict(zip(order, node.args, strict=True)), simultaneous=True)

    return expression.doit().replace(is_field, formula).doit()


def _order(node: AppliedUndef, symbols: list[sympy.Symbol], plain: set[sympy.Basic]) -> list[sympy.Symbol]:
    """The coordinates that the arguments stand for: themselves where they are plain, the rest in order."""
    rest = iter([symbol for symbol in symbols if symbol not in plain])
    return [argument if argument in plain else next(rest) for argument in node.args]


# What is built in -----------------------------------------------------------------------------------------------------


def assert_built_in(problem: sp.Problem, region: Region, fields: Iterable[str], *, order: int = 0) -> None:
    """Assert that a random network's fields, made final, have the exact values on a region: a hard condition.

    Args:
        problem: With hard conditions, and an exact solution.
        region: Where they hold; with normals if ``order`` is 1.
        fields: Which fields.
        order: 1 to compare the normal derivative as well.
    """
    ansatz, sample = random_fields(problem), sampled(problem, region)
    points = sample.points.clone().requires_grad_()
    for name in fields:
        ours = ansatz(points)[:, problem.layout.columns(name)]
        gap = ours - problem.references[name](points).reshape(ours.shape)
        assert gap.abs().max().item() < ROUNDING, f'"{name}" of "{problem.name}" is not built in on {region!r}'
        if order:
            (slope,) = torch.autograd.grad(gap.sum(), points)
            leak = (slope * sample.normal).sum(1).abs().max().item()
            assert leak < 1e-10, f'the slope of "{name}" of "{problem.name}" is not built in on {region!r}: {leak:.2g}'


def assert_periodic(problem: sp.Problem) -> None:
    """Assert that a random network's fields agree at the ends of every coordinate that is called periodic."""
    ansatz, points = random_fields(problem), sampled(problem, problem.main_region).points
    for column in problem.periodic_columns:
        ends = [points.clone(), points.clone()]
        for end, value in zip(ends, problem.bounds[column], strict=True):
            end[:, column] = value
        gap = (ansatz(ends[0]) - ansatz(ends[1])).abs().max().item()
        assert gap < ROUNDING, f'"{problem.name}" is not periodic in {problem.coordinates[column]}: {gap:.2g}'
