"""A solution: the fields, how they were found, how far they can be trusted; saved to one file and read back."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from sirenpde.errors import FileError, SirenPDEError, UnknownNameError, UsageError, suggestion
from sirenpde.fields.layout import Layout
from sirenpde.fields.siren import Siren, SirenNetwork
from sirenpde.solution import hdf5
from sirenpde.solution.archive import Archive
from sirenpde.solution.evaluate import FieldFunction
from sirenpde.solution.gridded import Gridded, evaluate_on_grid, field_function
from sirenpde.statement.problem import Problem
from sirenpde.training.status import History, Status

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: The largest network that is built from a file: its numbers come from outside.
_LARGEST = {"width": 65536, "depth": 256, "omega": 1e12, "first_omega": 1e12}


@dataclass(frozen=True, eq=False)
class Solution:
    """What ``solve`` returns and ``load`` reads back.

    A field is an attribute: ``solution.u(points)`` with points ``(n, d)`` gives ``(n,)``, ``solution.u(x=…, t=…)``
    broadcasts; ``solution.u.grad``, ``.laplacian``, ``.hessian`` and ``.partial("x", "t")`` are functions of the same.

    Attributes:
        name: The problem's name.
        layout: Fields and coordinates.
        network: The torch module Φ: coordinates ``(n, d)`` in the user's units → raw fields.
        status: How the run ended; ``status.message`` says what to do.
        history: The record of the steps.
        score: Measured errors and residuals, by name; decibels for PSNR and SNR.
        settings: What the run was made with, as plain numbers and text.
        provenance: Versions and device.
        problem: The statement; None for a solution read from a file.
    """

    name: str
    layout: Layout
    network: nn.Module
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
            fields = ", ".join(layout.fields)
            msg = f"solution.{name}: the fields are {fields}.{suggestion(name, layout.fields, 'solution.')}"
            raise UnknownNameError(msg)
        return field_function(self.network, layout, name)

    @property
    def coordinates(self) -> tuple[str, ...]:
        """The coordinates, in the order of the columns of points."""
        return self.layout.coordinates

    @property
    def unknowns(self) -> dict[str, float]:
        """The unknown numbers that were solved for."""
        return {}

    @cached_property
    def gridded(self) -> Gridded:
        """The fields on a regular grid, with reference and error where the problem has an exact solution."""
        if self.stored is not None:
            return self.stored
        if self.problem is None:
            return Gridded()
        return evaluate_on_grid(self.problem, self.network, derivatives=self.settings.get("kind") == "picture")

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
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save to one HDF5 file, which ``load``, ParaView and xarray open.

        A crash or a full disk leaves the old file or the new one.

        Raises:
            UsageError: If the path cannot be written.
            ResourceError: If there is no room.
        """
        hdf5.write(path, self.archive())

    def plot(self) -> dict[str, Figure]:
        """Return pictures of the solution: name → matplotlib figure, to be saved or shown."""
        from sirenpde.solution.figures import figures  # matplotlib takes a second to import

        return figures(self.archive())


def load(path: str | os.PathLike[str]) -> Solution:
    """Read a solution that ``Solution.save`` wrote; nothing in the file is executed.

    Its fields evaluate to the same bits as before, on the same kind of device.

    Raises:
        FileError: If the file is missing, damaged, foreign or hostile, or holds a network that cannot be rebuilt.
    """
    return from_archive(hdf5.read(path), os.fsdecode(path))


def from_archive(archive: Archive, source: str) -> Solution:
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
        network=_rebuilt(archive, layout, source),
        status=status,
        history=history,
        score=dict(archive.verification),
        settings=dict(archive.settings),
        provenance=dict(archive.provenance),
        stored=Gridded(archive.axes, archive.values, archive.inside),
    )


def _rebuilt(archive: Archive, layout: Layout, source: str) -> SirenNetwork:
    """Build the network from checked numbers, and give it the weights of the file."""
    numbers = archive.settings.get("network")
    if not isinstance(numbers, dict) or set(numbers) != {"width", "depth", "omega", "first_omega"}:
        msg = (
            f"{source}: the file does not say how its network is built, as for a module of your own.\n"
            "  Its values on the grid can be read with h5py or xarray; to evaluate elsewhere, use the module that you "
            "gave to solve."
        )
        raise FileError(msg)
    for name, most in _LARGEST.items():
        kinds = int if isinstance(most, int) else (int, float)
        if isinstance(numbers[name], bool) or not isinstance(numbers[name], kinds) or not 0 < numbers[name] <= most:
            what = "an integer" if kinds is int else "a number"
            got = str(numbers[name])[:40]
            msg = f"{source}: the network has {name}={got}; expected {what} above 0, at most {most:g}."
            raise FileError(msg)
    weights = {name: torch.from_numpy(array.copy()) for name, array in archive.weights.items()}
    held = sum(array.nbytes for array in archive.weights.values())
    if 8 * numbers["depth"] * numbers["width"] ** 2 > 2 * held + 2**20:
        msg = f"{source}: the network declared, {numbers}, is larger than the weights in the file."
        raise FileError(msg)
    try:
        network = SirenNetwork(Siren(**numbers), len(layout.coordinates), layout.outputs)
        dtype = next(iter(weights.values())).dtype
        network.to(dtype).load_state_dict(weights)
    except (RuntimeError, StopIteration, TypeError, UsageError) as error:
        msg = f"{source}: the weights do not fit the network that the file declares: {_first_line(error)}"
        raise FileError(msg) from error
    if not all(torch.isfinite(tensor).all() for tensor in network.state_dict().values()) or (network.scale <= 0).any():
        msg = f"{source}: the network holds numbers that are not finite, or an interval without length."
        raise FileError(msg)
    return network


def _first_line(error: Exception) -> str:
    text = str(error) if isinstance(error, SirenPDEError) else str(error).split("\n", maxsplit=1)[0]
    return text or type(error).__name__
