"""Write one array or one text into an open HDF5 file, in the types and filters that every reader of our files knows."""

from __future__ import annotations

import h5py
import numpy as np

# Below this a chunk's own bookkeeping outweighs what it saves.
_SMALL = 4096
_CHUNK = 4 << 20


def put_text(node: h5py.Group | h5py.Dataset, name: str, text: str) -> None:
    """Write an attribute as text of fixed length: ASCII where it is, else UTF-8. Every reader shows it as text."""
    data = text.encode("utf-8")
    encoding = "ascii" if text.isascii() else "utf-8"
    dtype = h5py.string_dtype(encoding, max(len(data), 1))
    node.attrs.create(name, np.array(data, dtype=dtype), dtype=dtype)


def put_array(group: h5py.Group, name: str, array: np.ndarray, slices: int = 0) -> h5py.Dataset:
    """Write a dataset, little-endian; large ones compressed, in chunks of one slice along the first ``slices`` axes."""
    array = np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")
    if array.nbytes <= _SMALL:
        return group.create_dataset(name, data=array)
    chunk = [1 if axis < slices else size for axis, size in enumerate(array.shape)]
    for axis in range(len(chunk)):
        rest = int(np.prod(chunk[axis + 1 :], dtype=np.int64)) * array.itemsize
        chunk[axis] = max(1, min(chunk[axis], _CHUNK // rest))
    return group.create_dataset(
        name, data=array, chunks=tuple(chunk), compression="gzip", compression_opts=4, shuffle=True, fletcher32=True
    )
