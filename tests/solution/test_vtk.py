"""Each kind of file opens in the real VTK reader and in xarray, with the values that were saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import archives
import numpy as np
import pytest

from sirenpde.solution import hdf5
from sirenpde.solution.archive import Archive, file_order

vtk = pytest.importorskip("vtk")
xarray = pytest.importorskip("xarray")
numpy_support = pytest.importorskip("vtkmodules.util.numpy_support")

IMAGES = [kind for kind in archives.KINDS if kind != "sound"]
TEMPORAL = [kind for kind in IMAGES if "time" in kind]


def save(folder: Path, archive: Archive) -> Path:
    path = folder / "solution.h5"
    hdf5.write(path, archive)
    return path


def open_vtk(path: Path, step: int | None = None) -> Any:
    """Read a file, at one of its steps if it has any; the reader's own errors fail the test."""
    reader = vtk.vtkHDFReader()
    watcher = vtk.vtkStringOutputWindow()
    vtk.vtkOutputWindow.SetInstance(watcher)
    reader.SetFileName(str(path))
    assert reader.CanReadFile(str(path))
    if step is None:
        reader.Update()
    else:
        reader.UpdateInformation()
        times = reader.GetOutputInformation(0).Get(vtk.vtkStreamingDemandDrivenPipeline.TIME_STEPS())
        reader.UpdateTimeStep(times[step])
    vtk.vtkOutputWindow.SetInstance(None)
    assert watcher.GetOutput() == ""
    return reader.GetOutput()


def array_of(image: Any, name: str) -> np.ndarray:
    return numpy_support.vtk_to_numpy(image.GetPointData().GetArray(name))


def expected(archive: Archive, name: str, step: int | None) -> np.ndarray:
    """What VTK should list, the first coordinate fastest: the file's own order, flattened."""
    values = archive.values[name] if step is None else archive.values[name][step]
    components = archive.fields["u"]
    return values.reshape(-1, *components)


@pytest.mark.parametrize("kind", list(archives.KINDS))
@pytest.mark.parametrize("step", [0, -1])
def test_vtk_lists_the_saved_values_in_its_own_order(tmp_path: Path, kind: str, step: int) -> None:
    archive = archives.make(kind)
    at = step if kind in TEMPORAL else None
    image = open_vtk(save(tmp_path, archive), at)
    for name in archive.values:
        np.testing.assert_array_equal(array_of(image, name), expected(archive, name, at))


@pytest.mark.parametrize("kind", IMAGES)
def test_vtk_puts_each_value_at_its_place(tmp_path: Path, kind: str) -> None:
    archive = archives.make(kind)
    image = open_vtk(save(tmp_path, archive), 2 if kind in TEMPORAL else None)
    place = np.array([image.GetPoint(number) for number in range(image.GetNumberOfPoints())])
    found = {"x": place[:, 0], "y": place[:, 1], "z": place[:, 2]}
    found = {name: found[name] for name in archive.coordinates if name != "t"}
    time = {"t": archive.axes["t"][2]} if kind in TEMPORAL else {}
    components, dtype = archives.KINDS[kind][1:]
    truth = archives.value_at(components, **found, **time)
    # Places come back through origin + index * spacing: a few roundings of the type of the values.
    rounding = 8 * np.finfo(dtype).eps
    np.testing.assert_allclose(array_of(image, "u"), truth, rtol=rounding, atol=1e3 * rounding)


@pytest.mark.parametrize("kind", TEMPORAL)
def test_vtk_knows_the_times(tmp_path: Path, kind: str) -> None:
    reader = vtk.vtkHDFReader()
    reader.SetFileName(str(save(tmp_path, archives.make(kind))))
    reader.UpdateInformation()
    times = reader.GetOutputInformation(0).Get(vtk.vtkStreamingDemandDrivenPipeline.TIME_STEPS())
    np.testing.assert_array_equal(times, archives.AXES["t"])


ROUND = [(kind, "ball") for kind in IMAGES] + [(kind, "moving") for kind in TEMPORAL]


@pytest.mark.parametrize(("kind", "region"), ROUND)
def test_points_outside_the_region_are_hidden_in_vtk(tmp_path: Path, kind: str, region: str) -> None:
    archive = archives.make(kind, region=region)
    path = save(tmp_path, archive)
    assert archive.inside is not None
    for step in (0, -1) if kind in TEMPORAL else (None,):
        inside = archive.inside if step is None else archive.inside[step]
        image = open_vtk(path, step)
        np.testing.assert_array_equal(array_of(image, "vtkGhostType"), np.where(inside, 0, 2).reshape(-1))
        np.testing.assert_array_equal(array_of(image, "u"), expected(archive, "u", step))


@pytest.mark.parametrize("kind", IMAGES)
def test_the_first_value_is_the_one_shown(tmp_path: Path, kind: str) -> None:
    image = open_vtk(save(tmp_path, archives.make(kind)), 0 if kind in TEMPORAL else None)
    assert image.GetPointData().GetScalars().GetName() == "u"


