"""Save a solution, and read one back from a file that may be damaged or hostile.

Writing builds the whole file in memory, because the HDF5 library ends the process when a disk is full; ``atomic`` then
puts the bytes in place. Reading takes the bytes once, so that what was checked is what is used, walks them against the
schema, compares the digest, and only then looks at values. This is the only module that opens HDF5 files.
"""

from __future__ import annotations

import io
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import h5py
import numpy as np

from sirenpde.errors import FileError, ResourceError, SirenPDEError
from sirenpde.solution import atomic, schema
from sirenpde.solution.archive import Archive
from sirenpde.solution.digest import content_digest
from sirenpde.solution.layout import fill, gather
from sirenpde.solution.walk import load, walk

# What h5py is known to raise on damaged files; all of it means the same to a reader.
_DAMAGE = (OSError, RuntimeError, LookupError, ValueError, TypeError, ArithmeticError, AttributeError, SystemError)


def write(path: str | os.PathLike[str], archive: Archive) -> None:
    """Save a solution: afterwards the path holds the old file or the whole new one.

    Args:
        path: The file, by custom ``NAME.h5``; its folder must exist.
        archive: What to keep. The same archive gives the same bytes.

    Raises:
        UsageError: If the path cannot be written.
        ResourceError: If the disk or the memory has no room.
    """
    atomic.write_bytes(path, encode(archive))


def read(path: str | os.PathLike[str], *, limit: int = schema.MAX_BYTES) -> Archive:
    """Read a solution back, bit for bit.

    Nothing in the file is executed, no other file is opened, and damage is found by the file's digest.

    Args:
        path: The file.
        limit: The most bytes that the file, and all its datasets unpacked, may have.

    Raises:
        FileError: If the file is missing, damaged, foreign or hostile; the message names the place in the file.
        ResourceError: If the memory has no room for it.
    """
    name = atomic.path_text(path)
    return decode(_read_bytes(name, limit), source=name, limit=limit)


def encode(archive: Archive) -> bytes:
    """Return the bytes of the file that keeps an archive."""
    buffer = io.BytesIO()
    try:
        with h5py.File(buffer, "w", track_order=True) as file:
            fill(file, archive)
            digest = file.create_dataset(schema.DIGEST, data=np.zeros(32, dtype="u1"))
            file.flush()
            items = walk(file, buffer.getvalue(), limit=sys.maxsize)
            digest[...] = np.frombuffer(content_digest(items, load(items)), dtype="u1")
        return buffer.getvalue()
    except MemoryError as error:
        msg = f"no memory to build the file of problem {archive.problem!r}.\n  Save a coarser grid."
        raise ResourceError(msg) from error


def decode(image: bytes, *, source: str = "the file", limit: int = schema.MAX_BYTES) -> Archive:
    """Return the archive that the bytes of a file keep.

    Args:
        image: The whole file.
        source: What errors call it.
        limit: The most bytes that all its datasets may have, unpacked.

    Raises:
        FileError: If the bytes are damaged, foreign or hostile.
        ResourceError: If the memory has no room for them.
    """
    with _naming(source):
        if not image.startswith(schema.SIGNATURE):
            msg = "it is not an HDF5 file."
            raise FileError(msg)
        with h5py.File(io.BytesIO(image), "r") as file:
            _require_version(file)
            items = walk(file, image, limit)
            arrays = load(items)
        _require_digest(arrays.pop(schema.DIGEST, None), content_digest(items, arrays))
        return gather(arrays)


@contextmanager
def _naming(source: str) -> Iterator[None]:
    """Turn whatever a bad file causes into an error that names it."""
    try:
        yield
    except FileError as error:
        msg = f"solution file {source!r} was refused: {error}"
        raise FileError(msg) from error
    except SirenPDEError:
        raise
    except MemoryError as error:
        msg = f"no memory to read {source!r}."
        raise ResourceError(msg) from error
    except _DAMAGE as error:
        msg = f"solution file {source!r} was refused: it is damaged, or was made by another program ({error})."
        raise FileError(msg) from error


def _require_version(file: h5py.File) -> None:
    """Read the version of the schema before anything else: all further rules depend on it."""
    node = file["/"].id
    if not h5py.h5a.exists(node, b"sirenpde_schema"):
        msg = "it is an HDF5 file, but no solution of sirenpde: the attribute 'sirenpde_schema' is missing."
        raise FileError(msg)
    attribute = h5py.h5a.open(node, b"sirenpde_schema")
    if attribute.shape != () or not attribute.get_type().equal(h5py.h5t.STD_I64LE):
        msg = "its attribute 'sirenpde_schema' is not a 64-bit integer."
        raise FileError(msg)
    version = np.empty((), dtype="<i8")
    attribute.read(version)
    if version != schema.VERSION:
        advice = "Read it with the version of sirenpde that wrote it."
        msg = f"it has schema {version}; this version of sirenpde reads schema {schema.VERSION}.\n  {advice}"
        raise FileError(msg)


def _require_digest(stored: np.ndarray | None, found: bytes) -> None:
    if stored is None or stored.tobytes() != found:
        msg = "its content does not match its digest: it was damaged, or changed by another program."
        raise FileError(msg)


def _read_bytes(name: str, limit: int) -> bytes:
    """Read a regular file once. A link that the user gave is followed; nothing that could block is opened to wait."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(os.path.realpath(name, strict=True), flags)
        with os.fdopen(descriptor, "rb") as stream:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                msg = f"cannot read {name!r}: it is not a regular file."
                raise FileError(msg)
            image = stream.read(limit + 1) if status.st_size <= limit else b""
            if status.st_size > limit or len(image) > limit:
                msg = f"cannot read {name!r}: it has more than {limit} bytes.\n  If you trust it, pass a larger limit."
                raise FileError(msg)
            return image
    except (OSError, ValueError) as error:
        if isinstance(error, FileError):
            raise
        msg = f"cannot read {name!r}: {(error.strerror if isinstance(error, OSError) else None) or error}."
        raise FileError(msg) from error
    except MemoryError as error:
        msg = f"no memory to read {name!r}."
        raise ResourceError(msg) from error
