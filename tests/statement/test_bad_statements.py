"""The catalogue of bad statements: each is refused, or warned of, when it is made, by the name of what is wrong."""

import math
import re
import warnings

import numpy as np
import pytest
import sympy
import torch
from small import read_u, stated
from sympy.physics import units

import sirenpde as sp

X, T, Y, Z = sympy.symbols("x t y z")
U, V = (sympy.Function(name)(X, T) for name in "uv")
LINE = sp.Box(x=(0, 1))
D = sp.Box(x=(-1, 1), t=(0, 1))
DISC = sp.Ball(x=0, y=0, radius=1)
HEAT = U.diff(T) - U.diff(X, 2)


def rule(residual=read_u, on=LINE, name="rule", **arguments):
    return sp.Constraint(name, on=on, residual=residual, **arguments)


def functions(residual, on=LINE, **changes):
    """A problem of one residual that is a function."""
    return sp.Problem(**({"name": "trial", "fields": "u", "constraints": [rule(residual, on)]} | changes))


def symbolic(residual, on=D, **changes):
    """A problem of one residual that is SymPy."""
    return sp.Problem(**({"name": "trial", "constraints": [rule(residual, on)]} | changes))


def several(*residuals, **changes):
    """A problem of the heat equation and of further constraints: pairs of a region and a residual."""
    rest = [rule(each, on, name) for name, on, each in residuals]
    return sp.Problem(**({"name": "trial", "constraints": [rule(HEAT, D, "equation"), *rest]} | changes))


def polygon(*corners, **options):
    return sp.Polygon(list(corners), names=("x", "y"), **options)


def mutated(a, phi):
    phi.u[:, 0] = 0.0
    return phi.u


P, R, E, S, D_, N = (
    sp.ProblemError,
    sp.RegionError,
    sp.ExpressionError,
    sp.ResidualError,
    sp.DataError,
    sp.UnknownNameError,
)
IDENTIFIER = "expected letters, digits and underscores, at most 64"

