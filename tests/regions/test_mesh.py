"""Solids in meshes: exact volumes, inside and outside, even points, and every way in which a file can be wrong."""

import io
import math
import os
import sys

import numpy as np
import pytest
import torch
import trimesh
from scipy import stats
from small import refused

import sirenpde as sp
from sirenpde.regions.mesh_file import read_triangles
from sirenpde.regions.triangles import winding

XYZ = ("x", "y", "z")
AGAIN = "Export the file again."
TRIANGLES = "Export the file again, as triangles."
CUBE = trimesh.creation.box((1, 1, 1))


def ell():
    """An L of height 1/2, whose inner edge is concave; by hand, since the triangles are few."""
    plan = np.array([(0, 0), (2, 0), (2, 1), (1, 1), (1, 2), (0, 2)])
    flat = [(0, 1, 3), (1, 2, 3), (0, 3, 5), (3, 4, 5)]
    vertices = np.concatenate([np.c_[plan, np.zeros(6)], np.c_[plan, np.full(6, 0.5)]])
    sides = [face for a in range(6) for b in [(a + 1) % 6] for face in ((a, b, b + 6), (a, b + 6, a + 6))]
    return vertices, np.array([face[::-1] for face in flat] + [tuple(v + 6 for v in face) for face in flat] + sides)


def hollow(turned=True):
    """A cube with a cubic cavity of half its size."""
    inner = CUBE.faces[:, ::-1] if turned else CUBE.faces
    return np.concatenate([CUBE.vertices, 0.5 * CUBE.vertices]), np.concatenate([CUBE.faces, inner + 8])


def made(vertices, faces):
    return sp.Mesh.from_arrays(vertices, faces, names=XYZ)


def torus():
    shape = trimesh.creation.torus(1.0, 0.4, major_sections=24, minor_sections=12)
    shape.apply_transform(trimesh.transformations.rotation_matrix(0.7, [1, 2, 3]))
    return shape.vertices + np.array([10.0, 0.0, -3.0]), shape.faces


def build_zoo():
    ball = trimesh.creation.icosphere(subdivisions=2)
    ring = torus()
    oracle = trimesh.Trimesh(*ring)
    with pytest.warns(sp.SirenPDEWarning, match="consists of 2 separate surfaces"):
        cavity = made(*hollow())
    return {
        "ball": (made(ball.vertices, ball.faces), ball.volume, ball.area),
        "ell": (made(*ell()), 1.5, 10.0),
        "torus": (made(*ring), oracle.volume, oracle.area),
        "hollow": (cavity, 7 / 8, 7.5),
    }


@pytest.fixture(scope="module")
def zoo():
    return build_zoo()


