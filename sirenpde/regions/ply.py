"""Read the vertices and triangles in the bytes of a PLY file, checked against its header.

Nothing is opened here: ``mesh_file.py`` reads the file and hands its bytes over.
"""

from __future__ import annotations

import itertools
import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from sirenpde.errors import DataError

AGAIN = "Export the file again."
MAXIMUM_HEADER = 2**16
#: Type in the header → letter that ``struct`` and NumPy know it by.
KINDS = {
    "char": "b", "int8": "b", "uchar": "B", "uint8": "B", "short": "h", "int16": "h", "ushort": "H", "uint16": "H",
    "int": "i", "int32": "i", "uint": "I", "uint32": "I", "float": "f", "float32": "f", "double": "d", "float64": "d",
}  # fmt: skip
ORDERS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}
INTEGERS = "bBhHiI"


class Property(NamedTuple):
    """A column: its name, the type of its values, and for a list the type of its length."""

    name: str
    kind: str
    length: str | None


class Element(NamedTuple):
    """A table: its name, number of rows and columns."""

    name: str
    rows: int
    properties: list[Property]


def read_ply(name: str, content: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Return vertices ``(v, 3)`` and triangles ``(m, 3)``; polygons of more corners become fans.

    Raises:
        DataError: If header and content do not agree, or there are no coordinates or no faces.
    """
    order, elements, start = _header(name, content)
    # A row takes at least one byte, as binary or as text with its blank.
    rows = sum(element.rows for element in elements)
    if rows > len(content) - start:
        listed = ", ".join(f"{element.rows} of {element.name!r}" for element in elements)
        msg = f"{name} declares {listed}, but {len(content) - start} bytes follow its header; it is truncated. {AGAIN}"
        raise DataError(msg)
    body = _Bytes(content, start, order) if order else _Words(content[start:])
    vertices, faces = np.zeros((0, 3)), np.zeros((0, 3), dtype=np.int64)
    for element in elements:
        try:
            if element.name == "vertex":
                vertices = _vertices(element, body)
            elif element.name == "face":
                faces = _faces(element, body)
            else:
                for _ in _rows(element, body):
                    pass
        except (ValueError, LookupError, OverflowError, struct.error) as error:
            reason = str(error)[:120]
            msg = (
                f"{name} does not hold the {element.rows} rows of {element.name!r} that it declares: {reason}. {AGAIN}"
            )
            raise DataError(msg) from error
    return vertices, faces


def _header(name: str, content: bytes) -> tuple[str, list[Element], int]:
    """Return the order of bytes, empty for text; the tables; and where they start."""
    end = re.search(rb"\nend_header[ \t]*(\r\n|\n|\r)", content[:MAXIMUM_HEADER])
    if not content.startswith(b"ply") or end is None:
        msg = f"{name} is no PLY file, or its header is damaged: it starts with {content[:12]!r}. {AGAIN}"
        raise DataError(msg)
    order, elements = None, list[Element]()
    for line in content[: end.start()].decode("latin-1").splitlines()[1:]:
        try:
            match line.split():
                case [] | ["comment" | "obj_info", *_]:
                    pass
                case ["format", kind, _]:
                    order = ORDERS[kind]
                case ["element", title, count] if 0 <= int(count) < 2**40:
                    elements.append(Element(title, int(count), []))
                case ["property", "list", length, kind, title] if KINDS[length] in INTEGERS:
                    elements[-1].properties.append(Property(title, KINDS[kind], KINDS[length]))
                case ["property", kind, title]:
                    elements[-1].properties.append(Property(title, KINDS[kind], None))
                case _:
                    raise ValueError
        except (ValueError, LookupError) as error:
            msg = f"{name} has the line {line[:80]!r} in its header, which is no PLY. {AGAIN}"
            raise DataError(msg) from error
    if order is None or len({element.name for element in elements}) < len(elements):
        msg = f"{name} has a header without a format, or with a table declared twice. {AGAIN}"
        raise DataError(msg)
    return order, elements, end.end()


class _Words:
    """A body of text: numbers between blanks."""

    def __init__(self, content: bytes) -> None:
        self._words = content.split()
        self._place = 0

    def numbers(self, count: int, kind: str) -> list[int] | list[float]:
        words = self._words[self._place : self._place + count] if count >= 0 else []
        if len(words) != count:
            msg = f"{count} numbers were to follow, {len(words)} did"
            raise ValueError(msg)
        self._place += count
        return [int(word) for word in words] if kind in INTEGERS else [float(word) for word in words]

    def table(self, count: int, kinds: str) -> np.ndarray:
        return np.array(self.numbers(count * len(kinds), "d"), dtype=float).reshape(count, len(kinds))


class _Bytes:
    """A body of binary numbers."""

    def __init__(self, content: bytes, place: int, order: str) -> None:
        self._content, self._place, self._order = content, place, order

    def numbers(self, count: int, kind: str) -> list[int] | list[float]:
        layout = struct.Struct(f"{self._order}{count}{kind}")
        values = layout.unpack_from(self._content, self._place)
        self._place += layout.size
        return list(values)

    def table(self, count: int, kinds: str) -> np.ndarray:
        row = np.dtype([(str(place), self._order + kind) for place, kind in enumerate(kinds)])
        values = np.frombuffer(self._content, row, count, self._place)
        self._place += count * row.itemsize
        return np.stack([values[column].astype(float) for column in row.names or ()], axis=1)


def _vertices(element: Element, body: _Words | _Bytes) -> np.ndarray:
    """Return the columns x, y and z."""
    titles = [each.name for each in element.properties]
    if any(each.length for each in element.properties) or not {"x", "y", "z"} <= set(titles):
        msg = f"its columns are {', '.join(titles)}; expected numbers x, y and z"
        raise ValueError(msg)
    table = body.table(element.rows, "".join(each.kind for each in element.properties))
    return table[:, [titles.index(title) for title in "xyz"]]


def _faces(element: Element, body: _Words | _Bytes) -> np.ndarray:
    """Return the polygons as triangles."""
    wanted = [
        each.name for each in element.properties if each.length and each.name in ("vertex_indices", "vertex_index")
    ]
    if not wanted or any(each.kind not in INTEGERS for each in element.properties if each.name == wanted[0]):
        msg = f"its columns are {', '.join(each.name for each in element.properties)}; expected a list vertex_indices"
        raise ValueError(msg)
    triangles: list[tuple[float, float, float]] = []
    for row in _rows(element, body):
        first, *rest = row[wanted[0]]
        if len(rest) < 2:
            msg = f"a face has {len(rest) + 1} corners"
            raise ValueError(msg)
        triangles.extend((first, *pair) for pair in itertools.pairwise(rest))
    return np.array(triangles, dtype=np.int64).reshape(-1, 3)


def _rows(element: Element, body: _Words | _Bytes) -> Iterator[dict[str, list[int] | list[float]]]:
    """Read a table row by row, since lists may differ in length."""
    if not element.properties:
        msg = "it has no columns"
        raise ValueError(msg)
    for _ in range(element.rows):
        row = {}
        for each in element.properties:
            count = int(body.numbers(1, each.length)[0]) if each.length else 1
            row[each.name] = body.numbers(count, each.kind)
        yield row
