"""The shipped problems: where their files lie, and by which name each is found.

In the repository, and so in an editable install, they are the top-level folder ``problems/``; in a wheel the same files
are ``sirenpde/shipped/``. A file whose name begins with an underscore is no problem.

This is the only module that runs a problem file, and a problem file is a program: read it before you run it.
"""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

from sirenpde.errors import ResourceError

_PACKAGE = Path(__file__).resolve().parent


def problem_folder(package: Path = _PACKAGE) -> Path:
    """Return the folder that holds the shipped problems, one Python file each.

    Args:
        package: The folder of the package; another one only in tests.

    Raises:
        ResourceError: If the installation lost them.

    Example:
        >>> problem_folder().is_dir()
        True
    """
    installed = package / "shipped"
    if installed.is_dir():
        return installed
    root = package.parent
    # Beside an installed package, a folder `problems` could be anyone's: it is ours only next to our pyproject.toml.
    if (root / "pyproject.toml").is_file() and (root / "problems").is_dir():
        return root / "problems"
    message = (
        f"the shipped problems are missing: neither {installed} nor {root / 'problems'} is there.\n"
        "  Usual cause: a part of the package was moved or copied without the rest.\n"
        "  Install sirenpde again, or give the path of a problem file."
    )
    raise ResourceError(message)


def shipped(folder: Path | None = None) -> dict[str, Path]:
    """Return the shipped problems, name to file, sorted by name.

    Args:
        folder: Where to look; ``problem_folder()`` if left out.

    Example:
        >>> all(file.stem == name for name, file in shipped().items())
        True
    """
    files = (problem_folder() if folder is None else folder).glob("*.py")
    return {file.stem: file for file in sorted(files) if not file.name.startswith("_")}


def definitions(file: Path) -> dict[str, Any]:
    """Run a problem file and return what it defines: ``build``, ``RECIPE``, and the rest of its names.

    Its block below ``if __name__ == "__main__"`` does not run.

    Args:
        file: A Python file, shipped or the user's own.

    Raises:
        Exception: Whatever the file itself raises.
    """
    return runpy.run_path(str(file), run_name="sirenpde_problem")
