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
from .march import march
from .regions.ball import Ball
from .regions.box import Box
from .regions.grid import Grid
from .regions.mesh import Mesh
from .regions.points import Points
from .regions.polygon import Polygon
from .regions.region import Region
from .solution.solution import Solution, load
from .solve import solve
from .statement.constraint import Constraint, IntegralConstraint
from .statement.problem import Problem
from .statement.raster import Raster
from .statement.symbolic.notation import component, normal
from .statement.unknown import Unknown
from .statement.waveform import Waveform
from .training.adam import Adam
from .training.causal import Causal
from .training.correction import Correction
from .training.gauss_newton import GaussNewton
from .training.lbfgs import LBFGS
from .training.muon import Muon
from .training.refinement import AdaptivePoints
from .training.ssbroyden import SSBroyden
from .training.status import Status

__version__: str

__all__ = [
    "LBFGS",
    "Adam",
    "AdaptivePoints",
    "Ball",
    "Box",
    "Causal",
    "Constraint",
    "Correction",
    "DataError",
    "ExpressionError",
    "FileError",
    "GaussNewton",
    "Grid",
    "IntegralConstraint",
    "Mesh",
    "MissingExtraError",
    "Muon",
    "NumericalError",
    "Points",
    "Polygon",
    "Problem",
    "ProblemError",
    "Raster",
    "Region",
    "RegionError",
    "ResidualError",
    "ResourceError",
    "SSBroyden",
    "Siren",
    "SirenNetwork",
    "SirenPDEError",
    "SirenPDEWarning",
    "Solution",
    "Status",
    "TargetMissedError",
    "Unknown",
    "UnknownNameError",
    "UsageError",
    "Waveform",
    "component",
    "curl",
    "div",
    "dot",
    "grad",
    "hessian",
    "laplacian",
    "load",
    "march",
    "norm",
    "normal",
    "partial",
    "solve",
]
