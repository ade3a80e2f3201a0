"""The functions that act point by point: those by which quantities can be combined without mixing points."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

_NAMES = """
    abs absolute neg negative positive sign square sqrt rsqrt reciprocal exp expm1 exp2 log log1p log2 log10 logaddexp
    sin cos tan asin acos atan arcsin arccos arctan sinh cosh tanh asinh acosh atanh arcsinh arccosh arctanh sigmoid
    sinc erf erfc erfinv lgamma digamma relu floor ceil round trunc frac deg2rad rad2deg nan_to_num
    add sub subtract mul multiply div divide true_divide pow remainder fmod atan2 arctan2 hypot copysign heaviside xlogy
    maximum minimum fmax fmin clamp clip where zeros_like ones_like
    lt le gt ge eq ne less less_equal greater greater_equal not_equal isfinite isinf isnan
    logical_and logical_or logical_xor logical_not
"""

#: The torch functions that act point by point, by which quantities can be combined.
POINTWISE: frozenset[Callable[..., Any]] = frozenset(
    {
        *(getattr(torch, name) for name in _NAMES.split()),
        *(torch.special.expit, torch.special.i0, torch.special.bessel_j0, torch.special.bessel_j1),
        torch.nn.functional.softplus,
    }
)

#: The NumPy functions that stand for Python's operators, as in numpy.float64(2) * q.
NUMPY_OPERATORS: dict[np.ufunc, Callable[..., Any]] = {
    np.add: operator.add,
    np.subtract: operator.sub,
    np.multiply: operator.mul,
    np.divide: operator.truediv,
    np.power: operator.pow,
    np.remainder: operator.mod,
    np.equal: operator.eq,
    np.not_equal: operator.ne,
    np.less: operator.lt,
    np.less_equal: operator.le,
    np.greater: operator.gt,
    np.greater_equal: operator.ge,
}
