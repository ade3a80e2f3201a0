"""Saving and reading back: the same bits, or a ``FileError`` that names the place."""

from __future__ import annotations

import io
import os
import random
import struct
import time
from pathlib import Path
from typing import Any

import archives
import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from sirenpde.errors import FileError
from sirenpde.solution import hdf5, schema
from sirenpde.solution.archive import Archive

IMAGE = hdf5.encode(archives.make("plane in time", region="moving"))


@pytest.mark.parametrize("kind", list(archives.KINDS))
@pytest.mark.parametrize("region", ["box", "ball", "moving"])
def test_an_archive_comes_back_bit_for_bit_and_in_order(tmp_path: Path, kind: str, region: str) -> None:
    if region != "box" and (kind == "sound" or (region == "moving" and "time" not in kind)):
        region = "box"
    archive = archives.make(kind, region=region)
    hdf5.write(tmp_path / "solution.h5", archive)
    archives.assert_same(hdf5.read(tmp_path / "solution.h5"), archive)


def test_an_empty_archive_comes_back() -> None:
    archive = Archive(problem="bare", coordinates=("a", "b", "c", "d", "e"), fields={"u": (2,)})
    archives.assert_same(hdf5.decode(hdf5.encode(archive)), archive)


def test_numbers_beyond_the_finite_come_back() -> None:
    numbers = {"a": float("nan"), "b": float("inf"), "c": -0.0, "d": 5e-324}
    found = hdf5.decode(
        hdf5.encode(
            archives.make(unknowns=numbers, parameters={}, verification=numbers, settings={"worst": float("inf")})
        )
    )
    for name, number in numbers.items():
        assert struct.pack("<d", found.unknowns[name]) == struct.pack("<d", number)
        assert struct.pack("<d", found.verification[name]) == struct.pack("<d", number)
    assert found.settings == {"worst": float("inf")}


def test_other_byte_orders_and_strides_come_back_as_values() -> None:
    odd = np.arange(24.0).reshape(4, 6).astype(">f8")[::2, ::-1]
    found = hdf5.decode(hdf5.encode(archives.make(weights={"w": odd}))).weights["w"]
    assert found.dtype == np.dtype("<f8")
    np.testing.assert_array_equal(found, odd)


def test_equal_archives_give_equal_bytes() -> None:
    for kind in archives.KINDS:
        image = hdf5.encode(archives.make(kind))
        assert hdf5.encode(archives.make(kind)) == image
        assert hdf5.encode(hdf5.decode(image)) == image


def test_a_large_field_is_compressed_one_step_per_chunk() -> None:
    values = np.zeros((3, 200, 100))
    axes = {"x": np.arange(100.0), "y": np.arange(200.0), "t": np.arange(3.0)}
    image = hdf5.encode(archives.make(axes=axes, values={"u": values}))
    with h5py.File(io.BytesIO(image)) as file:
        assert file["u"].chunks == (1, 200, 100)
        assert (file["u"].compression, file["u"].shuffle, file["u"].fletcher32) == ("gzip", True, True)
    # Constant values shrink a thousandfold, and must not look like a bomb.
    assert len(image) < 60_000
    np.testing.assert_array_equal(hdf5.decode(image).values["u"], values)


def test_a_constant_field_of_a_hundred_megabytes_is_no_bomb() -> None:
    axis = np.arange(3600.0)
    archive = archives.make("grey", axes={"x": axis, "y": axis}, values={"u": np.zeros((3600, 3600))})
    assert hdf5.decode(hdf5.encode(archive)).values["u"].nbytes == 103_680_000


NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,20}", fullmatch=True)
PARAMETERS = st.from_regex(r"[a-z][a-z0-9_.]{0,20}", fullmatch=True)
SHAPES = arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
)