BAD = {
    # names
    "name: empty": (lambda: stated(name=""), P, ["'' is no name for a problem", IDENTIFIER]),
    "name: 300 characters": (lambda: stated(name="x" * 300), P, ["is no name for a problem", IDENTIFIER]),
    "name: space": (lambda: stated(name="my problem"), P, ["'my problem' is no name", IDENTIFIER]),
    "name: Cyrillic": (lambda: stated(fields="и"), P, ["is no name for a field", IDENTIFIER]),
    "name: keyword": (lambda: stated(fields="class"), P, ["'class' is no name", "no Python keyword"]),
    "name: dunder": (lambda: stated(name="__init__"), P, ["'__init__' is no name"]),
    "name: path": (lambda: stated(name="../../etc"), P, ["'../../etc' is no name"]),
    "name: absolute": (lambda: stated(name="/tmp/x"), P, ["'/tmp/x' is no name"]),
    "name: NUL": (lambda: stated(name="a\0b"), P, ["is no name"]),
    "name: number": (lambda: stated(name=3), P, ["3 is no name for a problem"]),
    "name: None": (lambda: stated(name=None), P, ["None is no name for a problem"]),
    "name: constraint": (lambda: rule(name="a b"), P, ["'a b' is no name for a constraint"]),
    "name: field twice": (lambda: stated(fields=("u", "u")), P, ["names a field twice: u, u"]),
    "name: constraint twice": (
        lambda: stated(constraints=[rule(), rule()]),
        P,
        ['two constraints named "rule"', "of its own"],
    ),
    "name: field and coordinate": (
        lambda: stated(fields="x"),
        P,
        ['the name "x" for a coordinate and for a field', "Rename"],
    ),
    "name: field and known": (
        lambda: stated(given={"u": 1}),
        P,
        ['the name "u" for a field and for a known', "Rename"],
    ),
    "name: unknown and known": (
        lambda: stated(given={"k": 1}, unknowns={"k": sp.Unknown(initial=1)}),
        P,
        ['"k" for a known and for a unknown number'],
    ),
    "name: field of the solution": (lambda: stated(fields="save"), P, ["solution.save is something else"]),
    "name: normal": (lambda: stated(given={"normal": 1}), P, ['named "normal"', "Choose another name"]),
    "name: underscore": (lambda: stated(fields="_u"), P, ["begin with an underscore are reserved"]),
    "name: data and field": (
        lambda: functions(read_u, sp.Points([[0.0]], "x", {"u": [1.0]})),
        P,
        ['data named "u"', "Rename one"],
    ),
    # completeness
    "missing: constraints": (lambda: stated(constraints=[]), P, ["has no constraint", "sp.Constraint(…)"]),
    "missing: a class": (
        lambda: stated(constraints=[sp.Constraint]),
        P,
        ["the class Constraint, not an object", "number 1"],
    ),
    "missing: a number for constraints": (
        lambda: stated(constraints=3),
        P,
        ["constraints=3", "a list of sp.Constraint"],
    ),
    "missing: fields of functions": (
        lambda: functions(read_u, fields=None),
        P,
        ["names no fields", '"rule" is a function', 'fields="u"'],
    ),
    "missing: no field in SymPy": (
        lambda: symbolic(X - T),
        P,
        ["its residuals hold none", 'sympy.Function("u")(x, t)'],
    ),
    "missing: field": (lambda: functions(lambda a, phi: phi.v), N, ['"rule"', "phi.v", "the fields are u"]),
    "missing: field, misspelt": (
        lambda: functions(lambda a, phi: phi.sped, fields="speed"),
        N,
        ["phi.sped", "Did you mean phi.speed?"],
    ),
    "missing: known, misspelt": (
        lambda: functions(lambda a, phi: phi.u - a.slop, given={"slope": 1}),
        N,
        ["a.slop", "Did you mean a.slope?"],
    ),
    "missing: a field read as a known": (lambda: functions(lambda a, phi: a.u), N, ["u is a field: write phi.u"]),
    "missing: normal inside": (
        lambda: functions(lambda a, phi: phi.u * a.normal),
        N,
        ["Only boundaries have a normal"],
    ),
    "missing: nothing reads a field": (
        lambda: stated(fields=("u", "v")),
        P,
        ['reads field "v"', "drop it from fields"],
    ),
    "missing: nothing reads an unknown": (
        lambda: stated(unknowns={"k": sp.Unknown(initial=1)}),
        P,
        ['reads the unknown "k"', "drop it from unknowns"],
    ),
    "missing: a coordinate in a region": (
        lambda: several(("start", LINE, U)),
        R,
        ['constraint "start"', "coordinates x", "are x, t", "domain.at(t=0)"],
    ),
    "missing: a coordinate in a field": (
        lambda: symbolic(sympy.Function("u")(X).diff(X)),
        E,
        ["applies the field u as u(x)", 'sympy.Function("u")(x, t)'],
    ),
    "missing: components": (lambda: stated(fields={"u": 0}), P, ['"u" with 0 components', "positive integer"]),
    "missing: fields are a number": (lambda: stated(fields=2), P, ["fields=2", '("u", "v")']),
    # sense
    "sense: derivative by time without time": (
        lambda: functions(lambda a, phi: sp.partial(phi.u, "t")),
        E,
        ["differentiates by 't'", "the coordinates are x"],
    ),
    "sense: derivative by a coordinate unknown to SymPy": (lambda: symbolic(U.diff(Z)), P, ["SymPy counts as zero"]),
    "sense: order nine": (lambda: symbolic(U.diff(X, 9)), E, ["of order 9", "up to order 8", "a further field"]),
    "sense: divergence of a scalar": (
        lambda: functions(lambda a, phi: sp.div(phi.u)),
        E,
        ['"rule"', "divergence", "one per coordinate"],
    ),
    "sense: curl on a line": (
        lambda: functions(lambda a, phi: sp.curl(sp.grad(phi.u))),
        E,
        ["curl", "over two or (n, 3)"],
    ),
    "sense: hard contradicts": (
        lambda: several(("walls", D.at(x=1), U - 1), hard={"u": (1 - X) * U}),
        P,
        ['constraint "walls"', 'contradicts hard "u"', "its residual is 1", "x=1", "Correct one of the two"],
    ),
    "sense: hard contradicts, functions": (
        lambda: stated(
            constraints=[rule(lambda a, phi: sp.grad(phi.u)), rule(lambda a, phi: phi.u - 2, LINE.at(x=0), "end")],
            hard={"u": lambda a, u: a.x * u},
        ),
        P,
        ['constraint "end"', 'contradicts hard "u"', "its residual is 2"],
    ),
    # constraint arguments
    "constraint: weight negative": (lambda: rule(weight=-1), P, ['"rule" has weight=-1', "positive number"]),
    "constraint: weight nan": (lambda: rule(weight=math.nan), P, ["weight=nan", "positive number"]),
    "constraint: weight inf": (lambda: rule(weight=math.inf), P, ["weight=inf"]),
    "constraint: weight text": (lambda: rule(weight="1"), P, ["weight='1'"]),
    "constraint: weight true": (lambda: rule(weight=True), P, ["weight=True"]),
    "constraint: weight zero": (lambda: rule(weight=0), P, ["weight=0", "drop the constraint"]),
    "constraint: penalty unknown": (lambda: rule(penalty="huber"), P, ["penalty='huber'", '"squared", "absolute"']),
    "constraint: penalty of another shape": (
        lambda: stated(constraints=[rule(penalty=torch.sum)]),
        P,
        ["the penalty of constraint", "shape ()", "the same shape"],
    ),
    "constraint: penalty negative": (
        lambda: stated(constraints=[rule(penalty=lambda r: r)]),
        P,
        ["the penalty of", "finite numbers of at least 0"],
    ),
    "constraint: penalty cut off": (
        lambda: stated(constraints=[rule(penalty=lambda r: r.detach() ** 2)]),
        P,
        ["cut off from the residual", "Leave out"],
    ),
    "constraint: penalty that fails": (
        lambda: stated(constraints=[rule(penalty=lambda r: r / [])]),
        P,
        ["the penalty of constraint", "failed"],
    ),
    "constraint: points zero": (lambda: rule(points=0), P, ["points=0", "points=2000"]),
    "constraint: points negative": (lambda: rule(points=-3), P, ["points=-3"]),
    "constraint: points float": (lambda: rule(points=1.5), P, ["points=1.5"]),
    "constraint: points without end": (lambda: rule(points=10**12), P, ["points=1000000000000"]),
    "constraint: on a tuple": (lambda: rule(on=(0, 1)), P, ["holds on a tuple", "on=sp.Box(…)"]),
    "constraint: on a list of regions": (lambda: rule(on=[LINE, LINE]), P, ["holds on a list", "Join them with |"]),
    "constraint: on a class": (lambda: rule(on=sp.Box), P, ["the class Box, not an object made with it"]),
    "constraint: on nothing": (lambda: rule(on=None), P, ["holds on None"]),
    # regions: numbers
    "region: zero length": (lambda: sp.Box(x=(1, 1)), R, ["x"]),
    "region: reversed": (lambda: sp.Box(x=(1, 0)), R, ["x"]),
    "region: nan": (lambda: sp.Box(x=(0, math.nan)), R, ["x"]),
    "region: infinite": (lambda: sp.Box(x=(0, math.inf)), R, ["x"]),
    "region: text": (lambda: sp.Box(x="01"), R, ["x='01' is no interval", "expected two numbers"]),
    "region: one number": (lambda: sp.Box(x=1), R, ["x"]),
    "region: no coordinate": (sp.Box, R, ["no coordinates", "Box(x=(-1, 1), t=(0, 1))"]),
    "region: radius zero": (lambda: sp.Ball(x=0, radius=0), R, ["radius"]),
    "region: radius negative": (lambda: sp.Ball(x=0, y=0, radius=-1), R, ["radius"]),
    "region: radius nan": (lambda: sp.Ball(x=0, radius=math.nan), R, ["radius"]),
    "region: sample of none": (lambda: LINE.sample(0), R, ["0"]),
    "region: sample of half a point": (lambda: LINE.sample(1.5), R, ["1.5"]),
    "region: sample with a negative seed": (lambda: LINE.sample(2, seed=-1), R, ["seed=-1"]),
    # regions: shapes
    "shape: two corners": (lambda: polygon((0, 0), (1, 1)), R, ["3"]),
    "shape: self-crossing": (lambda: polygon((0, 0), (1, 1), (1, 0), (0, 1)), R, []),
    "shape: no area": (lambda: polygon((0, 0), (1, 1), (2, 2)), R, []),
    "shape: hole outside": (lambda: polygon((0, 0), (1, 0), (1, 1), holes=[[(5, 5), (6, 5), (6, 6)]]), R, ["hole"]),
    "shape: empty intersection": (lambda: sp.Box(x=(0, 1)) & sp.Box(x=(2, 3)), R, ["empty", "always hold"]),
    "shape: empty difference": (lambda: sp.Box(x=(0, 1)) - sp.Box(x=(-1, 2)), R, ["Box(x=(0, 1))"]),
    "shape: union of other coordinates": (lambda: LINE | sp.Box(y=(0, 1)), R, ["x", "y"]),
    "shape: union with a number": (lambda: LINE | 3, R, ["int", "expected a region"]),
    "shape: product sharing a coordinate": (lambda: LINE * sp.Box(x=(0, 2)), R, ["x"]),
    "shape: at an unknown name": (lambda: D.at(y=0), R, ["y", "x, t"]),
    "shape: at outside": (lambda: D.at(t=2), R, ["t=2", "no points", ".at(t=0)"]),
    "shape: at text": (lambda: D.at(t="0"), R, ["t='0'"]),
    "shape: where never": (lambda: D.where(lambda a: a.x > 5).sample(1), R, ["where"]),
    "shape: where of numbers": (lambda: D.where(lambda a: a.x).sample(1), R, ["where"]),
    "shape: where of text": (lambda: D.where("x > 0").sample(1), R, []),
    "shape: boundary of a boundary": (lambda: D.boundary.boundary, R, []),
    # points, arrays
    "points: empty": (lambda: sp.Points(np.zeros((0, 1)), "x"), R, ["(0, 1)", "at least 1"]),
    "points: flat": (lambda: sp.Points([0.0, 1.0], "x"), R, ["(2,)", "(n, 1)"]),
    "points: columns": (lambda: sp.Points([[0.0, 1.0, 2.0]], ("x", "t")), R, ["(1, 3)", "one column each for x, t"]),
    "points: nan": (lambda: sp.Points([[0.0], [math.nan]], "x"), D_, ["not finite in row 1"]),
    "points: complex": (lambda: sp.Points(np.array([[1j]]), "x"), D_, ["real numbers"]),
    "points: text": (lambda: sp.Points([["a"]], "x"), D_, ["real numbers"]),
    "points: objects": (lambda: sp.Points(np.array([[object()]]), "x"), D_, ["real numbers"]),
    "points: ragged": (lambda: sp.Points([[0.0], [1.0, 2.0]], "x"), D_, ["real numbers"]),
    "points: data of another length": (lambda: sp.Points([[0.0]], "x", {"s": [1.0, 2.0]}), D_, ["'s'", "(2,)", "(1,)"]),
    "points: data named like a coordinate": (
        lambda: sp.Points([[0.0]], "x", {"x": [1.0]}),
        D_,
        ["name of a coordinate"],
    ),
    "points: data nan": (lambda: sp.Points([[0.0]], "x", {"s": [math.nan]}), D_, ["'s'", "row 0"]),
    # residual: shape
    "residual: None": (lambda: functions(lambda a, phi: None), S, ['"rule"', "no return statement"]),
    "residual: float": (lambda: functions(lambda a, phi: 1.0), S, ["returned a float"]),
    "residual: tensor": (
        lambda: functions(lambda a, phi: torch.zeros(3)),
        S,
        ["returned a Tensor", "carries the weights"],
    ),
    "residual: NumPy": (lambda: functions(lambda a, phi: np.sin(phi.u)), S, ["numpy.sin", "torch.sin"]),
    "residual: row against column": (
        lambda: functions(lambda a, phi: phi.w - phi.v, fields={"w": 2, "v": 3}),
        S,
        ["(n, 2)", "(n, 3)", "neither is a scalar"],
    ),
    "residual: points as components": (lambda: functions(lambda a, phi: phi.u[0]), S, ["selects points", "q[:, 0]"]),
    "residual: an empty tuple": (lambda: functions(lambda a, phi: ()), S, ["an empty tuple", "at least one"]),
    "residual: a bad entry": (lambda: functions(lambda a, phi: (phi.u, 2)), S, ["returned an integer"]),
    "residual: a dictionary": (lambda: functions(lambda a, phi: {"u": phi.u}), S, ["returned a dictionary"]),
    "residual: a generator": (lambda: functions(lambda a, phi: (q for q in [phi.u])), S, ["generator"]),
    "residual: one argument": (
        lambda: functions(lambda a: a.x),
        S,
        ["failed when it was tried", "a function of (a, phi)"],
    ),
    "residual: no function": (lambda: rule(residual=3.0), S, ["has a float for a residual", "function of (a, phi)"]),
    "residual: a class": (lambda: rule(residual=dict), S, ["the class dict"]),
    "residual: component that is none": (
        lambda: functions(lambda a, phi: phi.w[:, 2], fields={"w": 2}),
        S,
        ["component", "counted from 0"],
    ),
    # residual: graph
    "graph: no field": (lambda: functions(lambda a, phi: a.x), S, ['"rule"', "depends on no field"]),
    "graph: detached": (lambda: functions(lambda a, phi: phi.u.detach()), S, [".detach", "point by point"]),
    "graph: item": (lambda: functions(lambda a, phi: phi.u.item() * a.x), S, [".item"]),
    "graph: data": (lambda: functions(lambda a, phi: phi.u.data), S, [".data"]),
    "graph: float": (lambda: functions(lambda a, phi: float(phi.u)), S, ["Python number", "torch functions"]),
    "graph: math": (lambda: functions(lambda a, phi: math.sin(phi.u)), S, ["Python number", "not math"]),
    "graph: an if": (lambda: functions(lambda a, phi: phi.u if a.x > 0 else -phi.u), S, ["truth value", "torch.where"]),
    "graph: in place": (lambda: functions(mutated), S, ["in place", "torch.where"]),
    "graph: random": (
        lambda: functions(lambda a, phi: phi.u + torch.rand(a.x.shape[0], dtype=torch.float64)),
        S,
        ["mixes points, or is random"],
    ),
    "graph: mean": (lambda: functions(lambda a, phi: phi.u - phi.u.mean()), S, ["over points", "the loss's own"]),
    "graph: matrix product": (lambda: functions(lambda a, phi: phi.u @ phi.u), S, ["mix points", "sp.dot"]),
    "graph: unknown cut off": (
        lambda: functions(lambda a, phi: phi.u - float(a.k.detach()), unknowns={"k": sp.Unknown(initial=1)}),
        S,
        ["a.k", "keep its initial value"],
    ),
    # residual: values
    "value: comparison": (
        lambda: functions(lambda a, phi: phi.u > 0),
        S,
        ["expected real numbers", "difference of the two"],
    ),
    "value: root of a negative": (
        lambda: functions(lambda a, phi: torch.sqrt(-1 - phi.u**2)),
        S,
        ["not finite at x=", "root or logarithm"],
    ),
    "value: overflow": (lambda: functions(lambda a, phi: phi.u + torch.exp(1000 + a.x)), S, ["not finite at x="]),
    "value: raises": (
        lambda: functions(lambda a, phi: phi.u / 0 if {}["key"] else 0),
        S,
        ["KeyError", "failed when it was tried"],
    ),
    # SymPy
    "sympy: string": (lambda: symbolic("u.diff(x)"), E, ["'u.diff(x)'", "never evaluated"]),
    "sympy: string in a list": (lambda: symbolic([U, "u"]), E, ["'u'", "never evaluated"]),
    "sympy: list in a list": (lambda: symbolic([U, [U]]), E, ["a list", "a flat list"]),
    "sympy: unknown symbol": (lambda: symbolic(U - Z), E, ["the symbol z", "stands for nothing", "given={…}"]),
    "sympy: unknown symbol, misspelt": (
        lambda: symbolic(U - sympy.Symbol("sorce"), given={"source": 1}),
        E,
        ["Did you mean source?"],
    ),
    "sympy: unknown function": (
        lambda: symbolic(U - sympy.Function("k")(X, T), fields="u"),
        E,
        ["the function k", "stands for nothing"],
    ),
    "sympy: other arguments": (lambda: symbolic(U - sympy.Function("u")(T, X)), E, ["u(x, t)", "u(t, x)", "one order"]),
    "sympy: too many arguments": (lambda: symbolic(sympy.Function("u")(X, T, Z)), E, ["u(x, t, z)"]),
    "sympy: twins": (
        lambda: symbolic(U - sympy.Symbol("x", positive=True)),
        E,
        ['two symbols named "x"', "Make the symbol once"],
    ),
    "sympy: field as symbol": (
        lambda: symbolic(U - sympy.Symbol("u")),
        E,
        ["the field u as a symbol", 'sympy.Function("u")(x, t)'],
    ),
    "sympy: coordinate as function": (
        lambda: symbolic(U - sympy.Function("x")(T), fields="u"),
        E,
        ["applies x as a function"],
    ),
    "sympy: comparison": (lambda: symbolic(U < 1), E, ["is the condition", "or an Eq"]),
    "sympy: Eq of the same": (lambda: symbolic(sympy.Eq(U, U)), E, ["truth value True", "Eq(u, u)"]),
    "sympy: Eq of others": (lambda: symbolic(sympy.Eq(sympy.Integer(1), 2)), E, ["truth value False"]),
    "sympy: Piecewise without a last case": (
        lambda: symbolic(sympy.Piecewise((U, X < 0))),
        E,
        ["not defined where no condition holds", "(value, True)"],
    ),
    "sympy: complex": (lambda: symbolic(U + sympy.I), E, ["the imaginary unit", "two, psi = u + i v"]),
    "sympy: zoo": (lambda: symbolic(U / sympy.Integer(0)), E, ["not finite", "division by zero"]),
    "sympy: nan": (lambda: symbolic([U, sympy.nan]), E, ["nan", "not finite"]),
    "sympy: order that is no number": (
        lambda: symbolic(U.diff((X, sympy.Symbol("n", integer=True)))),
        E,
        ["a whole number of times"],
    ),
    "sympy: integral": (
        lambda: symbolic(U + sympy.Integral(U, X)),
        E,
        ["Integral is not supported", "sp.IntegralConstraint"],
    ),
    "sympy: sum": (lambda: symbolic(sympy.Sum(U * Z, (Z, 1, 3))), E, ["Sum is not supported", "Write the terms out"]),
    "sympy: limit": (lambda: symbolic(U + sympy.Limit(U, X, 0)), E, ["Limit is not supported"]),
    "sympy: delta": (lambda: symbolic(U - sympy.DiracDelta(X)), E, ["DiracDelta is not supported", "narrow function"]),
    "sympy: matrix": (lambda: symbolic(sympy.Matrix([U, U.diff(X)])), E, ["a matrix", "list(matrix)"]),
    "sympy: special function": (lambda: symbolic(sympy.besselj(0, U)), E, ["besselj", "What can be written"]),
    "sympy: symbol that is code": (
        lambda: symbolic(U + sympy.Symbol("__import__('os')")),
        E,
        ["no identifier", '"rule"'],
    ),
    "sympy: symbol named by a keyword": (lambda: symbolic(U + sympy.Symbol("lambda")), E, ["no identifier", "keyword"]),
    "sympy: a class": (lambda: symbolic(sympy.Function("u")), E, ["the function u itself", "applied to coordinates"]),
    "sympy: cancels": (lambda: symbolic(U - U + X, fields="u"), E, ["depends on no field", "cancel"]),
    "sympy: units": (lambda: symbolic(U + units.meter), E, ["meter", "no finite real number"]),
    "sympy: normal inside": (lambda: symbolic(sp.normal("x") * U), E, ['sp.normal("x")', "Only boundaries have one"]),
    "sympy: normal of no coordinate": (
        lambda: symbolic(sp.normal("q") * U, D.boundary),
        E,
        ["the coordinates are x, t"],
    ),
    "sympy: vector as scalar": (lambda: symbolic(U, fields={"u": 2}), E, ["has 2 components", "sp.component(u, 0)"]),
    "sympy: component that is none": (
        lambda: symbolic(sp.component(U, 2), fields={"u": 2}),
        E,
        ["component 2", "counted from 0"],
    ),
    "sympy: component of a string": (lambda: sp.component("u", 0), E, ["a string", "sp.component(velocity, 0)"]),
    "sympy: place that depends on a field": (lambda: symbolic(U.subs(X, V)), E, ["depends on a field"]),
    # given
    "given: bool": (lambda: stated(given={"f": True}), P, ['given "f"', "a truth value", "expected a number"]),
    "given: text": (lambda: stated(given={"f": "x"}), E, ['given "f"', "never evaluated"]),
    "given: None": (lambda: stated(given={"f": None}), P, ['given "f"', "is None"]),
    "given: array": (lambda: stated(given={"f": np.zeros(3)}), P, ['given "f"', "a NumPy array"]),
    "given: nan": (lambda: stated(given={"f": math.nan}), D_, ['given "f"', "finite number"]),
    "given: wrong signature": (
        lambda: stated(given={"f": lambda a, phi: a.x}),
        P,
        ['given "f"', "failed", "a function of a"],
    ),
    "given: wrong shape": (
        lambda: stated(given={"f": lambda a: torch.zeros(7)}),
        P,
        ['given "f"', "returned a Tensor"],
    ),
    "given: not finite": (lambda: stated(given={"f": lambda a: torch.log(-a.x)}), D_, ['given "f"', "not finite"]),
    "given: free symbol": (lambda: stated(given={"f": Z + X}), E, ['given "f"', "the symbol z", "x (coordinates)"]),
    "given: a field in it": (lambda: stated(given={"f": U}), E, ['given "f"', "the function u"]),
    "given: raster of other coordinates": (
        lambda: stated(given={"f": sp.Raster.from_image(np.zeros((3, 4)))}),
        P,
        ['given "f"', "of x, y", "problem are x"],
    ),
    "given: a list": (lambda: stated(given=[1]), P, ["given=[1]", "a dictionary from names"]),
    "given: no identifier": (lambda: stated(given={"f g": 1}), P, ["'f g' is no name for a known"]),
    "given: formula applied to too little": (
        lambda: symbolic(sympy.Function("k")(X) * U, given={"k": X * T}),
        E,
        ["applies the known k as k(x)", "depends on x, t"],
    ),
    # unknowns
    "unknown: no initial": (lambda: sp.Unknown(initial=None), P, ["initial=None", "finite number"]),
    "unknown: outside its bounds": (
        lambda: sp.Unknown(initial=2, lower=0, upper=1),
        P,
        ["strictly between the bounds"],
    ),
    "unknown: on a bound": (lambda: sp.Unknown(initial=0, lower=0), P, ["strictly between the bounds", "begin inside"]),
    "unknown: bounds reversed": (lambda: sp.Unknown(initial=1, lower=2, upper=0), P, ["not below the upper"]),
    "unknown: bounds equal": (lambda: sp.Unknown(initial=1, lower=1, upper=1), P, ["not below the upper"]),
    "unknown: bound nan": (lambda: sp.Unknown(initial=1, upper=math.nan), P, ["upper=nan"]),
    "unknown: text": (lambda: sp.Unknown(initial="1"), P, ["initial='1'"]),
    "unknown: a plain number": (
        lambda: stated(unknowns={"k": 0.1}),
        P,
        ['the unknown "k" = 0.1', "sp.Unknown(initial=…)"],
    ),
    "unknown: named like a coordinate": (
        lambda: stated(unknowns={"x": sp.Unknown(initial=1)}),
        P,
        ['"x" for a coordinate and for a unknown number'],
    ),
    # hard, periodic, exact
    "hard: no field": (lambda: stated(hard={"v": lambda a, u: u}), P, ['hard "v"', "its fields are u"]),
    "hard: string": (lambda: stated(hard={"u": "x*u"}), P, ['hard "u"', "never evaluated"]),
    "hard: without the field": (
        lambda: stated(hard={"u": lambda a, u: a.x}),
        P,
        ['hard "u"', "does not depend on the raw field"],
    ),
    "hard: without the field, SymPy": (
        lambda: symbolic(HEAT, hard={"u": X}),
        E,
        ['hard "u"', "does not depend on the raw field"],
    ),
    "hard: a number": (lambda: stated(hard={"u": 1.0}), P, ['hard "u"', "1.0"]),
    "hard: returns a float": (lambda: stated(hard={"u": lambda a, u: 1.0}), P, ['hard "u"', "returned a float"]),
    "hard: wrong shape": (lambda: stated(hard={"u": lambda a, u: sp.grad(u)}), P, ['hard "u"', "shape"]),
    "hard: not finite": (
        lambda: stated(hard={"u": lambda a, u: u * torch.log(-a.x)}),
        P,
        ['hard "u"', "not finite at x="],
    ),
    "hard: displaced": (lambda: symbolic(HEAT, hard={"u": X * U.subs(X, 0)}), E, ['hard "u"', "displaced points"]),
    "hard: a known that is none": (lambda: stated(hard={"u": lambda a, u: a.k * u}), N, ['hard "u"', "a.k"]),
    "periodic: no coordinate": (lambda: stated(periodic=("y",)), P, ['periodic in "y"', "coordinates are x"]),
    "periodic: a number": (lambda: stated(periodic=1), P, ["periodic=1", 'periodic=("x",)']),
    "periodic: a disc": (
        lambda: functions(read_u, DISC, periodic="x"),
        P,
        ['periodic in "x"', "no two sides x=-1 and x=1", "pose the problem on a box"],
    ),
    "periodic: given points": (
        lambda: functions(read_u, sp.Points([[0.0]], "x"), periodic="x"),
        P,
        ['periodic in "x"'],
    ),
    "exact: no field": (lambda: stated(exact={"v": 1}), P, ['exact "v"', "its fields are u"]),
    "exact: wrong shape": (lambda: stated(exact={"u": lambda a: sp.grad(a.x)}), P, ['exact "u"', "has shape"]),
    "exact: text": (lambda: stated(exact={"u": "x"}), E, ['exact "u"', "never evaluated"]),
    "exact: not finite": (lambda: stated(exact={"u": math.inf}), D_, ['exact "u"', "finite number"]),
    "exact: raises": (lambda: stated(exact={"u": lambda a: 1 / 0}), P, ['exact "u"', "failed when it was tried"]),
}

