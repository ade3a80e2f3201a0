"""Read triangle meshes from STL, OBJ and PLY files: the only module that opens them.

Every byte is taken for hostile. A file is read once, whole, after it was found to be a regular file of bounded size;
what it declares is compared with its size before memory is allocated; no other file is opened, whatever it names; and
whatever goes wrong leaves as a ``DataError`` that names the path.
"""

from __future__ import annotations

import itertools
import os
import re
import stat
from pathlib import PurePath

import numpy as np

from sirenpde.errors import DataError
from sirenpde.regions.ply import AGAIN, read_ply

MAXIMUM_BYTES = 2**27
MAXIMUM_TRIANGLES = 2**22
STL_HEADER, STL_TRIANGLE = 84, 50
STL_RECORD = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])


def read_triangles(path: str | os.PathLike[str]) -> tuple[np.ndarray, np.ndarray]:
    """Read a mesh.

    Args:
        path: A file that ends in .stl (text or binary), .obj or .ply.

    Returns:
        The vertices ``(v, 3)``, float64, and for each triangle its three vertices ``(m, 3)``, int64. Those of an STL
        file are not merged.

    Raises:
        DataError: If the file cannot be read, is damaged, too large, or holds no triangle.
    """
    name = called(path)
    readers = {".stl": _read_stl, ".obj": _read_obj, ".ply": read_ply}
    suffix = PurePath(os.fsdecode(path)).suffix.lower()
    if suffix not in readers:
        msg = f"{name} ends in {suffix!r}; expected .stl, .obj or .ply. Export the mesh in one of these formats."
        raise DataError(msg)
    vertices, faces = readers[suffix](name, _read_bytes(name, path))
    return require_arrays(name, vertices, faces)


def called(path: object) -> str:
    """Return how messages call a file; refuse what is no path."""
    if not isinstance(path, (str, os.PathLike)):
        msg = f'Mesh: got a {type(path).__name__}; expected a path, as in Mesh("part.stl", names=("x", "y", "z")).'
        raise DataError(msg)
    return f'mesh "{os.fsdecode(path)}"'


