"""The one tree of errors: everything that leaves the package for bad input hangs below ``SirenPDEError``.

Each class carries ``exit_code``, the code with which the command ``sirenpde`` ends when it meets one. Each is also the
built-in exception that a reader would expect, so that ``except ValueError`` works. A message is made of sentences: what
is wrong, with the user's own name for it; what was got and what was expected; the usual cause; what to write instead.
"""

from __future__ import annotations

import difflib
import math
import numbers
from collections.abc import Iterable
from typing import TypeGuard


class SirenPDEError(Exception):
    """The root of every error that the package raises on purpose."""

    exit_code: int = 1


class UsageError(SirenPDEError, ValueError):
    """An argument of a call or a command that cannot be used."""

    exit_code = 2


class MissingExtraError(SirenPDEError, ImportError):
    """An optional dependency that is not installed."""

    exit_code = 2


class ProblemError(SirenPDEError, ValueError):
    """A statement that does not define a problem."""

    exit_code = 3


class RegionError(ProblemError):
    """A region that is empty, or has other coordinates than are needed."""


class ResidualError(ProblemError):
    """A residual of a wrong shape, or one that no training could lower."""


class ExpressionError(ProblemError):
    """An expression that cannot be compiled or differentiated."""


class UnknownNameError(ProblemError, AttributeError):
    """A name that does not exist; an ``AttributeError`` too, since ``a``, ``phi`` and solutions look attributes up."""


class DataError(SirenPDEError, ValueError):
    """Data that cannot be read or used: an image, a sound, an array."""

    exit_code = 4


class FileError(DataError):
    """A solution file that is damaged, foreign or hostile."""


class NumericalError(SirenPDEError, ArithmeticError):
    """A computation that left the finite numbers."""

    exit_code = 5


class TargetMissedError(SirenPDEError):
    """A run that ended above the tolerance that was asked for."""

    exit_code = 6


class ResourceError(SirenPDEError, RuntimeError):
    """Memory, disk or another resource that ran out."""

    exit_code = 7


class SirenPDEWarning(UserWarning):
    """Something that is allowed and probably not meant, or data that was converted on reading."""


def kind_of(value: object) -> str:
    """Return in a reader's words what was given in place of something else: ``a list``, ``None``, ``a string``."""
    if value is None:
        return "None"
    if isinstance(value, type):
        return f"the class {value.__name__}, not an object made with it"
    name = {
        "str": "string",
        "bool": "truth value",
        "int": "integer",
        "ndarray": "NumPy array",
        "dict": "dictionary",
    }.get(type(value).__name__, type(value).__name__)
    return f"{'an' if name[0] in 'aeiouAEIO' else 'a'} {name}"


def finite_number(value: object) -> float | None:
    """Return a real number as a float; None for what is no number, not finite, or beyond float64, as 10**400 is."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return None
    try:
        number = float(value)
    except (OverflowError, TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def is_count(value: object, most: int = 10**9, *, least: int = 1) -> TypeGuard[int]:
    """Tell whether a value is an integer from ``least`` to ``most``; True is none."""
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def shown(value: object) -> str:
    """Return how a value is written in a message: as Python writes it, but for numbers of hundreds of digits."""
    if isinstance(value, int) and value.bit_length() > 200:
        return f"an integer of {value.bit_length()} bits"
    try:
        return repr(value)
    except ValueError:  # an integer in it is too long for Python to write
        return f"{kind_of(value)} of large integers"


def suggestion(name: str, candidates: Iterable[str], prefix: str = "") -> str:
    """Return a sentence that names the candidate nearest to a misspelt name, or an empty string.

    A name of one letter is near another one only where the two differ in case alone: nu is no misspelt u.

    Args:
        name: What was written.
        candidates: What could have been meant.
        prefix: What the user writes in front of the name, such as ``"a."``.
    """
    listed = list(candidates)
    nearest = [each for each in listed if each.lower() == name.lower()]
    if not nearest and len(name) > 1:
        nearest = difflib.get_close_matches(name, [each for each in listed if len(each) > 1], n=1, cutoff=0.5)
    return f"\n  Did you mean {prefix}{nearest[0]}?" if nearest else ""
