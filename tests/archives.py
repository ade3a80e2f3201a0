"""One archive of each kind of solution file, with values that name their own place."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import h5py
import numpy as np

from sirenpde.solution import schema
from sirenpde.solution.archive import Archive, file_order
from sirenpde.solution.digest import content_digest
from sirenpde.solution.walk import load, walk

AXES = {
    "x": np.linspace(-1.0, 1.0, 9),
    "y": np.linspace(0.0, 3.0, 7),
    "z": np.linspace(2.0, 4.0, 5),
    "t": np.linspace(0.0, 0.5, 6),
}

# Kind -> coordinates, components, float type.
KINDS: dict[str, tuple[tuple[str, ...], int, str]] = {
    "line": (("x",), 0, "<f8"),
    "sound": (("t",), 0, "<f4"),
    "grey": (("x", "y"), 0, "<f4"),
    "colour": (("x", "y"), 3, "<f8"),
    "line in time": (("x", "t"), 0, "<f8"),
    "plane in time": (("x", "y", "t"), 0, "<f8"),
    "flow in time": (("x", "y", "t"), 2, "<f4"),
    "solid": (("x", "y", "z"), 0, "<f8"),
    "solid in time": (("x", "y", "z", "t"), 0, "<f4"),
}


def value_at(components: int, **coordinates: Any) -> np.ndarray:
    """A field that differs at every grid point and in every coordinate."""
    total = sum(factor * np.asarray(coordinates.get(name, 0.0)) for name, factor in zip("xyzt", (1, 10, 100, 1000)))
    parts = [total + 1e4 * index for index in range(max(components, 1))]
    return np.stack(parts, axis=-1) if components else parts[0]


def make(kind: str = "plane in time", *, region: str = "box", **changes: Any) -> Archive:
    """Return an archive of this kind, its region a box, a ball, or a ball that moves with time."""
    coordinates, components, dtype = KINDS[kind]
    axes = {name: AXES[name] for name in coordinates}
    order = file_order(coordinates)
    mesh = dict(zip(order, np.meshgrid(*(axes[name] for name in order), indexing="ij")))
    field = value_at(components, **mesh).astype(dtype)
    inside = None
    if region != "box":
        shift = mesh["t"] if region == "moving" else 0.0
        inside = (mesh["x"] - shift) ** 2 + (mesh.get("y", 1.5) - 1.5) ** 2 < 1.1
        field[~inside] = np.nan
    shape = (components,) if components else ()
    parts: dict[str, Any] = {
        "problem": "heat",
        "coordinates": coordinates,
        "fields": {"u": shape},
        "title": "Wärme in a plate",
        "status": "budget_spent",
        "axes": axes,
        "values": {"u": field, "u_error": 0.5 * field},
        "inside": inside,
        "units": {"x": "m", "u": "K"},
        "long_names": {"u": "temperature Θ"},
        "points": {"walls": {coordinates[0]: np.array([-1.0, 1.0]), "n": np.ones((2, 3), dtype="<f4")}},
        "history": {"step": np.arange(3.0), "loss": np.array([1.0, 0.5, 0.25]), "seconds": np.array([0.0, 1.0, 2.0])},
        "weights": weights(),
        "unknowns": {"nu": 0.01},
        "parameters": {"nu": np.array([0.25, 0.02])},
        "settings": {"network": {"width": 4, "omega": 30.0}, "seed": 0, "note": "größer"},
        "statement": ["add", ["symbol", "x"], ["rational", 1, 3]],
        "provenance": {"sirenpde": "0.1.0", "device": "cpu"},
        "verification": {"relative_l2": 1e-3},
        "training": {"generator": np.arange(16, dtype="u1"), "step": np.array(7), "best": np.array([True, False])},
    }
    return Archive(**(parts | changes))


def weights() -> dict[str, np.ndarray]:
    """Both float types, with the bit patterns that a careless writer changes."""
    odd = np.array([0x7FC00001, 0xFFC12345, 0x00000001, 0x80000000, 0x7F800000], dtype="<u4").view("<f4")
    rows = np.random.default_rng(1).standard_normal((40, 30))
    return {"layers.0.weight": rows, "layers.0.bias": odd, "layers.10.scale": np.array(np.pi, dtype="<f8")}


def assert_same(first: Archive, second: Archive) -> None:
    """Compare every part of two archives, arrays bit for bit and in order."""
    for name in Archive.__dataclass_fields__:
        _compare(name, getattr(first, name), getattr(second, name))


def _compare(label: str, first: Any, second: Any) -> None:
    if isinstance(first, dict):
        assert list(first) == list(second), label
        for name in first:
            _compare(f"{label}.{name}", first[name], second[name])
    elif isinstance(first, np.ndarray):
        assert (first.dtype, first.shape) == (second.dtype, second.shape), label
        assert first.tobytes() == second.tobytes(), label
    else:
        assert first == second, label


def change(image: bytes, action: Callable[[h5py.File], Any], *, seal: bool = False) -> bytes:
    """Return a valid file after another program has changed it; sealed, with a digest that matches again."""
    buffer = io.BytesIO(image)
    with h5py.File(buffer, "r+") as file:
        action(file)
    if seal:
        with h5py.File(buffer, "r+") as file:
            items = walk(file, buffer.getvalue(), schema.MAX_BYTES)
            file[schema.DIGEST][...] = np.frombuffer(content_digest(items, load(items)), dtype="u1")
    return buffer.getvalue()
