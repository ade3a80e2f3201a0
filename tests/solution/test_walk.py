"""Hostile files, each a valid solution but for one thing: refused by the path inside, before a value is read."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import archives
import h5py
import numpy as np
import pytest

from sirenpde.errors import FileError
from sirenpde.solution import hdf5

IMAGE = hdf5.encode(archives.make("plane in time", region="moving"))


def add_external_storage(file: h5py.File) -> None:
    file.create_dataset("v", shape=(4,), dtype="<f8", external=[("/etc/passwd", 0, 32)])


def add_virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout(shape=(4,), dtype="<f8")
    layout[:] = h5py.VirtualSource("/etc/passwd", "u", shape=(4,))
    file.create_virtual_dataset("v", layout)


def add_deep(file: h5py.File) -> None:
    file.create_group("/points/" + "/".join("a" * 1000))


def add_many(file: h5py.File) -> None:
    group = file["/verification"]
    for index in range(10_001):
        group.create_dataset(f"n{index}", shape=(), dtype="<f8")


def add_lzf(file: h5py.File) -> None:
    file.create_dataset("v", data=np.zeros(9000), compression="lzf", chunks=(9000,))


def add_two_gzips(file: h5py.File) -> None:
    creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    creation.set_chunk((9000,))
    creation.set_deflate(9)
    creation.set_deflate(9)
    space = h5py.h5s.create_simple((9000,))
    h5py.h5d.create(file.id, b"v", h5py.h5t.IEEE_F64LE, space, creation)


def add_chunk(raw: bytes, mask: int = 0) -> Callable[[h5py.File], None]:
    def add(file: h5py.File) -> None:
        node = file.create_dataset("v", shape=(1000,), dtype="<f8", chunks=(1000,), compression="gzip")
        node.id.write_direct_chunk((0,), raw, filter_mask=mask)

    return add


def add_loop(file: h5py.File) -> None:
    file["/points/again"] = file["/points"]


def add_alias(file: h5py.File) -> None:
    file["/v"] = file["/u"]


def add_type(dtype: Any) -> Callable[[h5py.File], None]:
    def add(file: h5py.File) -> None:
        file.create_dataset("v", shape=(2,), dtype=dtype)

    return add


def add_named_type(file: h5py.File) -> None:
    file["v"] = np.dtype("<f8")


def add_odd_float(file: h5py.File) -> None:
    odd = h5py.h5t.IEEE_F64LE.copy()
    odd.set_ebias(1000)
    h5py.h5d.create(file.id, b"v", odd, h5py.h5s.create_simple((2,)))


def add_link(name: str, link: Any) -> Callable[[h5py.File], None]:
    def add(file: h5py.File) -> None:
        file[name] = link

    return add


def set_attribute(path: str, name: str, value: Any, dtype: Any = None) -> Callable[[h5py.File], None]:
    def add(file: h5py.File) -> None:
        file[path].attrs.create(name, value, dtype=dtype)

    return add


def remove(path: str) -> Callable[[h5py.File], None]:
    def act(file: h5py.File) -> None:
        del file[path]

    return act


def add_null(file: h5py.File) -> None:
    file["v"] = h5py.Empty("<f8")


def add_attributes(file: h5py.File) -> None:
    for index in range(300):
        file["points"].attrs[f"a{index}"] = index


REFERENCES = h5py.special_dtype(ref=h5py.Reference)
COMPOUND = np.dtype([("a", "<f8"), ("b", "<i4")])

HOSTILE: dict[str, tuple[Callable[[h5py.File], Any], str]] = {
    "external link": (add_link("v", h5py.ExternalLink("/etc/passwd", "/")), "'/v' is a soft, external or user-defined"),
    "soft link": (add_link("v", h5py.SoftLink("/u")), "'/v' is a soft, external"),
    "soft link in the own group": (
        add_link("sirenpde/weights/w", h5py.SoftLink("/u")),
        "'/sirenpde/weights/w' is a soft",
    ),
    "external storage": (add_external_storage, r"'/v' is stored outside the file \(external storage\)"),
    "virtual dataset": (add_virtual, "'/v' is a virtual dataset"),
    "shape bomb": (
        lambda file: file.create_dataset("v", shape=(1 << 40,), dtype="<f8", chunks=(1 << 16,)),
        "'/v' declares 8796093022208 bytes and stores 0",
    ),
    "bomb within the limit": (
        lambda file: file.create_dataset("v", shape=(1 << 24,), dtype="<f8", chunks=(1 << 16,)),
        "'/v' declares 134217728 bytes and stores 0",
    ),
    "large chunk": (
        lambda file: file.create_dataset("v", shape=(8,), maxshape=(None,), dtype="<f8", chunks=(1 << 28 | 1,)),
        r"'/v' has chunks of shape \(268435457,\), larger than itself",
    ),
    "chunk that inflates": (
        add_chunk(zlib.compress(bytes(1 << 24))),
        "'/v' has a chunk that does not inflate to its 8000 bytes",
    ),
    "chunk that is short": (add_chunk(zlib.compress(bytes(100))), "does not inflate to its 8000 bytes"),
    "chunk that is no gzip": (add_chunk(b"abcdefgh"), "does not inflate to its 8000 bytes"),
    "chunk without its filter": (add_chunk(bytes(8000), mask=1), "'/v' has a chunk with other filters"),
    "text of any length": (add_type(h5py.string_dtype()), "'/v' has a type that is not allowed there"),
    "text": (add_type("S8"), "'/v' has a type that is not allowed there"),
    "vlen": (add_type(h5py.vlen_dtype("<f8")), "'/v' has a type that is not allowed there"),
    "references": (add_type(REFERENCES), "'/v' has a type that is not allowed there"),
    "compound": (add_type(COMPOUND), "'/v' has a type that is not allowed there"),
    "opaque": (add_type("V8"), "'/v' has a type that is not allowed there"),
    "big-endian": (add_type(">f8"), "'/v' has a type that is not allowed there; expected float32, float64"),
    "float with another bias": (add_odd_float, "'/v' has a type that is not allowed there"),
    "integers as a field": (add_type("<i8"), "'/v' has a type that is not allowed there"),
    "named type": (add_named_type, "'/v' is neither a group nor a dataset"),
    "dataset without values": (add_null, r"'/v' has shape \(\), of a rank"),
    "rank": (
        lambda file: file["history"].create_dataset("v", shape=(2, 2), dtype="<f8"),
        r"has shape \(2, 2\), of a rank",
    ),
    "deep nesting": (add_deep, "'/points/a/a' is a group, which the schema does not have there"),
    "lzf": (add_lzf, r"'/v' has the filters \['number 32000'\]; expected some of"),
    "two gzips": (add_two_gzips, r"'/v' has the filters \['deflate', 'deflate'\]"),
    "too many objects": (add_many, "'/verification' brings the file to more than 10000 objects"),
    "loop": (add_loop, "'/points/again' is a second link to /points, a loop or an alias"),
    "alias": (add_alias, "'/v' is a second link to /u"),
    "unknown group": (lambda file: file.create_group("v"), "'/v' is a group, which the schema does not have there"),
    "dataset in place of a group": (
        lambda file: (remove("points")(file), file.create_dataset("points", data=1.0)),
        "'/points' is a dataset, which the schema does not have there",
    ),
    "name with spaces": (lambda file: file.create_group("a b"), "'/a b' is not part of the schema"),
    "name in umlauts": (lambda file: file.create_group("größe"), "'/größe' has a name that is not allowed"),
    "name of two dots": (
        lambda file: file["points"].create_group(".."),
        r"'/points/\.\.' has a name that is not allowed",
    ),
    "unknown attribute": (set_attribute("/u", "code", np.int64(1)), "'/u' has an attribute 'code' that is not part"),
    "attribute of any length": (
        set_attribute("/u", "units", "K", h5py.string_dtype()),
        "'/u@units' has a type that is not allowed there",
    ),
    "attribute of another type": (
        set_attribute("/u", "units", np.int64(1)),
        "'/u@units' has a type that is not allowed",
    ),
    "attribute of another shape": (
        set_attribute("/VTKHDF", "Origin", np.zeros(4)),
        r"'/VTKHDF@Origin' has shape \(4,\); expected \(3,\)",
    ),
    "long attribute": (
        set_attribute("/u", "units", np.bytes_(b"K" * 5000)),
        "'/u@units' has a type that is not allowed",
    ),
    "too many attributes": (add_attributes, "'/points' has 300 attributes, more than 256"),
    "newer schema": (
        set_attribute("/", "sirenpde_schema", np.int64(2)),
        "it has schema 2; this version of sirenpde reads",
    ),
    "schema as text": (
        set_attribute("/", "sirenpde_schema", np.bytes_("1")),
        "'sirenpde_schema' is not a 64-bit integer",
    ),
    "no schema": (lambda file: file.attrs.__delitem__("sirenpde_schema"), "but no solution of sirenpde"),
    "no digest": (remove("/sirenpde/digest"), "does not match its digest"),
    "no own group": (remove("/sirenpde"), "does not match its digest"),
}


@pytest.mark.parametrize("case", list(HOSTILE))
def test_a_hostile_file_is_refused_by_name(case: str) -> None:
    action, message = HOSTILE[case]
    with pytest.raises(FileError, match=message):
        hdf5.decode(archives.change(IMAGE, action), source="bad.h5")


def test_the_error_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "bad.h5"
    path.write_bytes(archives.change(IMAGE, add_virtual))
    with pytest.raises(FileError) as caught:
        hdf5.read(path)
    assert str(caught.value) == (
        f"solution file {str(path)!r} was refused: '/v' is a virtual dataset, which reads other files."
    )


def test_a_chunk_that_inflates_to_a_quarter_gigabyte_is_given_up_early() -> None:
    compressor = zlib.compressobj()
    raw = b"".join([*(compressor.compress(bytes(1 << 24)) for _ in range(16)), compressor.flush()])
    image = archives.change(IMAGE, add_chunk(raw))
    start = time.monotonic()
    with pytest.raises(FileError, match="does not inflate to its 8000 bytes"):
        hdf5.decode(image)
    assert time.monotonic() - start < 0.2  # Inflating all of it takes longer.
