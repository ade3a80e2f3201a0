"""A solution in the formats of other programs: ParaView, NumPy, tables, sounds."""

from __future__ import annotations

import io
import math
import os
import zipfile
from collections.abc import Callable

import numpy as np

from sirenpde.errors import UsageError
from sirenpde.solution import atomic, hdf5
from sirenpde.solution.archive import Archive
from sirenpde.solution.gridded import grid_points
from sirenpde.statement.media import encode_sound


def export(archive: Archive, path: str | os.PathLike[str]) -> None:
    """Write a solution in the format that the suffix of a path names.

    ``.vtkhdf`` is the file itself under the suffix that ParaView registers; ``.npz`` holds coordinates and values by
    name; ``.csv`` a row per grid point; ``.wav`` the fit of a sound, as loud as the original.

    Raises:
        UsageError: If there is no such format, the solution has not what it needs, or the path cannot be written.
        ResourceError: If there is no room.
    """
    suffix = os.path.splitext(os.fspath(path))[1].lower()
    if suffix not in _WRITERS:
        known = ", ".join(_WRITERS)
        msg = f"cannot export to {os.fspath(path)!r}: the formats are {known}.\n  Pictures are drawn by sirenpde plot."
        raise UsageError(msg)
    if not archive.values:
        msg = f"solution of {archive.problem!r} keeps no values on a grid, so there is nothing to export."
        raise UsageError(msg)
    _WRITERS[suffix](archive, path)


def write_fit(archive: Archive, path: str | os.PathLike[str]) -> None:
    """Write the fit of a sound as a WAV file, as loud as the original; what goes beyond full scale is cut.

    Raises:
        UsageError: If the solution is no sound.
    """
    _write_wav(archive, next(iter(archive.fields)), path)


def write_target(archive: Archive, path: str | os.PathLike[str]) -> None:
    """Write the sound that was fitted, likewise.

    Raises:
        UsageError: If the solution is no sound, or keeps no reference.
    """
    _write_wav(archive, f"{next(iter(archive.fields))}_reference", path)


def _write_wav(archive: Archive, name: str, path: str | os.PathLike[str]) -> None:
    rate, peak = archive.settings.get("rate"), archive.settings.get("peak")
    samples = archive.values.get(name, np.empty(0)).astype(float)
    if archive.settings.get("kind") != "sound" or not isinstance(rate, int) or samples.ndim != 1 or not samples.size:
        msg = f"solution of {archive.problem!r} is no sound, so there is no {name} to write to {os.fspath(path)!r}."
        raise UsageError(msg)
    known = isinstance(peak, int | float) and math.isfinite(peak) and 0.0 < peak < 1.0
    atomic.write_bytes(path, encode_sound(np.clip(samples * (peak if known else 1.0), -1.0, 1.0), rate))


def _write_vtkhdf(archive: Archive, path: str | os.PathLike[str]) -> None:
    hdf5.write(path, archive)


def _write_npz(archive: Archive, path: str | os.PathLike[str]) -> None:
    buffer = io.BytesIO()
    mask = {} if archive.inside is None else {"inside": archive.inside}
    # Not np.savez_compressed, which takes a field named file or allow_pickle for an argument of its own.
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, array in {**mask, **archive.axes, **archive.values}.items():
            with file.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, array, allow_pickle=False)
    atomic.write_bytes(path, buffer.getvalue())


def _write_csv(archive: Archive, path: str | os.PathLike[str]) -> None:
    shape, points = grid_points(archive.axes, archive.coordinates)
    columns = dict(zip(archive.coordinates, points.T, strict=True))
    for name, values in archive.values.items():
        flat = values.reshape(math.prod(shape), -1)
        parts = [name] if values.ndim == len(shape) else [f"{name}_{index + 1}" for index in range(flat.shape[1])]
        columns |= dict(zip(parts, flat.T, strict=True))
    table = np.stack([column.astype(float) for column in columns.values()], axis=1)
    rows = table if archive.inside is None else table[archive.inside.reshape(-1)]
    buffer = io.StringIO()
    np.savetxt(buffer, rows, fmt="%.9g", delimiter=",", header=",".join(columns), comments="")
    atomic.write_bytes(path, buffer.getvalue().encode())


_WRITERS: dict[str, Callable[[Archive, str | os.PathLike[str]], None]] = {
    ".vtkhdf": _write_vtkhdf,
    ".npz": _write_npz,
    ".csv": _write_csv,
    ".wav": write_fit,
}