#: Phrases that only Python's own messages have.
INTERNAL = re.compile(
    r"NoneType|Traceback|object at 0x|has no attribute|unsupported operand|not subscriptable|<function"
)


def refusal(make):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sp.SirenPDEWarning)
        with pytest.raises(sp.SirenPDEError) as caught:
            make()
    return caught.value


@pytest.mark.timeout(30)
@pytest.mark.parametrize("case", BAD)
def test_a_bad_statement_is_refused_when_it_is_made_by_the_name_of_what_is_wrong(case):
    make, error, fragments = BAD[case]
    refused = refusal(make)
    message = str(refused)
    assert type(refused) is error, f"{type(refused).__name__}: {message}"
    for fragment in fragments:
        assert fragment in message
    of_the_user = re.search(r"failed (when it was tried|on a residual)", message)  # then it holds the user's own error
    assert of_the_user or not INTERNAL.search(message), message


def test_the_catalogue_is_as_long_as_it_is_said_to_be():
    assert len(BAD) >= 120


# Warnings -------------------------------------------------------------------------------------------------------------

START = sympy.sin(sympy.pi * X)
WALLS = D.at(x=-1) | D.at(x=1)
SEEN = sp.Points([[0.1, 0.1], [0.1, 0.1], [0.5, 0.5]], ("x", "t"), {"seen": [1.0, 2.0, 3.0]})
FAR = sp.Points([[0.1, 0.1], [5.0, 0.5], [0.5, 7.0]], ("x", "t"), {"seen": [1.0, 2.0, 3.0]})
DATA = U - sympy.Symbol("seen")
DECAY = sympy.exp(-(sympy.pi**2) * T) * sympy.sin(sympy.pi * X)

