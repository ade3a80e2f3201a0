"""The solution file as data: its groups, datasets and attributes, their types, and the limits of a reader.

``docs/hdf5.md`` says the same in words. A path that no rule names, and an attribute that its rule does not list, is
refused before its value is read, so a change to what is written begins here. The subtle contract: the first rule that
matches counts, which is why groups stand before the datasets that share their folder.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

VERSION = 1
SIGNATURE = b"\x89HDF\r\n\x1a\n"

MAX_BYTES = 2 << 30
MAX_OBJECTS = 10_000
MAX_ATTRIBUTES = 256
MAX_TEXT = 1024

# gzip shrinks by 1,032 at most; the slack lets small datasets without stored chunks pass.
MAX_RATIO = 1100
RATIO_SLACK = 1 << 20

# By the library's numbers. Each once and in this order, as written: two gzips multiply what a chunk inflates to.
FILTERS = {2: "shuffle", 1: "deflate", 3: "fletcher32"}

NAME = r"[A-Za-z_][A-Za-z0-9_]{0,199}"
PARAMETER = r"[A-Za-z0-9_][A-Za-z0-9_.]{0,199}"

_RESERVED = re.compile(r"(points|history|verification|sirenpde|inside|point|component\d+|VTKHDF|vtkGhostType)_*")

# Quantities of the history that a repeated run does not repeat.
_CLOCK = re.compile(r"(.*_)?(seconds|memory)")

DIGEST = "/sirenpde/digest"
DOCUMENTS = ("description", "settings", "provenance", "statement")

# Types of references, which only dimension scales need: known by name, never read.
UNREAD = frozenset({"DIMENSION_LIST", "REFERENCE_LIST"})

TEXT = "text"

# Attribute -> (allowed types, shape).
ATTRIBUTES: dict[str, tuple[tuple[str, ...], tuple[int, ...]]] = {
    "Conventions": ((TEXT,), ()),
    "title": ((TEXT,), ()),
    "sirenpde_version": ((TEXT,), ()),
    "sirenpde_schema": (("<i8",), ()),
    "units": ((TEXT,), ()),
    "long_name": ((TEXT,), ()),
    "axis": ((TEXT,), ()),
    "CLASS": ((TEXT,), ()),
    "NAME": ((TEXT,), ()),
    "_FillValue": (("<f4", "<f8"), ()),
    "flag_values": (("|u1",), (2,)),
    "flag_meanings": ((TEXT,), ()),
    "Attribute": ((TEXT,), ()),
    "Version": (("<i8",), (2,)),
    "Type": ((TEXT,), ()),
    "WholeExtent": (("<i8",), (6,)),
    "Origin": (("<f8",), (3,)),
    "Spacing": (("<f8",), (3,)),
    "Direction": (("<f8",), (9,)),
    "NSteps": (("<i8",), ()),
}

FLOATS = ("<f4", "<f8")
NUMBERS = ("|b1", "|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f2", "<f4", "<f8")


@dataclass(frozen=True)
class Rule:
    """What may stand at the paths that match a pattern.

    Attributes:
        pattern: The whole path, as a regular expression.
        dtypes: The types of a dataset; none for a group.
        ranks: The numbers of axes of a dataset.
        attributes: The attributes that it may carry.
    """

    pattern: str
    dtypes: tuple[str, ...] = ()
    ranks: range = range(0)
    attributes: tuple[str, ...] = ()


_SCALE = ("CLASS", "NAME")
_LABELS = ("units", "long_name")
_ROOT = ("Conventions", "title", "sirenpde_schema", "sirenpde_version")

RULES: tuple[Rule, ...] = (
    Rule("/", attributes=_ROOT),
    Rule(rf"/(points|points/{NAME}|history|verification|sirenpde)"),
    Rule(r"/sirenpde/(weights|unknowns|parameters|training)"),
    Rule(rf"/points/{NAME}/{NAME}", ("<f4", "<f8", "<i8"), range(1, 3), (*_SCALE, *_LABELS)),
    Rule(rf"/history/{NAME}", ("<f8",), range(1, 2), _SCALE),
    Rule(rf"/verification/{NAME}", ("<f8",), range(1)),
    Rule(rf"/sirenpde/({'|'.join(DOCUMENTS)}|digest)", ("|u1",), range(1, 2)),
    Rule(rf"/sirenpde/weights/{PARAMETER}", FLOATS, range(9)),
    Rule(rf"/sirenpde/unknowns/{NAME}", ("<f8",), range(1)),
    Rule(rf"/sirenpde/parameters/{NAME}", ("<f8",), range(1, 2)),
    Rule(rf"/sirenpde/training/{PARAMETER}", NUMBERS, range(9)),
    Rule(r"/VTKHDF", attributes=("Version", "Type", "WholeExtent", "Origin", "Spacing", "Direction")),
    Rule(r"/VTKHDF/(PointData|Steps/PointDataOffsets)"),
    Rule(r"/VTKHDF/Steps", attributes=("NSteps",)),
    Rule(rf"/VTKHDF/Steps/PointDataOffsets/{NAME}", ("<i8",), range(1, 2)),
    Rule(r"/VTKHDF/PointData/vtkGhostType", ("|u1",), range(1, 5)),
    Rule(rf"/VTKHDF/PointData/{NAME}", FLOATS, range(1, 6), ("_FillValue", "Attribute", *_LABELS)),
    Rule(r"/VTKHDF/Steps/Values", ("<f8",), range(1, 2), (*_SCALE, *_LABELS, "axis")),
    Rule(r"/inside", ("|u1",), range(1, 17), ("flag_values", "flag_meanings", *_LABELS)),
    Rule(r"/component\d+", ("<i8",), range(1, 2), _SCALE),
    Rule(rf"/{NAME}", FLOATS, range(1, 17), (*_SCALE, *_LABELS, "axis", "_FillValue", "Attribute")),
)

_COMPILED = tuple((re.compile(rule.pattern), rule) for rule in RULES)


def rule_for(path: str) -> Rule | None:
    """Return the first rule that matches a path, or None."""
    return next((rule for pattern, rule in _COMPILED if pattern.fullmatch(path)), None)


def dataset_name(name: str) -> str:
    """Return the name under which a field or coordinate stands in the file.

    A name that the file keeps for itself gets an underscore at its end; so does such a name that ends in underscores
    already, which makes the map one to one.

    Example:
        >>> dataset_name("u"), dataset_name("history"), dataset_name("history_")
        ('u', 'history_', 'history__')
    """
    return f"{name}_" if _RESERVED.fullmatch(name) else name


def original_name(stored: str) -> str | None:
    """Return the name that ``dataset_name`` came from, or None for one that the file keeps for itself."""
    if not _RESERVED.fullmatch(stored):
        return stored
    return stored[:-1] if stored.endswith("_") else None


def is_clock(name: str) -> bool:
    """Tell whether a quantity of the history measures the machine, not the solution: seconds and memory."""
    return _CLOCK.fullmatch(name) is not None