@pytest.mark.parametrize("name", ["ball", "ell", "torus", "hollow"])
class TestEverySolid:
    def test_measures_are_exact(self, zoo, name):
        region, volume, area = zoo[name]
        assert region.measure == pytest.approx(volume, rel=1e-12)
        assert region.boundary.measure == pytest.approx(area, rel=1e-12)
        assert (region.dimension, region.boundary.dimension) == (3, 2)

    def test_points_lie_inside_and_within_bounds(self, zoo, name):
        region = zoo[name][0]
        points = region.sample(20_000)
        assert region.contains(points).all()
        low, high = np.array(list(region.bounds.values())).T
        assert (points >= low).all()
        assert (points <= high).all()

    def test_inside_is_where_the_surface_winds_once(self, zoo, name):
        # The fast way and the slow and obvious one; points all over, and points on both sides of the surface.
        region = zoo[name][0]
        sample = region.boundary.draw(200, torch.Generator().manual_seed(1))
        steps = 10 ** np.linspace(-8, -2, 200)[:, None] * sample.normal.numpy()
        everywhere = np.random.default_rng(0).uniform(region.surface.low, region.surface.high, (600, 3))
        points = np.concatenate([everywhere, sample.points.numpy() + steps, sample.points.numpy() - steps])
        wound = winding(region.scaled(points), region.surface.corners) > 0.5
        np.testing.assert_array_equal(region.contains(points), wound)

    def test_points_of_the_boundary_lie_on_it(self, zoo, name):
        region = zoo[name][0]
        points = region.boundary.sample(2000)
        assert region.boundary.contains(points).all()
        assert region.contains(points).all()

    def test_corners_and_edges_are_on_the_rim(self, zoo, name):
        region = zoo[name][0]
        corners = region.surface.middle + region.surface.extent * region.surface.corners
        for points in (corners[:, 0], corners[:, :2].mean(axis=1)):
            assert region.contains(points).all()
            assert region.boundary.contains(points).all()

    def test_normals_are_unit_vectors_that_point_outwards(self, zoo, name):
        region = zoo[name][0]
        sample = region.boundary.draw(1000, torch.Generator().manual_seed(2))
        assert region.boundary.has_normal
        torch.testing.assert_close(sample.normal.norm(dim=1), torch.ones(1000, dtype=torch.float64))
        assert not region.contains((sample.points + 1e-7 * sample.normal).numpy()).any()
        assert region.contains((sample.points - 1e-7 * sample.normal).numpy()).all()
        assert not region.boundary.contains((sample.points - 1e-7 * sample.normal).numpy()).any()

    def test_the_divergence_theorem_holds(self, zoo, name):
        # F = (x², y², z²), div F = 2 (x + y + z).
        region, count = zoo[name][0], 2**14
        inner = 2 * region.sample(count).sum(axis=1)
        sample = region.boundary.draw(count, torch.Generator().manual_seed(1))
        outer = (sample.points**2 * sample.normal).sum(1).numpy()
        scatter = math.hypot(region.measure * inner.std(), region.boundary.measure * outer.std()) / math.sqrt(count)
        assert abs(region.measure * inner.mean() - region.boundary.measure * outer.mean()) < 4 * scatter

    def test_the_same_seed_gives_the_same_points(self, zoo, name):
        for region in (zoo[name][0], zoo[name][0].boundary):
            np.testing.assert_array_equal(region.sample(64, seed=5), region.sample(64, seed=5))
            assert not np.array_equal(region.sample(64, seed=5), region.sample(64, seed=6))


def test_points_are_uniform_over_the_volume(zoo):
    # The L is made of 12 x 2 cubes of side 1/2 x 1/2 x 1/4; points of a solid are independent within one draw.
    x, y, z = np.floor(zoo["ell"][0].sample(4800) * [2, 2, 4]).astype(int).T
    observed = np.bincount(z * 16 + x * 4 + y, minlength=32)
    cut = [layer * 16 + row * 4 + column for layer in (0, 1) for row in (2, 3) for column in (2, 3)]
    assert observed[cut].sum() == 0
    assert stats.chisquare(np.delete(observed, cut)).pvalue > 1e-3


def test_points_of_the_boundary_are_uniform_over_the_area(zoo):
    # One point per draw, so that Sobol points are independent.
    region, generator = zoo["hollow"][0].boundary, torch.Generator().manual_seed(3)
    points = np.concatenate([region.draw(1, generator).points.numpy() for _ in range(600)])
    axis = np.abs(points).argmax(axis=1)
    farthest = points[np.arange(600), axis]
    side = 2 * axis + (farthest > 0) + 6 * (np.abs(farthest) < 0.4)
    assert stats.chisquare(np.bincount(side), 600 * np.repeat([1 / 7.5, 0.25 / 7.5], 6)).pvalue > 1e-3


def test_what_is_in_a_cavity_far_away_or_not_finite_is_outside(zoo):
    points = np.array([[0, 0, 0], [9, 0, 0], [np.nan, 0, 0], [np.inf, 0, 0], [1e300, 0, -np.inf]], dtype=float)
    assert not zoo["hollow"][0].contains(points).any()
    assert not zoo["hollow"][0].boundary.contains(points).any()


def test_equal_solids_are_equal(zoo):
    again = made(*ell())
    assert again == zoo["ell"][0]
    assert hash(again.boundary) == hash(zoo["ell"][0].boundary)
    assert again.boundary == zoo["ell"][0].boundary
    assert again != zoo["ball"][0]
    assert repr(again.boundary) == "Mesh.from_arrays(12 vertices, 20 triangles, names=('x', 'y', 'z')).boundary"


