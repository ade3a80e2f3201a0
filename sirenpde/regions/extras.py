"""Import what is installed only with an extra, when it is first used."""

from __future__ import annotations

import importlib
from types import ModuleType

from sirenpde.errors import MissingExtraError


def require_extra(module: str, extra: str, user: str) -> ModuleType:
    """Return an optional dependency.

    Args:
        module: Its dotted name.
        extra: The extra of this package that installs it.
        user: The public name that needs it.

    Raises:
        MissingExtraError: If it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        msg = f'{user} needs {package}, which is not installed. Write: pip install "sirenpde[{extra}]"'
        raise MissingExtraError(msg) from error
