"""Checks of two regions that are to be combined, and the sentences that refuse them."""

from __future__ import annotations

from typing import NoReturn

from sirenpde.errors import RegionError
from sirenpde.regions.shape import Shape, common_bounds


def require_same_coordinates(left: Shape, right: Shape, what: str) -> None:
    """Refuse two regions of different coordinates; the order does not matter."""
    if set(left.names) == set(right.names):
        return
    msg = (
        f"the {what} of {left!r} and {right!r} is no region: one has coordinates {left.names}, the other {right.names}."
    )
    if not set(left.names) & set(right.names):
        msg += "\n  Regions in different coordinates make a product: A * B."
    raise RegionError(msg)


def refuse_dimensions(left: Shape, right: Shape, what: str) -> NoReturn:
    """Refuse two regions of which one is thin beside the other."""
    if what == "difference":
        msg = (
            f"{left!r} - {right!r} takes nothing away: one has dimension {left.dimension}, the other {right.dimension}."
            "\n  Take away a region of the same dimension, or a solid one."
        )
    else:
        msg = (
            f"the {what} of {left!r} and {right!r} mixes regions of different dimension; give each a constraint "
            "of its own."
        )
    raise RegionError(msg)


def gap(left: Shape, right: Shape) -> str:
    """Return the first coordinate in which the bounds of two regions have nothing in common, as a clause."""
    name = next(name for name, (low, high) in common_bounds(left.bounds, right.bounds).items() if low > high)
    (low, high), (other_low, other_high) = left.bounds[name], right.bounds[name]
    return f"{name} runs from {low:g} to {high:g} in one and from {other_low:g} to {other_high:g} in the other"
