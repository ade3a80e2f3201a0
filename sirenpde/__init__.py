"""Physics-informed solution of partial differential equations with sinusoidal networks.

State what a field must satisfy, ``solve`` it, and evaluate, differentiate, plot and save the solution.
"""

import importlib.metadata as _metadata

from sirenpde.errors import (
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
from sirenpde.fields.operators import curl, div, dot, grad, hessian, laplacian, norm, partial
from sirenpde.fields.siren import Siren, SirenNetwork
from sirenpde.regions.box import Box
from sirenpde.regions.grid import Grid
from sirenpde.regions.points import Points
from sirenpde.regions.region import Region
from sirenpde.solution.solution import Solution, load
from sirenpde.solve import solve
from sirenpde.statement.constraint import Constraint
from sirenpde.statement.problem import Problem
from sirenpde.statement.raster import Raster
from sirenpde.statement.waveform import Waveform
from sirenpde.training.adam import Adam
from sirenpde.training.muon import Muon
from sirenpde.training.status import Status

try:
    __version__ = _metadata.version("sirenpde")
except _metadata.PackageNotFoundError:  # a source tree that was never installed
    __version__ = "unknown"

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
