import re
from pathlib import Path

import pytest

from sirenpde.errors import ResourceError
from sirenpde.library import definitions, problem_folder, shipped


def make(root: Path, *files: str) -> Path:
    for name in files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root / "sirenpde"


def test_in_a_wheel_the_problems_lie_inside_the_package(tmp_path):
    package = make(tmp_path, "sirenpde/shipped/waves.py", "problems/someone_elses.py")
    assert problem_folder(package) == package / "shipped"


def test_in_the_repository_they_are_the_folder_problems(tmp_path):
    package = make(tmp_path, "sirenpde/errors.py", "problems/waves.py", "pyproject.toml")
    assert problem_folder(package) == tmp_path / "problems"


def test_a_folder_problems_that_is_not_ours_is_not_taken(tmp_path):
    package = make(tmp_path, "sirenpde/errors.py", "problems/someone_elses.py")
    expected = (
        f"the shipped problems are missing: neither {package / 'shipped'} nor {tmp_path / 'problems'} is there.\n"
        "  Usual cause: a part of the package was moved or copied without the rest.\n"
        "  Install sirenpde again, or give the path of a problem file."
    )
    with pytest.raises(ResourceError, match=f"^{re.escape(expected)}$"):
        problem_folder(package)


def test_problems_are_sorted_and_helpers_left_out(tmp_path):
    make(tmp_path, "b.py", "a.py", "_helper.py", "notes.md", "folder/c.py")
    assert list(shipped(tmp_path).items()) == [("a", tmp_path / "a.py"), ("b", tmp_path / "b.py")]


def test_this_installation_has_its_problems():
    assert "poisson_from_gradients" in shipped()


def test_a_problem_file_is_run_but_not_its_main_block(tmp_path):
    file = tmp_path / "waves.py"
    file.write_text(
        "SPEED = 2\ndef build():\n    return SPEED\nif __name__ == '__main__':\n    1 / 0\n", encoding="utf-8"
    )
    found = definitions(file)
    assert found["build"]() == 2
    assert found["SPEED"] == 2
