"""What the two digests notice, and what they must not."""

from __future__ import annotations

import archives
import h5py
import numpy as np
import pytest

from sirenpde.errors import FileError
from sirenpde.solution import hdf5
from sirenpde.solution.digest import result_digest

IMAGE = hdf5.encode(archives.make("plane in time", region="moving"))


def test_the_result_digest_is_that_of_the_bits_and_not_of_the_clock() -> None:
    archive = archives.make()
    same = archives.make(
        history=archive.history | {"seconds": np.array([5.0, 6.0, 7.0]), "adam_seconds": np.zeros(3)},
        provenance={"device": "cuda"},
        title="another",
    )
    assert result_digest(same) == result_digest(archive)
    assert result_digest(hdf5.decode(hdf5.encode(archive))) == result_digest(archive)
    for name in ("weights", "unknowns", "history"):
        part = dict(getattr(archive, name))
        key = next(iter(part))
        part[key] = np.nextafter(part[key], np.inf)
        assert result_digest(archives.make(**{name: part})) != result_digest(archive)


def test_the_result_digest_does_not_depend_on_the_order_of_names() -> None:
    archive = archives.make()
    turned = dict(reversed(archive.weights.items()))
    assert result_digest(archives.make(weights=turned)) == result_digest(archive)


def test_the_result_digest_tells_float32_from_float64() -> None:
    single = archives.make(weights={"w": np.ones(3, dtype="<f4")})
    double = archives.make(weights={"w": np.ones(3, dtype="<f8")})
    assert result_digest(single) != result_digest(double)


@pytest.mark.parametrize("path", ["/u", "/x", "/history/loss", "/sirenpde/weights/layers.0.weight", "/inside"])
def test_a_changed_value_is_noticed(path: str) -> None:
    def flip(file: h5py.File) -> None:
        data = file[path][()]
        data.reshape(-1)[-1] = 1 - np.nan_to_num(data.reshape(-1)[-1])
        file[path][...] = data

    with pytest.raises(FileError, match="does not match its digest: it was damaged, or changed by another program"):
        hdf5.decode(archives.change(IMAGE, flip))


def test_a_changed_attribute_is_noticed() -> None:
    with pytest.raises(FileError, match="does not match its digest"):
        hdf5.decode(archives.change(IMAGE, lambda file: file["u"].attrs.modify("_FillValue", np.float64(0))))


def test_a_sealed_copy_without_changes_is_the_same_file() -> None:
    archives.assert_same(hdf5.decode(archives.change(IMAGE, lambda _file: None, seal=True)), hdf5.decode(IMAGE))