@pytest.mark.parametrize("kind", list(archives.KINDS))
@pytest.mark.parametrize("region", ["box", "ball"])
def test_xarray_shows_fields_with_named_coordinates(tmp_path: Path, kind: str, region: str) -> None:
    archive = archives.make(kind, region=region if kind != "sound" else "box")
    with xarray.open_dataset(save(tmp_path, archive)) as data:
        assert set(archive.values) <= set(data.data_vars)
        for name, values in archive.values.items():
            assert data[name].dims[: len(archive.order)] == archive.order
            np.testing.assert_array_equal(data[name].values, values)
        for name, axis in archive.axes.items():
            np.testing.assert_array_equal(data[name].values, axis)
        assert data["u"].attrs["units"] == "K"
        assert data["u"].attrs["long_name"] == "temperature Θ"
        assert data.attrs["title"] == "Wärme in a plate"


def test_xarray_selects_by_coordinate(tmp_path: Path) -> None:
    with xarray.open_dataset(save(tmp_path, archives.make("plane in time"))) as data:
        assert float(data["u"].sel(x=0.5, y=1.0, t=0.2)) == pytest.approx(0.5 + 10 * 1.0 + 1000 * 0.2, rel=1e-14)


def test_xarray_opens_history_and_points(tmp_path: Path) -> None:
    archive = archives.make("plane in time")
    path = save(tmp_path, archive)
    with xarray.open_dataset(path, group="history") as history:
        np.testing.assert_array_equal(history["loss"].sel(step=1.0), 0.5)
    with xarray.open_dataset(path, group="points/walls") as walls:
        assert walls["n"].dims == ("point", "component3")
        np.testing.assert_array_equal(walls["x"], [-1.0, 1.0])


def test_xarray_opens_every_group_at_once(tmp_path: Path) -> None:
    with xarray.open_datatree(save(tmp_path, archives.make("plane in time")), phony_dims="sort") as tree:
        assert float(tree["verification"]["relative_l2"]) == 1e-3


@pytest.mark.parametrize("case", ["uneven", "four space coordinates", "no grid", "one time", "one row"])
def test_what_is_no_image_gets_no_view_for_paraview(tmp_path: Path, case: str) -> None:
    archive = {
        "uneven": lambda: archives.make("line", axes={"x": np.linspace(0.0, 1.0, 9) ** 2}),
        "four space coordinates": four_dimensional,
        "one time": lambda: one_point("xyt"),
        "one row": lambda: one_point("xy"),
        "no grid": lambda: archives.make("line", axes={}, values={}),
    }[case]()
    path = save(tmp_path, archive)
    archives.assert_same(hdf5.read(path), archive)
    assert not vtk.vtkHDFReader().CanReadFile(str(path))
    with xarray.open_dataset(path) as data:
        assert set(data.data_vars) == set(archive.values)


def four_dimensional() -> Archive:
    axes = {name: np.arange(3.0) for name in "abcd"}
    values = {"u": np.random.default_rng(0).standard_normal((3, 3, 3, 3))}
    return Archive(problem="many", coordinates=tuple("abcd"), fields={"u": ()}, axes=axes, values=values)


def one_point(names: str) -> Archive:
    """A grid whose last coordinate has a single point: VTK has no array of that shape."""
    axes = {name: np.arange(1.0 if name == names[-1] else 3.0) for name in names}
    shape = tuple(len(axes[name]) for name in file_order(names))
    values = {"u": np.ones(shape)}
    return Archive(problem="still", coordinates=tuple(names), fields={"u": ()}, axes=axes, values=values)


def test_uneven_times_keep_the_view_for_paraview(tmp_path: Path) -> None:
    times = np.array([0.0, 0.1, 0.4, 0.5, 2.0, 9.0])
    axes = {name: archives.AXES[name] for name in "xy"} | {"t": times}
    archive = archives.make("plane in time", axes=axes)
    image = open_vtk(save(tmp_path, archive), 3)
    np.testing.assert_array_equal(array_of(image, "u"), expected(archive, "u", 3))


@pytest.mark.parametrize("name", ["points", "history_", "inside", "component3", "vtkGhostType", "VTKHDF", "sirenpde"])
def test_a_field_may_have_a_name_that_the_file_keeps_for_itself(tmp_path: Path, name: str) -> None:
    archive = archives.make("colour", region="ball")
    values = {name: archive.values["u"]}
    renamed = archives.make("colour", region="ball", fields={name: (3,)}, values=values)
    path = save(tmp_path, renamed)
    archives.assert_same(hdf5.read(path), renamed)
    np.testing.assert_array_equal(array_of(open_vtk(path), f"{name}_"), expected(archive, "u", None))
    with xarray.open_dataset(path) as data:
        np.testing.assert_array_equal(data[f"{name}_"].values, values[name])


@pytest.mark.parametrize("count", [1, 2, 3, 4, 9])
def test_any_number_of_components_opens(tmp_path: Path, count: int) -> None:
    values = np.arange(7.0 * 9 * count).reshape(7, 9, count)
    archive = archives.make("grey", fields={"u": (count,)}, values={"u": values})
    image = open_vtk(save(tmp_path, archive))
    np.testing.assert_array_equal(array_of(image, "u").reshape(values.shape), values)
