"""A solution: the fields, how they were found, how far they can be trusted; saved to one file and read back."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import nn

from sirenpde.errors import FileError, UnknownNameError, UsageError, suggestion
from sirenpde.fields.ansatz import Ansatz
from sirenpde.fields.layout import Layout
from sirenpde.solution import atomic, hdf5
from sirenpde.solution.archive import Archive
from sirenpde.solution.evaluate import FieldFunction
from sirenpde.solution.gridded import Gridded, evaluate_on_grid, field_function
from sirenpde.solution.rebuild import rebuilt
from sirenpde.statement.problem import Problem
from sirenpde.training.status import History, Status

if TYPE_CHECKING:
    from matplotlib.figure import Figure


#: Suffixes of other formats: first those that ``sirenpde export`` writes.
_EXPORTED = (".npz", ".csv", ".wav")
_FOREIGN = (*_EXPORTED, ".npy", ".png", ".pdf", ".json", ".pt", ".pkl")


@dataclass(frozen=True, eq=False)
class Solution:
    """What ``solve`` returns and ``load`` reads back.

    A field is an attribute: ``solution.u(points)`` with points ``(n, d)`` gives ``(n,)``, ``solution.u(x=…, t=…)``
    broadcasts; ``solution.u.grad``, ``.laplacian``, ``.hessian`` and ``.partial("x", "t")`` are functions of the same.

    Attributes:
        name: The problem's name.
        layout: Fields and coordinates.
        ansatz: What was trained: the network, the hard conditions, the unknown numbers.
        status: How the run ended; ``status.message`` says what to do.
        history: The record of the steps.
        score: Measured errors and residuals, by name; decibels for PSNR and SNR.
        settings: What the run was made with, as plain numbers and text.
        provenance: Versions and device.
        problem: The statement; None for a solution read from a file.
    """

    name: str
    layout: Layout
    ansatz: Ansatz
    status: Status
    history: History
    score: dict[str, float]
    settings: dict[str, Any]
    provenance: dict[str, str]
    problem: Problem | None = None
    stored: Gridded | None = field(default=None, repr=False)

    def __repr__(self) -> str:
        """Return the name, the fields and the status."""
        errors = ", ".join(f"{name}={self.score[name]:.3g}" for name in self.score if name.endswith("_relative_l2"))
        spent = f"{len(self.history)} steps in {self.history.seconds[-1]:.3g} s" if len(self.history) else "no steps"
        return f"Solution({self.name!r}, {self.status.value}, {spent}{', ' + errors if errors else ''})"

    def __getattr__(self, name: str) -> FieldFunction:
        """Return the field of that name as a function of points."""
        layout = self.__dict__.get("layout")
        if layout is None or name.startswith("__"):
            raise AttributeError(name)
        if name not in layout.fields:
            own = [each for each in (*self.__dataclass_fields__, *dir(type(self))) if not each.startswith("_")]
            near = suggestion(name, [*layout.fields, *own], "solution.")
            if name in self.unknowns:
                near = f'\n  {name} is an unknown number: write solution.unknowns["{name}"].'
            msg = f"solution.{name}: the fields are {', '.join(layout.fields)}.{near}"
            raise UnknownNameError(msg)
        return field_function(self.ansatz, layout, name)

    @property
    def network(self) -> nn.Module:
        """The torch module behind it: coordinates ``(n, d)`` in the user's units → raw fields, before ``hard``."""
        return self.ansatz.network

    @property
    def coordinates(self) -> tuple[str, ...]:
        """The coordinates, in the order of the columns of points."""
        return self.layout.coordinates

    @property
    def unknowns(self) -> dict[str, float]:
        """The unknown numbers that were solved for."""
        return self.ansatz.unknowns.numbers()

    @cached_property
    def gridded(self) -> Gridded:
        """The fields on a regular grid, with reference and error where the problem has an exact solution."""
        if self.stored is not None:
            return self.stored
        if self.problem is None:
            return Gridded()
        return evaluate_on_grid(self.problem, self.ansatz, derivatives=self.settings.get("kind") == "picture")

    def archive(self) -> Archive:
        """Return what a file keeps of this solution."""
        trailing = {name: self.layout.trailing(name) for name in self.layout.fields}
        state = self.network.state_dict()
        return Archive(
            problem=self.name,
            coordinates=self.coordinates,
            fields=trailing,
            title=self.name.replace("_", " "),
            status=self.status.value,
            axes=self.gridded.axes,
            values=self.gridded.values,
            inside=self.gridded.inside,
            history=self.history.arrays(),
            weights={name: tensor.detach().cpu().numpy() for name, tensor in state.items()},
            settings=self.settings,
            provenance=self.provenance,
            verification=self.score,
            unknowns=self.unknowns,
            parameters={name: np.array(pair) for name, pair in self.ansatz.unknowns.kept().items()},
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save to one HDF5 file, which ``load``, ParaView and xarray open.

        A crash or a full disk leaves the old file or the new one.

        Raises:
            UsageError: If the path cannot be written, or its suffix is that of another format.
            ResourceError: If there is no room.
        """
        hdf5.write(_require_suffix(path), self.archive())

    def plot(self) -> dict[str, Figure]:
        """Return pictures of the solution: name → matplotlib figure, to be saved or shown."""
        from sirenpde.solution.figures import figures  # matplotlib takes a second to import

        return figures(self.archive())


def _require_suffix(path: str | os.PathLike[str]) -> str:
    """Return a path as text; refuse one whose suffix promises another format than HDF5."""
    name = atomic.path_text(path)
    suffix = os.path.splitext(name)[1].lower()
    if suffix in _FOREIGN:
        own = name[: -len(suffix)] + ".h5"
        msg = (
            f'cannot save a solution as "{name}": {suffix} is the suffix of another format, and a solution is one HDF5 '
            f'file.\n  Write save("{own}").'
        )
        if suffix in _EXPORTED:
            msg += f' For {suffix}, run then: sirenpde export "{own}" --out "{name}".'
        raise UsageError(msg)
    return name


def load(path: str | os.PathLike[str], problem: Problem | None = None) -> Solution:
    """Read a solution that ``Solution.save`` wrote; nothing in the file is executed.

    Its fields evaluate to the same bits as before, on the same kind of device.

    Args:
        path: The file.
        problem: The statement, which is needed where a hard condition is a Python function: files keep none.

    Raises:
        FileError: If the file is missing, damaged, foreign or hostile, holds a network that cannot be rebuilt, or
            belongs to another problem than the one given.
    """
    return from_archive(hdf5.read(path), os.fsdecode(path), problem)


def from_archive(archive: Archive, source: str, problem: Problem | None = None) -> Solution:
    """Return the solution that an archive keeps."""
    fields = {name: (shape[0] if shape else None) for name, shape in archive.fields.items()}
    layout = Layout(fields, archive.coordinates)
    try:
        status = Status(archive.status)
    except ValueError as error:
        msg = f"{source}: status {archive.status!r} is none of {', '.join(Status)}."
        raise FileError(msg) from error
    if archive.history and not {"loss", "seconds"} <= set(archive.history):
        msg = f"{source}: the history has {', '.join(archive.history)}; expected loss and seconds among them."
        raise FileError(msg)
    history = History.from_arrays(archive.history) if archive.history else History(())
    return Solution(
        name=archive.problem,
        layout=layout,
        ansatz=rebuilt(archive, layout, source, problem),
        status=status,
        history=history,
        score=dict(archive.verification),
        settings=dict(archive.settings),
        provenance=dict(archive.provenance),
        stored=Gridded(archive.axes, archive.values, archive.inside),
        problem=problem,
    )
