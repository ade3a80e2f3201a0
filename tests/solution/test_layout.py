"""Forged files, whose digest matches: their meaning is checked too."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import archives
import h5py
import numpy as np
import pytest

from sirenpde.errors import FileError
from sirenpde.solution import hdf5, schema

IMAGE = hdf5.encode(archives.make("plane in time", region="moving"))


def remove(path: str) -> Callable[[h5py.File], None]:
    def act(file: h5py.File) -> None:
        del file[path]

    return act


def replace_document(name: str, text: bytes) -> Callable[[h5py.File], None]:
    def act(file: h5py.File) -> None:
        del file[f"sirenpde/{name}"]
        file[f"sirenpde/{name}"] = np.frombuffer(text, dtype="u1")

    return act


def edit_description(**changes: Any) -> Callable[[h5py.File], None]:
    def act(file: h5py.File) -> None:
        description = json.loads(file["sirenpde/description"][()].tobytes()) | changes
        replace_document("description", json.dumps(description).encode())(file)

    return act


FORGED: dict[str, tuple[Callable[[h5py.File], Any], str]] = {
    "no settings": (remove("/sirenpde/settings"), "'/sirenpde/settings' is missing"),
    "settings that are no object": (replace_document("settings", b"[1]"), "'/sirenpde/settings' is not a JSON object"),
    "settings that are no JSON": (replace_document("settings", b"{"), "it is damaged"),
    "settings that are no text": (replace_document("settings", b"\xff\xfe"), "it is damaged"),
    "nested settings": (replace_document("settings", b"[" * 100_000), "it is damaged"),
    "long integer": (replace_document("settings", b'{"a": ' + b"9" * 5000 + b"}"), "it is damaged"),
    "path as problem": (edit_description(problem="../../etc"), "is no name for a problem"),
    "number as problem": (edit_description(problem=3), "3 is no name for a problem"),
    "list as fields": (edit_description(fields=[1]), "it is damaged"),
    "other components": (edit_description(fields={"u": [7]}), "field 'u' has"),
    "missing value": (edit_description(values=["w"]), "it is damaged"),
    "missing coordinate": (edit_description(coordinates=["x", "y"]), "inside has shape"),
    "list as units": (edit_description(units=[]), "it is damaged"),
    "number as title": (edit_description(title=3), "title must be text"),
    "axis that falls": (
        lambda file: file["x"].write_direct(np.arange(9.0)[::-1].copy()),
        "axis 'x' must be one ascending",
    ),
    "history of two lengths": (
        lambda file: file["history"].create_dataset("v", data=np.zeros(9)),
        "expected rows of one length",
    ),
}


@pytest.mark.parametrize("case", list(FORGED))
def test_a_forged_file_with_a_matching_digest_is_refused(case: str) -> None:
    action, message = FORGED[case]
    with pytest.raises(FileError, match=message):
        hdf5.decode(archives.change(IMAGE, action, seal=True))


def test_the_documentation_names_everything_in_the_schema() -> None:
    text = (Path(__file__).parents[2] / "docs" / "hdf5.md").read_text(encoding="utf-8")
    quoted = [*schema.ATTRIBUTES, *schema.UNREAD, *schema.FILTERS.values()]
    paths = [*schema.DOCUMENTS, "weights", "unknowns", "parameters", "training", "digest"]
    wanted = [f"`{name}`" for name in quoted] + [f"/sirenpde/{name}" for name in paths]
    wanted += [f"/{name}" for name in ("points", "history", "verification", "inside", "VTKHDF/PointData/vtkGhostType")]
    assert [name for name in wanted if name not in text] == []
