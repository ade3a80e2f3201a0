"""Exports keep every value, whatever its name, and leave no half-written file."""

import archives
import numpy as np
import pytest

from sirenpde.errors import UsageError
from sirenpde.solution import atomic
from sirenpde.solution.export import export


@pytest.mark.parametrize("name", ["file", "allow_pickle", "u"])
def test_an_array_file_keeps_a_field_of_any_name(name, tmp_path):
    archive = archives.make("grey")
    values = archive.values["u"]
    named = archives.make("grey", fields={name: archive.fields["u"]}, values={name: values}, units={}, long_names={})
    export(named, tmp_path / "it.npz")
    with np.load(tmp_path / "it.npz") as found:
        assert set(found) == {name, *archive.coordinates}
        np.testing.assert_array_equal(found[name], values)


def test_a_sound_goes_through_the_atomic_writer(tmp_path, monkeypatch):
    axis = (2 * np.arange(8.0) + 1) / 8 - 1
    sound = archives.Archive(
        problem="tone",
        coordinates=("t",),
        fields={"u": ()},
        axes={"t": axis},
        values={"u": np.zeros(8)},
        settings={"kind": "sound", "rate": 8000, "peak": 0.5},
    )
    written = []
    monkeypatch.setattr(atomic, "write_bytes", lambda path, data: written.append((path, data[:4])))
    export(sound, tmp_path / "it.wav")
    assert written == [(tmp_path / "it.wav", b"RIFF")]
    monkeypatch.undo()
    with pytest.raises(UsageError, match="cannot write"):
        export(sound, tmp_path / "none" / "it.wav")