@limits(max_examples=60, deadline=None, derandomize=True)
@given(
    weights=st.dictionaries(PARAMETERS, arrays.arrays(st.sampled_from(["<f4", "<f8"]), SHAPES), max_size=4),
    training=st.dictionaries(PARAMETERS, arrays.arrays(st.sampled_from(schema.NUMBERS), SHAPES), max_size=4),
    numbers=st.dictionaries(NAMES, st.floats(), max_size=4),
    tree=JSON,
    problem=NAMES,
    points=st.dictionaries(NAMES, st.dictionaries(NAMES, arrays.arrays("<f8", (3,)), max_size=3), max_size=3),
)
def test_random_archives_come_back(
    weights: Any, training: Any, numbers: Any, tree: Any, problem: str, points: Any
) -> None:
    archive = Archive(
        problem=problem,
        coordinates=("x",),
        fields={},
        weights=weights,
        training=training,
        points=points,
        settings={"tree": tree},
        statement=tree,
        history={"step": np.arange(2.0)} | {name: np.full(2, number) for name, number in numbers.items()},
    )
    archives.assert_same(hdf5.decode(hdf5.encode(archive)), archive)


def test_a_flipped_bit_is_an_error_or_harmless() -> None:
    chance, sound, errors = random.Random(1), hdf5.decode(IMAGE), 0
    for _ in range(300):
        image = bytearray(IMAGE)
        image[chance.randrange(len(image))] ^= 1 << chance.randrange(8)
        try:
            archives.assert_same(hdf5.decode(bytes(image)), sound)
        except FileError:
            errors += 1
    assert errors > 30


def test_random_bytes_are_an_error_or_harmless() -> None:
    chance, sound = random.Random(2), hdf5.decode(IMAGE)
    for _ in range(150):
        image = bytearray(IMAGE)
        for _ in range(chance.randint(1, 8)):
            image[chance.randrange(len(image))] = chance.randrange(256)
        try:
            archives.assert_same(hdf5.decode(bytes(image)), sound)
        except FileError:
            continue


def test_a_truncated_file_is_refused_wherever_it_ends() -> None:
    for end in range(0, len(IMAGE), 64):
        with pytest.raises(FileError):
            hdf5.decode(IMAGE[:end])


@pytest.mark.skipif(os.name != "posix", reason="links, pipes and devices of POSIX")
def test_odd_paths_are_named_and_never_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "dangling").symlink_to(tmp_path / "missing")
    (tmp_path / "empty").touch()
    cases = {
        tmp_path / "missing": "No such file or directory",
        tmp_path / "dangling": "No such file or directory",
        tmp_path / "loop": "Too many levels of symbolic links",
        tmp_path / "pipe": "not a regular file",
        tmp_path / "empty": "was refused: it is not an HDF5 file.",
        tmp_path: "Is a directory",
        Path("/dev/full"): "not a regular file",
        Path("/dev/null"): "not a regular file",
    }
    start = time.monotonic()
    for path, message in cases.items():
        with pytest.raises(FileError, match=message) as caught:
            hdf5.read(path)
        assert str(path) in str(caught.value)
    assert time.monotonic() - start < len(cases)


@pytest.mark.skipif(os.name != "posix", reason="links of POSIX")
def test_a_link_that_the_user_gave_is_followed(tmp_path: Path) -> None:
    (tmp_path / "file.h5").write_bytes(IMAGE)
    (tmp_path / "link.h5").symlink_to("file.h5")
    archives.assert_same(hdf5.read(tmp_path / "link.h5"), hdf5.decode(IMAGE))


def test_a_file_above_the_limit_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "large.h5"
    with path.open("wb") as stream:
        stream.truncate(3 << 30)
    with pytest.raises(FileError, match=r"more than 2147483648 bytes\.\n  If you trust it, pass a larger limit"):
        hdf5.read(path)


def test_values_above_the_limit_are_refused() -> None:
    values = {"u": np.zeros((600, 600))}
    axis = np.arange(600.0)
    image = hdf5.encode(archives.make("grey", axes={"x": axis, "y": axis}, values=values))
    assert len(image) < 1 << 20
    with pytest.raises(FileError, match="'/u' declares 2880000 bytes"):
        hdf5.decode(image, limit=1 << 20)
