"""The table from SymPy's functions to tensor operations, and where each of them must not be asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy
import torch

#: Functions of one argument.
UNARY: dict[type, Callable[[Any], Any]] = {
    sympy.Abs: torch.abs,
    sympy.sign: torch.sign,
    sympy.exp: torch.exp,
    sympy.log: torch.log,
    sympy.sin: torch.sin,
    sympy.cos: torch.cos,
    sympy.tan: torch.tan,
    sympy.cot: lambda q: 1.0 / torch.tan(q),
    sympy.sec: lambda q: 1.0 / torch.cos(q),
    sympy.csc: lambda q: 1.0 / torch.sin(q),
    sympy.asin: torch.asin,
    sympy.acos: torch.acos,
    sympy.atan: torch.atan,
    sympy.sinh: torch.sinh,
    sympy.cosh: torch.cosh,
    sympy.tanh: torch.tanh,
    sympy.coth: lambda q: 1.0 / torch.tanh(q),
    sympy.sech: lambda q: 1.0 / torch.cosh(q),
    sympy.csch: lambda q: 1.0 / torch.sinh(q),
    sympy.asinh: torch.asinh,
    sympy.acosh: torch.acosh,
    sympy.atanh: torch.atanh,
    sympy.sinc: lambda q: torch.sinc(q / torch.pi),  # SymPy's has no π in it
    sympy.floor: torch.floor,
    sympy.ceiling: torch.ceil,
    sympy.erf: torch.erf,
    sympy.erfc: torch.erfc,
    sympy.erfinv: torch.erfinv,
    sympy.loggamma: torch.lgamma,
}

#: Functions of two arguments, quantities both.
BINARY: dict[type, Callable[[Any, Any], Any]] = {
    sympy.atan2: torch.atan2,
    sympy.Mod: torch.remainder,
}

#: An argument at which a function that is not defined everywhere is harmless, with its slopes. It stands in where a
#: branch of a Piecewise is not taken: torch.where multiplies the slope of that branch by zero, and 0 · ∞ is no number.
HARMLESS: dict[type, float] = {
    sympy.log: 1.0,
    sympy.Pow: 1.0,
    sympy.cot: 1.0,
    sympy.csc: 1.0,
    sympy.coth: 1.0,
    sympy.csch: 1.0,
    sympy.sec: 0.0,
    sympy.tan: 0.0,
    sympy.asin: 0.0,
    sympy.acos: 0.0,
    sympy.acosh: 2.0,
    sympy.atanh: 0.0,
    sympy.erfinv: 0.0,
    sympy.loggamma: 1.0,
    sympy.polygamma: 1.0,
    sympy.exp: 0.0,
    sympy.sinh: 0.0,
    sympy.cosh: 0.0,
}

#: What messages say can be written.
SUPPORTED = ", ".join(
    sorted({kind.__name__ for kind in (*UNARY, *BINARY)} | {"sqrt", "digamma", "Max", "Min", "Heaviside", "Piecewise"})
)
