"""Physics-informed solution of partial differential equations with sinusoidal networks.

State what a field must satisfy, ``solve`` it, and evaluate, differentiate, plot and save the solution.

The names, listed in ``__init__.pyi``, are imported when they are first used: torch takes seconds to import, and
``sirenpde --help`` has no use for it.
"""

import importlib.metadata as _metadata

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)

try:
    __version__ = _metadata.version("sirenpde")
except _metadata.PackageNotFoundError:  # a source tree that was never installed
    __version__ = "unknown"
