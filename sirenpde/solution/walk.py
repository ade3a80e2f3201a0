"""Look at every object of an open HDF5 file before any of its values is used.

``walk`` follows hard links only, one path component at a time, and compares each object with ``schema`` on the way:
kind, type, shape, storage, filters, attributes, and sums of all of these. ``load`` then reads arrays whose sizes are
known to be harmless. The subtle contract: until ``walk`` has returned, no value of a dataset has been read.
"""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass, field
from typing import Any

import h5py
import numpy as np

from sirenpde.errors import FileError
from sirenpde.solution import schema


@dataclass(frozen=True)
class Item:
    """One path of a file.

    Attributes:
        path: Its path from the root.
        node: The open group or dataset.
        same_as: The path under which the same dataset was met first; empty for the first.
        attributes: Its attributes but those of references, text as ``S`` arrays.
    """

    path: str
    node: Any
    same_as: str
    attributes: dict[str, np.ndarray]

    @property
    def is_dataset(self) -> bool:
        """Whether it is a dataset, met for the first time."""
        return isinstance(self.node, h5py.Dataset) and not self.same_as


@dataclass
class _Tour:
    """What has been seen so far, against the limits."""

    image: bytes
    limit: int
    first: dict[int, str] = field(default_factory=dict)
    items: list[Item] = field(default_factory=list)
    declared: int = 0
    stored: int = 0

    def visit(self, path: str, node: Any) -> None:
        """Check one object, then its children. The schema, which is four groups deep, bounds the recursion."""
        address = int(h5py.h5o.get_info(node.id).addr)
        same_as = self.first.get(address, "")
        self.first.setdefault(address, path)
        rule = schema.rule_for(path)
        if rule is None:
            raise _refuse(path, "is not part of the schema")
        is_group = isinstance(node, h5py.Group)
        if is_group == bool(rule.dtypes):
            raise _refuse(path, f"is a {'group' if is_group else 'dataset'}, which the schema does not have there")
        if same_as and (is_group or not path.startswith("/VTKHDF/")):
            raise _refuse(path, f"is a second link to {same_as}, a loop or an alias")
        if not is_group:
            self.inspect(path, node, rule, counted=not same_as)
        self.items.append(Item(path, node, same_as, _attributes(path, node, rule)))
        if is_group:
            self.descend(path, node)

    def descend(self, path: str, group: h5py.Group) -> None:
        """Visit the children of a group as they were made; the view for ParaView last, so its links are second ones."""
        if len(self.items) + len(group) > schema.MAX_OBJECTS:
            raise _refuse(path, f"brings the file to more than {schema.MAX_OBJECTS} objects")
        for name in sorted(group.id, key=lambda name: name == b"VTKHDF"):
            text = name.decode("utf-8", "backslashreplace")
            child = f"{path.rstrip('/')}/{text}"
            if group.id.links.get_info(name).type != h5py.h5l.TYPE_HARD:
                raise _refuse(child, "is a soft, external or user-defined link; only hard links are read")
            # A name that is no path: "." and "..", a slash or NUL would open another object than the one listed.
            if b"/" in name or b"\0" in name or name in (b".", b"..", b"") or not text.isascii():
                raise _refuse(child, "has a name that is not allowed")
            node = group[text]
            if not isinstance(node, (h5py.Group, h5py.Dataset)):
                raise _refuse(child, "is neither a group nor a dataset")
            self.visit(child, node)

    def inspect(self, path: str, node: h5py.Dataset, rule: schema.Rule, *, counted: bool) -> None:
        """Check type, shape, storage and filters of a dataset, and add its sizes to the sums."""
        creation = node.id.get_create_plist()
        if creation.get_layout() == h5py.h5d.VIRTUAL:
            raise _refuse(path, "is a virtual dataset, which reads other files")
        if creation.get_external_count() > 0:
            raise _refuse(path, "is stored outside the file (external storage)")
        dtype = _numpy_type(path, node.id.get_type(), rule.dtypes)
        space = node.id.get_space()
        shape = tuple(space.get_simple_extent_dims()) if space.is_simple() else ()
        if space.get_simple_extent_type() == h5py.h5s.NULL or len(shape) not in rule.ranks:
            raise _refuse(path, f"has shape {shape}, of a rank that the schema does not have there")
        declared, stored = math.prod(shape) * dtype.itemsize, int(node.id.get_storage_size())
        self.declared += declared * counted
        self.stored += stored * counted
        if self.declared > self.limit or declared > schema.MAX_RATIO * stored + schema.RATIO_SLACK:
            sums = f"all datasets together declare {self.declared} of {self.limit}"
            raise _refuse(path, f"declares {declared} bytes and stores {stored}; {sums}")
        if self.stored > len(self.image):
            raise _refuse(path, f"brings the stored bytes to {self.stored}, more than the file has")
        if creation.get_layout() == h5py.h5d.CHUNKED and counted:
            self.inspect_chunks(path, node, dtype)

    def inspect_chunks(self, path: str, node: h5py.Dataset, dtype: np.dtype[Any]) -> None:
        """Check the filters, and that every chunk inflates to its own size: the library itself sets no bound."""
        creation = node.id.get_create_plist()
        numbers = [creation.get_filter(index)[0] for index in range(creation.get_nfilters())]
        filters = [schema.FILTERS.get(number, f"number {number}") for number in numbers]
        expected = list(schema.FILTERS.values())
        if filters != [name for name in expected if name in filters]:
            raise _refuse(path, f"has the filters {filters}; expected some of {expected} in this order")
        chunk_shape, shape = creation.get_chunk(), node.shape
        size = math.prod(chunk_shape) * dtype.itemsize
        most = math.prod(-(-length // step) for length, step in zip(shape, chunk_shape, strict=True))
        if any(step > max(length, 1) for length, step in zip(shape, chunk_shape, strict=True)):
            raise _refuse(path, f"has chunks of shape {chunk_shape}, larger than itself")
        if node.id.get_num_chunks() > most:
            raise _refuse(path, f"has more than {most} chunks")

        def fault(chunk: Any) -> str | None:
            end = chunk.byte_offset + chunk.size
            # The mask of a chunk names filters that it skips; the writer skips none.
            if chunk.filter_mask or end > len(self.image):
                return "has a chunk with other filters, or outside the file"
            if "deflate" in filters and _inflated(memoryview(self.image)[chunk.byte_offset : end], size + 1) != size:
                return f"has a chunk that does not inflate to its {size} bytes"
            return None

        found = node.id.chunk_iter(fault)  # Stops at the first fault, and returns it.
        if found is not None:
            raise _refuse(path, found)


def walk(file: h5py.File, image: bytes, limit: int) -> list[Item]:
    """Return every path of a file that follows the schema.

    Args:
        file: The open file.
        image: The bytes that it was opened from.
        limit: The most bytes that all its datasets may declare together.

    Raises:
        FileError: At the first object that breaks a rule.
    """
    tour = _Tour(image, limit)
    tour.visit("/", file["/"])
    return tour.items


def load(items: list[Item]) -> dict[str, np.ndarray]:
    """Read every dataset once: path to array, little-endian."""
    arrays = {}
    for item in items:
        if item.is_dataset:
            array = np.empty(item.node.shape, dtype=item.node.dtype)
            if array.size:
                item.node.id.read(h5py.h5s.ALL, h5py.h5s.ALL, array)
            arrays[item.path] = array
    return arrays


def _refuse(path: str, fault: str) -> FileError:
    return FileError(f"{path[:200]!r} {fault}.")


def _inflated(raw: memoryview, most: int) -> int:
    """Return how many bytes a compressed chunk holds, counting no further than ``most``."""
    try:
        return len(zlib.decompressobj().decompress(raw, most))
    except zlib.error:
        return -1


def _numpy_type(path: str, found: Any, allowed: tuple[str, ...]) -> np.dtype[Any]:
    """Return the NumPy type that equals an HDF5 type bit for bit, among those allowed."""
    for code in allowed:
        if found.equal(h5py.h5t.py_create(np.dtype(code), logical=True)):
            return np.dtype(code)
    expected = ", ".join(np.dtype(code).name for code in allowed)
    raise _refuse(path, f"has a type that is not allowed there; expected {expected}")


def _attributes(path: str, node: Any, rule: schema.Rule) -> dict[str, np.ndarray]:
    """Read the attributes of an object, each after its name, type and shape have passed."""
    count = h5py.h5a.get_num_attrs(node.id)
    if count > schema.MAX_ATTRIBUTES:
        raise _refuse(path, f"has {count} attributes, more than {schema.MAX_ATTRIBUTES}")
    attributes = {}
    for index in range(count):
        attribute = h5py.h5a.open(node.id, index=index)
        name = attribute.name.decode("utf-8", "backslashreplace")
        if name in schema.UNREAD:
            continue
        if name not in rule.attributes:
            raise _refuse(path, f"has an attribute {name[:200]!r} that is not part of the schema")
        attributes[name] = _attribute(f"{path}@{name}", attribute, *schema.ATTRIBUTES[name])
    return attributes


def _attribute(label: str, attribute: Any, allowed: tuple[str, ...], shape: tuple[int, ...]) -> np.ndarray:
    found = attribute.get_type()
    extent = attribute.get_space().get_simple_extent_type()
    if attribute.shape != shape or extent == h5py.h5s.NULL:
        raise _refuse(label, f"has shape {attribute.shape}; expected {shape}")
    if allowed == (schema.TEXT,):
        if found.get_class() != h5py.h5t.STRING or found.is_variable_str() or found.get_size() > 4 * schema.MAX_TEXT:
            raise _refuse(label, "has a type that is not allowed there; expected short text of fixed length")
        dtype: np.dtype[Any] = np.dtype(f"S{found.get_size()}")
    else:
        dtype = _numpy_type(label, found, allowed)
    value = np.empty(shape, dtype=dtype)
    attribute.read(value, mtype=found)
    return value