def require_arrays(name: str, vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return vertices as floats and triangles as integers; refuse what describes no triangles."""
    if vertices.ndim != 2 or vertices.shape[1] != 3 or vertices.dtype.kind not in "iuf":
        msg = f"{name} has vertices of shape {vertices.shape} and type {vertices.dtype}; expected numbers (v, 3)."
        raise DataError(msg)
    if faces.size == 0:
        msg = f"{name} holds 0 triangles; expected at least 4. {AGAIN}"
        raise DataError(msg)
    if faces.ndim != 2 or faces.shape[1] != 3 or faces.dtype.kind not in "iu":
        msg = f"{name} has triangles of shape {faces.shape} and type {faces.dtype}; expected integers (m, 3)."
        raise DataError(msg)
    if len(faces) > MAXIMUM_TRIANGLES:
        msg = f"{name} holds {len(faces)} triangles; the limit is {MAXIMUM_TRIANGLES}. Simplify the mesh first."
        raise DataError(msg)
    wrong = np.flatnonzero(((faces < 0) | (faces >= len(vertices))).any(axis=1))
    if len(wrong):
        row = int(wrong[0])
        msg = (
            f"{name}: triangle {row} has the vertices {faces[row].tolist()}; expected 0 to {len(vertices) - 1}. {AGAIN}"
        )
        raise DataError(msg)
    bad = np.flatnonzero(~np.isfinite(vertices).all(axis=1))
    if len(bad):
        values = ", ".join(f"{value:g}" for value in vertices[bad[0]])
        msg = f"{name}: {len(bad)} vertices are not finite, first vertex {bad[0]}: ({values}). {AGAIN}"
        raise DataError(msg)
    return vertices.astype(float), faces.astype(np.int64)


def _read_bytes(name: str, path: str | os.PathLike[str]) -> bytes:
    """Read a regular file of bounded size, once."""
    try:
        # Without O_NONBLOCK, opening a pipe that nobody writes to would wait for ever.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                msg = f"{name} is no ordinary file. Give the path of the file itself."
                raise DataError(msg)
            content = file.read(MAXIMUM_BYTES + 1)
    except (OSError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        reason = getattr(error, "strerror", None) or str(error)
        msg = f"{name} cannot be read: {reason}. Expected a file; check the path and the right to read it."
        raise DataError(msg) from error
    if len(content) > MAXIMUM_BYTES:
        msg = f"{name} has {status.st_size} bytes; the limit is {MAXIMUM_BYTES}. Simplify the mesh first."
        raise DataError(msg)
    if not content:
        msg = f"{name} is empty (0 bytes). Perhaps a download or a copy failed; fetch the file again."
        raise DataError(msg)
    return content


def _read_stl(name: str, content: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Read STL: binary if its size is what its count says, whatever its first word; else text."""
    declared = int.from_bytes(content[80:STL_HEADER], "little") if len(content) >= STL_HEADER else -1
    if STL_HEADER + STL_TRIANGLE * declared == len(content):
        corners = np.frombuffer(content, STL_RECORD, offset=STL_HEADER)["corners"].reshape(-1, 3).astype(float)
    elif content.lstrip()[:5].lower() == b"solid" and b"\0" not in content and b"facet" in content.lower():
        corners = _stl_text(name, content)
    else:
        raise _no_stl(name, content, declared)
    return corners, np.arange(len(corners)).reshape(-1, 3)


def _no_stl(name: str, content: bytes, declared: int) -> DataError:
    """Say why the bytes are neither binary STL nor text."""
    says = ""
    if content.lstrip()[:5].lower() == b"solid":
        says = "It starts with the word solid as text does, but holds no text facets.\n  "
    if declared < 0:
        msg = f"{name} is no STL file: it has {len(content)} bytes; expected at least {STL_HEADER}. {says}{AGAIN}"
        return DataError(msg)
    room = (len(content) - STL_HEADER) // STL_TRIANGLE
    msg = (
        f"{name} declares {declared} triangles, which take {STL_HEADER + STL_TRIANGLE * declared} bytes; it has "
        f"{len(content)} bytes, room for {room}.\n  {says}It is truncated, damaged or no STL file. {AGAIN}"
    )
    return DataError(msg)


def _stl_text(name: str, content: bytes) -> np.ndarray:
    """Return the corners in a text STL, shape ``(3 m, 3)``."""
    text = content.lower()
    if not re.search(rb"endsolid[^\n]*\s*\Z", text):
        msg = f"{name} is a text STL that does not end with endsolid; it is truncated. {AGAIN}"
        raise DataError(msg)
    found = re.findall(rb"\bvertex[ \t]+(\S+)[ \t]+(\S+)[ \t]+(\S+)[ \t]*(?:\r?\n|\r)", text)
    opened, closed, corners = (
        len(re.findall(word, text)) for word in (rb"\bfacet\s", rb"\bendfacet\b", rb"\bvertex\b")
    )
    if not (opened == closed and 3 * opened == corners == len(found)):
        msg = (
            f"{name} is a text STL with {opened} facets, {closed} of them closed, and {len(found)} readable of "
            f"{corners} vertices; expected 3 vertices per facet. {AGAIN}"
        )
        raise DataError(msg)
    return _floats(name, found)


def _floats(name: str, rows: list[tuple[bytes, bytes, bytes]]) -> np.ndarray:
    """Turn triples of words into numbers, shape ``(n, 3)``."""
    try:
        return np.array([[float(word) for word in row] for row in rows], dtype=float).reshape(-1, 3)
    except ValueError as error:
        msg = f"{name} has a vertex that is no triple of numbers: {str(error)[:80]}. {AGAIN}"
        raise DataError(msg) from error


def _read_obj(name: str, content: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Read the vertices and polygons of OBJ; everything else in it, libraries of materials too, is passed over."""
    points: list[tuple[bytes, bytes, bytes]] = []
    faces: list[tuple[int, int, int]] = []
    for number, line in enumerate(content.splitlines(), start=1):
        word, *rest = line.split() or [b""]
        try:
            if word == b"v":
                points.append((rest[0], rest[1], rest[2]))
            elif word == b"f":
                corners = [_obj_index(part, len(points)) for part in rest]
                if len(corners) < 3:
                    raise IndexError
                faces.extend((corners[0], *pair) for pair in itertools.pairwise(corners[1:]))
        except (ValueError, IndexError) as error:
            text = line[:80].decode("latin-1")
            msg = f"{name}: line {number} is {text!r}; expected three coordinates, or three or more vertices. {AGAIN}"
            raise DataError(msg) from error
    return _floats(name, points), np.array(faces, dtype=np.int64)


def _obj_index(part: bytes, known: int) -> int:
    """Return a vertex of a face counted from 0; OBJ counts from 1, and backwards from the last if negative."""
    index = int(part.partition(b"/")[0])
    if not 0 < abs(index) < 2**31:
        raise ValueError
    return index - 1 if index > 0 else known + index
