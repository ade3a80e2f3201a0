"""What a file says of its windows: checked before it is used, for it comes from outside."""

from __future__ import annotations

import itertools
from typing import Any

from sirenpde.errors import FileError, finite_number
from sirenpde.fields.layout import Layout
from sirenpde.fields.windows import HIGHEST, WindowedNetwork


def window_settings(network: WindowedNetwork, layout: Layout) -> dict[str, Any]:
    """Return where windows begin and end and what goes from one to the next, as plain numbers and text."""
    return {
        "coordinate": layout.coordinates[network.axis],
        "edges": list(network.ends),
        "orders": list(network.orders),
    }


def window_numbers(stored: Any, count: int, layout: Layout, source: str) -> tuple[int, list[float], list[int]]:
    """Return the column of the coordinate, the edges and the orders of windows: the counterpart of ``window_settings``.

    Args:
        stored: What the file says.
        count: How many windows there are.
        layout: Fields and coordinates of the file.
        source: What errors call the file.

    Raises:
        FileError: If it is no description of so many windows.
    """
    numbers = stored if isinstance(stored, dict) and set(stored) == {"coordinate", "edges", "orders"} else {}
    edges: Any = numbers.get("edges")
    orders: Any = numbers.get("orders")
    edges, orders = (each if isinstance(each, list) else [] for each in (edges, orders))
    known = [finite_number(edge) for edge in edges]
    places = [edge for edge in known if edge is not None]
    ascending = all(before < after for before, after in itertools.pairwise(places))
    counted = all(isinstance(k, int) and not isinstance(k, bool) and 0 <= k <= HIGHEST for k in orders)
    if not (
        numbers.get("coordinate") in layout.coordinates
        and len(places) == len(known) == count + 1
        and ascending
        and len(orders) == layout.outputs
        and counted
    ):
        msg = (
            f"{source}: the windows are {str(stored)[:80]}; expected a coordinate of the file, {count + 1} ascending "
            f"edges, and an order of 0 to {HIGHEST} for each of {layout.outputs} outputs."
        )
        raise FileError(msg)
    return layout.coordinates.index(numbers["coordinate"]), places, orders
