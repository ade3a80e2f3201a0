"""What the package exports, what it lists and what docs/reference.md describes are the same names."""

import ast
import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import sirenpde as sp

REFERENCE = Path(__file__).resolve().parents[1] / "docs" / "reference.md"
SPAN = re.compile(r"`(?:sp\.)?(?P<name>[A-Za-z_]\w*)(?:\([^`]*\))?`")  # `name`, `sp.name`, `sp.name(arguments)`


def undescribed(names: list[str], reference: str) -> set[str]:
    """The names that no code span of the reference is."""
    return set(names) - {match["name"] for match in SPAN.finditer(reference)}


def test_the_list_of_public_names_has_no_twins_and_is_sorted():
    assert sp.__all__ == sorted(set(sp.__all__))


def test_every_public_name_exists_and_is_listed():
    visible = {name for name in dir(sp) if name[0] != "_" and not isinstance(getattr(sp, name), ModuleType)}
    assert visible == {name for name in sp.__all__ if name[0] != "_"}
    assert all(hasattr(sp, name) for name in sp.__all__)


def test_every_public_name_is_described():
    assert undescribed(sp.__all__, REFERENCE.read_text(encoding="utf-8")) == set()


def test_every_name_that_is_described_exists():
    described = set(re.findall(r"`sp\.(\w+)", REFERENCE.read_text(encoding="utf-8")))
    assert {name for name in described if not hasattr(sp, name)} == set()


def test_a_missing_description_is_found():
    reference = "`sp.Box(x=(0, 1))`, `solve`, grad, `sp.Balls`"
    assert undescribed(["Box", "solve", "grad", "Ball"], reference) == {"grad", "Ball"}


def test_the_stub_lists_what_it_imports():
    tree = ast.parse(Path(sp.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    imported = {alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    listed = next(ast.literal_eval(node.value) for node in tree.body if isinstance(node, ast.Assign))
    assert sorted(listed) == sorted(imported) == sp.__all__


def test_the_version_is_that_of_the_installation():
    try:
        expected = importlib.metadata.version("sirenpde")
    except importlib.metadata.PackageNotFoundError:
        expected = "unknown"
    assert sp.__version__ == expected


def test_a_name_that_is_none_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nonsense"):
        _ = sp.nonsense


def fresh(source: str) -> None:
    """Run a program in a new process, where nothing was imported before."""
    root = Path(sp.__file__).parents[1]
    path = f"import sys; sys.path.insert(0, {str(root)!r})\n"
    ended = subprocess.run([sys.executable, "-c", path + source], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def test_importing_the_package_imports_no_torch():
    fresh("import sirenpde as sp\nsp.__all__, sp.__version__, dir(sp)\nassert 'torch' not in sys.modules")


@pytest.mark.parametrize(
    "lines",
    [
        ["import sirenpde as sp"],
        ["import sirenpde.solve", "import sirenpde as sp"],
        ["from sirenpde.solve import solve", "import sirenpde as sp"],
        ["import sirenpde.library", "import sirenpde.cli", "import sirenpde as sp", "sp.Problem"],
        ["import sirenpde as sp", "sp.solve", "import sirenpde.solve"],
        ["import sirenpde as sp", "import importlib", "importlib.import_module('sirenpde.solve')"],
        ["import sirenpde as sp", "import sirenpde.solve", "import importlib", "importlib.reload(sp)"],
        ["import sirenpde as sp", "from sirenpde import *", "assert solve is sp.solve", "assert Box is sp.Box"],
        [
            "from sirenpde import solve",
            "import sirenpde.solve as again",
            "assert again is solve",
            "import sirenpde as sp",
        ],
    ],
    ids=" ; ".join,
)
def test_solve_is_the_function_whatever_was_imported_first(lines):
    check = ["import inspect", "assert inspect.isfunction(sp.solve), sp.solve", "assert sp.solve.__name__ == 'solve'"]
    fresh("\n".join([*lines, *check, "assert inspect.ismodule(sys.modules['sirenpde.solve'])"]))
