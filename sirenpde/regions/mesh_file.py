"""Read triangle meshes from STL, OBJ and PLY files: the only module that opens them.

Every byte is taken for hostile. A file is read once, whole, after it was found to be a regular file of bounded size,
and what it declares is compared with its size. Only then trimesh turns the bytes into numbers, without a way to open
another file, and must return as many of them as the file declares; whatever goes wrong leaves as a ``DataError`` that
names the path.
"""

from __future__ import annotations

import io
import os
import re
import stat
import warnings
from pathlib import PurePath
from typing import NamedTuple

import numpy as np

from sirenpde.errors import DataError
from sirenpde.regions.extras import require_extra

AGAIN = "Export the file again."
MAXIMUM_BYTES = 2**27
MAXIMUM_TRIANGLES = 2**22
#: Vertices, faces and other rows together: trimesh takes about 100 bytes for each while it reads text.
MAXIMUM_ROWS = 2**23
MAXIMUM_HEADER = 2**16
STL_HEADER, STL_TRIANGLE = 84, 50
#: Python ends lines of text, though not of bytes, at these too.
SEPARATORS = bytes.maketrans(b"\x0b\x0c\x1c\x1d\x1e", b" " * 5)


class _Checked(NamedTuple):
    """What trimesh is given, and how many vertices and, at least, triangles it must find there."""

    content: bytes
    vertices: int
    triangles: int


def read_triangles(path: str | os.PathLike[str]) -> tuple[np.ndarray, np.ndarray]:
    """Read a mesh.

    Args:
        path: A file that ends in .stl (text or binary), .obj or .ply.

    Returns:
        The vertices ``(v, 3)``, float64, and for each triangle its three vertices ``(m, 3)``, int64. Those of an STL
        file are not merged.

    Raises:
        MissingExtraError: If trimesh is not installed.
        DataError: If the file cannot be read, is damaged, too large, or holds no triangle.
    """
    name = called(path)
    checks = {".stl": _check_stl, ".obj": _check_obj, ".ply": _check_ply}
    suffix = PurePath(os.fsdecode(path)).suffix.lower()
    if suffix not in checks:
        msg = f"{name} ends in {suffix!r}; expected .stl, .obj or .ply. Export the mesh in one of these formats."
        raise DataError(msg)
    checked = checks[suffix](name, _read_bytes(name, path))
    if checked.triangles == 0:
        return require_arrays(name, np.zeros((0, 3)), np.zeros((0, 3), dtype=int))
    vertices, faces = _load(name, checked.content, suffix[1:])
    if len(vertices) != checked.vertices or len(faces) < checked.triangles:
        msg = (
            f"{name} declares {checked.vertices} vertices and {checked.triangles} faces; {len(vertices)} vertices and "
            f"{len(faces)} triangles can be read. It is damaged. {AGAIN}"
        )
        raise DataError(msg)
    return require_arrays(name, vertices, faces)


