"""The public names, and where each of them lives: read by type checkers, and by ``__init__.py`` at run time."""

from .errors import (
    DataError,
    ExpressionError,
    FileError,
    MissingExtraError,
    NumericalError,
    ProblemError,
    RegionError,
    ResidualError,
    ResourceError,
    SirenPDEError,
    SirenPDEWarning,
    TargetMissedError,
    UnknownNameError,
    UsageError,
)
from .fields.operators import curl, div, dot, grad, hessian, laplacian, norm, partial
from .fields.siren import Siren, SirenNetwork
from .regions.box import Box
from .regions.grid import Grid
from .regions.points import Points
from .regions.region import Region
from .solution.solution import Solution, load
from .solve import solve
from .statement.constraint import Constraint
from .statement.problem import Problem
from .statement.raster import Raster
from .statement.waveform import Waveform
from .training.adam import Adam
from .training.muon import Muon
from .training.status import Status

__version__: str

__all__ = [
    "Adam",
    "Box",
    "Constraint",
    "DataError",
    "ExpressionError",
    "FileError",
    "Grid",
    "MissingExtraError",
    "Muon",
    "NumericalError",
    "Points",
    "Problem",
    "ProblemError",
    "Raster",
    "Region",
    "RegionError",
    "ResidualError",
    "ResourceError",
    "Siren",
    "SirenNetwork",
    "SirenPDEError",
    "SirenPDEWarning",
    "Solution",
    "Status",
    "TargetMissedError",
    "UnknownNameError",
    "UsageError",
    "Waveform",
    "curl",
    "div",
    "dot",
    "grad",
    "hessian",
    "laplacian",
    "load",
    "norm",
    "partial",
    "solve",
]
