"""Imports point strictly down the rooms, those inside functions included, and inside a room there is no cycle.

``ROOMS`` is the one list of the order; the docs print the same one (design, the house).
"""

import ast
import graphlib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOMS = [
    "errors.py",
    "fields",
    "regions",
    "statement",
    "training",
    "solution",
    "solve.py",
    "march.py",
    "summary.py",
    "library.py",
    "tables.py",
    "cli.py",
    "__main__.py",
]
PACKAGE = Path(__file__).resolve().parents[1] / "sirenpde"


def file_of(module: str, package: Path) -> Path | None:
    """The source file of a module by its dotted name, or None if there is none."""
    path = package.parent.joinpath(*module.split("."))
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            return file
    return None


def modules_named(node: ast.AST, file: Path, package: Path) -> Iterator[str]:
    """The dotted names that one statement or call imports; `from m import n` is m.n if that is a module, else m."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        source = node.module or ""
        if node.level:
            folder = file.parents[node.level - 1]
            source = ".".join([*folder.relative_to(package.parent).parts, *filter(None, [node.module])])
        for alias in node.names:
            full = f"{source}.{alias.name}"
            yield full if file_of(full, package) else source
    elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
        yield from (arg.value for arg in node.args[:1] if isinstance(arg, ast.Constant) and isinstance(arg.value, str))


def imports_of(file: Path, package: Path) -> dict[Path, int]:
    """The files of the package that one file imports, each with the line that does it."""
    found: dict[Path, int] = {}
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        for module in modules_named(node, file, package):
            target = file_of(module, package)
            if module.split(".")[0] == package.name and target is not None:
                found.setdefault(target, node.lineno)
    return found


def room_of(file: Path, package: Path) -> str:
    return file.relative_to(package).parts[0]


def violations(package: Path) -> list[str]:
    """Every rule that an import of the package breaks, one sentence each."""
    front = package / "__init__.py"  # gathers the public names: it may import anything, and nothing imports it
    files = [file for file in sorted(package.rglob("*.py")) if file != front]
    found = [
        f"{file.relative_to(package)} is in no room; ROOMS in tests/test_layers.py lists them"
        for file in files
        if room_of(file, package) not in ROOMS
    ]
    if found:
        return found
    inside: dict[Path, list[Path]] = {file: [] for file in files}
    for file in files:
        room = room_of(file, package)
        for target, line in imports_of(file, package).items():
            where = f"{file.relative_to(package)}:{line} imports {target.relative_to(package)}"
            if target == front:
                found.append(f"{where}: import the name from its own module, the package stands above every room")
            elif room_of(target, package) == room:
                inside[file].append(target)
            elif ROOMS.index(room_of(target, package)) > ROOMS.index(room):
                found.append(f"{where}: upwards, {room} stands below {room_of(target, package)}")
    try:
        graphlib.TopologicalSorter(inside).prepare()
    except graphlib.CycleError as error:
        found.append("a cycle inside a room: " + " -> ".join(str(f.relative_to(package)) for f in error.args[1][::-1]))
    return found


def test_imports_point_strictly_down_and_never_in_a_circle():
    assert violations(PACKAGE) == []


def test_the_package_has_files_in_its_rooms():
    assert file_of("sirenpde.errors", PACKAGE) == PACKAGE / "errors.py"
    assert len(list(PACKAGE.rglob("*.py"))) > len(ROOMS)


def make_tree(folder: Path, files: dict[str, str]) -> Path:
    package = folder / "house"
    for name in ("__init__.py", "errors.py", "fields/__init__.py", "fields/siren.py", "solve.py"):
        files = {name: "", **files}
    for name, text in files.items():
        file = package / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return package


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({"solve.py": "import house.fields.siren\nfrom house import errors"}, id="down"),
        pytest.param({"fields/siren.py": "from .. import errors\nfrom ..errors import X\nimport torch"}, id="relative"),
        pytest.param({"fields/__init__.py": "from . import siren"}, id="a room's own names"),
        pytest.param({"__init__.py": "from house.solve import solve\nfrom house import cli"}, id="the package"),
        pytest.param({"fields/a.py": "from . import siren", "fields/b.py": "from . import a, siren"}, id="inside"),
    ],
)
def test_a_sound_tree_passes(tmp_path, files):
    assert violations(make_tree(tmp_path, files)) == []


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param(
            {"errors.py": "import house.solve"},
            "errors.py:1 imports solve.py: upwards, errors.py stands below solve.py",
            id="up",
        ),
        pytest.param(
            {"fields/siren.py": "def f():\n    from house.solve import solve"},
            "fields/siren.py:2 imports solve.py: upwards, fields stands below solve.py",
            id="inside a function",
        ),
        pytest.param(
            {"fields/siren.py": "from ..solve import solve"},
            "fields/siren.py:1 imports solve.py: upwards, fields stands below solve.py",
            id="relative",
        ),
        pytest.param(
            {"fields/siren.py": "from .. import solve"},
            "fields/siren.py:1 imports solve.py: upwards, fields stands below solve.py",
            id="relative module",
        ),
        pytest.param(
            {"fields/siren.py": "if TYPE_CHECKING:\n    from house import solve"},
            "fields/siren.py:2 imports solve.py: upwards, fields stands below solve.py",
            id="for types only",
        ),
        pytest.param(
            {"errors.py": "import importlib\nimportlib.import_module('house.fields.siren')"},
            "errors.py:2 imports fields/siren.py: upwards, errors.py stands below fields",
            id="by its name as text",
        ),
        pytest.param(
            {"solve.py": "from house import Siren"},
            "solve.py:1 imports __init__.py: import the name from its own module, the package stands above every room",
            id="the package itself",
        ),
        pytest.param(
            {"fields/a.py": "from . import b", "fields/b.py": "def f():\n    from house.fields.a import g"},
            "a cycle inside a room: ",
            id="cycle of files",
        ),
        pytest.param(
            {"fields/__init__.py": "from .siren import Siren", "fields/siren.py": "from house.fields import Siren"},
            "a cycle inside a room: ",
            id="cycle through the room",
        ),
        pytest.param({"fields/siren.py": "import house.fields.siren"}, "a cycle inside a room: ", id="itself"),
        pytest.param(
            {"attic.py": ""}, "attic.py is in no room; ROOMS in tests/test_layers.py lists them", id="no room"
        ),
    ],
)
def test_a_broken_tree_is_caught(tmp_path, files, expected):
    found = violations(make_tree(tmp_path, files))
    assert len(found) == 1
    assert found[0].startswith(expected)
