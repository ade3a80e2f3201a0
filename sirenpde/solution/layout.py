"""Lay an archive out in an open HDF5 file, and gather it again from the arrays of one.

Fields and axes stand at the root, tied by dimension scales, where xarray looks; what only this package needs stands in
``/sirenpde``. The subtle contract: everything written here is named by ``schema``, and the same archive gives the same
bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import h5py
import numpy as np

from sirenpde.errors import DataError, FileError
from sirenpde.solution import schema, vtk
from sirenpde.solution.archive import Archive
from sirenpde.solution.encode import put_array, put_text

_CF_AXES = {"t": "T", "z": "Z", "y": "Y", "x": "X"}


def fill(file: h5py.File, archive: Archive) -> None:
    """Write everything but the digest."""
    root = file["/"]
    put_text(root, "Conventions", "CF-1.11")
    put_text(root, "title", archive.title or archive.problem)
    put_text(root, "sirenpde_version", archive.provenance.get("sirenpde", "unknown"))
    root.attrs["sirenpde_schema"] = np.int64(schema.VERSION)
    _fill_grid(root, archive)
    _fill_points(root, archive)
    _fill_history(root, archive)
    scores = root.create_group("verification", track_order=True)
    for name, number in archive.verification.items():
        put_array(scores, name, np.array(number, dtype="<f8"))
    _fill_own(root, archive)
    vtk.attach(root, archive)


def _scale(group: h5py.Group, name: str, array: np.ndarray) -> h5py.Dataset:
    scale = put_array(group, name, array)
    scale.make_scale(name)
    return scale


def _component_scale(root: h5py.Group, count: int) -> h5py.Dataset:
    name = f"component{count}"
    return root[name] if name in root else _scale(root, name, np.arange(count, dtype="<i8"))


def _label(node: h5py.Dataset, archive: Archive, name: str) -> None:
    if name in archive.units:
        put_text(node, "units", archive.units[name])
    put_text(node, "long_name", archive.long_names.get(name, name))


def _fill_grid(root: h5py.Group, archive: Archive) -> None:
    if not archive.axes:
        return
    scales = []
    for name in archive.order:
        scale = _scale(root, schema.dataset_name(name), archive.axes[name])
        _label(scale, archive, name)
        if name in _CF_AXES:
            put_text(scale, "axis", _CF_AXES[name])
        scales.append(scale)
    steps = int(archive.order[0] == "t" and len(archive.order) > 1)
    for name, array in archive.values.items():
        node = put_array(root, schema.dataset_name(name), array, steps)
        extra = [_component_scale(root, array.shape[-1])] if array.ndim > len(scales) else []
        for axis, scale in enumerate([*scales, *extra]):
            node.dims[axis].attach_scale(scale)
        _label(node, archive, name)
        node.attrs["_FillValue"] = np.array(np.nan, dtype=node.dtype)
    if archive.inside is not None:
        node = put_array(root, "inside", archive.inside.astype("u1"), steps)
        for axis, scale in enumerate(scales):
            node.dims[axis].attach_scale(scale)
        put_text(node, "long_name", "whether a point belongs to the region")
        node.attrs["flag_values"] = np.array([0, 1], dtype="u1")
        put_text(node, "flag_meanings", "outside inside")


def _fill_points(root: h5py.Group, archive: Archive) -> None:
    regions = root.create_group("points", track_order=True)
    for region, columns in archive.points.items():
        group = regions.create_group(region, track_order=True)
        count = len(next(iter(columns.values()))) if columns else 0
        scale = _scale(group, "point", np.arange(count, dtype="<i8"))
        for name, column in columns.items():
            node = put_array(group, schema.dataset_name(name), column)
            node.dims[0].attach_scale(scale)
            if column.ndim == 2:
                node.dims[1].attach_scale(_component_scale(root, column.shape[1]))
            _label(node, archive, name)


def _fill_history(root: h5py.Group, archive: Archive) -> None:
    group = root.create_group("history", track_order=True)
    rows = {name: np.asarray(row, dtype="<f8") for name, row in archive.history.items()}
    if not rows:
        return
    scale = _scale(group, "step", rows.pop("step"))
    for name, row in rows.items():
        put_array(group, name, row).dims[0].attach_scale(scale)


def _fill_own(root: h5py.Group, archive: Archive) -> None:
    own = root.create_group("sirenpde", track_order=True)
    for name, document in zip(schema.DOCUMENTS, _documents(archive), strict=True):
        if document is not None:
            text = json.dumps(document, ensure_ascii=False)
            put_array(own, name, np.frombuffer(text.encode("utf-8"), dtype="u1"))
    numbers = {name: np.array(number, dtype="<f8") for name, number in archive.unknowns.items()}
    groups: dict[str, Mapping[str, np.ndarray]]
    groups = {"weights": archive.weights, "unknowns": numbers, "training": archive.training}
    groups |= {"parameters": archive.parameters} if archive.parameters else {}
    for kind, arrays in groups.items():
        group = own.create_group(kind, track_order=True)
        for name, array in arrays.items():
            put_array(group, name, array)


def _documents(archive: Archive) -> tuple[dict[str, Any], dict[str, Any], dict[str, str], Any]:
    description = {
        "problem": archive.problem,
        "coordinates": archive.coordinates,
        "fields": {name: list(shape) for name, shape in archive.fields.items()},
        "title": archive.title,
        "status": archive.status,
        "values": list(archive.values),
        "units": archive.units,
        "long_names": archive.long_names,
    }
    return description, archive.settings, archive.provenance, archive.statement


def gather(arrays: Mapping[str, np.ndarray]) -> Archive:
    """Make an archive from the checked datasets of a file: path to array.

    Raises:
        FileError: If something that every file has is missing, or is not what it should be.
    """
    description, settings, provenance, statement = (_document(arrays, name) for name in schema.DOCUMENTS)
    coordinates = tuple(map(str, description["coordinates"]))
    root = {schema.original_name(path[1:]): array for path, array in arrays.items() if path.count("/") == 1}
    inside = arrays.get("/inside")
    try:
        return Archive(
            problem=description["problem"],
            coordinates=coordinates,
            fields={name: tuple(map(int, shape)) for name, shape in description["fields"].items()},
            title=description["title"],
            status=description["status"],
            axes={name: root[name] for name in coordinates if name in root},
            values={name: root[name] for name in description["values"]},
            inside=None if inside is None else inside.astype(bool),
            units=description["units"],
            long_names=description["long_names"],
            points=_gather_points(arrays),
            history=_children(arrays, "/history/"),
            weights=_children(arrays, "/sirenpde/weights/"),
            unknowns=_numbers(arrays, "/sirenpde/unknowns/"),
            parameters=_children(arrays, "/sirenpde/parameters/"),
            settings=settings,
            statement=statement,
            provenance=provenance,
            verification=_numbers(arrays, "/verification/"),
            training=_children(arrays, "/sirenpde/training/"),
        )
    except DataError as error:
        raise FileError(str(error)) from error


def _document(arrays: Mapping[str, np.ndarray], name: str) -> Any:
    path = f"/sirenpde/{name}"
    if path not in arrays:
        if name == "statement":
            return None
        msg = f"{path!r} is missing."
        raise FileError(msg)
    document = json.loads(arrays[path].tobytes().decode("utf-8"))
    if name != "statement" and not isinstance(document, dict):
        msg = f"{path!r} is not a JSON object."
        raise FileError(msg)
    return document


def _children(arrays: Mapping[str, np.ndarray], folder: str) -> dict[str, np.ndarray]:
    return {path.removeprefix(folder): array for path, array in arrays.items() if path.startswith(folder)}


def _numbers(arrays: Mapping[str, np.ndarray], folder: str) -> dict[str, float]:
    return {name: float(array) for name, array in _children(arrays, folder).items()}


def _gather_points(arrays: Mapping[str, np.ndarray]) -> dict[str, dict[str, np.ndarray]]:
    regions: dict[str, dict[str, np.ndarray]] = {}
    for path, array in _children(arrays, "/points/").items():
        region, stored = path.split("/")
        name = schema.original_name(stored)
        columns = regions.setdefault(region, {})
        if name is not None:
            columns[name] = array
    return regions