WARNED = {
    "different values at a corner": (
        lambda: several(("start", D.at(t=0), U - START - 1), ("walls", WALLS, U)),
        ['"start" and "walls"', 'different values of "u"', "1 and 0", "t=0", "1 apart", ".where(…)"],
    ),
    "different values at a corner, functions": (
        lambda: stated(
            fields=("u", "v"),
            constraints=[
                rule(lambda a, phi: (sp.grad(phi.u), sp.grad(phi.v)), D),
                rule(lambda a, phi: (phi.u, 2 * phi.v - 4), D.at(t=0), "start"),
                rule(lambda a, phi: phi.v - 1 - a.t, D.at(x=1), "wall"),
            ],
        ),
        ['"start" and "wall"', 'different values of "v"', "2 and 1 at x=1, t=0"],
    ),
    "what is built in, asked for again": (
        lambda: several(("walls", WALLS, U), hard={"u": (1 - X**2) * U}),
        ['constraint "walls"', 'hard "u"', "whatever the network does", "Drop it"],
    ),
    "nothing pins the field": (
        lambda: functions(lambda a, phi: sp.grad(phi.u) - 1),
        ["a constant is added to", '"u"', "at one point", "sp.IntegralConstraint"],
    ),
    "an exact solution that is none": (
        lambda: several(("start", D.at(t=0), U - START), ("walls", WALLS, U), exact={"u": DECAY.subs(T, -T)}),
        ['constraint "equation"', "the exact solution", "leaves a residual of", "check signs"],
    ),
    "an exact solution of other walls": (
        lambda: several(("start", D.at(t=0), U - START), ("walls", WALLS, U), exact={"u": DECAY + 1}),
        ["leaves a residual of 1 in constraint"],
    ),
    "measurements outside": (
        lambda: several(("data", FAR, DATA)),
        ['2 of the 3 points of constraint "data"', "outside Box(x=(-1, 1), t=(0, 1))", "x=5", "other units"],
    ),
    "two values at one point": (
        lambda: several(("data", SEEN, DATA)),
        ['points 0 and 1 of constraint "data"', "two values of seen: 1.0 and 2.0", "their mean"],
    ),
    "a start in the middle": (
        lambda: several(("start", D.at(t=0.5), U - START)),
        ['constraint "start"', "holds at t=0.5", "begins at t=0", "domain.at(t=0)"],
    ),
    "a known that nothing reads": (lambda: stated(given={"f": 1}), ['reads the known "f"']),
    "a box in other units": (lambda: sp.Box(x=(0, 1e-10)), ["x has the length 1e-10", "nearer 1"]),
}