# ------------------------------------------------------------------------------------------------------------- files


def stl(mesh=CUBE):
    return mesh.export(file_type="stl")


def text_stl(mesh=CUBE):
    return mesh.export(file_type="stl_ascii").encode()


def obj(mesh=CUBE):
    lines = ["mtllib /etc/passwd", "o part", "usemtl steel", *("v " + " ".join(map(str, v)) for v in mesh.vertices)]
    return "\n".join(
        [*lines, *(f"f {a + 1}/1/1 {b + 1}//2 {c - len(mesh.vertices)}" for a, b, c in mesh.faces)]
    ).encode()


QUADS = b"""# a cube of six polygons
v 0 0 0
v 1 0 0
v 1 1 0
v 0 1 0
v 0 0 1
v 1 0 1
v 1 1 1
v 0 1 1
f 4 3 2 1
f 5 6 7 8
f 1 2 6 5
f 2 3 7 6
f 3 4 8 7
f 4 1 5 8
"""


def ply(order="ascii", mixed=False):
    """A unit cube of triangles, or of five quads and two triangles, with a colour per vertex and a table of others."""
    polygons = [[int(word) - 1 for word in line.split()[1:]] for line in QUADS.decode().splitlines()[9:]]
    faces = [*polygons[1:], polygons[0][:3], [polygons[0][0], *polygons[0][2:]]] if mixed else CUBE.faces.tolist()
    corners = [[float(word) for word in line.split()[1:]] for line in QUADS.decode().splitlines()[1:9]]
    corners = corners if mixed else CUBE.vertices.tolist()
    header = [
        "ply", f"format {order} 1.0", "comment TextureFile /etc/passwd", "element note 2", "property short s",
        "element vertex 8", "property double x", "property double y", "property uchar red", "property double z",
        f"element face {len(faces)}", "property list uchar int vertex_indices", "end_header\n",
    ]  # fmt: skip
    if order == "ascii":
        rows = ["7", "8", *(f"{x} {y} 255 {z}" for x, y, z in corners)]
        rows += [" ".join(map(str, [len(face), *face])) for face in faces]
        return ("\n".join(header) + "\n".join(rows) + "\n").encode()
    end = "<" if "little" in order else ">"
    body = io.BytesIO()
    body.write(np.array([7, 8], dtype=f"{end}i2").tobytes())
    columns = np.dtype([("x", f"{end}f8"), ("y", f"{end}f8"), ("r", "u1"), ("z", f"{end}f8")])
    body.write(np.array([(x, y, 255, z) for x, y, z in corners], dtype=columns).tobytes())
    for face in faces:
        body.write(bytes([len(face)]) + np.array(face, dtype=f"{end}i4").tobytes())
    return "\n".join(header).encode() + body.getvalue()


def written(folder, content, name="part.stl"):
    path = folder / name
    path.write_bytes(content)
    return path


FORMATS = {
    "binary STL": ("part.stl", stl()),
    "binary STL that starts with solid": ("part.STL", b"solid" + stl()[5:]),
    "text STL": ("part.stl", text_stl()),
    "text STL of Windows": ("part.stl", text_stl().replace(b"\n", b"\r\n")),
    "text STL of the Mac": ("part.stl", text_stl().replace(b"\n", b"\r")),
    "text STL of two solids": ("part.stl", text_stl().replace(b"endfacet", b"endfacet\nendsolid a\nsolid vertex_b", 1)),
    "OBJ": ("part.obj", obj()),
    "OBJ of quads": ("part.obj", QUADS),
    "OBJ that counts backwards": ("part.obj", QUADS.replace(b"f 4 3 2 1\n", b"f -5 -6 -7 -8\nv 9 9 9\n")),
    "text PLY": ("part.ply", ply()),
    "little PLY": ("part.ply", ply("binary_little_endian")),
    "big PLY": ("part.ply", ply("binary_big_endian")),
    "mixed text PLY": ("part.ply", ply(mixed=True)),
    "PLY of trimesh": ("part.ply", CUBE.export(file_type="ply")),
}


