"""Two numbers that answer "is it whole?" and "is it the same?".

The content digest covers everything in a file but itself, so damage of any value is found when the file is read. The
result digest covers what a repeated run must repeat bit for bit: weights, unknown numbers and losses, without times,
versions and grids. Both are SHA-256 and guard against accidents, not against an attacker, who can compute them too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from sirenpde.solution import schema
from sirenpde.solution.archive import Archive
from sirenpde.solution.walk import Item


def content_digest(items: list[Item], arrays: Mapping[str, np.ndarray]) -> bytes:
    """Return the digest of a file: 32 bytes over its paths in sorted order.

    Each path gives its kind, its name, and then: of a group nothing, of a dataset type, shape and bytes, of a second
    link the path of the first; last, its attributes in sorted order with type, shape and bytes. Left out are the
    digest's own dataset and the attributes of references.
    """
    hasher = hashlib.sha256()
    for item in sorted(items, key=lambda item: item.path):
        if item.path == schema.DIGEST:
            continue
        kind = "link" if item.same_as else "dataset" if item.path in arrays else "group"
        _put_text(hasher, kind, item.path)
        if item.same_as:
            _put_text(hasher, item.same_as)
            continue
        if item.path in arrays:
            _put_array(hasher, arrays[item.path])
        for name in sorted(item.attributes):
            _put_text(hasher, "attribute", name)
            _put_array(hasher, item.attributes[name])
    return hasher.digest()


def result_digest(archive: Archive) -> str:
    """Return the digest of a result in hexadecimal: equal for two runs that gave the same bits.

    It covers the weights, the unknown numbers, and the history without seconds and memory.
    """
    hasher = hashlib.sha256()
    history = {name: row.astype("<f8") for name, row in archive.history.items() if not schema.is_clock(name)}
    unknowns = {name: np.array(number, dtype="<f8") for name, number in archive.unknowns.items()}
    for kind, group in (("weights", archive.weights), ("unknowns", unknowns), ("history", history)):
        for name in sorted(group):
            _put_text(hasher, kind, name)
            _put_array(hasher, group[name].astype(group[name].dtype.newbyteorder("<"), copy=False))
    return hasher.hexdigest()


def _put(hasher: Any, data: Any, size: int) -> None:
    """Feed bytes with their length in front, so that no two sequences of parts give the same stream."""
    hasher.update(size.to_bytes(8, "little"))
    hasher.update(data)


def _put_text(hasher: Any, *texts: str) -> None:
    for text in texts:
        data = text.encode("utf-8")
        _put(hasher, data, len(data))


def _put_array(hasher: Any, array: np.ndarray) -> None:
    _put_text(hasher, array.dtype.str, ",".join(map(str, array.shape)))
    flat = np.ascontiguousarray(array).reshape(-1)
    _put(hasher, flat.view(np.uint8) if flat.size else b"", flat.nbytes)