@pytest.mark.parametrize("case", WARNED)
def test_what_is_probably_not_meant_is_warned_of_once_and_where_it_was_written(case):
    make, fragments = WARNED[case]
    with pytest.warns(sp.SirenPDEWarning) as caught:
        make()
    messages = [str(each.message) for each in caught]
    assert any(all(fragment in message for fragment in fragments) for message in messages), messages
    assert len(messages) <= 2
    assert not any(INTERNAL.search(message) for message in messages)


RIGHT = {
    "a heat equation": lambda: several(("start", D.at(t=0), U - START), ("walls", WALLS, U), exact={"u": DECAY}),
    "a final value": lambda: several(("end", D.at(t=1), U - START)),
    "walls that meet in other values than the inside": lambda: several(
        ("start", D.at(t=0), U), ("slope", WALLS, U.diff(X) - 1)
    ),
    "a mean that pins the pressure": lambda: stated(
        constraints=[
            rule(lambda a, phi: sp.grad(phi.u)),
            sp.IntegralConstraint("mean", on=LINE, residual=read_u),
        ]
    ),
    "a periodic pipe": lambda: symbolic(HEAT + U, D, periodic="x"),
    "measurements inside": lambda: several(
        ("data", sp.Points([[0.1, 0.1], [1.0, 1.0]], ("x", "t"), {"seen": [1.0, 2.0]}), DATA)
    ),
    "a nonlinear wall": lambda: several(("start", D.at(t=0), U - 1), ("walls", WALLS, U**2 - 1)),
    "an exact solution up to a constant": lambda: functions(
        lambda a, phi: sp.grad(phi.u) - 1, exact={"u": lambda a: a.x}
    ),
    "an exact solution that cannot be differentiated": lambda: several(
        ("start", D.at(t=0), U), exact={"u": lambda a: torch.sign(a.x) * 0}
    ),
    "a hard start and learned walls": lambda: several(
        ("walls", WALLS, U), hard={"u": START + T * U}, exact={"u": DECAY}
    ),
}


@pytest.mark.parametrize("case", RIGHT)
def test_a_right_statement_is_not_warned_of(case):
    RIGHT[case]()  # warnings are errors here


def test_a_residual_that_fails_at_more_points_than_it_was_traced_on_does_not_fail_the_looking():
    def residual(a, phi):
        if phi.u.shape[0] > 3:
            1 / 0  # noqa: B018 - what goes wrong
        return phi.u

    stated(constraints=[rule(residual), rule(residual, name="again")], exact={"u": 0}, hard={"u": lambda a, u: a.x * u})


def test_looking_for_contradictions_leaves_random_numbers_alone():
    before = torch.random.get_rng_state()
    for case in ("different values at a corner", "measurements outside"):
        with pytest.warns(sp.SirenPDEWarning):
            WARNED[case][0]()
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_warning_points_at_the_line_that_makes_the_problem():
    with pytest.warns(sp.SirenPDEWarning) as caught:
        sp.Problem(name="trial", constraints=[rule(U.diff(X), D)])
    assert caught[0].filename == __file__