def _load(name: str, content: bytes, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Let trimesh read the bytes; it is given no name, no resolver and no materials, so it opens nothing else."""
    trimesh = require_extra("trimesh", "meshes", "Mesh")
    read = trimesh.exchange.load.mesh_loaders[kind]  # trimesh.load_mesh merges vertices and drops NaN in some versions
    options = {"resolver": None, "skip_materials": True, "fix_texture": False, "maintain_order": True}
    try:
        with warnings.catch_warnings():
            # At a word that is no number NumPy stops and warns.
            warnings.filterwarnings("error", message="string or file could not be read")
            found = read(io.BytesIO(content), file_type=kind, **options)
            (found,) = found.get("geometry", {"": found}).values()
            mesh = trimesh.Trimesh(found["vertices"], found["faces"], process=False)  # cuts polygons into triangles
        return np.array(mesh.vertices), np.array(mesh.faces)
    except Exception as error:
        reason = f"{type(error).__name__}: {str(error)[:120]}".replace("\n", " ")
        msg = f"{name} is damaged, or no {kind.upper()} that trimesh reads ({reason}). {AGAIN[:-1]}, as triangles."
        raise DataError(msg) from error


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


def _require_rows(name: str, rows: int) -> None:
    if rows > MAXIMUM_ROWS:
        msg = (
            f"{name} holds {rows} vertices, faces and other rows; the limit is {MAXIMUM_ROWS}. Simplify the mesh first."
        )
        raise DataError(msg)


def _check_stl(name: str, content: bytes) -> _Checked:
    """Check STL: binary if its size is what its count says, whatever its first word; else text."""
    declared = int.from_bytes(content[80:STL_HEADER], "little") if len(content) >= STL_HEADER else -1
    if STL_HEADER + STL_TRIANGLE * declared == len(content):
        return _Checked(content, 3 * declared, declared)
    says_text = content.lstrip()[:5].lower() == b"solid"
    if says_text and b"\0" not in content and b"facet" in content.lower():
        return _check_stl_text(name, content)
    says = "It starts with the word solid as text does, but holds no text facets.\n  " if says_text else ""
    if declared < 0:
        msg = f"{name} is no STL file: it has {len(content)} bytes; expected at least {STL_HEADER}. {says}{AGAIN}"
        raise DataError(msg)
    room = (len(content) - STL_HEADER) // STL_TRIANGLE
    msg = (
        f"{name} declares {declared} triangles, which take {STL_HEADER + STL_TRIANGLE * declared} bytes; it has "
        f"{len(content)} bytes, room for {room}.\n  {says}It is truncated, damaged or no STL file. {AGAIN}"
    )
    raise DataError(msg)


def _check_stl_text(name: str, content: bytes) -> _Checked:
    """Count the facets and vertices of a text STL, and keep the vertices."""
    text = content.lower()
    if not re.search(rb"endsolid[^\n]*\s*\Z", text):
        msg = f"{name} is a text STL that does not end with endsolid; it is truncated. {AGAIN}"
        raise DataError(msg)
    rows = [row.group() for row in re.finditer(rb"\bvertex(?:[ \t]+\S+){3}[ \t]*(?=[\r\n])", text)]
    patterns = rb"\bfacet\s", rb"\bendfacet\b", rb"\bvertex\b"
    opened, closed, corners = (sum(1 for _ in re.finditer(pattern, text)) for pattern in patterns)
    if not (opened == closed and 3 * opened == corners == len(rows)):
        msg = (
            f"{name} is a text STL with {opened} facets, {closed} of them closed, and {len(rows)} readable of "
            f"{corners} vertices; expected 3 vertices per facet. {AGAIN}"
        )
        raise DataError(msg)
    # Names may hold words of the format, and normals are not needed.
    return _Checked(b"\n".join([b"solid", *rows, b"endsolid"]), corners, opened)


def _check_obj(name: str, content: bytes) -> _Checked:
    """Keep of OBJ the places of vertices and the polygons, with their corners counted from the first vertex."""
    kept, known, triangles = list[bytes](), 0, 0
    for number, line in enumerate(content.splitlines(), start=1):
        word, *rest = line.split() or [b""]
        if word not in (b"v", b"f"):
            continue
        try:
            if word == b"f":
                rest = [b"%d" % _obj_corner(part, known) for part in rest]
                triangles += len(rest) - 2
            else:
                rest = rest[:3]  # a weight or a colour may follow
                known += 1
            if len(rest) < 3:
                raise ValueError
        except ValueError as error:
            text = line[:80].decode("latin-1")
            msg = f"{name}: line {number} is {text!r}; expected three coordinates, or three or more vertices. {AGAIN}"
            raise DataError(msg) from error
        kept.append(b" ".join([word, *rest]))
    _require_rows(name, len(kept))
    return _Checked(b"\n".join(kept), known, triangles)


def _obj_corner(part: bytes, known: int) -> int:
    """Return a vertex of a face counted from 1; a negative one counts backwards from the last that is known."""
    corner = int(part.partition(b"/")[0])
    corner = known + 1 + corner if corner < 0 else corner
    if not 0 < corner < 2**31:
        raise ValueError
    return corner


def _check_ply(name: str, content: bytes) -> _Checked:
    """Compare the rows that the header of PLY declares with the size of what follows, and with the lines of text."""
    end = re.search(rb"\nend_header[ \t]*(\r\n|\n|\r)", content[:MAXIMUM_HEADER])
    if not content.startswith(b"ply") or end is None:
        msg = f"{name} is no PLY file, or its header is damaged: it starts with {content[:12]!r}. {AGAIN}"
        raise DataError(msg)
    header, body = content[: end.end()], content[end.end() :]
    found = re.findall(rb"\n[ \t]*element[ \t]+(\S+)[ \t]+(\d{1,12})\b", header)
    declared = {title.decode("latin-1"): int(count) for title, count in found}
    listed = ", ".join(f"{count} of {title!r}" for title, count in declared.items())
    if "vertex" not in declared or "face" not in declared or len(declared) < len(found):
        msg = f"{name} declares {listed or 'nothing'}; expected one 'vertex' and one 'face'. {AGAIN}"
        raise DataError(msg)
    # A row takes at least one byte, as binary or as text with its blank.
    if sum(declared.values()) > len(body):
        msg = f"{name} declares {listed}, but {len(body)} bytes follow its header; it is truncated. {AGAIN}"
        raise DataError(msg)
    _require_rows(name, sum(declared.values()))
    if re.search(rb"\n[ \t]*format[ \t]+ascii\b", header):
        lines = [line for line in body.translate(SEPARATORS).splitlines() if line.strip()]
        if len(lines) != sum(declared.values()) or not body.isascii():
            msg = f"{name} declares {listed}, but {len(lines)} lines of text follow its header. {AGAIN}"
            raise DataError(msg)
        body = b"\n".join([*lines, b""])
    return _Checked(header + body, declared["vertex"], declared["face"])