@pytest.mark.parametrize("kind", FORMATS)
def test_a_cube_is_read_from_every_format(tmp_path, kind, monkeypatch):
    name, content = FORMATS[kind]
    path = written(tmp_path, content, name)
    opened = []
    really = os.open
    monkeypatch.setattr(os, "open", lambda *args, **kwargs: opened.append(args[0]) or really(*args, **kwargs))
    monkeypatch.setattr("builtins.open", lambda *args, **kwargs: opened.append(args[0]))
    vertices, faces = read_triangles(path)
    corners = vertices[faces]
    a, b, c = (corners[:, place] - corners[0, 0] for place in range(3))
    assert np.einsum("ni,ni->", a, np.cross(b, c)) / 6 == pytest.approx(1.0, rel=1e-6)
    assert len(faces) == 12
    assert opened == [path]


def test_a_solid_is_made_of_a_file_and_its_repr_is_the_call(tmp_path):
    path = written(tmp_path, stl())
    part = sp.Mesh(path, names=XYZ)
    assert part.measure == pytest.approx(1.0)
    assert repr(part) == f"Mesh(\"{path}\", names=('x', 'y', 'z'))"
    assert part == sp.Mesh(str(path), names=list(XYZ))


def declared(count, content):
    return content[:80] + int(count).to_bytes(4, "little") + content[84:]


def with_nan():
    content = bytearray(stl())
    content[84 + 12 : 84 + 16] = np.float32(np.nan).tobytes()
    return bytes(content)


