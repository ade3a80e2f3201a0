"""SymPy as lists: there and back again, and nothing else."""

import json

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

import sirenpde as sp
from sirenpde.statement.symbolic.lower import lower
from sirenpde.statement.symbolic.tree import from_tree, to_tree
from sirenpde.statement.symbolic.vocabulary import Vocabulary

X, T = sympy.symbols("x t", real=True)
U = sympy.Function("u", real=True)(X, T)
WORDS = Vocabulary("here", ("x", "t"), {"u": ()})

EXPRESSIONS = [
    U.diff(T) + U * U.diff(X) - sympy.Rational(1, 100) / sympy.pi * U.diff(X, 2),
    U.diff(X, 2, T),
    U.diff(X).subs(X, 1) - U.subs(T, T / 2).diff(T),
    sympy.Piecewise((sympy.sqrt(X), sympy.And(X > 0, sympy.Or(T < 1, sympy.Ne(X, T)))), (sympy.Heaviside(U, 1), True)),
    sympy.Max(U, X, 0.25) * sympy.Min(T, 2) + sympy.Mod(U, 3) + sympy.atan2(U, 2) + sympy.erf(U) ** -3,
    sp.component(U, 1).diff(X) * sp.normal("x") + sympy.E**U + sympy.GoldenRatio + sympy.EulerGamma,
    sympy.digamma(2 + X) + sympy.loggamma(3 + U**2),
    sympy.Symbol("E", real=True) + sympy.Symbol("pi", real=True) + sympy.E + sympy.pi,
]


@pytest.mark.parametrize("expression", EXPRESSIONS, ids=str)
def test_an_expression_comes_back_as_it_was(expression):
    text = json.dumps(to_tree(expression))
    assert from_tree(json.loads(text), "here") == expression


LEAVES = st.sampled_from([X, T, U, U.diff(X), U.diff(X, T), sympy.pi, sympy.Rational(2, 3), sympy.Float(0.1)])
TREES = st.recursive(
    LEAVES,
    lambda child: st.one_of(
        st.builds(lambda a, b: a + b, child, child),
        st.builds(lambda a, b: a * b, child, child),
        st.builds(lambda f, a: f(a), st.sampled_from([sympy.sin, sympy.exp, sympy.tanh, sympy.Abs, sympy.erf]), child),
        st.builds(lambda a, n: a**n, child, st.integers(-3, 3).map(sympy.Integer)),
    ),
    max_leaves=12,
)


@settings(max_examples=30)
@given(TREES)
def test_any_expression_comes_back_as_it_was(expression):
    expression = lower(expression, WORDS)
    if expression.has(sympy.zoo, sympy.nan, sympy.oo):
        return
    assert from_tree(json.loads(json.dumps(to_tree(expression))), "here") == expression


def nested(levels):
    tree = ["symbol", "x"]
    for _ in range(levels):
        tree = ["sin", tree]
    return tree


def tower(levels):
    tree = ["integer", 9]
    for _ in range(levels):
        tree = ["Pow", tree, ["integer", 64]]
    return tree


ONE = ["integer", 1]
HOSTILE = {
    "text": "__import__('os').system('true')",
    "nothing": None,
    "a number": 3,
    "an empty node": [],
    "a node without a name": [["symbol", "x"]],
    "a name that is a number": [1, ONE],
    "a dictionary": {"symbol": "x"},
    "code": ["__import__", "os"],
    "an attribute": ["__class__"],
    "eval": ["eval", "1"],
    "a string for a child": ["sin", "x"],
    "a string that is code for a child": ["Add", "__import__('os')", ONE],
    "a symbol that is code": ["symbol", "__import__('os').getpid()"],
    "a symbol of two names": ["symbol"],
    "a symbol that is a list": ["symbol", ["symbol", "x"]],
    "a function that is code": ["function", "exec('1')", ONE],
    "a function without a name": ["function"],
    "a function of text": ["function", "u", "x"],
    "an integer that is text": ["integer", "1"],
    "an integer that is true": ["integer", True],
    "an integer beyond 64 bits": ["integer", 2**70],
    "two integers": ["integer", 1, 2],
    "a fraction by zero": ["rational", 1, 0],
    "a fraction of text": ["rational", "1", 2],
    "a float that is text": ["float", "1.0"],
    "a float that is none": ["float", float("nan")],
    "an infinite float": ["float", float("inf")],
    "an unknown constant": ["constant", "zoo"],
    "a constant that is a list": ["constant", ["pi"]],
    "too few children": ["sin"],
    "too many children": ["sin", ONE, ONE],
    "a high power": ["Pow", ["symbol", "x"], ["integer", 65]],
    "a power of powers": tower(4),
    "a power of a power of numbers in an exponent": ["Pow", ["integer", 2], ["Pow", ["integer", 2], ["integer", 60]]],
    "too deep": nested(250),
    "far too deep": nested(900),
    "too wide": ["Add", *[["symbol", "x"]] * 20_001],
    "a derivative by a number": ["Derivative", ["function", "u", ["symbol", "x"]], ["Tuple", ONE, ONE]],
    "a derivative of a high order": [
        "Derivative",
        ["function", "u", ["symbol", "x"]],
        ["Tuple", ["symbol", "x"], ["integer", 10**9]],
    ],
    "cases of nothing": ["Piecewise", ONE],
    "a condition that is a number": ["Piecewise", ["ExprCondPair", ONE, ONE]],
    "a pair in a sum": ["Add", ["ExprCondPair", ONE, ["constant", "true"]], ONE],
    "a sum of truth values": ["Add", ["constant", "true"], ONE],
    "a component that is a field": ["component", ["symbol", "v"], ["symbol", "x"]],
    "a component of text": ["component", "v", ONE],
    "an inequality of truth values": ["StrictLessThan", ["constant", "true"], ONE],
    "a substitution of a number": ["Subs", ONE, ONE, ONE],
    "a gamma function of millions": ["loggamma", ["integer", 2**62]],
}


#: Expressions, if odd ones: whoever compiles them refuses them by name.
HARMLESS = {
    "a condition that is a number",
    "a substitution of a number",
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_tree_is_refused_or_harmless(case):
    if case in HARMLESS:
        assert isinstance(from_tree(HOSTILE[case], "solution.h5"), sympy.Basic)
        return
    with pytest.raises(sp.FileError, match=r"^solution\.h5: the statement in the file holds "):
        from_tree(HOSTILE[case], "solution.h5")


def test_what_a_file_cannot_keep_is_said():
    with pytest.raises(sp.ExpressionError, match="holds besselj, which files cannot keep"):
        to_tree(sympy.besselj(0, X))