STL_LIES = "\n  It is truncated, damaged or no STL file. "
DAMAGED = {
    "empty": (b"", "is empty (0 bytes). Perhaps a download or a copy failed; fetch the file again."),
    "short": (b"abc", f"is no STL file: it has 3 bytes; expected at least 84. {AGAIN}"),
    "no triangles": (declared(0, stl())[:84], f"holds 0 triangles; expected at least 4. {AGAIN}"),
    "truncated": (
        stl()[:-7],
        f"declares 12 triangles, which take 684 bytes; it has 677 bytes, room for 11.{STL_LIES}{AGAIN}",
    ),
    "longer": (
        stl() + b"x",
        f"declares 12 triangles, which take 684 bytes; it has 685 bytes, room for 12.{STL_LIES}{AGAIN}",
    ),
    "lying count": (
        declared(10**9, stl()),
        f"declares 1000000000 triangles, which take 50000000084 bytes; it has 684 bytes, room for 12.{STL_LIES}{AGAIN}",
    ),
    "binary that says text": (
        b"solid" + declared(13, stl())[5:],
        "declares 13 triangles, which take 734 bytes; it has 684 bytes, room for 12.\n  It starts with the word solid "
        f"as text does, but holds no text facets.\n  It is truncated, damaged or no STL file. {AGAIN}",
    ),
    "truncated text": (text_stl()[:-30], f"is a text STL that does not end with endsolid; it is truncated. {AGAIN}"),
    "text without a vertex": (
        text_stl().replace(b"vertex", b"corner", 1),
        "is a text STL with 12 facets, 12 of them closed, and 35 readable of 35 vertices; expected 3 vertices per "
        f"facet. {AGAIN}",
    ),
    "text with a word": (
        b"solid\nfacet normal 0 0 0\nouter loop\n" + b"vertex 0 1 one\n" * 3 + b"endloop\nendfacet\nendsolid\n",
        "is damaged, or no STL that trimesh reads (ValueError: string or file could not be read to its end due to "
        f"unmatched data). {TRIANGLES}",
    ),
    "not finite": (with_nan(), None),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_stl_is_refused(tmp_path, kind):
    content, message = DAMAGED[kind]
    path = written(tmp_path, content)
    if message is None:
        with pytest.raises(sp.DataError, match=r"part.stl\": 1 vertices are not finite, first vertex 0: \(nan, .*\)"):
            sp.Mesh(path, names=XYZ)
        return
    with refused(sp.DataError, f'mesh "{path}" {message}'):
        sp.Mesh(path, names=XYZ)


OTHERS = {
    "obj without numbers": (
        "a.obj",
        b"v 0 0\n",
        f": line 1 is 'v 0 0'; expected three coordinates, or three or more vertices. {AGAIN}",
    ),
    "obj of an edge": (
        "a.obj",
        b"v 0 0 0\nf 1 1\n",
        f": line 2 is 'f 1 1'; expected three coordinates, or three or more vertices. {AGAIN}",
    ),
    "obj that counts from 0": (
        "a.obj",
        b"v 0 0 0\nf 0 1 1\n",
        f": line 2 is 'f 0 1 1'; expected three coordinates, or three or more vertices. {AGAIN}",
    ),
    "obj with a vertex too many": (
        "a.obj",
        b"v 0 0 0\nf 1 1 2\n",
        " is damaged, or no OBJ that trimesh reads (IndexError: index 1 is out of bounds for axis 0 with size 1). "
        f"{TRIANGLES}",
    ),
    "obj of nothing": ("a.obj", b"# nothing\n", f" holds 0 triangles; expected at least 4. {AGAIN}"),
    "ply without an end": (
        "a.ply",
        b"ply\nformat ascii 1.0\n",
        f" is no PLY file, or its header is damaged: it starts with b'ply\\nformat a'. {AGAIN}",
    ),
    "ply with a lying count": (
        "a.ply",
        ply().replace(b"vertex 8", b"vertex 999999999"),
        None,
    ),
    "truncated ply": (
        "a.ply",
        ply("binary_little_endian")[:-3],
        f" is damaged, or no PLY that trimesh reads (ValueError: PLY is unexpected length!). {TRIANGLES}",
    ),
    "ply of an unknown type": (
        "a.ply",
        ply().replace(b"double", b"quadruple"),
        f" is damaged, or no PLY that trimesh reads (KeyError: 'quadruple'). {TRIANGLES}",
    ),
    "ply without coordinates": (
        "a.ply",
        ply().replace(b"double x", b"double a"),
        f" is damaged, or no PLY that trimesh reads (KeyError: 'x'). {TRIANGLES}",
    ),
    "ply without a vertex table": (
        "a.ply",
        ply().replace(b"element vertex", b"element corner"),
        f" declares 2 of 'note', 8 of 'corner', 12 of 'face'; expected one 'vertex' and one 'face'. {AGAIN}",
    ),
    "ply with a word": (
        "a.ply",
        ply().replace(b" 255 ", b" white ", 1),
        " is damaged, or no PLY that trimesh reads (",
    ),
    "ply without a line": (
        "a.ply",
        ply().rstrip().rpartition(b"\n")[0],
        " declares 2 of 'note', 8 of 'vertex', 12 of 'face', but 21 lines of text follow its header. ",
    ),
    "ply with an edge among its faces": (
        "a.ply",
        ply(mixed=True).replace(b"\n3 3 2 1\n", b"\n2 3 2\n"),
        " is not closed: 3 of 18 edges are open, the first from ",
    ),
    "binary ply of triangles and quads": (
        "a.ply",
        ply("binary_little_endian", mixed=True),
        f" is damaged, or no PLY that trimesh reads (ValueError: PLY is unexpected length!). {TRIANGLES}",
    ),
    "another format": (
        "a.step",
        b"ISO-10303-21;",
        " ends in '.step'; expected .stl, .obj or .ply. Export the mesh in one of these formats.",
    ),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_another_damaged_file_is_refused(tmp_path, kind):
    name, content, message = OTHERS[kind]
    path = written(tmp_path, content, name)
    with pytest.raises(sp.DataError) as caught:
        sp.Mesh(path, names=XYZ)
    expected = message or " declares 2 of 'note', 999999999 of 'vertex', 12 of 'face', but "
    assert str(caught.value).startswith(f'mesh "{path}"{expected}')


def test_what_is_no_ordinary_file_is_refused(tmp_path):
    (tmp_path / "folder.stl").mkdir()
    os.mkfifo(tmp_path / "pipe.stl")
    for name in ("folder.stl", "pipe.stl"):
        with pytest.raises(sp.DataError, match=f'{name}" (is no ordinary file|cannot be read: Is a directory)'):
            sp.Mesh(tmp_path / name, names=XYZ)
    with refused(
        sp.DataError,
        f'mesh "{tmp_path / "none.stl"}" cannot be read: No such file or directory. '
        "Expected a file; check the path and the right to read it.",
    ):
        sp.Mesh(tmp_path / "none.stl", names=XYZ)
    with pytest.raises(sp.DataError, match=r"cannot be read: embedded null byte"):
        sp.Mesh("a\0.stl", names=XYZ)
    with refused(sp.DataError, 'Mesh: got a int; expected a path, as in Mesh("part.stl", names=("x", "y", "z")).'):
        sp.Mesh(3, names=XYZ)


def test_a_file_that_is_too_large_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("sirenpde.regions.mesh_file.MAXIMUM_BYTES", 100)
    path = written(tmp_path, stl())
    with refused(sp.DataError, f'mesh "{path}" has 684 bytes; the limit is 100. Simplify the mesh first.'):
        sp.Mesh(path, names=XYZ)


@pytest.mark.parametrize(("name", "content", "rows"), [("a.obj", QUADS, 14), ("a.ply", ply(), 22)])
def test_too_many_rows_are_refused(tmp_path, monkeypatch, name, content, rows):
    monkeypatch.setattr("sirenpde.regions.mesh_file.MAXIMUM_ROWS", 13)
    path = written(tmp_path, content, name)
    message = f'mesh "{path}" holds {rows} vertices, faces and other rows; the limit is 13. Simplify the mesh first.'
    with refused(sp.DataError, message):
        sp.Mesh(path, names=XYZ)


def test_too_many_triangles_are_refused(monkeypatch):
    monkeypatch.setattr("sirenpde.regions.mesh_file.MAXIMUM_TRIANGLES", 11)
    with refused(sp.DataError, "Mesh.from_arrays holds 12 triangles; the limit is 11. Simplify the mesh first."):
        made(CUBE.vertices, CUBE.faces)


# ----------------------------------------------------------------------------------------------------------- surfaces


def test_a_surface_that_is_not_closed_is_refused():
    message = (
        "Mesh.from_arrays is not closed: 3 of 18 edges are open, the first from (-0.5, -0.5, -0.5) to "
        "(-0.5, -0.5, 0.5).\n  Usual cause: a missing triangle. Fill the holes in the program that made the mesh."
    )
    with refused(sp.DataError, message):
        made(CUBE.vertices, CUBE.faces[1:])


def test_a_surface_that_is_inside_out_is_turned_with_a_warning():
    with pytest.warns(sp.SirenPDEWarning, match=r"is inside out: .* all 12 were turned outwards"):
        cube = made(CUBE.vertices, CUBE.faces[:, ::-1])
    assert cube.measure == pytest.approx(1.0)
    sample = cube.boundary.draw(50, torch.Generator().manual_seed(0))
    assert ((sample.points * sample.normal).sum(1) > 0.49).all()


def test_single_triangles_that_are_turned_are_turned_back_with_a_warning():
    faces = CUBE.faces.copy()
    faces[[3, 7]] = faces[[3, 7], ::-1]
    with pytest.warns(sp.SirenPDEWarning, match="triangles turned opposite ways; 2 of 12 were turned"):
        cube = made(CUBE.vertices, faces)
    assert cube.measure == pytest.approx(1.0)


def test_triangles_without_area_are_dropped_with_a_warning():
    faces = np.concatenate([CUBE.faces, [(0, 0, 1), (2, 2, 2)]])
    with pytest.warns(sp.SirenPDEWarning, match="holds 2 triangles without area, of 14; they were dropped"):
        cube = made(CUBE.vertices, faces)
    assert len(cube.surface.corners) == 12


def test_several_bodies_are_one_solid_with_a_warning():
    vertices = np.concatenate([CUBE.vertices, CUBE.vertices + np.array([3, 0, 0])])
    with pytest.warns(sp.SirenPDEWarning, match="consists of 2 separate surfaces; they are taken together as one"):
        two = made(vertices, np.concatenate([CUBE.faces, CUBE.faces + 8]))
    assert two.measure == pytest.approx(2.0)
    assert two.contains([[0, 0, 0], [1.5, 0, 0], [3, 0, 0]]).tolist() == [True, False, True]


@pytest.mark.filterwarnings("ignore:.*separate surfaces:sirenpde.errors.SirenPDEWarning")
def test_bodies_that_lie_in_each_other_are_refused():
    with pytest.raises(sp.DataError, match=r"no simple solid: .* winds 2 times .* and 1 times .* expected 1 and 0"):
        made(*hollow(turned=False))


def test_a_flat_mesh_is_refused():
    message = (
        "Mesh.from_arrays encloses no volume: its triangles lie on each other or in a plane. Give a mesh of a solid."
    )
    with refused(sp.DataError, message):
        made([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [(0, 1, 2), (2, 1, 0)])


def test_a_solid_too_thin_to_be_drawn_from_is_refused_when_drawn():
    sheet = made(CUBE.vertices * [1, 1, 3e-6], CUBE.faces)
    with pytest.raises(sp.RegionError, match="a mesh too thin to draw points from"):
        sheet.sample(3)
    assert sheet.boundary.contains(sheet.boundary.sample(100)).all()


@pytest.mark.parametrize(
    ("vertices", "faces", "message"),
    [
        (np.zeros((3, 2)), [(0, 1, 2)], "has vertices of shape (3, 2) and type float64; expected numbers (v, 3)."),
        (np.zeros((3, 3)), [(0.0, 1, 2)], "has triangles of shape (1, 3) and type float64; expected integers (m, 3)."),
        (np.zeros((3, 3)), [], f"holds 0 triangles; expected at least 4. {AGAIN}"),
        (np.zeros((3, 3)), [(0, 1, 2)], "has the extent 0, from which a float64 makes no volume. Choose other units of "
         "length."),
    ],
)  # fmt: skip
def test_arrays_that_are_no_triangles_are_refused(vertices, faces, message):
    with refused(sp.DataError, f"Mesh.from_arrays {message}"):
        made(vertices, faces)


@pytest.mark.parametrize("names", ["xyz", ("x", "y"), None])
def test_other_than_three_names_are_refused(names):
    message = f'Mesh got names={names!r}; expected the names of three coordinates, as in names=("x", "y", "z").'
    with refused(sp.RegionError, message):
        sp.Mesh("part.stl", names=names)


@pytest.mark.parametrize(("module", "package"), [("embreex.rtcore_scene", "embreex"), ("trimesh", "trimesh")])
def test_without_the_extra_the_message_names_it(monkeypatch, module, package, tmp_path):
    monkeypatch.setitem(sys.modules, module, None)
    message = f'Mesh needs {package}, which is not installed. Write: pip install "sirenpde[meshes]"'
    with refused(sp.MissingExtraError, message):
        made(CUBE.vertices, CUBE.faces)
    with refused(sp.MissingExtraError, message):
        sp.Mesh(written(tmp_path, stl()), names=XYZ)


@pytest.mark.parametrize("kind", ["binary STL", "text STL", "OBJ of quads", "mixed text PLY", "little PLY"])
def test_only_data_errors_leave_the_reader_whatever_the_bytes(tmp_path, kind):
    name, content = FORMATS[kind]
    rng = np.random.default_rng(7)
    for _ in range(100):
        damaged = bytearray(content)
        for place in rng.integers(len(damaged), size=rng.integers(1, 4)):
            damaged[place] = rng.integers(256)
        path = written(tmp_path, bytes(damaged[: rng.integers(len(damaged) // 2, len(damaged) + 1)]), name)
        try:
            read_triangles(path)
        except sp.DataError as error:
            assert str(error).startswith(f'mesh "{path}"')  # noqa: PT017 - whether one is raised is up to the bytes
